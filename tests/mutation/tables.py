"""The mutants of the tables of eras: every cell in turn holds each other value of its column, and a recording must notice.

mutmut changes functions alone. What no recorded release can notice (the rows that are the library's own, options that no case
asks about) must be noticed by the tests that the other mutants face.
"""

from __future__ import annotations

import itertools
import multiprocessing
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import torch

from tests.mutation.recorded_rows import divergences
from torchweights import denominators, reduction, semantics
from torchweights.messages import KerasTrapWarning
from torchweights.parity import comparison, recordings

TABLES: dict[str, dict[str, Any]] = {
    "WEIGHING": semantics.WEIGHING,
    "FORMULAS": semantics.FORMULAS,
    "CLASS_WEIGHTS": semantics.CLASS_WEIGHTS,
}
#: column of _ROWS -> the table that it points into
POINTERS = ("WEIGHING", "FORMULAS", "CLASS_WEIGHTS")
#: constants beside the tables -> what they are changed to
CONSTANTS: dict[tuple[Any, str], tuple[Any, ...]] = {
    (denominators, "MASK_EPSILON"): (0.0, 1e-6),
    (reduction, "REDUCTIONS"): tuple(
        tuple(word for word in reduction.REDUCTIONS if word != gone) for gone in reduction.REDUCTIONS
    ),
}


@dataclass(frozen=True)
class Cell:
    """A cell of a table, and the place among the other values of its column of what it holds instead."""

    table: str
    line: str
    column: str
    choice: int

    @property
    def key(self) -> str:
        """As survivors.txt writes it."""
        return f"{self.table}[{self.line}].{self.column}\n+ {shown(self.value)}"

    @property
    def value(self) -> Any:
        return others(self.table, self.line, self.column)[self.choice]


def shown(value: Any) -> str:
    """A value by its name, if it has one."""
    return str(getattr(value, "__name__", repr(value)))


def others(table: str, line: str, column: str) -> list[Any]:
    """The values of a column, each once, that are not in this line."""
    if table == "_ROWS":
        own = semantics._ROWS[line][POINTERS.index(column)]
        return [name for name in TABLES[column] if name != own and ":" not in name]
    if table == "_OBJECTS":
        return [tuple(loss for loss in semantics._OBJECTS[_door(line)] if loss != column)]
    if table == "constants":
        return list(next(values for (_, name), values in CONSTANTS.items() if name == line))
    held = [getattr(row, column) for row in TABLES[table].values()]
    own = getattr(TABLES[table][line], column)
    return [value for place, value in enumerate(held) if value != own and value not in held[:place]]


def _door(line: str) -> tuple[str, str]:
    name, door = line.split(":")
    return name, door


def cells() -> list[Cell]:
    """Every cell with every other value of its column."""
    places = [
        *((table, line, field.name) for table, rows in TABLES.items() for line, row in rows.items() for field in fields(row)),
        *(("_ROWS", line, column) for line, column in itertools.product(semantics._ROWS, POINTERS)),
        *(("_OBJECTS", ":".join(line), loss) for line, losses in semantics._OBJECTS.items() for loss in losses),
        *(("constants", name, "value") for _, name in CONSTANTS),
    ]  # fmt: skip
    return [Cell(*place, choice) for place in places for choice in range(len(others(*place)))]


@contextmanager
def spoiled(cell: Cell) -> Iterator[set[str]]:
    """The library with the cell spoiled; the names of the rows that are not as they were."""
    value, kept = cell.value, dict(semantics.SEMANTICS)
    table: dict[Any, Any] = {**TABLES, "_ROWS": semantics._ROWS, "_OBJECTS": semantics._OBJECTS}.get(cell.table, {})
    line = _door(cell.line) if cell.table == "_OBJECTS" else cell.line
    owner = next((module for module, name in CONSTANTS if name == cell.line), None)
    before = table.get(line) if owner is None else getattr(owner, cell.line)
    if owner is not None:
        setattr(owner, cell.line, value)
    elif cell.table == "_ROWS":
        place = POINTERS.index(cell.column)
        table[line] = (*table[line][:place], value, *table[line][place + 1 :])
    else:
        table[line] = value if cell.table == "_OBJECTS" else replace(table[line], **{cell.column: value})
    try:
        semantics.SEMANTICS.clear()
        semantics.SEMANTICS.update(semantics._rows())
        changed = {name for name, row in semantics.SEMANTICS.items() if kept.get(name) != row}
        asked = set(semantics.SEMANTICS) if owner is not None else {line[0]} if cell.table == "_OBJECTS" else changed
        yield {name.partition(":")[0] for name in asked | (set(kept) - set(semantics.SEMANTICS))}
    finally:
        if owner is not None:
            setattr(owner, cell.line, before)
        else:
            table[line] = before
        semantics.SEMANTICS.clear()
        semantics.SEMANTICS.update(kept)


# ------------------------------------------------------------------------------------------------ what a recording notices

