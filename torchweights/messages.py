"""How errors and warnings are worded: the argument, what was expected, what came, and the way out."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable


class KerasTrapWarning(UserWarning):
    """The release that a row reproduces is silently wrong here; said once for each trap."""


_said: set[str] = set()


def warn_of_trap(trap: str, message: str) -> None:
    """Warn of a trap, once for each process."""
    if trap not in _said:
        _said.add(trap)
        warnings.warn(message, KerasTrapWarning, stacklevel=frames_inside())


def frames_inside() -> int:
    """The stacklevel of whoever called: the first frame that is neither of this library nor of torch."""
    frame, depth = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in ("torchweights", "torch"):
        frame, depth = frame.f_back, depth + 1
    return depth


def shown(value: object, most: int = 60) -> str:
    """A value as it is written in code, on one line and not too long."""
    return f"{' '.join(repr(value).split()):.{most}}"


def choose(argument: str, received: object, expected: Iterable[str]) -> str:
    """``received`` if it is one of the words expected; otherwise a ValueError with the list and the closest word."""
    words = list(expected)
    if isinstance(received, str) and received in words:
        return received
    near = difflib.get_close_matches(str(received), words, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{argument} expected one of {', '.join(words)}; received {shown(received)}.{hint}")
