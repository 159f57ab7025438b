"""``torchweights selftest``: this machine's torch, on any of its devices, against the recordings of the real releases."""

from __future__ import annotations

import argparse
import fnmatch
import re
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TextIO

import torch

from torchweights.messages import KerasTrapWarning, choose
from torchweights.parity import comparison, recordings, tf1_replay
from torchweights.parity.comparison import Divergence, Report, Result
from torchweights.parity.recordings import Cell, Recording
from torchweights.releases import numbers
from torchweights.tf1.rows import row_name

#: device type -> whether this machine has one
_PRESENT: dict[str, Callable[[], bool]] = {
    "cuda": torch.cuda.is_available,
    "mps": torch.backends.mps.is_available,
    "xpu": torch.xpu.is_available,
}
#: of how many cells ``--fast`` takes one
_SAMPLED = 10
#: how many of a row's differences are shown
_SHOWN = 5
Asked = tuple[dict[str, Any], str, Cell]


@dataclass
class Tally(Report):
    """One row's figures on a device: also what is known to diverge, what was skipped and why, and what differs."""

    known: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    differing: list[Result] = field(default_factory=list)

    def count(self, result: Result, divergences: Sequence[Divergence]) -> None:
        """Count one compared cell."""
        reasons, left = comparison.explain(result, divergences)
        self.add(result, reasons)
        self.known += bool(reasons) and not left
        self.differing += [result] if left else []


class Comparisons:
    """Compares each answer of a row once: releases that answered alike share the cell, and those of a row our answer."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.float64 = has_float64(device)
        self._found: dict[tuple[str, str, str, str, int], Result | str] = {}

    def __call__(
        self, engine: str, header: Mapping[str, Any], item: dict[str, Any], dtype: str, cell: Cell
    ) -> Result | str:
        """What came of a cell, or why it was skipped."""
        if dtype == "float64" and not self.float64:
            return f"the device {self.device} has no float64"
        precision = comparison.precision_of(header, item, dtype)
        key = (row_behind(engine, item["door"]), item["id"], dtype, precision, id(cell))
        if key not in self._found:
            self._found[key] = self._compare(engine, item, dtype, precision, cell)
        found = self._found[key]
        return found if isinstance(found, str) else replace(found, engine=engine)

    def _compare(self, engine: str, item: dict[str, Any], dtype: str, precision: str, cell: Cell) -> Result | str:
        try:
            result = comparison.compare_cell(item, cell, engine, dtype, precision, self.device)
        except NotImplementedError as error:  # of torch: an operation that the device has not got
            return first_line(error)
        except RuntimeError as error:
            return Result(engine, item["id"], dtype, precision, ("we fail",), first_line(error))
        if result.refused and not self.float64 and "float64" in result.detail:
            return replace(result, wrong=("we fail",), refused=False)  # torch refuses its float64, not we the case
        return result


def row_behind(engine: str, door: str) -> str:
    """The name of the row that answers for an engine at a door."""
    return row_name(tf1_replay.row_of(engine, door)) if tf1_replay.is_tf1(engine) else comparison.row_of(engine)


def first_line(error: Exception) -> str:
    """What an error says, on one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:120]


def why_not(device: str) -> str | None:
    """Why a device cannot be used; None if it can."""
    try:
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError) as error:
        return first_line(error)
    return None


def has_float64(device: str) -> bool:
    """Whether a device knows float64."""
    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except (RuntimeError, TypeError):
        return False
    return True


