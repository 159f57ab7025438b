"""What every criterion shares: it stores options, weighs, computes values, reduces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from torchweights import alignment, class_weight, flags, reduction, tracing, validation
from torchweights.counts import Denominator
from torchweights.functional import at_least_float32
from torchweights.losses.closing import Closes
from torchweights.losses.configured import Configured
from torchweights.losses.held_weights import HoldsClassWeights
from torchweights.losses.splitting import Splits, autocast_off
from torchweights.messages import shown
from torchweights.reduction import Weighed, standard_reduction
from torchweights.semantics import Semantics, semantics_for


def function_name(kind: type) -> str:
    """What Keras calls the function of a loss class: MeanSquaredError is mean_squared_error."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


def axes_of(axis: object) -> tuple[int, ...]:
    """An axis or axes as a tuple; TypeError for anything else."""
    axes = axis if isinstance(axis, tuple) else (axis,)
    if not all(isinstance(one, int) and not isinstance(one, bool) for one in axes):
        raise TypeError(f"axis expected an int, or a tuple of them; received {shown(axis)}.")
    return axes


def check_per_element(criterion: WeightedLoss) -> None:
    """In a row that has a value per element, an axis to average has no effect, so none may be given."""
    if axes_of(criterion.axis) not in ((-1,), ()) and criterion.semantics.formulas.per_element:
        raise ValueError(
            f"axis expected to be left out in row {criterion.semantics.name!r}, which averages no axis but has a value per "
            f"element; received {criterion.axis!r}."
        )


def same_shape(y_pred: Tensor, y_true: Tensor) -> Tensor:
    """y_true in the shape of y_pred: equal, or one trailing 1 more or less."""
    if y_true.shape == y_pred.shape:
        return y_true
    if tuple(y_true.shape) == (*y_pred.shape, 1):
        return y_true.squeeze(-1)
    if (*y_true.shape, 1) == tuple(y_pred.shape):
        return y_true.unsqueeze(-1)
    raise ValueError(
        f"y_true expected the shape of y_pred, {alignment.shape_text(y_pred.shape)} (a trailing 1 may lack); received {alignment.shape_text(y_true.shape)}. "
        "Reshape one of them: nothing is broadcast here."
    )


