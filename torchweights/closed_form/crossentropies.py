"""Losses over classes, piece by piece: the weighted sum of the values, and its gradient into the piece's buffer.

Each function takes a piece, classes on the axis before the last, and returns sum(c v); the gradient it leaves is d sum / d z.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from torchweights.closed_form.elements import lowered
from torchweights.closed_form.pieces import Piece
from torchweights.functional.precise import SAFE, log_of_sum

CLASSES = -2
Numbers = Tensor | float


def _sum(tensor: Tensor) -> Tensor:
    return tensor.sum(CLASSES, keepdim=True)


def _all_near(logits: Tensor) -> bool:
    """Whether no two logits are so far apart that e^z, unshifted, could overflow or vanish beside another."""
    least, most = torch.aminmax(logits)
    return float(least) >= -SAFE / 2 and float(most) <= SAFE / 2


# ------------------------------------------------------------------------------------------------------------ logits, labels


def crossentropy_of_labels(piece: Piece) -> Tensor:
    """v = ln(1 + sum of e^(z_j - z_y) over the classes j but y, the label); dv = softmax(z) - [j = y]."""
    z, labels, c = piece.y_pred, piece.y_true, piece.coefficient
    at_label = z.gather(CLASSES, labels)
    if _all_near(z):
        shift = far = None
        exponentials = torch.exp(z, out=piece.gradient)
    else:
        largest = z.amax(CLASSES, keepdim=True)
        shift, far = torch.where(largest.abs() <= SAFE, 0.0, largest), largest - at_label > SAFE
        exponentials = torch.sub(z, shift, out=piece.gradient).exp_()
    exponentials.scatter_(CLASSES, labels, torch.zeros_like(at_label))
    others = _sum(exponentials)
    behind = -at_label if shift is None else shift - at_label
    each = c / (others + (-behind).exp())
    exponentials.mul_(each).scatter_(CLASSES, labels, (others * each).neg_())
    return (log_of_sum(others, behind, far) * c).sum()


def _is_label(piece: Piece) -> Tensor:
    classes = torch.arange(piece.y_pred.shape[CLASSES], device=piece.y_pred.device)
    return classes[:, None] == piece.y_true


def whole_crossentropy_of_labels(piece: Piece) -> Tensor:
    """``crossentropy_of_labels`` without a branch and without gathering, for the compiler; a label that is no class gives NaN."""
    z, labels, c = piece.y_pred, piece.y_true, piece.coefficient
    here = _is_label(piece)
    largest = z.amax(CLASSES, keepdim=True)
    at_label = _sum(torch.where(here, z, 0.0))
    exponentials = torch.where(here, 0.0, (z - largest).exp())
    others, own = _sum(exponentials), (at_label - largest).exp()
    # own is 1 where the label is the largest, so that a small rest is added to an exact 0.
    values = (others + (own - 1)).log1p() + (largest - at_label)
    each = c / (others + own)
    known = (labels >= 0) & (labels < z.shape[CLASSES])
    piece.gradient.copy_(torch.where(known, torch.where(here, -others * each, exponentials * each), 0.0))
    return (torch.where(known, values, torch.nan) * c).sum()


def smoothed_crossentropy_of_labels(piece: Piece, smoothing: float) -> Tensor:
    """v = ln(sum e^z) - (1 - a) z_y - a mean(z)."""
    z, labels, c = piece.y_pred, piece.y_true, piece.coefficient
    at_label, mean = z.gather(CLASSES, labels), z.mean(CLASSES, keepdim=True)
    largest, exponentials, others = _shifted(z, piece.gradient)
    values = others.log1p() + (1 - smoothing) * (largest - at_label) + smoothing * (largest - mean)
    exponentials.mul_(c / (1 + others)).sub_(c * (smoothing / z.shape[CLASSES]))
    exponentials.scatter_add_(CLASSES, labels, (c * (smoothing - 1)).expand_as(labels))
    return (values * c).sum()


# ---------------------------------------------------------------------------------------------- logits, a target for each class


def _shifted(z: Tensor, out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """max z, e^(z - max), and the sum of these without the 1 of the largest, which would swallow a small rest."""
    largest = z.amax(CLASSES, keepdim=True)
    exponentials = torch.sub(z, largest, out=out).exp_()
    # -e where e < 1, else 0; where several are the largest, all but one count.
    rest = -_sum(F.threshold(exponentials.neg(), -1.0, 0.0))
    ties = (_sum(exponentials) - rest).round_() - 1
    return largest, exponentials, rest + ties


def smoothed(y: Tensor, smoothing: float, classes: int) -> Tensor:
    """y (1 - a) + a / C."""
    return y * (1 - smoothing) + smoothing / classes if smoothing else y


def crossentropy_of_targets(piece: Piece, smoothing: float, classes: int) -> Tensor:
    """v = sum(y (ln(sum e^z) - z)); dv = softmax(z) sum(y) - y."""
    z, y, c = piece.y_pred, smoothed(piece.y_true, smoothing, classes), piece.coefficient
    largest, exponentials, others = _shifted(z, piece.gradient)
    total = _sum(y)
    values = _sum((largest - z).mul_(y)) + others.log1p() * total
    exponentials.mul_(c * total / (1 + others)).sub_(y * c)
    return (values * c).sum()


def focal_of_targets(piece: Piece, alpha: Numbers, gamma: Numbers, smoothing: float, classes: int) -> Tensor:
    """v = -sum(alpha (1 - r)^gamma y ln r), r = softmax(z); dv_j = a_j - r_j sum(a), a = r dv / dr."""
    z, y, c = piece.y_pred, smoothed(piece.y_true, smoothing, classes), piece.coefficient
    largest, exponentials, others = _shifted(z, piece.gradient)
    log_r = (z - largest).sub_(others.log1p())
    r = exponentials.div_(1 + others)
    rest = torch.expm1(log_r).neg_()
    weighted = y * c * alpha
    lower = lowered(rest, gamma)
    values = (weighted * log_r).mul_(lower).mul_(rest)
    # a = -alpha y (rest^gamma - gamma r rest^(gamma - 1) ln r)
    a = log_r.mul_(r).mul_(gamma).sub_(rest).mul_(lower).mul_(weighted)
    torch.addcmul(a, r, _sum(a), value=-1, out=piece.gradient)
    return values.sum().neg_()


# ---------------------------------------------------------------------------------------------------------------- probabilities


def crossentropy_of_probabilities_at_labels(piece: Piece, form: str, epsilon: float) -> Tensor:
    """v = -ln clip(p_y / sum(p)), or clipped before it is normalised."""
    p, labels, c = piece.y_pred, piece.y_true, piece.coefficient
    if form == "clip first":
        q = p.clamp(epsilon, 1 - epsilon)
        total, at_label = _sum(q), q.gather(CLASSES, labels)
        torch.eq(q, p, out=(inside := torch.empty_like(p, dtype=torch.bool)))
        piece.gradient.copy_(inside).mul_(c / total)
        piece.gradient.scatter_add_(CLASSES, labels, -(c / at_label) * inside.gather(CLASSES, labels))
        return ((total / at_label).log() * c).sum()
    total, at_label = _sum(p), p.gather(CLASSES, labels)
    share = at_label / total
    inside = (share >= epsilon) & (share <= 1 - epsilon)
    acting = torch.where(inside, c, 0.0)
    piece.gradient.copy_((acting / total).expand_as(p))
    piece.gradient.scatter_add_(CLASSES, labels, torch.where(inside, -acting / at_label, 0.0))
    return (share.clamp(epsilon, 1 - epsilon).log() * c).sum().neg_()


def whole_crossentropy_of_probabilities_at_labels(piece: Piece, form: str, epsilon: float) -> Tensor:
    """``crossentropy_of_probabilities_at_labels`` without gathering, for the compiler."""
    here, known = _is_label(piece), (piece.y_true >= 0) & (piece.y_true < piece.y_pred.shape[CLASSES])
    targets = replace(piece, y_true=here.to(piece.y_pred.dtype))
    if form == "clip first":
        p, c = piece.y_pred, piece.coefficient
        q = p.clamp(epsilon, 1 - epsilon)
        total, at_label = _sum(q), _sum(torch.where(here, q, 0.0))
        slope = torch.where(q == p, 1 / total - torch.where(here, 1 / at_label, 0.0), 0.0)
        piece.gradient.copy_(torch.where(known, slope * c, 0.0))
        return (torch.where(known, (total / at_label).log(), torch.nan) * c).sum()
    found = crossentropy_of_probabilities(targets, 0.0, 1, epsilon)
    return torch.where(known, 0.0, torch.nan * piece.coefficient).sum() + found


def crossentropy_of_probabilities(piece: Piece, smoothing: float, classes: int, epsilon: float) -> Tensor:
    """v = -sum(y ln clip(p / sum(p))); dv_j = sum of y within the clip / sum(p) - y_j / p_j."""
    p, y, c = piece.y_pred, smoothed(piece.y_true, smoothing, classes), piece.coefficient
    total = _sum(p)
    share = torch.div(p, total, out=piece.gradient)
    clipped = share.clamp(epsilon, 1 - epsilon)
    acting = y * (clipped == share)
    values = _sum(clipped.log_().mul_(y))
    # y / p is 0 where y is, whatever p is.
    zeros = torch.compiler.is_compiling() or bool((p == 0).any())
    quotient = torch.where(acting == 0, 0.0, acting / p) if zeros else acting / p
    torch.sub(_sum(acting) / total, quotient, out=piece.gradient).mul_(c)
    return (values * c).sum().neg_()


def focal_of_probabilities(
    piece: Piece, alpha: Numbers, gamma: Numbers, smoothing: float, classes: int, epsilon: float, of_logits: bool
) -> Tensor:
    """v = -sum(alpha (1 - r)^gamma y ln r), r = clip(p / sum(p)), p = softmax(z) for logits."""
    z, y, c = piece.y_pred, smoothed(piece.y_true, smoothing, classes), piece.coefficient
    p = z.softmax(CLASSES) if of_logits else z
    total = _sum(p)
    share = p / total
    r = share.clamp(epsilon, 1 - epsilon)
    rest, log_r, weighted = 1 - r, r.log(), y * c * alpha
    lower = lowered(rest, gamma)
    values = (weighted * log_r).mul_(lower).mul_(rest)
    # h = dv / dr within the clip
    h = (log_r * gamma).sub_(rest / r).mul_(lower).mul_(weighted * (r == share))
    among = _sum(h * share)
    torch.sub(h, among, out=piece.gradient)
    if of_logits:
        piece.gradient.mul_(share)
    else:
        piece.gradient.div_(total)
    return values.sum().neg_()


# ---------------------------------------------------------------------------------------------------------------- expected cost


def expected_cost(piece: Piece, by_true: Tensor, of_logits: bool) -> Tensor:
    """v = sum_j C_j p_j, C the costs of the true class; dv_j = p_j (C_j - v) to logits, C_j to probabilities."""
    z, c = piece.y_pred, piece.coefficient
    costs = _costs(piece, by_true)
    if not of_logits:
        torch.mul(costs, c, out=piece.gradient)
        return (costs * z).mul_(c).sum()
    _, exponentials, others = _shifted(z, piece.gradient)
    p = exponentials.div_(1 + others)
    values = _sum(costs * p)
    p.mul_((costs - values).mul_(c))
    return (values * c).sum()


def logarithmic_cost(piece: Piece, by_true: Tensor, of_logits: bool, epsilon: float) -> Tensor:
    """v = -sum_j C_j ln(1 - p_j); dv_j = a_j - p_j sum(a) to logits, a = C p / (1 - p), and C / (1 - p) to probabilities."""
    z, c = piece.y_pred, piece.coefficient
    costs = _costs(piece, by_true)
    if not of_logits:
        rest = 1 - z
        clipped = rest.clamp(epsilon, 1 - epsilon)
        torch.mul(costs / clipped, c * (clipped == rest), out=piece.gradient)
        return (clipped.log_().mul_(costs) * c).sum().neg_()
    _, exponentials, others = _shifted(z, piece.gradient)
    p = exponentials.div_(1 + others)
    # 1 - p has no digits where p is nearly 1: there it is the share of the others.
    rest = torch.where(p > 0.5, others / (1 + others), 1 - p)
    free = costs == 0
    quotient = torch.where(free, 0.0, costs * p / rest)
    values = torch.where(free, 0.0, rest.log_().mul_(costs))
    torch.sub(quotient, p * _sum(quotient), out=piece.gradient).mul_(c)
    return (values * c).sum().neg_()


def _costs(piece: Piece, by_true: Tensor) -> Tensor:
    """The costs of every class beside the true one, where the classes are."""
    y = piece.y_true
    if y.is_floating_point():
        return by_true.T @ y
    return by_true.T[:, y.squeeze(CLASSES)].movedim(0, CLASSES)
