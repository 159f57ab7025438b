"""Counts that add up over micro-batches and ranks, and the denominator that a row makes of them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from torchweights.denominators import AdditiveCounts
from torchweights.semantics import Semantics, semantics_for


@dataclass(frozen=True)
class Counts:
    """What a denominator is made of; counts of different batches are added field by field.

    ``elements`` of the loss, ``unmasked`` elements, elements whose weight is ``nonzero``, sum of ``weights``: each
    counted as if weights and mask were as large as the values. ``masks`` is the size that masks really have.
    ``samples`` and ``batches`` are for what a total loss adds once, its penalties.
    """

    elements: Tensor
    unmasked: Tensor
    nonzero: Tensor
    weights: Tensor
    masks: Tensor
    samples: Tensor
    batches: Tensor

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + theirs.to(mine.device) for mine, theirs in zip(self.each(), other.each(), strict=True)))

    def detach(self) -> Counts:
        """The same counts without gradient: weights may be learned."""
        return Counts(*(one.detach() for one in self.each()))

    def each(self) -> list[Tensor]:
        """Every count, in the order of the fields."""
        return [getattr(self, field.name) for field in fields(self)]


@dataclass(frozen=True)
class Denominator:
    """What ``criterion.denominator()`` returns: additive counts and the row's function of them.

    Add the denominators of several micro-batches, then pass the sum to each call: ``criterion(..., denominator=d)``.
    ``averaged`` is how often whoever trains divides the gradient again, ``ranks`` over how many ranks the counts were added
    (``global_denominator`` sets both).

    >>> import torch, torchweights as tw
    >>> criterion = tw.MeanSquaredError()
    >>> sum(criterion.denominator(y_true=torch.zeros(n, 2)) for n in (3, 5)).value()
    tensor(8., dtype=torch.float64)
    """

    counts: Counts
    semantics: str
    reduction: str
    averaged: float = 1.0
    ranks: int = 1

    def __add__(self, other: object) -> Denominator:
        if not isinstance(other, Denominator):
            return NotImplemented
        if (other.semantics, other.reduction) != (self.semantics, self.reduction):
            raise ValueError(
                f"denominators add up only within one row and one reduction: expected {self.semantics!r} with "
                f"reduction={self.reduction!r}, received {other.semantics!r} with reduction={other.reduction!r}. "
                "Make both with the same criterion."
            )
        if self.is_global or other.is_global:
            raise ValueError(
                "denominators expected of single batches, to add up; received what global_denominator() returned, which is of all "
                "batches and ranks already. Give it all batches of the step at once."
            )
        return Denominator(self.counts + other.counts, self.semantics, self.reduction)

    def __radd__(self, other: object) -> Denominator:
        # sum() starts from 0.
        return self if isinstance(other, int) and other == 0 else NotImplemented

    @property
    def is_global(self) -> bool:
        """Whether it is of all batches and ranks of a step already."""
        return self.averaged != 1 or self.ranks != 1

    def value(self) -> Tensor:
        """D itself, for one batch's share of the loss: a 0-dim float64 tensor without gradient."""
        return divisor_of(self.counts, semantics_for(self.semantics), self.reduction) / self.averaged


def divisor_of(counts: AdditiveCounts, row: Semantics, reduction: str) -> Tensor:
    """D: the row's function of the counts for this reduction."""
    if reduction == "sum":
        return torch.ones_like(counts.weights)
    if reduction == "mean_with_sample_weight":
        return counts.weights
    return row.weighing.denominator(counts)
