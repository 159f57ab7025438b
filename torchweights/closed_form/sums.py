"""Sums over a batch that a loss is made of, with their gradient in one buffer: what overlap losses and batch errors need.

The few sums go on through autograd; only the way from predictions to them is in closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from torchweights.closed_form.elements import Element, factor_of, smoothed, weighted_sum
from torchweights.closed_form.function import Given
from torchweights.closed_form.fusing import Compiled, pays, whole
from torchweights.closed_form.pages import in_large_pages
from torchweights.closed_form.pieces import Batch, Piece, layout_of

CLASSES = -2
#: the axes of a piece over which sums go
WITHIN = (1, 3)


@dataclass(frozen=True)
class Sums:
    """Sums of a piece, (J, n, C), and how the gradient of a piece follows from those of the sums, (J, n, 1, C, 1).

    ``spans`` and ``harmless`` as in ``ClosedForm``; C is 1 without ``spans``, or for sums over what they span.
    """

    of_piece: Callable[[Piece], Tensor]
    slope: Callable[[Piece, Tensor], None]
    spans: tuple[int, ...]
    turned: bool = False
    harmless: float = 0.5


def closed_sums(
    form: Sums, given: Given, plain: Callable[[Tensor], Tensor], compiled: Compiled | None = None
) -> Tensor | None:
    """The sums, (J, N, C); None where the plain path is needed. ``plain`` computes the same through autograd."""
    layout = layout_of(given.y_pred, form.spans)
    if layout is None or layout.order[0] != 0 or (form.spans and 0 in form.spans):
        return None
    batch = Batch(layout, given.y_pred.detach(), given.y_true, given.coefficient, given.included)
    if compiled is not None and not pays(batch, form.turned):
        compiled = None
    if compiled is None and given.y_pred.device.type != "cpu":
        return None
    return SumsOfPieces.apply(given.y_pred, form, batch, plain, compiled)  # type: ignore[no-untyped-call, no-any-return]


def _shown(form: Sums, piece: Piece) -> Piece:
    return piece if piece.included is None else piece.hidden(piece.included, form.harmless)


def _sums_of_whole(form: Sums, y_pred: Tensor, y_true: Tensor, coefficient: Tensor, included: Tensor | None) -> Tensor:
    return form.of_piece(_shown(form, Piece(y_pred, y_true, coefficient, included, y_pred)))


def _slope_of_whole(
    form: Sums, slopes: Tensor, y_pred: Tensor, y_true: Tensor, coefficient: Tensor, included: Tensor | None
) -> Tensor:
    piece = Piece(y_pred, y_true, coefficient, included, torch.empty_like(y_pred))
    form.slope(_shown(form, piece), slopes)
    return piece.gradient if included is None else piece.gradient * included


class SumsOfPieces(torch.autograd.Function):
    """Sums of pieces; the gradient is computed when it is asked for, out of the predictions."""

    @staticmethod
    def forward(ctx: Any, y_pred: Tensor, form: Sums, batch: Batch, plain: Callable[[Tensor], Tensor], compiled: Compiled | None) -> Tensor:  # fmt: skip
        ctx.form, ctx.batch, ctx.plain, ctx.compiled = form, batch, plain, compiled
        ctx.save_for_backward(y_pred)
        if compiled is not None:
            piece = whole(batch)
            found: Tensor | None = compiled(
                _sums_of_whole, form, piece.y_pred, piece.y_true, piece.coefficient, piece.included
            )
            if found is not None:
                return found
        total: Tensor | None = None
        for cut, piece in batch.cut_pieces(None):
            part = form.of_piece(_shown(form, piece)).double()
            total = part.new_zeros(len(part), batch.layout.sizes[0], part.shape[2]) if total is None else total
            total[:, cut[0]] += part
        assert total is not None
        return total.to(y_pred.dtype)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, None, None, None, None]:
        (slope,) = slopes
        if torch.is_grad_enabled() or torch._C._functorch.is_legacy_batchedtensor(slope):
            (y_pred,) = ctx.saved_tensors
            with torch.enable_grad():
                sums = ctx.plain(y_pred)
            (found,) = torch.autograd.grad(sums, y_pred, slope, create_graph=torch.is_grad_enabled())
            return found, None, None, None, None
        if ctx.compiled is not None:
            piece, batch = whole(ctx.batch), ctx.batch
            made = ctx.compiled(_slope_of_whole, ctx.form, slope[:, :, None, :, None], piece.y_pred, piece.y_true, piece.coefficient, piece.included)  # fmt: skip
            if made is not None:
                return batch.layout.as_predictions(made), None, None, None, None
        gradient = in_large_pages(torch.empty_like(ctx.saved_tensors[0]))
        for cut, piece in ctx.batch.cut_pieces(gradient):
            ctx.form.slope(_shown(ctx.form, piece), slope[:, cut[0], None, :, None])
            if piece.included is not None:
                piece.gradient.mul_(piece.included)
        return gradient, None, None, None, None


# ----------------------------------------------------------------------------------------------------------------- overlap


def probabilities(piece: Piece, activation: str) -> Tensor:
    """What predictions become."""
    if activation == "none":
        return piece.y_pred
    return piece.y_pred.sigmoid() if activation == "sigmoid" else piece.y_pred.softmax(CLASSES)


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
    _overlap_slope(piece, slopes, activation, columns, probabilities(piece, activation))


def _overlap_slope(piece: Piece, slopes: Tensor, activation: str, columns: Tensor | None, p: Tensor) -> None:
    w = piece.coefficient if columns is None else piece.coefficient * columns
    d_both, d_missed, d_alarms, _ = slopes
    d = torch.mul(_targets(piece, p), d_both - d_missed - d_alarms, out=piece.gradient).add_(d_alarms)
    if w.numel() != 1 or torch.compiler.is_compiling() or float(w) != 1.0:
        d.mul_(w)
    if activation == "sigmoid":
        d.mul_(torch.addcmul(p, p, p, value=-1))
    elif activation == "softmax":
        d.sub_((d * p).sum(CLASSES, keepdim=True)).mul_(p)


def crossentropy_and_overlap_of_piece(piece: Piece, element: Element, activation: str) -> Tensor:
    """sum(c v) of the elements' values, and the sums of the overlap over all classes, in which pixels that count all weigh 1."""
    of_overlap = overlap_of_piece(_counting(piece), activation, axes=(1, 2, 3))
    of_values = weighted_sum(element(piece.y_pred, piece.y_true, None), piece.coefficient)
    return torch.cat([of_values.to(of_overlap.dtype)[None, :, None], of_overlap])