# ------------------------------------------------------------------------------------------------------- what is asked for


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="torchweights selftest",
        description="Holds this machine, on any of its devices, against recordings of real Keras releases. Exits with 0 if "
        "every cell agrees, 1 if one does not, 2 for what is not there.",
    )
    parser.add_argument(
        "row", nargs="*", help="releases, or globs of them ('keras3*'); all that are recorded if none is named"
    )
    parser.add_argument("--device", default="cpu", help="torch device (default: %(default)s)")
    parser.add_argument("--only", default="*", metavar="GLOB", help="only cells whose name matches, 'loss/huber/*'")
    parser.add_argument("--fast", action="store_true", help=f"every {_SAMPLED}th cell or so, the same ones each time")
    parser.add_argument("--divergences", action="store_true", help="list why cells are known to diverge, and how many")
    options = parser.parse_args(argv)
    reason = why_not(options.device)
    if reason is not None:
        present = ", ".join(["cpu", *(name for name, there in _PRESENT.items() if there())])
        parser.error(
            f"--device expected a device that this torch can use, of {present}; received {options.device!r}: {reason}"
        )
    try:
        options.row = _chosen(options.row)
    except ValueError as error:
        parser.error(str(error))
    return options


def _chosen(asked: Sequence[str]) -> list[str]:
    """The recorded releases that are asked for, each once, those of one package in the order of their versions."""
    available = sorted(recordings.available(), key=lambda name: (re.sub(r"\d.*", "", name), numbers(name), name))
    chosen: dict[str, None] = {}
    for word in asked or ["*"]:
        found = fnmatch.filter(available, word)
        chosen.update(dict.fromkeys(found or [choose("row", word, available)]))
    return list(chosen)


def _asked(engine: str, recording: Recording, only: str, fast: bool) -> list[Asked]:
    """The recorded cells of an engine that are asked for, each with its case."""
    items = comparison.items_of(engine)
    return [
        (items[name], dtype, cell)
        for (name, dtype), cell in recording.cells.items()
        if name in items and fnmatch.fnmatchcase(name, only) and not (fast and zlib.crc32(name.encode()) % _SAMPLED)
    ]


# ------------------------------------------------------------------------------------------------------------ what is shown


