"""Overlap losses: Dice and Tversky, over everything or over the axes of each value."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from torchweights import closed_form, functional, reduction, validation
from torchweights.closed_form import sums
from torchweights.functional.class_overlap import OverlapSums
from torchweights.losses.base import WeightedLoss, axes_of, same_shape
from torchweights.options import not_negative
from torchweights.reduction import Weighed
from torchweights.semantics import Semantics


class _Overlap(WeightedLoss):
    """Sums over ``axis``; over everything, the batch too, where it is None: then the loss is one scalar."""

    axis: int | tuple[int, ...] | None

    def __init__(
        self,
        axis: int | tuple[int, ...] | None,
        reduction: str | None,
        semantics: str | Semantics,
        validate: bool | None,
    ) -> None:
        super().__init__(reduction=reduction, semantics=semantics, validate=validate)
        if axis is not None:
            axes_of(axis)
        self.axis = axis
        # Sums over the batch do not split.
        self.decomposable = axis is not None and 0 not in axes_of(axis)

    _averages = False

    def _values_axes(self, rank: int) -> tuple[int, ...]:
        return tuple(range(rank)) if self.axis is None else super()._values_axes(rank)

    def _meet(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        return same_shape(y_pred, y_true).to(y_pred.dtype)

    def _is_scalar(self, y_pred: Tensor) -> bool:
        return self.axis is None or (y_pred.ndim > 1 and len(self._values_axes(y_pred.ndim)) == y_pred.ndim)

    def _check_denominator(self, y_pred: Tensor) -> None:
        if self._is_scalar(y_pred):
            raise ValueError(
                f"denominator expected only where values are per sample; received one with axis={self.axis}, where {type(self).__name__} "
                "is one scalar over the whole batch. Say which axes each value sums with axis=(1, 2, ..), or use partial_sums() and "
                "from_sums()."
            )

    def _weighed_values(
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Weighed]:
        if not self._is_scalar(y_pred):
            return super()._weighed_values(y_pred, y_true, sample_weight, mask)
        return self._scaled(self.values(y_pred, self._meet(y_pred, y_true)), sample_weight, mask)

    def _scaled(self, value: Tensor, sample_weight: Tensor | None, mask: Tensor | None) -> tuple[Tensor, Weighed]:
        """The scalar, as often as there are weights."""
        weight = validation.as_weight("sample_weight", sample_weight, value.device)
        return reduction.met_by(value, weight, validation.as_mask(mask, value.device, self.validate), self.semantics)

    def _sums(  # type: ignore[override]
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None, mask: Tensor | None
    ) -> dict[str, Tensor]:
        if not self._is_scalar(y_pred):
            return super()._sums(y_pred, y_true, sample_weight, mask)
        ones, weighed = self._scaled(y_pred.new_ones(()), sample_weight, mask)
        scale = self._numerator_and_counts(ones, weighed, sample_weight)
        terms = self._split(y_pred, self._meet(y_pred, y_true))
        return {**scale, **{f"overlap {place}": one for place, one in enumerate(terms)}}

    def _loss_of(self, sums: dict[str, Tensor]) -> Tensor:
        terms = [one for name, one in sums.items() if name.startswith("overlap ")]
        return super()._loss_of({**sums, "weighted": sums["weighted"] * self._joined(*terms)} if terms else sums)

    #: the sums of the formula
    _split: ClassVar[Callable[..., tuple[Tensor, Tensor, Tensor]]]

    def _of_overlap(self, found: OverlapSums) -> tuple[Tensor, Tensor, Tensor]:
        """The same out of the sums of an overlap."""
        raise NotImplementedError

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One value for what is left when ``axis`` is summed."""
        found = self._closed_overlap(y_pred, y_true) if self._closes(y_pred) else None
        return self._joined(*(type(self)._split(y_pred, y_true, self._axis(y_pred)) if found is None else found))

    _closes_from = 2**23
    _loss_closes = False

    def _closed_overlap(self, y_pred: Tensor, y_true: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
        axes = self._axis(y_pred)
        whole = axes is None or axes == tuple(range(y_pred.ndim))
        if not whole and axes != tuple(range(1, y_pred.ndim)):
            return None
        if closed_form.steps_aside(y_pred, [y_true]) or y_pred.dtype not in (
            torch.float32,
            torch.float64,
        ):
            return None
        form = sums.Sums(
            functools.partial(sums.overlap_of_piece, activation="none"),
            functools.partial(sums.overlap_slope, activation="none"),
            (),
        )

        def plain(p: Tensor) -> Tensor:
            flat = (one.reshape(len(p), 1, -1) for one in (p, y_true))
            return torch.stack(functional.overlap_sums(*flat, axis=1, over="image"))

        given = closed_form.Given(y_pred, y_true.to(y_pred.dtype), y_pred.new_ones(()), None)
        found = closed_form.closed_sums(form, given, plain, self._compiled)
        if found is None:
            return None
        return self._of_overlap(OverlapSums(*(found.sum((1, 2)) if whole else found.squeeze(-1))))

    def _joined(self, *terms: Tensor) -> Tensor:
        """The formula of its sums."""
        raise NotImplementedError

    _undecomposable = (
        "expected values per sample; received one scalar over the whole batch (decomposable is False). Say which axes each value "
        "sums with axis=(1, 2, ..), or use partial_sums() and from_sums()."
    )

    def _axis(self, y_pred: Tensor) -> tuple[int, ...] | None:
        return None if self.axis is None else self._values_axes(y_pred.ndim)


class Dice(_Overlap):
    """Dice loss, 1 - 2 |both| / (|labels| + |predictions|): ``functional.dice``, weighed.

    Args:
        axis: Axis or axes that each value sums; None for all, the batch too: one scalar, which sample weights and masks can
            only scale as a whole.
        reduction, semantics, validate: As in ``WeightedLoss``.

    Shapes: y_pred and y_true alike; a trailing 1 may lack in y_true.

    >>> import torch
    >>> Dice(axis=-1)(torch.tensor([[0.5, 0.5], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    tensor(0.2500)
    """

    def __init__(
        self,
        *,
        axis: int | tuple[int, ...] | None = None,
        reduction: str | None = "sum_over_batch_size",
        semantics: Any = "torchweights",
        validate: bool | None = None,
    ) -> None:
        super().__init__(axis, reduction, semantics, validate)

    _split = staticmethod(functional.dice_sums)

    def _of_overlap(self, found: OverlapSums) -> tuple[Tensor, Tensor, Tensor]:
        return found.both, found.labelled, found.both + found.alarms

    def _joined(self, *terms: Tensor) -> Tensor:
        return functional.dice_of(*terms)


class Tversky(_Overlap):
    """Tversky loss: ``functional.tversky``, weighed.

    Args:
        alpha: Weight of missed positives.
        beta: Weight of false alarms. (Keras's documentation has them the other way round, its code does this.)
        axis, reduction, semantics, validate: As in ``Dice``.

    Shapes: as ``Dice``.

    >>> import torch
    >>> Tversky(alpha=1.0, beta=0.0)(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.5000)
    """

    def __init__(
        self,
        *,
        alpha: float = 0.5,
        beta: float = 0.5,
        axis: int | tuple[int, ...] | None = None,
        reduction: str | None = "sum_over_batch_size",
        semantics: Any = "torchweights",
        validate: bool | None = None,
    ) -> None:
        super().__init__(axis, reduction, semantics, validate)
        self.alpha, self.beta = not_negative("alpha", alpha), not_negative("beta", beta)

    _split = staticmethod(functional.tversky_sums)

    def _of_overlap(self, found: OverlapSums) -> tuple[Tensor, Tensor, Tensor]:
        return found.both, found.missed, found.alarms

    def _joined(self, *terms: Tensor) -> Tensor:
        return functional.tversky_of(*terms, alpha=self.alpha, beta=self.beta)
