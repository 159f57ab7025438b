"""What the recorded tests found, kept for the summary at the end of the run."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from functools import cache

from torchweights.parity import comparison
from torchweights.parity.selftest import Comparisons

_reports: dict[tuple[str, str], comparison.Report] = {}
used: set[comparison.Divergence] = set()


@cache
def comparisons(device: str) -> Comparisons:
    """Comparisons on a device: releases that answered alike are compared once."""
    return Comparisons(device)


def compared(engine: str, only: str = "*", device: str = "cpu") -> Iterator[comparison.Result]:
    """The recorded cells of an engine whose id matches ``only``, compared; without those that the device cannot do."""
    recording, items = comparison.recording_of(engine), comparison.items_of(engine)
    for (name, dtype), cell in recording.cells.items():
        if name in items and fnmatch.fnmatchcase(name, only):
            result = comparisons(device)(engine, recording.header, items[name], dtype, cell)
            if not isinstance(result, str):
                yield result


@cache
def divergences() -> list[comparison.Divergence]:
    return comparison.read_divergences(comparison.DIVERGENCES)


def unexplained(result: comparison.Result, device: str) -> list[str]:
    """Count a result; what is wrong with it and no divergence covers."""
    reasons, left = comparison.explain(result, divergences())
    used.update(line for line in divergences() if any(line.covers(result, wrong) for wrong in result.wrong))
    _reports.setdefault((result.engine, device), comparison.Report(result.engine)).add(result, reasons)
    return left


def reports() -> dict[tuple[str, str], comparison.Report]:
    return _reports


def table(found: dict[tuple[str, str], comparison.Report]) -> Iterator[str]:
    """The summary: worst relative errors of the cells that agree; float32 scaled, and unscaled in parentheses."""
    yield f"{'row':<17}{'device':<8}{'cells':>6}{'refused':>9}{'diverging':>11}  {'float64 value':>13} {'gradient':>9}   {'float32 value':>19} {'gradient':>19}"
    for (engine, device), report in sorted(found.items()):

        def worst(precision: str, name: str, report: comparison.Report = report) -> str:
            figure = report.worst.get((precision, name))
            return "-" if figure is None else f"{figure:.1e}"

        float32 = [
            f"{worst('float32', f'{name}_error')} ({worst('float32', f'{name}_unscaled')})"
            for name in ("value", "gradient")
        ]
        yield (
            f"{engine:<17}{device:<8}{report.cells:>6}{report.refusals:>9}{sum(report.diverging.values()):>11}  "
            f"{worst('float64', 'value_error'):>13} {worst('float64', 'gradient_error'):>9}   {float32[0]:>19} {float32[1]:>19}"
        )
    reasons: dict[str, int] = {}
    for report in found.values():
        for reason, count in report.diverging.items():
            reasons[reason] = reasons.get(reason, 0) + count
    for reason, count in sorted(reasons.items(), key=lambda pair: -pair[1]):
        yield f"  {count:>5} x {reason}"
