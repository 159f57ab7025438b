"""``tf.losses`` as a module, for training loops that hold a criterion."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from torchweights import reduction as reducer
from torchweights import validation
from torchweights.messages import choose
from torchweights.precision import exact
from torchweights.tf1 import crossentropy, elementwise
from torchweights.tf1.rows import (
    DEFAULT,
    LATEST,
    check_pair,
    divisor,
    given,
    met,
    row_name,
    standard_reduction,
    weigh,
    without,
)

LOSSES: dict[str, Callable[..., Tensor]] = {
    "absolute_difference": elementwise.absolute_difference,
    "cosine_distance": elementwise.cosine_distance,
    "hinge_loss": elementwise.hinge_loss,
    "huber_loss": elementwise.huber_loss,
    "log_loss": elementwise.log_loss,
    "mean_pairwise_squared_error": elementwise.mean_pairwise_squared_error,
    "mean_squared_error": elementwise.mean_squared_error,
    "sigmoid_cross_entropy": crossentropy.sigmoid_cross_entropy,
    "softmax_cross_entropy": crossentropy.softmax_cross_entropy,
    "sparse_softmax_cross_entropy": crossentropy.sparse_softmax_cross_entropy,
}
_UNREDUCED = "mean_pairwise_squared_error"


class Criterion(nn.Module):
    """One loss of ``tf.losses`` with its options.

    Args:
        loss: The name of the function, ``softmax_cross_entropy``.
        reduction: As in ``compute_weighted_loss``; ``mean_pairwise_squared_error`` has none to choose.
        semantics: The row or release, as in ``compute_weighted_loss``.
        options: What the function takes besides: ``label_smoothing``, ``delta``, ``epsilon``, ``axis``.

    Calls take ``(y_pred, y_true, sample_weight=None, mask=None, *, denominator=None)``. What the mask hides has weight 0,
    so it leaves the count of ``sum_by_nonzero_weights`` too; it meets the values as weights do.

    Raises:
        ValueError, TypeError: for a loss, reduction, row or option that is not there.

    >>> criterion = Criterion("huber_loss", delta=0.5)
    >>> criterion(torch.tensor([0.25, 3.0]), torch.tensor([0.0, 0.0]), sample_weight=torch.tensor([1.0, 0.0]))
    tensor(0.0312)
    """

    def __init__(self, loss: str, *, reduction: str | None = DEFAULT, semantics: str = LATEST, **options: Any) -> None:
        super().__init__()
        self.loss = choose("loss", loss, LOSSES)
        self.reduction = standard_reduction(reduction)
        self.semantics = row_name(semantics)
        self.options = options
        named = inspect.signature(LOSSES[loss]).parameters
        takes = [name for name, one in named.items() if one.kind is inspect.Parameter.KEYWORD_ONLY]
        left = [name for name in takes if name not in ("reduction", "semantics")]
        for name in options:
            choose(f"an option of {loss}", name, left)
        if loss == "cosine_distance" and "axis" not in options:
            raise TypeError(
                "axis expected an int for cosine_distance; received none. Write Criterion('cosine_distance', axis=1)."
            )
        if loss == _UNREDUCED and self.reduction != DEFAULT:
            raise ValueError(f"reduction expected to be left out for {_UNREDUCED}, which sums; received {reduction!r}.")

    def in_row(self, semantics: str) -> Criterion:
        """The same criterion, built in another row."""
        return Criterion(self.loss, reduction=self.reduction, semantics=semantics, **self.options).train(self.training)

    def extra_repr(self) -> str:
        """As it was built."""
        shown = {"reduction": self.reduction, "semantics": self.semantics}
        defaults = {"reduction": DEFAULT, "semantics": LATEST}
        given = {name: value for name, value in shown.items() if value != defaults[name]}
        return ", ".join([repr(self.loss), *(f"{name}={value!r}" for name, value in {**given, **self.options}.items())])

    def forward(
        self,
        y_pred: Tensor,
        y_true: Tensor,
        sample_weight: Tensor | float | None = None,
        mask: Tensor | None = None,
        *,
        denominator: Tensor | float | None = None,
    ) -> Tensor:
        """The loss; over ``denominator`` where one is given."""
        check_pair(y_pred, y_true, ("y_pred", "y_true"))
        reduction = self.reduction if denominator is None else "sum"
        options = self.options if self.loss == _UNREDUCED else {"reduction": reduction, **self.options}
        weights = self._weights(y_pred, self.values_shape(y_pred.shape), sample_weight, mask)
        loss = LOSSES[self.loss](y_pred, y_true, weights, semantics=self.semantics, **options)
        if denominator is None:
            return loss
        self._must_divide()
        validation.check_denominator(denominator)
        row = weigh((), 1.0, self.reduction, self.semantics, loss).row
        return reducer.divide(loss, denominator, row)

    def denominator(
        self,
        y_true: Tensor,
        sample_weight: Tensor | float | None = None,
        mask: Tensor | None = None,
        *,
        y_pred_shape: Sequence[int] | None = None,
    ) -> Tensor:
        """What this batch adds to the denominator, a number in float64; add those of all batches and pass the sum on.

        Args:
            y_true, sample_weight, mask: As in the call.
            y_pred_shape: Shape of the predictions; needed for labels (N, .., 1) of ``sparse_softmax_cross_entropy``.

        Raises:
            ValueError: where nothing is divided.
        """
        self._must_divide()
        if y_pred_shape is None:
            y_pred_shape = (*y_true.shape, 1) if self.loss.startswith("sparse") else y_true.shape
        shape = self.values_shape(tuple(y_pred_shape))
        like = torch.empty((), dtype=exact(y_true.device), device=y_true.device)
        weights = self._weights(like, shape, sample_weight, mask)
        weighed = weigh(shape, weights, self.reduction, self.semantics, like)
        return divisor(weighed, self.reduction)

    def values_shape(self, y_pred_shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of the unreduced values, which weights and mask have to meet."""
        if self.loss == "cosine_distance":
            return without(y_pred_shape, self.options["axis"])
        return tuple(y_pred_shape[:-1] if self.loss.endswith("softmax_cross_entropy") else y_pred_shape)

    def _weights(
        self, like: Tensor, shape: tuple[int, ...], sample_weight: Tensor | float | None, mask: Tensor | None
    ) -> Tensor | float:
        """Weights that are 0 where the mask hides."""
        weights = None if sample_weight is None else given(sample_weight, like, "sample_weight")
        if weights is not None and weights.ndim == len(shape) + 1 and weights.shape[-1] == 1 and self._squeezes:
            weights = weights.squeeze(-1)
        if weights is not None:
            weights = met(weights, shape, "sample_weight")
        hidden = validation.as_mask(mask, like.device)
        if hidden is None:
            return 1.0 if weights is None else weights
        weights = torch.ones((), dtype=torch.float32, device=like.device) if weights is None else weights
        return torch.where(met(hidden, shape, "mask"), weights, torch.zeros_like(weights))

    @property
    def _squeezes(self) -> bool:
        return self.loss == "sparse_softmax_cross_entropy"

    def _must_divide(self) -> None:
        if self.reduction in ("none", "sum") or self.loss == _UNREDUCED:
            raise ValueError(
                f"denominator expected only where something is divided; received one for {self.loss} with reduction="
                f"{self.reduction!r}. Build the criterion with reduction='sum_by_nonzero_weights'."
            )
