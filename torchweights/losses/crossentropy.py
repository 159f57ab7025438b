"""What cross-entropies share, and the binary one."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from torchweights import class_weight as class_weights
from torchweights import functional, validation
from torchweights.closed_form import ClosedForm, Expected, elements, weighing
from torchweights.functional.shared import LARGE
from torchweights.losses.base import WeightedLoss, same_shape
from torchweights.messages import shown, warn_of_trap
from torchweights.options import number
from torchweights.reduction import Weighed, weighted_mean

#: y_pred are logits of a model that ended in the activation the loss expects, or in the one named
_RESCUES = ("rescued", "rescued sigmoid", "rescued softmax")

#: logits so large that products of two, and sums, are finite in float32
_HARMLESS = 1e18


class Crossentropy(WeightedLoss):
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
        one_axis = isinstance(axis, int) and not isinstance(axis, bool)
        if not (axis is None or one_axis or (axis == () and self._averages)):
            kinds = "an int, or () for a value per element" if self._averages else "an int, the axis of the classes"
            raise TypeError(f"axis expected {kinds}; received {shown(axis)}.")
        explicit = self.semantics.formulas.explicit
        if from_logits is None and explicit:
            raise TypeError(
                f"{type(self).__name__} expected from_logits, received nothing. Write from_logits=True if y_pred are logits (the output of a last "
                f"layer without activation), from_logits=False if they are probabilities (after {self._activation})."
            )
        if not isinstance(from_logits, bool) and from_logits not in (None, *_RESCUES):
            raise ValueError(
                "from_logits expected True, False or 'rescued' (with the name of the activation, 'rescued sigmoid', where the loss expects another); "
                f"received {shown(from_logits)}."
            )
        number("label_smoothing", label_smoothing, "a number from 0 to 1", lambda one: 0 <= one <= 1)
        number("epsilon", epsilon, "a number between 0 and 0.5", lambda one: 0 < one < 0.5)
        if from_logits is True and epsilon != 1e-7:
            raise ValueError(
                f"epsilon expected to be left out with from_logits=True, which clips nothing; received {epsilon}."
            )
        self.from_logits = bool(from_logits) if from_logits is None else from_logits
        self.axis = -1 if axis is None and not explicit else axis
        self.label_smoothing = label_smoothing
        self.epsilon = epsilon

    def _values_axes(self, rank: int) -> tuple[int, ...]:
        if self._averages and self.semantics.formulas.per_element:
            return ()
        if self.axis is None:
            if rank > 2:
                raise ValueError(
                    f"axis expected for y_pred of rank {rank}, received nothing. Write axis=1 if {self._axes} are on "
                    "the second axis (N, C, ..), axis=-1 if they are on the last (N, .., C)."
                )
            return (rank - 1,)
        return super()._values_axes(rank)

    def _class_axis(self, rank: int) -> int:
        """The axis of the classes, which cross-entropies over classes always have."""
        return self._values_axes(rank)[0]

    def _logits_and_predictions(self, y_pred: Tensor) -> tuple[bool, Tensor]:
        """Whether the formula takes logits, and what it takes: a rescue may have to compute probabilities first."""
        if isinstance(self.from_logits, bool):
            return self.from_logits, y_pred
        activation = self.from_logits.removeprefix("rescued").strip() or self._activation
        if self.semantics.formulas.finds_logits(activation, self._activation, y_pred.ndim):
            return True, y_pred
        if activation == "sigmoid":
            return False, y_pred.sigmoid()
        return False, y_pred.softmax(self._class_axis(y_pred.ndim))

    def _computes_logits(self, y_pred: Tensor) -> bool | None:
        """Whether the formula takes y_pred as logits; None where a rescue has to compute probabilities first."""
        if isinstance(self.from_logits, bool):
            return self.from_logits
        activation = self.from_logits.removeprefix("rescued").strip() or self._activation
        return True if self.semantics.formulas.finds_logits(activation, self._activation, y_pred.ndim) else None

    def _harmless_as_they_are(self, y_pred: Tensor) -> bool:
        if not (self._takes_all_logits and self._computes_logits(y_pred) and validation.can_look(y_pred)):
            return False
        # Of few it is quicker to replace some than to look at all.
        return y_pred.numel() > LARGE and validation.within(y_pred, -_HARMLESS, _HARMLESS)

    def _check_predictions(self, y_pred: Tensor, weighed: Weighed) -> None:
        if self.from_logits is False and (self.validate or self.semantics.formulas.explicit):
            validation.check_probabilities(
                "y_pred",
                y_pred,
                self._judged(y_pred, weighed),
                f"Pass logits with from_logits=True, or probabilities (after {self._activation}).",
            )
            if self._activation == "softmax":
                validation.check_rows(y_pred, self._class_axis(y_pred.ndim), weighed.included)

    def _expected(self, y_pred: Tensor, y_true: Tensor) -> Expected | None:
        # Rows of zeros make a NaN of their own.
        if not y_true.is_floating_point() or not (self.validate or self.semantics.formulas.explicit):
            return None
        return Expected(probabilities=self.from_logits is False, targets="in [0, 1]")

    def _judged(self, tensor: Tensor, weighed: Weighed) -> Tensor | None:
        """True where a number of y_pred or y_true counts; None where all do."""
        return weighed.included_like(self._values_axes(tensor.ndim))

    def _smoothing_classes(self, y_pred: Tensor) -> int | None:
        where = {"axis": None, "axis 1": 1, "last": -1}[self.semantics.formulas.smoothing_classes]
        return None if where is None else y_pred.shape[where]


class BinaryCrossentropy(Crossentropy):
    """Binary cross-entropy, averaged over the labels of each sample: ``functional.binary_crossentropy``, weighed.

    Args:
        from_logits: True for logits, False for probabilities, "rescued" for logits of a model whose era computed the loss
            behind a sigmoid ("rescued softmax": of one that ended in a softmax). The default row has no default; Keras rows have False.
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

    def _meet(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        return same_shape(y_pred, y_true).to(y_pred.dtype)

    def _label_axis(self, rank: int) -> int:
        axis = self.axis if isinstance(self.axis, int) else -1
        return axis % rank

    def _by_column(self, y_pred_shape: Sequence[int]) -> bool:
        """Whether class weights are per label column: with several labels per sample, unless each is a sample (axis=())."""
        if self.semantics.class_weights.others != "by class" or self.axis == ():
            return False
        return y_pred_shape[self._label_axis(len(y_pred_shape))] > 1

    def _class_weights_of(
        self, y_true: Tensor, met: Tensor, y_pred_shape: Sequence[int], mask: Tensor | None, shape: tuple[int, ...]
    ) -> Tensor | None:
        if self._by_column(y_pred_shape):
            return None
        labels = y_pred_shape[self._label_axis(len(y_pred_shape))]
        if labels > 1 and self.semantics.class_weights.others != "by class":
            warn_of_trap(
                "class_weight of multi-label targets",
                f"the class of a sample with {labels} labels is the argmax of its targets in this release: its first "
                "label that is 1 decides. Use semantics='torchweights', which weighs each label column.",
            )
        return super()._class_weights_of(y_true, met, y_pred_shape, mask, shape)

    def _labels(self, y_true: Tensor, y_pred_shape: Sequence[int]) -> tuple[Tensor, int | None]:
        return y_true.squeeze(self._values_axes(y_true.ndim)), 2

    def _column_weights(self, like: Tensor) -> Tensor | None:
        """The weight of each label column, shaped to meet ``like``; None where class weights are not by column."""
        if not (self._class_weights_act() and self._by_column(like.shape)):
            return None
        labels = self._label_axis(like.ndim)
        weights = self._table(like.device, like.shape[labels]).weights.to(like.dtype)
        return weights.reshape([-1 if axis == labels else 1 for axis in range(like.ndim)])

    def _judged(self, tensor: Tensor, weighed: Weighed) -> Tensor | None:
        included, columns = super()._judged(tensor, weighed), self._column_weights(tensor)
        if columns is None:
            return included
        counting = (columns != 0).expand(tensor.shape)
        return counting if included is None else included & counting

    _expected = Crossentropy._expected

    def _check_numbers(self, y_pred: Tensor, y_true: Tensor, weighed: Weighed) -> None:
        self._check_predictions(y_pred, weighed)
        if self.validate or self.semantics.formulas.explicit:
            validation.check_probabilities(
                "y_true",
                y_true,
                self._judged(y_true, weighed),
                "Give labels 0 and 1, or soft labels between them.",
            )

    _takes_all_logits = True

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One value per sample: the mean over its labels, each with the weight of its column if it has one."""
        from_logits, y_pred = self._logits_and_predictions(y_pred)
        axis = self._values_axes(y_pred.ndim)
        weight = self._column_weights(y_pred)
        if weight is not None:
            y_pred = torch.where(weight != 0, y_pred, torch.full((), 0.5, dtype=y_pred.dtype, device=y_pred.device))
        values = self._formula(
            y_pred, y_true, from_logits=from_logits, label_smoothing=self.label_smoothing, axis=axis if weight is None else (),
            epsilon=self.epsilon, form=self.semantics.formulas.binary, precise=self.semantics.formulas.precise,
        )  # fmt: skip
        return values if weight is None else weighted_mean(values, weight, axis)

    def _formula(self, y_pred: Tensor, y_true: Tensor, **options: Any) -> Tensor:
        return functional.binary_crossentropy(y_pred, y_true, **options)

    # ------------------------------------------------------------------------------------------------------ in closed form

    _closes_from = 2**19

    def _closed_form(self, y_pred: Tensor, y_true: Tensor) -> ClosedForm | None:
        of_logits, spans = self._computes_logits(y_pred), self._values_axes(y_pred.ndim)
        element = None if of_logits is None else self._element(of_logits)
        if element is None:
            return None
        columns = self._column_weights(y_pred)
        if columns is not None and spans != (self._label_axis(y_pred.ndim),):
            return None
        columns = None if columns is None else columns.detach().reshape(1, 1, -1, 1)
        count = math.prod(y_pred.shape[axis] for axis in spans)
        of_piece = functools.partial(weighing.averaged, element, count, columns)
        of_hard = None
        if not self.label_smoothing and (hard := self._element(bool(of_logits), hard=True)):
            of_hard = functools.partial(weighing.averaged, hard, count, columns)
        return ClosedForm(
            of_piece, spans, turned=False, columns=columns, of_hard=of_hard, keeps_from=None if of_logits else 2
        )

    def _element(self, of_logits: bool, hard: bool = False) -> elements.Element | None:
        """The value of one element and its derivative; ``hard`` for labels that are 0 and 1, or NaN."""
        if of_logits:
            # They save nothing here.
            return None if hard else functools.partial(elements.binary_of_logits, smoothing=self.label_smoothing)
        form = self.semantics.formulas.binary
        if form not in ("clip", "clip, add", "clip, add, graph"):
            return None
        return functools.partial(
            elements.binary_of_probabilities, smoothing=self.label_smoothing, epsilon=self.epsilon, form=form, hard=hard
        )
