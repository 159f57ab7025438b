"""Regression errors weighed by feature, over each sample or the whole batch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from torchweights import validation
from torchweights.functional.shared import check_tensors, in_pieces, same_dtype
from torchweights.messages import choose

OVER = ("sample", "batch", "batch_scaled")
ROOTS = ("none", "of_mean", "of_sum")
ERRORS = ("squared", "absolute")


def weighted_error(
    y_pred: Tensor,
    y_true: Tensor,
    feature_weight: Tensor | None = None,
    *,
    error: str = "squared",
    over: str = "sample",
    root: str = "none",
) -> Tensor:
    """sum(w e) / W with W = sum(w): per sample, or over the batch.

    Args:
        y_pred, y_true: (N, F, ..), alike.
        feature_weight: w, (F, ..) for every sample, or (N, F, ..); None for ones. What weighs 0 shows nowhere.
        error: e, "squared" (y - p)^2 or "absolute" |y - p|.
        over: "sample" sums over all axes but the first, and gives (N,); "batch" sums over everything, and W is the sum of w
            as it was given; "batch_scaled" is that over N W, the mean for weights (F, ..).
        root: "none"; "of_mean", sqrt(S / W), the root-mean-square; "of_sum", sqrt(S) / W, which is what many closures
            compute and scales with the weights.

    Raises:
        ValueError: for shapes that do not meet and unknown words.

    Source: closures of TF 2 projects, recorded in ``examples/recordings``.

    >>> p, t = torch.tensor([[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 1.0]]), torch.tensor([[0.0, 1, 1, 0], [0, 0, 1, 1]])
    >>> weighted_error(p, t, torch.tensor([0.25, 0.5, 1.0, 0.75]), over="batch")
    tensor(0.8000)
    """
    choose("error", error, ERRORS), choose("over", over, OVER), choose("root", root, ROOTS)
    if over == "sample":
        return rooted(*_sums(y_pred, y_true, feature_weight, error, tuple(range(1, y_pred.ndim))), root)
    return error_of(error_sums(y_pred, y_true, feature_weight, error=error), over=over, root=root)


class ErrorSums(NamedTuple):
    """What errors over a batch are made of; those of several batches add up.

    sum(w e), and sum(w) twice: of weights (F, ..) that every sample shares, times samples; of weights (N, F, ..).
    """

    errors: Tensor
    shared: Tensor
    own: Tensor
    samples: Tensor


def error_sums(
    y_pred: Tensor, y_true: Tensor, feature_weight: Tensor | None = None, *, error: str = "squared"
) -> ErrorSums:
    """The sums of ``weighted_error`` over a batch.

    Args:
        y_pred, y_true, feature_weight, error: As in ``weighted_error``.

    >>> error_sums(torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2), torch.tensor([3.0, 1.0])).errors
    tensor(7.)
    """
    total, weight = _sums(y_pred, y_true, feature_weight, choose("error", error, ERRORS), tuple(range(y_pred.ndim)))
    nothing, samples = torch.zeros_like(weight), torch.full_like(weight.detach(), len(y_pred))
    own = feature_weight is not None and feature_weight.ndim == y_pred.ndim
    return ErrorSums(total, nothing if own else weight, weight if own else nothing, samples)


def error_of(sums: ErrorSums, *, over: str = "batch", root: str = "none") -> Tensor:
    """The error over a batch, of its sums.

    Args:
        sums: Of ``error_sums``.
        over: "batch" or "batch_scaled". root: As in ``weighted_error``.

    >>> error_of(error_sums(torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2), torch.tensor([3.0, 1.0])))
    tensor(1.7500)
    """
    if over == "batch_scaled":
        return rooted(sums.errors, sums.shared + sums.own * sums.samples, root)
    return rooted(sums.errors, sums.shared / sums.samples.clamp(min=1) + sums.own, root)


def _sums(
    y_pred: Tensor, y_true: Tensor, feature_weight: Tensor | None, error: str, axes: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """sum(w e) and sum(w) over ``axes``."""
    y_pred, y_true = same_dtype(y_pred, y_true)
    weight = _met(feature_weight, y_pred)
    all_count = validation.can_look(weight) and bool((weight != 0).all())

    def of_piece(y_pred: Tensor, y_true: Tensor, weight: Tensor = weight) -> Tensor:
        off = y_pred - y_true
        if not all_count:
            off = torch.where(weight != 0, off, torch.zeros_like(off))
        return (weight * (off.square() if error == "squared" else off.abs())).sum(axes)

    own = (weight,) if weight.ndim == y_pred.ndim else ()
    return in_pieces(of_piece, axes, y_pred, y_true, *own, lost=axes), weight.expand(y_pred.shape).sum(axes)


def rooted(total: Tensor, divisor: Tensor, root: str) -> Tensor:
    """total / divisor, with the root that ``weighted_error`` describes."""
    if root == "of_sum":
        return _over(_root(total), divisor)
    return _root(_over(total, divisor)) if root == "of_mean" else _over(total, divisor)


def _met(feature_weight: Tensor | None, y_pred: Tensor) -> Tensor:
    if feature_weight is None:
        return torch.ones(y_pred.shape[1:], dtype=y_pred.dtype, device=y_pred.device)
    check_tensors(feature_weight=feature_weight)
    weight = feature_weight.to(device=y_pred.device, dtype=y_pred.dtype)
    # By rank first: an exported batch size must not be compared with the number of features.
    if tuple(weight.shape) != tuple(y_pred.shape if weight.ndim == y_pred.ndim else y_pred.shape[1:]):
        raise ValueError(
            f"feature_weight expected shape {tuple(y_pred.shape[1:])}, one for each feature, or {tuple(y_pred.shape)}, one for each "
            f"element of y_pred; received {tuple(weight.shape)}. Write feature_weight.expand(..) for one of these."
        )
    return weight


def _root(values: Tensor) -> Tensor:
    """The square root; where there is no error its gradient is 0, not infinite."""
    zero = values == 0
    return torch.where(zero, torch.zeros_like(values), torch.where(zero, torch.ones_like(values), values).sqrt())


def _over(total: Tensor, divisor: Tensor) -> Tensor:
    """total / divisor; nothing weighed is no error."""
    nothing = divisor == 0
    return torch.where(
        nothing, torch.zeros_like(total), total / torch.where(nothing, torch.ones_like(divisor), divisor)
    )
