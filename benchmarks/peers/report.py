"""What the benchmark found: a table, JSON, a picture."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers.libraries import KERAS
from benchmarks.peers.losses import CLOSED, FUSED, NATIVE, PLAIN
from benchmarks.peers.measuring import LIMIT, THREADS
from benchmarks.peers.workloads import WORKLOADS

#: relative difference of value and gradient up to which two losses are the same
ALIKE = 2e-4
OURS = (PLAIN, CLOSED, FUSED)


def machine() -> str:
    """What measured."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return f"{THREADS} threads of {names[0] if names else platform.machine()}, torch {torch.__version__}"


def ratio(found: dict[str, Any], key: str, base: str) -> float:
    """Median over median."""
    losses = found["losses"]
    if any("seconds" not in losses.get(one, {}) for one in (key, base)):
        return math.nan
    return float(losses[key]["seconds"] / losses[base]["seconds"])


def alike(found: dict[str, Any], key: str) -> str:
    """Whether value and gradient are those of torch's own."""
    mine, own = found["losses"][key].get("signature"), found["losses"][NATIVE].get("signature")
    if mine is None or own is None:
        return ""
    off = abs(mine[0] - own[0]) / abs(own[0]) + abs(mine[1] - own[1]) / own[1]
    return "yes" if off < ALIKE else f"no ({off:.0e})"


def table(name: str, found: dict[str, Any]) -> Iterator[str]:
    """One workload as Markdown."""
    losses, peaks = found["losses"], found.get("peaks", {})
    unit, factor = ("us", 1e6) if name == "W7" else ("ms", 1e3)
    yield f"### {name}: {WORKLOADS[name].says}\n"
    yield f"| loss | forward and backward, {unit} | / native | / keras on torch | peak memory, x predictions | same numbers | |"
    yield "|---|--:|--:|--:|--:|---|---|"
    timed = [key for key, one in losses.items() if "seconds" in one]
    for key in sorted(timed, key=lambda one: losses[one]["seconds"]):
        bold = "**" if key in OURS else ""
        says = losses[key]["says"] + (f" first call {losses[key]['first']:.1f} s" if losses[key]["first"] > 1 else "")
        says += " the machine was disturbed" * losses[key]["disturbed"]
        cells = (
            f"{bold}{key}{bold}", f"{losses[key]['seconds'] * factor:.2f}", f"{ratio(found, key, NATIVE):.2f}", f"{ratio(found, key, KERAS):.2f}",
            f"{peaks[key]:.2f}" if key in peaks else "", alike(found, key), says.strip(),
        )  # fmt: skip
        yield "| " + " | ".join(cells) + " |"
    broken = [f"{key} ({one['error']})" for key, one in losses.items() if "error" in one]
    if broken or found["absent"]:
        yield f"\nNot run: {'; '.join([*broken, *(f'{one} (not installed)' for one in found['absent'])])}."
    yield ""


def summary(results: dict[str, Any]) -> Iterator[str]:
    """Every workload on a line: ours beside torch's own, its compiled form, and Keras."""
    from benchmarks.peers.losses import COMPILED

    yield f"| workload | {' | '.join([*OURS, COMPILED, LIMIT])} | closed / keras | peak closed | peak native |"
    yield "|---|" + "--:|" * 8
    for name, found in results.items():
        ratios = [f"{ratio(found, key, NATIVE):.2f}" for key in (*OURS, COMPILED, LIMIT)]
        peaks = [f"{found['peaks'][key]:.2f}" if key in found.get("peaks", {}) else "" for key in (CLOSED, NATIVE)]
        yield f"| {name} | {' | '.join([*ratios, f'{ratio(found, CLOSED, KERAS):.2f}', *peaks])} |"


def picture(results: dict[str, Any], path: Path) -> None:
    """Bars of ratios to torch's own."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    from benchmarks.peers.losses import COMPILED

    shown = {
        KERAS: "#b0b0b0",
        "naive": "#d8d8d8",
        COMPILED: "#f0a030",
        PLAIN: "#9fc5e8",
        CLOSED: "#3d85c6",
        FUSED: "#0b5394",
    }
    figure, axes = pyplot.subplots(figsize=(11, 0.75 * len(results) + 1.5))
    for row, found in enumerate(results.values()):
        for place, (key, colour) in enumerate(shown.items()):
            axes.barh(
                row + (place - 2.5) * 0.14,
                ratio(found, key, NATIVE),
                0.13,
                color=colour,
                label=key if row == 0 else None,
            )
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(results)), list(results))
    axes.invert_yaxis()
    axes.set_xlabel("seconds of forward and backward / those of torch's own best (1); left is faster")
    axes.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
