"""The mutants of the tables of eras: every cell in turn holds each other value of its column.

mutmut changes functions alone. A recording must notice (``tests.mutation.noticing``), or where none can (the rows that are the
library's own, options that no case asks about), a test that reads what was changed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

from torchweights import denominators, reduction, semantics

TABLES: dict[str, dict[str, Any]] = {
    "WEIGHING": semantics.WEIGHING,
    "FORMULAS": semantics.FORMULAS,
    "CLASS_WEIGHTS": semantics.CLASS_WEIGHTS,
}
#: column of _ROWS -> the table that it points into
POINTERS = ("WEIGHING", "FORMULAS", "CLASS_WEIGHTS")
#: the parts of a row
PARTS = ("weighing", "formulas", "class_weights")
#: constants beside the tables -> what they are changed to
CONSTANTS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "MASK_EPSILON": (denominators, (0.0, 1e-6)),
    "REDUCTIONS": (
        reduction,
        tuple(tuple(word for word in reduction.REDUCTIONS if word != gone) for gone in reduction.REDUCTIONS),
    ),
}
#: a column that is read of a row: row, part, column
Column = tuple[str, str, str]
Rows = Mapping[str, semantics.Semantics]


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
        return f"{self.table}[{self.line}].{self.column} = {shown(self.value)}"

    @property
    def value(self) -> Any:
        return others(self.table, self.line, self.column)[self.choice]


def shown(value: Any) -> str:
    """A value by its name, if it has one."""
    return str(getattr(value, "__name__", repr(value)))


def others(table: str, line: str, column: str) -> list[Any]:
    """The values of a column, each once, that are not in this line."""
    if table == "constants":
        return list(CONSTANTS[line][1])
    if table == "_OBJECTS":
        return [tuple(loss for loss in semantics._OBJECTS[_door(line)] if loss != column)]
    if table == "_ROWS":
        own = semantics._ROWS[line][POINTERS.index(column)]
        return [name for name in TABLES[column] if name != own and ":" not in name]
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
        *(("constants", name, "value") for name in CONSTANTS),
    ]  # fmt: skip
    return [Cell(*place, choice) for place in places for choice in range(len(others(*place)))]


# ---------------------------------------------------------------------------------------------------- what a cell changes


@contextmanager
def spoiled(cell: Cell) -> Iterator[set[Column] | None]:
    """The library with the cell spoiled; the columns of rows that are not as they were, None where any may be."""
    before = dict(semantics.SEMANTICS)
    with _put(cell):
        try:
            semantics.SEMANTICS.clear()
            semantics.SEMANTICS.update(semantics._rows())
            yield None if cell.table in ("_OBJECTS", "constants") else _changed(before, semantics.SEMANTICS)
        finally:
            semantics.SEMANTICS.clear()
            semantics.SEMANTICS.update(before)


@contextmanager
def _put(cell: Cell) -> Iterator[None]:
    """The value of the cell in its table."""
    if cell.table == "constants":
        owner = CONSTANTS[cell.line][0]
        held = getattr(owner, cell.line)
        setattr(owner, cell.line, cell.value)
        yield
        setattr(owner, cell.line, held)
        return
    table: dict[Any, Any] = {**TABLES, "_ROWS": semantics._ROWS, "_OBJECTS": semantics._OBJECTS}[cell.table]
    line = _door(cell.line) if cell.table == "_OBJECTS" else cell.line
    held = table[line]
    if cell.table == "_ROWS":
        place = POINTERS.index(cell.column)
        table[line] = (*held[:place], cell.value, *held[place + 1 :])
    else:
        table[line] = cell.value if cell.table == "_OBJECTS" else replace(held, **{cell.column: cell.value})
    try:
        yield
    finally:
        table[line] = held


def _changed(before: Rows, after: Rows) -> set[Column]:
    found = set()
    for name, part in itertools.product({*before, *after}, PARTS):
        was = _standing_for(name, before)
        one, other = getattr(before[was], part), getattr(after[_standing_for(name, after)], part)
        found |= {
            (was, part, field.name) for field in fields(one) if getattr(one, field.name) != getattr(other, field.name)
        }
    return found


def _standing_for(name: str, rows: Rows) -> str:
    """The row that is asked where ``NAME:loss`` is none of its own."""
    return name if name in rows else _standing_for(name.rpartition(":")[0], rows)


@contextmanager
def noted() -> Iterator[set[Column]]:
    """The columns that are read of the rows, from here on: whoever reads none that a cell changes, cannot notice the cell."""
    read: set[Column] = set()
    before = dict(semantics.SEMANTICS)
    for name, row in before.items():
        semantics.SEMANTICS[name] = replace(
            row, **{part: _noting(getattr(row, part), name, part, read) for part in PARTS}
        )
    yield read
    semantics.SEMANTICS.update(before)


def _noting(held: Any, row: str, part: str, read: set[Column]) -> Any:
    """A part of a row that notes which of its columns are read, and is like the part in all else."""
    kind = type(held)
    columns = {field.name for field in fields(held)}

    def note(self: Any, name: str) -> Any:
        if name in columns:
            read.add((row, part, name))
        return kind if name == "__class__" else object.__getattribute__(self, name)

    made = object.__new__(type(kind.__name__, (kind,), {"__getattribute__": note}))
    made.__dict__.update(held.__dict__)
    return made
