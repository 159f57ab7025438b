"""The scoreboard as text, Markdown and JSON."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch

from tests.scoreboard.figures import Figure, Measured

Row = tuple[Figure, Measured, float]
PASSED = {True: "yes", False: "NO", None: "not run"}


def met(measured: Measured) -> str:
    """Whether the target is met, and why not."""
    return PASSED[measured.passed] + (f": {measured.why}" if measured.why and not measured.passed else "")


INTRODUCTION = """# How far this library can be relied on

Fifteen figures, each with the command that measures it. Written by `python -m tests.scoreboard {depth}`{when}; `--quick` measures fewer
cases in under five minutes, as CI does, `--full` all of them in hours. What cannot be measured on the machine is shown as not run. The hazards are those of
`tests/hazards`, one file for each, every one with a negative control: a naive spelling that must fail.
"""


def machine() -> str:
    """What measured."""
    return f"{platform.machine()}, {torch.get_num_threads()} threads, Python {platform.python_version()}, torch {torch.__version__}"


def commit() -> str:
    """What was measured."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def line(row: Row) -> str:
    """One figure for the terminal."""
    figure, measured, seconds = row
    return f"{figure.number:>2}  {met(measured):<8}{figure.name}: {measured.figure}  (target: {figure.target}; {seconds:.0f} s)"


def markdown(rows: Sequence[Row], full: bool) -> Iterator[str]:
    """The page."""
    when = f" on {date.today().isoformat()}, at {commit()} ({machine()})"
    yield INTRODUCTION.format(when=when, depth="--full" if full else "--quick")
    yield "| # | figure | measured | target | met | how | command |"
    yield "|---|---|---|---|---|---|---|"
    for figure, measured, _ in rows:
        cells = (figure.number, figure.name, measured.figure, figure.target, met(measured), figure.method, f"`{figure.command}`")  # fmt: skip
        yield "| " + " | ".join(str(cell) for cell in cells) + " |"
    for figure, measured, _ in rows:
        if measured.table:
            yield f"\n## {figure.number}. {figure.name}\n"
            header, *body = measured.table
            yield "| " + " | ".join(header) + " |"
            yield "|" + "---|" * len(header)
            yield from ("| " + " | ".join(row) + " |" for row in body)


def as_json(rows: Sequence[Row], full: bool) -> dict[str, Any]:
    """The same for programs."""
    figures = [
        {
            "number": figure.number, "name": figure.name, "figure": measured.figure, "target": figure.target, "passed": measured.passed, "why": measured.why,
            "method": figure.method, "command": figure.command, "seconds": round(seconds, 1),
        }
        for figure, measured, seconds in rows
    ]  # fmt: skip
    return {
        "date": date.today().isoformat(),
        "commit": commit(),
        "machine": machine(),
        "full": full,
        "figures": figures,
    }


def write(rows: Sequence[Row], folder: Path, full: bool) -> None:
    """reliability.md and reliability.json in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reliability.md").write_text("\n".join(markdown(rows, full)) + "\n", encoding="utf-8")
    (folder / "reliability.json").write_text(json.dumps(as_json(rows, full), indent=1) + "\n", encoding="utf-8")
