"""All misuses at once, outside of pytest: ``python -m tests.misuse.measure``."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from tests.misuse.case import Misuse
from tests.misuse.catalogue import CASES
from tests.misuse.judgement import cause_told, faults, raised
from tests.misuse.state import Before


@dataclass(frozen=True)
class Measured:
    """How many misuses there are, how many are answered as promised, and how long the answers are."""

    cases: int
    #: told apart by argument and message
    causes: int
    #: of the right type
    detected: int
    #: naming the argument, what came and the way out
    helpful: int
    changed_state: int
    median_length: float
    longest: int


def measured(cases: list[Misuse] = CASES) -> Measured:
    """Run every case."""
    causes, lengths = set(), []
    detected = helpful = changed = 0
    for misuse in cases:
        before = Before.the(misuse)
        error = raised(misuse)
        changed += bool(before.changes(misuse))
        detected += type(error) is misuse.error
        helpful += not faults(misuse, error)
        if error is not None:
            causes.add(cause_told(misuse.argument, str(error)))
            lengths.append(len(str(error)))
    return Measured(len(cases), len(causes), detected, helpful, changed, median(lengths), max(lengths))


if __name__ == "__main__":
    for name, number in vars(measured()).items():
        print(f"{name:14} {number:g}")
