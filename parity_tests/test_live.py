"""Beside the recordings: generated cases, asked of the Kerases that are installed here, in this process; and that they can fail.

2,000 cells, or as many as TORCHWEIGHTS_LIVE_CASES says, from the seed TORCHWEIGHTS_LIVE_SEED; what was asked and found
stands in the summary at the end. ``python -m parity_tests.live`` runs as long as it is told to.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from parity_tests import live, live_engines
from torchweights.parity import cases, comparison, inputs, recordings

pytest.importorskip("tensorflow", reason='the live tests need TensorFlow: pip install -e ".[test]"')

ROWS = tuple(live_engines.ROWS)


@pytest.fixture(scope="module")
def engines() -> Sequence[live_engines.Engine]:
    here = live_engines.engines()
    if not here:
        pytest.skip(f"none of {', '.join(ROWS)} is installed")
    return here


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> live_engines.Engine:
    try:
        return live_engines.engine(request.param)
    except live_engines.NotHere as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("engine", ROWS, indirect=True)
def test_each_keras_has_a_backend_of_its_own(engine: live_engines.Engine) -> None:
    backend = live_engines.ROWS[engine.row][2]
    assert engine.keras.backend.backend() == backend
    with engine.in_place():
        value = engine.keras.losses.MeanSquaredError()(np.zeros((2, 1)), np.ones((2, 1)))
    assert type(value).__module__.startswith(backend)


@pytest.mark.parametrize("loss", inputs.LOSSES)
def test_generated_cases_agree_with_the_kerases_that_are_here(
    loss: str, engines: Sequence[live_engines.Engine]
) -> None:
    tally, before = live.TALLY, live.TALLY.asked
    live.run(engines, live.CASES // len(inputs.LOSSES), live.SEED, tally, losses=[loss])
    programs = [program for program in tally.programs if f" {loss}: " in program]
    assert not any(loss == name for name, _, _ in tally.unexplained), "\n".join([f"seed {live.SEED}:", *programs])
    assert tally.agreed[loss] > (tally.asked - before) / 5


# ------------------------------------------------------------------------------------------------ these tests can fail


class Spoiled(live_engines.Engine):
    """A Keras that answers wrongly wherever huber is weighed."""

    part = "value"

    def cell(self, item: dict[str, Any], dtype: str) -> recordings.Cell | None:
        cell = super().cell(item, dtype)
        if cell is None or item["loss"] != "huber" or item["sample_weight"] is None:
            return cell
        if self.part == "refusal":
            return recordings.Cell(np.zeros(()), np.zeros_like(item["y_pred"]), None)
        return cell if cell.refusal else _off(cell, self.part, dtype)


def _off(cell: recordings.Cell, part: str, dtype: str) -> recordings.Cell:
    array = np.array(getattr(cell, part))
    array.reshape(-1)[-1] += 100 * comparison.TOLERANCES["float32"] * max(1.0, np.abs(array).max())
    return dataclasses.replace(cell, **{part: array})


@pytest.mark.parametrize("part", ["value", "gradient", "refusal"])
@pytest.mark.parametrize("engine", ROWS, indirect=True)
def test_a_wrong_answer_is_found_and_shrunk(engine: live_engines.Engine, part: str) -> None:
    spoiled, tally = Spoiled(**vars(engine)), live.Tally()
    spoiled.part = part
    live.run([spoiled], 200, live.SEED, tally, losses=["huber"])
    assert tally.unexplained
    assert any(re.search(r"y_pred = np.array\(\[+[^,\]]+\]+, 'float", program) for program in tally.programs)


@pytest.mark.parametrize("engine", ["keras3.15-torch"], indirect=True)
def test_what_is_known_of_some_elements_hides_no_other(
    engine: live_engines.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    y_true, y_pred = np.ones((2, 2)), np.asarray([[1.0, 0.5], [0.25, -1.0]])
    item = cases.case("rank=2", "loss", "hinge", y_true, y_pred, dtypes=("float32",))  # type: ignore[no-untyped-call]
    found = live.hold(engine, item)
    assert found and found.result.wrong == ("gradient",) and not found.left
    cell = engine.cell(item, "float32")
    assert cell is not None
    monkeypatch.setattr(engine, "cell", lambda *_: _off(cell, "gradient", "float32"))
    found = live.hold(engine, item)
    assert found and found.left == ("gradient",)


def test_the_table_names_the_emptiest_cells() -> None:
    tally = live.Tally()
    for kind in inputs.WEIGHTS:
        tally.cells["huber", "keras3.15", kind] = 7
    tally.cells["huber", "keras3.15", "(B,T)"] = 3
    lines = list(live.table(tally, ["keras3.15"]))
    assert lines[-1].startswith("emptiest: huber keras3.15 ")
    assert "(B,T): 3" in lines[-1]
