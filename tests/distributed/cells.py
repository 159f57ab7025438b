"""The distributed matrix: which criterion, cut over ranks and micro-batches how, trained by whom."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

import torchweights as tw
from tests.samples import ROWS

STEPS, FEATURES, CLASSES = 3, 5, 4
CLASS_WEIGHT = {0: 0.5, 1: 2.0, 2: 1.25, 3: 1.0}
REDUCTIONS = ("sum_over_batch_size", "mean_with_sample_weight", "sum")

#: ranks -> how many samples each has, by name; the number of samples is that of the whole batch
SPLITS = {
    1: {"one rank": (12,)},
    2: {"even": (6, 6), "uneven": (9, 3), "one empty": (12, 0)},
    4: {"even": (3, 3, 3, 3), "uneven": (7, 1, 3, 1), "one empty": (6, 0, 5, 1)},
}
SAMPLES = 12

#: loss -> a criterion of a reduction and a row, and what its predictions are compared with
CRITERIA: dict[str, Any] = {
    "sparse crossentropy": lambda **more: tw.SparseCategoricalCrossentropy(
        from_logits=True, axis=-1, class_weight=CLASS_WEIGHT, **more
    ),
    "binary crossentropy": lambda **more: tw.BinaryCrossentropy(from_logits=True, axis=-1, **more),
    "squared error": lambda **more: tw.MeanSquaredError(**more),
    "class dice over the batch": lambda **more: tw.ClassDice(
        activation="softmax", over="batch", axis=-1, class_weight=CLASS_WEIGHT, **more
    ),
    "hinge of 0 and 1": lambda **more: tw.Hinge(**more),
}
LABELS = ("sparse crossentropy", "class dice over the batch")
TOTAL = "two outputs and penalties"


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix."""

    loss: str
    reduction: str
    row: str
    weighed: bool
    masked: bool
    split: str
    micro_batches: int
    trainer: str
    dtype: torch.dtype

    def __str__(self) -> str:
        beside = "+".join([name for name, on in (("weights", self.weighed), ("mask", self.masked)) if on]) or "bare"
        return f"{self.loss}, {self.reduction}, {self.row}, {beside}, {self.split}, K={self.micro_batches}, {self.trainer}, {self.dtype}"

    def criterion(self) -> Any:
        """The criterion; of two outputs, where the loss is a total."""
        options = {"reduction": self.reduction, "semantics": self.row}
        if self.loss == TOTAL:
            return lambda model: tw.CompiledLoss(
                {"a": CRITERIA["sparse crossentropy"](**options), "b": CRITERIA["squared error"](**options)},
                loss_weights={"a": 1.0, "b": 0.25},
                penalties=[tw.l2(model.parameters(), 0.1), tw.activity_l2(model[0], 0.05)],
                semantics=self.row,
            )
        return lambda model: CRITERIA[self.loss](**options)


def model_of(dtype: torch.dtype) -> nn.Sequential:
    """The same model on every rank."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(FEATURES, 8), nn.Tanh(), nn.Linear(8, CLASSES)).to(dtype)


Batch = dict[str, Any]


def whole_batch(cell: Cell) -> Batch:
    """The batch of one process: inputs, and what the criterion is called with."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(SAMPLES, STEPS, FEATURES, generator=generator, dtype=torch.float64)
    labels = torch.randint(CLASSES, (SAMPLES, STEPS), generator=generator)
    bits = torch.randint(2, (SAMPLES, STEPS, CLASSES), generator=generator).to(cell.dtype)
    weight = torch.rand(SAMPLES, generator=generator, dtype=torch.float64) * 2
    weight[4] = 0.0
    mask = torch.rand(SAMPLES, STEPS, generator=generator) > 0.3
    y_true: Any = labels if cell.loss in LABELS else bits
    if cell.loss == TOTAL:
        y_true = {"a": labels, "b": bits}
    batch: Batch = {"x": x.to(cell.dtype), "y_true": y_true}
    if cell.weighed:
        given = weight.to(cell.dtype)
        batch["sample_weight"] = {"a": given, "b": given} if cell.loss == TOTAL else given
    if cell.masked:
        batch["mask"] = {"a": mask, "b": mask} if cell.loss == TOTAL else mask
    return batch


def part_of(batch: Batch, start: int, stop: int) -> Batch:
    """Samples from ``start`` to ``stop``."""

    def cut(given: Any) -> Any:
        return {name: cut(one) for name, one in given.items()} if isinstance(given, dict) else given[start:stop]

    return {name: cut(given) for name, given in batch.items()}


def micro_batches_of(cell: Cell, sizes: tuple[int, ...], rank: int) -> list[Batch]:
    """What a rank has, in K pieces as unequal as they get; some may be empty."""
    start, size = sum(sizes[:rank]), sizes[rank]
    cuts = [0, *(min(size, 1 + 3 * place) for place in range(cell.micro_batches - 1)), size]
    whole = whole_batch(cell)
    return [part_of(whole, start + a, start + b) for a, b in itertools.pairwise(cuts)]


def predicted(cell: Cell, y: Tensor) -> Any:
    """Outputs of the model as the criterion wants them."""
    return {"a": y, "b": y} if cell.loss == TOTAL else y


def one_process(cell: Cell) -> list[Tensor]:
    """The gradient of the whole batch."""
    model = model_of(cell.dtype)
    batch = whole_batch(cell)
    x = batch.pop("x")
    cell.criterion()(model)(predicted(cell, model(x)), **batch).backward()
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


def cells(world: int, trainers: list[str]) -> Iterator[Cell]:
    """Every cell for so many ranks: losses x reductions x weights x masks x splits x K x trainers x types, then every row."""
    types = (torch.float64, torch.float32)
    for trainer, split, k in itertools.product(trainers, SPLITS[world], (1, 3)):
        for dtype in types:
            for loss in [*CRITERIA, TOTAL]:
                for weighed, masked in [(True, True)] if loss in LABELS[1:] else [(False, False), (True, True)]:
                    weighed = weighed and loss != "class dice over the batch"
                    yield Cell(loss, REDUCTIONS[0], "torchweights", weighed, masked, split, k, trainer, dtype)
            for reduction, weighed, masked in itertools.product(REDUCTIONS, (False, True), (False, True)):
                yield Cell("sparse crossentropy", reduction, "torchweights", weighed, masked, split, k, trainer, dtype)
    for row, reduction in itertools.product(ROWS, REDUCTIONS[:2]):
        for loss in ("squared error", "hinge of 0 and 1"):
            yield Cell(loss, reduction, row, True, False, "uneven", 3, trainers[0], torch.float64)
            yield Cell(loss, reduction, row, False, True, "uneven", 3, trainers[0], torch.float64)
        yield Cell(TOTAL, reduction, row, False, False, "uneven", 3, trainers[0], torch.float64)
