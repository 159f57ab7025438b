"""The recorder's own parts, as far as they need no old release."""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from parity_tests import compare, environments, oracle_run, record
from parity_tests.engines import ENGINES
from parity_tests.parity_files import cases, recordings

Cell = recordings.Cell
A, B = ("a", "float64"), ("b", "float64")
EPS = 2.0**-52


@pytest.fixture(scope="module")
def oracle() -> ModuleType:
    """``_run.py``, which every oracle shares; it needs numpy alone."""
    spec = importlib.util.spec_from_file_location("_run", oracle_run.ORACLES / "_run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ------------------------------------------------------------------------------------------------ engines and their pins


def test_the_table_names_every_engine() -> None:
    assert list(ENGINES) == list(cases.ENGINES)
    for name, engine in ENGINES.items():
        assert engine.name == name
        assert (oracle_run.ORACLES / f"{engine.oracle}.py").is_file()


@pytest.mark.parametrize("name", sorted({engine.environment for engine in ENGINES.values()}))
def test_every_environment_is_pinned(name: str) -> None:
    pins = environments.read_pins(name)
    assert pins.python in ("3.6", "3.7", "3.8", "3.11")
    assert any(line.startswith("numpy==") for line in pins.requirements)


@pytest.mark.parametrize("path", sorted(oracle_run.ORACLES.glob("*.py")), ids=lambda path: path.stem)
def test_oracles_parse_in_the_python_of_their_release(path: Path) -> None:
    new = {"keras3", "keras3_15", "keras3_15_torch", "tf_keras2_21", "torch_nn"}
    ast.parse(path.read_text(), feature_version=(3, 11) if path.stem in new else (3, 6))


def test_a_loose_pin_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environments, "PINS", tmp_path)
    (tmp_path / "loose.txt").write_text("# python 3.6\nnumpy>=1.16\n")
    with pytest.raises(environments.EnvironmentProblem, match=r"pinned as package==version, 'numpy>=1\.16' is not"):
        environments.read_pins("loose")
    (tmp_path / "loose.txt").write_text("numpy==1.16.6\n")
    with pytest.raises(environments.EnvironmentProblem, match="line 1 must read"):
        environments.read_pins("loose")


def test_a_missing_python_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(environments.EnvironmentProblem, match=r"keras2\.2\.4 needs Python 3\.5.*pyenv install 3\.5"):
        environments.find_python("3.5", "keras2.2.4")


# ------------------------------------------------------------------------------------------------ comparing


def _cell(value: Any, gradient: Any = None) -> Any:
    return Cell(np.asarray(value, "float64"), None if gradient is None else np.asarray(gradient, "float64"), None)


REFUSAL = Cell(None, None, ("ValueError", "no"))


def test_new_and_gone_cells_are_named() -> None:
    found = compare.changes({A: _cell(1.0)}, {B: _cell(1.0)}, 4.0)
    assert [(change.kind, change.key) for change in found] == [("new", B), ("gone", A)]


@pytest.mark.parametrize(
    ("before", "after", "exact", "tolerant"),
    [
        (_cell(1.0, [2.0]), _cell(1.0, [2.0]), False, False),
        (_cell(np.nan), _cell(-np.nan), False, False),
        (_cell(0.0), _cell(-0.0), True, False),
        (_cell(1.0), _cell(1.0 + 2 * EPS), True, False),
        (_cell(1.0), _cell(1.0 + 8 * EPS), True, True),
        (_cell([8.0, 1e-3]), _cell([8.0, 1e-3 + 8 * EPS]), True, False),  # small beside the cell's scale
        (_cell(0.0), _cell(1e-300), True, True),  # nothing beside it: no scale to hide behind
        (_cell([1.0, np.nan]), _cell([1.0, 1.0]), True, True),
        (_cell(np.inf), _cell(-np.inf), True, True),
        (_cell([1.0]), _cell(1.0), True, True),
        (_cell(1.0, [1.0]), _cell(1.0), True, True),
        (_cell(1.0), REFUSAL, True, True),
        (REFUSAL, Cell(None, None, ("ValueError", "never")), True, True),
        (REFUSAL, REFUSAL, False, False),
    ],
)
def test_changed_cells_are_found(before: Any, after: Any, exact: bool, tolerant: bool) -> None:
    assert bool(compare.changes({A: before}, {A: after}, None)) is exact
    assert bool(compare.changes({A: before}, {A: after}, 4.0)) is tolerant


def test_a_change_says_what_and_how_much() -> None:
    (change,) = compare.changes({A: _cell(2.0, [4.0])}, {A: _cell(2.0, [4.0 + 4096 * EPS])}, 4.0)
    assert change.eps == 1024
    assert str(change) == "changed a [float64] gradient by 2.3e-13 of its scale"
    (change,) = compare.changes({A: _cell(2.0)}, {A: REFUSAL}, 4.0)
    assert str(change) == "changed a [float64] was a value, is ValueError ('no')"


# ------------------------------------------------------------------------------------------------ stopping and going on


def test_a_stopped_run_goes_on_where_it_was(oracle: ModuleType, tmp_path: Path) -> None:
    path, header = tmp_path / "toy.jsonl", {"engine": "toy"}
    assert oracle.answers_in(str(path), header) is None
    whole = json.dumps({"header": header}) + "\n" + json.dumps({"id": "a", "dtype": "float64"}) + "\n"
    path.write_text(whole + '{"id": "b", "dt')
    assert oracle.answers_in(str(path), header) == {A}
    assert path.read_text() == whole  # the half line is gone, so that the next one starts a line
    assert oracle.answers_in(str(path), {"engine": "other"}) is None


