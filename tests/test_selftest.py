"""``torchweights selftest``: what it counts, shows and returns, on devices that are there, that are not, and that lack something."""

from __future__ import annotations

import dataclasses
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from torchweights import cli
from torchweights.parity import comparison, recordings, selftest

#: a recording that holds all its cells itself
ROW = "torch"
FEW = "loss/mean_squared_error/*"
#: among these are known divergences
EDGES = "loss/binary_crossentropy/*"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of recordings that holds one."""
    shutil.copy(recordings.path_of(ROW), tmp_path)
    monkeypatch.setattr(recordings, "FOLDER", tmp_path)
    return tmp_path


def spoil(folder: Path, by: float, engine: str = ROW) -> recordings.Key:
    """One number of the recording moved."""
    path = folder / f"{engine}.npz"
    recording = recordings.read_file(path)
    key, cell = next((key, cell) for key, cell in recording.cells.items() if cell.value is not None and cell.value.size)
    cells = {**recording.cells, key: dataclasses.replace(cell, value=cell.value + by)}
    recordings.write(path, recording.header, cells)
    return key


def table(shown: str) -> dict[str, list[str]]:
    """The columns of each row's line."""
    lines = [line.split() for line in shown.splitlines()]
    head = next(place for place, line in enumerate(lines) if line[:2] == ["row", "cells"])
    return {line[0]: line[1:] for line in lines[head + 1 :] if len(line) == 10}


def test_all_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    assert selftest.run([ROW]) == 0
    shown = capsys.readouterr()
    cells, refused, known, skipped, differ, *worst = table(shown.out)[ROW]
    expected = list(comparison.compare(ROW))
    assert (int(cells), int(refused)) == (len(expected), sum(result.refused for result in expected))
    assert (int(known), skipped, differ) == (sum(bool(result.wrong) for result in expected), "0", "0")
    assert all(float(figure) < 1e-6 for figure in worst)
    assert shown.out.splitlines()[0].startswith(f"torch {torch.__version__} on cpu")
    assert (
        f"1 releases, {cells} cells, 0 differ, {refused} refused alike, {known} known to diverge, 0 skipped"
        in shown.out
    )
    assert shown.err == "", "no progress where there is no terminal"


