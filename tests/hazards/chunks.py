"""A batch cut into chunks of one process, as ranks or micro-batches have it; ``tests/distributed`` has the real ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tests.hazards.catalogue import INPUTS, N, built
from tests.samples import DIVIDING, split

WEIGHT, MASK = torch.tensor([0.5, 2.0, 0.25, 1.0]), torch.tensor([True, True, False, True])
#: how N samples are cut
SPLITS = {"uneven": [1, 3], "one empty": [1, 0, 3], "one each": [1] * N}
BESIDE: dict[str, dict[str, Tensor]] = {"bare": {}, "weights": {"sample_weight": WEIGHT}, "mask": {"mask": MASK}}

#: losses whose counts add up
COUNTED = [one for one in INPUTS if built(one).decomposable]
#: ... and under which reduction
COUNTED_BY = [(one, by) for one in COUNTED for by in DIVIDING if built(one, reduction=by).decomposable]
#: ... and how the batch is cut
CUT = [(one, by, sizes) for one, by in COUNTED_BY for sizes in SPLITS]
#: the others, but for one that compares all samples with each other: their sums add up
SUMMED = [one for one in INPUTS if one not in COUNTED and one.name != "circle"]

Chunk = dict[str, Any]


def chunks(y_pred: Tensor, y_true: Tensor, beside: dict[str, Tensor], sizes: Sequence[int]) -> list[Chunk]:
    """What each rank or micro-batch calls its criterion with."""
    given = {"y_pred": y_pred, "y_true": y_true, **beside}
    cut = [split(one, list(sizes)) for one in given.values()]
    return [dict(zip(given, parts, strict=True)) for parts in zip(*cut, strict=True)]


def counted(criterion: Any, chunk: Chunk) -> Any:
    """What this chunk adds to the denominator."""
    beside = {name: one for name, one in chunk.items() if name != "y_pred"}
    return criterion.denominator(**beside, y_pred_shape=chunk["y_pred"].shape)


def error(found: Tensor, expected: Tensor) -> float:
    """The largest difference of gradients, beside the largest gradient."""
    return float((found - expected).abs().max() / expected.abs().max())
