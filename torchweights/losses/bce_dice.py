"""Binary cross-entropy and dice with a weight per class of pixel, as closures of Keras projects have it."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from torchweights import class_weight as class_weights
from torchweights import closed_form, functional, reduction, tracing
from torchweights.closed_form import sums
from torchweights.counts import Denominator
from torchweights.functional.class_overlap import OverlapSums
from torchweights.losses.crossentropy import BinaryCrossentropy
from torchweights.messages import choose, warn_of_trap
from torchweights.options import not_negative
from torchweights.reduction import Weighed, standard_reduction

DICE_FORMS = ("usual", "as_written")
READINGS = ("values", "keys")


class BinaryCrossentropyDice(BinaryCrossentropy):
    """w (BCE(y, p) + 1 - dice): a value per pixel, w the weight of its class.

    dice = (2 sum(y p) + s) / (sum(y) + sum(p) + s) is one scalar over all pixels of the batch that count; BCE is averaged
    over the classes of each pixel.

    Args:
        form: "usual", w (BCE + (1 - dice)); "as_written", w (BCE - (1 + dice)), which a closure in circulation computes:
            its values are negative, and minimised where the dice is large all the same.
        class_weight: Weight of a pixel by the class that is the argmax of its targets: a dict, list or tensor. It acts on the
            value, as in the closure: no row counts it under its mean.
        class_weight_read: "values" as meant; "keys" for the closure that iterates the dict itself, so that the class
            *numbers* weigh: class 0 nothing, class 4 four times class 1.
        smooth: s.
        from_logits, label_smoothing, axis, epsilon, reduction, semantics, rest_in_eval, validate: As in
            ``BinaryCrossentropy``; ``axis`` is that of the classes.

    Shapes: y_pred and y_true (N, .., C) alike, classes on ``axis``. mask leaves pixels out of both terms.

    Source: a closure seen with Keras 2.2; recorded in ``examples/recordings``.

    >>> import torch
    >>> criterion = BinaryCrossentropyDice(from_logits=False, smooth=0.0)
    >>> criterion(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]))
    tensor(1.1931)
    """

    _averages = False
    decomposable = False
    _undecomposable = (
        "expected values that the batch does not change; received the dice of the whole batch in each (decomposable is "
        "False). Use partial_sums() and from_sums()."
    )

    def __init__(
        self,
        *,
        form: str = "usual",
        class_weight: class_weights.ClassWeightsLike | None = None,
        class_weight_read: str = "values",
        smooth: float = 1.0,
        from_logits: bool | str | None = None,
        label_smoothing: float = 0.0,
        axis: int | None = None,
        epsilon: float = 1e-7,
        reduction: str | None = "sum_over_batch_size",
        semantics: Any = "torchweights",
        rest_in_eval: bool | None = None,
        validate: bool | None = None,
    ) -> None:
        if choose("class_weight_read", class_weight_read, READINGS) == "keys" and not isinstance(class_weight, Mapping):
            raise TypeError(
                f"class_weight expected a dict with class_weight_read='keys'; received {type(class_weight).__name__}. Give the dict "
                "that the closure iterates, or leave class_weight_read out."
            )
        super().__init__(
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis, epsilon=epsilon, reduction=reduction,
            class_weight=class_weight, semantics=semantics, rest_in_eval=rest_in_eval, validate=validate,
        )  # fmt: skip
        self.form, self.smooth = choose("form", form, DICE_FORMS), not_negative("smooth", smooth)
        self.class_weight_read = class_weight_read
        if isinstance(class_weight, Mapping) and class_weight_read == "keys":
            self._keep("class_weight_keys", torch.tensor([float(key) for key in class_weight], dtype=torch.float64))
            warn_of_trap(
                "keys of class_weight as weights",
                "the keys of class_weight act as weights here, as in the closure that iterates the dict itself: class 0 weighs "
                "nothing. Write class_weight_read='values' to have the weights that were meant.",
            )

    def _class_weights_of(self, *given: Any) -> None:
        return None  # they are in the values

    def _column_weights(self, like: Tensor) -> None:
        return None

    def _weights_of_pixels(self, y_true: Tensor, axis: int) -> Tensor | None:
        if not self._class_weights_act():
            return None
        classes = y_true.argmax(axis)
        if self.class_weight_read == "keys":
            keys = self._copy("class_weight_keys", y_true.device)
            if len(keys) != y_true.shape[axis]:
                raise ValueError(
                    f"class_weight expected {y_true.shape[axis]} keys, one for each class, with class_weight_read='keys'; received {len(keys)}. "
                    "Give every class a key."
                )
            return keys.to(y_true.dtype)[classes]
        table = self._table(y_true.device, y_true.shape[axis])
        return class_weights.look_up(classes, table, self._class_weight_rule(), None, self.validate).to(y_true.dtype)

    def _weighed_values(
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Weighed]:
        y_pred, met, weighed = self._prepared(y_pred, y_true, sample_weight, mask)
        crossentropy, weights, overlap = self._terms(y_pred, met, weighed)
        values = crossentropy + self._dice_term(overlap)
        tracing.note("weights inside", class_weight=weights, values=values)
        return values if weights is None else values * weights, weighed

    def _terms(self, y_pred: Tensor, met: Tensor, weighed: Weighed) -> tuple[Tensor, Tensor | None, OverlapSums]:
        """The cross-entropy of each pixel, its weight, and the overlap of all."""
        axes = self._values_axes(y_pred.ndim)
        p, t = weighed.hide(y_pred, axes, 0.5), weighed.hide(met, axes)
        overlap = functional.overlap_sums(
            p, t, axis=axes[0], over="everything", weight=_masked(weighed.met.mask, weighed.shape),
            from_logits=self.from_logits is not False,
        )  # fmt: skip
        return self.values(p, t), self._weights_of_pixels(t, axes[0]), overlap

    _closes_from = 2**18

    def _closed_loss(
        self,
        y_pred: Tensor,
        y_true: Tensor,
        sample_weight: Tensor | None,
        mask: Tensor | None,
        denominator: Tensor | Denominator | float | None,
    ) -> Tensor | None:
        of_logits = self._computes_logits(y_pred)
        element = None if of_logits is None else self._element(of_logits)
        if element is None or closed_form.steps_aside(y_pred, [y_true, *self.parameters()]):
            return None
        expected = self._checked_on_the_way(y_pred, y_true)
        y_pred, met, weighed = self._prepared(y_pred, y_true, sample_weight, mask, checked=expected is None)
        check = self._later(expected, y_pred, met, weighed)
        weight, (axis,) = weighed.weight, self._values_axes(y_pred.ndim)
        if closed_form.steps_aside(y_pred, [weight]) or (weight is not None and bool((weight == 0).any())):
            return None
        coefficient = reduction.coefficients(weighed, standard_reduction(self.reduction), denominator, y_pred.dtype)
        if coefficient is None:
            return None
        included, of_pixels = weighed.met.mask, self._weights_of_pixels(met, axis)
        coefficient = coefficient if of_pixels is None else coefficient * of_pixels
        activation = "sigmoid" if of_logits else "none"
        of_whole = functools.partial(sums.whole_crossentropy_and_overlap_of_logits, smoothing=self.label_smoothing)
        form = sums.Sums(
            functools.partial(sums.crossentropy_and_overlap_of_piece, element=element, activation=activation),
            functools.partial(
                sums.crossentropy_and_overlap_slope,
                element=element,
                activation=activation,
                smoothing=self.label_smoothing,
            ),
            (axis,),
            of_whole=of_whole if of_logits else None,
        )
        share = coefficient / y_pred.shape[axis]
        given = closed_form.Given(y_pred, met, share, included)

        def plain(p: Tensor) -> Tensor:
            shown, targets = weighed.hide(p, (axis,), 0.5), weighed.hide(met, (axis,))
            each = functional.binary_crossentropy(
                shown, targets, from_logits=bool(of_logits), label_smoothing=self.label_smoothing, axis=(), epsilon=self.epsilon,
                form=self.semantics.formulas.binary, precise=self.semantics.formulas.precise,
            )  # fmt: skip
            overlap = functional.overlap_sums(
                shown, targets, axis=axis, weight=_masked(included, weighed.shape), from_logits=bool(of_logits)
            )
            weighted = (each * share.expand(weighed.shape).unsqueeze(axis)).movedim(axis, 1)
            weighted = weighted.reshape(*weighted.shape[:2], -1).sum(-1)
            return torch.stack([weighted, *overlap]).sum(-1, keepdim=True)

        found = closed_form.closed_sums(form, given, plain, self._compiled, check)
        if found is None:
            return None
        crossentropy, *overlap = found.sum((1, 2))
        total = coefficient.sum() * (math.prod(weighed.shape) / coefficient.numel())
        loss: Tensor = crossentropy + total * self._dice_term(OverlapSums(*overlap))
        return loss

    def _dice_term(self, overlap: OverlapSums) -> Tensor:
        """1 - dice, or -(1 + dice) as written."""
        dice = functional.overlap_score(overlap, smooth=self.smooth / 2)
        return 1 - dice if self.form == "usual" else -(1 + dice)

    def _sums(  # type: ignore[override]
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None, mask: Tensor | None
    ) -> dict[str, Tensor]:
        y_pred, met, weighed = self._prepared(y_pred, y_true, sample_weight, mask)
        crossentropy, weights, overlap = self._terms(y_pred, met, weighed)
        weights = torch.ones_like(crossentropy) if weights is None else weights
        found = self._numerator_and_counts(crossentropy * weights, weighed, sample_weight)
        return {**found, "of_dice": reduction.numerator(weights, weighed), **overlap._asdict()}

    def _loss_of(self, sums: dict[str, Tensor]) -> Tensor:
        overlap = OverlapSums(*(sums[name] for name in OverlapSums._fields))
        return super()._loss_of({**sums, "weighted": sums["weighted"] + sums["of_dice"] * self._dice_term(overlap)})


def _masked(mask: Tensor | None, shape: tuple[int, ...]) -> Tensor | None:
    """The mask as weights of pixels."""
    if mask is None:
        return None
    mask = mask.reshape(*mask.shape, *[1] * (len(shape) - mask.ndim)) if mask.ndim < len(shape) else mask
    return mask.expand(shape).to(torch.float32)