def test_a_spoiled_recording_is_a_mismatch(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, dtype = spoil(folder, 0.5)
    assert selftest.run([]) == 1
    shown = capsys.readouterr().out
    assert table(shown)[ROW][4] == "1"
    assert f"  {name} [{dtype}] value: value off by" in shown


def test_a_recording_that_moved_by_less_than_the_tolerance_agrees(folder: Path) -> None:
    spoil(folder, 1e-15)
    assert selftest.run([]) == 0


def test_a_recording_that_cannot_be_read_is_no_success(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "broken.npz").write_bytes(b"no recording")
    assert selftest.run([]) == 1
    shown = capsys.readouterr().out
    assert "broken.npz is no recording that can be read" in shown
    assert table(shown)[ROW][4] == "0"


def test_a_case_that_fails_on_the_device_is_a_mismatch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("out of memory\nand more")

    monkeypatch.setattr(comparison, "compare_cell", fails)
    assert selftest.run([ROW, "--only", FEW]) == 1
    assert "we fail: out of memory\n" in capsys.readouterr().out


# -------------------------------------------------------------------------------------------------- what is skipped, and why


def test_a_device_without_float64_skips_those_cells_visibly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(selftest, "has_float64", lambda device: False)
    assert selftest.run([ROW]) == 0
    shown = capsys.readouterr().out
    of_float64 = [key for key in comparison.recording_of(ROW).cells if key[1] == "float64"]
    cells, _, _, skipped, _, value, gradient, *_ = table(shown)[ROW]
    assert int(skipped) == len(of_float64) > 0
    assert int(cells) + int(skipped) == len(comparison.recording_of(ROW).cells)
    assert (value, gradient) == ("-", "-")
    assert f"  {skipped:>6} x the device cpu has no float64" in shown
    assert f"{skipped} skipped;" in shown


def test_an_operation_that_the_device_has_not_got_is_skipped_with_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lacks(item: dict, *rest: object) -> comparison.Result:  # type: ignore[type-arg]
        if item["loss"] == "binary_crossentropy":
            raise NotImplementedError("The operator 'aten::log1p' is not implemented for this device\nset a variable")
        return compare(item, *rest)  # type: ignore[arg-type]

    compare = comparison.compare_cell
    monkeypatch.setattr(comparison, "compare_cell", lacks)
    assert selftest.run([ROW]) == 0
    shown = capsys.readouterr().out
    skipped = int(table(shown)[ROW][3])
    expected = [name for name, _ in comparison.recording_of(ROW).cells if name.startswith("loss/binary_crossentropy/")]
    assert skipped == len(expected) > 0
    assert f"  {skipped:>6} x The operator 'aten::log1p' is not implemented for this device\n" in shown


def test_float64_that_the_library_itself_lacks_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    head = (ROW, "loss/hinge/x", "float32", "float32")
    said = comparison.Result(*head, (), "Cannot convert a MPS Tensor to float64 dtype", refused=True)
    monkeypatch.setattr(comparison, "compare_cell", lambda *_: said)
    compare, item = selftest.Comparisons("cpu"), {"id": "x", "door": "loss", "reduction": "sum"}
    cell = recordings.Cell(None, None, ("ValueError", "shapes"))
    monkeypatch.setattr(comparison, "precision_of", lambda *_: "float32")
    assert compare._compare(ROW, item, "float32", "float32", cell) == said
    compare.float64 = False
    assert compare(ROW, {}, item, "float32", cell) == dataclasses.replace(said, wrong=("we fail",), refused=False)


def test_nothing_but_skips_proves_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(selftest, "has_float64", lambda device: False)
    only = next(
        name
        for name, dtype in comparison.recording_of(ROW).cells
        if (name, "float32") not in comparison.recording_of(ROW).cells
    )
    assert selftest.run([ROW, "--only", only.replace("[", "[[]")]) == 1
    assert "no cell was compared" in capsys.readouterr().out


# ----------------------------------------------------------------------------------------------------------- what is asked for


@pytest.mark.parametrize(
    ("arguments", "pieces"),
    [
        (["--device", "tpu9"], ["--device expected a device that this torch can use, of cpu", "received 'tpu9'"]),
        (["--device", "meta"], ["received 'meta'"]),
        (["tf2.99"], ["row expected one of", "received 'tf2.99'", "Did you mean"]),
        (["kears3.15"], ["received 'kears3.15'", "Did you mean 'keras3.15'?"]),
        (["--device"], ["--device"]),
    ],
)
def test_what_is_not_there_is_said_and_returns_2(
    arguments: list[str], pieces: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        selftest.run(arguments)
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert not [piece for piece in pieces if piece not in said], said


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_gpu_that_is_not_there_returns_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["selftest", "--device", "cuda"])
    assert left.value.code == 2
    assert "received 'cuda'" in capsys.readouterr().err


def test_globs_and_names_choose_rows_each_once_and_in_order() -> None:
    chosen = selftest._chosen(["keras3*", "keras3.15", "torch"])
    assert chosen.index("keras3.2") < chosen.index("keras3.10") < chosen.index("keras3.15") < chosen.index("torch")
    assert len(chosen) == len(set(chosen))
    assert set(selftest._chosen([])) == set(recordings.available())


def test_only_and_fast_choose_cells(capsys: pytest.CaptureFixture[str]) -> None:
    assert selftest.run([ROW, "--only", FEW]) == 0
    few = int(table(capsys.readouterr().out)[ROW][0])
    assert few == len(list(comparison.compare(ROW, FEW)))
    assert selftest.run([ROW, "--fast"]) == 0
    assert 0 < int(table(capsys.readouterr().out)[ROW][0]) < len(comparison.recording_of(ROW).cells) / 4
    assert selftest.run([ROW, "--only", "nothing/*"]) == 1
    assert "no cell was compared: --only expected a glob" in capsys.readouterr().out


def test_divergences_are_listed_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    known = comparison.read_divergences(comparison.DIVERGENCES)
    reasons = {reason for result in comparison.compare(ROW, EDGES) for reason in comparison.explain(result, known)[0]}
    assert selftest.run([ROW, "--only", EDGES, "--divergences"]) == 0
    shown = capsys.readouterr().out
    assert reasons and all(f" x {reason}\n" in shown for reason in reasons)
    assert selftest.run([ROW, "--only", EDGES]) == 0
    assert "known to diverge:\n" not in capsys.readouterr().out


# --------------------------------------------------------------------------------------------------------- nothing asked twice


def test_what_releases_share_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def counted(item: dict, cell: recordings.Cell, engine: str, dtype: str, *rest: str) -> comparison.Result:  # type: ignore[type-arg]
        asked.append((item["id"], dtype))
        return compare(item, cell, engine, dtype, *rest)

    compare = comparison.compare_cell
    monkeypatch.setattr(comparison, "compare_cell", counted)
    pair = ["tf.losses1.14", "tf.losses2.0"]
    assert selftest.row_behind(pair[0], "graph") == selftest.row_behind(pair[1], "graph")
    assert selftest.run([*pair, "--only", "*/log_loss/*"]) == 0
    cells = [
        (name, dtype, id(cell))
        for row in pair
        for (name, dtype), cell in recordings.read(row).cells.items()
        if "/log_loss/" in name
    ]
    assert len(asked) == len(set(cells)) < len(cells)


def test_a_cell_spoiled_in_one_of_the_releases_that_share_a_row_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = recordings.read_file(recordings.path_of(ROW))
    shared = folder / "twin.npz"
    recordings.write(
        shared, {**recording.header, "engine": "twin"}, recording.cells, recordings.Like(ROW, recording, ())
    )
    recordings.write(folder / "spoiled.npz", recording.header, recording.cells)
    name, dtype = spoil(folder, 0.5, "spoiled")
    monkeypatch.setattr(recordings, "kind_of_cases", lambda engine: ROW)
    monkeypatch.setattr(selftest, "row_behind", lambda engine, door: ROW)
    compare, found = selftest.Comparisons("cpu"), {}
    for engine in (ROW, "twin", "spoiled"):
        whole = recordings.read(engine)
        cell, item = whole.cells[name, dtype], comparison.items_of(ROW)[name]
        result = compare("torch", whole.header, item, dtype, cell)
        assert isinstance(result, comparison.Result)
        found[engine] = result.wrong
    assert found == {ROW: (), "twin": (), "spoiled": ("value",)}
    assert recordings.read("twin").cells[name, dtype] is recordings.read(ROW).cells[name, dtype]
    assert len(compare._found) == 2


def test_the_same_name_is_the_same_case_for_every_engine_of_a_kind() -> None:
    for engine in ("keras2.2.4", "keras3.15-torch", "tf.losses2.21", "torch"):
        ours, theirs = comparison.items_of(engine), comparison.items_of(recordings.kind_of_cases(engine))
        assert list(ours) == list(theirs)


# --------------------------------------------------------------------------------------------------------------- other devices


def test_the_pretend_device_gives_the_numbers_of_the_cpu(
    pretend: torch.device, capsys: pytest.CaptureFixture[str]
) -> None:
    assert selftest.run([ROW, "--only", "loss/*", "--fast", "--device", pretend.type]) == 0
    there = table(capsys.readouterr().out)[ROW]
    assert selftest.run([ROW, "--only", "loss/*", "--fast"]) == 0
    assert table(capsys.readouterr().out)[ROW] == there
    assert int(there[0]) > 0


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    clock = iter(np.arange(1e6))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    assert selftest.run([ROW, "--only", FEW]) == 0
    lines = terminal.getvalue().split("\r")
    few = len(list(comparison.compare(ROW, FEW)))
    assert any(f"{few} of {few} cells  torch" in line for line in lines)
    assert any("reading recordings: 1 of 1, torch" in line for line in lines)
    assert all(len(line) <= 79 for line in lines)
    assert lines[-1] == "" and lines[-2].strip() == "", "the line is left empty"
    assert "\r" not in capsys.readouterr().out
