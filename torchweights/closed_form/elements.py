"""Losses of single elements: values and their derivatives, of any piece of predictions and targets.

Each function returns (v, dv / dp), both like the predictions, in precision that is theirs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from torchweights.closed_form.pieces import SHORT, Piece

Both = tuple[Tensor, Tensor]


def averaged(element: Callable[[Tensor, Tensor], Both], count: float, columns: Tensor | None, piece: Piece) -> Tensor:
    """sum(c mean(w v)) over a piece, each value a mean over ``count`` elements; ``columns`` are their weights."""
    values, slope = element(piece.y_pred, piece.y_true)
    c = piece.coefficient / count
    if columns is not None:
        c = c * columns
    c = beside(c, values)
    torch.mul(slope, c, out=piece.gradient)
    return values.mul_(c).sum()


def beside(coefficient: Tensor, values: Tensor) -> Tensor:
    """Coefficients to multiply values by; along a short last axis torch is slow to repeat numbers, so there they are copied."""
    short = values.shape[3] == 1 and 1 < values.shape[2] < SHORT
    return coefficient.expand(values.shape).contiguous() if short and coefficient.numel() > 1 else coefficient


def _softplus_of_minus_absolute(z: Tensor) -> Tensor:
    """ln(1 + e^-|z|)."""
    return z.abs().neg_().exp_().log1p_()


def binary_of_logits(z: Tensor, y: Tensor, smoothing: float = 0.0) -> Both:
    """v = max(z, 0) - z y + ln(1 + e^-|z|); dv = sigmoid(z) - y."""
    y = _smoothed(y, smoothing)
    values = _softplus_of_minus_absolute(z).add_(torch.relu(z).addcmul_(z, y, value=-1))
    return values, torch.sigmoid(z).sub_(y)


def _smoothed(y: Tensor, smoothing: float) -> Tensor:
    return y * (1 - smoothing) + smoothing / 2 if smoothing else y


def binary_of_probabilities(p: Tensor, y: Tensor, smoothing: float, epsilon: float, form: str) -> Both:
    """v = -(y ln q + (1 - y) ln(1 - q)), q the clipped p; dv = (q - y) / (q (1 - q)) within the clip."""
    y = _smoothed(y, smoothing)
    q = p.clamp(epsilon, 1 - epsilon)
    added = epsilon if form.startswith("clip, add") else 0.0
    rest = (1 + added) - q if form == "clip, add, graph" else (1 - q).add_(added)
    above = q + added if added else q
    slope = torch.div(1 - y, rest).sub_(y / above)
    if torch.compiler.is_compiling() or not torch.equal(q, p):
        slope.mul_(q == p)
    return torch.lerp(rest.log_(), above.log(), y).neg_(), slope


def focal_of_logits(z: Tensor, y: Tensor, gamma: Tensor | float, alpha: Tensor | float | None, smoothing: float) -> Both:  # fmt: skip
    """v = l^gamma BCE, l = y (1 - p) + (1 - y) p; dv = l^(gamma - 1) (l (p - y) + gamma (1 - 2 y) p (1 - p) BCE)."""
    y = _smoothed(y, smoothing)
    crossentropy, slope = binary_of_logits(z, y)
    p, rest = torch.sigmoid(z), torch.sigmoid(-z)
    left = torch.lerp(p, rest, y)
    inner = p.mul_(rest).mul_(crossentropy).mul_((1 - 2 * y).mul_(gamma))
    return _focal(left, crossentropy, slope.mul_(left).add_(inner), y, gamma, alpha)


def focal_of_probabilities(
    p: Tensor,
    y: Tensor,
    gamma: Tensor | float,
    alpha: Tensor | float | None,
    smoothing: float,
    epsilon: float,
    form: str,
) -> Both:
    """v = l^gamma BCE(clip(p)), l = y (1 - p) + (1 - y) p of p itself; dv = l^(gamma - 1) (l dBCE + gamma (1 - 2 y) BCE)."""
    y = _smoothed(y, smoothing)
    crossentropy, slope = binary_of_probabilities(p, y, 0.0, epsilon, form)
    left = torch.lerp(p, 1 - p, y)
    inner = (1 - 2 * y).mul_(gamma).mul_(crossentropy)
    return _focal(left, crossentropy, slope.mul_(left).add_(inner), y, gamma, alpha)


def _focal(
    left: Tensor, crossentropy: Tensor, inner: Tensor, y: Tensor, gamma: Tensor | float, alpha: Tensor | float | None
) -> Both:
    lower = lowered(left, gamma)
    values, slope = crossentropy.mul_(left).mul_(lower), inner.mul_(lower)
    if alpha is None:
        return values, slope
    balance = y * alpha + (1 - y) * (1 - alpha)
    return values.mul_(balance), slope.mul_(balance)


def lowered(base: Tensor, gamma: Tensor | float) -> Tensor:
    """base^(gamma - 1) of a base that is not negative; 0 where it would be infinite, at 0 for gamma below 1."""
    if isinstance(gamma, (int, float)) and gamma >= 1:
        return base if gamma == 2 else base ** (gamma - 1)
    return torch.where(
        base == 0, 0.0 if isinstance(gamma, (int, float)) else (gamma == 1).to(base.dtype), base ** (gamma - 1)
    )


def squared(p: Tensor, y: Tensor) -> Both:
    """v = (p - y)^2; dv = 2 (p - y)."""
    off = p - y
    return off * off, off.mul_(2)


def absolute(p: Tensor, y: Tensor) -> Both:
    """v = |p - y|; dv = sign(p - y)."""
    off = p - y
    return off.abs(), off.sign_()


def huber(p: Tensor, y: Tensor, delta: float) -> Both:
    """v = e^2 / 2 up to delta, delta e - delta^2 / 2 beyond, e = |p - y|; dv = p - y, cut at delta."""
    off = p - y
    cut = off.clamp(-delta, delta)
    # With d = clamp(e): d e - d^2 / 2.
    return (off - cut / 2).mul_(cut), cut
