"""Penalties on parameters, as Keras's regularizers compute them: part of the total loss, never weighed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from torchweights.functional import at_least_float32


class Penalty:
    """What ``l1`` and ``l2`` return: called without arguments, it is the penalty of the parameters as they are now."""

    def __init__(self, parameters: Iterable[Tensor], factor: float, name: str, of: Callable[[Tensor], Tensor]) -> None:
        self.parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        if not self.parameters or not all(isinstance(one, Tensor) for one in self.parameters):
            raise TypeError(f"parameters expected one tensor or more; received {self.parameters!r:.60}.")
        if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not factor >= 0:
            raise ValueError(f"factor expected a number, 0 or more; received {factor!r}.")
        self.factor, self.name, self._of = factor, name, of

    def __call__(self) -> Tensor:
        return self.factor * torch.stack([self._of(at_least_float32(one)).sum() for one in self.parameters]).sum()

    def __repr__(self) -> str:
        return f"{self.name}({len(self.parameters)} parameters, {self.factor!r})"


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
