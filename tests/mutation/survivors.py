"""The mutants that no test kills, each with the reason: survivors.txt, which a run must agree with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

FILE = Path(__file__).with_name("survivors.txt")


def listed(text: str | None = None) -> dict[str, str]:
    """key of a mutant -> why nothing kills it.

    ``= reason`` speaks of all mutants below it, up to the next reason. A mutant is a function with the lines that change
    (- before, + after), and empty lines around it; or a cell of a table, on a line of its own, with what it holds instead:
    ``TABLE[line, another line].column = value`` is a mutant of each line.
    """
    found: dict[str, str] = {}
    reason, key = "", ""
    for line in [*(FILE.read_text(encoding="utf-8") if text is None else text).splitlines(), ""]:
        if line.startswith("= "):
            reason = line[2:]
        elif line.strip() and not line.startswith("#"):
            key = f"{key}\n{line}" if key else line
        if key and (not line.strip() or _CELL.fullmatch(key)):
            if not reason:
                raise ValueError(f"{FILE.name} expected '= reason' before {key!r}.")
            for one in _each(key):
                if one in found:
                    raise ValueError(f"{FILE.name} lists {one!r} twice.")
                found[one] = reason
            key = ""
    return found


#: a cell of a table, for one line of it or for several
_CELL = re.compile(r"(\w+)\[(.+?)\](\.\w+ = .*)")


def _each(key: str) -> list[str]:
    cell = _CELL.fullmatch(key)
    return [key] if cell is None else [f"{cell[1]}[{line}]{cell[3]}" for line in cell[2].split(", ")]


def disagreements(survived: Iterable[str], killed: Iterable[str], known: Iterable[str], whole: bool) -> list[str]:
    """What survived and is not listed, what is listed and was killed, and after a whole run what is listed and was not made."""
    survived, killed, known = set(survived), set(killed), set(known)
    return [
        *(f"survives, and is not listed in {FILE.name}:\n{key}" for key in sorted(survived - known)),
        *(f"is listed in {FILE.name}, and was killed:\n{key}" for key in sorted(killed & known)),
        *(f"is listed in {FILE.name}, and there is no such mutant:\n{key}" for key in sorted(known - survived - killed) if whole),
    ]  # fmt: skip
