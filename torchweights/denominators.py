"""What the mean of an era divides by: small named functions of counts that add up, for the rows to point to."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from torchweights.precision import exact


class AdditiveCounts(Protocol):
    """What a denominator may be made of."""

    @property
    def elements(self) -> Tensor: ...
    @property
    def unmasked(self) -> Tensor: ...
    @property
    def nonzero(self) -> Tensor: ...
    @property
    def weights(self) -> Tensor: ...
    @property
    def masks(self) -> Tensor: ...


# ------------------------------------------------------------------------------------ what the mean divides by: D of counts


def elements(counts: AdditiveCounts) -> Tensor:
    """All elements."""
    return counts.elements


def unmasked(counts: AdditiveCounts) -> Tensor:
    """Unmasked elements."""
    return counts.unmasked


def not_ignored(counts: AdditiveCounts) -> Tensor:
    """All elements but ignored labels."""
    return counts.unmasked


#: what two eras add so that a mask that hides everything divides by something
MASK_EPSILON = 1e-7


def unmasked_and_epsilon(counts: AdditiveCounts) -> Tensor:
    """Unmasked elements, 1e-7 added to those of the mask."""
    beside = counts.elements / counts.masks.clamp(min=1) * (counts.masks > 0)
    return counts.unmasked + MASK_EPSILON * beside


def nonzero_weights_and_epsilon(counts: AdditiveCounts) -> Tensor:
    """Unmasked elements x share of weights that are not 0, 1e-7 added to the share that is unmasked."""
    beside = MASK_EPSILON * counts.elements * (counts.masks > 0)
    return (counts.unmasked + beside) * counts.nonzero / counts.elements


def nonzero_weights(counts: AdditiveCounts) -> Tensor:
    """Unmasked elements x share of weights that are not 0."""
    return counts.unmasked * counts.nonzero / counts.elements


def sum_of_class_weights(counts: AdditiveCounts) -> Tensor:
    """Sum of class weights, or unmasked elements."""
    return counts.weights


def weights_or_nan(counts: AdditiveCounts) -> Tensor:
    """Sum of weights.

    Times the share unmasked where the mask could not be multiplied in; NaN where that leaves nothing.
    """
    share = counts.unmasked / counts.elements
    shared = counts.weights * torch.where(share > 0, share, torch.nan)
    return torch.where(counts.weights > 0, shared, counts.weights)


# ------------------------------------------------------------------------------- what "the sum of weights" adds up


def as_given(counted: Tensor, mask: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    """The weights in the shape they came in: (N, 1) beside (N, T) counts each sample once."""
    return counted.to(exact(counted.device)).sum()


def over_elements(counted: Tensor, mask: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    """The weight of every unmasked element."""
    whole = counted.to(exact(counted.device)).expand(shape)
    return whole.sum() if mask is None else torch.where(mask, whole, torch.zeros_like(whole)).sum()
