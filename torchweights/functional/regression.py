"""Regression formulas."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor
from torch.nn import functional as F

from torchweights.functional.precise import softplus, widened
from torchweights.functional.shared import Axis, mean_of, same_dtype


def mean_squared_error(y_pred: Tensor, y_true: Tensor, *, axis: Axis = -1, precise: bool = False) -> Tensor:
    """mean((y_pred - y_true)^2) over ``axis``.

    Args:
        y_pred, y_true: (N, .., D).
        axis: Axis or axes to average; () for none.
        precise: Add up in pairs.

    Source: ``mean_squared_error``, alike in every Keras.

    >>> mean_squared_error(torch.tensor([[1.0, 3.0], [0.5, 0.0]]), torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([2.5000, 0.1250])
    """
    y_pred, y_true = same_dtype(y_pred, y_true)
    return mean_of(functools.partial(F.mse_loss, reduction="none"), axis, y_pred, y_true, precise=precise)


def mean_absolute_error(y_pred: Tensor, y_true: Tensor, *, axis: Axis = -1, precise: bool = False) -> Tensor:
    """mean(|y_pred - y_true|) over ``axis``.

    Args:
        y_pred, y_true: (N, .., D).
        axis: Axis or axes to average; () for none.
        precise: Add up in pairs.

    Source: ``mean_absolute_error``, alike in every Keras.

    >>> mean_absolute_error(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 1.0]]))
    tensor([1.5000])
    """
    y_pred, y_true = same_dtype(y_pred, y_true)
    return mean_of(lambda p, y: (p - y).abs(), axis, y_pred, y_true, precise=precise)


def mean_absolute_percentage_error(y_pred: Tensor, y_true: Tensor, *, axis: Axis = -1, epsilon: float = 1e-7) -> Tensor:
    """100 mean(|y_true - y_pred| / max(|y_true|, epsilon)) over ``axis``.

    Args:
        y_pred, y_true: (N, .., D).
        axis: Axis or axes to average; () for none.
        epsilon: The least that an error is divided by.

    Source: ``mean_absolute_percentage_error``, alike in every Keras.

    >>> mean_absolute_percentage_error(torch.tensor([[1.0, 3.0]]), torch.tensor([[2.0, 2.0]]))
    tensor([50.])
    """
    y_pred, y_true = same_dtype(y_pred, y_true)
    return 100 * mean_of(lambda p, y: ((y - p) / y.abs().clamp(min=epsilon)).abs(), axis, y_pred, y_true)


def mean_squared_logarithmic_error(y_pred: Tensor, y_true: Tensor, *, axis: Axis = -1, epsilon: float = 1e-7) -> Tensor:
    """mean((ln(1 + max(y_pred, epsilon)) - ln(1 + max(y_true, epsilon)))^2) over ``axis``.

    Args:
        y_pred, y_true: (N, .., D), not negative.
        axis: Axis or axes to average; () for none.
        epsilon: The least that a number counts as.

    Source: ``mean_squared_logarithmic_error``, alike in every Keras.

    >>> mean_squared_logarithmic_error(torch.tensor([[1.0]]), torch.tensor([[0.0]]))
    tensor([0.4805])
    """
    y_pred, y_true = same_dtype(y_pred, y_true)

    def values(y_pred: Tensor, y_true: Tensor) -> Tensor:
        return (y_pred.clamp(min=epsilon).log1p() - y_true.clamp(min=epsilon).log1p()).square()

    return mean_of(values, axis, y_pred, y_true)


def huber(y_pred: Tensor, y_true: Tensor, *, delta: float = 1.0, axis: Axis = -1, precise: bool = False) -> Tensor:
    """mean(e^2 / 2 up to delta, delta e - delta^2 / 2 beyond) over ``axis``, of e = |y_pred - y_true|.

    Args:
        y_pred, y_true: (N, .., D).
        delta: Where the square ends.
        axis: Axis or axes to average; () for none, as Keras 2.3 and TF 1.15 leave it.
        precise: Add up in pairs.

    Source: ``huber_loss`` of Keras 2.3, ``huber`` of Keras 3.

    >>> huber(torch.tensor([[0.5, 3.0]]), torch.tensor([[0.0, 0.0]]))
    tensor([1.3125])
    """
    y_pred, y_true = same_dtype(y_pred, y_true)

    def values(y_pred: Tensor, y_true: Tensor) -> Tensor:
        error = (y_pred - y_true).abs()
        return torch.where(error <= delta, 0.5 * error.square(), delta * (error - 0.5 * delta))

    return mean_of(values, axis, y_pred, y_true, precise=precise)


def log_cosh(y_pred: Tensor, y_true: Tensor, *, axis: Axis = -1, overflows: bool = False) -> Tensor:
    """mean(ln cosh(y_pred - y_true)) over ``axis``, as x + softplus(-2x) - ln 2.

    Args:
        y_pred, y_true: (N, .., D).
        axis: Axis or axes to average; () for none.
        overflows: Compute cosh itself, which is infinite from an error of 710 on (89 in float32), as Keras 2.0.9 does.

    Source: ``logcosh`` of Keras 2, ``log_cosh`` of Keras 3: one formula from 2.1 on.

    >>> log_cosh(torch.tensor([[2.0]]), torch.tensor([[0.0]]))
    tensor([1.3250])
    """
    y_pred, y_true = same_dtype(y_pred, y_true)

    def values(y_pred: Tensor, y_true: Tensor) -> Tensor:
        error = y_pred - y_true
        return error.cosh().log() if overflows else error + softplus(-2 * error) - math.log(2)

    return mean_of(values, axis, y_pred, y_true)


def poisson(y_pred: Tensor, y_true: Tensor, *, axis: Axis = -1, epsilon: float = 1e-7) -> Tensor:
    """mean(y_pred - y_true ln(y_pred + epsilon)) over ``axis``.

    Args:
        y_pred, y_true: (N, .., D), not negative: expected and counted events.
        axis: Axis or axes to average; () for none.
        epsilon: What is added below the logarithm.

    Source: ``poisson``, alike in every Keras.

    >>> poisson(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 1.0]]))
    tensor([1.1534])
    """
    y_pred, y_true = same_dtype(y_pred, y_true)
    return mean_of(lambda p, y: p - y * (p + epsilon).log(), axis, y_pred, y_true)


def cosine_similarity(
    y_pred: Tensor, y_true: Tensor, *, axis: int = -1, sign: int = -1, shortest: float = 1e-7, precise: bool = False
) -> Tensor:
    """sign times the sum of products of both, each divided by its length, over ``axis``.

    Args:
        y_pred, y_true: (N, .., D) with the vectors on ``axis``.
        axis: Axis of the vectors.
        sign: -1 for a loss that falls as vectors align; 1 in TensorFlow 1.15.
        shortest: The least length that a vector is divided by: 1e-6 before Keras 3, 1e-7 from then on.
        precise: Compute in float64, where the device has it, and round once.

    Source: ``cosine_proximity`` of Keras 2, ``cosine_similarity`` of Keras 3.

    >>> cosine_similarity(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]]))
    tensor([-0.6000])
    """
    y_pred, y_true = same_dtype(y_pred, y_true)
    dtype = y_pred.dtype
    if precise:
        y_pred, y_true = widened(y_pred), widened(y_true)
    return sign * (_unit(y_pred, axis, shortest) * _unit(y_true, axis, shortest)).sum(axis).to(dtype)


def _unit(vectors: Tensor, axis: int, shortest: float) -> Tensor:
    """Vectors of length 1; below ``shortest`` the divisor is constant, and so is its gradient."""
    squares = vectors.square().sum(axis, keepdim=True)
    return vectors * squares.clamp(min=shortest**2).rsqrt()
