"""Losses over classes, piece by piece: the weighted sum of the values, and its gradient into the piece's buffer.

Each function takes a piece, classes on the axis before the last, and returns sum(c v); the gradient it leaves is d sum / d z.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from torchweights.closed_form.adding import added_up
from torchweights.closed_form.elements import all_within, are_hard, lowered
from torchweights.closed_form.pieces import Piece
from torchweights.functional.precise import SAFE, log_of_sum

CLASSES = -2
Numbers = Tensor | float
#: what is divided by less, and weighed, may overflow
LEAST = 1e-30
#: classes that are gone through one after the other
FEW = 8


def _sum(tensor: Tensor) -> Tensor:
    """Over the classes; few one after the other where they are last, which is faster, or first, so that threads share the values.

    A product with ones is as fast, but now and then its threads have other rows than those of the steps beside it: a whole process
    long they would fetch each other's numbers.
    """
    last = tensor.shape[3] == 1 and tensor.shape[2] < FEW
    if (last or _are_first(tensor)) and not torch.compiler.is_compiling():
        first, *others = tensor.unbind(CLASSES)
        return functools.reduce(Tensor.add_, others, first.clone()).unsqueeze(CLASSES)
    return tensor.sum(CLASSES, keepdim=True)


def _are_first(tensor: Tensor) -> bool:
    """Whether few classes come before all else: threads share the classes then, but the values in what goes over the classes."""
    return tensor.shape[0] == tensor.shape[1] == 1 and tensor.shape[2] < FEW


def _shared_alike(step: Callable[..., object], *tensors: Tensor) -> None:
    """A step of which each thread has the values that it has in what goes over the classes."""
    if _are_first(tensors[0]):
        for one_class in zip(*(tensor.unbind(CLASSES) for tensor in tensors), strict=True):
            step(*one_class)
    else:
        step(*tensors)


# ------------------------------------------------------------------------------------------------------------ logits, labels


def _zeros(like: Tensor) -> Tensor:
    """Without memory; torch scatters them in half the time of a number."""
    return like.new_zeros(()).expand_as(like)


def crossentropy_of_labels(piece: Piece) -> Tensor:
    """v = ln(1 + sum of e^(z_j - z_y) over the classes j but y, the label); dv = softmax(z) - [j = y]."""
    z, labels, c = piece.y_pred, piece.y_true, piece.coefficient
    at_label = z.gather(CLASSES, labels)
    # Unshifted, exponentials are exact in their argument, unless they overflow or vanish.
    if not all_within(z, math.log(z.shape[CLASSES]) - SAFE, SAFE - math.log(z.shape[CLASSES])):
        return _shifted_crossentropy_of_labels(piece, at_label)
    exponentials = piece.gradient
    _shared_alike(lambda some, out: torch.exp(some, out=out), z, exponentials)
    exponentials.scatter_(CLASSES, labels, _zeros(at_label))
    others, inverse = _sum(exponentials), at_label.neg().exp_()
    each = at_label.exp_().add_(others)
    torch.div(c, each, out=each)
    _shared_alike(Tensor.mul_, exponentials, each.expand_as(exponentials))
    exponentials.scatter_(CLASSES, labels, torch.mul(others, each, out=each).neg_())
    # As below, to the bit: what is left out, and may hold anything, must not show in its neighbours.
    return added_up(others.mul_(inverse).log1p_().mul_(c))


def _shifted_crossentropy_of_labels(piece: Piece, at_label: Tensor) -> Tensor:
    """The same where logits are large: against the largest."""
    z, labels, c = piece.y_pred, piece.y_true, piece.coefficient
    largest = z.amax(CLASSES, keepdim=True)
    shift, far = torch.where(largest.abs() <= SAFE, 0.0, largest), largest - at_label > SAFE
    exponentials = torch.exp(z - shift, out=piece.gradient).scatter_(CLASSES, labels, _zeros(at_label))
    others, behind = _sum(exponentials), shift - at_label
    each = c / (others + (-behind).exp())
    exponentials.mul_(each)
    exponentials.scatter_(CLASSES, labels, (others * each).neg_())
    return added_up(log_of_sum(others, behind, far) * c)


def _is_label(piece: Piece) -> Tensor:
    classes = torch.arange(piece.y_pred.shape[CLASSES], device=piece.y_pred.device)
    return classes[:, None] == piece.y_true


def whole_crossentropy_of_labels(piece: Piece) -> Tensor:
    """``crossentropy_of_labels`` without a branch and without gathering, for the compiler; a label that is no class gives NaN."""
    z, labels, c = piece.y_pred, piece.y_true, piece.coefficient
    here, known = _is_label(piece), (labels >= 0) & (labels < z.shape[CLASSES])
    largest, at_label = z.amax(CLASSES, keepdim=True), _sum(torch.where(here, z, 0.0))
    shift, far = torch.where(largest.abs() <= SAFE, 0.0, largest), largest - at_label > SAFE
    others, behind = _sum(torch.where(here, 0.0, (z - shift).exp())), shift - at_label
    each = torch.where(known, c / (others + (-behind).exp()), 0.0)
    # An exponential that is used twice would be kept, in memory as large as the predictions: this one is another.
    piece.gradient.copy_(torch.where(here, -others * each, each / (shift - z).exp()))
    return added_up(torch.where(known, log_of_sum(others, behind, far), torch.nan) * c)


def smoothed_crossentropy_of_labels(piece: Piece, smoothing: float) -> Tensor:
    """v = ln(sum e^z) - (1 - a) z_y - a mean(z)."""
    z, labels, c = piece.y_pred, piece.y_true, piece.coefficient
    at_label, mean = z.gather(CLASSES, labels), z.mean(CLASSES, keepdim=True)
    largest, exponentials, others = _shifted(z, piece.gradient)
    values = others.log1p() + (1 - smoothing) * (largest - at_label) + smoothing * (largest - mean)
    exponentials.mul_(c / (1 + others)).sub_(c * (smoothing / z.shape[CLASSES]))
    exponentials.scatter_add_(CLASSES, labels, (c * (smoothing - 1)).expand_as(labels))
    return added_up(values * c)


# ---------------------------------------------------------------------------------------------- logits, a target for each class


#: beside 1 float64 has the digits of what is larger
_SMALL = 1e-7


def _shifted(z: Tensor, out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """max z, e^(z - max), and the sum of these without the 1 of the largest, which would swallow a small rest."""
    largest = z.amax(CLASSES, keepdim=True)
    exponentials = torch.exp(z - largest, out=out)
    if z.dtype != torch.float64 and not torch.compiler.is_compiling():
        others = (exponentials.sum(CLASSES, keepdim=True, dtype=torch.float64) - 1).to(z.dtype)
        if float(others.amin()) <= _SMALL:
            others = torch.where(others > _SMALL, others, _others(exponentials))
        return largest, exponentials, others
    return largest, exponentials, _others(exponentials)


def _others(exponentials: Tensor) -> Tensor:
    """The sum of all but the largest, which is 1."""
    # -e where e < 1, else 0; where several are the largest, all but one count.
    rest = -_sum(F.threshold(exponentials.neg(), -1.0, 0.0))
    ties = (_sum(exponentials) - rest).round_() - 1
    return rest + ties


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
    return added_up(values * c)


def focal_of_targets(piece: Piece, alpha: Numbers, gamma: Numbers, smoothing: float, classes: int) -> Tensor:
    """v = -sum(alpha (1 - r)^gamma y ln r), r = softmax(z); dv_j = a_j - r_j sum(a), a = r dv / dr."""
    if piece.included is None and not smoothing and not isinstance(gamma, Tensor) and _are_one_hot(piece.y_true):
        return _focal_of_one_hot(piece, alpha, gamma)
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
    return -added_up(values)


def _are_one_hot(y: Tensor) -> bool:
    """Whether at most one class of each value is 1, and all others 0."""
    return are_hard(y) and float(_sum(y).amax()) <= 1


def _focal_of_one_hot(piece: Piece, alpha: Numbers, gamma: float) -> Tensor:
    """The same where one class of each value has a term: r, v and a are numbers of the value, not of its classes."""
    z, y = piece.y_pred, piece.y_true
    largest, exponentials, others = _shifted(z, piece.gradient)
    weight = piece.coefficient * (_sum(y) * alpha if isinstance(alpha, float) else _sum(y * alpha))
    log_r = (_sum(y * z) - largest).sub_(others.log1p())
    r, rest = log_r.exp(), torch.expm1(log_r).neg_()
    weight.mul_(lowered(rest, gamma))
    # a = -weight rest^(gamma - 1) (rest - gamma r ln r)
    a = r.mul_(log_r).mul_(gamma).sub_(rest).mul_(weight)
    exponentials.mul_(a / others.add_(1).neg_()).addcmul_(y, a)
    return -added_up(log_r.mul_(rest).mul_(weight))


# ---------------------------------------------------------------------------------------------------------------- probabilities


def _vanishes(total: Tensor) -> bool:
    """Whether probabilities are too small for a slope, even of what is left out: the loss is NaN then."""
    return not torch.compiler.is_compiling() and not all_within(total, LEAST, torch.inf)


def crossentropy_of_probabilities_at_labels(piece: Piece, form: str, epsilon: float) -> Tensor:
    """v = -ln clip(p_y / sum(p)), or clipped before it is normalised."""
    p, labels, c = piece.y_pred, piece.y_true, piece.coefficient
    at_label = p.gather(CLASSES, labels)
    if form == "clip first":
        inside = all_within(p, epsilon, 1 - epsilon)
        q, own = (p, at_label) if inside else (p.clamp(epsilon, 1 - epsilon), at_label.clamp(epsilon, 1 - epsilon))
        total = _sum(q)
        slope = c / total
        piece.gradient.copy_(slope.expand_as(p))
        if not inside:
            piece.gradient.mul_(q == p)
        slope = (slope - c / own).mul_(own == at_label)
        values = (total / own).log_()
    else:
        total = _sum(p)
        if _vanishes(total):
            return total.new_full((), torch.nan)
        share = at_label / total
        clipped = share.clamp(epsilon, 1 - epsilon)
        acting = (clipped == share) * c
        slope = acting / total
        piece.gradient.copy_(slope.expand_as(p))
        slope.sub_(torch.where(acting == 0, 0.0, acting / at_label))
        values = clipped.log_().neg_()
    piece.gradient.scatter_(CLASSES, labels, slope)
    return added_up(values.mul_(c))


def whole_crossentropy_of_probabilities_at_labels(piece: Piece, form: str, epsilon: float) -> Tensor:
    """``crossentropy_of_probabilities_at_labels`` without gathering, for the compiler."""
    p, c, here = piece.y_pred, piece.coefficient, _is_label(piece)
    known = (piece.y_true >= 0) & (piece.y_true < p.shape[CLASSES])
    if form == "clip first":
        q = p.clamp(epsilon, 1 - epsilon)
        total, at_label = _sum(q), _sum(torch.where(here, q, 0.0))
        slope = torch.where(q == p, 1 / total - torch.where(here, 1 / at_label, 0.0), 0.0)
        piece.gradient.copy_(torch.where(known, slope * c, 0.0))
        return added_up(torch.where(known, (total / at_label).log(), torch.nan) * c)
    total, at_label = _sum(p), _sum(torch.where(here, p, 0.0))
    share = at_label / total
    clipped = share.clamp(epsilon, 1 - epsilon)
    acting = torch.where(known & (clipped == share), c, 0.0)
    slope = acting / total
    piece.gradient.copy_(torch.where(here, slope - torch.where(acting == 0, 0.0, acting / at_label), slope))
    return -added_up(torch.where(known, clipped.log(), torch.nan) * c)


def crossentropy_of_probabilities(piece: Piece, smoothing: float, classes: int, epsilon: float) -> Tensor:
    """v = -sum(y ln clip(p / sum(p))); dv_j = sum of y within the clip / sum(p) - y_j / p_j."""
    if piece.y_true.dtype == torch.int64:
        return crossentropy_of_probabilities_at_labels(piece, "normalise first", epsilon)
    p, y, c = piece.y_pred, smoothed(piece.y_true, smoothing, classes), piece.coefficient
    total = _sum(p)
    if _vanishes(total):
        return total.new_full((), torch.nan)
    share = torch.div(p, total, out=piece.gradient)
    clipped = share.clamp(epsilon, 1 - epsilon)
    acting = y if all_within(share, epsilon, 1 - epsilon) else y * (clipped == share)
    values = _sum(clipped.log_().mul_(y))
    # y / p is 0 where y is, whatever p is.
    zeros = not all_within(p, LEAST, torch.inf)
    quotient = torch.where(acting == 0, 0.0, acting / p) if zeros else acting / p
    torch.sub(_sum(acting) / total, quotient, out=piece.gradient).mul_(c)
    return -added_up(values * c)


def focal_of_probabilities(
    piece: Piece, alpha: Numbers, gamma: Numbers, smoothing: float, classes: int, epsilon: float, of_logits: bool
) -> Tensor:
    """v = -sum(alpha (1 - r)^gamma y ln r), r = clip(p / sum(p)), p = softmax(z) for logits."""
    z, y, c = piece.y_pred, smoothed(piece.y_true, smoothing, classes), piece.coefficient
    p = z.softmax(CLASSES) if of_logits else z
    total = _sum(p)
    if _vanishes(total):
        return total.new_full((), torch.nan)
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
    return -added_up(values)


# ---------------------------------------------------------------------------------------------------------------- expected cost


def expected_cost(piece: Piece, by_true: Tensor, of_logits: bool) -> Tensor:
    """v = sum_j C_j p_j, C the costs of the true class; dv_j = p_j (C_j - v) to logits, C_j to probabilities."""
    z, c = piece.y_pred, piece.coefficient
    costs = _costs(piece, by_true)
    if not of_logits:
        torch.mul(costs, c, out=piece.gradient)
        return added_up((costs * z).mul_(c))
    _, exponentials, others = _shifted(z, piece.gradient)
    p = exponentials.div_(1 + others)
    values = _sum(costs * p)
    p.mul_((costs - values).mul_(c))
    return added_up(values * c)


def logarithmic_cost(piece: Piece, by_true: Tensor, of_logits: bool, epsilon: float) -> Tensor:
    """v = -sum_j C_j ln(1 - p_j); dv_j = C_j / (1 - p_j) to probabilities, and to logits a_j - p_j sum(a), a = C p / (1 - p)."""
    z, c = piece.y_pred, piece.coefficient
    costs = _costs(piece, by_true)
    if not of_logits:
        rest = 1 - z
        clipped = rest.clamp(epsilon, 1 - epsilon)
        torch.mul(costs / clipped, c * (clipped == rest), out=piece.gradient)
        return -added_up(clipped.log_().mul_(costs) * c)
    _, exponentials, others = _shifted(z, piece.gradient)
    p = exponentials.div_(1 + others)
    # 1 - p has no digits where p is nearly 1, but the share of the others; where that vanishes the loss is not finite here.
    sure, free = p > 0.5, costs == 0
    rest_of_sure = torch.where(others < LEAST, 0.0, others / (1 + others))
    quotient = torch.where(free, 0.0, costs / torch.where(sure, rest_of_sure, 1 - p))
    values = torch.where(free, 0.0, torch.where(sure, rest_of_sure.log(), torch.log1p(-p)).mul_(costs))
    # Of the sure class a - p a is C p: the difference would have no digits either.
    shares = p * quotient
    of_sure, among = _sum(torch.where(sure, shares, 0.0)), _sum(torch.where(sure, 0.0, shares))
    p.mul_(torch.where(sure, costs, quotient - of_sure).sub_(among).mul_(c))
    return -added_up(values * c)


def _costs(piece: Piece, by_true: Tensor) -> Tensor:
    """The costs of every class beside the true one, where the classes are."""
    y = piece.y_true
    if y.is_floating_point():
        return by_true.T @ y
    return by_true.T[:, y.squeeze(CLASSES)].movedim(0, CLASSES)
