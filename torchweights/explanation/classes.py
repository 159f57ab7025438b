"""Which class each value of a loss belongs to, read off the targets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torchweights.precision import exact, exactly


@dataclass(frozen=True)
class Classes:
    """The class of each value, and of each prediction; ``axis`` is that of the classes in y_pred, None where it has none."""

    labels: Tensor
    count: int
    axis: int | None
    predicted: Tensor | None


def classes_of(criterion: Any, y_pred: Tensor, y_true: Tensor) -> Classes | None:
    """The classes of a batch; None where targets are no labels (regression, multi-label rows)."""
    axis = _class_axis(criterion, y_pred, y_true)
    if axis is not None and y_true.shape == y_pred.shape:
        return Classes(y_true.argmax(axis), y_pred.shape[axis], axis, y_pred.argmax(axis))
    if axis is not None:
        without = tuple(size for place, size in enumerate(y_pred.shape) if place != axis)
        if y_true.numel() != math.prod(without):
            return None
        labels = y_true.reshape(without).long()
        return Classes(labels, y_pred.shape[axis], axis, y_pred.argmax(axis))
    if y_true.numel() == y_pred.numel() and _all_bits(y_true):
        edge = 0.0 if getattr(criterion, "from_logits", False) not in (False, None) else 0.5
        labels = y_true.reshape(y_pred.shape).long()
        return Classes(labels, 2, None, (y_pred > edge).long())
    return None


def _class_axis(criterion: Any, y_pred: Tensor, y_true: Tensor) -> int | None:
    """The axis of y_pred that y_true is one-hot or soft along, or that labels lack."""
    if y_true.is_floating_point() and y_true.shape == y_pred.shape:
        named = getattr(criterion, "axis", None)
        for axis in dict.fromkeys(
            one % y_pred.ndim for one in (named, -1, 1) if isinstance(one, int) and -y_pred.ndim <= one < y_pred.ndim
        ):
            if y_pred.shape[axis] > 1 and _distributions(y_true, axis):
                return axis
        return None
    named = getattr(criterion, "axis", None)
    axis = named if isinstance(named, int) else -1
    fewer = y_pred.ndim - y_true.ndim == 1 or (y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1)
    if fewer and y_pred.ndim > 1 and y_pred.shape[axis] > 1:
        labels_like = not y_true.is_floating_point() or "Sparse" in type(criterion).__name__
        return axis % y_pred.ndim if labels_like else None
    return None


def _distributions(y_true: Tensor, axis: int) -> bool:
    whole = y_true.sum(axis)
    return bool(((y_true >= 0) & (y_true <= 1)).all()) and bool(((whole - 1).abs() < 1e-3).all())


def _all_bits(y_true: Tensor) -> bool:
    return bool(((y_true == 0) | (y_true == 1)).all())


def by_class(values: Tensor, classes: Classes, kept: Tensor | None) -> list[float]:
    """The sum of the values of each class, of those that are kept; negative and unknown labels belong to none."""
    labels = classes.labels
    known = (labels >= 0) & (labels < classes.count)
    if kept is not None:
        known = known & kept
    chosen = torch.where(known, exactly(values), 0.0).reshape(-1)
    total = torch.zeros(classes.count, dtype=exact(values.device), device=values.device)
    return list(total.index_add(0, torch.where(known, labels, 0).reshape(-1), chosen).tolist())
