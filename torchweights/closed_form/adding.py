"""Sums that are the same to the bit with any number of threads."""

from __future__ import annotations

import torch
from torch import Tensor

#: numbers that one thread adds up; so few of them that torch asks no second thread
ROW, FEW = 1024, 1 << 14


def by_sample(values: Tensor) -> Tensor:
    """The sum of each sample of a piece, (n,), in float64: to the bit the same with any number of threads, each of which has its rows."""
    if torch.compiler.is_compiling():
        return values.sum(tuple(range(1, values.ndim)))
    flat = values.flatten(1)
    whole = flat.shape[1] // ROW * ROW
    if not whole or flat.numel() < FEW:
        return flat.sum(1, dtype=torch.float64)
    rows: Tensor = flat[:, :whole].unflatten(1, (-1, ROW))  # type: ignore[no-untyped-call]
    sums = rows.sum(2).sum(1, dtype=torch.float64)
    return sums if whole == flat.shape[1] else sums + flat[:, whole:].sum(1, dtype=torch.float64)


def added_up(values: Tensor) -> Tensor:
    """The sum of a piece."""
    return by_sample(values.reshape(1, -1))[0]
