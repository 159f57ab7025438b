"""Losses of single elements: values and their derivatives, of any piece of predictions and targets.

Each function takes (p, y, slope), leaves dv / dp in the buffer ``slope`` where one is given, and returns the values, both in
precision that is the predictions'. With ``values=False`` the derivative alone is wanted. ``alike`` says that all elements count: only
then may a formula be chosen by their numbers, for what is left out must not change a bit of what is not.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from torchweights.closed_form.pieces import Piece

Numbers = Tensor | float


class Element(Protocol):
    """See above."""

    def __call__(
        self, p: Tensor, y: Tensor, slope: Tensor | None, *, values: bool = True, alike: bool = False
    ) -> Tensor: ...


# --------------------------------------------------------------------------------------------- elements make a loss


def averaged(element: Element, count: float, columns: Tensor | None, piece: Piece) -> Tensor:
    """sum(c mean(w v)) over a piece, each value a mean over ``count`` elements; ``columns`` are their weights w."""
    values = element(piece.y_pred, piece.y_true, piece.gradient, alike=piece.included is None and columns is None)
    c = piece.coefficient / count
    scaled = c * factor_of(element)
    if columns is None:
        piece.gradient.mul_(scaled)
    elif c.numel() == 1:
        piece.gradient.mul_(scaled * columns)
    else:
        piece.gradient.mul_(columns).mul_(scaled)
    return added_up(weighted_sum(values, c, columns))


def factor_of(element: Element) -> float:
    """What the derivative lacks that an element leaves."""
    return 2.0 if element is squared else 1.0


def weighted_sum(values: Tensor, c: Tensor, columns: Tensor | None = None) -> Tensor:
    """sum(c w v) of each sample of a piece, (n,); the values are spoiled."""
    if torch.compiler.is_compiling():
        weight = c if columns is None else c * columns
        return (values * weight).sum((1, 2, 3))
    if columns is None and c.shape[1] == c.shape[3] == 1:
        return by_sample(values) * c.view(-1)
    if values.shape[3] == 1 and values.shape[2] > 1:
        rows = values.reshape(-1, values.shape[2])
        weights = rows.new_ones(rows.shape[1]) if columns is None else columns.reshape(-1)
        values = rows.mv(weights).view(*values.shape[:2], 1, 1)
    elif columns is not None:
        values.mul_(columns)
    return by_sample(values.mul_(c))


#: numbers that one thread adds up
ROW = 1024


def by_sample(values: Tensor) -> Tensor:
    """The sum of each sample of a piece, (n,), in float64: to the bit the same with any number of threads, each of which has its rows."""
    flat = values.flatten(1)
    whole = flat.shape[1] // ROW * ROW
    sums = flat[:, whole:].sum(1, dtype=torch.float64)
    if not whole:
        return sums
    rows: Tensor = flat[:, :whole].unflatten(1, (-1, ROW))  # type: ignore[no-untyped-call]
    return sums + rows.sum(2).sum(1, dtype=torch.float64)


def added_up(values: Tensor) -> Tensor:
    """The sum of a piece."""
    return values.sum() if torch.compiler.is_compiling() else by_sample(values.reshape(1, -1))[0]


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


def binary_of_logits(z: Tensor, y: Tensor, slope: Tensor | None, smoothing: float = 0.0, *, values: bool = True, alike: bool = False) -> Tensor:  # fmt: skip
    """v = max(z, 0) - z y + ln(1 + e^-|z|); dv = sigmoid(z) - y."""
    y = smoothed(y, smoothing)
    if slope is not None:
        torch.sigmoid(z, out=slope).sub_(y)
    if not values:
        return z
    positive = torch.relu(z)
    small = torch.sub(z, positive, alpha=2).exp_().log1p_()
    return positive.addcmul_(z, y, value=-1).add_(small)


def binary_of_probabilities(
    p: Tensor,
    y: Tensor,
    slope: Tensor | None,
    smoothing: float,
    epsilon: float,
    form: str,
    *,
    values: bool = True,
    alike: bool = False,
) -> Tensor:
    """v = -(y ln q + (1 - y) ln(1 - q)), q the clipped p; dv = (q - y) / (q (1 - q)) within the clip."""
    y = smoothed(y, smoothing)
    inside = all_within(p, epsilon, 1 - epsilon)
    q = p if inside else p.clamp(epsilon, 1 - epsilon)
    added = epsilon if form.startswith("clip, add") else 0.0
    rest = (1 + added) - q if form == "clip, add, graph" else 1 - q
    if added and form != "clip, add, graph":
        rest.add_(added)
    above = q + added if added else q
    if slope is not None and added:
        torch.div(1 - y, rest, out=slope).sub_(y / above)
    elif slope is not None:
        torch.sub(q, y, out=slope).div_(q * rest)
    if slope is not None and not inside:
        slope.mul_(q == p)
    if not values:
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
    values: bool = True,
    alike: bool = False,
) -> Tensor:
    """v = l^gamma BCE, l = y (1 - p) + (1 - y) p; dv = l^(gamma - 1) (l (p - y) + gamma (1 - 2 y) p (1 - p) BCE)."""
    if alike and not smoothing and are_hard(y):
        return _focal_of_hard_logits(z, y, slope, gamma, alpha)
    y = smoothed(y, smoothing)
    crossentropy = binary_of_logits(z, y, slope)
    p, rest = torch.sigmoid(z), torch.sigmoid(-z)
    left = torch.lerp(p, rest, y)
    inner = p.mul_(rest).mul_(crossentropy).mul_((1 - 2 * y).mul_(gamma))
    slope.mul_(left).add_(inner)
    return _focal(left, crossentropy, slope, y, gamma, alpha)


def _focal_of_hard_logits(z: Tensor, y: Tensor, slope: Tensor, gamma: Numbers, alpha: Numbers | None) -> Tensor:
    """Labels 0 and 1 turn the sign of z: with t = z (1 - 2 y), l = sigmoid(t), v = l^gamma ln(1 + e^t)."""
    sign = torch.rsub(y, 1, alpha=2)
    t = z * sign
    left = torch.sigmoid(t)
    crossentropy = torch.relu(t)
    crossentropy.add_(t.sub_(crossentropy, alpha=2).exp_().log1p_())
    lower = left if isinstance(gamma, (int, float)) and gamma == 2 else lowered(left, gamma)
    # dv / dt = l^(gamma - 1) (l l + gamma l (1 - l) BCE) = l^gamma (l + gamma (1 - l) BCE)
    torch.sub(left.new_ones(()), left, out=slope).mul_(crossentropy).mul_(gamma).add_(left)
    crossentropy.mul_(left).mul_(lower)
    slope.mul_(left.mul_(lower) if left is not lower else left * left).mul_(sign)
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
    values: bool = True,
    alike: bool = False,
) -> Tensor:
    """v = l^gamma BCE(clip(p)), l = y (1 - p) + (1 - y) p of p itself; dv = l^(gamma - 1) (l dBCE + gamma (1 - 2 y) BCE)."""
    y = smoothed(y, smoothing)
    crossentropy = binary_of_probabilities(p, y, slope, 0.0, epsilon, form)
    left = torch.lerp(p, 1 - p, y)
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


def squared(p: Tensor, y: Tensor, slope: Tensor | None, *, values: bool = True, alike: bool = False) -> Tensor:
    """v = (p - y)^2; what is left is dv / 2, for ``factor_of`` to double."""
    off = p - y if slope is None else torch.sub(p, y, out=slope)
    return off * off if values else off


def absolute(p: Tensor, y: Tensor, slope: Tensor | None, *, values: bool = True, alike: bool = False) -> Tensor:
    """v = |p - y|; dv = sign(p - y)."""
    off = p - y if slope is None else torch.sub(p, y, out=slope)
    found = off.abs() if values else off
    if slope is not None:
        slope.sign_()
    return found


def huber(p: Tensor, y: Tensor, slope: Tensor, delta: float, *, values: bool = True, alike: bool = False) -> Tensor:
    """v = e^2 / 2 up to delta, delta e - delta^2 / 2 beyond, e = |p - y|; dv = p - y, cut at delta."""
    off = p - y
    cut = torch.clamp(off, -delta, delta, out=slope)
    # With d = clamp(e): d e - d^2 / 2.
    return off.sub_(cut, alpha=0.5).mul_(cut)
