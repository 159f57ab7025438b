"""Weighted metrics as Keras counts them, on torchmetrics: state that resets, merges across ranks and saves.

Needs the extra: ``pip install "torchweights[metrics]"``. ``compile(metrics=..)`` ignores sample weights in every Keras, and
``compile(weighted_metrics=..)`` takes them, as ``update`` does here.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torchweights import functional, reduction, validation
from torchweights.losses.cost_matrix import CostMatrixLike, read_cost_matrix
from torchweights.messages import choose
from torchweights.options import label, number, one_axis, whole
from torchweights.semantics import semantics_for

try:
    from torchmetrics import Metric
except ImportError as missing:
    raise ImportError('torchweights.metrics needs torchmetrics: pip install "torchweights[metrics]"') from missing

__all__ = [
    "BinaryAccuracy", "CategoricalAccuracy", "IoU", "MeanIoU", "SparseCategoricalAccuracy", "WeightedCategoricalAccuracy",
    "WeightedMean",
]  # fmt: skip


class _Mean(Metric):
    """sum(w v) / sum(w) over everything seen, 0 where nothing weighs."""

    full_state_update = False
    total: Tensor
    weight: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in ("total", "weight"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def _count(self, values: Tensor, sample_weight: Tensor | None, mask: Tensor | None) -> None:
        weights = weights_of(values, sample_weight, mask)
        # What weighs nothing must not show, whatever it is.
        self.total += (torch.where(weights != 0, values.detach().double(), 0.0) * weights).sum()
        self.weight += weights.sum()

    def compute(self) -> Tensor:
        """The mean so far."""
        return torch.where(self.weight == 0, 0.0, self.total / torch.where(self.weight == 0, 1.0, self.weight))


def weights_of(values: Tensor, sample_weight: Tensor | None, mask: Tensor | None) -> Tensor:
    """The weight of every value: per sample or per value, 0 where the mask hides it."""
    weight = validation.as_weight("sample_weight", sample_weight, values.device)
    weighed = reduction.weigh(
        values.shape, weight, validation.as_mask(mask, values.device), semantics_for("torchweights"), torch.float64, values.device
    )  # fmt: skip
    found = weighed.weight if weighed.weight is not None else weighed.included
    if found is None:
        return torch.ones(values.shape, dtype=torch.float64, device=values.device)
    return found.detach().double().expand(values.shape)


class WeightedMean(_Mean):
    """sum(w v) / sum(w) of values: losses, errors, anything.

    Update with ``(values, sample_weight=None, mask=None)``: weights per sample (N,) or per value.

    Source: ``Mean`` of Keras 2.3 to 3.

    >>> import torch
    >>> mean = WeightedMean()
    >>> mean.update(torch.tensor([1.0, 3.0]), torch.tensor([3.0, 1.0]))
    >>> mean.compute()
    tensor(1.5000, dtype=torch.float64)
    """

    def update(self, values: Tensor, sample_weight: Tensor | None = None, mask: Tensor | None = None) -> None:
        """Count values."""
        validation.check_tensor("values", values)
        self._count(values, sample_weight, mask)


class BinaryAccuracy(_Mean):
    """sum(w (y == [p > threshold])) / sum(w), over every label.

    Args:
        threshold: A prediction above it is label 1.

    Update with ``(y_pred, y_true, sample_weight=None, mask=None)``: alike in shape; weights per sample or per label.

    Source: ``BinaryAccuracy`` of Keras 2.3 to 3 (which averages labels first where a sample has several: the same number,
    unless weights are per label).

    >>> import torch
    >>> accuracy = BinaryAccuracy()
    >>> accuracy.update(torch.tensor([0.2, 0.9]), torch.tensor([0.0, 0.0]), torch.tensor([1.0, 3.0]))
    >>> accuracy.compute()
    tensor(0.2500, dtype=torch.float64)
    """

    def __init__(self, *, threshold: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = number("threshold", threshold)

    def update(
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None = None, mask: Tensor | None = None
    ) -> None:
        """Count predictions."""
        validation.check_kinds(y_pred, y_true)
        if y_pred.shape != y_true.shape:
            raise ValueError(
                f"y_true expected the shape of y_pred, {tuple(y_pred.shape)}; received {tuple(y_true.shape)}."
            )
        self._count((y_pred > self.threshold) == (y_true > 0.5), sample_weight, mask)


class CategoricalAccuracy(_Mean):
    """sum(w (argmax y == argmax p)) / sum(w): one-hot targets; of equal scores the first is the prediction.

    Args:
        axis: Axis of the classes.

    Update with ``(y_pred, y_true, sample_weight=None, mask=None)``: (N, .., C) alike; weights per sample or per value.

    Source: ``CategoricalAccuracy`` of Keras 2.3 to 3.

    >>> import torch
    >>> accuracy = CategoricalAccuracy()
    >>> accuracy.update(torch.tensor([[0.2, 0.8], [0.9, 0.1]]), torch.eye(2), torch.tensor([1.0, 1.0]))
    >>> accuracy.compute()
    tensor(0., dtype=torch.float64)
    """

    def __init__(self, *, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = one_axis("axis", axis)

    def update(
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None = None, mask: Tensor | None = None
    ) -> None:
        """Count predictions."""
        validation.check_kinds(y_pred, y_true)
        labels, _ = _labels(y_pred, y_true, self.axis, None)
        self._count(y_pred.argmax(self.axis) == labels, sample_weight, mask)


class SparseCategoricalAccuracy(_Mean):
    """sum(w (y == argmax p)) / sum(w): integer labels.

    Args:
        axis: Axis of the classes.
        ignore_class: The label that means "no label": it is not counted.

    Update with ``(y_pred, y_true, sample_weight=None, mask=None)``: y_pred (N, .., C), y_true without ``axis``.

    Source: ``SparseCategoricalAccuracy`` of Keras 2.3 to 3.

    >>> import torch
    >>> accuracy = SparseCategoricalAccuracy(ignore_class=255)
    >>> accuracy.update(torch.tensor([[0.2, 0.8], [0.9, 0.1]]), torch.tensor([1, 255]))
    >>> accuracy.compute()
    tensor(1., dtype=torch.float64)
    """

    def __init__(self, *, axis: int = -1, ignore_class: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis, self.ignore_class = one_axis("axis", axis), label("ignore_class", ignore_class)

    def update(
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None = None, mask: Tensor | None = None
    ) -> None:
        """Count predictions."""
        validation.check_kinds(y_pred, y_true)
        labels, kept = _labels(y_pred, y_true, self.axis, self.ignore_class)
        weights = weights_of(labels, sample_weight, mask)
        self._count(y_pred.argmax(self.axis) == labels, weights if kept is None else weights * kept, None)


class WeightedCategoricalAccuracy(_Mean):
    """sum(w correct) / sum(w), w = sum_c y_c M[c, argmax p]: accuracy in which mistakes weigh what they cost.

    Args:
        cost_matrix: (C, C).
        indexing: "true_pred" for M[true class, predicted class], "pred_true" for M[predicted class, true class].
        axis: Axis of the classes.
        sample_weight: "multiply", or "drop" for the class that gives the costs *as* sample weights, so that the user's own
            act no more.

    Update with ``(y_pred, y_true, sample_weight=None, mask=None)``; one-hot or soft targets, or labels.

    Source: a class over TF 1.14's ``CategoricalAccuracy``, recorded in ``examples/recordings``.

    >>> import torch
    >>> accuracy = WeightedCategoricalAccuracy([[1.0, 1.0], [4.0, 1.0]], indexing="true_pred")
    >>> accuracy.update(torch.tensor([[0.9, 0.1], [0.9, 0.1]]), torch.tensor([0, 1]))
    >>> accuracy.compute()
    tensor(0.2000, dtype=torch.float64)
    """

    cost_matrix: Tensor

    def __init__(
        self,
        cost_matrix: CostMatrixLike,
        *,
        indexing: str,
        axis: int = -1,
        sample_weight: str = "multiply",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        choose("sample_weight", sample_weight, ("multiply", "drop"))
        matrix = read_cost_matrix(cost_matrix, indexing).detach().double()
        self.register_buffer("cost_matrix", matrix, persistent=False)
        self.indexing, self.axis, self.own_weight = indexing, one_axis("axis", axis), sample_weight

    def update(
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None = None, mask: Tensor | None = None
    ) -> None:
        """Count predictions."""
        validation.check_kinds(y_pred, y_true)
        labels, _ = _labels(y_pred, y_true, self.axis, None)
        costs = functional.cost_weight(
            y_pred.detach().double(), y_true.double() if y_true.is_floating_point() else y_true, self.cost_matrix,
            indexing=self.indexing, axis=self.axis,
        )  # fmt: skip
        given = weights_of(costs, None if self.own_weight == "drop" else sample_weight, mask)
        self._count(y_pred.argmax(self.axis) == labels, costs * given, None)


class IoU(Metric):
    """Intersection over union of each class, out of a weighted confusion matrix: (C,), NaN where a class never occurs.

    Args:
        num_classes: C.
        ignore_class: The label that means "no label": it is not counted.
        axis: Axis of the classes, where predictions or targets are scores or one-hot (floating point).
        weights: "exact", or "whole" for Keras 3.8 to 3.15, which cut the fractions of weights off before they count them.

    Update with ``(y_pred, y_true, sample_weight=None, mask=None)``: labels, or scores with the classes on ``axis``.

    Source: ``IoU`` of TF 2.7 to Keras 3.

    >>> import torch
    >>> iou = IoU(2)
    >>> iou.update(torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 1, 1]))
    >>> iou.compute()
    tensor([0.5000, 0.6667], dtype=torch.float64)
    """

    full_state_update = False
    confusion: Tensor

    def __init__(
        self,
        num_classes: int,
        *,
        ignore_class: int | None = None,
        axis: int = -1,
        weights: str = "exact",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.weights = choose("weights", weights, ("exact", "whole"))
        self.num_classes, self.ignore_class = whole("num_classes", num_classes, 1), label("ignore_class", ignore_class)
        self.axis = one_axis("axis", axis)
        zeros = torch.zeros(num_classes, num_classes, dtype=torch.float64)
        self.add_state("confusion", zeros, dist_reduce_fx="sum")

    def update(
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None = None, mask: Tensor | None = None
    ) -> None:
        """Count pixels by true and predicted class."""
        validation.check_tensor("y_pred", y_pred)
        validation.check_tensor("y_true", y_true)
        predicted, true = (one.argmax(self.axis) if one.is_floating_point() else one.long() for one in (y_pred, y_true))
        if predicted.shape != true.shape:
            raise ValueError(
                f"y_true expected labels of shape {tuple(predicted.shape)}; received {tuple(true.shape)}. Say where classes are with axis=."
            )
        weights = weights_of(true, sample_weight, mask)
        weights = weights.trunc() if self.weights == "whole" else weights
        if self.ignore_class is not None:
            weights = weights * (true != self.ignore_class)
        counted = weights != 0
        for name, one in (("y_pred", predicted), ("y_true", true)):
            if validation.can_look(one):
                outside = one[counted & ((one < 0) | (one >= self.num_classes))]
                if outside.numel():
                    raise ValueError(
                        f"{name} expected labels from 0 to {self.num_classes - 1}; received {int(outside[0])}. Pass ignore_class={int(outside[0])} "
                        "if it means 'no label'."
                    )
        pairs = torch.where(counted, true * self.num_classes + predicted, 0).reshape(-1)
        flat = torch.zeros(self.num_classes**2, dtype=torch.float64, device=pairs.device)
        self.confusion += flat.index_add(0, pairs, weights.reshape(-1)).reshape(self.num_classes, -1)

    def _of_classes(self) -> Tensor:
        both = self.confusion.diagonal()
        return both / (self.confusion.sum(0) + self.confusion.sum(1) - both)

    def compute(self) -> Tensor:
        """IoU by class."""
        return self._of_classes()


class MeanIoU(IoU):
    """The mean IoU of the classes that occur, in targets or predictions; 0 where none does.

    Args:
        num_classes, ignore_class, axis, weights: As in ``IoU``.

    Source: ``MeanIoU`` of TF 1.14 to Keras 3.

    >>> import torch
    >>> iou = MeanIoU(3)
    >>> iou.update(torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 1, 1]))
    >>> iou.compute()
    tensor(0.5833, dtype=torch.float64)
    """

    def compute(self) -> Tensor:
        """Their mean."""
        return self._of_classes().nanmean().nan_to_num(0.0)


def _labels(y_pred: Tensor, y_true: Tensor, axis: int, ignore_class: int | None) -> tuple[Tensor, Tensor | None]:
    """The true class of each value, and False where it is the one to ignore."""
    labels = y_true.argmax(axis) if y_true.is_floating_point() else y_true.long()
    expected = y_pred.argmax(axis).shape
    if labels.shape != expected or (y_true.is_floating_point() and y_true.shape != y_pred.shape):
        raise ValueError(
            f"y_true expected one-hot targets of shape {tuple(y_pred.shape)} or labels of shape {tuple(expected)}; received {y_true.dtype} "
            f"of shape {tuple(y_true.shape)}. Say where the classes are with axis=."
        )
    return labels, None if ignore_class is None else labels != ignore_class
