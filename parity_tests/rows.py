"""``python -m parity_tests.rows``: for every two rows, a recorded cell that tells them apart."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from functools import cache

from torchweights import SEMANTICS, KerasTrapWarning
from torchweights.parity import comparison, recordings, replay

#: How far apart two answers must be to count as different: far more than rounding.
APART = {"float64": 1e-11, "float32": 1e-5}


def pairs() -> Iterator[tuple[str, str]]:
    """Every two rows; the bare loss objects are told from their models by the door of their cells."""
    yield from itertools.combinations([name for name in SEMANTICS if ":" not in name], 2)


def telling_cell(one: str, other: str) -> str | None:
    """A cell recorded for one of the rows that the other answers otherwise, or refuses."""
    return _otherwise(one, other) or _otherwise(other, one)


def _otherwise(recorded: str, row: str) -> str | None:
    if recorded not in recordings.available():
        return None
    recording = comparison.recording_of(recorded)
    refused = None
    for name, item in comparison.items_of(recorded).items():
        cell = recording.cells.get((name, "float64"))
        if cell is None or cell.value is None:
            continue
        answer = _answer(name, recorded, row)
        if answer is None:
            refused = refused or f"{name} (refused)"
            continue
        precision = comparison.precision_of(recording.header, item, "float64")
        differs = comparison.scaled_error(answer.value, cell.value, answer.value_scale) > APART[precision]
        # A cell that its own row misses is a divergence, and tells nothing.
        if differs and not comparison.compare_cell(item, cell, recorded, "float64", precision).wrong:
            return f"{name}: {cell.value.reshape(-1)[0]:.10g} and {answer.value.reshape(-1)[0]:.10g}"
    return refused


@cache
def _answer(name: str, asked: str, row: str) -> replay.Answer | None:
    """What a row answers to a case; None if it refuses."""
    try:
        return replay.ask(comparison.items_of(asked)[name], row, "float64")
    except (ValueError, TypeError):
        return None


if __name__ == "__main__":
    warnings.simplefilter("ignore", KerasTrapWarning)
    for one, other in pairs():
        print(f"{one:<16} {other:<16} {telling_cell(one, other)}")
