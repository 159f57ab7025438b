"""Overlap formulas: what two sets share, over what both hold."""

from __future__ import annotations

from torch import Tensor

from torchweights.functional.shared import Axis, same_dtype


def _sum(values: Tensor, axis: Axis | None) -> Tensor:
    return values.sum() if axis is None else values.sum(axis)


def dice(y_pred: Tensor, y_true: Tensor, *, axis: Axis | None = None, epsilon: float = 1e-7) -> Tensor:
    """1 - 2 sum(y p) / (sum(y) + sum(p) + epsilon), each sum over ``axis``.

    Args:
        y_pred, y_true: Alike in shape: probabilities, and labels in [0, 1].
        axis: Axis or axes to sum; None for all, the batch too, which gives one scalar.
        epsilon: What keeps empty sets from 0 / 0: they lose 1.

    Source: ``dice`` of Keras 3.2 to 3.15.

    >>> import torch
    >>> dice(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.5000)
    """
    return dice_of(*dice_sums(y_pred, y_true, axis), epsilon=epsilon)


def dice_sums(y_pred: Tensor, y_true: Tensor, axis: Axis | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """sum(y p), sum(y) and sum(p): what ``dice`` is made of."""
    y_pred, y_true = same_dtype(y_pred, y_true)
    return _sum(y_true * y_pred, axis), _sum(y_true, axis), _sum(y_pred, axis)


def dice_of(both: Tensor, labelled: Tensor, predicted: Tensor, *, epsilon: float = 1e-7) -> Tensor:
    """The ``dice`` loss of its sums."""
    return 1 - 2 * both / (labelled + predicted + epsilon)


def tversky(
    y_pred: Tensor,
    y_true: Tensor,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    axis: Axis | None = None,
    epsilon: float = 1e-7,
) -> Tensor:
    """1 - I / (I + alpha sum(y (1 - p)) + beta sum((1 - y) p) + epsilon), I = sum(y p), over ``axis``.

    Args:
        y_pred, y_true: Alike in shape: probabilities, and labels in [0, 1].
        alpha: Weight of missed positives: Keras's documentation says false positives, and its code does this.
        beta: Weight of false alarms.
        axis: Axis or axes to sum; None for all, the batch too, which gives one scalar.
        epsilon: What keeps empty sets from 0 / 0: they lose 1.

    Source: ``tversky`` of Keras 3.3 to 3.15 (Salehi et al. 2017).

    >>> import torch
    >>> tversky(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]), alpha=1.0, beta=0.0)
    tensor(0.5000)
    """
    return tversky_of(*tversky_sums(y_pred, y_true, axis), alpha=alpha, beta=beta, epsilon=epsilon)


def tversky_sums(y_pred: Tensor, y_true: Tensor, axis: Axis | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """sum(y p), sum(y (1 - p)) and sum((1 - y) p): what ``tversky`` is made of."""
    y_pred, y_true = same_dtype(y_pred, y_true)
    return _sum(y_true * y_pred, axis), _sum(y_true * (1 - y_pred), axis), _sum((1 - y_true) * y_pred, axis)


def tversky_of(
    both: Tensor, missed: Tensor, alarms: Tensor, *, alpha: float = 0.5, beta: float = 0.5, epsilon: float = 1e-7
) -> Tensor:
    """The ``tversky`` loss of its sums."""
    return 1 - both / (both + alpha * missed + beta * alarms + epsilon)
