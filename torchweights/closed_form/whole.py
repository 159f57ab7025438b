"""Formulas of logits for the compiler, where loss and gradient are one loop: what both need is computed once, and cheaply."""

from __future__ import annotations

import torch
from torch import Tensor


def whole_sigmoid(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """sigmoid(z), sigmoid(-z) and ln(1 + e^-|z|), for the compiler: of one exponential, which makes all that follows one loop."""
    small = (-z.abs()).exp()
    share = 1 / (1 + small)
    other = small * share
    return torch.where(z >= 0, share, other), torch.where(z >= 0, other, share), _whole_log1p(small)


def _whole_log1p(x: Tensor) -> Tensor:
    """ln(1 + x) of x from 0 to 1, for the compiler: in float32 fewer steps than torch's own, which takes most of the time of a pass.

    2 atanh(s) = 2 s (1 + s^2 / 3 + s^4 / 5 ..), s = x / (2 + x) at most 1/3; 2 s = x - s x is exact where it counts.
    """
    if x.dtype != torch.float32:
        return torch.log1p(x)
    s = x / (x + 2)
    square = s * s
    rest: Tensor | float = 0.0
    for odd in (13, 11, 9, 7, 5, 3):
        rest = rest * square + 2 / odd
    return x - s * (x - square * rest)


def whole_binary(z: Tensor, y: Tensor, either: Tensor) -> Tensor:
    """v of logits, of ``either`` of ``whole_sigmoid``: not max(z, 0) - z y, which has no digits where y is nearly 1."""
    return either + torch.where(z >= 0, z * (1 - y), -z * y)
