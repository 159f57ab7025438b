"""Cross-entropies: binary, categorical, sparse categorical."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from torchweights import class_weight as class_weights
from torchweights import functional, validation
from torchweights.alignment import shape_text
from torchweights.losses.base import WeightedLoss, same_shape
from torchweights.reduction import Weighed, weighted_mean


class _Crossentropy(WeightedLoss):
    """What the three share: from_logits, axis, label smoothing, and the rescue of logits."""

    _activation: ClassVar[str]
    _axes: ClassVar[str] = "the classes"

    def __init__(
        self,
        from_logits: bool | str | None,
        axis: int | tuple[int, ...] | None,
        label_smoothing: float,
        epsilon: float,
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        explicit = self.semantics.formulas.explicit
        if from_logits is None and explicit:
            raise TypeError(
                f"{type(self).__name__} expected from_logits, received nothing. Write from_logits=True if y_pred are logits (the output of a last "
                f"layer without activation), from_logits=False if they are probabilities (after {self._activation})."
            )
        if not isinstance(from_logits, bool) and from_logits not in (None, "rescued"):
            raise ValueError(f"from_logits expected True, False or 'rescued'; received {from_logits!r}.")
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"label_smoothing expected a number from 0 to 1; received {label_smoothing!r}.")
        if not 0 < epsilon < 0.5:
            raise ValueError(f"epsilon expected a number between 0 and 0.5; received {epsilon!r}.")
        self.from_logits = bool(from_logits) if from_logits is None else from_logits
        self.axis = -1 if axis is None and not explicit else axis
        self.label_smoothing = label_smoothing
        self.epsilon = epsilon

    def _values_axis(self, rank: int) -> int | tuple[int, ...]:
        if self.axis is None:
            if rank > 2:
                raise ValueError(
                    f"axis expected for y_pred of rank {rank}, received nothing. Write axis=1 if {self._axes} are on the second axis (N, C, ..), "
                    "axis=-1 if they are on the last (N, .., C)."
                )
            return -1
        if isinstance(self.axis, int) and not -rank <= self.axis < rank:
            raise ValueError(
                f"axis expected from {-rank} to {rank - 1} for y_pred of rank {rank}; received {self.axis}."
            )
        return self.axis

    def _class_axis(self, rank: int) -> int:
        """The axis of the classes, which cross-entropies over classes always have."""
        axis = self._values_axis(rank)
        assert isinstance(axis, int)
        return axis

    def _logits_and_predictions(self, y_pred: Tensor) -> tuple[bool, Tensor]:
        """Whether the formula takes logits, and what it takes: a rescue may have to compute probabilities first."""
        if self.from_logits != "rescued":
            return bool(self.from_logits), y_pred
        if self.semantics.formulas.logits_behind(self._activation, y_pred.ndim):
            return True, y_pred
        if self._activation == "sigmoid":
            return False, y_pred.sigmoid()
        return False, y_pred.softmax(self._class_axis(y_pred.ndim))

    def _check_predictions(self, y_pred: Tensor, weighed: Weighed) -> None:
        if self.from_logits is False and (self.validate or self.semantics.formulas.explicit):
            validation.check_probabilities(
                "y_pred",
                y_pred,
                self._judged_like(y_pred, weighed),
                f"Pass logits with from_logits=True, or probabilities (after {self._activation}).",
            )

    def _judged_like(self, tensor: Tensor, weighed: Weighed) -> Tensor | None:
        axis = self._values_axis(tensor.ndim)
        if weighed.included is None or axis == ():
            return weighed.included
        return weighed.included.expand(weighed.shape).unsqueeze(axis)  # type: ignore[arg-type]

    def _smoothing_classes(self, y_pred: Tensor) -> int | None:
        where = {"axis": None, "axis 1": 1, "last": -1}[self.semantics.formulas.smoothing_classes]
        return None if where is None else y_pred.shape[where]


class BinaryCrossentropy(_Crossentropy):
    """Binary cross-entropy, averaged over the labels of each sample: ``functional.binary_crossentropy``, weighed.

    Args:
        from_logits: True for logits, False for probabilities, "rescued" for logits of a model whose era computed the loss
            behind a sigmoid. The default row has no default; Keras rows have False.
        label_smoothing: a in y (1 - a) + a / 2.
        axis: Axis of the labels, averaged; () for a value per element. The default row wants it from rank 3 on; Keras
            rows have -1.
        epsilon: Where probabilities are clipped.
        reduction, class_weight, semantics, rest_in_eval, validate: As in ``WeightedLoss``. Class weights: with one label
            per sample, by its value {0: .., 1: ..}; with several, one per label column (Keras rows: by argmax, as they do).

    Shapes: y_pred and y_true (N, .., L) alike; (N,) is (N, 1); a trailing 1 may lack in y_true.

    >>> import torch
    >>> criterion = BinaryCrossentropy(from_logits=True, class_weight={0: 1.0, 1: 5.0})
    >>> criterion(torch.zeros(2, 1), torch.tensor([[0.0], [1.0]]))
    tensor(2.0794)
    """

    _activation = "sigmoid"
    _axes = "the labels"

    def __init__(
        self,
        *,
        from_logits: bool | str | None = None,
        label_smoothing: float = 0.0,
        axis: int | tuple[int, ...] | None = None,
        epsilon: float = 1e-7,
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

    def _values_axis(self, rank: int) -> int | tuple[int, ...]:
        return () if self.semantics.formulas.per_element else super()._values_axis(rank)

    def _meet(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        return same_shape(y_pred, y_true).to(y_pred.dtype)

    def _label_axis(self, rank: int) -> int:
        axis = self.axis if isinstance(self.axis, int) else -1
        return axis % rank

    def _by_column(self, y_pred_shape: Sequence[int]) -> bool:
        return (
            self.semantics.class_weights.others == "by class" and y_pred_shape[self._label_axis(len(y_pred_shape))] > 1
        )

    def _class_weights_of(
        self, y_true: Tensor, met: Tensor, y_pred_shape: Sequence[int], mask: Tensor | None, shape: tuple[int, ...]
    ) -> Tensor | None:
        if self._by_column(y_pred_shape):
            return None
        return super()._class_weights_of(y_true, met, y_pred_shape, mask, shape)

    def _labels(self, y_true: Tensor, y_pred_shape: Sequence[int]) -> tuple[Tensor, int | None]:
        return (y_true if self._values_axis(y_true.ndim) == () else y_true.squeeze(self._label_axis(y_true.ndim))), 2

    def _check_numbers(self, y_pred: Tensor, y_true: Tensor, weighed: Weighed) -> None:
        self._check_predictions(y_pred, weighed)
        if self.validate or self.semantics.formulas.explicit:
            validation.check_probabilities(
                "y_true",
                y_true,
                self._judged_like(y_true, weighed),
                "Give labels 0 and 1, or soft labels between them.",
            )

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One value per sample: the mean over its labels, each with the weight of its column if it has one."""
        from_logits, y_pred = self._logits_and_predictions(y_pred)
        axis = self._values_axis(y_pred.ndim)
        by_column = self._class_weights_act() and self._by_column(y_pred.shape)
        weight = None
        if by_column:
            labels = self._label_axis(y_pred.ndim)
            weight = self._table(y_pred.device, y_pred.shape[labels]).weights.to(y_pred.dtype)
            weight = weight.reshape([-1 if i == labels else 1 for i in range(y_pred.ndim)])
            y_pred = torch.where(weight != 0, y_pred, torch.full((), 0.5, dtype=y_pred.dtype, device=y_pred.device))
        values = functional.binary_crossentropy(
            y_pred, y_true, from_logits=from_logits, label_smoothing=self.label_smoothing, axis=() if by_column else axis,
            epsilon=self.epsilon, form=self.semantics.formulas.binary,
        )  # fmt: skip
        return values if weight is None else weighted_mean(values, weight, axis)


