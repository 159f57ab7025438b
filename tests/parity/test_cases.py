"""The cases: named once, frozen by the recordings, and readable where there is neither torch nor a new Python."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from torchweights.parity import cases, recordings


@pytest.mark.parametrize("engine", recordings.available())
def test_every_id_is_used_once(engine: str) -> None:
    ids = [item["id"] for item in cases.cases_for(engine)]
    assert len(ids) == len(set(ids)) > 0


@pytest.mark.parametrize("engine", recordings.available())
def test_the_recording_answers_exactly_the_cases(engine: str) -> None:
    """Frozen: whoever changes a case changes the digest, and must record anew."""
    items = cases.cases_for(engine)
    recording = recordings.read(engine)
    assert recording.header["digest"] == cases.digest(items), f"record anew: {recordings.command(engine)}"
    asked = {(item["id"], dtype) for item in items for dtype in item["dtypes"]}
    assert set(recording.cells) <= asked
    assert len(asked) - len(recording.cells) == sum(recording.header.get("absent", {}).values())


def test_both_float_types_hold_the_same_numbers() -> None:
    for item in cases.all_cases():
        if "formula" not in item["id"] and not item["id"].endswith("/edges"):
            for name in ("y_true", "y_pred", "sample_weight"):
                array = item[name]
                assert array is None or np.array_equal(array, np.asarray(array, "float32")), (item["id"], name)


def test_the_digest_notices_everything() -> None:
    items = cases.cases_for("keras")[:3]
    before = cases.digest(items)
    for name, changed in (("reduction", "sum"), ("options", {"axis": 1}), ("y_pred", items[0]["y_pred"] + 1)):
        assert cases.digest([{**items[0], name: changed}, *items[1:]]) != before


def test_cases_and_recordings_need_no_torch() -> None:
    folder = str(Path(cases.__file__).parent.parent)
    code = "import sys; sys.modules['torch'] = None; sys.path.insert(0, sys.argv[1]); import cases, recordings"
    subprocess.run([sys.executable, "-c", code, folder], check=True)


def test_cases_parse_in_python_3_6() -> None:
    for path in Path(cases.__file__).parent.glob("*.py"):
        ast.parse(path.read_text(), feature_version=(3, 6))
