"""One-hot targets seen as labels: of all the terms of a sum over classes one is left."""

from __future__ import annotations

import torch
from torch import Tensor

from torchweights import validation
from torchweights.closed_form.pieces import SHORT


def labels_of(y_true: Tensor, axis: int) -> Tensor | None:
    """The class of each value, of targets that are exactly one-hot along ``axis``; None of others, and where looking would wait.

    >>> labels_of(torch.eye(3)[[2, 0]], -1)
    tensor([2, 0])
    >>> labels_of(torch.tensor([[0.5, 0.5]]), -1) is None
    True
    """
    if not validation.can_look(y_true) or y_true.requires_grad or not y_true.numel():
        return None
    # Where nothing is negative, a sum and a sum of squares that are both 1 leave one 1.
    if float(y_true.amin()) < 0:
        return None
    if not validation.within(y_true.sum(axis), 1, 1) or not validation.within((y_true * y_true).sum(axis), 1, 1):
        return None
    # A float type counts classes exactly up to 2**24.
    return _along(y_true, torch.arange(y_true.shape[axis], dtype=y_true.dtype, device=y_true.device), axis).long()


def _along(numbers: Tensor, weights: Tensor, axis: int) -> Tensor:
    """sum(w x) over an axis; a product with a vector where that is the last, and short."""
    if axis % numbers.ndim == numbers.ndim - 1 and len(weights) < SHORT:
        return numbers.reshape(-1, len(weights)).mv(weights).view(numbers.shape[:-1])
    weights = weights.reshape([-1 if place == axis % numbers.ndim else 1 for place in range(numbers.ndim)])
    return (numbers * weights).sum(axis)
