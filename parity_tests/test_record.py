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
A, B, C = ("a", "float64"), ("b", "float64"), ("c", "float64")
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


def test_the_table_names_every_engine_after_its_base() -> None:
    seen: set[str | None] = {None}
    for name, engine in ENGINES.items():
        assert engine.name == name
        assert (oracle_run.ORACLES / f"{engine.oracle}.py").is_file()
        assert engine.base in seen
        seen.add(name)


def test_every_pin_file_and_oracle_is_used() -> None:
    files = {path.stem for path in environments.PINS.glob("*.txt")}
    assert files == {engine.environment for engine in ENGINES.values()}


@pytest.mark.parametrize("name", sorted({engine.environment for engine in ENGINES.values()}))
def test_every_environment_is_pinned(name: str) -> None:
    pins = environments.read_pins(name)
    assert pins.python in ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11")
    assert "numpy" in pins.versions
    assert len(pins.versions) == len(pins.requirements)


@pytest.mark.parametrize("path", sorted(oracle_run.ORACLES.glob("*.py")), ids=lambda path: path.stem)
def test_oracles_parse_in_the_python_of_their_release(path: Path) -> None:
    new = {"keras3", "torch_mode", "torch_nn"}
    ast.parse(path.read_text(), feature_version=(3, 11) if path.stem in new else (3, 6))


def test_a_loose_pin_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environments, "PINS", tmp_path)
    (tmp_path / "loose.txt").write_text("# python 3.6\nnumpy>=1.16\n")
    with pytest.raises(environments.EnvironmentProblem, match=r"pinned as package==version, 'numpy>=1\.16' is not"):
        environments.read_pins("loose")
    (tmp_path / "loose.txt").write_text("numpy==1.16.6\n")
    with pytest.raises(environments.EnvironmentProblem, match="line 1 must read"):
        environments.read_pins("loose")


