"""Recordings: what each engine answered to its cases, one ``.npz`` per engine, plain data without pickle.

A file holds three arrays: ``index`` (JSON as bytes: header, refusals, and of every cell its id, float type and shapes)
and the numbers themselves, end to end, as ``float64`` and ``float32``. The same answers always give the same bytes.

A release that answers as the one before it holds only what differs: its header names that one under ``like``, with the
digest of what it was. Read, it is whole again, and the cells it shares are the very same objects.

numpy is all it needs, and it imports nothing of torchweights before a digest is asked for.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Key = tuple[str, str]

#: Where the recordings lie that were installed with the package.
FOLDER = Path(__file__).parent / "recordings"
FORMAT = 1
_FLOATS = ("float64", "float32")
#: What a header leaves out where it is that of the recording it is like.
_INHERITED = ("names", "signatures")


class RecordingError(ValueError):
    """A recording that is missing, spoiled, or made for other cases."""


@dataclass(frozen=True)
class Cell:
    """One answer: a value, with its gradient where the door gives one, or a refusal (error type and message)."""

    value: Array | None
    gradient: Array | None
    refusal: tuple[str, str] | None


@dataclass(frozen=True)
class Recording:
    """Everything one engine answered, and in ``header`` what made it."""

    header: dict[str, Any]
    cells: dict[Key, Cell]


@dataclass(frozen=True)
class Like:
    """The recording that another one is stored beside, and the cells of that other one that are not alike."""

    engine: str
    recording: Recording
    differing: Collection[Key]


def available() -> list[str]:
    """The engines that have a recording here."""
    return sorted(path.name.removesuffix(".npz") for path in FOLDER.glob("*.npz"))


def path_of(engine: str) -> Path:
    """Where the recording of an engine lies."""
    return FOLDER / f"{engine}.npz"


def read(engine: str) -> Recording:
    """The recording of an engine; its digest must be that of the cases beside it."""
    path = path_of(engine)
    if not path.is_file():
        raise RecordingError(
            f"No recording of {engine!r}: expected {path}. There are {', '.join(available()) or 'none'}. "
            f"To record it: {command(engine)}"
        )
    recording = read_file(path)
    expected, came = _digest_of_cases(kind_of_cases(engine)), recording.header.get("digest")
    if came != expected:
        raise RecordingError(
            f"The recording of {engine!r} was made for other cases: cases.py gives digest {expected[:12]}, "
            f"{path.name} holds {str(came)[:12]}. To record it anew: {command(engine)}"
        )
    return recording


def command(engine: str) -> str:
    """What to type, in a checkout, to record an engine anew."""
    return f"python -m parity_tests.record {engine}"


def kind_of_cases(engine: str) -> str:
    """Which cases an engine is asked: a name for which ``cases.cases_for`` gives the same."""
    return "tf.losses" if engine.startswith("tf.losses") else "torch" if engine == "torch" else "keras"


@functools.cache
def _digest_of_cases(kind: str) -> str:
    from torchweights.parity import cases

    return str(cases.digest(cases.cases_for(kind)))  # type: ignore[no-untyped-call]


def read_file(path: str | os.PathLike[str]) -> Recording:
    """The recording in a file, whole, whatever cases it was made for."""
    recording = _resolved(Path(path))
    return Recording(dict(recording.header), dict(recording.cells))


def header_of(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What the header in a file says, nothing added from the recording that it is like."""
    header: dict[str, Any] = _load(Path(path))[0]["header"]
    return header


def _resolved(path: Path) -> Recording:
    stamp = path.stat() if path.is_file() else None
    return _whole(path, None if stamp is None else (stamp.st_mtime_ns, stamp.st_size))


@functools.cache
def _whole(path: Path, _: tuple[int, int] | None) -> Recording:
    """The recording in a file with the cells that it shares; read once, so that those stay the same objects."""
    index, numbers = _load(path)
    try:
        header, cells = index["header"], _unpack(index, numbers)
        gone = {(str(name), str(dtype)) for name, dtype in index.get("gone", ())}
    except Exception as error:
        raise _unreadable(path, error) from error
    if "like" not in header:
        return Recording(header, cells)
    near = path.with_name(f"{header['like']}.npz")
    if not near.is_file():
        raise RecordingError(
            f"{path} holds only what differs from {header['like']!r}, and there is no {near}. Restore that from git, or "
            f"record both anew: {command(header['like'])} {path.stem}"
        )
    base = _resolved(near)
    if digest(base) != header["like_digest"]:
        raise RecordingError(
            f"{path} holds only what differs from {header['like']!r}, and the recording of that one has changed since: "
            f"expected digest {header['like_digest'][:12]}, got {digest(base)[:12]}. To record it anew: "
            f"{command(path.stem)}"
        )
    inherited = {name: base.header[name] for name in _INHERITED if name in base.header}
    shared = {key: cell for key, cell in base.cells.items() if key not in gone}
    return Recording({**inherited, **header}, {**shared, **cells})