def crossentropy_and_overlap_slope(
    piece: Piece, slopes: Tensor, element: Element, activation: str, smoothing: float
) -> None:
    """Both gradients, added; that of the cross-entropy of logits is p - y, and p is there."""
    p = probabilities(piece, activation)
    _overlap_slope(_counting(piece), slopes[1:], activation, None, p)
    if activation == "sigmoid":
        slope = p.sub_(smoothed(piece.y_true, smoothing))
    else:
        slope = torch.empty_like(piece.gradient)
        element(piece.y_pred, piece.y_true, slope, values=False)
    piece.gradient.add_(slope.mul_(piece.coefficient * slopes[0]))


def _counting(piece: Piece) -> Piece:
    ones = piece.y_pred.new_ones(1, 1, 1, 1)
    return replace(piece, coefficient=ones if piece.included is None else piece.included.to(piece.y_pred.dtype))


# ------------------------------------------------------------------------------------------------------------------- errors


def errors_of_piece(piece: Piece, element: Element, columns: Tensor | None) -> Tensor:
    """sum(w e), e the error of an element."""
    values = element(piece.y_pred, piece.y_true, None)
    return weighted_sum(values, piece.y_pred.new_ones(1, 1, 1, 1), columns)[None, :, None]


def errors_slope(piece: Piece, slopes: Tensor, element: Element, columns: Tensor | None) -> None:
    """w de."""
    element(piece.y_pred, piece.y_true, piece.gradient, values=False)
    scaled = slopes[0] * factor_of(element)
    piece.gradient.mul_(scaled if columns is None else scaled * columns)
