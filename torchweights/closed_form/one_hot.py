"""One-hot targets seen as labels: of all the terms of a sum over classes one is left."""

from __future__ import annotations

import torch
from torch import Tensor

from torchweights import validation


def labels_of(y_true: Tensor, axis: int) -> Tensor | None:
    """The class of each value, of targets that are exactly one-hot along ``axis``; None of others, and where looking would wait.

    >>> labels_of(torch.eye(3)[[2, 0]], -1)
    tensor([2, 0])
    >>> labels_of(torch.tensor([[0.5, 0.5]]), -1) is None
    True
    """
    if not validation.can_look(y_true) or y_true.requires_grad or not y_true.numel():
        return None
    # Where nothing is negative and all add up to 1, a 1 leaves nothing for the others.
    if float(y_true.amin()) < 0 or not validation.within(y_true.sum(axis), 1, 1):
        return None
    # A float type counts classes exactly up to 2**24.
    labels = _along(y_true, torch.arange(y_true.shape[axis], dtype=y_true.dtype, device=y_true.device), axis).long()
    labels.clamp_(max=y_true.shape[axis] - 1)
    return labels if validation.within(y_true.gather(axis, labels.unsqueeze(axis)), 1, 1) else None


def _along(numbers: Tensor, weights: Tensor, axis: int) -> Tensor:
    """sum(w x) over an axis; a product with a vector where that is the last."""
    if axis % numbers.ndim == numbers.ndim - 1:
        return numbers.reshape(-1, len(weights)).mv(weights).view(numbers.shape[:-1])
    weights = weights.reshape([-1 if place == axis % numbers.ndim else 1 for place in range(numbers.ndim)])
    return (numbers * weights).sum(axis)
