"""Figures 3, 4, 6, 7 and 10 to 15: what the folders of tests count, and how steady they are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import warnings

import torch

from tests.distributed import __main__ as distributed
from tests.distributed.pool import Pool
from tests.distributed.test_matrix import TOLERANCE
from tests.hazards import measures, test_every_hazard
from tests.misuse import measure as misuse
from tests.mutation import results
from tests.scoreboard.figures import Measured, counted, not_run

#: what a wrong recipe must at least be off
DETECTED = 1e-2
LEAST_MISUSES, READABLE = 200, 300
#: runs in random order, of which none begins after so many minutes (``--minutes``)
RUNS, MINUTES = 20, 120


def of_count(found: measures.Measure, what: str, at_least: int = 1) -> Measured:
    """Cases of which none may fail; those that did are listed."""
    figure = counted(len(found.failures), found.cases, what)
    table = [("failed",), *((one,) for one in found.failures[:20])] if found.failures else ()
    return Measured(figure, not found.failures and found.cases >= at_least, table)


def poisoned_masks(full: bool) -> Measured:
    """H1: bits that change when what is excluded is overwritten; naive spellings beside."""
    least = 100_000 if full else 4_000
    return of_count(measures.poisons(least), "poisoned cases with a changed bit", least)


def nothing_left(full: bool) -> Measured:
    """H2: every loss x reduction x kind of nothing."""
    return of_count(measures.nothing_left(), "empty cases not finite, or without a gradient")


def autocast(full: bool) -> Measured:
    """H6, H7: bits inside and outside autocast; half precision of 2^20 pixels against float64."""
    found = measures.autocast_bits()
    counts, ulp = of_count(found, "cases with a changed bit"), found.worst or 0.0
    return Measured(f"{counts.figure}; half precision {ulp:.2f} ulp of float32", bool(counts.passed) and ulp <= 2)


def waits(full: bool) -> Measured:
    """H23: operators for whose answer a host would wait."""
    return of_count(
        measures.waits() if full else measures.waits(["torchweights"]), "calls, forward and backward, that wait"
    )


def states(full: bool) -> Measured:
    """H8, H18, H19: copies of every kind, and what comes out of them."""
    least = 5_000 if full else 1_000
    return of_count(measures.state_round_trips(least), "round trips with a changed bit", least)


def ranks(full: bool) -> Measured:
    """Gradients over ranks and micro-batches against one process; five wrong recipes."""
    warnings.simplefilter("ignore")
    table, cells, passed = [("ranks", "trainer", "float type", "cells", "worst error")], 0, True
    largest: dict[torch.dtype, float] = {}
    wrong: dict[str, float] = {}
    for world in (2, 4) if full else (2,):
        pool = Pool(world)
        for (trainer, dtype), (count, off) in distributed.worst(pool, None if full else ["DDP"]).items():
            cells, largest[dtype] = cells + count, max(largest.get(dtype, 0.0), off)
            passed &= off <= TOLERANCE[dtype]
            table.append((str(world), trainer, str(dtype).removeprefix("torch."), f"{count:,}", f"{off:.1e}"))
        for name, off in distributed.wrong(pool).items():
            wrong[name] = min(wrong.get(name, off), off)
            table.append((str(world), f"wrong: {name}", "float64", "1", f"{off:.1e}"))
        pool.close()
    detected = sum(off > DETECTED for off in wrong.values())
    worst = ", ".join(f"{off:.1e} ({str(dtype).removeprefix('torch.')})" for dtype, off in largest.items())
    figure = f"{cells:,} cells, worst {worst}; {detected} of {len(wrong)} wrong recipes detected, least {min(wrong.values()):.0e}"
    return Measured(figure, passed and detected == len(wrong), table)


def misuses(full: bool) -> Measured:
    """Calls that cannot be meant."""
    found = misuse.measured()
    good = min(found.causes, found.detected, found.helpful)
    figure = (
        f"{found.cases} misuses, {found.causes} causes, {found.detected} of the right type, {found.helpful} naming argument and way out, "
        f"{found.changed_state} changed state; median message {found.median_length:.0f} characters"
    )
    passed = good == found.cases >= LEAST_MISUSES and not found.changed_state and found.median_length <= READABLE
    return Measured(figure, passed)


def mutants(full: bool) -> Measured:
    """Mutation score of the core, as the last whole run found it: that takes longer than all other figures."""
    if not results.FILE.exists():
        return not_run("python -m tests.mutation was not run to its end yet")
    found = results.measured()
    table = [("module", "mutants", "killed", "survived", "too slow", "score")]
    for name, one in [*found["modules"].items(), ("total", found["total"])]:
        counts = (one["mutants"], one["killed"], one["survived"], one["timeouts"])
        table.append((name, *(f"{count:,}" for count in counts), f"{one['score']:.1f} %"))
    total = found["total"]
    figure = (
        f"{total['score']:.1f} % of {total['mutants']:,} mutants killed, {len(found['survivors'])} survivors listed with reasons"
        f" (run of {found['date'][:10]} at {found['commit'][:7]})"
    )
    return Measured(figure, total["score"] >= results.LEAST, table)


def hostile_files(full: bool) -> Measured:
    """Figure 13."""
    return not_run("there is no reader of files yet")


def steadiness(full: bool) -> Measured:
    """The hazards' tests in random order, again and again, on one thread and on two."""
    times = RUNS if full else 2
    flaky, passed, runs = set(), 0, 0
    end = time.monotonic() + MINUTES * 60
    chosen = ["tests/hazards"] if full else sorted(str(path) for n in (1, 2, 11, 13, 14, 16, 21) for path in test_every_hazard.files_of(n))  # fmt: skip
    for seed in range(times):
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--random-order",
            f"--random-order-seed={seed}",
            "--tb=line",
            *chosen,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_threads(1 + seed % 2))
        runs += 1
        passed += int((re.findall(r"(\d+) passed", done.stdout) or ["0"])[-1])
        flaky |= set(re.findall(r"^FAILED (\S+)", done.stdout, re.MULTILINE))
        if done.returncode not in (0, 1):
            flaky.add(f"pytest ended with {done.returncode}")
        if time.monotonic() > end:
            break
    named = test_every_hazard.covered()
    figure = (
        f"{len(flaky)} flaky tests in {runs} runs in random order ({passed:,} passed); {len(named)} of 33 hazards have tests with a "
        "negative control (H32 waits for the reader of files)"
    )
    sound = not flaky and passed > 0 and len(named) == 32
    if sound and runs < times:
        return Measured(figure, False, why=f"stopped after {runs} of {times} runs, for {MINUTES} minutes were over")
    return Measured(figure, sound)


def _threads(count: int) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": str(count)}
