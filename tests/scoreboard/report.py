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

Fifteen figures, each with the command that measures it, and the commit at which it did. Written by `python -m tests.scoreboard {depth}` on {machine};
`--quick` measures fewer cases in under five minutes, as CI does, `--full` all of them in hours, `--only 15 --into docs` a figure anew. What cannot
be measured on the machine is shown as not run. The hazards are those of `tests/hazards`, one file for each, every one with a negative control: a naive spelling that must fail.
"""
FILE = "reliability.json"


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


def entry(row: Row) -> dict[str, Any]:
    """A figure for programs."""
    figure, measured, seconds = row
    return {
        "number": figure.number, "name": figure.name, "figure": measured.figure, "target": figure.target, "passed": measured.passed, "met": met(measured),
        "why": measured.why, "method": figure.method, "command": figure.command, "seconds": round(seconds, 1), "date": date.today().isoformat(),
        "commit": commit(), "table": [list(one) for one in measured.table],
    }  # fmt: skip


def markdown(board: dict[str, Any]) -> Iterator[str]:
    """The page."""
    yield INTRODUCTION.format(depth="--full" if board["full"] else "--quick", machine=board["machine"])
    yield "| # | figure | measured | target | met | how | command | at |"
    yield "|---|---|---|---|---|---|---|---|"
    for one in board["figures"]:
        cells = (
            one["number"],
            one["name"],
            one["figure"],
            one["target"],
            one["met"],
            one["method"],
            f"`{one['command']}`",
            one["commit"],
        )
        yield "| " + " | ".join(str(cell) for cell in cells) + " |"
    for one in board["figures"]:
        if one["table"]:
            yield f"\n## {one['number']}. {one['name']}\n"
            header, *body = one["table"]
            yield "| " + " | ".join(header) + " |"
            yield "|" + "---|" * len(header)
            yield from ("| " + " | ".join(row) + " |" for row in body)


def write(rows: Sequence[Row], folder: Path, full: bool) -> None:
    """reliability.md and reliability.json in a folder; figures that are there and were not measured stay."""
    folder.mkdir(parents=True, exist_ok=True)
    before = json.loads((folder / FILE).read_text(encoding="utf-8")) if (folder / FILE).exists() else {"figures": []}
    figures = {one["number"]: one for one in map(entry, rows)}
    kept = {one["number"]: one for one in before["figures"] if one["number"] not in figures}
    if kept and before["full"] != full:
        raise ValueError(
            f"--into expected figures of the same depth; {folder} has others. Say --full or --quick as there."
        )
    figures |= kept
    board = {"machine": machine(), "full": full, "figures": [figures[number] for number in sorted(figures)]}
    (folder / "reliability.md").write_text("\n".join(markdown(board)) + "\n", encoding="utf-8")
    (folder / FILE).write_text(json.dumps(board, indent=1) + "\n", encoding="utf-8")
