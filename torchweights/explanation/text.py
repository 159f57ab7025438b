"""An explanation as text: no wider than 100 columns, without colour."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from torchweights.explanation.parts import Part

#: what ``tw.explain`` returns, a floor above
Explanation = Any
SideBySide = Any

WIDTH = 100


def number(value: float | None) -> str:
    """Six digits; a dash for what cannot be told."""
    return "-" if value is None else f"{value:.6g}"


def percent(value: float | None) -> str:
    """A share, in percent."""
    return "-" if value is None else f"{100 * value + 0.0:.3g} %"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Columns side by side; the last one is wrapped where the line ends."""
    listed = [list(heads), *map(list, rows)]
    widths = [max(len(row[place]) for row in listed) for place in range(len(heads))]
    before = sum(widths[:-1]) + 2 * len(widths)
    lines = []
    for row in listed:
        last = textwrap.wrap(row[-1], max(WIDTH - before, 20)) or [""]
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        lines.append("  " + "  ".join([*cells, last[0]]).rstrip())
        lines += [" " * before + more for more in last[1:]]
    return lines


def shape(given: tuple[int, ...]) -> str:
    """(4, 3)"""
    return f"({', '.join(map(str, given))})"


STAGES = ("stage", "shape", "sum", "how")
CLASSES = ("class", "elements", "errors", "weight", "loss", "gradient")
SOURCES = ("weights", "least", "most", "at zero", "numerator x")
HEAVIEST = ("index", "class", "share of loss", "value", "weight")


def stage_rows(part: Part) -> list[tuple[str, ...]]:
    """The way of the number."""
    return [(stage.name, shape(stage.shape), number(stage.sum), stage.how) for stage in part.stages]


def class_rows(part: Part) -> list[tuple[str, ...]]:
    """Who pays."""
    return [
        (
            str(one.label),
            percent(one.elements),
            percent(one.errors),
            percent(one.weight),
            percent(one.loss),
            percent(one.gradient),
        )
        for one in part.classes
    ]


def source_rows(part: Part) -> list[tuple[str, ...]]:
    """Where weights come from."""
    return [
        (one.name, number(one.least), number(one.most), percent(one.excluded), number(one.factor))
        for one in part.sources
    ]


def heavy_rows(part: Part) -> list[tuple[str, ...]]:
    """The values that weigh most."""
    return [
        (
            shape(one.index),
            "-" if one.label is None else str(one.label),
            percent(one.share),
            number(one.value),
            number(one.weight),
        )
        for one in part.heaviest
    ]


def output_rows(explanation: Explanation) -> list[tuple[str, ...]]:
    """What each output, and each penalty, brings to the total."""
    whole = explanation.gradient or 1.0
    rows = [
        (part.output, number(part.loss), number(part.loss_weight), number(part.weighted), percent(explanation.share(part.weighted)),
         percent(abs(part.loss_weight) * part.gradient / whole))
        for part in explanation.parts
    ]  # fmt: skip
    return rows + [
        (name, number(value), "-", number(value), percent(explanation.share(value)), "-")
        for name, value in explanation.penalties
    ]


def sample_rows(part: Part) -> list[tuple[str, ...]]:
    """The samples that weigh most, all their values together."""
    return [(str(one.index), percent(one.share)) for one in part.samples]


SAMPLES = ("sample", "share of loss")
OUTPUTS = ("output", "loss", "x weight", "weighted", "of the total", "of the gradient")


def lines_of(explanation: Explanation) -> list[str]:
    """The whole explanation."""
    lines = [f"loss {number(explanation.total)}  (row {explanation.semantics})"]
    if len(explanation.parts) + len(explanation.penalties) > 1:
        lines += ["", "Outputs", *table(OUTPUTS, output_rows(explanation))]
    for part in explanation.parts:
        title = part.criterion if len(explanation.parts) == 1 else f"{part.output}: {part.criterion}"
        lines += ["", *textwrap.wrap(title, WIDTH), *table(STAGES, stage_rows(part))]
        for name, heads, rows in (
            ("Who pays (shares)", CLASSES, class_rows(part)), ("Sources of weight", SOURCES, source_rows(part)),
            ("Heaviest samples", SAMPLES, sample_rows(part)),
            ("Heaviest values", HEAVIEST, heavy_rows(part)),
        ):  # fmt: skip
            if rows:
                lines += ["", name, *table(heads, rows)]
    lines += ["", "Findings", *(_wrapped(one) for one in explanation.findings or ("nothing stands out.",))]
    return "\n".join(lines).splitlines()


def _wrapped(finding: str) -> str:
    return "\n".join(textwrap.wrap(finding, WIDTH, initial_indent="  * ", subsequent_indent="    "))


def lines_side_by_side(side: SideBySide) -> list[str]:
    """Rows under each other."""
    rows = [(one.row, number(one.loss), number(one.ratio), one.how) for one in side.rows]
    return table(("row", "loss", "x this one", "denominator, or why not"), rows)
