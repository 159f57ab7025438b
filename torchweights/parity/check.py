"""``torchweights check``: this machine's torch against the recordings that came with the package."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence

import torch

from torchweights.messages import KerasTrapWarning
from torchweights.parity import comparison, recordings


def run(argv: Sequence[str] | None = None) -> int:
    """Compare every recorded cell and print a line per row; 1 if a cell differs that agrees on the makers' machine."""
    parser = argparse.ArgumentParser(
        prog="torchweights check", description="Holds this machine against recordings of real Keras releases."
    )
    parser.add_argument("row", nargs="*", help=f"rows to check; of {', '.join(recordings.available())}")
    parser.add_argument("--device", default="cpu", help="torch device (default: %(default)s)")
    options = parser.parse_args(argv)
    known = comparison.read_divergences(comparison.DIVERGENCES)
    print(f"torch {torch.__version__} on {options.device}")
    unexplained = 0
    for engine in options.row or recordings.available():
        unexplained += _check(engine, options.device, known)
    return 1 if unexplained else 0


def _check(engine: str, device: str, known: Sequence[comparison.Divergence]) -> int:
    report, wrong = comparison.Report(engine), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KerasTrapWarning)
        for result in comparison.compare(engine, device=device):
            reasons, left = comparison.explain(result, known)
            report.add(result, reasons)
            wrong += [result] if left else []
    worst = max((error for (_, name), error in report.worst.items() if name.endswith("_error")), default=0.0)
    print(
        f"{engine:<17}{report.cells:>6} cells, {report.refusals} refused alike, {sum(report.diverging.values())} known to diverge, "
        f"worst scaled error {worst:.1e}, {len(wrong)} differ"
    )
    for result in wrong[:5]:
        print(f"  {result.cell} [{result.dtype}]: {result.detail}")
    return len(wrong)
