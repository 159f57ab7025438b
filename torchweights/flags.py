"""Booleans in arithmetic: torch converts and multiplies them one by one, their bytes many at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from torchweights import validation


def as_numbers(flags: Tensor, dtype: torch.dtype) -> Tensor:
    """1 where True, 0 where False.

    >>> as_numbers(torch.tensor([True, False]), torch.float32)
    tensor([1., 0.])
    """
    fast = flags.dtype == torch.bool and validation.can_look(flags)
    return (flags.view(torch.uint8) if fast else flags).to(dtype)


def all_true(flags: Tensor) -> bool:
    """Whether all are True; for who may look."""
    return not flags.numel() or bool(flags.view(torch.uint8).amin())


def count(flags: Tensor) -> Tensor:
    """How many are True."""
    return torch.count_nonzero(flags) if validation.can_look(flags) else flags.sum()


def times(flags: Tensor, numbers: Tensor) -> Tensor:
    """The numbers, all of them finite, where True and 0 elsewhere."""
    found = as_numbers(flags, numbers.dtype)
    fresh = found.shape == numbers.shape and not numbers.requires_grad and validation.can_look(numbers)
    return found.mul_(numbers) if fresh and found is not flags else found * numbers


def where(flags: Tensor, numbers: Tensor) -> Tensor:
    """The numbers where True and 0 elsewhere, whatever stands there."""
    if numbers.is_floating_point() or numbers.dtype == torch.bool or not validation.can_look(numbers):
        return torch.where(flags, numbers, numbers.new_zeros(()))
    if flags.shape == numbers.shape and flags.dtype == torch.bool:
        return flags.view(torch.int8).neg().to(numbers.dtype).bitwise_and_(numbers)  # all bits of a number, or none
    return numbers * flags
