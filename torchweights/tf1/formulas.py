"""The formulas that ``tf.losses`` has of its own: unreduced values, no weights; no axis is averaged.

Every function takes ``(y_pred, y_true)``. Half precision is computed in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from torchweights.functional import at_least_float32


def _same_dtype(y_pred: Tensor, y_true: Tensor) -> tuple[Tensor, Tensor]:
    y_pred = at_least_float32(y_pred)
    return y_pred, y_true.to(y_pred.dtype)


def cosine_distance(y_pred: Tensor, y_true: Tensor, *, axis: int) -> Tensor:
    """1 - sum(y_pred * y_true) over ``axis``, which stays as an axis of size 1; nothing is normalised.

    >>> cosine_distance(torch.tensor([[0.6, 0.8]]), torch.tensor([[1.0, 0.0]]), axis=1)
    tensor([[0.4000]])
    """
    y_pred, y_true = _same_dtype(y_pred, y_true)
    return 1 - (y_pred * y_true).sum(axis, keepdim=True)


def hinge_loss(y_pred: Tensor, y_true: Tensor) -> Tensor:
    """max(1 - (2 * y_true - 1) * y_pred, 0) for labels 0 and 1; the gradient at the kink is 0.

    >>> hinge_loss(torch.tensor([0.6, -0.4]), torch.tensor([0.0, 1.0]))
    tensor([1.6000, 1.4000])
    """
    y_pred, y_true = _same_dtype(y_pred, y_true)
    return F.relu(1 - (2 * y_true - 1) * y_pred)


def huber_loss(y_pred: Tensor, y_true: Tensor, *, delta: float = 1.0) -> Tensor:
    """d^2 / 2 up to |d| = delta, then delta * |d| - delta^2 / 2, of d = y_pred - y_true.

    >>> huber_loss(torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0]))
    tensor([0.1250, 2.5000])
    """
    y_pred, y_true = _same_dtype(y_pred, y_true)
    error = (y_pred - y_true).abs()
    # clamp, not minimum: at |d| = delta it passes the whole gradient on, and the rest has none.
    square = error.clamp(max=delta)
    return 0.5 * square * square + delta * (error - square)


def log_loss(y_pred: Tensor, y_true: Tensor, *, epsilon: float = 1e-7, folded: bool = False) -> Tensor:
    """-y ln(p + epsilon) - (1 - y) ln(1 - p + epsilon); nothing is clipped.

    Args:
        y_pred, y_true: Probabilities and labels of one shape.
        epsilon: What is added.
        folded: Whether the last logarithm is of (1 + epsilon) - p, as TensorFlow's graphs compute it since 1.15; in
            float32 that is ln(1.2e-7) instead of ln(1e-7) at p = 1.

    >>> log_loss(torch.tensor([0.5, 1.0]), torch.tensor([1.0, 0.0]))
    tensor([ 0.6931, 16.1181])
    """
    y_pred, y_true = _same_dtype(y_pred, y_true)
    rest = (1 + epsilon) - y_pred if folded else (1 - y_pred) + epsilon
    return -y_true * (y_pred + epsilon).log() - (1 - y_true) * rest.log()


def mean_pairwise_squared_error(y_pred: Tensor, y_true: Tensor, count: Tensor) -> Tensor:
    """2 (sum(d^2) / (n - 1) - sum(d)^2 / (n (n - 1))) of each sample's d = y_pred - y_true.

    Args:
        y_pred, y_true: (N, ..).
        count: n, in a shape that broadcasts with (N, 1, ..). No more than one is a value of 0.

    Returns:
        (N, 1, ..), of the rank of y_pred.

    >>> mean_pairwise_squared_error(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 0.0]]), torch.tensor(2.0))
    tensor([[4.]])
    """
    y_pred, y_true = _same_dtype(y_pred, y_true)
    difference = (y_pred - y_true).reshape(len(y_pred), -1)
    shape = (len(y_pred), *[1] * (y_pred.ndim - 1))
    squares, total = difference.square().sum(1).reshape(shape), difference.sum(1).reshape(shape)
    count = count.to(y_pred.dtype)
    pairs = torch.where(count > 1, count - 1, torch.ones_like(count))
    values = 2 * (squares / pairs) - 2 * (
        total.square() / (torch.where(count > 1, count, torch.ones_like(count)) * pairs)
    )
    return torch.where(count > 1, values, torch.zeros_like(values))