def test_two_runs_do_not_write_into_one_file(tmp_path: Path) -> None:
    with open(tmp_path / "one.log", "a") as one, open(tmp_path / "one.log", "a") as two:
        oracle_run._alone(one, ENGINES["torch"])
        with pytest.raises(oracle_run.OracleFailed, match="another run is asking this engine"):
            oracle_run._alone(two, ENGINES["torch"])


def test_answers_are_read_as_they_were_given(oracle: ModuleType, tmp_path: Path) -> None:
    def ask(item: dict[str, Any], dtype: str) -> tuple[Any, Any]:
        if item["id"] == "b":
            raise ValueError("\n  wrong\nand more")
        return np.asarray([0.1, -0.0, np.inf], dtype), None

    lines = [json.dumps({"header": {"engine": "toy"}})]
    for name in ("a", "b"):
        lines.append(json.dumps({**oracle.answer(ask, {"id": name}, "float64"), "id": name, "dtype": "float64"}))
    (tmp_path / "toy.jsonl").write_text("\n".join(lines))
    header, cells = oracle_run.read_answers(tmp_path / "toy.jsonl")
    assert header == {"engine": "toy"}
    assert cells[A].value.tobytes() == np.asarray([0.1, -0.0, np.inf]).tobytes()
    assert cells[B].refusal == ("ValueError", "wrong")


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("shapes differ\n more", "shapes differ"),
        (
            "in user code:\n\n    File x\n\n    ValueError: shapes differ for '{{node Mul_3}} = Mul' with",
            "shapes differ for an op with",
        ),
        ("Graph execution error:\n\nDetected at node G\n\nindex 2\n\t [[{{node G}}]]\n\t [[It]] [Op:x]", "index 2"),
        ("{{function_node __wrapped__Mul}} shapes differ [Op:Mul] name: ", "shapes differ"),
        ("Error in MapDataset:608 transformation: index 2", "Error in MapDataset transformation: index 2"),
    ],
)
def test_the_line_that_says_what_is_wrong(oracle: ModuleType, message: str, line: str) -> None:
    assert oracle.first_line(ValueError(message)) == line


def test_an_unanswered_cell_is_a_failure() -> None:
    with pytest.raises(oracle_run.OracleFailed, match="cells were not answered"):
        record._in_order("torch", {}, None)


# ------------------------------------------------------------------------------------------------ the program


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[Any, Any]:
    """An engine ``torch`` whose oracle answers what the returned dict holds."""
    digest = cases.digest(cases.cases_for("torch"))
    answers = {(item["id"], dtype): _cell(1.0) for dtype in ("float64", "float32")
               for item in cases.cases_for("torch") if dtype in item["dtypes"]}  # fmt: skip
    answers = {key: Cell(cell.value.astype(key[1]), None, None) for key, cell in answers.items()}
    monkeypatch.setattr(recordings, "FOLDER", tmp_path / "recordings")

    def ask(engine: Any, root: Path, path: Path, only: str | None, progress: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    monkeypatch.setattr(oracle_run, "ask", ask)
    monkeypatch.setattr(
        oracle_run, "read_answers", lambda path: ({"engine": "torch", "digest": digest, "oracle": "x"}, dict(answers))
    )
    return answers


def test_recording_then_checking(toy: dict[Any, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--environments", str(tmp_path)]
    assert record.main(["torch", "--check", *place]) == 2
    assert "python -m parity_tests.record torch" in capsys.readouterr().err
    assert record.main(["torch", *place]) == 0
    path = recordings.path_of("torch")
    written = path.read_bytes()
    assert record.main(["torch", "--check", *place]) == 0
    key = next(iter(toy))
    toy[key] = Cell(toy[key].value + 1, None, None)
    capsys.readouterr()
    assert record.main(["torch", "--check", *place]) == 1
    assert f"changed {key[0]}" in capsys.readouterr().out
    assert path.read_bytes() == written
    assert record.main(["torch", *place]) == 0
    assert path.read_bytes() != written


def test_recording_the_same_again_touches_nothing(toy: dict[Any, Any], tmp_path: Path) -> None:
    place = ["--environments", str(tmp_path)]
    assert record.main(["torch", *place]) == 0
    before = recordings.path_of("torch").stat().st_mtime_ns
    assert record.main(["torch", *place]) == 0
    assert recordings.path_of("torch").stat().st_mtime_ns == before
    assert not (tmp_path / "answers" / "torch.jsonl").exists()


def test_a_part_is_renewed_and_the_rest_stays(toy: dict[Any, Any], tmp_path: Path) -> None:
    place = ["--environments", str(tmp_path)]
    assert record.main(["torch", "--only", "edges", *place]) == 2
    assert record.main(["torch", *place]) == 0
    for key in toy:
        toy[key] = Cell(toy[key].value * 2, None, None)
    assert record.main(["torch", "--only", "edges", *place]) == 0
    cells = recordings.read_file(recordings.path_of("torch")).cells
    assert list(cells) == list(toy)
    assert {bool("edges" in key[0]) for key, cell in cells.items() if cell.value == 2} == {True}


def test_an_unknown_engine_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert record.main(["keras9"]) == 2
    assert "No such engine: keras9. There are keras2.2.4, tf1.12" in capsys.readouterr().err


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert record.main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(ENGINES)
    assert isinstance(record._parser(), argparse.ArgumentParser)
