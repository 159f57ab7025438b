"""Losses of single elements: values and their derivatives, of any piece of predictions and targets.

Each function takes (p, y, slope), leaves dv / dp in the buffer ``slope`` where one is given, and returns the values, both in
precision that is the predictions'. ``want`` may be less than "values": "sums", for numbers that are fewer and add up to the same in
each sample, or "slope", for the derivative alone. ``alike`` says that all elements count: only then may a formula be chosen by
their numbers, for what is left out must not change a bit of what is not. ``hard`` says that labels are 0 and 1, or NaN.
"""

from __future__ import annotations

from typing import Literal, Protocol

import torch
from torch import Tensor

from torchweights.closed_form.whole import whole_binary, whole_sigmoid

Numbers = Tensor | float
Want = Literal["values", "sums", "slope"]


class Element(Protocol):
    """See above."""

    def __call__(
        self, p: Tensor, y: Tensor, slope: Tensor | None, *, want: Want = "values", alike: bool = False
    ) -> Tensor: ...


def all_within(numbers: Tensor, least: float, most: float) -> bool:
    """False for the compiler, which cannot look."""
    if torch.compiler.is_compiling():
        return False
    found = torch.aminmax(numbers)
    return float(found[0]) >= least and float(found[1]) <= most


def smoothed(y: Tensor, smoothing: float) -> Tensor:
    """y (1 - a) + a / 2."""
    return y * (1 - smoothing) + smoothing / 2 if smoothing else y


def are_hard(y: Tensor) -> bool:
    """Whether labels are 0 and 1."""
    return all_within(torch.addcmul(y, y, y, value=-1), 0.0, 0.0)


# ------------------------------------------------------------------------------------------------------------- binary


def binary_of_logits(z: Tensor, y: Tensor, slope: Tensor | None, smoothing: float = 0.0, *, want: Want = "values", alike: bool = False) -> Tensor:  # fmt: skip
    """v = max(z, 0) - z y + ln(1 + e^-|z|); dv = sigmoid(z) - y."""
    y = smoothed(y, smoothing)
    if torch.compiler.is_compiling():
        p, _, either = whole_sigmoid(z)
        if slope is not None:
            slope.copy_(p - y)
        return whole_binary(z, y, either)
    if slope is not None:
        torch.sigmoid(z, out=slope).sub_(y)
    if want == "slope":
        return z
    positive = torch.relu(z)
    # ln(1 + e^-|z|) = -ln(1 - sigmoid(-|z|)): torch has a sigmoid twice as fast as its exponential.
    wrong = torch.sub(z, positive, alpha=2).sigmoid_()
    positive.addcmul_(z, y, value=-1)
    if want == "sums":
        return _less_logarithms(positive.flatten(1), wrong.flatten(1))
    return positive.sub_(wrong.neg_().log1p_())


#: numbers side by side of which a logarithm is taken together with those of three other such blocks
BLOCK = 256


def _less_logarithms(values: Tensor, q: Tensor) -> Tensor:
    """Numbers that add up to sum(v - ln(1 - q)), q at most 1 / 2: one logarithm for four, of their product.

    The four are near each other, so that each thread finds what it left itself.
    """
    whole = q.shape[1] // (4 * BLOCK) * (4 * BLOCK)
    if whole:
        blocks = (len(q), -1, 4, BLOCK)
        four, first = q[:, :whole].view(blocks), values[:, :whole].view(blocks)[:, :, :1]
        for size in (2, 1):
            some, others = four[:, :, :size], four[:, :, size : 2 * size]
            # 1 - (1 - a)(1 - b), without a difference that costs digits.
            some.addcmul_(some, others, value=-1).add_(others)
        first.sub_(four[:, :, :1].neg_().log1p_())
    if whole < q.shape[1]:
        values[:, whole:].sub_(q[:, whole:].neg_().log1p_())
    return values


def binary_of_probabilities(
    p: Tensor,
    y: Tensor,
    slope: Tensor | None,
    smoothing: float,
    epsilon: float,
    form: str,
    *,
    want: Want = "values",
    alike: bool = False,
    hard: bool = False,
) -> Tensor:
    """v = -(y ln q + (1 - y) ln(1 - q)), q the clipped p; dv = (q - y) / (q (1 - q)) within the clip.

    Of ``hard`` labels v = -ln t, dv = (1 - 2 y) / t, t what y has of q and 1 - q.
    """
    y = smoothed(y, smoothing)
    inside = all_within(p, epsilon, 1 - epsilon)
    q = p if inside else p.clamp(epsilon, 1 - epsilon)
    added = epsilon if form.startswith("clip, add") else 0.0
    rest = (1 + added) - q if form == "clip, add, graph" else 1 - q
    if added and form != "clip, add, graph":
        rest.add_(added)
    above = q + added if added else q
    if hard:
        chosen = torch.where(y == 0, rest, above * y)
        if slope is not None:
            slope.copy_(torch.where(q == p, 1 - 2 * y, 0.0) / chosen)
        return chosen.log().neg()
    if slope is not None and added:
        torch.div(1 - y, rest, out=slope).sub_(y / above)
    elif slope is not None:
        torch.sub(q, y, out=slope).div_(q * rest)
    if slope is not None and not inside:
        slope.mul_(q == p)
    if want == "slope":
        return p
    return torch.lerp(rest.log_(), above.log(), y).neg_()


# -------------------------------------------------------------------------------------------------------------- focal


