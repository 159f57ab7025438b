"""The total loss of a model with several outputs: what ``compile`` makes of losses, loss weights and penalties."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from torchweights import names
from torchweights.losses import WeightedLoss, from_function
from torchweights.losses.held_weights import HoldsTables
from torchweights.semantics import Semantics, semantics_for

Loss = str | WeightedLoss | Callable[[Any, Any], Tensor] | None
Outputs = Tensor | Sequence[Tensor] | Mapping[str, Tensor]


@dataclass(frozen=True)
class Parts:
    """What a total loss is made of: ``total`` = sum(``weighted``) + ``penalties``."""

    total: Tensor
    #: output -> its loss, as Keras logs it: before its loss weight
    outputs: dict[str, Tensor]
    #: output -> loss weight x loss
    weighted: dict[str, Tensor]
    penalties: Tensor


class CompiledLoss(HoldsTables):
    """sum over outputs of loss weight x loss, plus penalties: the number that Keras trains on and prints.

    Args:
        loss: One for each output, in a list (by order) or a dict (by name): a criterion, a name (``tw.get``), a function
            ``fn(y_true, y_pred)``, or None for an output that has no loss. One alone is for the only output.
        loss_weights: A number for each output with a loss, in the same form; None for ones.
        class_weight: Class weights by output name, for losses given by name or as functions; criteria have their own.
        penalties: What is added: functions without arguments (``tw.l2(parameters, 0.01)``).
        output_names: What outputs of a list are called, in order.
        semantics: The row, for losses given by name or as functions.

    Calls take ``(y_pred, y_true, sample_weight=None, mask=None)``: each a tensor, a list or a dict, as ``loss`` is.

    Raises:
        ValueError: for outputs, weights and losses that do not name the same.

    Source: ``Model.compile`` of Keras 2.0 to 3; recorded in ``examples/recordings``.

    >>> total = CompiledLoss({"a": "mse", "b": "mae"}, loss_weights={"a": 1.0, "b": 0.5})
    >>> total({"a": torch.ones(2, 1), "b": torch.ones(2, 1)}, {"a": torch.zeros(2, 1), "b": torch.zeros(2, 1)})
    tensor(1.5000)
    """

    def __init__(
        self,
        loss: Loss | Sequence[Loss] | Mapping[str, Loss],
        loss_weights: float | Sequence[float] | Mapping[str, float] | Tensor | None = None,
        class_weight: Mapping[str, Any] | None = None,
        penalties: Sequence[Callable[[], Tensor]] | None = None,
        output_names: Sequence[str] | None = None,
        *,
        semantics: str | Semantics = "torchweights",
    ) -> None:
        super().__init__()
        self.semantics = semantics_for(semantics)
        self.output_names, losses = _named(loss, output_names)
        self.by_name = isinstance(loss, Mapping)
        class_weight = _known_names("class_weight", class_weight or {}, self.output_names)
        self.losses = nn.ModuleList(
            _criterion(name, one, class_weight.get(name), self.semantics) or nn.Identity()
            for name, one in zip(self.output_names, losses, strict=True)
        )
        if not any(isinstance(one, WeightedLoss) for one in self.losses) and not penalties:
            raise ValueError(
                "loss expected one output with a loss, or penalties; received neither: there is nothing to train on."
            )
        self.penalties = list(penalties or [])
        if not all(callable(one) for one in self.penalties):
            raise TypeError("penalties expected functions without arguments; received a tensor. Write lambda: tensor.")
        weights = _weights(loss_weights, self.output_names)
        # A buffer, so that a weight that changes recompiles nothing.
        self._hold("loss_weights", weights, torch.as_tensor(weights, dtype=torch.float64, device="cpu"))

    def forward(
        self,
        y_pred: Outputs,
        y_true: Outputs,
        sample_weight: Outputs | None = None,
        mask: Outputs | None = None,
    ) -> Tensor:
        return self.detailed(y_pred, y_true, sample_weight, mask).total

    def detailed(
        self,
        y_pred: Outputs,
        y_true: Outputs,
        sample_weight: Outputs | None = None,
        mask: Outputs | None = None,
    ) -> Parts:
        """The total and what it is made of."""
        given = [
            self._by_output(name, one)
            for name, one in (("y_pred", y_pred), ("y_true", y_true), ("sample_weight", sample_weight), ("mask", mask))
        ]
        outputs, weighted = {}, {}
        for place, (name, criterion) in enumerate(zip(self.output_names, self.losses, strict=True)):
            if not isinstance(criterion, WeightedLoss):
                continue
            p, t, w, m = (one[place] for one in given)
            value = criterion(p, t, w, m)
            if value.ndim:
                raise ValueError(
                    f"loss of output {name!r} expected one number; received shape {tuple(value.shape)}. Give it a reduction other than 'none'."
                )
            outputs[name] = value
            weighted[name] = value * self._held("loss_weights", value.device)[place].to(value.dtype)
        penalties = [one() for one in self.penalties]
        total: Any = sum([*weighted.values(), *penalties])
        nothing = torch.zeros((), dtype=total.dtype, device=total.device)
        return Parts(total, outputs, weighted, sum(penalties, nothing))

    def _by_output(self, argument: str, given: Any) -> list[Any]:
        """One of ``given`` for each output, in order."""
        if given is None:
            return [None] * len(self.output_names)
        if isinstance(given, Tensor):
            if len(self.output_names) > 1:
                raise ValueError(
                    f"{argument} expected one tensor for each of {', '.join(self.output_names)}; received a single one. Give a list or a dict."
                )
            return [given]
        if isinstance(given, Mapping):
            optional = argument in ("sample_weight", "mask")
            named = _known_names(argument, given, self.output_names)
            lacking = [name for name in self.output_names if name not in named and not optional]
            wanted = [name for name in lacking if argument == "y_pred" or self._has_loss(name)]
            if wanted:
                raise ValueError(f"{argument} expected an entry for {', '.join(wanted)}; received {', '.join(named)}.")
            return [named.get(name) for name in self.output_names]
        if len(given) != len(self.output_names):
            raise ValueError(
                f"{argument} expected {len(self.output_names)} entries, one for each of {', '.join(self.output_names)}; received {len(given)}."
            )
        return list(given)

    def _has_loss(self, name: str) -> bool:
        return isinstance(self.losses[self.output_names.index(name)], WeightedLoss)

    def extra_repr(self) -> str:
        return f"outputs={self.output_names}, loss_weights={self.loss_weights}, penalties={self.penalties}, semantics={self.semantics.name!r}"


def _named(loss: Any, output_names: Sequence[str] | None) -> tuple[list[str], list[Loss]]:
    """Names of outputs, and the loss of each."""
    if isinstance(loss, Mapping):
        if output_names is None:
            return list(loss), list(loss.values())
        _known_names("loss", loss, list(output_names))
        return list(output_names), [loss.get(name) for name in output_names]
    losses = list(loss) if isinstance(loss, (list, tuple)) else [loss]
    if output_names is None:
        output_names = [f"output_{place}" for place in range(1, len(losses) + 1)]
    if len(output_names) != len(losses):
        raise ValueError(
            f"loss expected {len(output_names)} entries, one for each of {', '.join(output_names)}; received {len(losses)}. Give a list, or a "
            "dict by name; None for an output without a loss."
        )
    return list(output_names), losses


def _known_names(argument: str, given: Mapping[str, Any], output_names: Sequence[str]) -> Mapping[str, Any]:
    unknown = [name for name in given if name not in output_names]
    if unknown:
        raise ValueError(
            f"{argument} expected names of outputs, {', '.join(output_names)}; received {', '.join(map(repr, unknown))}."
        )
    return given


def _criterion(name: str, loss: Loss, class_weight: Any, semantics: Semantics) -> WeightedLoss | None:
    """The criterion of an output."""
    if isinstance(loss, WeightedLoss):
        if class_weight is not None:
            raise ValueError(
                f"class_weight of output {name!r} expected where its criterion is built; received it beside {loss!r}."
            )
        return loss
    options = {} if class_weight is None else {"class_weight": class_weight}
    if isinstance(loss, str):
        return names.get(loss, semantics, **options)
    if loss is None:
        return None
    return from_function(loss, semantics=semantics, **options)


def _weights(loss_weights: Any, output_names: Sequence[str]) -> list[float]:
    """A loss weight for each output."""
    if loss_weights is None:
        return [1.0] * len(output_names)
    if isinstance(loss_weights, Mapping):
        _known_names("loss_weights", loss_weights, output_names)
        lacking = [name for name in output_names if name not in loss_weights]
        if lacking:
            raise ValueError(
                f"loss_weights expected a number for each output; received none for {', '.join(lacking)}. Write 1.0."
            )
        found = [loss_weights[name] for name in output_names]
    else:
        found = loss_weights.tolist() if isinstance(loss_weights, Tensor) else loss_weights
        found = list(found) if isinstance(found, (list, tuple)) else [found]
    if len(found) != len(output_names):
        raise ValueError(
            f"loss_weights expected {len(output_names)} numbers, one for each of {', '.join(output_names)}; received {len(found)}."
        )
    for one in found:
        if isinstance(one, bool) or not isinstance(one, (int, float)) or not math.isfinite(one):
            raise TypeError(f"loss_weights expected finite numbers; received {one!r}.")
    return [float(one) for one in found]
