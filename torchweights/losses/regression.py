"""Regression losses: mean squared and mean absolute error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor

from torchweights import class_weight as class_weights
from torchweights import functional
from torchweights.losses.base import WeightedLoss, check_per_element, same_shape


class _Regression(WeightedLoss):
    """A formula of two tensors of one shape, averaged over ``axis``."""

    _formula: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        *,
        axis: int | tuple[int, ...] = -1,
        reduction: str | None = "sum_over_batch_size",
        class_weight: class_weights.ClassWeightsLike | None = None,
        semantics: Any = "torchweights",
        rest_in_eval: bool | None = None,
    ) -> None:
        super().__init__(reduction=reduction, class_weight=class_weight, semantics=semantics, rest_in_eval=rest_in_eval)
        self.axis = axis
        check_per_element(self)
        if class_weight is not None and self.semantics.class_weights.others == "by class":
            raise TypeError(
                f"{type(self).__name__} expected no class_weight in row {self.semantics.name!r}: regression has no "
                f"classes; received {class_weight!r:.60}. Give the weights as sample_weight, or name a release of Keras, "
                "whose fit() looks each target up by its value."
            )

    def _meet(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        return same_shape(y_pred, y_true).to(y_pred.dtype)

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One value per sample: the mean over ``axis``."""
        return type(self)._formula(y_pred, y_true, axis=self._values_axes(y_pred.ndim))


class MeanSquaredError(_Regression):
    """Mean squared error: ``functional.mean_squared_error``, weighed.

    Args:
        axis: Axis or axes to average in each value; () for a value per element.
        reduction, class_weight, semantics, rest_in_eval: As in ``WeightedLoss``; class weights in rows of Keras alone,
            by the value of the target.

    Shapes: y_pred and y_true (N, .., D) alike; (N,) is (N, 1); a trailing 1 may lack in y_true.

    >>> import torch
    >>> y_pred, y_true = torch.tensor([[1.0, 3.0], [0.5, 0.0]]), torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    >>> MeanSquaredError()(y_pred, y_true, sample_weight=torch.tensor([1.0, 2.0]))
    tensor(1.3750)
    """

    _formula = staticmethod(functional.mean_squared_error)


class MeanAbsoluteError(_Regression):
    """Mean absolute error: ``functional.mean_absolute_error``, weighed.

    Args:
        axis: Axis or axes to average in each value; () for a value per element.
        reduction, class_weight, semantics, rest_in_eval: As in ``WeightedLoss``; class weights in rows of Keras alone,
            by the value of the target.

    Shapes: y_pred and y_true (N, .., D) alike; (N,) is (N, 1); a trailing 1 may lack in y_true.

    >>> import torch
    >>> MeanAbsoluteError()(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 1.0]]))
    tensor(1.5000)
    """

    _formula = staticmethod(functional.mean_absolute_error)
