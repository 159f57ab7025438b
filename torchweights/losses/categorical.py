"""Cross-entropies over classes: one-hot or soft targets, and integer labels."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from torchweights import class_weight as class_weights
from torchweights import functional, validation
from torchweights.alignment import shape_text
from torchweights.closed_form import ClosedForm, Expected, Piece, crossentropies, one_hot
from torchweights.losses.crossentropy import Crossentropy
from torchweights.messages import choose
from torchweights.options import label
from torchweights.reduction import Weighed
from torchweights.semantics import Semantics


def _checked_place(place: str | None, row: Semantics, weighed: bool) -> str | None:
    """``class_weight_on``, if it is one of its words, the row can have it and there are weights."""
    if place is not None:
        choose("class_weight_on", place, ("label", "every_class"))
    if place == "every_class" and row.class_weights.others != "by class":
        raise ValueError(
            f"class_weight_on expected 'label' or nothing in row {row.name!r}, whose class weights are sample weights; received "
            "'every_class'. Use semantics='torchweights' or 'torch'."
        )
    if place is not None and not weighed:
        raise ValueError(
            f"class_weight_on expected beside class_weight; received {place!r} without. Give class_weight=.., or leave it out."
        )
    return place


def _on_every_class(place: str | None, row: Semantics) -> bool:
    return row.weighing.counts_class_weights_alone if place is None else place == "every_class"


class CategoricalCrossentropy(Crossentropy):
    """Cross-entropy with one-hot or soft targets: ``functional.categorical_crossentropy``, weighed.

    Args:
        from_logits: True for logits, False for probabilities, "rescued" for logits of a model whose era computed the loss
            behind a softmax ("rescued sigmoid": of one that ended in a sigmoid). The default row has no default; Keras rows have False.
        label_smoothing: a in y (1 - a) + a / C.
        axis: Axis of the classes. The default row wants it from rank 3 on; Keras rows have -1.
        epsilon: Where probabilities are clipped.
        class_weight_on: What class weights multiply where labels are smoothed: "label", the whole value by the weight of its
            class (Keras), or "every_class", each class's term by its own weight (torch). None: what the row does.
        reduction, class_weight, semantics, rest_in_eval, validate: As in ``WeightedLoss``. The class of a soft target is
            its argmax, as in Keras; in the row ``torch`` class weights stand inside the sum over classes.

    Shapes: y_pred and y_true (N, .., C) alike, classes on ``axis``.

    >>> import torch
    >>> criterion = CategoricalCrossentropy(from_logits=False, class_weight=[1.0, 3.0])
    >>> criterion(torch.tensor([[0.5, 0.5], [0.5, 0.5]]), torch.eye(2))
    tensor(1.3863)
    """

    _activation = "softmax"
    _averages = False
    _class_weights_count = False

    def __init__(
        self,
        *,
        from_logits: bool | str | None = None,
        label_smoothing: float = 0.0,
        axis: int | None = None,
        epsilon: float = 1e-7,
        class_weight_on: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        class_weight: class_weights.ClassWeightsLike | None = None,
        semantics: Any = "torchweights",
        rest_in_eval: bool | None = None,
        validate: bool | None = None,
    ) -> None:
        shared = {
            "reduction": reduction,
            "class_weight": class_weight,
            "semantics": semantics,
            "rest_in_eval": rest_in_eval,
            "validate": validate,
        }
        super().__init__(from_logits, axis, label_smoothing, epsilon, **shared)
        self.class_weight_on = _checked_place(class_weight_on, self.semantics, class_weight is not None)

    def _meet(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        if not y_true.is_floating_point():
            raise TypeError(
                f"y_true expected one-hot or soft targets (floating point); received labels ({y_true.dtype}) of shape {tuple(y_true.shape)}. "
                "Use SparseCategoricalCrossentropy for labels, or y_true.float() if these are one-hot rows."
            )
        if y_true.shape != y_pred.shape:
            raise ValueError(
                f"y_true expected the shape of y_pred, {shape_text(y_pred.shape)}; received {shape_text(y_true.shape)}."
            )
        return y_true.to(y_pred.dtype)

    def _inside(self) -> bool:
        return _on_every_class(self.class_weight_on, self.semantics) and self._class_weights_act()

    def _class_weights_of(
        self, y_true: Tensor, met: Tensor, y_pred_shape: Sequence[int], mask: Tensor | None, shape: tuple[int, ...]
    ) -> Tensor | None:
        if not self._inside():
            return super()._class_weights_of(y_true, met, y_pred_shape, mask, shape)
        if self.label_smoothing:
            return None  # every class has a share in every value
        # The weights act inside the sum; a value all of whose classes weigh nothing is left out, but counted.
        axis = self._class_axis(met.ndim)
        return (
            (class_weights.per_class(met, self._table(met.device, met.shape[axis]), axis) != 0).any(axis).to(met.dtype)
        )

    def _labels(self, y_true: Tensor, y_pred_shape: Sequence[int]) -> tuple[Tensor, int | None]:
        axis = self._class_axis(y_true.ndim)
        return y_true.argmax(axis), y_pred_shape[axis]

    _expected = Crossentropy._expected

    def _check_numbers(self, y_pred: Tensor, y_true: Tensor, weighed: Weighed) -> None:
        self._check_predictions(y_pred, weighed)
        if self.validate or self.semantics.formulas.explicit:
            way_out = "Give one-hot rows of 0 and 1, or soft labels between them."
            validation.check_probabilities("y_true", y_true, self._judged(y_true, weighed), way_out)

    _takes_all_logits = True

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One value per sample or pixel."""
        from_logits, y_pred = self._logits_and_predictions(y_pred)
        axis, smoothing = self._class_axis(y_pred.ndim), self.label_smoothing
        classes = self._smoothing_classes(y_pred)
        if self._inside():
            y_true = y_true * (1 - smoothing) + smoothing / (classes or y_pred.shape[axis])
            y_true, smoothing = (
                class_weights.per_class(y_true, self._table(y_pred.device, y_pred.shape[axis]), axis),
                0.0,
            )
        return self._formula(
            y_pred, y_true, from_logits=from_logits, label_smoothing=smoothing, smoothing_classes=classes, axis=axis,
            epsilon=self.epsilon, precise=self.semantics.formulas.precise,
        )  # fmt: skip

    def _formula(self, y_pred: Tensor, y_true: Tensor, **options: Any) -> Tensor:
        return functional.categorical_crossentropy(y_pred, y_true, **options)

    _closes_from = 2**16

    def _closed_form(self, y_pred: Tensor, y_true: Tensor) -> ClosedForm | None:
        of_logits = self._computes_logits(y_pred)
        if of_logits is None or self._inside():
            return None
        axis = self._class_axis(y_pred.ndim)
        classes = self._smoothing_classes(y_pred) or y_pred.shape[axis]
        smoothing = {"smoothing": self.label_smoothing, "classes": classes}
        # Few classes mean many values, whose own numbers take much of the time.
        parts = 16 if y_pred.shape[axis] < 8 else 32
        return ClosedForm(self._of_piece(y_pred, of_logits, smoothing), (axis,), turned=True, parts=parts)

    def _closed_targets(self, y_pred: Tensor, y_true: Tensor, weighed: Weighed) -> Tensor | None:
        # Logarithms of probabilities are dear: of one-hot targets one is needed for each value.
        simple = self._compiled is None and self._computes_logits(y_pred) is False and not self.label_smoothing
        simple = simple and self._of_labels_too and weighed.included is None
        labels = one_hot.labels_of(y_true, self._class_axis(y_pred.ndim)) if simple else None
        return y_true if labels is None else labels

    #: whether the closed form of probabilities takes labels as well
    _of_labels_too: ClassVar[bool] = True

    def _of_piece(self, like: Tensor, of_logits: bool, smoothing: dict[str, Any]) -> Callable[[Piece], Tensor]:
        """The sum over a piece, and its gradient."""
        if of_logits:
            return functools.partial(crossentropies.crossentropy_of_targets, **smoothing)
        return functools.partial(crossentropies.crossentropy_of_probabilities, **smoothing, epsilon=self.epsilon)


