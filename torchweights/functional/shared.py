"""What formulas share: their precision, and the mean over an axis."""

from __future__ import annotations

import torch
from torch import Tensor

Axis = int | tuple[int, ...]


def at_least_float32(tensor: Tensor) -> Tensor:
    """float64 stays float64, float32 stays float32, everything smaller becomes float32."""
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def same_dtype(y_pred: Tensor, y_true: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the precision that the loss is computed in."""
    y_pred = at_least_float32(y_pred)
    return y_pred, y_true.to(y_pred.dtype)


def mean(values: Tensor, axis: Axis) -> Tensor:
    """The mean over ``axis``; the values themselves for ()."""
    return values if axis == () else values.mean(axis)


def power(base: Tensor, exponent: float) -> Tensor:
    """base^exponent of a base that is not negative; at 0 the gradient is 0 where that of the power is infinite."""
    if not 0 < exponent < 1:
        return base**exponent
    zero = base == 0
    return torch.where(zero, torch.zeros_like(base), torch.where(zero, torch.ones_like(base), base) ** exponent)
