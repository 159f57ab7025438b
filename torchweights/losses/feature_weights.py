"""Regression with a weight for each feature: given once, or with every call."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from torchweights import closed_form, functional, reduction, validation
from torchweights.closed_form import ClosedForm, elements, sums, weighing
from torchweights.counts import Denominator
from torchweights.functional import at_least_float32
from torchweights.functional.feature_weights import OVER, ErrorSums, rooted
from torchweights.losses.base import WeightedLoss, same_shape
from torchweights.losses.splitting import autocast_off
from torchweights.messages import choose, shown
from torchweights.reduction import Weighed, standard_reduction

FeatureWeightsLike = Sequence[float] | Tensor


def _as_weights(feature_weight: object) -> Tensor:
    """Weights as a tensor, checked."""
    try:
        weights = (
            feature_weight if isinstance(feature_weight, Tensor) else torch.as_tensor(feature_weight, device="cpu")
        )
    except (TypeError, ValueError, RuntimeError) as problem:
        raise TypeError(
            f"feature_weight expected a list, array or tensor of numbers; received {type(feature_weight).__name__} {shown(feature_weight)}. "
            "Write [1.0, ..], a number for each feature."
        ) from problem
    if weights.ndim == 0 or weights.is_complex():
        raise ValueError(
            f"feature_weight expected one real weight per feature, shape (F, ..) or (N, F, ..); received {weights.dtype} of shape {tuple(weights.shape)}."
        )
    if validation.can_look(weights) and not bool(torch.isfinite(weights.detach()).all()):
        raise ValueError(f"feature_weight expected finite weights; received {weights.tolist()}.")
    return weights


class _WeightedError(WeightedLoss):
    """One value per sample, or one scalar over the batch."""

    _error: ClassVar[str]
    _averages = False
    _beside = ("feature_weight",)
    root: str = "none"

    def __init__(
        self, feature_weight: FeatureWeightsLike | None, over: str, reduction: str | None, semantics: Any, validate: bool | None
    ) -> None:  # fmt: skip
        super().__init__(reduction=reduction, semantics=semantics, validate=validate)
        self.over = choose("over", over, OVER)
        self.decomposable = over == "sample"
        self.feature_weight = None
        if feature_weight is not None:
            del self.feature_weight
            self._hold("feature_weight", feature_weight, _as_weights(feature_weight))

    _undecomposable = (
        "expected a value per sample; received over='batch', one scalar that does not split (decomposable is False). "
        "Use over='sample', or partial_sums() and from_sums()."
    )

    def _values_axes(self, rank: int) -> tuple[int, ...]:
        return tuple(range(1, rank))

    def _meet(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        return same_shape(y_pred, y_true).to(y_pred.dtype)

    def _weight_of(self, given: Tensor | None, y_pred: Tensor) -> Tensor | None:
        if given is not None:
            if self.feature_weight is not None:
                raise ValueError(
                    "feature_weight expected once; received it with the call of a criterion that was built with it. Leave one out."
                )
            return validation.as_weight("feature_weight", given, y_pred.device)
        return None if self.feature_weight is None else self._held("feature_weight", y_pred.device)

    def values(self, y_pred: Tensor, y_true: Tensor, feature_weight: Tensor | None = None) -> Tensor:
        """One value per sample, or one for the batch."""
        weight = self._weight_of(feature_weight, y_pred)
        found = self._closed_errors(y_pred, y_true, weight) if self._closes(y_pred) else None
        if found is not None:
            return found
        return functional.weighted_error(y_pred, y_true, weight, error=self._error, over=self.over, root=self.root)

    _closes_from = 2**20

    def _closed_errors(self, y_pred: Tensor, y_true: Tensor, weight: Tensor | None) -> Tensor | None:
        """What ``values`` gives, of sums in closed form: for weights that every sample shares."""
        weight = y_pred.new_ones(y_pred.shape[1:]) if weight is None else weight
        if closed_form.steps_aside(y_pred, [y_true, weight]) or weight.shape != y_pred.shape[1:] or not y_pred.is_contiguous():  # fmt: skip
            return None
        columns = weight.to(y_pred.dtype).reshape(1, 1, -1, 1)
        if bool((columns == 0).any()):
            return None
        element = elements.squared if self._error == "squared" else elements.absolute
        options: dict[str, Any] = {"element": element, "columns": None if bool((columns == 1).all()) else columns}
        form = sums.Sums(
            functools.partial(sums.errors_of_piece, **options), functools.partial(sums.errors_slope, **options),
            tuple(range(1, y_pred.ndim)),
        )  # fmt: skip

        def plain(p: Tensor) -> Tensor:
            off = p - y_true
            errors = (off * off if self._error == "squared" else off.abs()) * columns.reshape(p.shape[1:])
            return errors.reshape(len(p), -1).sum(1)[None, :, None]

        found = closed_form.closed_sums(
            form, closed_form.Given(y_pred, y_true, columns.new_ones(()), None), plain, self._compiled
        )
        if found is None:
            return None
        errors, total = found[0, :, 0], columns.sum()
        if self.over == "sample":
            return rooted(errors, total.expand_as(errors), self.root)
        samples = columns.new_full((), len(y_pred))
        every = ErrorSums(errors.sum(), total * samples, torch.zeros_like(total), samples)
        return functional.error_of(every, over=self.over, root=self.root)

    def _closed_form(self, y_pred: Tensor, y_true: Tensor) -> ClosedForm | None:
        """Where values are means, their gradient is known with them."""
        weight = self._weight_of(None, y_pred)
        means = self.over == "sample" and self.root == "none"
        if not (means and y_pred.is_contiguous() and validation.can_look(y_pred)):
            return None
        weight = y_pred.new_ones(y_pred.shape[1:]) if weight is None else weight.detach()
        total = float(weight.double().sum())
        if weight.shape != y_pred.shape[1:] or not total > 0:
            return None
        element = elements.squared if self._error == "squared" else elements.absolute
        columns = weight.to(y_pred.dtype).reshape(1, 1, -1, 1)
        of_piece = functools.partial(weighing.averaged, element, total, columns)
        return ClosedForm(of_piece, tuple(range(1, y_pred.ndim)), turned=False, columns=columns, parts=20)

    def forward(  # type: ignore[override]
        self,
        y_pred: Tensor,
        y_true: Tensor,
        sample_weight: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        feature_weight: Tensor | None = None,
        denominator: Tensor | Denominator | float | None = None,
    ) -> Tensor:
        validation.check_kinds(y_pred, y_true)
        if denominator is not None:
            self._refuse_beside_scalar(None, None, denominator)
        with autocast_off(y_pred.device):
            y_pred = at_least_float32(y_pred)
            # Squares and absolutes alone have their gradient with their value; roots and sums over the batch by way of sums.
            if self.over == "sample" and self.root == "none" and feature_weight is None and self._closes(y_pred):
                found = self._closed_loss(y_pred, y_true, sample_weight, mask, denominator)
                if found is not None:
                    return found
            values, weighed = self._weighed_values(y_pred, y_true, sample_weight, mask, feature_weight)
            return reduction.reduce(values, weighed, standard_reduction(self.reduction), denominator)

    def _sums(
        self,
        y_pred: Tensor,
        y_true: Tensor,
        sample_weight: Tensor | None,
        mask: Tensor | None,
        **beside: Tensor | None,
    ) -> dict[str, Tensor]:
        if self.over == "sample":
            return super()._sums(y_pred, y_true, sample_weight, mask, **beside)
        self._refuse_beside_scalar(sample_weight, mask, None)
        weight = self._weight_of(beside.get("feature_weight"), y_pred)
        return functional.error_sums(y_pred, self._met(y_pred, y_true), weight, error=self._error)._asdict()

    def _loss_of(self, sums: dict[str, Tensor]) -> Tensor:
        if self.over == "sample":
            return super()._loss_of(sums)
        return functional.error_of(ErrorSums(**sums), over=self.over, root=self.root)

    def _weighed_values(
        self,
        y_pred: Tensor,
        y_true: Tensor,
        sample_weight: Tensor | None,
        mask: Tensor | None,
        feature_weight: Tensor | None = None,
    ) -> tuple[Tensor, Weighed]:
        met = self._met(y_pred, y_true)
        if self.over != "sample":
            self._refuse_beside_scalar(sample_weight, mask, None)
            values = self.values(y_pred, met, feature_weight)
            return values, reduction.weigh((), None, None, self.semantics, values.dtype, values.device)
        weighed = self._weigh(y_pred.shape, y_true, met, sample_weight, mask, y_pred.device, y_pred.dtype)
        axes = self._values_axes(y_pred.ndim)
        return self.values(weighed.hide(y_pred, axes), weighed.hide(met, axes), feature_weight), weighed

    def _met(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        if y_pred.ndim < 2:
            raise ValueError(f"y_pred expected shape (N, F), features beside samples; received {tuple(y_pred.shape)}.")
        return self._meet(y_pred, y_true)

    def _refuse_beside_scalar(self, *given: object) -> None:
        if self.over == "sample":
            return
        names = [
            name for name, one in zip(("sample_weight", "mask", "denominator"), given, strict=True) if one is not None
        ]
        if names:
            raise ValueError(
                f"{names[0]} expected only with over='sample'; received one with over={self.over!r}, one scalar over the batch. "
                "Give feature_weight the shape of y_pred, with 0 where an element is left out."
            )


class WeightedMeanSquaredError(_WeightedError):
    """sum(w (y - p)^2) / sum(w): ``functional.weighted_error``, weighed.

    Args:
        feature_weight: w, (F, ..) or (N, F, ..): a list or tensor; an ``nn.Parameter`` is registered and learned. Given here, or
            as ``feature_weight=`` with every call.
        over: "sample" (a value per sample, which sample weights and masks meet), "batch" or "batch_scaled" (one scalar).
        reduction, semantics, validate: As in ``WeightedLoss``.

    Shapes: y_pred and y_true (N, F, ..) alike.

    >>> import torch
    >>> criterion = WeightedMeanSquaredError([1.0, 3.0])
    >>> criterion(torch.tensor([[0.0, 2.0]]), torch.zeros(1, 2))
    tensor(3.)
    """

    _error = "squared"

    def __init__(
        self,
        feature_weight: FeatureWeightsLike | None = None,
        *,
        over: str = "sample",
        reduction: str | None = "sum_over_batch_size",
        semantics: Any = "torchweights",
        validate: bool | None = None,
    ) -> None:
        super().__init__(feature_weight, over, reduction, semantics, validate)


class WeightedMeanAbsoluteError(WeightedMeanSquaredError):
    """sum(w |y - p|) / sum(w): ``functional.weighted_error``, weighed.

    Args:
        feature_weight, over, reduction, semantics, validate: As in ``WeightedMeanSquaredError``.

    >>> import torch
    >>> WeightedMeanAbsoluteError([1.0, 3.0])(torch.tensor([[0.0, 2.0]]), torch.zeros(1, 2))
    tensor(1.5000)
    """

    _error = "absolute"


class WeightedRootMeanSquaredError(_WeightedError):
    """sqrt(sum(w (y - p)^2) / sum(w)): ``functional.weighted_error``, weighed.

    Args:
        feature_weight, over, reduction, semantics, validate: As in ``WeightedMeanSquaredError``.
        root: "of_mean" for the root of the weighted mean; "of_sum" for sqrt(sum(w (y - p)^2)) / sum(w), as closures in
            Keras projects have it.

    >>> import torch
    >>> WeightedRootMeanSquaredError([1.0, 3.0])(torch.tensor([[0.0, 2.0]]), torch.zeros(1, 2))
    tensor(1.7321)
    >>> WeightedRootMeanSquaredError([1.0, 3.0], root="of_sum")(torch.tensor([[0.0, 2.0]]), torch.zeros(1, 2))
    tensor(0.8660)
    """

    _error = "squared"

    def __init__(
        self,
        feature_weight: FeatureWeightsLike | None = None,
        *,
        over: str = "sample",
        root: str = "of_mean",
        reduction: str | None = "sum_over_batch_size",
        semantics: Any = "torchweights",
        validate: bool | None = None,
    ) -> None:
        super().__init__(feature_weight, over, reduction, semantics, validate)
        self.root = choose("root", root, ("of_mean", "of_sum"))
