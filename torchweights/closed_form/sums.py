"""Sums over a batch that a loss is made of, with their gradient in one buffer: what overlap losses and batch errors need.

The few sums go on through autograd; only the way from predictions to them is in closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torchweights.closed_form.adding import by_sample
from torchweights.closed_form.elements import Element, smoothed
from torchweights.closed_form.function import Check, Given
from torchweights.closed_form.fusing import ANYTHING, Compiled, Expected, or_nan, pays, whole
from torchweights.closed_form.pages import in_large_pages
from torchweights.closed_form.pieces import Batch, Piece, layout_of
from torchweights.closed_form.weighing import factor_of, summed
from torchweights.closed_form.whole import whole_binary, whole_sigmoid

CLASSES = -2
#: the axes of a piece over which sums go
WITHIN = (1, 3)


@dataclass(frozen=True)
class Sums:
    """Sums of a piece, (J, n, C), and how the gradient of a piece follows from those of the sums, (J, n, 1, C, 1).

    ``of_piece`` leaves in the piece's buffer what ``slope`` makes the gradient of. ``spans`` and ``harmless`` as in ``ClosedForm``; C
    is 1 without ``spans``, or for sums over what they span.
    """

    of_piece: Callable[[Piece], Tensor]
    slope: Callable[[Piece, Tensor], None]
    spans: tuple[int, ...]
    turned: bool = False
    harmless: float = 0.5
    #: the same as ``of_piece`` for the compiler, where it would compute what both need twice
    of_whole: Callable[[Piece], Tensor] | None = None


def closed_sums(
    form: Sums,
    given: Given,
    plain: Callable[[Tensor], Tensor],
    compiled: Compiled | None = None,
    check: Check | None = None,
) -> Tensor | None:
    """The sums, (J, N, C); None where the plain path is needed. ``plain`` computes the same through autograd, ``check`` was not made yet."""
    layout = layout_of(given.y_pred, form.spans)
    if layout is None or layout.order[0] != 0 or (form.spans and 0 in form.spans):
        return None
    batch = Batch(layout, given.y_pred.detach(), given.y_true, given.coefficient, given.included)
    if compiled is not None and not pays(batch, form.turned):
        compiled = None
    if compiled is None and given.y_pred.device.type != "cpu":
        return None
    wants_gradient = given.y_pred.requires_grad and torch.is_grad_enabled()
    return SumsOfPieces.apply(given.y_pred, form, batch, plain, compiled, check, wants_gradient)  # type: ignore[no-untyped-call, no-any-return]


def _shown(form: Sums, piece: Piece) -> Piece:
    return piece if piece.included is None else piece.hidden(piece.included, form.harmless)


def _sums_of_whole(form: Sums, expected: Expected, y_pred: Tensor, y_true: Tensor, coefficient: Tensor, included: Tensor | None,
                   left: Tensor | None) -> Tensor:  # fmt: skip
    piece = Piece(y_pred, y_true, coefficient, included, torch.empty_like(y_pred) if left is None else left)
    return (form.of_whole or form.of_piece)(or_nan(expected, _shown(form, piece)))


def _slope_of_whole(form: Sums, slopes: Tensor, y_pred: Tensor, y_true: Tensor, coefficient: Tensor, included: Tensor | None,
                    left: Tensor) -> Tensor:  # fmt: skip
    piece = _shown(form, Piece(y_pred, y_true, coefficient, included, left))
    form.slope(piece, slopes)
    return piece.gradient if included is None else piece.gradient.mul_(included)


def _summed(
    form: Sums, batch: Batch, left: Tensor | None, compiled: Compiled | None, check: Check | None = None
) -> Tensor:
    """The sums, (J, N, C); the buffer ``left`` holds what their slopes are made of."""
    if compiled is not None:
        piece = whole(batch)
        found: Tensor | None = compiled(
            _sums_of_whole, form, ANYTHING if check is None else check.expected, piece.y_pred, piece.y_true,
            piece.coefficient, piece.included, None if left is None else batch.layout.viewed(left),
        )  # fmt: skip
        if found is not None:
            if check is not None and bool(found.isnan().any()):
                check.thoroughly()
            return found
    if check is not None:
        check.thoroughly()
    return _sums_of_pieces(form, batch, left)


def _sums_of_pieces(form: Sums, batch: Batch, left: Tensor | None) -> Tensor:
    total: Tensor | None = None
    for cut, piece in batch.cut_pieces(left):
        part = form.of_piece(_shown(form, piece)).double()
        total = part.new_zeros(len(part), batch.layout.sizes[0], part.shape[2]) if total is None else total
        total[:, cut[0]] += part
    assert total is not None
    return total.to(batch.y_pred.dtype)


def _to_gradient(form: Sums, batch: Batch, left: Tensor, compiled: Compiled | None, slopes: Tensor) -> None:
    """What the sums left becomes the gradient, of the slopes of the sums."""
    if compiled is not None:
        piece = whole(batch, left)
        made = compiled(
            _slope_of_whole, form, slopes[:, :, None, :, None], piece.y_pred, piece.y_true, piece.coefficient,
            piece.included, piece.gradient,
        )  # fmt: skip
        if made is not None:
            return
    for cut, piece in batch.cut_pieces(left):
        form.slope(_shown(form, piece), slopes[:, cut[0], None, :, None])
        if piece.included is not None:
            piece.gradient.mul_(piece.included)


def _buffer(batch: Batch) -> Tensor:
    return in_large_pages(torch.empty_like(batch.y_pred))


class SumsOfPieces(torch.autograd.Function):
    """Sums of a batch; the gradient is made of what the forward left when it is asked for."""

    @staticmethod
    def forward(ctx: Any, y_pred: Tensor, form: Sums, batch: Batch, plain: Callable[[Tensor], Tensor], compiled: Compiled | None, check: Check | None, wants_gradient: bool) -> Tensor:  # fmt: skip
        ctx.form, ctx.batch, ctx.plain, ctx.compiled = form, batch, plain, compiled
        ctx.save_for_backward(y_pred)
        ctx.left = _buffer(batch) if wants_gradient else None
        return _summed(form, batch, ctx.left, compiled, check)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, None, None, None, None, None, None]:
        (slope,), form, batch, compiled = slopes, ctx.form, ctx.batch, ctx.compiled
        if torch.is_grad_enabled() or torch._C._functorch.is_legacy_batchedtensor(slope):
            (y_pred,) = ctx.saved_tensors
            with torch.enable_grad():
                sums = ctx.plain(y_pred)
            (found,) = torch.autograd.grad(sums, y_pred, slope.expand_as(sums), create_graph=torch.is_grad_enabled())
            return found, None, None, None, None, None, None
        # The buffer is handed out: for who asks a second time it is filled again.
        gradient, ctx.left = ctx.left, None
        if gradient is None:
            _summed(form, batch, gradient := _buffer(batch), compiled)
        _to_gradient(form, batch, gradient, compiled, slope)
        return gradient, None, None, None, None, None, None


# ----------------------------------------------------------------------------------------------------------------- overlap


def probabilities(piece: Piece, activation: str) -> Tensor:
    """What predictions become, in the piece's buffer if they are not that already."""
    if activation == "none":
        return piece.y_pred
    if activation == "sigmoid":
        if torch.compiler.is_compiling():
            return piece.gradient.copy_(whole_sigmoid(piece.y_pred)[0])
        return torch.sigmoid(piece.y_pred, out=piece.gradient)
    return piece.gradient.copy_(piece.y_pred.softmax(CLASSES))