class Progress:
    """Cells done, of how many, in which row and how fast: one line of a terminal, nothing anywhere else."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.shown = stream, stream.isatty()
        self.total = self.done = 0
        self.began = self.last = time.monotonic()

    def say(self, text: str) -> None:
        """Show a line over the last one."""
        if self.shown:
            print(f"\r{text:<79.79}", end="", file=self.stream, flush=True)

    def step(self, row: str) -> None:
        """One more cell is done."""
        now = time.monotonic()
        if not self.done:
            self.began = self.last = now
        self.done += 1
        if self.shown and now - self.last > 0.1:
            self.last, rate = now, self.done / (now - self.began)
            left = (self.total - self.done) / rate
            self.say(f"{self.done:>7} of {self.total} cells  {row:<16}{rate:>7.0f}/s  {left:>4.0f} s left")

    def clear(self) -> None:
        """Leave the line to others."""
        if self.shown:
            print(f"\r{'':<79}\r", end="", file=self.stream, flush=True)


_HEAD = (
    f"{'row':<17}{'cells':>6}{'refused':>9}{'known':>7}{'skipped':>9}{'differ':>8}"
    f"{'float64 value':>15}{'gradient':>10}{'float32 value':>15}{'gradient':>10}"
)


def _worst(tallies: Sequence[Tally], precision: str, *names: str) -> str:
    """The worst scaled error of what agreed."""
    errors = [tally.worst[precision, f"{name}_error"] for tally in tallies for name in names
              if (precision, f"{name}_error") in tally.worst]  # fmt: skip
    return f"{max(errors):.1e}" if errors else "-"


def _line(tally: Tally) -> str:
    columns = [
        ("float64", "value", 15),
        ("float64", "gradient", 10),
        ("float32", "value", 15),
        ("float32", "gradient", 10),
    ]
    return (
        f"{tally.engine:<17}{tally.cells:>6}{tally.refusals:>9}{tally.known:>7}{tally.skipped.total():>9}{len(tally.differing):>8}"
        + "".join(f"{_worst([tally], precision, name):>{width}}" for precision, name, width in columns)
    )


def _differences(tally: Tally) -> Iterator[str]:
    for result in tally.differing[:_SHOWN]:
        yield f"  {result.cell} [{result.dtype}] {', '.join(result.wrong)}: {result.detail}"
    if len(tally.differing) > _SHOWN:
        yield f"  ... and {len(tally.differing) - _SHOWN} more; --only shows those of some cells"


def _summary(tallies: Sequence[Tally], seconds: float, with_divergences: bool) -> Iterator[str]:
    skipped: Counter[str] = sum((tally.skipped for tally in tallies), Counter())
    diverging: Counter[str] = sum((Counter(tally.diverging) for tally in tallies), Counter())
    if with_divergences:
        yield "known to diverge:"
        yield from (f"  {count:>6} x {reason}" for reason, count in diverging.most_common())
    if skipped:
        yield "skipped:"
        yield from (f"  {count:>6} x {reason}" for reason, count in skipped.most_common())
    counts = {
        "cells": sum(tally.cells for tally in tallies), "differ": sum(len(tally.differing) for tally in tallies),
        "refused alike": sum(tally.refusals for tally in tallies), "known to diverge": sum(tally.known for tally in tallies),
        "skipped": skipped.total(),
    }  # fmt: skip
    figures = ", ".join(f"{count} {name}" for name, count in counts.items())
    worst = [_worst(tallies, precision, "value", "gradient") for precision in ("float64", "float32")]
    yield f"{len(tallies)} releases, {figures}; worst scaled error {worst[0]} (float64), {worst[1]} (float32); {seconds:.0f} s"


# -------------------------------------------------------------------------------------------------------------- the command


def _read(engines: Sequence[str], progress: Progress) -> Iterator[tuple[str, Recording | str]]:
    """Each recording, or why it cannot be read."""
    for place, engine in enumerate(engines, 1):
        progress.say(f"reading recordings: {place} of {len(engines)}, {engine}")
        try:
            yield engine, recordings.read(engine)
        except recordings.RecordingError as error:
            yield engine, str(error)


def _tally(engine: str, header: Mapping[str, Any], asked: Sequence[Asked], compare: Comparisons,
           divergences: Sequence[Divergence], progress: Progress) -> Tally:  # fmt: skip
    tally = Tally(engine)
    for item, dtype, cell in asked:
        result = compare(engine, header, item, dtype, cell)
        if isinstance(result, str):
            tally.skipped[result] += 1
        else:
            tally.count(result, divergences)
        progress.step(engine)
    return tally


def run(argv: Sequence[str] | None = None) -> int:
    """Compare every recorded cell and print a line per row; 1 if a cell differs and no divergence says so."""
    options, progress = _options(argv), Progress(sys.stderr)
    began, device = time.monotonic(), torch.device(options.device)
    named = f" ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else ""
    print(f"torch {torch.__version__} on {options.device}{named}")
    found = dict(_read(options.row, progress))
    progress.clear()
    unreadable = {engine: one for engine, one in found.items() if isinstance(one, str)}
    readable = {engine: one for engine, one in found.items() if not isinstance(one, str)}
    asked = {engine: _asked(engine, one, options.only, options.fast) for engine, one in readable.items()}
    asked = {engine: cells for engine, cells in asked.items() if cells}
    progress.total = sum(map(len, asked.values()))
    divergences, compare = comparison.read_divergences(comparison.DIVERGENCES), Comparisons(options.device)
    tallies = []
    print(_HEAD)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KerasTrapWarning)
        for engine, cells in asked.items():
            tallies.append(_tally(engine, readable[engine].header, cells, compare, divergences, progress))
            progress.clear()
            print(_line(tallies[-1]), *_differences(tallies[-1]), sep="\n", flush=True)
    print(*unreadable.values(), *_summary(tallies, time.monotonic() - began, options.divergences), sep="\n")
    if not any(tally.cells for tally in tallies):
        print(f"no cell was compared: --only expected a glob of cells as in 'loss/huber/*'; received {options.only!r}")
        return 1
    return 1 if unreadable or any(tally.differing for tally in tallies) else 0
