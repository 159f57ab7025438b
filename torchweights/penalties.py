"""Penalties on parameters, as Keras's regularizers compute them: part of the total loss, never weighed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from torchweights.functional import at_least_float32
from torchweights.messages import shown
from torchweights.options import not_negative, takes


class ActivityPenalty:
    """What ``activity_l1`` and ``activity_l2`` return: the penalty of what the layer returned last, summed over the batch.

    ``CompiledLoss`` divides it by the batch size in rows whose release does.
    """

    def __init__(self, layer: nn.Module, factor: float, name: str, of: Callable[[Tensor], Tensor]) -> None:
        if not isinstance(layer, nn.Module):
            raise TypeError(
                f"layer expected a module, whose output is penalised; received {type(layer).__name__}. For parameters there are tw.l1 and tw.l2."
            )
        self.factor, self.name, self._of = _factor(factor), name, of
        self._seen: Tensor | None = None
        self._last: Tensor | None = None
        layer.register_forward_hook(self._see)

    def _see(self, layer: nn.Module, arguments: object, output: object) -> None:
        if not isinstance(output, Tensor):
            raise TypeError(
                f"layer expected to return one tensor, to be penalised; received {type(output).__name__} from {type(layer).__name__}. Penalise a "
                "module inside it, or an nn.Identity() that its output goes through."
            )
        self._seen = output

    def peek(self) -> Tensor:
        """Its value now, or the last one, without using up what the layer returned."""
        if self._seen is None and self._last is not None:
            return self._last
        seen = self._seen
        value = self()
        self._seen = seen
        return value.detach()

    def __call__(self) -> Tensor:
        if self._seen is None:
            raise ValueError(
                f"{self!r} expected its layer to be called before the loss; received no call since the last one. "
                "Call the model first, and the loss once for each call."
            )
        seen, self._seen = self._seen, None  # held no longer than the step, or its graph would outlive it
        value = self.factor * self._of(at_least_float32(seen)).sum()
        self._last = value.detach()
        return value

    def __repr__(self) -> str:
        return f"{self.name}({self.factor!r})"


class Penalty:
    """What ``l1`` and ``l2`` return: called without arguments, it is the penalty of the parameters as they are now."""

    def __init__(self, parameters: Iterable[Tensor], factor: float, name: str, of: Callable[[Tensor], Tensor]) -> None:
        self.parameters = _tensors(parameters)
        self.factor, self.name, self._of = _factor(factor), name, of

    def __call__(self) -> Tensor:
        return self.factor * torch.stack([self._of(at_least_float32(one)).sum() for one in self.parameters]).sum()

    def __repr__(self) -> str:
        return f"{self.name}({len(self.parameters)} parameters, {self.factor!r})"


def _tensors(parameters: object) -> list[Tensor]:
    """Parameters in a list. Raises TypeError for what holds none."""
    if isinstance(parameters, Tensor):
        return [parameters]
    found = list(parameters) if isinstance(parameters, Iterable) and not isinstance(parameters, Mapping) else []
    if not found or not all(isinstance(one, Tensor) for one in found):
        raise TypeError(
            f"parameters expected one tensor or more; received {type(parameters).__name__}. Write module.parameters(), or [module.weight]."
        )
    return found


def checked_penalties(penalties: object) -> list[Callable[[], Tensor]]:
    """Penalties in a list. Raises TypeError for what is no list of functions."""
    if callable(penalties):
        raise TypeError(
            f"penalties expected a list of functions; received a single one, {shown(penalties)}. Write penalties=[..]."
        )
    if penalties is not None and not isinstance(penalties, (list, tuple)):
        raise TypeError(
            f"penalties expected a list of functions; received {type(penalties).__name__} {shown(penalties)}. Write [tw.l2(model.parameters(), 0.01)]."
        )
    found = list(penalties or [])
    for one in found:
        if not callable(one):
            raise TypeError(
                f"penalties expected functions without arguments; received {type(one).__name__} {shown(one)}. Write lambda: tensor."
            )
        takes("penalties", one, ())
    return found


def checked_value(value: object) -> Tensor:
    """What a penalty returned. Raises TypeError for what is no tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"penalties expected to return one tensor each; received {type(value).__name__} {shown(value)}. Compute with torch, and return it."
        )
    return value


def _factor(factor: float) -> float:
    return not_negative("factor", factor)


def _square(parameter: Tensor) -> Tensor:
    return parameter * parameter


def l1(parameters: Iterable[Tensor], factor: float = 0.01) -> Penalty:
    """factor sum(|w|) over all parameters.

    Args:
        parameters: Those that the Keras model regularised: usually kernels, and no biases.
        factor: Keras's ``l1``.

    Source: ``regularizers.l1`` of every Keras.

    >>> l1([torch.tensor([1.0, -2.0])], 0.5)()
    tensor(1.5000)
    """
    return Penalty(parameters, factor, "l1", torch.abs)


def l2(parameters: Iterable[Tensor], factor: float = 0.01) -> Penalty:
    """factor sum(w^2) over all parameters: the gradient is 2 factor w, twice PyTorch's ``weight_decay``.

    Args:
        parameters: Those that the Keras model regularised: usually kernels, and no biases.
        factor: Keras's ``l2``.

    Source: ``regularizers.l2`` of every Keras.

    >>> l2([torch.tensor([1.0, -2.0])], 0.5)()
    tensor(2.5000)
    """
    return Penalty(parameters, factor, "l2", _square)


def activity_l1(layer: nn.Module, factor: float = 0.01) -> ActivityPenalty:
    """factor sum(|a|) over what ``layer`` returned in its last call, divided by the batch size where the row's release divides.

    Args:
        layer: The module whose Keras counterpart had an ``activity_regularizer``.
        factor: Keras's ``l1``.

    Source: ``activity_regularizer`` of every Keras: a sum over the batch in Keras 2.0 to 2.3, TensorFlow 1.12 and 1.13 and Keras 3.0 to 3.13, a mean
    over samples in TensorFlow 1.14 to 2.15, tf_keras and Keras 3.14 and later.

    >>> layer = nn.Identity()
    >>> penalty = activity_l1(layer, 0.5)
    >>> layer(torch.tensor([[1.0, -2.0], [0.0, 1.0]])).sum()
    tensor(0.)
    >>> penalty()
    tensor(2.)
    """
    return ActivityPenalty(layer, factor, "activity_l1", torch.abs)


def activity_l2(layer: nn.Module, factor: float = 0.01) -> ActivityPenalty:
    """factor sum(a^2) over what ``layer`` returned in its last call, divided by the batch size where the row's release divides.

    Args:
        layer: The module whose Keras counterpart had an ``activity_regularizer``.
        factor: Keras's ``l2``.

    Source: as ``activity_l1``.

    >>> layer = nn.Identity()
    >>> penalty = activity_l2(layer, 0.5)
    >>> layer(torch.tensor([[1.0, -2.0], [0.0, 1.0]])).sum()
    tensor(0.)
    >>> penalty()
    tensor(3.)
    """
    return ActivityPenalty(layer, factor, "activity_l2", _square)