def _targets(piece: Piece, like: Tensor) -> Tensor:
    """Targets for each class, of labels too."""
    if piece.y_true.is_floating_point():
        return piece.y_true
    one_hot = torch.zeros_like(like)
    return one_hot.scatter_(CLASSES, piece.y_true, 1.0)


def overlap_of_piece(
    piece: Piece, activation: str, columns: Tensor | None = None, *, axes: tuple[int, ...] = WITHIN
) -> Tensor:
    """sum(w y p), sum(w y (1 - p)), sum(w (1 - y) p), sum(w y), p the probabilities; summed over ``axes`` of the piece."""

    p = probabilities(piece, activation)
    y = _targets(piece, p)
    w = piece.coefficient if columns is None else piece.coefficient * columns
    if w.numel() != 1:
        weighted = y * w
        both = weighted * p
        alarms = (w * p).sub_(both)
    else:
        weighted, both = y, y * p
        alarms = p - both
    missed = weighted - both
    sums = torch.stack([one.sum(axes).reshape(len(one), -1) for one in (both, missed, alarms, weighted)])
    return sums if w.numel() != 1 else sums * w.reshape(())


def overlap_slope(piece: Piece, slopes: Tensor, activation: str, columns: Tensor | None = None) -> None:
    """d = w (y (d both - d missed - d alarms) + d alarms) to probabilities, and on to what they were made of."""
    w, p = piece.coefficient if columns is None else piece.coefficient * columns, piece.gradient
    d_both, d_missed, d_alarms, _ = slopes
    y, of_y = _targets(piece, p), d_both - d_missed - d_alarms
    # To probabilities themselves it goes straight into the buffer, which holds nothing yet.
    d = (torch.mul(y, of_y, out=p) if activation == "none" else y * of_y).add_(d_alarms)
    if w.numel() != 1 or torch.compiler.is_compiling() or float(w) != 1.0:
        d.mul_(w)
    if activation == "sigmoid":
        p.copy_(_through_sigmoid(d, p))
    elif activation != "none":
        p.mul_(d.sub_((d * p).sum(CLASSES, keepdim=True)))


