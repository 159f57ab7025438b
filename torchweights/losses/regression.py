"""Regression losses: a formula of two tensors of one shape, averaged over the last axis."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor

from torchweights import class_weight as class_weights
from torchweights import functional
from torchweights.closed_form import ClosedForm, elements, weighing
from torchweights.losses.base import WeightedLoss, check_per_element, same_shape
from torchweights.messages import shown
from torchweights.options import number, one_axis


class Regression(WeightedLoss):
    """A formula of two tensors of one shape, averaged over ``axis``."""

    _formula: ClassVar[Callable[..., Tensor]]
    #: whether a target has a class, so that class weights mean something
    _has_classes: ClassVar[bool] = False
    #: what is along the axis of a loss that averages none
    _along: ClassVar[str] = "the classes"

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
        self.axis = axis if self._averages else one_axis("axis", axis, self._along)
        check_per_element(self)
        by_class = self.semantics.class_weights.others == "by class"
        if class_weight is not None and by_class and not self._has_classes:
            raise TypeError(
                f"{type(self).__name__} expected no class_weight in row {self.semantics.name!r}: regression has no "
                f"classes; received {shown(class_weight)}. Give the weights as sample_weight, or name a release of Keras, "
                "whose fit() looks each target up by its value."
            )

    def _meet(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        return same_shape(y_pred, y_true).to(y_pred.dtype)

    def _formula_options(self) -> dict[str, Any]:
        """What the formula takes beside both tensors and the axis."""
        return {}

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One value per sample: the mean over ``axis``."""
        axes = self._values_axes(y_pred.ndim)
        return type(self)._formula(y_pred, y_true, axis=axes, **self._formula_options())

    def _element(self) -> elements.Element | None:
        """The value of one element and its derivative; None for losses that have no closed form."""
        return None

    def _closed_form(self, y_pred: Tensor, y_true: Tensor) -> ClosedForm | None:
        element, spans = self._element(), self._values_axes(y_pred.ndim)
        if element is None:
            return None
        count = math.prod(y_pred.shape[axis] for axis in spans)
        return ClosedForm(functools.partial(weighing.averaged, element, count, None), spans, turned=False, parts=20)


class MeanSquaredError(Regression):
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
    _closes_from = 2**20

    def _element(self) -> elements.Element:
        return elements.squared

    def _formula_options(self) -> dict[str, Any]:
        return {"precise": self.semantics.formulas.precise}


class MeanAbsoluteError(Regression):
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
    _closes_from = 2**20

    def _element(self) -> elements.Element:
        return elements.absolute

    def _formula_options(self) -> dict[str, Any]:
        return {"precise": self.semantics.formulas.precise}


class MeanAbsolutePercentageError(Regression):
    """Mean absolute percentage error: ``functional.mean_absolute_percentage_error``, weighed.

    Args and shapes: as ``MeanSquaredError``.

    >>> import torch
    >>> MeanAbsolutePercentageError()(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.5, 2.0]]))
    tensor(75.)
    """

    _formula = staticmethod(functional.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(Regression):
    """Mean squared logarithmic error: ``functional.mean_squared_logarithmic_error``, weighed.

    Args and shapes: as ``MeanSquaredError``.

    >>> import torch
    >>> MeanSquaredLogarithmicError()(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.5, 2.0]]))
    tensor(0.0828)
    """

    _formula = staticmethod(functional.mean_squared_logarithmic_error)


class LogCosh(Regression):
    """Logarithm of the hyperbolic cosine of the error: ``functional.log_cosh``, weighed.

    Args and shapes: as ``MeanSquaredError``.

    >>> import torch
    >>> LogCosh()(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.5, 2.0]]))
    tensor(0.2769)
    """

    _formula = staticmethod(functional.log_cosh)

    def _formula_options(self) -> dict[str, Any]:
        return {"overflows": self.semantics.formulas.log_cosh_overflows}


class Poisson(Regression):
    """Poisson loss: ``functional.poisson``, weighed.

    Args and shapes: as ``MeanSquaredError``.

    >>> import torch
    >>> Poisson()(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.5, 2.0]]))
    tensor(0.9014)
    """

    _formula = staticmethod(functional.poisson)


class Huber(Regression):
    """Huber loss, a square up to ``delta`` and a line beyond: ``functional.huber``, weighed.

    Args:
        delta: Where the square ends.
        axis, reduction, class_weight, semantics, rest_in_eval: As in ``MeanSquaredError``.

    Rows of Keras 2.3 and TF 1.15 average no axis: ``sum`` and ``none`` show it.

    >>> import torch
    >>> Huber(delta=0.5)(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.5, 2.0]]))
    tensor(0.2500)
    """

    _formula = staticmethod(functional.huber)

    def __init__(
        self,
        *,
        delta: float = 1.0,
        axis: int | tuple[int, ...] = -1,
        reduction: str | None = "sum_over_batch_size",
        class_weight: class_weights.ClassWeightsLike | None = None,
        semantics: Any = "torchweights",
        rest_in_eval: bool | None = None,
    ) -> None:
        super().__init__(
            axis=axis, reduction=reduction, class_weight=class_weight, semantics=semantics, rest_in_eval=rest_in_eval
        )
        self.delta = number("delta", delta, "a number above 0", lambda one: one > 0)

    def _values_axes(self, rank: int) -> tuple[int, ...]:
        return () if self.semantics.formulas.huber == "per element" else super()._values_axes(rank)

    def _formula_options(self) -> dict[str, Any]:
        return {"delta": self.delta, "precise": self.semantics.formulas.precise}

    _closes_from = 2**15

    def _element(self) -> elements.Element:
        return functools.partial(elements.huber, delta=self.delta)


class CosineSimilarity(Regression):
    """Cosine similarity, negative so that it falls as vectors align: ``functional.cosine_similarity``, weighed.

    Args:
        axis: Axis of the vectors.
        reduction, class_weight, semantics, rest_in_eval: As in ``MeanSquaredError``.

    Row ``tf1.15`` returns the similarity itself, as that release did.

    >>> import torch
    >>> CosineSimilarity()(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]]))
    tensor(-0.6000)
    """

    _averages = False
    _along = "the vectors"

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One value per vector."""
        (axis,) = self._values_axes(y_pred.ndim)
        (sign, shortest), precise = self.semantics.formulas.cosine, self.semantics.formulas.precise
        return functional.cosine_similarity(y_pred, y_true, axis=axis, sign=sign, shortest=shortest, precise=precise)