def test_pins_as_others_but(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environments, "PINS", tmp_path)
    (tmp_path / "old.txt").write_text("# python 3.6\nkeras==1\nabsl-py==2\n")
    (tmp_path / "new.txt").write_text("# python 3.6, as old but\nKeras==2\nwheel==1\n")
    assert environments.read_pins("new").requirements == ("absl-py==2", "Keras==2", "wheel==1")


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Two environments that differ in one package, and a pip that installs nothing: its calls, one a line."""
    calls: list[str] = []
    monkeypatch.setattr(environments, "PINS", tmp_path / "pins")
    (tmp_path / "pins").mkdir()
    (tmp_path / "pins" / "one.txt").write_text("# python 3.11\nkeras==3.0\nnumpy==1\ntensorflow==2\n")
    (tmp_path / "pins" / "two.txt").write_text("# python 3.11\nkeras==3.1\nnumpy==1\ntensorflow-cpu==2\n")
    (tmp_path / "pins" / "other.txt").write_text("# python 3.12\nkeras==3.1\n")

    def run(command: list[str], name: str) -> None:
        calls.append(f"{name}: " + " ".join(command[command.index("-m") + 1 :]))
        if "venv" in command:
            (Path(command[-1]) / "bin").mkdir(parents=True)
            (Path(command[-1]) / "bin" / "python").touch()
        elif "keras==broken" in command:
            raise environments.EnvironmentProblem("no such keras")

    monkeypatch.setattr(environments, "_run", run)
    monkeypatch.setattr(environments, "find_python", lambda version, needed_for: "python")
    return calls


QUIET = "--quiet --disable-pip-version-check"


def test_an_environment_is_made_over_from_the_last(pip: list[str], tmp_path: Path) -> None:
    environments.ensure_for_now("one", tmp_path, None)
    del pip[:]
    environments.ensure_for_now("two", tmp_path, "one")
    assert pip == [
        f"two: pip uninstall {QUIET} --yes keras tensorflow",
        f"two: pip install {QUIET} --no-deps keras==3.1 tensorflow-cpu==2",
    ]
    assert environments.is_made("two", tmp_path)
    assert not (tmp_path / "one").exists()
    environments.ensure_for_now("other", tmp_path, "two")  # of another Python: afresh
    assert pip[2].startswith("other: venv")
    assert not (tmp_path / "two").exists()
    environments.remove_for_now("other", tmp_path)
    assert not (tmp_path / "other").exists()


def test_an_environment_that_cannot_be_made_over_is_made_afresh(pip: list[str], tmp_path: Path) -> None:
    environments.ensure_for_now("one", tmp_path, None)
    path = tmp_path / "pins" / "two.txt"
    path.write_text(path.read_text().replace("keras==3.1", "keras==broken"))
    with pytest.raises(environments.EnvironmentProblem, match="no such keras"):
        environments.ensure_for_now("two", tmp_path, "one")
    assert [call.split()[1] for call in pip[-2:]] == ["venv", "pip"]
    assert not environments.is_made("two", tmp_path)


def test_an_environment_that_was_there_before_stays(pip: list[str], tmp_path: Path) -> None:
    environments.ensure("one", tmp_path)
    environments.ensure_for_now("two", tmp_path, "one")
    assert environments.is_made("one", tmp_path)
    environments.remove_for_now("one", tmp_path)
    assert environments.is_made("one", tmp_path)


def test_a_missing_python_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(environments.EnvironmentProblem, match=r"keras2\.2\.4 needs Python 3\.5.*pyenv install 3\.5"):
        environments.find_python("3.5", "keras2.2.4")


# ------------------------------------------------------------------------------------------------ comparing


def _cell(value: Any, gradient: Any = None) -> Any:
    return Cell(np.asarray(value, "float64"), None if gradient is None else np.asarray(gradient, "float64"), None)


REFUSAL = Cell(None, None, ("ValueError", "no"))
REWORDED = Cell(None, None, ("TypeError", "never"))


def test_new_and_gone_cells_are_named() -> None:
    found = compare.changes({A: _cell(1.0)}, {B: _cell(1.0)}, 4.0)
    assert [(change.kind, change.key) for change in found] == [("new", B), ("gone", A)]


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (_cell(1.0, [2.0]), _cell(1.0, [2.0]), False),
        (_cell(np.nan), _cell(-np.nan), False),
        (_cell(0.0), _cell(-0.0), False),
        (_cell(1.0), _cell(1.0 + 2 * EPS), False),
        (_cell(1.0), _cell(1.0 + 8 * EPS), True),
        (_cell([8.0, 1e-3]), _cell([8.0, 1e-3 + 8 * EPS]), False),  # small beside the cell's scale
        (_cell(0.0), _cell(1e-300), True),  # nothing beside it: no scale to hide behind
        (_cell([1.0, np.nan]), _cell([1.0, 1.0]), True),
        (_cell(np.inf), _cell(-np.inf), True),
        (_cell([1.0]), _cell(1.0), True),
        (_cell(1.0, [1.0]), _cell(1.0), True),
        (_cell(1.0), REFUSAL, True),
        (REFUSAL, REWORDED, True),
        (REFUSAL, REFUSAL, False),
    ],
)
def test_changed_cells_are_found(before: Any, after: Any, changed: bool) -> None:
    assert bool(compare.changes({A: before}, {A: after}, 4.0)) is changed


def test_one_refusal_may_be_as_good_as_another() -> None:
    assert not compare.changes({A: REFUSAL}, {A: REWORDED}, 4.0, any_refusal=True)
    assert compare.changes({A: REFUSAL}, {A: _cell(1.0)}, 4.0, any_refusal=True)


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
        if item["id"] == "c":
            raise oracle.NotOffered("no loss toy")
        return np.asarray([0.1, -0.0, np.inf], dtype), None

    lines = [json.dumps({"header": {"engine": "toy"}})]
    for name in ("a", "b", "c"):
        lines.append(json.dumps({**oracle.answer(ask, {"id": name}, "float64"), "id": name, "dtype": "float64"}))
    (tmp_path / "toy.jsonl").write_text("\n".join(lines))
    read = oracle_run.read_answers(tmp_path / "toy.jsonl")
    assert read.header == {"engine": "toy"}
    assert read.cells[A].value.tobytes() == np.asarray([0.1, -0.0, np.inf]).tobytes()
    assert read.cells[B].refusal == ("ValueError", "wrong")
    assert read.absent == {C: "no loss toy"}


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


def test_an_oracle_is_known_by_its_sources(oracle: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(oracle, "HERE", str(tmp_path))
    (tmp_path / "toy.py").write_text("import numpy\nif True:\n    import helper\n")
    (tmp_path / "helper.py").write_text("import toy\n")
    (tmp_path / "stranger.py").write_text("")
    before = oracle.sources(str(tmp_path / "toy.py"))
    (tmp_path / "stranger.py").write_text("x = 1\n")
    assert oracle.sources(str(tmp_path / "toy.py")) == before
    (tmp_path / "helper.py").write_text("import toy\nx = 1\n")
    assert oracle.sources(str(tmp_path / "toy.py")) != before


# ------------------------------------------------------------------------------------------------ the program


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[Any, Any]:
    """Engines whose oracle answers what the returned dict holds, and offers nothing else."""
    keys = [(item["id"], dtype) for dtype in ("float64", "float32")
            for item in cases.cases_for("torch") if dtype in item["dtypes"]]  # fmt: skip
    answers = {key: Cell(np.asarray(number, key[1]), None, None) for number, key in enumerate(keys)}
    monkeypatch.setattr(recordings, "FOLDER", tmp_path / "recordings")
    items = list(cases.torch_cases())
    monkeypatch.setattr(oracle_run, "_items", lambda engine: items)
    monkeypatch.setattr(oracle_run, "digest_of_cases", lambda engine: "toy")

    def ask(engine: Any, root: Path, path: Path, only: str | None, progress: Any) -> None:
        script = str(oracle_run.ORACLES / f"{engine.oracle}.py")
        header = {"engine": engine.name, "digest": "toy", "releases": {},
                  "oracle": oracle_run._shared.sources(script), "names": {"mse": "mean_squared_error"},
                  "pins": environments.read_pins(engine.environment).digest}  # fmt: skip
        lines = [json.dumps({"header": header})]
        for key in oracle_run.wanted(engine, only):
            cell = answers.get(key)
            if cell is None:
                answer: dict[str, Any] = {"absent": "no loss toy"}
            elif cell.refusal is not None:
                answer = {"refusal": cell.refusal}
            else:
                answer = {"value": oracle_run._shared.pack(cell.value), "gradient": None}
            lines.append(json.dumps({**answer, "id": key[0], "dtype": key[1]}))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines))

    monkeypatch.setattr(oracle_run, "ask", ask)
    return answers


def _record(tmp_path: Path, *arguments: str) -> int:
    return record.main([*arguments, "--environments", str(tmp_path)])


def test_recording_then_checking(toy: dict[Any, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _record(tmp_path, "torch", "--check") == 2
    assert "python -m parity_tests.record torch" in capsys.readouterr().err
    assert _record(tmp_path, "torch") == 0
    path = recordings.path_of("torch")
    written = path.read_bytes()
    assert _record(tmp_path, "torch", "--check") == 0
    key = next(iter(toy))
    toy[key] = Cell(toy[key].value + 1, None, None)
    capsys.readouterr()
    assert _record(tmp_path, "torch", "--check") == 1
    assert f"changed {key[0]}" in capsys.readouterr().out
    assert path.read_bytes() == written
    assert _record(tmp_path, "torch") == 0  # out of the cache
    assert path.read_bytes() == written
    assert _record(tmp_path, "torch", "--afresh") == 0
    assert path.read_bytes() != written


def test_recording_the_same_again_touches_nothing(toy: dict[Any, Any], tmp_path: Path) -> None:
    assert _record(tmp_path, "torch") == 0
    before = recordings.path_of("torch").stat().st_mtime_ns
    assert _record(tmp_path, "torch", "--afresh") == 0
    assert recordings.path_of("torch").stat().st_mtime_ns == before


def test_a_part_is_renewed_and_the_rest_stays(toy: dict[Any, Any], tmp_path: Path) -> None:
    assert _record(tmp_path, "torch", "--only", "edges") == 2
    assert _record(tmp_path, "torch") == 0
    before = dict(toy)
    for key in toy:
        toy[key] = Cell(toy[key].value + 0.5, None, None)
    assert _record(tmp_path, "torch", "--only", "edges") == 0
    cells = recordings.read_file(recordings.path_of("torch")).cells
    assert list(cells) == list(toy)
    assert {key for key, cell in cells.items() if cell.value != before[key].value} == {
        key for key in toy if "edges" in key[0]
    }


def test_what_is_not_offered_is_counted_and_left_out(toy: dict[Any, Any], tmp_path: Path) -> None:
    key = next(iter(toy))
    del toy[key]
    assert _record(tmp_path, "torch") == 0
    recording = recordings.read_file(recordings.path_of("torch"))
    assert recording.header["absent"] == {"no loss toy": 1}
    assert list(recording.cells) == list(toy)


def test_an_unanswered_cell_is_a_failure(toy: dict[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                         capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    whole = oracle_run.ask
    monkeypatch.setattr(oracle_run, "ask", lambda *given: whole(*given[:3], "edges", *given[4:]))
    assert _record(tmp_path, "torch") == 2
    assert "cells were not answered" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------ a release like another


def test_a_release_holds_what_differs_from_the_one_before(toy: dict[Any, Any], tmp_path: Path) -> None:
    keys = list(toy)
    toy[keys[3]] = REFUSAL
    assert _record(tmp_path, "keras3.0") == 0
    toy[keys[0]] = Cell(toy[keys[0]].value + 0.5, None, None)
    toy[keys[3]] = REWORDED
    toy[keys[4]] = Cell(toy[keys[4]].value * (1 + 2 * EPS), None, None)
    del toy[keys[5]]
    assert _record(tmp_path, "keras3.1") == 0
    old, new = (recordings.read_file(recordings.path_of(name)) for name in ("keras3.0", "keras3.1"))
    own = recordings.header_of(recordings.path_of("keras3.1"))
    assert own["like"] == new.header["like"] == "keras3.0"
    assert "names" not in own
    assert new.header["names"] == old.header["names"]
    assert new.header["engine"] == "keras3.1"
    assert {key for key in new.cells if new.cells[key] is not old.cells[key]} == {keys[0]}
    assert new.cells[keys[0]].value == toy[keys[0]].value
    assert set(old.cells) - set(new.cells) == {keys[5]}
    assert recordings.path_of("keras3.1").stat().st_size < 1500
    assert _record(tmp_path, "keras3.1", "--check") == 0
    toy[keys[3]] = _cell(1.0)
    assert _record(tmp_path, "keras3.1", "--check") == 1


def test_a_chain_of_releases_is_resolved(toy: dict[Any, Any], tmp_path: Path) -> None:
    for name in ("keras3.0", "keras3.1", "keras3.2"):
        assert _record(tmp_path, name) == 0
    first, last = (recordings.read_file(recordings.path_of(name)) for name in ("keras3.0", "keras3.2"))
    assert recordings.header_of(recordings.path_of("keras3.2"))["like"] == "keras3.1"
    assert all(last.cells[key] is cell for key, cell in first.cells.items())


def test_a_release_without_its_base_is_whole(toy: dict[Any, Any], tmp_path: Path) -> None:
    assert _record(tmp_path, "keras3.1") == 0
    assert "like" not in recordings.read_file(recordings.path_of("keras3.1")).header
    assert _record(tmp_path, "keras3.3") == 0  # the nearest that there is
    assert recordings.read_file(recordings.path_of("keras3.3")).header["like"] == "keras3.1"


def test_a_release_that_answers_all_otherwise_is_whole(toy: dict[Any, Any], tmp_path: Path) -> None:
    assert _record(tmp_path, "keras3.0") == 0
    for key in toy:
        toy[key] = Cell(toy[key].value + 1, None, None)
    assert _record(tmp_path, "keras3.1") == 0
    assert "like" not in recordings.read_file(recordings.path_of("keras3.1")).header


def test_the_same_answers_give_the_same_bytes(toy: dict[Any, Any], tmp_path: Path) -> None:
    for name in ("keras3.0", "keras3.1"):
        assert _record(tmp_path, name) == 0
    written = recordings.path_of("keras3.1").read_bytes()
    recordings.path_of("keras3.1").unlink()
    assert _record(tmp_path, "keras3.1") == 0
    assert recordings.path_of("keras3.1").read_bytes() == written


def test_those_that_follow_a_changed_release_keep_their_answers(toy: dict[Any, Any], tmp_path: Path) -> None:
    for name in ("keras3.0", "keras3.1", "keras3.2"):
        assert _record(tmp_path, name) == 0
    key = next(iter(toy))
    before = toy[key].value
    toy[key] = Cell(before + 0.5, None, None)
    assert _record(tmp_path, "keras3.0", "--afresh") == 0
    values = [
        recordings.read_file(recordings.path_of(f"keras3.{minor}")).cells[key].value - before for minor in range(3)
    ]
    assert values == [0.5, 0.0, 0.0]


def test_a_changed_base_is_noticed(toy: dict[Any, Any], tmp_path: Path) -> None:
    for name in ("keras3.0", "keras3.1"):
        assert _record(tmp_path, name) == 0
    base, path = recordings.path_of("keras3.0"), recordings.path_of("keras3.1")
    old = recordings.read_file(base)
    key = next(iter(toy))
    recordings.write(base, old.header, {**old.cells, key: Cell(toy[key].value + 0.5, None, None)})
    with pytest.raises(recordings.RecordingError, match=r"has changed since.*parity_tests\.record keras3\.1"):
        recordings.read_file(path)
    base.unlink()
    with pytest.raises(recordings.RecordingError, match=r"there is no .*parity_tests\.record keras3\.0 keras3\.1"):
        recordings.read_file(path)
    assert _record(tmp_path, "keras3.1") == 0  # what cannot be read is written anew


# ------------------------------------------------------------------------------------------------ many releases


@pytest.fixture
def few(toy: dict[Any, Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three engines in environments that cost nothing: what becomes of those, one a line."""
    calls: list[str] = []
    monkeypatch.setattr(record, "ENGINES", {name: ENGINES[name] for name in ("keras3.0", "keras3.1", "keras3.2")})
    monkeypatch.setattr(environments, "ensure_for_now", lambda name, root, over: calls.append(f"{name} over {over}"))
    monkeypatch.setattr(environments, "remove_for_now", lambda name, root: calls.append(f"no {name}"))
    return calls