#: a recorded answer: release, case, float type, answer, and what it is compared in
Asked = tuple[str, dict[str, Any], str, recordings.Cell, str]
#: row -> the releases that were recorded with its numbers, as the tables say before they are spoiled
RELEASES = {name: row.releases for name, row in semantics.SEMANTICS.items() if ":" not in name}


@cache
def recorded(row: str) -> list[Asked]:
    """The recorded cells of a row's releases, each answer once."""
    found: dict[tuple[str, str, str, int], Asked] = {}
    for release in RELEASES[row]:
        items, recording = comparison.items_of(release), comparison.recording_of(release)
        for (name, dtype), cell in recording.cells.items():
            if name in items:
                precision = comparison.precision_of(recording.header, items[name], dtype)
                asked = (release, items[name], dtype, cell, precision)
                found.setdefault((name, dtype, precision, id(cell)), asked)
    return list(found.values())


def _notices(asked: Asked) -> bool:
    release, item, dtype, answer, precision = asked
    try:
        result = comparison.compare_cell(item, answer, release, dtype, precision)
    except Exception:  # of whatever kind: the row as it was raised none
        return True
    return bool(comparison.explain(result, divergences())[1])


_read: set[tuple[str, str]] = set()


def _noting(part: Any) -> Any:
    """A part of a row that notes which of its columns are read."""
    kind = type(part)

    def note(self: Any, name: str) -> Any:
        _read.add((kind.__name__, name))
        return object.__getattribute__(self, name)

    noting = type(kind.__name__, (kind,), {"__getattribute__": note})
    made = object.__new__(noting)
    made.__dict__.update(vars(part))
    return made


def reads(row: str) -> list[frozenset[tuple[str, str]]]:
    """Of each recorded cell of a row the columns that are read for it: what no column of it changes, cannot notice."""
    kept = dict(semantics.SEMANTICS)
    found = []
    with quiet():
        for name, whole in kept.items():
            parts = {part: _noting(getattr(whole, part)) for part in ("weighing", "formulas", "class_weights")}
            semantics.SEMANTICS[name] = replace(whole, **parts)
        for asked in recorded(row):
            _read.clear()
            if _notices(asked):
                raise AssertionError(f"{asked[0]} {asked[1]['id']} differs with whole tables")
            found.append(frozenset(_read))
        semantics.SEMANTICS.update(kept)
    return found


@contextmanager
def quiet() -> Iterator[None]:
    """One thread, and no warnings of traps: they are said by rows that are spoiled."""
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KerasTrapWarning)
        yield


#: row -> what ``reads`` found
_columns_read: dict[str, list[frozenset[tuple[str, str]]]] = {}
#: the cases that noticed a spoiled cell of a column before: they are likely to notice the next one
_noticed: dict[tuple[str, str], list[str]] = defaultdict(list)


def _may_notice(cell: Cell, row: str, before: dict[str, Any]) -> list[Asked]:
    """The recorded cells of a row for which a column is read that is not as it was."""
    if cell.table in ("_OBJECTS", "constants"):
        return recorded(row)
    pairs = [
        (before.get(name), semantics.SEMANTICS.get(name))
        for name in {*before, *semantics.SEMANTICS}
        if name.partition(":")[0] == row
    ]
    parts = [
        (getattr(one, part), getattr(other, part))
        for one, other in pairs
        if one and other
        for part in ("weighing", "formulas", "class_weights")
    ]
    changed = {
        (type(one).__name__, field.name)
        for one, other in parts
        for field in fields(one)
        if getattr(one, field.name) != getattr(other, field.name)
    }
    if any(one is None or other is None for one, other in pairs):
        return recorded(row)
    return [asked for asked, read in zip(recorded(row), _columns_read[row], strict=True) if read & changed]


def noticing(cell: Cell) -> str | None:
    """A recorded cell that notices a spoiled cell of a table; None if there is none."""
    known, before = _noticed[cell.table, cell.column], dict(semantics.SEMANTICS)
    likely = {name: place for place, name in enumerate(reversed(known))}
    with spoiled(cell) as rows:
        asked = [one for row in sorted(rows) for one in _may_notice(cell, row, before)]
        for one in sorted(asked, key=lambda one: likely.get(one[1]["id"], len(known))):
            if _notices(one):
                known[:] = [name for name in known if name != one[1]["id"]] + [one[1]["id"]]
                return f"{one[0]} {one[1]['id']} in {one[2]}"
    return None


def _unnoticed(group: Sequence[Cell]) -> list[Cell]:
    with quiet():
        return [cell for cell in group if noticing(cell) is None]


def unnoticed(asked: Sequence[Cell], workers: int) -> list[Cell]:
    """The cells that no recording notices."""
    _ = [recorded(row) for row in RELEASES]
    columns: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in asked:
        columns[cell.table, cell.column].append(cell)
    context = multiprocessing.get_context("fork")
    with context.Pool(workers) as pool:
        _columns_read.update(zip(RELEASES, pool.map(reads, RELEASES, chunksize=1), strict=True))
    with context.Pool(workers) as pool:
        return [cell for group in pool.imap_unordered(_unnoticed, columns.values()) for cell in group]