def _through_sigmoid(slope: Tensor, p: Tensor) -> Tensor:
    """slope p (1 - p)."""
    found: Tensor = torch.ops.aten.sigmoid_backward(slope, p)
    return found


def crossentropy_and_overlap_of_piece(piece: Piece, element: Element, activation: str) -> Tensor:
    """sum(c v) of the elements' values, and the sums of the overlap over all classes, in which pixels that count all weigh 1."""
    p, y = probabilities(piece, activation), piece.y_true
    counted = p if piece.included is None else p * piece.included
    of_values = summed(element, piece, None, piece.coefficient)
    return _beside_overlap(of_values, by_sample(counted * y), by_sample(y), by_sample(counted))


def whole_crossentropy_and_overlap_of_logits(piece: Piece, smoothing: float) -> Tensor:
    """The same of logits, of one exponential and in one loop: over each sample where samples weigh, else over all, (J, 1, 1)."""
    z, y, c = piece.y_pred, piece.y_true, piece.coefficient
    p, _, either = whole_sigmoid(z)
    # Looked up here, weights (which are no NaN) keep the loop that stores p from being another than that of the sums.
    p = torch.where(c == c if piece.included is None else piece.included, p, 0.0)
    piece.gradient.copy_(p)
    values = whole_binary(z, smoothed(y, smoothing), either) * c
    axes = (1, 2, 3) if len(c) > 1 else (0, 1, 2, 3)
    return _beside_overlap(*(one.sum(axes).reshape(-1) for one in (values, p * y, y, p)))


def _beside_overlap(of_values: Tensor, both: Tensor, true: Tensor, predicted: Tensor) -> Tensor:
    return torch.stack([of_values, both, true - both, predicted - both, true])[:, :, None]


def crossentropy_and_overlap_slope(
    piece: Piece, slopes: Tensor, element: Element, activation: str, smoothing: float
) -> None:
    """Both gradients, added; that of the cross-entropy of logits is p - y, and p is there."""
    of_values, d_both, d_missed, d_alarms, _ = slopes
    d, slope = _affine(piece.y_true, d_both - d_missed - d_alarms, d_alarms), piece.gradient
    if activation == "sigmoid":
        d = _through_sigmoid(d, slope)
        slope.sub_(smoothed(piece.y_true, smoothing))
    else:
        element(piece.y_pred, piece.y_true, slope, want="slope")
    _times_plus(slope, piece.coefficient * of_values, d)


def _is_number(one: Tensor) -> bool:
    """Whether a factor may be told as a number, with which torch does in one step what takes two with a tensor."""
    return one.numel() == 1 and not torch.compiler.is_compiling()


def _affine(y: Tensor, factor: Tensor, beside: Tensor) -> Tensor:
    """y factor + beside."""
    if _is_number(factor) and beside.numel() == 1:
        return torch.add(beside, y, alpha=float(factor))
    return (y * factor).add_(beside)


def _times_plus(slope: Tensor, factor: Tensor, beside: Tensor) -> None:
    """slope factor + beside, in place."""
    if _is_number(factor):
        torch.add(beside, slope, alpha=float(factor), out=slope)
    else:
        slope.mul_(factor).add_(beside)


# ------------------------------------------------------------------------------------------------------------------- errors


def errors_of_piece(piece: Piece, element: Element, columns: Tensor | None) -> Tensor:
    """sum(w e), e the error of an element."""
    ones = piece.y_pred.new_ones(1, 1, 1, 1)
    return summed(element, piece, piece.gradient, ones, columns)[None, :, None]


def errors_slope(piece: Piece, slopes: Tensor, element: Element, columns: Tensor | None) -> None:
    """w de, of what is left of de."""
    scaled = slopes[0] * factor_of(element)
    piece.gradient.mul_(scaled if columns is None else scaled * columns)
