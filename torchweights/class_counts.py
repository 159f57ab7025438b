"""How often classes occur: in a batch, over a data loader, without what has no label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torchweights.options import axis_within, label, whole
from torchweights.validation import check_tensor


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
        check_tensor("y_true", y_true)
        whole("num_classes", num_classes, 1)
        label("void", void)
        if y_true.is_floating_point():
            axis_within(axis, y_true.ndim, "y_true")
            if y_true.shape[axis] != num_classes:
                raise ValueError(
                    f"y_true expected {num_classes} classes on axis {axis}; received shape {tuple(y_true.shape)}. "
                    "Say where the classes are with axis=."
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
        if len(self.of_class) != len(other.of_class):
            raise ValueError(
                f"num_classes expected alike in counts that are added; received {len(self.of_class)} and {len(other.of_class)}. Count both "
                "with the same num_classes."
            )
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
    if not isinstance(loader, Iterable):
        raise TypeError(
            f"loader expected an iterable of batches; received {type(loader).__name__}. Write torch.utils.data.DataLoader(dataset, 64)."
        )
    counts = [
        ClassCounts.of(_target_of(batch, target), num_classes, void=void, axis=axis)
        for batch in _shown(loader, progress)
    ]
    if not counts:
        raise ValueError(
            "loader expected one batch or more; received none. An iterator that was used up has none: pass what makes it."
        )
    return sum(counts[1:], counts[0])


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
        found = _entry(batch, target)
    else:
        found = batch[-1] if isinstance(batch, (tuple, list)) else batch
    if not isinstance(found, Tensor):
        raise TypeError(
            f"loader expected batches with a tensor of targets; received {type(found).__name__}. Say where it is with target=, an index, "
            "a key or a function of the batch."
        )
    return found


def _entry(batch: Any, target: int | str) -> Any:
    """What ``target`` points at. Raises ValueError where nothing is."""
    try:
        return batch[target]
    except (LookupError, TypeError):
        there = (
            list(batch)
            if isinstance(batch, Mapping)
            else f"{type(batch).__name__} of {len(batch)}"
            if hasattr(batch, "__len__")
            else type(batch).__name__
        )
        raise ValueError(
            f"target expected an index or key of the batches; received {target!r} for a batch with {there}. Write one of these, or a function of the batch."
        ) from None
