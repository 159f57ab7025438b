"""Where a loss comes from: which share of it each class has."""

from __future__ import annotations

import torch
from torch import Tensor

from torchweights.options import axis_within
from torchweights.options import whole as whole_number
from torchweights.precision import exact
from torchweights.validation import check_tensor


def class_shares(values: Tensor, y_true: Tensor, *, axis: int = -1, num_classes: int | None = None) -> Tensor:
    """sum of the values of each class / sum of all: who makes up the errors, the weights, the loss.

    Args:
        values: One number per sample or pixel: unreduced losses (``reduction=None``), weights, or True where wrong.
        y_true: One-hot or soft targets (floating point, classes on ``axis``; the class is the argmax), or integer labels in the
            shape of the values; negative ones belong to no class.
        axis: Axis of the classes of one-hot targets.
        num_classes: How many classes there are, for labels; None for as many as occur.

    Returns:
        (C,) in float64. The shares of all classes add up to 1; where values of both signs cancel, single ones may exceed it.

    Raises:
        ValueError: where values and targets do not meet.

    >>> class_shares(torch.tensor([1.0, 2.0, 5.0]), torch.tensor([0, 0, 1]))
    tensor([0.3750, 0.6250], dtype=torch.float64)
    """
    check_tensor("values", values)
    check_tensor("y_true", y_true)
    if num_classes is not None:
        whole_number("num_classes", num_classes, 1)
    if y_true.is_floating_point():
        axis_within(axis, y_true.ndim, "y_true")
    if not y_true.numel():
        raise ValueError(
            f"y_true expected a target or more; received shape {tuple(y_true.shape)}. An empty batch has no shares: leave it out."
        )
    one_hot = y_true.is_floating_point()
    labels = y_true.argmax(axis) if one_hot else y_true.long()
    if labels.shape != values.shape:
        raise ValueError(
            f"values expected one number for each target, shape {tuple(labels.shape)}; received {tuple(values.shape)}. Compute losses "
            "with reduction=None, and say where the classes are with axis=."
        )
    classes = y_true.shape[axis] if one_hot else num_classes or int(labels.max()) + 1
    known = (labels >= 0) & (labels < classes)
    kept = torch.where(known, values.detach().to(exact(values.device)), 0.0).reshape(-1)
    total = torch.zeros(classes, dtype=kept.dtype, device=kept.device)
    total = total.index_add(0, torch.where(known, labels, 0).reshape(-1), kept)
    whole = total.sum()
    return torch.where(whole == 0, torch.zeros_like(total), total / torch.where(whole == 0, 1.0, whole))
