"""Recordings: what each engine answered to its cases, one ``.npz`` per engine, plain data without pickle.

A file holds three arrays: ``index`` (JSON as bytes: header, refusals, and of every cell its id, float type and shapes)
and the numbers themselves, end to end, as ``float64`` and ``float32``. The same answers always give the same bytes.
numpy is all it needs, and it imports nothing of torchweights before a digest is asked for.
"""

from __future__ import annotations

import functools
import io
import json
import os
import zipfile
from collections.abc import Mapping
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
    expected, came = _digest_of_cases(engine), recording.header.get("digest")
    if came != expected:
        raise RecordingError(
            f"The recording of {engine!r} was made for other cases: cases.py gives digest {expected[:12]}, "
            f"{path.name} holds {str(came)[:12]}. To record it anew: {command(engine)}"
        )
    return recording


def command(engine: str) -> str:
    """What to type, in a checkout, to record an engine anew."""
    return f"python -m parity_tests.record {engine}"


@functools.cache
def _digest_of_cases(engine: str) -> str:
    from torchweights.parity import cases

    return str(cases.digest(cases.cases_for(engine)))  # type: ignore[no-untyped-call]


def read_file(path: str | os.PathLike[str]) -> Recording:
    """The recording in a file, whatever cases it was made for."""
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            index = json.loads(arrays["index"].tobytes().decode("utf-8"))
            numbers = {name: arrays[name] for name in _FLOATS}
        if index["format"] != FORMAT:
            raise RecordingError(
                f"{path} is of format {index['format']}, this torchweights reads format {FORMAT}. "
                f"To record it anew: {command(path.stem)}"
            )
        return Recording(index["header"], _unpack(index, numbers))
    except RecordingError:
        raise
    except Exception as error:
        raise RecordingError(
            f"{path} is no recording that can be read: expected an .npz of index, float64 and float32 arrays, got "
            f"{type(error).__name__}: {error}. Restore it from git, or record it anew: {command(path.stem)}"
        ) from error


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


def write(path: str | os.PathLike[str], header: Mapping[str, Any], cells: Mapping[Key, Cell]) -> None:
    """Write a recording; it appears whole or not at all."""
    refusals: dict[tuple[str, str], int] = {}
    flat: dict[str, list[Array]] = {name: [] for name in _FLOATS}

    def put(key: Key, array: Array | None) -> list[int] | None:
        if array is None:
            return None
        if array.dtype.name != key[1]:
            raise RecordingError(
                f"{key[0]!r} was asked in {key[1]} and holds {array.dtype.name}; cast it or ask again."
            )
        # Which bits a NaN carries is an accident of the processor.
        flat[key[1]].append(np.where(np.isnan(array), array.dtype.type(np.nan), array).reshape(-1))
        return list(array.shape)

    lines = []
    for key, cell in cells.items():
        place = None if cell.refusal is None else refusals.setdefault(cell.refusal, len(refusals))
        lines.append([*key, put(key, cell.value), put(key, cell.gradient), place])
    index = {"format": FORMAT, "header": dict(header), "refusals": list(refusals), "cells": lines}
    text = json.dumps(index, sort_keys=True, separators=(",", ":")).encode("utf-8")
    arrays: dict[str, Array] = {"index": np.frombuffer(text, np.uint8)}
    for name, parts in flat.items():
        arrays[name] = np.concatenate([np.zeros(0, name), *parts]).astype("<f8" if name == "float64" else "<f4")
    _write_npz(Path(path), arrays)


def _write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """An ``.npz`` whose bytes depend on the arrays alone, not on the clock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            held = io.BytesIO()
            np.lib.format.write_array(held, array, allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, held.getvalue())
    unfinished.replace(path)
