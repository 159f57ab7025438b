"""Losses of probabilities beside the cross-entropies: KL divergence and the generalized cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from torchweights import class_weight as class_weights
from torchweights import functional
from torchweights.losses.categorical import SparseCategoricalCrossentropy
from torchweights.losses.regression import Regression
from torchweights.options import number


class KLDivergence(Regression):
    """Kullback-Leibler divergence, of probabilities clipped and not normalised: ``functional.kl_divergence``, weighed.

    Args:
        axis: Axis of the classes.
        reduction, class_weight, semantics, rest_in_eval: As in ``WeightedLoss``; the class of a target is its argmax.

    Shapes: y_pred and y_true (N, .., C) alike.

    >>> import torch
    >>> KLDivergence()(torch.tensor([[0.25, 0.75]]), torch.tensor([[0.5, 0.5]]))
    tensor(0.1438)
    """

    _formula = staticmethod(functional.kl_divergence)
    _averages = False
    _has_classes = True

    def _labels(self, y_true: Tensor, y_pred_shape: Sequence[int]) -> tuple[Tensor, int | None]:
        (axis,) = self._values_axes(len(y_pred_shape))
        return y_true.argmax(axis), y_pred_shape[axis]


class CategoricalGeneralizedCrossEntropy(SparseCategoricalCrossentropy):
    """Generalized cross-entropy, which bears wrong labels: ``functional.categorical_generalized_cross_entropy``, weighed.

    Args:
        q: Between 0 and 1: how little wrong labels weigh.
        ignore_class, axis, reduction, class_weight, semantics, rest_in_eval, validate: As in
            ``SparseCategoricalCrossentropy``. Predictions are probabilities.

    Shapes: y_pred (N, .., C) with the classes on ``axis``; y_true integer labels, the same without ``axis``.

    >>> import torch
    >>> CategoricalGeneralizedCrossEntropy()(torch.tensor([[0.64, 0.36]]), torch.tensor([1]))
    tensor(0.8000)
    """

    def __init__(
        self,
        *,
        q: float = 0.5,
        ignore_class: int | None = None,
        axis: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        class_weight: class_weights.ClassWeightsLike | None = None,
        semantics: Any = "torchweights",
        rest_in_eval: bool | None = None,
        validate: bool | None = None,
    ) -> None:
        super().__init__(
            from_logits=False, ignore_class=ignore_class, axis=axis, reduction=reduction, class_weight=class_weight,
            semantics=semantics, rest_in_eval=rest_in_eval, validate=validate,
        )  # fmt: skip
        self.q = number("q", q, "a number between 0 and 1, both excluded", lambda one: 0 < one < 1)

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One value per sample or pixel."""
        axis = self._class_axis(y_pred.ndim)
        return functional.categorical_generalized_cross_entropy(y_pred, y_true, q=self.q, axis=axis)
