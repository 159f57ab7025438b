"""A recording held against this library, cell by cell: what agreed, how closely, and what is known to differ."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from torchweights.parity import cases, recordings, replay, tf1_replay
from torchweights.semantics import ROW_OF

#: The one table of tolerances: |a - b| <= tolerance * max(|b|, scale), scale = the largest term of the formula.
#: float64 decides meaning; a release that weighs float64 in float32 is held like float32.
TOLERANCES = {"float64": 1e-12, "float32": 2e-6}

#: The known divergences, beside the recordings that they speak of.
DIVERGENCES = Path(__file__).parent / "divergences.txt"

#: What can be wrong with a cell; divergences name one of these.
#: ("float32": off in float64 by no more than float32 allows; "nan": they hold NaN where we do not, and agree elsewhere).
KINDS = ("value", "value nan", "gradient", "gradient nan", "float32", "we refuse", "we accept")


@dataclass(frozen=True)
class Result:
    """One cell: what is wrong with it (empty: nothing), and the errors of value and gradient, scaled and not."""

    engine: str
    cell: str
    dtype: str
    precision: str
    wrong: tuple[str, ...]
    detail: str = ""
    refused: bool = False
    value_error: float = 0.0
    gradient_error: float = 0.0
    value_unscaled: float = 0.0
    gradient_unscaled: float = 0.0


@dataclass(frozen=True)
class Divergence:
    """A line of the divergences file: globs of engine and cell (``in float64`` may end it), what is wrong, and why."""

    engine: str
    cell: str
    wrong: str
    reason: str

    def covers(self, result: Result, wrong: str) -> bool:
        """Whether this line speaks of ``wrong`` in that cell."""
        return (
            wrong == self.wrong
            and fnmatch.fnmatchcase(result.engine, self.engine)
            and any(fnmatch.fnmatchcase(cell, self.cell) for cell in (result.cell, f"{result.cell} in {result.dtype}"))
        )


@dataclass
class Report:
    """One row's figures, added up as cells are compared."""

    engine: str
    cells: int = 0
    refusals: int = 0
    worst: dict[tuple[str, str], float] = field(default_factory=dict)
    diverging: dict[str, int] = field(default_factory=dict)

    def add(self, result: Result, reasons: Iterable[str]) -> None:
        """Count one cell; ``reasons`` are those of the divergences that cover it."""
        self.cells += 1
        self.refusals += result.refused
        for name in ("value_error", "gradient_error", "value_unscaled", "gradient_unscaled"):
            key = (result.precision, name)
            if not result.wrong:
                self.worst[key] = max(self.worst.get(key, 0.0), getattr(result, name))
        for reason in reasons:
            self.diverging[reason] = self.diverging.get(reason, 0) + 1


@cache
def row_of(engine: str) -> str:
    """The name of the row that answers for a recorded engine."""
    if tf1_replay.is_tf1(engine):
        return tf1_replay.row_of(engine, "graph")
    return ROW_OF.get(engine, engine)


def scaled_error(ours: npt.NDArray[Any], theirs: npt.NDArray[Any], scale: float) -> float:
    """max |a - b| / max(|b|, scale) over the elements; 0 where both are the same or both NaN, inf where one is NaN.

    With a scale of 0 it is the plain relative error, over the elements that are not 0.
    """
    if ours.shape != theirs.shape:
        return np.inf
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b)) | ((b == 0) & (scale == 0))
    with np.errstate(all="ignore"):
        errors = np.where(same, 0.0, np.abs(a - b) / np.maximum(np.abs(b), scale))
    return float(np.where(np.isnan(errors), np.inf, errors).max(initial=0.0))


def precision_of(header: Mapping[str, Any], item: Mapping[str, Any], dtype: str) -> str:
    """The precision the release itself kept in this cell."""
    probed = header.get("weighing_dtype", {})
    unweighed = item["reduction"] == "none" and all(item[name] is None for name in ("sample_weight", "mask"))
    bare = unweighed and "ignore_class" not in item["options"]
    doors = [f"{item['door']}/{'unweighted' if bare else item['reduction']}", item["door"]]
    kept = next((probed[door] for door in doors if door in probed), "float64")
    values = probed.get(f"{item['door']}/unweighted", "float64")
    return "float32" if "float32" in (dtype, kept, values) else "float64"


