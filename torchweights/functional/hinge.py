"""Hinge formulas, and the labels that they take."""

from __future__ import annotations

import torch
from torch import Tensor

from torchweights.functional.shared import Axis, mean_of, same_dtype


def hinge(y_pred: Tensor, y_true: Tensor, *, axis: Axis = -1) -> Tensor:
    """mean(max(1 - y_true * y_pred, 0)) over ``axis``, for labels -1 and 1.

    Args:
        y_pred, y_true: (N, .., D); labels 0 and 1 go through ``signed_labels`` first.
        axis: Axis or axes to average; () for none.

    Source: ``hinge``, alike in every Keras but for the labels.

    >>> hinge(torch.tensor([[0.6, -0.4]]), torch.tensor([[-1.0, 1.0]]))
    tensor([1.5000])
    """
    y_pred, y_true = same_dtype(y_pred, y_true)
    return mean_of(lambda p, y: (1 - y * p).clamp(min=0), axis, y_pred, y_true)


def squared_hinge(y_pred: Tensor, y_true: Tensor, *, axis: Axis = -1) -> Tensor:
    """mean(max(1 - y_true * y_pred, 0)^2) over ``axis``, for labels -1 and 1.

    Args:
        y_pred, y_true: (N, .., D); labels 0 and 1 go through ``signed_labels`` first.
        axis: Axis or axes to average; () for none.

    Source: ``squared_hinge``, alike in every Keras but for the labels.

    >>> squared_hinge(torch.tensor([[0.6, -0.4]]), torch.tensor([[-1.0, 1.0]]))
    tensor([2.2600])
    """
    y_pred, y_true = same_dtype(y_pred, y_true)
    return mean_of(lambda p, y: (1 - y * p).clamp(min=0).square(), axis, y_pred, y_true)


def signed_labels(y_true: Tensor, judged: Tensor | None = None) -> Tensor:
    """2 * y_true - 1 if every label is 0 or 1, else y_true as it is: Keras's rule for hinge since 2.3.

    Args:
        y_true: Labels of any shape.
        judged: True where a label takes part in the judgement; None for all.

    >>> signed_labels(torch.tensor([0.0, 1.0])), signed_labels(torch.tensor([0.0, 0.5]))
    (tensor([-1.,  1.]), tensor([0.0000, 0.5000]))
    """
    binary = (y_true == 0) | (y_true == 1)
    if judged is not None:
        binary = binary | ~judged
    return torch.where(binary.all(), 2 * y_true - 1, y_true)


def categorical_hinge(y_pred: Tensor, y_true: Tensor, *, axis: int = -1) -> Tensor:
    """max(0, 1 + the best of the wrong scores - the right one) over the classes on ``axis``.

    Args:
        y_pred, y_true: (N, .., C): scores, and one-hot targets; wrong is max((1 - y) p), right is sum(y p).
        axis: Axis of the classes.

    Source: ``categorical_hinge``, alike in every Keras.

    >>> categorical_hinge(torch.tensor([[0.5, 0.25, -1.0]]), torch.tensor([[0.0, 1.0, 0.0]]))
    tensor([1.2500])
    """
    y_pred, y_true = same_dtype(y_pred, y_true)
    right, wrong = (y_true * y_pred).sum(axis), ((1 - y_true) * y_pred).amax(axis)
    return (wrong - right + 1).clamp(min=0)