def digest(recording: Recording) -> str:
    """SHA-256 over the cells, in whatever order, and the part of the header that others inherit."""
    state = hashlib.sha256(json.dumps([recording.header.get(name) for name in _INHERITED], sort_keys=True).encode())
    for key, cell in sorted(recording.cells.items()):
        arrays = [None if array is None else _clean(array) for array in (cell.value, cell.gradient)]
        shapes = [None if array is None else [array.dtype.name, *array.shape] for array in arrays]
        state.update(json.dumps([*key, cell.refusal, shapes]).encode())
        for array in arrays:
            state.update(b"" if array is None else array.tobytes())
    return state.hexdigest()


def _load(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """The index and the numbers in a file."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            index = json.loads(arrays["index"].tobytes().decode("utf-8"))
            numbers = {name: arrays[name] for name in _FLOATS}
        found = index["format"]
    except Exception as error:
        raise _unreadable(path, error) from error
    if found != FORMAT:
        raise RecordingError(
            f"{path} is of format {found}, this torchweights reads format {FORMAT}. "
            f"To record it anew: {command(path.stem)}"
        )
    return index, numbers


def _unreadable(path: Path, error: Exception) -> RecordingError:
    return RecordingError(
        f"{path} is no recording that can be read: expected an .npz of index, float64 and float32 arrays, got "
        f"{type(error).__name__}: {error}. Restore it from git, or record it anew: {command(path.stem)}"
    )


def _unpack(index: Mapping[str, Any], numbers: Mapping[str, Array]) -> dict[Key, Cell]:
    """The cells out of the flat arrays; every number must be used."""
    refusals = [(str(kind), str(line)) for kind, line in index["refusals"]]
    taken = dict.fromkeys(_FLOATS, 0)

    def take(dtype: str, shape: list[int] | None) -> Array | None:
        if shape is None:
            return None
        start, size = taken[dtype], int(np.prod(shape, dtype=np.int64))
        taken[dtype] += size
        return numbers[dtype][start : start + size].reshape(shape)

    cells = {}
    for name, dtype, value_shape, gradient_shape, refusal in index["cells"]:
        value = take(dtype, value_shape)
        cells[name, dtype] = Cell(value, take(dtype, gradient_shape), None if refusal is None else refusals[refusal])
    for dtype, count in taken.items():
        if count != numbers[dtype].size:
            raise ValueError(f"the cells name {count} {dtype} numbers, the file holds {numbers[dtype].size}")
    return cells


def write(
    path: str | os.PathLike[str], header: Mapping[str, Any], cells: Mapping[Key, Cell], like: Like | None = None
) -> None:
    """Write a recording; it appears whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(packed(header, cells, like))
    unfinished.replace(path)
    _whole.cache_clear()


def packed(header: Mapping[str, Any], cells: Mapping[Key, Cell], like: Like | None = None) -> bytes:
    """The bytes of a recording: what is not ``like`` another one where that is less, else all of it."""
    whole = _packed(header, cells, ())
    if like is None:
        return whole
    base = like.recording
    own = {name: value for name, value in header.items() if name not in _INHERITED or base.header.get(name) != value}
    own.update(like=like.engine, like_digest=digest(base))
    gone = [key for key in base.cells if key not in cells]
    small = _packed(own, {key: cell for key, cell in cells.items() if key in like.differing}, gone)
    return small if len(small) < len(whole) else whole


def _packed(header: Mapping[str, Any], cells: Mapping[Key, Cell], gone: Collection[Key]) -> bytes:
    refusals: dict[tuple[str, str], int] = {}
    flat: dict[str, list[Array]] = {name: [] for name in _FLOATS}

    def put(key: Key, array: Array | None) -> list[int] | None:
        if array is None:
            return None
        if array.dtype.name != key[1]:
            raise RecordingError(
                f"{key[0]!r} was asked in {key[1]} and holds {array.dtype.name}; cast it or ask again."
            )
        flat[key[1]].append(_clean(array).reshape(-1))
        return list(array.shape)

    lines = []
    for key, cell in cells.items():
        place = None if cell.refusal is None else refusals.setdefault(cell.refusal, len(refusals))
        lines.append([*key, put(key, cell.value), put(key, cell.gradient), place])
    index = {"format": FORMAT, "header": dict(header), "refusals": list(refusals), "cells": lines}
    if "like" in header:
        index["gone"] = [list(key) for key in gone]
    text = json.dumps(index, sort_keys=True, separators=(",", ":")).encode("utf-8")
    arrays: dict[str, Array] = {"index": np.frombuffer(text, np.uint8)}
    for name, parts in flat.items():
        arrays[name] = np.concatenate([np.zeros(0, name), *parts]).astype("<f8" if name == "float64" else "<f4")
    return _npz(arrays)


def _clean(array: Array) -> Array:
    """The array with one NaN for all: which bits a NaN carries is an accident of the processor."""
    return np.where(np.isnan(array), array.dtype.type(np.nan), array)


def _npz(arrays: Mapping[str, Array]) -> bytes:
    """An ``.npz`` whose bytes depend on the arrays alone, not on the clock."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            held = io.BytesIO()
            np.lib.format.write_array(held, array, allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, held.getvalue())
    return file.getvalue()
