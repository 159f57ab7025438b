"""Figures 1 and 2: against Keras that runs here, against recordings, and against 50 digits."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace

import torch

from parity_tests import accuracy, live, live_engines
from tests.scoreboard.figures import Measured, counted
from torchweights.parity import selftest

#: relative; float32 by the scaled error of the parity tests
LIVE_WORST = 1e-6
SCALED_WORST = 2e-6


def live_keras(full: bool) -> Measured:
    """Generated cases against every Keras that is installed."""
    tally = live.Tally()
    live.run([live_engines.engine(row) for row in live_engines.ROWS], 50_000 if full else 1_500, 1, tally)
    worst: dict[str, float] = {}
    for report in tally.reports.values():
        for (precision, name), error in report.worst.items():
            if name.endswith("_error"):
                worst[precision] = max(worst.get(precision, 0.0), error)
    unexplained = sum(tally.unexplained.values())
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        differs = selftest.run([] if full else ["--fast"])
    recorded = printed.getvalue().strip().splitlines()[-1].rpartition(";")[0]
    figure = (
        f"{counted(unexplained, tally.asked, 'live cells unexplained')}, worst {worst.get('float64', 0):.1e} (float64), "
        f"{worst.get('float32', 0):.1e} (float32, scaled); recorded: {recorded}"
    )
    close = worst.get("float64", 0) <= LIVE_WORST and worst.get("float32", 0) <= SCALED_WORST
    enough = tally.asked >= 50_000 or not full
    return Measured(figure, not unexplained and not differs and close and enough)


#: why gradients of float64 are further off than those of float32, which are rounded once
FLOAT64 = (
    "float32 is computed in float64 and rounded once where that is needed; float64 has no wider type, so that powers multiply its errors and "
    "derivatives that are small differences keep fewer digits"
)


def digits(full: bool) -> Measured:
    """Values and gradients against formulas in 50 digits, of the losses that stand bold in docs/accuracy.md."""
    rows, samples, met = 60 if full else 2, 0, {}
    table = [("float type", "value, ulp", "gradient, ulp", "all losses, eps of largest term", "within 4 and 8 ulp")]
    cases = [case if full else replace(case, sizes=case.sizes[:3]) for case in accuracy.CASES if full or case.promised]
    for dtype in (torch.float32, torch.float64):
        found = [(case, accuracy.worst_of(case, dtype, rows)) for case in cases]
        promised = [worst for case, worst in found if case.promised]
        value, gradient = max(one.value for one in promised), max(one.gradient for one in promised)
        term = max(max(one.value_term, one.gradient_term) for _, one in found)
        samples += sum(one.samples for _, one in found)
        name = str(dtype).removeprefix("torch.")
        met[name] = value <= accuracy.VALUE_ULP and gradient <= accuracy.GRADIENT_ULP
        table.append((name, f"{value:.2f}", f"{gradient:.2f}", f"{term:.2f}", "yes" if met[name] else "no"))
    said = "; ".join(f"{name}: {value} ulp value, {gradient} ulp gradient" for name, value, gradient, *_ in table[1:])
    return Measured(f"{samples:,} samples; {said}", all(met.values()), table, FLOAT64 if met["float32"] else "")
