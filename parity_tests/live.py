"""Generated cases against the Kerases that are installed: ``python -m parity_tests.live --cases 50000 --seed 1``.

Each case is asked of Keras 3 on TensorFlow, Keras 3 on torch and tf_keras, in one process, value and gradient, and held
against the row of each. What differs and is not in ``live_divergences`` is shrunk, printed as a program that asks it
again, and ends the run with 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import numpy as np

from parity_tests import ledger, live_divergences, live_engines
from parity_tests.live_engines import Engine, Item
from torchweights.parity import comparison, inputs, recordings, replay, strategies

#: Cells asked where nothing else is said: what a run in CI can wait for.
CASES = int(os.environ.get("TORCHWEIGHTS_LIVE_CASES", "2000"))
SEED = int(os.environ.get("TORCHWEIGHTS_LIVE_SEED", "1"))
#: Cases that hypothesis draws in one go. From the eleventh on it draws variations of those it drew, which fills some cells
#: of the table many times and others never.
_AT_ONCE = 10
_SAME_NUMBERS = "the release returns (N, 1) for values (N,): same numbers, here in the shape of the values"


class Unexplained(AssertionError):
    """A cell that differs, and no line of ``live_divergences`` says so."""


@dataclass
class Tally:
    """What was asked and found, row by row."""

    reports: dict[tuple[str, str], comparison.Report] = field(default_factory=dict)
    cells: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    absent: Counter[str] = field(default_factory=Counter)
    agreed: Counter[str] = field(default_factory=Counter)
    unexplained: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    programs: list[str] = field(default_factory=list)

    @property
    def asked(self) -> int:
        return sum(report.cells for report in self.reports.values())


#: What the tests of this process asked and found, kept for the summary at the end of the run.
TALLY = Tally()


@dataclass(frozen=True)
class Found:
    """One case at one engine: what is wrong, which reasons explain it, and what is left."""

    result: comparison.Result
    reasons: tuple[str, ...]
    left: tuple[str, ...]


def hold(engine: Engine, item: Item) -> Found | None:
    """A case asked of an engine and of this library; None where the engine has not got it."""
    (dtype,) = item["dtypes"]
    cell = engine.cell(item, dtype)
    if cell is None:
        return None
    reasons, cell = _in_the_shape_of_the_values(item, cell)
    precision = engine.precision(item, dtype)
    result = comparison.compare_cell(item, cell, engine.row, dtype, precision)
    left = []
    for wrong in result.wrong:
        reason = next(_reasons(engine, item, cell, wrong, precision), None)
        reasons, left = (reasons, [*left, wrong]) if reason is None else ([*reasons, reason], left)
    return Found(result, tuple(reasons), tuple(left))


def _reasons(engine: Engine, item: Item, cell: recordings.Cell, wrong: str, precision: str) -> Iterator[str]:
    """The reasons of the lines that explain what is wrong, where what they claim is so."""
    for line in live_divergences.KNOWN:
        if line.covers(engine.row, item, wrong):
            claim = line.where(item, item["dtypes"][0], engine)
            if claim is True or (claim is not False and _holds(claim, engine, item, cell, precision)):
                yield line.reason


def _holds(claim: Any, engine: Engine, item: Item, cell: recordings.Cell, precision: str) -> bool:
    """Whether a claim of ``live_divergences`` is so: elements, the size of terms, or another case."""
    if isinstance(claim, dict):
        return _answers_alike(item, claim, engine.row) and not _left(hold(engine, claim))
    answer = replay.ask(item, engine.row, item["dtypes"][0])
    assert answer.gradient is not None and cell.gradient is not None
    theirs, scale = cell.gradient, answer.gradient_scale
    if isinstance(claim, np.ndarray):
        theirs = np.where(claim, answer.gradient, theirs)
    else:
        assert isinstance(claim, live_divergences.Terms)
        scale, precision = scale * claim.times, claim.precision or precision
    return comparison.scaled_error(answer.gradient, theirs, scale) <= comparison.TOLERANCES[precision]


def _answers_alike(one: Item, other: Item, row: str) -> bool:
    """Whether this library has one answer to two cases, or refuses both."""
    answers = []
    for item in (one, other):
        try:
            answers.append(replay.ask(item, row, item["dtypes"][0]))
        except (ValueError, TypeError):
            answers.append(None)
    first, second = answers
    if first is None or second is None:
        return first is second
    assert first.gradient is not None and second.gradient is not None
    return np.array_equal(first.value, second.value, equal_nan=True) and np.array_equal(
        first.gradient.reshape(-1), second.gradient.reshape(-1), equal_nan=True
    )


def _left(found: Found | None) -> tuple[str, ...]:
    return () if found is None else found.left


def _in_the_shape_of_the_values(item: Item, cell: recordings.Cell) -> tuple[list[str], recordings.Cell]:
    """Keras lets a trailing 1 change the shape of what reduction none returns; the numbers must be the same."""
    values = live_divergences.values_of(item)
    if not values:  # one scalar, which this library gives the shape of its weights
        given = [item[name].shape for name in ("sample_weight", "mask") if item[name] is not None]
        values = max(given, key=len, default=())
    if item["reduction"] != "none" or cell.value is None or cell.value.shape == values:
        return [], cell
    if cell.value.size != np.prod(values):
        return [], cell
    assert cell.gradient is not None
    return [_SAME_NUMBERS], recordings.Cell(cell.value.reshape(values), cell.gradient, None)


# ----------------------------------------------------------------------------------------------------------------- runs


def run(engines: Sequence[Engine], count: int, seed: int, tally: Tally, losses: Sequence[str] = inputs.LOSSES) -> None:
    """Ask ``count`` cells more, loss by loss in turns; each kind of difference is shrunk once."""
    part, count = 0, tally.asked + count
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while tally.asked < count:
            turn, place = divmod(part, len(losses))
            # The first case of a part is the simplest there is: a part that begins with another kind has another one.
            weights = [*inputs.WEIGHTS[turn % len(inputs.WEIGHTS) :], *inputs.WEIGHTS[: turn % len(inputs.WEIGHTS)]]
            drawn = strategies.cases(losses=[losses[place]], weights=weights)
            # Losses that draw alike would else draw the same.
            own_seed = zlib.crc32(f"{seed} {turn} {losses[place]}".encode())
            _run_part(engines, count, own_seed, tally, drawn)
            part += 1


def _run_part(engines: Sequence[Engine], count: int, seed: int, tally: Tally, drawn: Any) -> None:
    known = set(tally.unexplained)
    shrinking: set[tuple[str, str, str]] = set()

    def ask(item: Item) -> None:
        if tally.asked >= count and not shrinking:
            return
        for engine in engines:
            found = hold(engine, item)
            if not shrinking:
                _count(tally, engine, item, found)
            if found is None:
                continue
            for wrong in found.left:
                group = (item["loss"], engine.row, wrong)
                if group in known or (shrinking and group not in shrinking):
                    continue
                shrinking.add(group)
                raise Unexplained(told(item, engine.row, found))

    phases = [hypothesis.Phase.generate, hypothesis.Phase.shrink]
    quiet = hypothesis.settings(
        max_examples=_AT_ONCE, database=None, deadline=None, phases=phases, print_blob=False,
        suppress_health_check=list(hypothesis.HealthCheck), verbosity=hypothesis.Verbosity.quiet, report_multiple_bugs=False,
    )  # fmt: skip
    try:
        hypothesis.seed(seed)(quiet(hypothesis.given(drawn)(ask)))()
    except Unexplained as difference:
        tally.programs.append(str(difference))


def _count(tally: Tally, engine: Engine, item: Item, found: Found | None) -> None:
    if found is None:
        tally.absent[engine.row] += 1
        return
    report = tally.reports.setdefault((engine.row, "cpu"), comparison.Report(engine.row))
    report.add(found.result, found.reasons)
    tally.agreed[item["loss"]] += not found.result.wrong and not found.result.refused
    words = strategies.words_of(item)
    for kind in (words["weight"], *([words["fill"]] if words["fill"] != "ordinary" else [])):
        tally.cells[item["loss"], engine.row, kind] += 1
    for wrong in found.left:
        tally.unexplained[item["loss"], engine.row, wrong] += 1


# ------------------------------------------------------------------------------------------------------ what is printed


def told(item: Item, row: str, found: Found) -> str:
    """A difference as a program that asks it again."""
    lines = [f"{row}: {item['loss']}: {', '.join(found.left)}: {found.result.detail}"]
    lines += [f"  {item['id']}"]
    for name in ("y_true", "y_pred", "sample_weight", "mask"):
        array = item[name]
        lines.append(
            f"  {name} = " + ("None" if array is None else f"np.array({array.tolist()}, {array.dtype.name!r})")
        )
    lines.append(f"  options = {item['options']}; reduction = {item['reduction']!r}; dtype = {item['dtypes'][0]!r}")
    return "\n".join(lines)


def table(tally: Tally, rows: Sequence[str]) -> Iterator[str]:
    """Cells per loss, row and weight kind, then the emptiest of them."""
    kinds = [*inputs.WEIGHTS, *inputs.FILLS[1:]]
    for row in rows:
        yield f"{row:<40}" + "".join(f"{kind:>10}" for kind in kinds)
        for loss in inputs.LOSSES:
            counts = [tally.cells[loss, row, kind] for kind in kinds]
            if any(counts):
                yield f"  {loss:<38}" + "".join(f"{count:>10}" for count in counts)
            else:
                yield f"  {loss:<38}" + f"{'-':>10}" * len(kinds)
    offered = {(loss, row) for loss, row, _ in tally.cells}
    emptiest = sorted((tally.cells[loss, row, kind], loss, row, kind) for loss, row in offered for kind in kinds)[:5]
    yield "emptiest: " + "; ".join(f"{loss} {row} {kind}: {count}" for count, loss, row, kind in emptiest)


def summary(tally: Tally, rows: Sequence[str], seed: int) -> Iterator[str]:
    """All that a run found."""
    yield f"seed {seed}: {tally.asked} cells asked; not offered: {dict(tally.absent)}"
    yield from table(tally, rows)
    yield from ledger.table(tally.reports)
    used = {reason for report in tally.reports.values() for reason in report.diverging}
    idle = [line.reason for line in live_divergences.KNOWN if line.reason not in used]
    if idle:
        yield "reasons that nothing needed in this run: " + "; ".join(idle)
    for (loss, row, wrong), number in sorted(tally.unexplained.items()):
        yield f"UNEXPLAINED {number} x {row} {loss}: {wrong}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m parity_tests.live", description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES, help="cells to ask, over all engines")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--rows", nargs="+", choices=list(live_engines.ROWS), default=list(live_engines.ROWS))
    parser.add_argument("--losses", nargs="+", choices=inputs.LOSSES, default=inputs.LOSSES)
    options = parser.parse_args(arguments)
    engines, tally, began = [live_engines.engine(row) for row in options.rows], Tally(), time.time()
    print(f"seed {options.seed}", flush=True)
    run(engines, options.cases, options.seed, tally, losses=options.losses)
    print(*tally.programs, sep="\n")
    print(*summary(tally, options.rows, options.seed), sep="\n")
    print(f"{time.time() - began:.0f} s")
    return bool(tally.unexplained)


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    sys.exit(main())