class SparseCategoricalCrossentropy(Crossentropy):
    """Cross-entropy with integer labels: ``functional.sparse_categorical_crossentropy``, weighed.

    Args:
        from_logits: True for logits, False for probabilities, "rescued" for logits of a model whose era computed the loss
            behind a softmax ("rescued sigmoid": of one that ended in a sigmoid). The default row has no default; Keras rows have False.
        ignore_class: The label that means "no label": its values count nowhere.
        label_smoothing: a: the label has 1 - a + a / C, every other class a / C (torch has it, Keras does not).
        axis: Axis of the classes. The default row wants it from rank 3 on; Keras rows have -1.
        epsilon: Where probabilities are clipped.
        class_weight_on: What class weights multiply where labels are smoothed: "label", the whole value by the weight of its
            class (Keras), or "every_class", each class's term by its own weight (torch). None: what the row does.
        reduction, class_weight, semantics, rest_in_eval, validate: As in ``WeightedLoss``.

    Shapes: y_pred (N, .., C) with the classes on ``axis``; y_true the same without ``axis``, or with size 1 there.

    >>> import torch
    >>> criterion = SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)
    >>> criterion(torch.zeros(3, 2), torch.tensor([0, 255, 1]))
    tensor(0.6931)
    """

    _activation = "softmax"
    _averages = False
    _class_weights_count = True

    def __init__(
        self,
        *,
        from_logits: bool | str | None = None,
        ignore_class: int | None = None,
        label_smoothing: float = 0.0,
        axis: int | None = None,
        epsilon: float = 1e-7,
        class_weight_on: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        class_weight: class_weights.ClassWeightsLike | None = None,
        semantics: Any = "torchweights",
        rest_in_eval: bool | None = None,
        validate: bool | None = None,
    ) -> None:
        shared = {
            "reduction": reduction,
            "class_weight": class_weight,
            "semantics": semantics,
            "rest_in_eval": rest_in_eval,
            "validate": validate,
        }
        super().__init__(from_logits, axis, label_smoothing, epsilon, **shared)
        self.class_weight_on = _checked_place(class_weight_on, self.semantics, class_weight is not None)
        self.ignore_class = label("ignore_class", ignore_class)

    def _check_labels(self, y_true: Tensor) -> None:
        if y_true.is_floating_point():
            raise TypeError(
                f"y_true expected integer labels; received {y_true.dtype} of shape {tuple(y_true.shape)}. Use CategoricalCrossentropy for "
                "one-hot or soft targets, or y_true.long() if these are labels."
            )

    def _meet(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        self._check_labels(y_true)
        if self.semantics.formulas.explicit and y_pred.shape[self._class_axis(y_pred.ndim)] < 2:
            raise ValueError(
                f"y_pred expected two classes or more on axis {self.axis}; received shape {shape_text(y_pred.shape)}. "
                "Give one score per class, or use BinaryCrossentropy for a single one."
            )
        shape = self._values_shape(y_pred.shape)
        if tuple(y_true.shape) == shape:
            return y_true.long()
        axis = self._class_axis(y_pred.ndim)
        for where in (axis, -1):
            if y_true.ndim == y_pred.ndim and y_true.shape[where] == 1 and tuple(y_true.squeeze(where).shape) == shape:
                return y_true.squeeze(where).long()
        raise ValueError(
            f"y_true expected labels of shape {shape_text(shape)} beside y_pred of shape {shape_text(y_pred.shape)} with the classes on axis {axis}; "
            f"received {shape_text(y_true.shape)}. Say where the classes are with axis=, or give CategoricalCrossentropy one-hot targets."
        )

    def _kept(self, y_true: Tensor) -> Tensor | None:
        return None if self.ignore_class is None else y_true != self.ignore_class

    def _labels(self, y_true: Tensor, y_pred_shape: Sequence[int]) -> tuple[Tensor, int | None]:
        axis = self._class_axis(len(y_pred_shape))
        return y_true, y_pred_shape[axis] if len(y_pred_shape) > y_true.ndim else None

    def _shape_from_targets(self, y_true: Tensor) -> tuple[int, ...]:
        self._check_labels(y_true)
        if self._class_weights_act():
            raise ValueError(
                "denominator() of a criterion with class weights expected y_pred_shape, received nothing: labels do not tell the number of classes. "
                "Write criterion.denominator(y_true, y_pred_shape=logits.shape)."
            )
        if y_true.ndim == 2 and y_true.shape[-1] == 1:
            y_true = y_true.squeeze(-1)
        axis = self._class_axis(y_true.ndim + 1)
        shape = list(y_true.shape)
        shape.insert(axis % (y_true.ndim + 1), 2)
        return tuple(shape)

    def _check_numbers(self, y_pred: Tensor, y_true: Tensor, weighed: Weighed) -> None:
        axis = self._class_axis(y_pred.ndim)
        validation.check_labels(y_true, y_pred.shape[axis], weighed.included)
        self._check_predictions(y_pred, weighed)

    _takes_all_logits = True

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One value per sample or pixel."""
        from_logits, y_pred = self._logits_and_predictions(y_pred)
        axis = self._class_axis(y_pred.ndim)
        if self._weights_inside() and self._class_weights_act():
            return self._values_with_weights_inside(y_pred, y_true, from_logits, axis)
        return functional.sparse_categorical_crossentropy(
            y_pred, y_true, from_logits=from_logits, label_smoothing=self.label_smoothing, axis=axis,
            epsilon=self.epsilon, form=self.semantics.formulas.sparse, precise=self.semantics.formulas.precise,
        )  # fmt: skip

    _closes_from = 2**16

    def _closed_form(self, y_pred: Tensor, y_true: Tensor) -> ClosedForm | None:
        of_logits, axis = self._computes_logits(y_pred), self._class_axis(y_pred.ndim)
        if of_logits is None or (self._weights_inside() and self._class_weights_act()):
            return None
        if of_logits and self.label_smoothing:
            smoothed = functools.partial(crossentropies.smoothed_crossentropy_of_labels, smoothing=self.label_smoothing)
            return ClosedForm(smoothed, (axis,), turned=True)
        if of_logits:
            whole = crossentropies.whole_crossentropy_of_labels
            return ClosedForm(crossentropies.crossentropy_of_labels, (axis,), turned=False, parts=6, of_whole=whole)
        if self.label_smoothing:
            return None
        options: dict[str, Any] = {"form": self.semantics.formulas.sparse, "epsilon": self.epsilon}
        return ClosedForm(
            functools.partial(crossentropies.crossentropy_of_probabilities_at_labels, **options),
            (axis,),
            turned=True,
            of_whole=functools.partial(crossentropies.whole_crossentropy_of_probabilities_at_labels, **options),
        )

    def _any_targets(self, y_pred: Tensor) -> Tensor:
        return torch.zeros(self._values_shape(y_pred.shape), dtype=torch.int64)

    def _expected(self, y_pred: Tensor, y_true: Tensor) -> Expected | None:
        # Where labels are smoothed the pass looks up places, and a label that is no class must not come so far.
        explicit = self.validate or self.semantics.formulas.explicit
        return None if self.label_smoothing else Expected(probabilities=self.from_logits is False and bool(explicit))

    def _closed_targets(self, y_pred: Tensor, y_true: Tensor, weighed: Weighed) -> Tensor | None:
        if not validation.can_look(y_true) or self._looks(y_pred):
            return y_true  # checked before, or on the way
        # A label that is no class makes its value NaN: that is the plain path's business.
        return y_true if validation.within(y_true, 0, y_pred.shape[self._class_axis(y_pred.ndim)] - 1) else None

    def _weights_inside(self) -> bool:
        # Without smoothing both ways are one: only one class has a term.
        return _on_every_class(self.class_weight_on, self.semantics) and self.label_smoothing > 0

    def _values_with_weights_inside(self, y_pred: Tensor, y_true: Tensor, from_logits: bool, axis: int) -> Tensor:
        classes = torch.arange(y_pred.shape[axis], device=y_pred.device)
        one_hot = (y_true.unsqueeze(-1) == classes).movedim(-1, axis).to(y_pred.dtype)
        smoothed = one_hot * (1 - self.label_smoothing) + self.label_smoothing / len(classes)
        weighted = class_weights.per_class(smoothed, self._table(y_pred.device, len(classes)), axis)
        return functional.categorical_crossentropy(
            y_pred, weighted, from_logits=from_logits, axis=axis, epsilon=self.epsilon
        )
