"""One recorded release for each way to weigh against the library, in small parts: what the mutants of weighing must face.

parity_tests/test_recordings.py compares every cell of every release; this is the part of it that weights, masks and class
weights decide, cut small, so that a mutant meets a cell that notices it soon.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from functools import cache
from typing import Any

import pytest

from torchweights.parity import comparison, recordings
from torchweights.semantics import SEMANTICS

pytestmark = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")

#: how a row weighs -> the newest recorded release of a row that does: formulas are not what these cases are about
RELEASES = {
    (row.weighing, row.class_weights): row.releases[-1]
    for name, row in SEMANTICS.items()
    if row.releases and ":" not in name
}
#: the losses whose cases go through every kind of weight, mask and class weight
LOSSES = (
    "mean_squared_error", "mean_absolute_error", "scalar_squared_error", "hinge", "binary_crossentropy",
    "categorical_crossentropy", "sparse_categorical_crossentropy",
)  # fmt: skip
#: of the cells of a loss called by hand, which are many and much alike, one of so many is asked
SAMPLED = 4
Asked = tuple[dict[str, Any], str, recordings.Cell, str]


def part_of(name: str) -> str:
    """Door, loss and shape of a case: ``loss/mean_squared_error/r2``."""
    return name.split(" ")[0]


def left_out(item: dict[str, Any]) -> bool:
    """Whether a case is not of the sample, which is the same each time."""
    many = item["door"] == "loss" and item["loss"] == "mean_squared_error"
    return many and zlib.crc32(item["id"].encode()) % SAMPLED > 0


@cache
def parts(release: str) -> dict[str, list[Asked]]:
    """part -> the recorded cells in float64, with what they are compared in."""
    found: dict[str, list[Asked]] = defaultdict(list)
    items, recording = comparison.items_of(release), comparison.recording_of(release)
    for (name, dtype), cell in recording.cells.items():
        if name in items and dtype == "float64" and items[name]["loss"] in LOSSES and not left_out(items[name]):
            precision = comparison.precision_of(recording.header, items[name], dtype)
            found[part_of(name)].append((items[name], dtype, cell, precision))
    return found


@cache
def divergences() -> list[comparison.Divergence]:
    return comparison.read_divergences(comparison.DIVERGENCES)


def differs(release: str, item: dict[str, Any], dtype: str, cell: recordings.Cell, precision: str) -> str:
    """What is wrong with a cell and in no line of the divergences; empty if nothing is."""
    result = comparison.compare_cell(item, cell, release, dtype, precision)
    left = comparison.explain(result, divergences())[1]
    return f"{result.cell}: {', '.join(left)}: {result.detail}" if left else ""


@pytest.mark.parametrize(
    ("release", "part"), [(release, part) for release in RELEASES.values() for part in parts(release)]
)
def test_the_row_answers_as_its_release(release: str, part: str) -> None:
    for asked in parts(release)[part]:
        wrong = differs(release, *asked)
        assert not wrong, wrong
