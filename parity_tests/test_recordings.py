"""Every recorded cell of every engine, on every device there is, value and gradient; and that these tests can fail."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

import torchweights as tw
from parity_tests import engines, ledger, rows
from tests.devices import DEVICES
from torchweights.parity import cases, comparison, recordings

pytestmark = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")

ENGINES = recordings.available()
#: Kinds whose lines must cover no cell that agrees; the others name what is wrong so narrowly that a glob may be wide.
STRICT = ("value", "gradient", "we refuse", "we accept")
_ASKED = [*(item for item in cases.all_cases() if not cases.is_probe(item)), *cases.cases_for("tf.losses")]
GROUPS = sorted({(item["door"], item["loss"]) for item in _ASKED})


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("door", "loss"), GROUPS)
def test_every_recorded_cell(engine: str, door: str, loss: str, device: str) -> None:
    wrong = []
    for result in ledger.compared(engine, f"{door}/{loss}/*", device):
        left = ledger.unexplained(result, device)
        if left:
            wrong.append(f"{result.cell} [{result.dtype}] {', '.join(left)}: {result.detail}")
    assert not wrong, (
        f"{len(wrong)} cells of {engine} differ and are in no line of {comparison.DIVERGENCES.name}:\n"
        + "\n".join(wrong[:20])
    )


def test_every_row_is_recorded() -> None:
    rows_of_releases = {name for name in tw.SEMANTICS if ":" not in name and name != "torchweights"}
    assert rows_of_releases <= set(ENGINES) == set(engines.ENGINES)


def test_every_recorded_release_has_a_row() -> None:
    listed = [release for name, row in tw.SEMANTICS.items() if ":" not in name for release in row.releases]
    assert sorted(listed) == [engine for engine in ENGINES if not engine.startswith("tf.losses")]


def test_every_divergence_is_needed() -> None:
    """A line that covers nothing has been mended: take it out (that is what strict means here)."""
    if {engine for engine, _ in ledger.reports()} != set(ENGINES):
        pytest.skip("needs the whole of test_every_recorded_cell in the same run")
    idle = [line for line in ledger.divergences() if line not in ledger.used]
    assert not idle, f"no cell differs as these lines say: {idle}"


def test_no_divergence_covers_a_cell_that_agrees() -> None:
    too_wide = []
    for engine in ENGINES:
        lines = [
            line
            for line in ledger.divergences()
            if line.wrong in STRICT and comparison.fnmatch.fnmatchcase(engine, line.engine)
        ]
        if lines:
            for result in ledger.compared(engine):
                too_wide += [f"{line} covers {result.cell} [{result.dtype}]" for line in lines
                             if line.wrong not in result.wrong and line.covers(result, line.wrong)]  # fmt: skip
    assert not too_wide, "\n".join(too_wide[:10])


# ------------------------------------------------------------------------------------------------ these tests can fail


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("part", ["value", "gradient", "refusal"])
def test_a_spoiled_recording_fails(engine: str, part: str) -> None:
    recording = comparison.recording_of(engine)
    agreeing = (
        (key, cell)
        for key, cell in recording.cells.items()
        if getattr(cell, part) is not None and (part == "refusal" or np.isfinite(getattr(cell, part)).all())
        if part == "refusal" or getattr(cell, part).size
    )
    checked = 0
    for (name, dtype), cell in itertools.islice(agreeing, 0, None, 37):
        item = comparison.items_of(engine).get(name)
        if item is None:
            continue  # a probe for the atlas
        precision = comparison.precision_of(recording.header, item, dtype)
        if comparison.compare_cell(item, cell, engine, dtype, precision).wrong:
            continue  # a divergence: spoiled already
        result = comparison.compare_cell(
            item,
            spoiled(cell, part, precision, float(np.abs(item["y_pred"]).max(initial=1.0))),
            engine,
            dtype,
            precision,
        )
        assert result.wrong, f"{name} [{dtype}]: a spoiled {part} went unnoticed"
        checked += 1
    assert checked or part == "refusal"


def spoiled(cell: recordings.Cell, part: str, precision: str, scale: float) -> recordings.Cell:
    """The cell with one number off by a thousand tolerances, or with a refusal where there was none or none where it was."""
    if part == "refusal":
        return recordings.Cell(np.zeros(()), None, None)
    array = np.array(getattr(cell, part))
    place = np.unravel_index(np.abs(array).argmax(), array.shape)
    array[place] += max(scale, abs(array[place])) * 1000 * comparison.TOLERANCES[precision] * 16
    return dataclasses.replace(cell, **{part: array})


@pytest.mark.parametrize(("one", "other"), list(rows.pairs()), ids="-".join)
def test_every_two_rows_are_told_apart(one: str, other: str) -> None:
    """By a recorded cell that one of them answers otherwise; `python -m parity_tests.rows` says by which."""
    assert rows.telling_cell(one, other), f"no recorded cell tells {one} and {other} apart"