class CategoricalCrossentropy(_Crossentropy):
    """Cross-entropy with one-hot or soft targets: ``functional.categorical_crossentropy``, weighed.

    Args:
        from_logits: True for logits, False for probabilities, "rescued" for logits of a model whose era computed the loss
            behind a softmax. The default row has no default; Keras rows have False.
        label_smoothing: a in y (1 - a) + a / C.
        axis: Axis of the classes. The default row wants it from rank 3 on; Keras rows have -1.
        epsilon: Where probabilities are clipped.
        reduction, class_weight, semantics, rest_in_eval, validate: As in ``WeightedLoss``. The class of a soft target is
            its argmax, as in Keras; in the row ``torch`` class weights stand inside the sum over classes.

    Shapes: y_pred and y_true (N, .., C) alike, classes on ``axis``.

    >>> import torch
    >>> criterion = CategoricalCrossentropy(from_logits=False, class_weight=[1.0, 3.0])
    >>> criterion(torch.tensor([[0.5, 0.5], [0.5, 0.5]]), torch.eye(2))
    tensor(1.3863)
    """

    _activation = "softmax"
    _class_weights_count = False

    def __init__(
        self,
        *,
        from_logits: bool | str | None = None,
        label_smoothing: float = 0.0,
        axis: int | None = None,
        epsilon: float = 1e-7,
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

    def _weights_inside(self) -> bool:
        return self.semantics.weighing.counts_class_weights_alone

    def _class_weights_of(
        self, y_true: Tensor, met: Tensor, y_pred_shape: Sequence[int], mask: Tensor | None, shape: tuple[int, ...]
    ) -> Tensor | None:
        return None if self._weights_inside() else super()._class_weights_of(y_true, met, y_pred_shape, mask, shape)

    def _labels(self, y_true: Tensor, y_pred_shape: Sequence[int]) -> tuple[Tensor, int | None]:
        axis = self._class_axis(y_true.ndim)
        return y_true.argmax(axis), y_pred_shape[axis]

    def _check_numbers(self, y_pred: Tensor, y_true: Tensor, weighed: Weighed) -> None:
        self._check_predictions(y_pred, weighed)

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One value per sample or pixel."""
        from_logits, y_pred = self._logits_and_predictions(y_pred)
        axis, smoothing = self._class_axis(y_pred.ndim), self.label_smoothing
        classes = self._smoothing_classes(y_pred)
        if self._weights_inside() and self._class_weights_act():
            y_true = y_true * (1 - smoothing) + smoothing / (classes or y_pred.shape[axis])
            y_true, smoothing = (
                class_weights.per_class(y_true, self._table(y_pred.device, y_pred.shape[axis]), axis),
                0.0,
            )
        return functional.categorical_crossentropy(
            y_pred,
            y_true,
            from_logits=from_logits,
            label_smoothing=smoothing,
            smoothing_classes=classes,
            axis=axis,
            epsilon=self.epsilon,
        )


class SparseCategoricalCrossentropy(_Crossentropy):
    """Cross-entropy with integer labels: ``functional.sparse_categorical_crossentropy``, weighed.

    Args:
        from_logits: True for logits, False for probabilities, "rescued" for logits of a model whose era computed the loss
            behind a softmax. The default row has no default; Keras rows have False.
        ignore_class: The label that means "no label": its values count nowhere.
        label_smoothing: a: the label has 1 - a + a / C, every other class a / C (torch has it, Keras does not).
        axis: Axis of the classes. The default row wants it from rank 3 on; Keras rows have -1.
        epsilon: Where probabilities are clipped.
        reduction, class_weight, semantics, rest_in_eval, validate: As in ``WeightedLoss``.

    Shapes: y_pred (N, .., C) with the classes on ``axis``; y_true the same without ``axis``, or with size 1 there.

    >>> import torch
    >>> criterion = SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)
    >>> criterion(torch.zeros(3, 2), torch.tensor([0, 255, 1]))
    tensor(0.6931)
    """

    _activation = "softmax"
    _class_weights_count = True

    def __init__(
        self,
        *,
        from_logits: bool | str | None = None,
        ignore_class: int | None = None,
        label_smoothing: float = 0.0,
        axis: int | None = None,
        epsilon: float = 1e-7,
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
        if ignore_class is not None and (isinstance(ignore_class, bool) or not isinstance(ignore_class, int)):
            raise TypeError(
                f"ignore_class expected a label (an int) or None; received {type(ignore_class).__name__} {ignore_class!r}."
            )
        self.ignore_class = ignore_class

    def _meet(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        if y_true.is_floating_point():
            raise TypeError(
                f"y_true expected integer labels; received {y_true.dtype} of shape {tuple(y_true.shape)}. Use CategoricalCrossentropy for "
                "one-hot or soft targets, or y_true.long() if these are labels."
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
        if self._class_weights_act():
            raise ValueError(
                "denominator() of a criterion with class weights expected y_pred_shape, received nothing: labels do not tell the number of classes. "
                "Write criterion.denominator(y_true, y_pred_shape=logits.shape)."
            )
        axis = self._class_axis(y_true.ndim + 1)
        shape = list(y_true.shape)
        shape.insert(axis % (y_true.ndim + 1), 1)
        return tuple(shape)

    def _check_numbers(self, y_pred: Tensor, y_true: Tensor, weighed: Weighed) -> None:
        axis = self._class_axis(y_pred.ndim)
        validation.check_labels(y_true, y_pred.shape[axis], weighed.included)
        self._check_predictions(y_pred, weighed)

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One value per sample or pixel."""
        from_logits, y_pred = self._logits_and_predictions(y_pred)
        axis = self._class_axis(y_pred.ndim)
        if self._weights_inside() and self._class_weights_act():
            return self._values_with_weights_inside(y_pred, y_true, from_logits, axis)
        return functional.sparse_categorical_crossentropy(
            y_pred,
            y_true,
            from_logits=from_logits,
            label_smoothing=self.label_smoothing,
            axis=axis,
            epsilon=self.epsilon,
            form=self.semantics.formulas.sparse,
        )

    def _weights_inside(self) -> bool:
        # Without smoothing both ways are one: only one class has a term.
        return self.semantics.weighing.counts_class_weights_alone and self.label_smoothing > 0

    def _values_with_weights_inside(self, y_pred: Tensor, y_true: Tensor, from_logits: bool, axis: int) -> Tensor:
        classes = torch.arange(y_pred.shape[axis], device=y_pred.device)
        one_hot = (y_true.unsqueeze(-1) == classes).movedim(-1, axis).to(y_pred.dtype)
        smoothed = one_hot * (1 - self.label_smoothing) + self.label_smoothing / len(classes)
        weighted = class_weights.per_class(smoothed, self._table(y_pred.device, len(classes)), axis)
        return functional.categorical_crossentropy(
            y_pred, weighted, from_logits=from_logits, axis=axis, epsilon=self.epsilon
        )