def test_all_releases_one_after_the_other(few: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _record(tmp_path) == 0
    assert few == ["keras3.0 over None", "keras3.1 over keras3.0", "keras3.2 over keras3.1", "no keras3.2"]
    assert "[2 of 3] keras3.1, 0:00:0" in capsys.readouterr().out
    assert recordings.read_file(recordings.path_of("keras3.2")).header["like"] == "keras3.1"
    del few[:]
    assert _record(tmp_path, "--all-releases") == 0  # every answer is there
    assert few == []


def test_a_failure_does_not_stop_the_others(few: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                            capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    def ensure(name: str, root: Path, over: str | None) -> None:
        if name == "keras3.1":
            raise environments.EnvironmentProblem("no network")

    monkeypatch.setattr(environments, "ensure_for_now", ensure)
    assert _record(tmp_path) == 2
    assert "1 of 3 engines failed: keras3.1" in capsys.readouterr().err
    assert recordings.read_file(recordings.path_of("keras3.2")).header["like"] == "keras3.0"


def test_an_unknown_engine_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert record.main(["keras9"]) == 2
    assert "No such engine: keras9. There are keras2.0.9, keras2.1.6" in capsys.readouterr().err


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert record.main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(ENGINES)
    assert isinstance(record._parser(), argparse.ArgumentParser)
