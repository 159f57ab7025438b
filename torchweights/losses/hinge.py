"""Hinge losses, and the judgement whether labels are 0 and 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from torchweights import class_weight as class_weights
from torchweights import functional, reduction, validation
from torchweights.losses.base import WeightedLoss, check_per_element, same_shape
from torchweights.losses.regression import Regression
from torchweights.reduction import Weighed


class _Hinge(WeightedLoss):
    """A formula for labels -1 and 1; labels 0 and 1 are turned into them as the row says."""

    _formula: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        *,
        axis: int | tuple[int, ...] = -1,
        reduction: str | None = "sum_over_batch_size",
        class_weight: class_weights.ClassWeightsLike | None = None,
        semantics: Any = "torchweights",
        rest_in_eval: bool | None = None,
        validate: bool | None = None,
    ) -> None:
        super().__init__(
            reduction=reduction,
            class_weight=class_weight,
            semantics=semantics,
            rest_in_eval=rest_in_eval,
            validate=validate,
        )
        self.axis = axis
        check_per_element(self)

    @property
    def decomposable(self) -> bool:  # type: ignore[override]
        """False where the row judges the labels of the whole batch."""
        return self.semantics.formulas.hinge_labels == "as given"

    def _class_weight_rule(self) -> Any:
        # Labels are -1 and 1, or 0 and 1: the keys are the labels, not class numbers.
        rule = self.semantics.class_weights
        return replace(rule, keys="any") if rule.keys == "0 to C-1" else rule

    def _meet(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        return same_shape(y_pred, y_true).to(y_pred.dtype)

    def _labels(self, y_true: Tensor, y_pred_shape: Sequence[int]) -> tuple[Tensor, int | None]:
        axes = self._values_axes(y_true.ndim)
        if any(y_true.shape[axis] != 1 for axis in axes):
            raise ValueError(
                f"class_weight for hinge expected one label per sample, y_true of shape (N, 1); received {tuple(y_true.shape)}. "
                "Give the weights as sample_weight, or axis=() for a value per element."
            )
        return y_true.squeeze(axes), None

    def _targets(self, y_true: Tensor, weighed: Weighed) -> Tensor:
        rule = self.semantics.formulas.hinge_labels
        if rule == "as given":
            return y_true
        judged = weighed.included_like(self._values_axes(y_true.ndim)) if rule == "included" else None
        return functional.signed_labels(y_true, judged)

    def _sums(  # type: ignore[override]
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None, mask: Tensor | None
    ) -> dict[str, Tensor]:
        """Beside the sums with labels as given: those with labels -1 and 1, and how many labels are neither 0 nor 1."""
        y_pred, met, weighed = self._prepared(y_pred, y_true, sample_weight, mask)
        rule = self.semantics.formulas.hinge_labels
        others = (met != 0) & (met != 1)
        judged = weighed.included_like(self._values_axes(met.ndim)) if rule == "included" else None
        others = others if judged is None else others & judged
        sums = self._numerator_and_counts(self._shown_values(y_pred, met, weighed), weighed, sample_weight)
        signed = reduction.numerator(self._shown_values(y_pred, 2 * met - 1, weighed), weighed)
        return {
            **sums,
            "signed": signed,
            "others": torch.ones_like(signed) if rule == "as given" else others.sum().to(signed),
        }

    def _loss_of(self, sums: dict[str, Tensor]) -> Tensor:
        return super()._loss_of({**sums, "weighted": torch.where(sums["others"] > 0, sums["weighted"], sums["signed"])})

    def _check_numbers(self, y_pred: Tensor, y_true: Tensor, weighed: Weighed) -> None:
        if self.validate or self.semantics.formulas.explicit:
            validation.check_signs(y_true, weighed.included_like(self._values_axes(y_true.ndim)))

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One value per sample, for labels -1 and 1."""
        return type(self)._formula(y_pred, y_true, axis=self._values_axes(y_pred.ndim))


class Hinge(_Hinge):
    """Hinge: ``functional.hinge``, weighed; labels 0 and 1 become -1 and 1.

    Args:
        axis: Axis to average in each value; () for a value per element.
        reduction, class_weight, semantics, rest_in_eval, validate: As in ``WeightedLoss``; class weights are by label.

    Shapes: y_pred and y_true (N, .., D) alike; (N,) is (N, 1); a trailing 1 may lack in y_true.

    The default row judges the labels that count; Keras rows since 2.3 those of the whole batch, 2.2 none.

    >>> import torch
    >>> y_pred, y_true = torch.tensor([[0.6, -0.4]]), torch.tensor([[0.0, 1.0]])
    >>> Hinge()(y_pred, y_true), Hinge(semantics="keras2.2.4")(y_pred, y_true)
    (tensor(1.5000), tensor(1.2000))
    """

    _formula = staticmethod(functional.hinge)


class SquaredHinge(_Hinge):
    """Squared hinge: ``functional.squared_hinge``, weighed; labels 0 and 1 become -1 and 1.

    Args, shapes and labels: as ``Hinge``.

    >>> import torch
    >>> SquaredHinge()(torch.tensor([[0.6, -0.4]]), torch.tensor([[0.0, 1.0]]))
    tensor(2.2600)
    """

    _formula = staticmethod(functional.squared_hinge)


class CategoricalHinge(Regression):
    """Categorical hinge: ``functional.categorical_hinge``, weighed; targets are taken as they are.

    Args:
        axis: Axis of the classes.
        reduction, class_weight, semantics, rest_in_eval: As in ``WeightedLoss``; the class of a target is its argmax.

    Shapes: y_pred and y_true (N, .., C) alike: scores, and one-hot targets.

    >>> import torch
    >>> CategoricalHinge()(torch.tensor([[0.5, 0.25, -1.0]]), torch.tensor([[0.0, 1.0, 0.0]]))
    tensor(1.2500)
    """

    _averages = False
    _has_classes = True

    def _labels(self, y_true: Tensor, y_pred_shape: Sequence[int]) -> tuple[Tensor, int | None]:
        (axis,) = self._values_axes(len(y_pred_shape))
        return y_true.argmax(axis), y_pred_shape[axis]

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One value per sample or pixel."""
        (axis,) = self._values_axes(y_pred.ndim)
        return functional.categorical_hinge(y_pred, y_true, axis=axis)
