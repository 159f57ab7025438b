"""Worst errors of the distributed matrix, and of five wrong recipes beside it: python -m tests.distributed"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence

import torch

from tests.distributed import wrong_recipes
from tests.distributed.cells import cells, one_process
from tests.distributed.pool import Pool
from tests.distributed.test_matrix import measured, refused
from tests.distributed.trainers import TRAINERS, error


def worst(pool: Pool, trainers: Sequence[str] | None = None) -> dict[tuple[str, torch.dtype], tuple[int, float]]:
    """(trainer, type) -> how many cells, and the worst error; of all trainers, or of those named."""
    trainers = list(TRAINERS if trainers is None else trainers)
    asked = [cell for cell in cells(pool.world, trainers) if not refused(cell)]
    table: dict[tuple[str, torch.dtype], tuple[int, float]] = {}
    for trainer in trainers:
        for cell, off in measured(pool, [cell for cell in asked if cell.trainer == trainer]).items():
            count, before = table.get((trainer, cell.dtype), (0, 0.0))
            table[trainer, cell.dtype] = (count + 1, max(before, off))
    return table


def wrong(pool: Pool) -> dict[str, float]:
    """Each wrong recipe's error."""
    return {
        name: error(pool.run(wrong_recipes.run, name)[0], one_process(cell))
        for name, (_, cell) in wrong_recipes.RECIPES.items()
    }


def main() -> int:
    """Print both tables for 2 and 4 ranks."""
    warnings.simplefilter("ignore")
    bad = 0
    for world in (2, 4):
        pool = Pool(world)
        for (trainer, dtype), (count, off) in worst(pool).items():
            bad += off > (1e-14 if dtype == torch.float64 else 1e-6)
            print(f"{world} ranks  {trainer:22} {str(dtype)[6:]:8} {count:4} cells  worst {off:.1e}")
        for name, off in wrong(pool).items():
            bad += off < 1e-2
            print(f"{world} ranks  wrong: {name:30} {off:.1e}")
        pool.close()
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
