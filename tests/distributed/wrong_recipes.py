"""Five recipes that everybody writes, and how far each is from the gradient of the whole batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

import torchweights as tw
from tests.distributed.cells import CLASSES, SPLITS, Batch, Cell, micro_batches_of, model_of
from tests.distributed.trainers import losses_of_step

SPLIT = "uneven"


def cell_of(loss: str = "sparse crossentropy", micro_batches: int = 1) -> Cell:
    return Cell(loss, "mean_with_sample_weight", "torchweights", loss != "class dice over the batch", True, SPLIT, micro_batches, "", torch.float64)  # fmt: skip


def _parts(cell: Cell) -> tuple[nn.Module, DistributedDataParallel, list[Batch]]:
    plain = model_of(cell.dtype)
    sizes = SPLITS[dist.get_world_size()][cell.split]
    return plain, DistributedDataParallel(plain), micro_batches_of(cell, sizes, dist.get_rank())


def _gradient(plain: nn.Module) -> list[Tensor]:
    return [parameter.grad.clone() for parameter in plain.parameters() if parameter.grad is not None]


def _beside(batch: Batch) -> Batch:
    return {name: one for name, one in batch.items() if name != "x"}


def mean_of_means() -> list[Tensor]:
    """Every rank its own mean, which DDP averages."""
    cell = cell_of()
    plain, model, (batch,) = _parts(cell)
    cell.criterion()(plain)(model(batch["x"]), **_beside(batch)).backward()
    return _gradient(plain)


def accumulated_means() -> list[Tensor]:
    """mean / K over micro-batches of different sizes."""
    cell = cell_of(micro_batches=3)
    plain, model, batches = _parts(cell)
    for batch in batches:
        (cell.criterion()(plain)(model(batch["x"]), **_beside(batch)) / 3).backward()
    return _gradient(plain)


def counted_on_one_rank() -> list[Tensor]:
    """Counted over the micro-batches of this rank, and not over ranks."""
    cell = cell_of(micro_batches=3)
    plain, model, batches = _parts(cell)
    criterion = cell.criterion()(plain)
    shapes = [(*batch["x"].shape[:-1], CLASSES) for batch in batches]
    d = sum(criterion.denominator(**_beside(b), y_pred_shape=s) for b, s in zip(batches, shapes, strict=True))
    for batch in batches:
        criterion(model(batch["x"]), **_beside(batch), denominator=d).backward()
    return _gradient(plain)


def clamped_to_one() -> list[Tensor]:
    """mmdet's reduce_mean(D).clamp(1), with weights that add up to less than 1 for each rank."""
    cell = cell_of()
    plain, model, (batch,) = _parts(cell)
    beside = {**_beside(batch), "sample_weight": batch["sample_weight"] / 100}
    criterion = cell.criterion()(plain)
    shape = (*batch["x"].shape[:-1], CLASSES)
    d = tw.global_denominator([criterion.denominator(**beside, y_pred_shape=shape)]).value().clamp(min=1)
    criterion(model(batch["x"]), **beside, denominator=d).backward()
    return _gradient(plain)


def dice_of_each_rank() -> list[Tensor]:
    """The dice of the batch of each rank, averaged."""
    cell = cell_of("class dice over the batch")
    plain, model, (batch,) = _parts(cell)
    cell.criterion()(plain)(model(batch["x"]), **_beside(batch)).backward()
    return _gradient(plain)


#: what it is called -> the recipe, and the cell whose one-process gradient it should have
RECIPES: dict[str, tuple[Callable[[], list[Tensor]], Cell]] = {
    "mean of means": (mean_of_means, cell_of()),
    "mean / K": (accumulated_means, cell_of(micro_batches=3)),
    "counted on one rank only": (counted_on_one_rank, cell_of(micro_batches=3)),
    "denominator clamped to 1": (clamped_to_one, cell_of()),
    "dice of each rank, averaged": (dice_of_each_rank, cell_of("class dice over the batch")),
}


def right(name: str) -> list[Tensor]:
    """The same cell by this library."""
    cell = RECIPES[name][1]
    plain, model, batches = _parts(cell)
    for loss in losses_of_step(cell, model, plain, batches, "ddp"):
        loss().backward()
    return _gradient(plain)


def run(name: str) -> list[Tensor]:
    """A recipe on this rank."""
    return RECIPES[name][0]()
