"""How a criterion splits over micro-batches and ranks: by counts known beforehand, or by sums that add up."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from torchweights import alignment, reduction, validation
from torchweights.counts import Counts, Denominator, divisor_of
from torchweights.functional import at_least_float32
from torchweights.partial_sums import PartialSums, must_be_sums
from torchweights.precision import exact
from torchweights.reduction import Weighed, standard_reduction
from torchweights.semantics import Semantics

_AS_IT_IS = contextlib.nullcontext()


def autocast_off(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Losses choose their own precision; some devices know no autocast to turn off."""
    if torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return _AS_IT_IS


class Splits(nn.Module):
    """Offers ``denominator()`` where counts decide how batches add up, ``partial_sums()`` and ``from_sums()`` everywhere."""

    semantics: Semantics
    reduction: str | None

    #: what partial sums take besides targets, weights and masks
    _beside: ClassVar[tuple[str, ...]] = ()

    #: False where the counts of a batch do not decide how batches add up
    decomposable: bool = True

    #: why ``decomposable`` may be False, and the way out: what ``denominator()`` says then
    _undecomposable: ClassVar[str] = (
        "expected labels that mean the same in every batch; received a row that turns 0 and 1 into -1 and 1 only if all "
        "labels are such (decomposable is False). Use partial_sums() and from_sums(), or give labels -1 and 1 to "
        "semantics='keras2.2.4', which takes them as they are."
    )

    def denominator(
        self,
        y_true: Tensor,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        y_pred_shape: Sequence[int] | None = None,
    ) -> Denominator:
        """What this batch adds to the denominator: known before y_pred is.

        Add those of several micro-batches and pass the sum as ``denominator=``; across ranks ``tw.global_denominator`` adds.

        Args:
            y_true, sample_weight, mask: As in the call.
            y_pred_shape: Shape of the predictions; needed where the targets do not tell it.

        Raises:
            ValueError: for a criterion whose counts do not add up (``decomposable`` is False), and for reduction none.
        """
        chosen = self._dividing("denominator()")
        if not self.decomposable:
            raise ValueError(
                f"denominator() of {type(self).__name__} with semantics={self.semantics.name!r} {self._undecomposable}"
            )
        validation.check_targets(y_true)
        shape = validation.as_shape(y_pred_shape) if y_pred_shape is not None else self._shape_from_targets(y_true)
        if len(shape) == 1:
            shape, y_true = (*shape, 1), y_true.unsqueeze(-1) if y_true.ndim == 1 else y_true
        stand_in = torch.empty(shape, device="meta")
        weighed = self._weigh(
            shape, y_true, self._meet(stand_in, y_true), sample_weight, mask, y_true.device, exact(y_true.device)
        )
        self._must_add_up(weighed, chosen, sample_weight)
        return Denominator(weighed.counts().detach(), self.semantics.name, chosen)

    def partial_sums(
        self,
        y_pred: Tensor,
        y_true: Tensor,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
        **beside: Tensor | None,
    ) -> PartialSums:
        """What this batch adds to the sums that the loss is made of, with their gradient.

        For what ``denominator()`` cannot split: add those of several micro-batches, or of all ranks (``tw.global_sums``), and
        give the sum to ``from_sums``.

        Args:
            y_pred, y_true, sample_weight, mask: As in the call. beside: What else the call takes (``feature_weight=``).

        Raises:
            ValueError: for reduction none, and where a loss is no function of sums.
        """
        self._dividing("partial_sums()")
        for name in beside:
            if name not in self._beside:
                raise TypeError(
                    f"{name} expected only by criteria whose call takes it; received it with {type(self).__name__}. Leave it out."
                )
        validation.check_kinds(y_pred, y_true)
        with autocast_off(y_pred.device):
            return PartialSums(
                self._sums(at_least_float32(y_pred), y_true, sample_weight, mask, **beside), self._described()
            )

    def from_sums(self, sums: PartialSums, whole: PartialSums | None = None) -> Tensor:
        """The loss that sums make.

        Args:
            sums: Of ``partial_sums()``, added up or not.
            whole: The sums of all batches and ranks, from ``tw.global_sums``: the loss is theirs, its gradient the share of ``sums``.

        Raises:
            ValueError: for sums of another criterion.
        """
        must_be_sums("sums", sums).must_be_of(self._described())
        if whole is not None:
            must_be_sums("whole", whole)
        return self._loss_of({**(sums if whole is None else sums.within(whole)).sums})

    def _described(self) -> str:
        return f"{type(self).__name__} with semantics={self.semantics.name!r} and reduction={self.reduction!r}"

    def _dividing(self, what: str) -> str:
        chosen = standard_reduction(self.reduction)
        if chosen == "none":
            raise ValueError(
                f"{what} expected a reduction that divides; received reduction='none'. Build the criterion with another."
            )
        return chosen

    def _must_add_up(self, weighed: Weighed, chosen: str, sample_weight: Tensor | None) -> None:
        if not weighed.adds_up(chosen):
            raise ValueError(
                f"sample_weight expected per sample or per element, for batches of row {self.semantics.name!r} to add up; "
                f"received {'none' if sample_weight is None else alignment.shape_text(sample_weight.shape)}. "
                "Pass one weight per sample, torch.ones(batch) if all are alike."
            )

    def _sums(
        self,
        y_pred: Tensor,
        y_true: Tensor,
        sample_weight: Tensor | None,
        mask: Tensor | None,
        **beside: Tensor | None,
    ) -> dict[str, Tensor]:
        """The numerator, and the counts of the denominator."""
        values, weighed = self._weighed_values(y_pred, y_true, sample_weight, mask, **beside)
        return self._numerator_and_counts(values, weighed, sample_weight)

    def _numerator_and_counts(
        self, values: Tensor, weighed: Weighed, sample_weight: Tensor | None
    ) -> dict[str, Tensor]:
        self._must_add_up(weighed, standard_reduction(self.reduction), sample_weight)
        return {"weighted": reduction.numerator(values, weighed), **vars(weighed.counts())}

    def _loss_of(self, sums: dict[str, Tensor]) -> Tensor:
        """S / D of sums."""
        counts = Counts(**{name: sums[name] for name in Counts.__dataclass_fields__})
        divisor = divisor_of(counts, self.semantics, standard_reduction(self.reduction))
        return reduction.divide(sums["weighted"], divisor, self.semantics)

    def _shape_from_targets(self, y_true: Tensor) -> tuple[int, ...]:
        return tuple(y_true.shape)

    # What a criterion has beside: see ``WeightedLoss``.
    _meet: Any
    _weigh: Any
    _weighed_values: Any
