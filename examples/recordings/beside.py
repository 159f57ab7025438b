"""What Keras answered, beside what is computed here: reads the recordings of this folder and prints them for ``origins.py``."""

from __future__ import annotations

import inspect
import json
import textwrap
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import torchweights as tw

RECORDINGS = Path(__file__).parent

Arrays = dict[str, Tensor]
#: a call of the library, of the arrays that Keras was given and the release
Call = Callable[[Arrays, str], Any]
#: (origin, what was asked, the releases that were asked, the call that computes it here)
Row = tuple[str, str, tuple[str, ...], Call]

#: which number of a recording of several is asked for
PARTS = {"errors": 0, "weights as written": 1, "weights as meant": 2, "loss as written": 3, "loss as meant": 4,
         "loss without weights": 5}  # fmt: skip


@cache
def recording(release: str) -> dict[str, Any]:
    """What a release answered."""
    return dict(json.loads((RECORDINGS / f"{release.partition(':')[0]}.json").read_text()))


def recorded(name: str, asked: str, release: str) -> dict[str, Any]:
    """One answer: value and gradient, or how it was refused."""
    if name == "O8":
        return {"value": recording(release)["O8"]["value"][PARTS[asked]]}
    if name in ("O6", "O23"):
        # Keras answers the total, then every output.
        total, *outputs = recording(release)["O6 no loss_weights" if name == "O6" else f"O6 and O23 {asked}"]["value"]
        return {"value": outputs if asked == "outputs" else total}
    return dict(recording(release)[f"{name} {asked}".strip()])


def arrays() -> Arrays:
    """What Keras was given: float64, labels as integers."""
    given = json.loads((RECORDINGS / "inputs.json").read_text())
    tensors = {name: torch.tensor(array, dtype=torch.float64) for name, array in given.items()}
    return {**tensors, "labels": tensors["labels"].long()}


def computed(call: Call, given: Arrays, release: str) -> Tensor | Exception:
    """What the call returns, or how it refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.KerasTrapWarning)
        try:
            return torch.as_tensor(call(given, release))
        except (ValueError, TypeError) as refused:
            return refused


def difference(expected: Any, found: Tensor) -> float:
    """The largest relative difference of two answers."""
    expected = torch.tensor(expected, dtype=torch.float64)
    return float(((found - expected).abs() / expected.abs().clamp(min=1e-12)).max())


def written(call: Call) -> list[str]:
    """The lines of a call, as they stand in this file."""
    lines = inspect.getsource(call).splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("def")) + 1
    return textwrap.dedent("\n".join(lines[start:])).replace("return ", "").splitlines()


def answers(name: str, asked: str, releases: tuple[str, ...], call: Call) -> list[tuple[str, str, str, float | None]]:
    """(release, Keras's number, ours, how far they are apart; None where both refuse)."""
    given, found = arrays(), []
    for release in releases:
        answer, here = recorded(name, asked, release), computed(call, given, release)
        theirs = f"refused: {answer['refused']}" if "refused" in answer else f"{first(answer['value']):.10g}"
        ours = f"refused: {type(here).__name__}" if isinstance(here, Exception) else f"{first(here.tolist()):.10g}"
        both = "refused" not in answer and isinstance(here, Tensor)
        found.append((release, theirs, ours, difference(answer["value"], here) if both else None))
    return found


def first(value: Any) -> float:
    """The first of several numbers."""
    return float(value) if not isinstance(value, list) else first(value[0])


def show(rows: list[Row], titles: dict[str, str], markdown: bool = False) -> None:
    """Print every origin: the call, Keras's number, ours, and how far they are apart."""
    worst, count, seen = 0.0, 0, ""
    if markdown:
        print("# Where each system comes from, and how it is called here\n")
        print(
            "Written by `python examples/origins.py --markdown`. `row` is the release; of several numbers the first is shown and"
        )
        print("all are compared. The arrays lie in `examples/recordings/inputs.json`, what Keras answered beside them.")
    for name, asked, releases, call in rows:
        lines, table = written(call), answers(name, asked, releases, call)
        differences = [apart for *_, apart in table if apart is not None]
        worst, count = max([worst, *differences]), count + len(table)
        if markdown:
            if name != seen:
                print(f"\n## {name}: {titles[name]}")
            print("\n" + (f"*{asked}*\n\n" if asked else "") + "```python")
            print("\n".join(lines) + "\n```\n\n| release | Keras | torchweights | apart |\n| --- | --- | --- | --- |")
            for release, theirs, ours, apart in table:
                print(f"| {release} | {theirs} | {ours} | {'' if apart is None else grade(apart)} |")
        else:
            print(f"\n{name} {asked or titles[name]}")
            print(textwrap.indent("\n".join(lines), "    "))
            for release, theirs, ours, apart in table:
                print(f"  {release:<18} {theirs:>30} {ours:>22}  {'' if apart is None else f'{apart:.1e}'}")
        seen = name
    if not markdown:
        origins = len({name for name, *_ in rows})
        print(f"\n{origins} origins, {count} answers; worst relative difference {worst:.1e}")


def grade(apart: float) -> str:
    """A difference by its size, which no processor changes."""
    return "below 1e-12" if apart <= 1e-12 else "below 1e-6" if apart <= 1e-6 else f"{apart:.1e}"
