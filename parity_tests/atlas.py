"""``python -m parity_tests.atlas``: what each release does, and where it changed, read off the recordings into docs/atlas.md.

Nothing about a release is typed here. A behaviour is one recorded cell and, for each thing that can happen, a release
that does it: the others are told by which of these they answer alike.
"""

from __future__ import annotations

import argparse
import collections
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from parity_tests.atlas_words import BEHAVIOURS, LINEAGES, SETTLED, WORDS, Behaviour
from torchweights.parity import comparison, recordings
from torchweights.releases import spans
from torchweights.semantics import ROW_OF

PAGE = Path(__file__).parent.parent / "docs" / "atlas.md"
#: answers of one meaning are at least as near as this, scaled; float32 beside float64 is
ALIKE = 1e-5
#: what no rounding of one meaning reaches in float64
SAME = 1e-12
#: how many of the kinds of cells that changed between two releases are shown
_SHOWN = 6

Key = tuple[str, str]


@cache
def cells_of(release: str) -> dict[Key, recordings.Cell]:
    """The recorded cells of a release, those included that only the atlas asks about."""
    return recordings.read(release).cells


def cell_of(release: str, name: str) -> recordings.Cell | None:
    """The answer to a case, in float64 where there is one that is no refusal."""
    found = [cell for dtype in ("float64", "float32") if (cell := cells_of(release).get((name, dtype))) is not None]
    return next((cell for cell in found if cell.refusal is None), found[0] if found else None)


# ------------------------------------------------------------------------------------------------ releases x behaviours


def word_for(behaviour: Behaviour, release: str) -> str:
    """What a release does, in the word of the release that is known to do it."""
    cell = cell_of(release, behaviour.cell)
    if cell is None:
        return "–"
    if cell.refusal is not None:
        return "refused"
    alike = (word for word, known in behaviour.words.items() if any(
        distance(cell, example) < ALIKE for example in _examples(behaviour, known)))  # fmt: skip
    return next(alike, "?")


def _examples(behaviour: Behaviour, releases: str | tuple[str, ...]) -> Iterator[recordings.Cell]:
    for release in (releases,) if isinstance(releases, str) else releases:
        cell = cell_of(release, behaviour.cell)
        assert cell is not None and cell.value is not None, f"{release} is no example of {behaviour.title}"
        yield cell


def distance(one: recordings.Cell, other: recordings.Cell) -> float:
    """How far two answers are from each other, scaled by their numbers or 1; infinite where one is a refusal."""
    if one.refusal is not None or other.refusal is not None:
        return 0.0 if one.refusal is not None and other.refusal is not None else np.inf
    assert one.value is not None and other.value is not None
    found = comparison.scaled_error(one.value, other.value, 1.0)
    if one.gradient is None or other.gradient is None:
        return found
    # NaN beside 0 in a gradient is no other meaning of the loss.
    clean = [np.nan_to_num(cell.gradient, nan=0.0) for cell in (one, other)]
    return max(found, comparison.scaled_error(clean[0], clean[1], 1.0)) if clean[0].shape == clean[1].shape else np.inf


def matrix(releases: Sequence[str]) -> Iterator[str]:
    """Releases down, behaviours across."""
    yield f"| release | row | {' | '.join(behaviour.title for behaviour in BEHAVIOURS)} |"
    yield f"|---|---|{'---|' * len(BEHAVIOURS)}"
    for group in _alike(releases):
        words = (word_for(behaviour, group[0]) for behaviour in BEHAVIOURS)
        yield f"| {spans(group)} | `{ROW_OF.get(group[0], group[0])}` | {' | '.join(words)} |"


def _alike(releases: Sequence[str]) -> list[list[str]]:
    """Consecutive releases of one row that show the same in every column."""
    groups: list[list[str]] = []
    for release in releases:
        shown = [word_for(behaviour, release) for behaviour in BEHAVIOURS]
        last = groups[-1][0] if groups else None
        if (
            last is not None
            and ROW_OF.get(last) == ROW_OF.get(release)
            and shown == [word_for(behaviour, last) for behaviour in BEHAVIOURS]
        ):
            groups[-1].append(release)
        else:
            groups.append([release])
    return groups


# ------------------------------------------------------------------------------------------------ where something changed


def changes(before: str, after: str) -> dict[str, list[str]]:
    """What changed between two releases: kind of change -> the cells."""
    old, new = cells_of(before), cells_of(after)
    found: dict[str, list[str]] = collections.defaultdict(list)
    for key in dict.fromkeys((*old, *new)):
        kind = _kind(old.get(key), new.get(key))
        if kind:
            found[kind].append(f"{key[0]} in {key[1]}")
    return dict(found)


