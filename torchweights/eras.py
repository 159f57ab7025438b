"""The tables of eras as text, generated from the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torchweights.alignment import unfed
from torchweights.compile_rules import COMPILE_RULES
from torchweights.releases import expand, spans
from torchweights.semantics import SEMANTICS, ClassWeights, Semantics
from torchweights.tf1 import rows as tf1_rows

_EMPTY = {"zero": "0", "nan": "NaN", "zero, negative too": "0 (D < 0 too)"}
#: the releases of tf.losses that were recorded
_TF_LOSSES = tuple(expand("1.12-15 2.0-21"))


def _says(function: Callable[..., Any]) -> str:
    """What a named function of a row does, in its own words."""
    line = (function.__doc__ or "").strip().splitlines()[0].rstrip(".")
    return line[0].lower() + line[1:]


def _meeting(row: Semantics) -> str:
    fed = row.weighing.feed is not unfed
    return _says(row.weighing.meet) + (f"; {_says(row.weighing.feed)}" if fed else "")


def _missing(rule: ClassWeights) -> str:
    return "error" if rule.missing == "refuse" else f"weighs {rule.missing:g}"


def _rows() -> Iterator[Semantics]:
    return (row for name, row in SEMANTICS.items() if ":" not in name)


def _lines(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    listed = list(heads)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (listed, ["---"] * len(listed), *rows))


def weighing_table() -> str:
    """What weights mean, as Markdown: rows that differ in their formulas alone share a line.

    >>> print(weighing_table().splitlines()[0])
    | row | how weights and mask meet the values | mean divides by | 0 / 0 | class beside sample weights | class without weight |
    """
    lines: dict[tuple[str, ...], list[str]] = {}
    for row in _rows():
        rule = row.class_weights
        cells = (
            _meeting(row),
            _says(row.weighing.denominator),
            _EMPTY[row.weighing.empty],
            rule.beside,
            _missing(rule),
        )
        lines.setdefault(cells, []).append(f"`{row.name}`")
    heads = ("row", "how weights and mask meet the values", "mean divides by", "0 / 0", "class beside sample weights",
             "class without weight")  # fmt: skip
    return _lines(heads, ([", ".join(names), *cells] for cells, names in lines.items()))


_EPOCHS = {"samples": "by size", "batches": "all alike"}


def compile_table() -> str:
    """What ``compile`` and ``fit`` make of several outputs, as Markdown: a line for each row of the table of compile rules.

    >>> print(compile_table().splitlines()[0])
    | row | releases | losses | loss weights | sample weights | class weights | penalty of an activity | batches in an epoch: loss, outputs |
    """
    cells = []
    for rule in COMPILE_RULES.values():
        epochs = f"{_EPOCHS[rule.epochs.loss]}, {_EPOCHS[rule.epochs.outputs]}"
        found = (rule.losses, rule.loss_weights, rule.sample_weights, rule.class_weights)
        cells.append([f"`{rule.name}`", rule.releases.replace(" ", ", "), *map(_says, found), rule.activity, epochs])
    heads = ("row", "releases", "losses", "loss weights", "sample weights", "class weights", "penalty of an activity",
             "batches in an epoch: loss, outputs")  # fmt: skip
    return _lines(heads, cells)


def releases_table() -> str:
    """Which recorded releases have the numbers of each row, as Markdown.

    >>> print(releases_table().splitlines()[-1])
    | 84 |  | in all |
    """
    covered = {row.name: row.releases for row in _rows()}
    for release in _TF_LOSSES:
        row = tf1_rows.row_name(f"tensorflow=={release}")
        covered[row] = (*covered.get(row, ()), f"tf.losses{release}")
    cells = [[str(len(names)), f"`{row}`", spans(names) or "the library's own"] for row, names in covered.items()]
    total = sum(len(names) for names in covered.values())
    return _lines(("releases", "row", "which"), [*cells, [str(total), "", "in all"]])
