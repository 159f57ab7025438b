"""What a figure of the scoreboard is, and what comes of measuring it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Measured:
    """A figure in words, whether it meets its target (None: it was not run here), and rows of a table to publish.

    ``why`` says why a target is missed that nothing can be done about for now; without it, a miss is a failure.
    """

    figure: str
    passed: bool | None
    table: Sequence[Sequence[str]] = field(default_factory=tuple)
    why: str = ""


@dataclass(frozen=True)
class Figure:
    """A line of the scoreboard: ``measure(full)`` takes minutes in full and seconds otherwise."""

    number: int
    name: str
    method: str
    target: str
    command: str
    measure: Callable[[bool], Measured]


def not_run(why: str) -> Measured:
    """What cannot be measured here is shown, never left out."""
    return Measured(f"not run: {why}", None)


def counted(bad: int, cases: int, what: str) -> str:
    """``0 of 5,000 what``."""
    return f"{bad:,} of {cases:,} {what}"
