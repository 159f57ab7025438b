"""The gradient over ranks and micro-batches is that of one process with the whole batch (promises P29, P30 and P31)."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor

from tests.distributed.cells import Cell, cells, micro_batches_of, one_process
from tests.distributed.pool import Pool
from tests.distributed.trainers import TRAINERS, accumulation, error, steps_of_rank

#: max |difference| / max |gradient|
TOLERANCE = {torch.float64: 1e-14, torch.float32: 1e-6}


pytestmark = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")


@functools.cache
def whole(cell: Cell) -> list[Tensor]:
    return one_process(cell)


def refused(cell: Cell) -> bool:
    """Whether the row refuses such weights and masks in one process already."""
    try:
        whole(cell)
    except ValueError:
        return True
    return False


def wrong(found: dict[Cell, float]) -> list[str]:
    return [f"{cell}: {off:.1e}" for cell, off in found.items() if not off <= TOLERANCE[cell.dtype]]


def measured(pool: Pool, asked: list[Cell]) -> dict[Cell, float]:
    """The error of each cell, on the rank where it is worst."""
    ranks = pool.run(steps_of_rank, asked)
    return {cell: max(error(rank[place], whole(cell)) for rank in ranks) for place, cell in enumerate(asked)}


@pytest.mark.parametrize("trainer", TRAINERS)
@pytest.mark.parametrize("world", [2, 4])
def test_the_gradient_over_ranks_is_that_of_the_whole_batch(pools: dict[int, Pool], world: int, trainer: str) -> None:
    asked = [cell for cell in cells(world, list(TRAINERS)) if cell.trainer == trainer and not refused(cell)]
    assert len(asked) > 100
    assert not wrong(measured(pools[world], asked))


@pytest.mark.parametrize("k", [1, 3])
def test_the_gradient_over_micro_batches_is_that_of_the_whole_batch(k: int) -> None:
    asked = [
        cell
        for cell in cells(1, ["none"])
        if cell.micro_batches == k and cell.split == "one rank" and not refused(cell)
    ]
    found = {cell: error(accumulation(cell, micro_batches_of(cell, (12,), 0)), whole(cell)) for cell in asked}
    assert not wrong(found)
