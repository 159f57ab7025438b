"""Loss and gradient in one go: when that is possible, and as a function that autograd knows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torchweights import tracing, validation
from torchweights.closed_form.fusing import ANYTHING, Compiled, Expected, fused
from torchweights.closed_form.pages import in_large_pages
from torchweights.closed_form.pieces import Batch, Piece, layout_of

#: the sum of coefficient x value over a piece, whose gradient is left in its buffer
OfPiece = Callable[[Piece], Tensor]


@dataclass(frozen=True)
class ClosedForm:
    """What a criterion computes of a piece, whole values at a time.

    ``spans`` are the axes of y_pred that a value spans; ``turned`` says whether the formula goes along them. ``columns`` (1, 1, C, 1)
    are weights of what a value spans. ``harmless`` is a prediction to put where nothing must show.
    """

    of_piece: OfPiece
    spans: tuple[int, ...]
    turned: bool
    columns: Tensor | None = None
    harmless: float = 0.5
    #: how many pieces a large batch is cut into at least: the more a formula keeps of a piece, the more
    parts: int = 16
    #: the same for the compiler, where ``of_piece`` looks at numbers
    of_whole: OfPiece | None = None
    #: the same for the compiler and labels that are 0 and 1, or NaN, where that saves work
    of_hard: OfPiece | None = None
    #: of how many tensors at least the compiler keeps what loss and gradient share; None where it is not to be told
    keeps_from: int | None = 3


@dataclass(frozen=True)
class Given:
    """Predictions and targets that meet, what each value weighs in the loss, and which count."""

    y_pred: Tensor
    y_true: Tensor
    coefficient: Tensor
    included: Tensor | None


@dataclass(frozen=True)
class Check:
    """What a compiled pass checks on its way; ``thoroughly()`` says what is wrong where its loss is NaN."""

    expected: Expected
    thoroughly: Callable[[], None]


def steps_aside(y_pred: Tensor, others: Sequence[Tensor | None], anywhere: bool = False) -> bool:
    """Whether only the plain path will do: off the CPU, under the compiler and other transformations, for other gradients.

    ``anywhere`` for who may leave the CPU.
    """
    return (
        not (validation.is_ordinary(y_pred) if anywhere else validation.can_look(y_pred))
        or tracing.is_open()
        or torch.autograd.forward_ad._current_level >= 0
        or any(
            one is not None and (one.requires_grad or type(one) not in (Tensor, torch.nn.Parameter)) for one in others
        )
    )


def closed_loss(
    form: ClosedForm,
    given: Given,
    plain: Callable[[Tensor], Tensor],
    compiled: Compiled | None = None,
    check: Check | None = None,
) -> Tensor | None:
    """The loss, with its gradient if one may be asked for; None where the plain path has to say what comes out.

    ``compiled`` where the whole batch is to be one compiled pass; ``check`` what was not checked yet.
    """
    layout = layout_of(given.y_pred, form.spans)
    if layout is None:
        return None
    batch = Batch(layout, given.y_pred.detach(), given.y_true, given.coefficient, given.included)
    wants_gradient = given.y_pred.requires_grad and torch.is_grad_enabled()

    def both(check: Check | None = None) -> tuple[Tensor | None, Tensor | None]:
        if compiled is not None:
            found = _fused(form, batch, wants_gradient, compiled, check)
            if found is not None:
                finite = not validation.can_look(found[0]) or math.isfinite(float(found[0]))
                return found if finite else (None, None)
        if check is not None:
            check.thoroughly()
        if not validation.can_look(batch.y_pred):
            return None, None
        gradient = in_large_pages(torch.empty_like(batch.y_pred)) if wants_gradient else None
        return _summed(form, batch, gradient), gradient

    with torch.no_grad():
        loss, gradient = both(check)
    if loss is None or not wants_gradient:
        return loss
    return LossAndGradient.apply(given.y_pred, [loss, gradient], both, plain)  # type: ignore[no-untyped-call, no-any-return]


def _fused(
    form: ClosedForm, batch: Batch, wants_gradient: bool, compiled: Compiled, check: Check | None
) -> tuple[Tensor, Tensor | None] | None:
    """As if numbers were what is expected of them; where that gives NaN, once more without."""
    expected = ANYTHING if check is None else check.expected
    if form.of_hard is not None and compiled.hard and validation.can_look(batch.y_pred):
        expected = expected._replace(targets="0 or 1")
    found = fused(form, batch, wants_gradient, compiled, expected)
    if found is None or (check is None and expected == ANYTHING) or not math.isnan(float(found[0])):
        return found
    if check is not None:
        check.thoroughly()
    if expected == ANYTHING:
        return found
    found = fused(form, batch, wants_gradient, compiled)
    compiled.hard = compiled.hard and found is not None and math.isnan(float(found[0]))
    return found


def _summed(form: ClosedForm, batch: Batch, gradient: Tensor | None) -> Tensor | None:
    """The sum over all pieces; None where it is not finite."""
    total = 0.0
    for piece in batch.pieces(gradient, turned=form.turned, parts=form.parts):
        part = float(form.of_piece(piece))
        if not math.isfinite(part) and (shown := _shown(piece, form.columns)) is not None:
            # Something that is left out may be to blame: 0 x NaN is NaN.
            part = float(form.of_piece(piece.hidden(shown, form.harmless)))
        total += part
    # Beyond what the type of the predictions holds it is infinite.
    loss = torch.full((), total, dtype=torch.float64, device=batch.y_pred.device).to(batch.y_pred.dtype)
    return loss if math.isfinite(float(loss)) else None


def _shown(piece: Piece, columns: Tensor | None) -> Tensor | None:
    if columns is None:
        return piece.included
    return columns != 0 if piece.included is None else (columns != 0) & piece.included


class LossAndGradient(torch.autograd.Function):
    """The loss of predictions whose gradient was computed with it.

    ``both()`` computes them again, ``plain(y_pred)`` the loss through autograd, for derivatives of the gradient.
    """

    @staticmethod
    def forward(ctx: Any, y_pred: Tensor, computed: list[Tensor], both: Callable[..., Any], plain: Callable[..., Any]) -> Tensor:  # fmt: skip
        loss, ctx.gradient = computed
        computed.clear()  # Who else holds the buffer would make autograd copy it.
        ctx.both, ctx.plain = both, plain
        ctx.save_for_backward(y_pred)
        return loss

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, None, None, None]:
        (slope,) = slopes
        if torch.is_grad_enabled():
            # The gradient is to be derived again: as autograd finds it.
            (y_pred,) = ctx.saved_tensors
            (found,) = torch.autograd.grad(ctx.plain(y_pred), y_pred, slope, create_graph=True)
            return found, None, None, None
        # The buffer is handed out: for who asks a second time it is computed again.
        gradient, ctx.gradient = ctx.gradient, None
        if gradient is None:
            _, gradient = ctx.both()
        if not validation.can_look(slope):  # several slopes at once, or on another device, where looking waits
            return gradient * slope, None, None, None
        return gradient if float(slope) == 1.0 else gradient.mul_(slope), None, None, None