def compare_cell(
    item: dict[str, Any], cell: recordings.Cell, engine: str, dtype: str, precision: str, device: str = "cpu"
) -> Result:
    """One recorded cell against what this library computes."""
    head = (engine, item["id"], dtype, precision)
    try:
        answer = (tf1_replay if tf1_replay.is_tf1(engine) else replay).ask(item, engine, dtype, device)
    except (ValueError, TypeError) as error:
        refused = cell.refusal is not None
        return Result(*head, () if refused else ("we refuse",), str(error), refused=refused)
    if cell.refusal is not None:
        return Result(*head, ("we accept",), ": ".join(cell.refusal))
    assert cell.value is not None
    wrong: list[str] = []
    details, errors = [], [0.0] * 4
    pairs = (
        ("value", answer.value, cell.value, answer.value_scale),
        ("gradient", answer.gradient, cell.gradient, answer.gradient_scale),
    )
    for place, (name, ours, theirs, scale) in enumerate(pairs):
        if theirs is None or ours is None:
            continue
        errors[place], errors[2 + place] = scaled_error(ours, theirs, scale), scaled_error(ours, theirs, 0.0)
        if errors[place] > TOLERANCES[precision]:
            wrong.append(_what_is_wrong(name, ours, theirs, scale, precision))
            details.append(
                f"{name} off by {errors[place]:.3g}: ours {ours.reshape(-1)[:3]}, theirs {theirs.reshape(-1)[:3]}"
            )
    return Result(*head, tuple(wrong), "; ".join(details), False, *errors)


def items_of(engine: str) -> dict[str, dict[str, Any]]:
    """The cases of an engine by id, without those that only the atlas asks about."""
    return _items(recordings.kind_of_cases(engine))


@cache
def _items(kind: str) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for item in cases.cases_for(kind) if not cases.is_probe(item)}  # type: ignore[no-untyped-call]


@cache
def recording_of(engine: str) -> recordings.Recording:
    """The recording that was installed for an engine, read once."""
    return recordings.read(engine)


def _what_is_wrong(name: str, ours: npt.NDArray[Any], theirs: npt.NDArray[Any], scale: float, precision: str) -> str:
    """The kind of a difference that is too large."""
    if scaled_error(ours, theirs, scale) <= TOLERANCES["float32"]:
        return "float32"
    numbers = ~np.isnan(theirs)
    if ours.shape != theirs.shape or numbers.all():
        return name
    agree = scaled_error(ours[numbers], theirs[numbers], scale) <= TOLERANCES[precision]
    return f"{name} nan" if agree else name


def compare(
    engine: str, only: str = "*", device: str = "cpu", recording: recordings.Recording | None = None
) -> Iterator[Result]:
    """Every recorded cell of an engine whose id matches ``only``, compared."""
    recording = recording_of(engine) if recording is None else recording
    items = items_of(engine)
    for (name, dtype), cell in recording.cells.items():
        if name in items and fnmatch.fnmatchcase(name, only):
            yield compare_cell(
                items[name], cell, engine, dtype, precision_of(recording.header, items[name], dtype), device
            )


def explain(result: Result, known: Iterable[Divergence]) -> tuple[list[str], list[str]]:
    """(reasons of the divergences that cover what is wrong, what is wrong and none covers)."""
    reasons, left = [], []
    for wrong in result.wrong:
        covering = next((line for line in known if line.covers(result, wrong)), None)
        if covering is None:
            left.append(wrong)
        else:
            reasons.append(covering.reason)
    return reasons, left


def read_divergences(path: Path) -> list[Divergence]:
    """The lines of a divergences file: ``engine | cell | what is wrong | reason``; # begins a comment."""
    divergences = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = [part.strip() for part in line.split(" | ")]
        if len(parts) != 4 or parts[2] not in KINDS or not parts[3]:
            raise ValueError(
                f"{path}:{number} expected 'engine | cell | {' or '.join(KINDS)} | reason'; received {line!r}."
            )
        divergences.append(Divergence(*parts))
    return divergences
