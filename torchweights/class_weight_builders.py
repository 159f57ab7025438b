"""Class weights out of labels: counted once or over a data loader, without what has no label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class ClassCounts:
    """How often each class occurs, and how many labels there are in the samples in which it occurs; counts add up.

    >>> ClassCounts.of(torch.tensor([0, 0, 1]), 2) + ClassCounts.of(torch.tensor([1, 1, 1]), 2)
    ClassCounts(of_class=[2, 4], beside=[2, 4])
    """

    #: (C,): labels of each class
    of_class: Tensor
    #: (C,): labels of all samples (first axis) in which the class occurs
    beside: Tensor

    @classmethod
    def of(cls, y_true: Tensor, num_classes: int, *, void: int | None = None, axis: int = -1) -> ClassCounts:
        """Counts of one batch.

        Args:
            y_true: Integer labels of any rank, or one-hot and soft targets (floating point, classes on ``axis``), which are
                summed. Negative labels, ``void`` and rows of zeros are no labels.
            num_classes: C.
            void: The label that means "no label".
            axis: Axis of the classes of one-hot targets.

        Raises:
            ValueError: for labels that are no class.
        """
        if y_true.is_floating_point():
            if y_true.shape[axis] != num_classes:
                raise ValueError(
                    f"y_true expected {num_classes} classes on axis {axis}; received shape {tuple(y_true.shape)}."
                )
            by_sample = y_true.detach().double().movedim(axis, -1).reshape(len(y_true), -1, num_classes).sum(1)
        else:
            by_sample = _by_sample(y_true, num_classes, void)
        labels = by_sample.sum(1, keepdim=True)
        beside = torch.where(by_sample > 0, labels, torch.zeros_like(labels)).sum(0)
        return cls(by_sample.sum(0), beside)

    def __add__(self, other: object) -> ClassCounts:
        if not isinstance(other, ClassCounts):
            return NotImplemented
        return ClassCounts(self.of_class + other.of_class.to(self.of_class), self.beside + other.beside.to(self.beside))

    def __radd__(self, other: object) -> ClassCounts:
        # sum() starts from 0.
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __repr__(self) -> str:
        return f"ClassCounts(of_class={self.of_class.tolist()}, beside={self.beside.tolist()})"


def _by_sample(y_true: Tensor, num_classes: int, void: int | None) -> Tensor:
    """(N, C): how often each class occurs in each sample."""
    labels = y_true.detach().long().reshape(len(y_true), -1)
    counted = labels >= 0 if void is None else (labels >= 0) & (labels != void)
    outside = counted & (labels >= num_classes)
    if bool(outside.any()):
        found = int(labels[outside][0])
        raise ValueError(
            f"y_true expected labels from 0 to {num_classes - 1}; received {found}. Pass void={found} if it means 'no label'."
        )
    samples = torch.arange(len(labels), device=labels.device).unsqueeze(1) * num_classes
    places = torch.where(counted, samples + labels, 0).reshape(-1)
    counts = torch.zeros(len(labels) * num_classes, dtype=torch.int64, device=labels.device)
    return counts.index_add(0, places, counted.long().reshape(-1)).reshape(-1, num_classes)


def count_classes(
    loader: Iterable[Any],
    num_classes: int,
    *,
    void: int | None = None,
    axis: int = -1,
    target: Callable[[Any], Tensor] | int | str | None = None,
    progress: bool = True,
) -> ClassCounts:
    """Counts over a data loader, batch by batch.

    Args:
        loader: Batches: a tensor of targets, or tuples, lists or dicts that hold one.
        num_classes, void, axis: As in ``ClassCounts.of``.
        target: Where the targets of a batch are: an index, a key, or a function of the batch; None for the last of a tuple,
            and for the batch itself if it is a tensor.
        progress: Whether a bar shows how far it is, where tqdm is installed.

    Raises:
        TypeError: where a batch holds no tensor of targets.

    >>> batches = [(torch.zeros(2, 4), torch.tensor([0, 1])), (torch.zeros(1, 4), torch.tensor([1]))]
    >>> count_classes(batches, 2, progress=False).of_class
    tensor([1, 2])
    """
    counts = [
        ClassCounts.of(_target_of(batch, target), num_classes, void=void, axis=axis)
        for batch in _shown(loader, progress)
    ]
    if not counts:
        raise ValueError("loader expected one batch or more; received none.")
    whole = counts[0]
    for one in counts[1:]:
        whole = whole + one
    return whole


def _shown(loader: Iterable[Any], progress: bool) -> Iterable[Any]:
    if not progress:
        return loader
    try:
        from tqdm.auto import tqdm  # type: ignore[import-untyped]
    except ImportError:
        return loader
    bar: Iterable[Any] = tqdm(loader, desc="counting classes", leave=False)
    return bar


def _target_of(batch: Any, target: Callable[[Any], Tensor] | int | str | None) -> Tensor:
    if callable(target):
        found = target(batch)
    elif target is not None:
        found = batch[target]
    else:
        found = batch[-1] if isinstance(batch, (tuple, list)) else batch
    if not isinstance(found, Tensor):
        raise TypeError(
            f"loader expected batches with a tensor of targets; received {type(found).__name__}. Say where it is with target=, an index, "
            "a key or a function of the batch."
        )
    return found


def _occurring(
    counts: ClassCounts | Tensor, num_classes: int | None, absent: float | None
) -> tuple[ClassCounts, Tensor]:
    """Counts, and which classes occur; absent ones are refused where no weight is given for them."""
    if isinstance(counts, Tensor):
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
    if not 0 <= beta < 1:
        raise ValueError(f"beta expected a number from 0 to below 1; received {beta!r}.")
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
    if not 0 <= smallest <= largest:
        raise ValueError(f"smallest expected from 0 to largest={largest!r}; received {smallest!r}.")
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
    whole = y_true if isinstance(y_true, Tensor) else torch.cat(list(y_true))
    if mask is not None and mask.shape != whole.shape:
        raise ValueError(f"mask expected the shape of y_true, {tuple(whole.shape)}; received {tuple(mask.shape)}.")
    columns = whole.reshape(-1, whole.shape[-1]) > 0.5
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
