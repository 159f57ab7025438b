"""Recordings as files: what is written is read again, the same answers give the same bytes, and damage is noticed."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from torchweights.parity import recordings
from torchweights.parity.recordings import Cell, RecordingError

HEADER = {"engine": "toy", "digest": "0" * 64, "releases": {"toy": "1.0"}, "python": "3.6.15"}


def _cells() -> dict[tuple[str, str], Cell]:
    value = np.asarray([1.5, -0.0, np.nan, np.inf, 5e-324])
    return {
        ("a", "float64"): Cell(value, np.arange(6.0).reshape(2, 3) / 3, None),
        ("a", "float32"): Cell(np.asarray(0.1, "float32"), None, None),
        ("b", "float64"): Cell(None, None, ("ValueError", "no such thing")),
        ("c", "float64"): Cell(np.zeros((0, 2)), np.zeros((1, 0)), None),
        ("d", "float64"): Cell(None, None, ("ValueError", "no such thing")),
    }


def _same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    recordings.write(tmp_path / "toy.npz", HEADER, _cells())
    recording = recordings.read_file(tmp_path / "toy.npz")
    assert recording.header == HEADER
    assert list(recording.cells) == list(_cells())
    for key, cell in _cells().items():
        assert _same(recording.cells[key].value, cell.value)
        assert _same(recording.cells[key].gradient, cell.gradient)
        assert recording.cells[key].refusal == cell.refusal


def test_the_same_answers_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        recordings.write(tmp_path / name, HEADER, _cells())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_every_nan_is_written_alike(tmp_path: Path) -> None:
    for name, nan in (("one", np.nan), ("two", -np.nan)):
        recordings.write(tmp_path / name, HEADER, {("a", "float64"): Cell(np.asarray([nan]), None, None)})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_cell_of_another_float_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="'a' was asked in float32 and holds float64"):
        recordings.write(tmp_path / "toy.npz", HEADER, {("a", "float32"): Cell(np.zeros(1), None, None)})


def test_a_missing_recording_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(recordings, "FOLDER", tmp_path)
    with pytest.raises(RecordingError, match=r"No recording of 'tf1\.12'.*python -m parity_tests\.record tf1\.12"):
        recordings.read("tf1.12")


def test_a_recording_of_other_cases_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(recordings, "FOLDER", tmp_path)
    recordings.write(tmp_path / "torch.npz", HEADER, _cells())
    with pytest.raises(RecordingError, match=r"digest \w{12}, torch\.npz holds 0{12}.*parity_tests\.record torch"):
        recordings.read("torch")
    assert recordings.available() == ["torch"]


@pytest.mark.parametrize("damage", ["flipped", "cut short", "no archive", "no index", "a number too many"])
def test_a_spoiled_file_is_noticed(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "toy.npz"
    recordings.write(path, HEADER, _cells())
    held = bytearray(path.read_bytes())
    if damage == "flipped":
        held[len(held) // 4] ^= 0x40
        path.write_bytes(held)
    elif damage == "cut short":
        path.write_bytes(held[: len(held) // 2])
    elif damage == "no archive":
        path.write_bytes(b"not a recording")
    elif damage == "no index":
        np.savez(path, float64=np.zeros(3), float32=np.zeros(3, "float32"))
    else:
        _append_number(path)
    with pytest.raises(RecordingError, match=r"no recording that can be read.*Restore it from git, or record it anew"):
        recordings.read_file(path)


def _append_number(path: Path) -> None:
    with np.load(path, allow_pickle=False) as arrays:
        held = dict(arrays)
    held["float64"] = np.append(held["float64"], 1.0)
    np.savez(path, **held)


def test_another_format_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as changed:
        changed.setattr(recordings, "FORMAT", 99)
        recordings.write(tmp_path / "toy.npz", HEADER, _cells())
    with pytest.raises(RecordingError, match="format 99, this torchweights reads format 1"):
        recordings.read_file(tmp_path / "toy.npz")


def test_pickles_are_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "toy.npz", index=np.asarray([{}], dtype=object))
    with pytest.raises(RecordingError, match="allow_pickle"):
        recordings.read_file(tmp_path / "toy.npz")


@pytest.mark.parametrize("engine", recordings.available())
def test_the_installed_recordings_are_compact_and_whole(engine: str) -> None:
    recording = recordings.read(engine)
    assert recordings.path_of(engine).stat().st_size < 400_000
    assert {"engine", "digest", "releases", "python", "numpy", "date", "notes", "weighing_dtype"} <= set(
        recording.header
    )
    assert recording.header["engine"] == engine
    with zipfile.ZipFile(recordings.path_of(engine)) as archive:
        assert archive.testzip() is None
    for cell in recording.cells.values():
        assert (cell.value is None) == (cell.refusal is not None)
