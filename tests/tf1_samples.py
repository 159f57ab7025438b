"""Every loss of ``tw.tf1`` with a batch, its options, and what it computes for each value."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from torchweights import tf1

Array = Any
RNG = np.random.default_rng(0)
Z, Y = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))
P = RNG.uniform(0.02, 0.98, size=(3, 4))
BITS = RNG.integers(0, 2, size=(3, 4)).astype(float)
LABELS = np.array([3, 0, 1])
ONE_HOT = np.eye(4)[LABELS]
LOG_SOFTMAX = Z - np.log(np.exp(Z).sum(-1, keepdims=True))
PER_SAMPLE, FULL = (
    torch.tensor([[1.0], [0.0], [2.5]], dtype=torch.float64),
    torch.arange(12.0, dtype=torch.float64).reshape(3, 4) % 3,
)


def _huber(d: Array, delta: float) -> Array:
    return np.where(np.abs(d) <= delta, d**2 / 2, delta * np.abs(d) - delta**2 / 2)


def _binary(y: Array, z: Array) -> Array:
    return np.log(1 + np.exp(z)) - y * z


#: name -> (options, predictions, labels, unreduced values)
LOSSES: dict[str, tuple[dict[str, Any], Array, Array, Array]] = {
    "absolute_difference": ({}, Z, Y, np.abs(Z - Y)),
    "cosine_distance": ({"axis": 1}, Z, Y, 1 - (Z * Y).sum(1, keepdims=True)),
    "hinge_loss": ({}, Z, BITS, np.maximum(1 - (2 * BITS - 1) * Z, 0)),
    "huber_loss": ({"delta": 0.75}, Z, Y, _huber(Z - Y, 0.75)),
    "log_loss": ({"epsilon": 1e-3}, P, BITS, -BITS * np.log(P + 1e-3) - (1 - BITS) * np.log(1 - P + 1e-3)),
    "mean_squared_error": ({}, Z, Y, (Z - Y) ** 2),
    "sigmoid_cross_entropy": ({"label_smoothing": 0.2}, Z, BITS, _binary(BITS * 0.8 + 0.1, Z)),
    "softmax_cross_entropy": ({"label_smoothing": 0.2}, Z, ONE_HOT, -((ONE_HOT * 0.8 + 0.05) * LOG_SOFTMAX).sum(-1)),
    "sparse_softmax_cross_entropy": ({}, Z, LABELS, -(ONE_HOT * LOG_SOFTMAX).sum(-1)),
}
PAIRWISE = "mean_pairwise_squared_error"
ALL = [*LOSSES, PAIRWISE]


def call(name: str, *pair: Tensor, **options: Any) -> Tensor:
    given = LOSSES[name][0] if name in LOSSES else {}
    loss: Tensor = getattr(tf1, name)(*pair, **{**given, **options})
    return loss


def batch(name: str, dtype: torch.dtype = torch.float64, device: str = "cpu") -> tuple[Tensor, Tensor]:
    _, y_pred, y_true, _ = LOSSES.get(name, ({}, Z, Y, None))
    labels = torch.from_numpy(y_true).to(device)
    predictions = torch.from_numpy(y_pred).to(device, dtype).requires_grad_()
    return predictions, labels.to(dtype) if labels.is_floating_point() else labels


def per_sample(name: str) -> Tensor:
    """Weights per sample in the shape that the loss wants."""
    return PER_SAMPLE[:, 0] if name.endswith("softmax_cross_entropy") else PER_SAMPLE