class WeightedLoss(Configured, HoldsClassWeights, Splits, Closes):
    """A criterion: options, and one call of values, weighing and reduction.

    Args:
        reduction: sum_over_batch_size (what ``mean`` means too), mean_with_sample_weight, sum, none or None.
        class_weight: A dict, list or tensor of weights by class; an ``nn.Parameter`` is registered and learned.
        semantics: The row: "torchweights", a release ("keras2.2.4", "tensorflow==1.12"), or what ``semantics_for`` gives.
        rest_in_eval: Whether class weights rest after ``.eval()``, as they do in Keras's evaluate; None for the row's way.
        validate: Whether labels and probabilities are checked; None checks on the CPU alone, where it costs no wait.

    Calls take ``(y_pred, y_true, sample_weight=None, mask=None, *, denominator=None)``.
    """

    #: in the row ``torch``: whether the class weights under the sum are also added up under the mean
    _class_weights_count: ClassVar[bool] = False

    def __init__(
        self,
        *,
        reduction: str | None = "sum_over_batch_size",
        class_weight: class_weight.ClassWeightsLike | None = None,
        semantics: str | Semantics = "torchweights",
        rest_in_eval: bool | None = None,
        validate: bool | None = None,
    ) -> None:
        super().__init__()
        standard_reduction(reduction)
        for name, flag in (("rest_in_eval", rest_in_eval), ("validate", validate)):
            if not (flag is None or isinstance(flag, bool)):
                raise TypeError(f"{name} expected True, False or None; received {shown(flag)}.")
        self.reduction = reduction
        self.semantics = semantics_for(semantics, loss=function_name(type(self)))
        self.rest_in_eval = not self.semantics.class_weights.eval_too if rest_in_eval is None else rest_in_eval
        self.validate = validate
        self._store_class_weight(class_weight)

    # ---------------------------------------------------------------------------------- what a family of losses decides

    def _meet(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """y_true in the shape that the formula wants; raises ValueError where shapes do not meet."""
        raise NotImplementedError

    #: axis or axes of y_pred that each value sums up or averages; () for a value per element
    axis: int | tuple[int, ...] | None

    #: whether a value averages over ``axis``, so that a row (or ``axis=()``) may leave a value per element
    _averages: ClassVar[bool] = True

    def _values_axes(self, rank: int) -> tuple[int, ...]:
        """The axes of y_pred that the values lack, ascending and not negative."""
        if self.axis is None or (self._averages and self.semantics.formulas.per_element):
            return ()
        axes = axes_of(self.axis)
        if any(not -rank <= axis < rank for axis in axes):
            raise ValueError(
                f"axis expected from {-rank} to {rank - 1} for y_pred of rank {rank}; received {self.axis}."
            )
        return tuple(sorted({axis % rank for axis in axes}))

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """Unreduced values, without weights."""
        raise NotImplementedError

    def _labels(self, y_true: Tensor, y_pred_shape: Sequence[int]) -> tuple[Tensor, int | None]:
        """The class of each value, and how many classes there are."""
        raise NotImplementedError

    def _weights_inside(self) -> bool:
        """Whether class weights act inside the sum over classes, as in torch.nn, and not on the value as a whole."""
        return False

    def _kept(self, y_true: Tensor) -> Tensor | None:
        """False where a label says that its value is left out."""
        return None

    def _targets(self, y_true: Tensor, weighed: Weighed) -> Tensor:
        """Targets as the formula wants them, once it is known which of them count."""
        return y_true

    def _hide_targets(self, y_true: Tensor, weighed: Weighed, axes: tuple[int, ...]) -> Tensor:
        """Targets with 0 where nothing must show; ``axes`` are those that the values lack."""
        return weighed.hide(y_true, axes)

    def _weight_of_prediction(self, y_pred: Tensor, y_true: Tensor) -> Tensor | None:
        """A weight for each value that depends on what was predicted; none in most losses."""
        return None

    def _check_numbers(self, y_pred: Tensor, y_true: Tensor, weighed: Weighed) -> None:
        """Labels and probabilities that cannot be meant."""

    # ------------------------------------------------------------------------------------------------------- the call

    def forward(
        self,
        y_pred: Tensor,
        y_true: Tensor,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        denominator: Tensor | Denominator | float | None = None,
    ) -> Tensor:
        validation.check_kinds(y_pred, y_true)
        if denominator is not None:
            self._check_denominator(y_pred)
        with autocast_off(y_pred.device):
            given = at_least_float32(y_pred), y_true, sample_weight, mask
            if self._loss_closes and self._closes(given[0]):
                found = self._closed_loss(*given, denominator)
                if found is not None:
                    return found
            values, weighed = self._weighed_values(*given)
            return reduction.reduce(values, weighed, standard_reduction(self.reduction), denominator)

    def _check_denominator(self, y_pred: Tensor) -> None:
        """Raises ValueError where a denominator cannot be meant."""

    def _weighed_values(
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Weighed]:
        """Unreduced values, and what weighs them."""
        y_pred, met, weighed = self._prepared(y_pred, y_true, sample_weight, mask)
        return self._shown_values(y_pred, self._targets(met, weighed), weighed), weighed

    def _prepared(
        self,
        y_pred: Tensor,
        y_true: Tensor,
        sample_weight: Tensor | None,
        mask: Tensor | None,
        *,
        checked: bool = True,
    ) -> tuple[Tensor, Tensor, Weighed]:
        """Predictions and targets that meet, checked unless that comes later, and what weighs their values."""
        if y_pred.ndim == 0:
            raise ValueError(
                "y_pred expected at least one axis, (N,) or (N, ..); received a tensor of rank 0. Write y_pred.reshape(1)."
            )
        if y_pred.ndim == 1:
            # One prediction per sample: Keras's fit makes (N, 1) of it too.
            y_pred, y_true = y_pred.unsqueeze(-1), y_true.unsqueeze(-1) if y_true.ndim == 1 else y_true
        met = self._meet(y_pred, y_true)
        chosen, kept = self._weight_of_prediction(y_pred, met), self._kept(met)
        met = met if kept is None else flags.where(kept, met)
        weighed = self._weigh(y_pred.shape, y_true, met, sample_weight, mask, y_pred.device, y_pred.dtype, chosen, kept)
        if not met.is_floating_point() and (kept is None or weighed.included is not kept):
            # Labels that do not count may be no class.
            met = self._hide_targets(met, weighed, self._values_axes(y_pred.ndim) if met.ndim == y_pred.ndim else ())
        if checked and self._looks(y_pred):
            self._check_numbers(y_pred, met, weighed)
        return y_pred, met, weighed

    def _looks(self, y_pred: Tensor) -> bool:
        """Whether numbers are checked: if nothing is said, where that costs no wait."""
        return validation.can_look(y_pred) if self.validate is None else self.validate

    def _shown_values(self, y_pred: Tensor, met: Tensor, weighed: Weighed) -> Tensor:
        """Values of what counts; what does not is replaced before the formula sees it."""
        axes = self._values_axes(y_pred.ndim)
        if weighed.included is not None and not self._harmless_as_they_are(y_pred):
            y_pred = weighed.hide(y_pred, axes, self._harmless)
        if met.is_floating_point():
            met = self._hide_targets(met, weighed, axes if met.ndim == y_pred.ndim else ())
        return self.values(y_pred, met)

    #: a prediction that every formula takes without harm
    _harmless: ClassVar[float] = 0.5

    def _harmless_as_they_are(self, y_pred: Tensor) -> bool:
        """Whether all predictions have finite values and derivatives, as can be seen: what does not count need not be replaced."""
        return False

    def _values_shape(self, y_pred_shape: Sequence[int]) -> tuple[int, ...]:
        axes = self._values_axes(len(y_pred_shape))
        return tuple(size for place, size in enumerate(y_pred_shape) if place not in axes)

    def _weigh(
        self,
        y_pred_shape: Sequence[int],
        y_true: Tensor,
        met: Tensor,
        sample_weight: Tensor | None,
        mask: Tensor | None,
        device: torch.device,
        dtype: torch.dtype,
        chosen: Tensor | None = None,
        kept: Tensor | None = None,
    ) -> Weighed:
        """Class weights, sample weights, weights of predictions (``chosen``), masks and ignored labels as one weight tensor.

        ``kept`` where ignored labels are hidden already.
        """
        shape = self._values_shape(y_pred_shape)
        sample_weight = validation.as_weight("sample_weight", sample_weight, device)
        mask = validation.as_mask(mask, device, self.validate)
        hidden, kept = kept, self._kept(met) if kept is None else kept
        if kept is not None:
            mask = kept if mask is None else kept & self._grown(mask, shape)
        counted, judged, acting = None, mask, self._class_weights_act()
        if acting and self.semantics.class_weights.others == "by class" and sample_weight is not None:
            sample_weight = self.semantics.weighing.meet(shape, sample_weight, None).weight
            assert sample_weight is not None
            judged = sample_weight != 0 if mask is None else (sample_weight != 0) & self._grown(mask, shape)
        if acting and not class_weight.overridden(sample_weight, self.semantics.class_weights):
            labels = met
            if mask is not None and mask is not hidden and sample_weight is None and not met.is_floating_point():
                labels = flags.where(self._grown(mask, shape), met)  # where a mask hides, its class counts nowhere
            found = counted = self._class_weights_of(y_true, labels, y_pred_shape, judged, shape)
            if found is not None and not self._weights_inside():
                sample_weight = class_weight.join(found, sample_weight, self.semantics.class_weights)
        if chosen is not None:
            given = None if sample_weight is None else self.semantics.weighing.meet(shape, sample_weight, None).weight
            if given is not None:
                # What weighs nothing must not show, even where no prediction could choose a weight.
                chosen = torch.where(given != 0, chosen, torch.zeros_like(chosen)) * given.to(chosen.dtype)
            sample_weight = chosen
        tracing.note("weights", class_weight=counted, prediction=chosen, kept=kept)
        weighed = reduction.weigh(shape, sample_weight, mask, self.semantics, dtype, device)
        if kept is not None and weighed.met.mask is None:
            # An era whose means count no mask still leaves out of its count what the loss itself ignores.
            weighed = replace(weighed, met=replace(weighed.met, mask=self._grown(kept, shape)))
        if self.semantics.weighing.counts_class_weights_alone:
            counted = counted if self._class_weights_count else None
            weighed = replace(weighed, met=replace(weighed.met, counted=counted))
        return weighed

    def _grown(self, mask: Tensor, shape: tuple[int, ...]) -> Tensor:
        """A mask that must meet labels: made to fit the values first, as the row fits masks."""
        met = self.semantics.weighing.meet(shape, None, mask)
        grown = met.weight != 0 if met.absorbed and met.weight is not None else met.mask
        assert grown is not None
        return grown

    def _class_weights_of(
        self, y_true: Tensor, met: Tensor, y_pred_shape: Sequence[int], mask: Tensor | None, shape: tuple[int, ...]
    ) -> Tensor | None:
        rule = self._class_weight_rule()
        if rule.others == "by class":
            labels, num_classes = self._labels(met, y_pred_shape)
            judged = None if mask is None else self._grown(mask, shape).expand(shape)
        else:
            axes = self._values_axes(len(y_pred_shape))
            if y_true.ndim < len(y_pred_shape):
                channels_last = y_true.unsqueeze(-1) if rule.labels_end_in_one else y_true
            else:
                channels_last = y_true.movedim(axes[0], -1) if len(axes) == 1 else y_true
            labels, num_classes, judged = class_weight.classes_by_shape(channels_last, rule), None, None
        return class_weight.look_up(labels, self._table(met.device, num_classes), rule, judged, self.validate)
