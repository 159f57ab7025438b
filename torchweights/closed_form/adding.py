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
    if flat.numel() < FEW:
        return flat.sum(1, dtype=torch.float64)
    rest = flat.shape[1] % ROW
    if rest == flat.shape[1]:
        return flat.sum(1).double()
    rows: Tensor = (flat[:, :-rest] if rest else flat).unflatten(1, (-1, ROW))  # type: ignore[no-untyped-call]
    sums = rows.sum(2).sum(1, dtype=torch.float64)
    return sums + flat[:, -rest:].sum(1, dtype=torch.float64) if rest else sums


def added_up(values: Tensor) -> Tensor:
    """The sum of a piece."""
    return by_sample(values.reshape(1, -1))[0]
