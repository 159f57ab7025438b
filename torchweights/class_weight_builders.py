"""Class weights out of how often classes occur."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from torchweights.class_counts import ClassCounts
from torchweights.messages import shown
from torchweights.options import not_negative, number
from torchweights.validation import check_tensor


def _occurring(
    counts: ClassCounts | Tensor, num_classes: int | None, absent: float | None
) -> tuple[ClassCounts, Tensor]:
    """Counts, and which classes occur; absent ones are refused where no weight is given for them."""
    if absent is not None:
        not_negative("absent", absent)
    if isinstance(counts, ClassCounts):
        if num_classes is not None and num_classes != len(counts.of_class):
            raise ValueError(
                f"num_classes expected to be left out beside counts of {len(counts.of_class)} classes; received {num_classes}. Give it to ClassCounts.of."
            )
    else:
        _check_countable(counts)
        if num_classes is None:
            num_classes = counts.shape[-1] if counts.is_floating_point() else int(counts.max()) + 1
        counts = ClassCounts.of(counts, num_classes)
    there = counts.of_class > 0
    if absent is None and not bool(there.all()):
        raise ValueError(
            f"counts expected every class to occur; received none of {(~there).nonzero().flatten().tolist()}. Give what such a class "
            "weighs with absent=."
        )
    return counts, there


def _check_countable(counts: object) -> None:
    """Targets that can be counted. Raises TypeError and ValueError."""
    if not isinstance(counts, Tensor):
        raise TypeError(
            f"counts expected tw.ClassCounts, or targets in a torch.Tensor; received {type(counts).__name__} {shown(counts)}. Write "
            "torch.as_tensor(counts) for targets."
        )
    if not counts.numel():
        raise ValueError(
            f"counts expected a target or more; received shape {tuple(counts.shape)}. Count over the whole data set: tw.count_classes."
        )


def _as_dict(weights: Tensor, there: Tensor, absent: float | None) -> dict[int, float]:
    filled = torch.where(there, weights, torch.full_like(weights, absent or 0.0))
    return dict(enumerate(filled.tolist()))


def balanced(
    counts: ClassCounts | Tensor, *, num_classes: int | None = None, absent: float | None = None
) -> dict[int, float]:
    """n / (K n_c): every class weighs as much in all as any other.

    Args:
        counts: Counts, or targets to count.
        num_classes: C, for labels of which not every class may occur.
        absent: What a class weighs that does not occur; None to refuse it.

    Returns:
        Weights by class, for ``class_weight=``. K is the number of classes that occur.

    Source: ``compute_class_weight("balanced")`` of scikit-learn.

    >>> balanced(torch.tensor([0, 0, 0, 1]))
    {0: 0.6666666666666666, 1: 2.0}
    """
    counts, there = _occurring(counts, num_classes, absent)
    n = counts.of_class.double()
    return _as_dict(n.sum() / (there.sum() * n), there, absent)


def effective_number(
    counts: ClassCounts | Tensor, *, beta: float = 0.999, num_classes: int | None = None, absent: float | None = None
) -> dict[int, float]:
    """(1 - beta) / (1 - beta^n_c), times what makes the weights add up to K.

    Args:
        beta: From 0 (all weigh 1) to towards 1 (inverse frequency).
        counts, num_classes, absent: As in ``balanced``.

    Source: Cui et al. 2019.

    >>> effective_number(torch.tensor([0, 0, 0, 1]), beta=0.5)
    {0: 0.7272727272727273, 1: 1.2727272727272727}
    """
    number("beta", beta, "a number from 0 to below 1", lambda one: 0 <= one < 1)
    counts, there = _occurring(counts, num_classes, absent)
    # 1 - beta^n through expm1, which keeps its digits where beta is near 1.
    rest = -torch.expm1(counts.of_class.double() * torch.tensor(beta, dtype=torch.float64).log())
    return _as_dict(_adding_up(1 / rest, there), there, absent)


def inverse_square_root(
    counts: ClassCounts | Tensor, *, num_classes: int | None = None, absent: float | None = None
) -> dict[int, float]:
    """1 / sqrt(n_c), times what makes the weights add up to K: half way between none and balanced, in the logarithm.

    Args:
        counts, num_classes, absent: As in ``balanced``.

    >>> inverse_square_root(torch.tensor([0, 0, 0, 0, 1]))
    {0: 0.6666666666666666, 1: 1.3333333333333333}
    """
    counts, there = _occurring(counts, num_classes, absent)
    return _as_dict(_adding_up(counts.of_class.double() ** -0.5, there), there, absent)


def _adding_up(weights: Tensor, there: Tensor) -> Tensor:
    return weights * there.sum() / torch.where(there, weights, torch.zeros_like(weights)).sum()


def median_frequency(
    counts: ClassCounts | Tensor, *, num_classes: int | None = None, absent: float | None = None
) -> dict[int, float]:
    """median(f) / f_c, f_c = pixels of class c / pixels of the images in which it occurs.

    Args:
        counts, num_classes, absent: As in ``balanced``; the first axis is that of images.

    Source: Eigen and Fergus 2015.

    >>> median_frequency(torch.tensor([[0, 0, 0, 1], [0, 0, 0, 0]]))
    {0: 0.6428571428571429, 1: 2.25}
    """
    counts, there = _occurring(counts, num_classes, absent)
    frequency = counts.of_class.double() / counts.beside.double()
    return _as_dict(frequency[there].quantile(0.5) / frequency, there, absent)


def capped(weights: Mapping[int, float], *, largest: float, smallest: float = 0.0) -> dict[int, float]:
    """Class weights no larger and no smaller than this.

    >>> capped({0: 0.1, 1: 40.0}, largest=10.0)
    {0: 0.1, 1: 10.0}
    """
    if not isinstance(weights, Mapping):
        raise TypeError(
            f"weights expected a dict from class number to weight; received {type(weights).__name__} {shown(weights)}. Write dict(enumerate(weights))."
        )
    for weight in weights.values():
        number("weights", weight, "a number for each class")
    number("largest", largest, "a number, 0 or more", lambda one: one >= 0)
    number("smallest", smallest, f"a number from 0 to largest={largest!r}", lambda one: 0 <= one <= largest)
    return {key: min(max(float(weight), smallest), largest) for key, weight in weights.items()}


def positive_weight(
    y_true: Tensor | Sequence[Tensor], *, mask: Tensor | None = None, absent: float | None = None
) -> Tensor:
    """negatives / positives of each label column, for ``pos_weight``.

    Args:
        y_true: (N, .., L) labels 0 and 1; or a list of such batches.
        mask: False where a label is not known; in the shape of ``y_true``.
        absent: What a column weighs that has no positive; None to refuse it.

    Returns:
        (L,) in float32, as ``F.binary_cross_entropy_with_logits(pos_weight=)`` takes it.

    Raises:
        ValueError: for a column without positives.

    >>> positive_weight(torch.tensor([[1, 0], [0, 1], [0, 1], [0, 1]]))
    tensor([3.0000, 0.3333])
    """
    given = _batches_as_one(y_true)
    if mask is not None:
        check_tensor("mask", mask)
    if mask is not None and mask.shape != given.shape:
        raise ValueError(
            f"mask expected the shape of y_true, {tuple(given.shape)}; received {tuple(mask.shape)}. Write mask.expand_as(y_true)."
        )
    columns = given.reshape(-1, given.shape[-1]) > 0.5
    known = torch.ones_like(columns) if mask is None else mask.reshape(columns.shape) != 0
    positives, labels = (columns & known).sum(0), known.sum(0)
    there = positives > 0
    if absent is None and not bool(there.all()):
        raise ValueError(
            f"y_true expected a positive in every label column; received none in {(~there).nonzero().flatten().tolist()}. Give what such a "
            "column weighs with absent=."
        )
    weights = (labels - positives).double() / positives.clamp(min=1).double()
    return torch.where(there, weights, torch.full_like(weights, absent or 0.0)).float()


def _batches_as_one(y_true: object) -> Tensor:
    """Labels by column, of one batch or several. Raises TypeError and ValueError."""
    batches = [y_true] if isinstance(y_true, Tensor) else list(y_true) if isinstance(y_true, (list, tuple)) else []
    if not batches or not all(isinstance(one, Tensor) for one in batches):
        raise TypeError(
            f"y_true expected a torch.Tensor, or a list of them; received {type(y_true).__name__} {shown(y_true)}. Write torch.as_tensor(y_true)."
        )
    if any(one.ndim < 2 for one in batches):
        raise ValueError(
            f"y_true expected labels by column, (N, .., L); received shape {tuple(batches[0].shape)}. Write y_true.unsqueeze(-1) for one column."
        )
    return torch.cat(batches)
