"""Mutation testing of weighing: python -m tests.mutation [--modules reduction tables] [--workers 2]

Each mutant of the modules in setup.cfg ([mutmut]) faces the tests that reach it, each spoiled cell of the tables of eras the
recordings of real releases, and what those do not notice, the tests. Every survivor must be listed in survivors.txt with a
reason, and whoever is listed must survive. result.json keeps what the last run of each module found.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from mutmut.configuration import config

from tests.mutation import killing, mutants, noticing, results, survivors, tables

#: the tables of eras beside the modules
TABLES = "tables"


def verdicts(chosen: Sequence[str], tests: Sequence[str], workers: int) -> tuple[dict[str, dict[str, str]], list[str]]:
    """module -> key -> what became of the mutant; and the tests that were left out, for they fail beside trampolines."""
    made = mutants.write([name for name in chosen if name != TABLES])
    cells = tables.cells() if TABLES in chosen else []
    left = noticing.unnoticed(cells, workers) if cells else []
    if cells:
        print(f"tables: recordings notice {len(cells) - len(left)} of {len(cells)}", flush=True)
    asked = [*made, *(mutants.Mutant("", TABLES, cell.key, cell) for cell in left)]
    found, failing = killing.killed_by(asked, tests, mutants.FOLDER, workers)
    by_module: dict[str, dict[str, str]] = {name: {} for name in chosen}
    by_module.get(TABLES, {}).update({cell.key: "killed" for cell in cells})
    for mutant in asked:
        by_module[mutant.module][mutant.key] = found[mutant.key]
    return by_module, failing


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print and judge; 0 if every survivor is listed and the score is high enough."""
    every = [*mutants.modules(), TABLES]
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.partition("\n\n")[2])
    parser.add_argument("--modules", nargs="+", choices=every, default=every, help="only these (default: all of them)")
    parser.add_argument("--workers", type=int, default=2, help="mutants at a time (default: %(default)s)")
    options = parser.parse_args(argv)
    began = time.monotonic()
    by_module, failing = verdicts(options.modules, config().pytest_add_cli_args_test_selection, options.workers)
    seconds = time.monotonic() - began
    everything = {key: verdict for found in by_module.values() for key, verdict in found.items()}
    counts = {name: results.counted(list(found.values())) for name, found in by_module.items()}
    counts["total"] = results.counted(list(everything.values()))
    known, whole = survivors.listed(), options.modules == every
    alive = [key for key, verdict in everything.items() if verdict != "killed"]
    wrong = survivors.disagreements(alive, set(everything) - set(alive), known, whole)
    wrong += [
        f"{name}: {one['score']} % killed, expected {results.LEAST} %"
        for name, one in counts.items()
        if one["score"] < results.LEAST
    ]
    print(results.table(counts), *(f"left out, for it fails unmutated: {test}" for test in failing), *wrong, sep="\n")
    print(f"{seconds:.0f} s, {len(wrong)} disagreements with {survivors.FILE.name}")
    results.write(counts, {key: known.get(key, "") for key in alive}, seconds)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
