"""Which spoiled cells of the tables of eras the recordings of real releases notice."""

from __future__ import annotations

import multiprocessing
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch

from tests.mutation.recorded_rows import divergences
from tests.mutation.tables import Cell, Column, noted, spoiled
from torchweights import semantics
from torchweights.messages import KerasTrapWarning
from torchweights.parity import comparison, recordings

#: a recorded answer: release, case, float type, answer, and what it is compared in
Asked = tuple[str, dict[str, Any], str, recordings.Cell, str]
#: row -> the releases that were recorded with its numbers
RELEASES = {name: row.releases for name, row in semantics.SEMANTICS.items() if ":" not in name}
#: the cases that noticed a spoiled cell of a column before: they are likely to notice the next one
_noticed: dict[tuple[str, str], list[str]] = defaultdict(list)


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


#: row -> what ``reads`` found
_columns: dict[str, list[frozenset[Column]]] = {}


def reads(row: str) -> list[frozenset[Column]]:
    """Of each recorded cell of a row the columns that are read for it."""
    found = []
    with quiet(), noted() as read:
        for asked in recorded(row):
            read.clear()
            assert not _notices(asked), f"{asked[0]} {asked[1]['id']} differs with whole tables"
            found.append(frozenset(read))
    return found


def readers(row: str) -> list[tuple[Asked, frozenset[Column]]]:
    """The recorded cells of a row, each with the columns that are read for it."""
    if row not in _columns:
        _columns[row] = reads(row)
    return list(zip(recorded(row), _columns[row], strict=True))


def noticing(cell: Cell) -> str | None:
    """A recorded cell that notices a spoiled cell of a table; None if there is none."""
    known = _noticed[cell.table, cell.column]
    likely = {name: place for place, name in enumerate(reversed(known))}
    with spoiled(cell) as changed:
        pass
    rows = sorted(RELEASES if changed is None else {name.partition(":")[0] for name, _, _ in changed})
    # While the tables are whole, for what is read is learnt then.
    may = [asked for row in rows for asked, read in readers(row) if changed is None or read & changed]
    with spoiled(cell):
        for asked in sorted(may, key=lambda one: likely.get(one[1]["id"], len(known))):
            if _notices(asked):
                name = asked[1]["id"]
                known[:] = [one for one in known if one != name] + [name]
                return f"{asked[0]} {name} in {asked[2]}"
    return None


def _notices(asked: Asked) -> bool:
    release, item, dtype, answer, precision = asked
    try:
        result = comparison.compare_cell(item, answer, release, dtype, precision)
    except Exception:  # of whatever kind: the row as it was raised none
        return True
    return bool(comparison.explain(result, divergences())[1])


@contextmanager
def quiet() -> Iterator[None]:
    """One thread, and no warnings of traps: they are said by rows that are spoiled."""
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KerasTrapWarning)
        yield


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
        _columns.update(zip(RELEASES, pool.map(reads, RELEASES, chunksize=1), strict=True))
    with context.Pool(workers) as pool:
        return [cell for group in pool.imap_unordered(_unnoticed, columns.values()) for cell in group]
