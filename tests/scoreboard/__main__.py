"""``python -m tests.scoreboard [--quick | --full] [--only N ..]``: the fifteen figures of docs/reliability.md."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from tests import pretend_device
from tests.scoreboard import matrix_figures, parity_figures, report, suite_figures
from tests.scoreboard.figures import Figure, Measured

HOME = Path(__file__).resolve().parent.parent.parent

# fmt: off
FIGURES = [
    Figure(1, "parity with live Keras and recordings", "generated cases x losses x weights x masks, value and gradient, three installed Kerases; every recorded release", "50,000 cells, 0 unexplained, worst 1e-6 (float32: 2e-6 scaled)", "python -m parity_tests.live --cases 50000", parity_figures.live_keras),
    Figure(2, "worst error against 50 digits", "mpmath, hard and random inputs, cross-entropies, focals and regressions that are promised", "4 ulp value, 8 ulp gradient", "python -m parity_tests.accuracy", parity_figures.digits),
    Figure(3, "poisoned masks", "what is excluded is overwritten with NaN, infinities, huge numbers and labels that are none, under every transformation", "0 of 100,000 change a bit; every naive spelling does", "pytest tests/hazards/test_h01*", suite_figures.poisoned_masks),
    Figure(4, "nothing left", "every loss x reduction x kind of nothing", "0 not finite or without a gradient", "pytest tests/hazards/test_h02*", suite_figures.nothing_left),
    Figure(5, "derivatives", "gradcheck, gradgradcheck, forward mode, batched gradients, loss by loss", "all, or listed by name", "pytest tests/hazards/test_h26*", matrix_figures.derivatives),
    Figure(6, "half precision and autocast", "bits inside and outside autocast; 2^20 pixels in half precision against float64", "0 bits, 2 ulp", "pytest tests/hazards/test_h06* tests/hazards/test_h07*", suite_figures.autocast),
    Figure(7, "waits for the device", "a dispatch mode that refuses what a host would wait for, forward and backward, every row", "0", "pytest tests/hazards/test_h23*", suite_figures.waits),
    Figure(8, "graphs and exports", "batches of 2 to 64, changed weights, torch.export strict and not", "2 graphs, 0 more for weights, every export", "pytest tests/hazards/test_h24* tests/hazards/test_h25*", matrix_figures.graphs),
    Figure(9, "devices", "cpu, meta, fake tensors, a pretend accelerator, a device context; cuda", "all of the first five", "pytest tests/hazards/test_h17* tests/hazards/test_h20*", matrix_figures.devices),
    Figure(10, "gradients over ranks", "DDP, FSDP2, accumulation, uneven and empty ranks, gloo, every row", "1e-14 float64, 1e-6 float32; five wrong recipes detected", "python -m tests.distributed", suite_figures.ranks),
    Figure(11, "misuse", "calls that cannot be meant, no two of one cause", "200, each a typed error that helps and changes no state; median 300 characters", "python -m tests.misuse.measure", suite_figures.misuses),
    Figure(12, "mutation score", "mutmut over the core, and every cell of the tables of eras", "95 %, survivors listed", "python -m tests.mutation", suite_figures.mutants),
    Figure(13, "hostile files", "fuzzing the reader of files", "10^6 read, no foreign exception", "none yet", suite_figures.hostile_files),
    Figure(14, "state", "pickle, deepcopy, JSON, casts, state_dict", "0 of 5,000 change a bit", "pytest tests/hazards/test_h08* tests/hazards/test_h18* tests/hazards/test_h19*", suite_figures.states),
    Figure(15, "steadiness", "tests/hazards 20 times in random order, on one thread and two; hazards with tests", "0 flaky, 32 of 33 hazards", "pytest tests/hazards --random-order", suite_figures.steadiness),
]
# fmt: on


def measured(figure: Figure, full: bool) -> tuple[Figure, Measured, float]:
    """A figure and how long it took; what breaks off has not passed."""
    began = time.monotonic()
    try:
        found = figure.measure(full)
    except Exception as error:
        found = Measured(f"broke off: {type(error).__name__}: {error}"[:300], False)
    return figure, found, time.monotonic() - began


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; 1 if a target is missed and nothing says why."""
    parser = argparse.ArgumentParser(prog="python -m tests.scoreboard", description=__doc__)
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument(
        "--quick", action="store_true", help="fewer cases, in under five minutes (what is done if nothing is said)"
    )
    depth.add_argument("--full", action="store_true", help="every case: hours")
    parser.add_argument(
        "--only", type=int, nargs="+", metavar="N", help="these figures alone, written where --into says"
    )
    parser.add_argument(
        "--into",
        type=Path,
        help="folder of reliability.md and .json, where figures that are not measured stay (--full: docs; --quick: build)",
    )
    parser.add_argument(
        "--minutes",
        type=int,
        default=suite_figures.MINUTES,
        help="no run of figure 15 begins after these (default: %(default)s)",
    )
    chosen = parser.parse_args(arguments)
    suite_figures.MINUTES = chosen.minutes
    warnings.simplefilter("ignore")
    if pretend_device.why_not() is None:
        pretend_device.device()  # before autograd makes its threads, one for each device that it knows
    rows = []
    for figure in FIGURES:
        if chosen.only is None or figure.number in chosen.only:
            rows.append(measured(figure, chosen.full))
            print(report.line(rows[-1]), flush=True)
    if chosen.only is None or chosen.into:
        report.write(rows, chosen.into or HOME / ("docs" if chosen.full else "build"), chosen.full)
    missed = [figure.number for figure, found, _ in rows if found.passed is False and not found.why]
    print(f"missed: {missed or 'none'}; {sum(seconds for _, _, seconds in rows):.0f} s")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
