"""One-hot targets seen as labels: of all the terms of a sum over classes one is left."""

from __future__ import annotations

import torch
from torch import Tensor

from torchweights import validation
from torchweights.closed_form.elements import are_hard
from torchweights.closed_form.fusing import Compiled

#: numbers looked at at once: they stay in the cache while they are looked at, counted and weighed
BLOCK = 1 << 18


def labels_of(y_true: Tensor, axis: int, compiled: Compiled | None = None) -> Tensor | None:
    """The class of each value, of targets that are exactly one-hot along ``axis``; None of others, and where looking would wait.

    >>> labels_of(torch.eye(3)[[2, 0]], -1)
    tensor([2, 0])
    >>> labels_of(torch.tensor([[0.5, 0.5]]), -1) is None
    True
    """
    # Half precision cannot count classes; other float types do, up to 2**24.
    if not validation.can_look(y_true) or torch.finfo(y_true.dtype).bits < 32:
        return None
    if y_true.requires_grad or not y_true.numel():
        return None
    whole: Tensor | None = None if compiled is None else compiled(_labels_or_less, y_true, axis)
    if whole is not None:
        return whole if int(whole.amin()) >= 0 else None
    found = []
    for part in torch.split(y_true, max(1, BLOCK // y_true[0].numel())):
        labels = _labels(part, axis)
        if labels is None:
            return None
        found.append(labels)
    return torch.cat(found)


def _labels(y_true: Tensor, axis: int) -> Tensor | None:
    # A sum of 1 is not enough: it swallows what a sure teacher leaves to other classes.
    if not are_hard(y_true) or not validation.within(y_true.sum(axis), 1, 1):
        return None
    classes = _classes(y_true, axis)
    if axis % y_true.ndim == y_true.ndim - 1:
        return y_true.reshape(-1, classes.numel()).mv(classes.flatten()).view(y_true.shape[:-1]).long()
    return (y_true * classes).sum(axis).long()


def _labels_or_less(y_true: Tensor, axis: int) -> Tensor:
    """The same in one compiled pass: -1 where a value has none."""
    others = torch.where(y_true - y_true * y_true == 0, 0.0, 1.0)
    alone = (y_true.sum(axis) == 1) & (others.sum(axis) == 0)
    return torch.where(alone, (y_true * _classes(y_true, axis)).sum(axis), -1.0).long()


def _classes(y_true: Tensor, axis: int) -> Tensor:
    """0, 1, .. along ``axis``."""
    numbers = torch.arange(y_true.shape[axis], dtype=y_true.dtype, device=y_true.device)
    return numbers.reshape([-1 if place == axis % y_true.ndim else 1 for place in range(y_true.ndim)])