def focal_of_logits(
    z: Tensor,
    y: Tensor,
    slope: Tensor,
    gamma: Numbers,
    alpha: Numbers | None,
    smoothing: float,
    *,
    want: Want = "values",
    alike: bool = False,
    hard: bool = False,
) -> Tensor:
    """v = l^gamma BCE, l = y (1 - p) + (1 - y) p; dv = l^(gamma - 1) (l (p - y) + gamma (1 - 2 y) p (1 - p) BCE)."""
    if hard or (alike and not smoothing and are_hard(y)):
        return _focal_of_hard_logits(z, y, slope, gamma, alpha)
    y = smoothed(y, smoothing)
    if torch.compiler.is_compiling():
        p, rest, either = whole_sigmoid(z)
        crossentropy, slope = whole_binary(z, y, either), slope.copy_(p - y)
    else:
        crossentropy, p, rest = binary_of_logits(z, y, slope), torch.sigmoid(z), torch.sigmoid(-z)
    left = torch.lerp(p, rest, y)
    inner = p.mul_(rest).mul_(crossentropy).mul_((1 - 2 * y).mul_(gamma))
    slope.mul_(left).add_(inner)
    return _focal(left, crossentropy, slope, y, gamma, alpha)


def _focal_of_hard_logits(z: Tensor, y: Tensor, slope: Tensor, gamma: Numbers, alpha: Numbers | None) -> Tensor:
    """Labels 0 and 1 turn the sign of z: with t = z (1 - 2 y), l = sigmoid(t), v = l^gamma ln(1 + e^t)."""
    if torch.compiler.is_compiling():
        t = z * (1 - 2 * y)
        left, other, either = whole_sigmoid(t)
        crossentropy, rest = torch.relu(t) + either, slope.copy_(other)
    else:
        t = torch.addcmul(z, z, y, value=-2)
        left, rest = torch.sigmoid(t), slope
        crossentropy = torch.relu(t)
        crossentropy.sub_(t.sub_(crossentropy, alpha=2).sigmoid_().neg_().log1p_())
        torch.sub(left.new_ones(()), left, out=rest)
    # dv / dt = l^(gamma - 1) (l l + gamma l (1 - l) BCE) = l^gamma (l + gamma (1 - l) BCE)
    if isinstance(gamma, (int, float)):
        torch.addcmul(left, rest, crossentropy, value=gamma, out=slope)
    else:
        rest.mul_(crossentropy).mul_(gamma).add_(left)
    power = left * lowered(left, gamma)
    slope.mul_(power)
    slope.addcmul_(slope, y, value=-2)
    crossentropy.mul_(power)
    if alpha is not None:
        balance = y * alpha + (1 - y) * (1 - alpha)
        slope.mul_(balance)
        crossentropy.mul_(balance)
    return crossentropy


def focal_of_probabilities(
    p: Tensor,
    y: Tensor,
    slope: Tensor,
    gamma: Numbers,
    alpha: Numbers | None,
    smoothing: float,
    epsilon: float,
    form: str,
    *,
    want: Want = "values",
    alike: bool = False,
    hard: bool = False,
) -> Tensor:
    """v = l^gamma BCE(clip(p)), l = y (1 - p) + (1 - y) p of p itself; dv = l^(gamma - 1) (l dBCE + gamma (1 - 2 y) BCE)."""
    y = smoothed(y, smoothing)
    crossentropy = binary_of_probabilities(p, y, slope, 0.0, epsilon, form, hard=hard)
    left = torch.where(y == 0, p, 1 - p) if hard else torch.lerp(p, 1 - p, y)
    inner = torch.rsub(y, 1, alpha=2).mul_(crossentropy)
    slope.mul_(left).add_(inner.mul_(gamma))
    return _focal(left, crossentropy, slope, y, gamma, alpha)


def _focal(
    left: Tensor, crossentropy: Tensor, inner: Tensor, y: Tensor, gamma: Numbers, alpha: Numbers | None
) -> Tensor:
    """l^(gamma - 1) times what is left to multiply by it, values and slope."""
    lower = lowered(left, gamma)
    crossentropy.mul_(left).mul_(lower)
    inner.mul_(lower)
    if alpha is not None:
        balance = y * alpha + (1 - y) * (1 - alpha)
        inner.mul_(balance)
        crossentropy.mul_(balance)
    return crossentropy


def lowered(base: Tensor, gamma: Numbers) -> Tensor:
    """base^(gamma - 1) of a base that is not negative; 0 where it would be infinite, at 0 for gamma below 1."""
    if isinstance(gamma, (int, float)) and gamma >= 1:
        return base if gamma == 2 else base ** (gamma - 1)
    return torch.where(
        base == 0, 0.0 if isinstance(gamma, (int, float)) else (gamma == 1).to(base.dtype), base ** (gamma - 1)
    )


# --------------------------------------------------------------------------------------------------------- regression


def squared(p: Tensor, y: Tensor, slope: Tensor | None, *, want: Want = "values", alike: bool = False) -> Tensor:
    """v = (p - y)^2; what is left is dv / 2, for ``factor_of`` to double."""
    off = p - y if slope is None else torch.sub(p, y, out=slope)
    return off if want == "slope" else off * off


def absolute(p: Tensor, y: Tensor, slope: Tensor | None, *, want: Want = "values", alike: bool = False) -> Tensor:
    """v = |p - y|; dv = sign(p - y)."""
    off = p - y if slope is None else torch.sub(p, y, out=slope)
    found = off if want == "slope" else off.abs()
    if slope is not None:
        slope.sign_()
    return found


def huber(p: Tensor, y: Tensor, slope: Tensor, delta: float, *, want: Want = "values", alike: bool = False) -> Tensor:
    """v = e^2 / 2 up to delta, delta e - delta^2 / 2 beyond, e = |p - y|; dv = p - y, cut at delta."""
    off = p - y
    cut = torch.clamp(off, -delta, delta, out=slope)
    # With d = clamp(e): d e - d^2 / 2.
    return off.sub_(cut, alpha=0.5).mul_(cut)
