"""Losses of whole sequences and whole batches: CTC and circle."""

from __future__ import annotations

import math
from typing import Any, NoReturn

from torch import Tensor

from torchweights import functional, reduction, validation
from torchweights.alignment import shape_text
from torchweights.losses.base import WeightedLoss
from torchweights.options import flag, number
from torchweights.reduction import Weighed


class CTC(WeightedLoss):
    """Connectionist temporal classification: ``functional.ctc``, weighed; one value per sequence.

    Args:
        reduction, semantics, validate: As in ``WeightedLoss``.

    Shapes: y_pred (N, T, C) logits, class 0 the blank; y_true (N, L) integer labels padded with 0.

    >>> import torch
    >>> CTC()(torch.zeros(1, 2, 2), torch.tensor([[1]]))
    tensor(0.2877)
    """

    axis = (1, 2)
    _averages = False

    def __init__(
        self,
        *,
        reduction: str | None = "sum_over_batch_size",
        semantics: Any = "torchweights",
        validate: bool | None = None,
    ) -> None:
        super().__init__(reduction=reduction, semantics=semantics, validate=validate)

    def _meet(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        if y_pred.ndim != 3 or y_true.ndim != 2 or len(y_pred) != len(y_true):
            raise ValueError(
                "CTC expected y_pred of shape (N, T, C) and y_true of shape (N, L); received "
                f"{shape_text(y_pred.shape)} and {shape_text(y_true.shape)}. Keep the batch first: y_pred.transpose(0, 1) turns (T, N, C)."
            )
        if y_true.is_floating_point():
            raise TypeError(f"y_true expected integer labels; received {y_true.dtype}. Write y_true.long().")
        return y_true.long()

    def _shape_from_targets(self, y_true: Tensor) -> NoReturn:
        raise ValueError(
            "denominator() of CTC expected y_pred_shape, received nothing: labels do not tell how many steps there are. Write "
            "criterion.denominator(y_true, y_pred_shape=logits.shape)."
        )

    def _hide_targets(self, y_true: Tensor, weighed: Weighed, axes: tuple[int, ...]) -> Tensor:
        return weighed.hide(y_true, (1,))

    def _check_numbers(self, y_pred: Tensor, y_true: Tensor, weighed: Weighed) -> None:
        validation.check_labels(y_true, y_pred.shape[-1], weighed.included_like((1,)))

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One value per sequence."""
        return functional.ctc(y_pred, y_true, padding=self.semantics.formulas.ctc_padding)


class Circle(WeightedLoss):
    """Circle loss of embeddings: ``functional.circle``, weighed; what is already 0 leaves the mean.

    Args:
        gamma: Scale.
        margin: How much closer the same label must be.
        remove_diagonal: Whether an embedding is no neighbour of itself.
        reduction, semantics, validate: As in ``WeightedLoss``.

    Shapes: y_pred (N, D) embeddings, y_true (N,) or (N, 1) integer labels. Weights act on each embedding's value; whatever
    its weight, it stays a neighbour of the others.

    >>> import torch
    >>> embeddings = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]), dim=-1)
    >>> Circle(gamma=1.0)(embeddings, torch.tensor([0, 1, 0]))
    tensor(1.4695)
    """

    axis = -1
    decomposable = False

    def __init__(
        self,
        *,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        semantics: Any = "torchweights",
        validate: bool | None = None,
    ) -> None:
        super().__init__(reduction=reduction, semantics=semantics, validate=validate)
        self.gamma = number("gamma", gamma, "a number above 0", lambda one: 0 < one < math.inf)
        self.margin = number("margin", margin)
        self.remove_diagonal = flag("remove_diagonal", remove_diagonal)

    def _meet(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        if y_pred.ndim != 2 or tuple(y_true.shape) not in ((len(y_pred),), (len(y_pred), 1)):
            raise ValueError(
                "Circle expected y_pred of shape (N, D) and y_true, labels of shape (N,) or (N, 1); received "
                f"{shape_text(y_pred.shape)} and {shape_text(y_true.shape)}. Flatten the embeddings, and give one-hot targets as "
                "y_true.argmax(-1)."
            )
        return y_true.reshape(-1)

    _undecomposable = (
        "expected values that other embeddings do not change; received the circle loss, where each meets every other (decomposable "
        "is False). Gather the embeddings of all ranks (torch.distributed.nn.functional.all_gather), then compute the loss of all."
    )

    def _check_denominator(self, y_pred: Tensor) -> None:
        raise ValueError(
            "denominator expected only where it can be known before the predictions; received one for Circle, whose "
            "mean counts the values above 0. Use reduction='sum' and divide."
        )

    def _weighed_values(
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Weighed]:
        values = self.values(y_pred, self._meet(y_pred, y_true))
        left, given = values.detach() > 0, validation.as_mask(mask, y_pred.device, self.validate)
        if given is not None:
            left = left & self._grown(given, tuple(values.shape))
        weight = validation.as_weight("sample_weight", sample_weight, y_pred.device)
        return reduction.met_by(values, weight, left, self.semantics)

    def _sums(self, *given: Any, **beside: Any) -> NoReturn:
        raise ValueError(f"partial_sums() of Circle {self._undecomposable}")

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One value per embedding."""
        return functional.circle(
            y_pred, y_true, gamma=self.gamma, margin=self.margin, remove_diagonal=self.remove_diagonal
        )
