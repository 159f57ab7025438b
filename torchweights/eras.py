"""The weighing table of eras as text, generated from the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torchweights.alignment import unfed
from torchweights.semantics import SEMANTICS, ClassWeights, Semantics

_EMPTY = {"zero": "0", "nan": "NaN", "zero, negative too": "0 (D < 0 too)"}


def _says(function: Callable[..., Any]) -> str:
    """What a named function of a row does, in its own words."""
    line = (function.__doc__ or "").strip().splitlines()[0].rstrip(".")
    return line[0].lower() + line[1:]


def _meeting(row: Semantics) -> str:
    fed = row.weighing.feed is not unfed
    return _says(row.weighing.meet) + (f"; {_says(row.weighing.feed)}" if fed else "")


def _missing(rule: ClassWeights) -> str:
    return "error" if rule.missing == "refuse" else f"weighs {rule.missing:g}"


def weighing_table() -> str:
    """The table as Markdown: one line per row, from the rows themselves.

    >>> print(weighing_table().splitlines()[0])
    | row | how weights and mask meet the values | mean divides by | 0 / 0 | class beside sample weights | class without weight |
    """
    lines = [
        "| row | how weights and mask meet the values | mean divides by | 0 / 0 | class beside sample weights | class without weight |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in SEMANTICS.items():
        if ":" in name:
            continue
        rule = row.class_weights
        cells = (
            f"`{name}`",
            _meeting(row),
            _says(row.weighing.denominator),
            _EMPTY[row.weighing.empty],
            rule.beside,
            _missing(rule),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