def _kind(old: recordings.Cell | None, new: recordings.Cell | None) -> str:
    if old is None or new is None:
        return "now offered" if old is None else "no longer offered"
    if (old.refusal is None) != (new.refusal is None):
        return "now refused" if old.refusal is None else "now accepted"
    apart = distance(old, new)
    return "" if apart <= SAME else "other digits" if apart < ALIKE else "other numbers"


def boundary(before: str, after: str) -> Iterator[str]:
    """A step from one release to the next: the words, the counts, and a cell of each kind that shows it."""
    found = changes(before, after)
    counts = ", ".join(f"{len(cells)} {kind}" for kind, cells in sorted(found.items()))
    yield f"### {before} → {after}"
    yield ""
    yield f"{WORDS[before, after]} ({counts}.)"
    yield ""
    shown = [(kind, group) for kind in ("other numbers", "now refused", "now accepted", "other digits") for group in
             _groups(found.get(kind, []))]  # fmt: skip
    for kind, group in shown[:_SHOWN]:
        yield f"- {kind}, {len(group)}: `{group[0]}`{_numbers(before, after, group[0])}"
    if len(shown) > _SHOWN:
        yield f"- ... and {len(shown) - _SHOWN} other kinds of cells"
    if shown:
        yield ""


def _groups(names: Sequence[str]) -> list[list[str]]:
    """Cells by door and loss, the largest group first."""
    groups: dict[str, list[str]] = collections.defaultdict(list)
    for name in names:
        groups[name.rsplit("/", 1)[0] if name.count("/") > 1 else name].append(name)
    return sorted(groups.values(), key=len, reverse=True)


def _numbers(before: str, after: str, name: str) -> str:
    """The number on either side that differs most."""
    case, dtype = name.rsplit(" in ", 1)
    sides = [cells_of(release)[case, dtype] for release in (before, after)]
    said = [_said(cell) for cell in sides]
    if all(cell.value is not None for cell in sides):
        values = [np.asarray(cell.value, np.float64) for cell in sides]
        gradients = [
            np.asarray(cell.gradient, np.float64) if cell.gradient is not None else np.zeros(()) for cell in sides
        ]
        for what, pair in (("", values), ("gradient ", gradients)):
            if pair[0].shape == pair[1].shape and comparison.scaled_error(pair[0], pair[1], 1.0) > SAME:
                off = np.abs(np.nan_to_num(pair[0], nan=1e30) - np.nan_to_num(pair[1], nan=1e30))
                place = np.unravel_index(int(off.argmax()), off.shape)
                said = [f"{what}{array[place]:.10g}" for array in pair]
                break
    return f": {said[0]} before, {said[1]} after"


def _said(cell: recordings.Cell) -> str:
    if cell.refusal is not None:
        return f"{cell.refusal[0]} ({cell.refusal[1][:70]})"
    assert cell.value is not None
    return f"{cell.value.reshape(-1)[0]:.10g} of shape {cell.value.shape}" if cell.value.ndim else f"{cell.value:.10g}"


def steps() -> Iterator[tuple[str, str]]:
    """Every two releases of a lineage that follow each other."""
    for lineage in LINEAGES:
        yield from zip(lineage.releases, lineage.releases[1:], strict=False)


# ------------------------------------------------------------------------------------------------ the page


def page() -> str:
    """docs/atlas.md."""
    lines = [
        "# Atlas: what each release of Keras does with loss weights, and where it changed",
        "",
        "Generated by `python -m parity_tests.atlas` from the recordings; do not edit. "
        f"{sum(len(lineage.releases) for lineage in LINEAGES)} releases.",
        "",
        "## What the columns say",
        "",
    ]
    lines += [f"- **{behaviour.title}**: {behaviour.question} Shown by `{behaviour.cell}`." for behaviour in BEHAVIOURS]
    lines += ["", '"refused": the release raises an error. "–": it has not got what is asked.', ""]
    for lineage in LINEAGES:
        if lineage.tabled:
            lines += [f"## {lineage.title}", "", *matrix(lineage.releases), ""]
    lines += ["## Where something changed", "", "Steps that are not listed changed no cell.", ""]
    for before, after in steps():
        if changes(before, after):
            lines += boundary(before, after)
    lines += ["## What this settles in keras-semantics.md", "", *(f"- {line}" for line in SETTLED), ""]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m parity_tests.atlas", description="Writes docs/atlas.md.")
    parser.add_argument("--steps", action="store_true", help="print every step with its counts, and write nothing")
    options = parser.parse_args(arguments)
    if options.steps:
        for before, after in steps():
            print(before, after, {kind: len(cells) for kind, cells in changes(before, after).items()})
        return 0
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
