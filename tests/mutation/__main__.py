"""Mutation testing of weighing: python -m tests.mutation [--modules reduction tables] [--workers 2]

Each mutant of the modules in setup.cfg ([mutmut]) faces the tests that reach it, each spoiled cell of the tables of eras the
recordings of real releases, and what those do not notice, the tests. Every survivor must be listed in survivors.txt with a
reason, and whoever is listed must survive. A run of all modules writes result.json.
"""

from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from mutmut.configuration import config

from tests.mutation import mutants, results, survivors, tables

#: the tables of eras beside the modules
TABLES = "tables"


def verdicts(chosen: Sequence[str], tests: Sequence[str], workers: int) -> tuple[dict[str, dict[str, str]], list[str]]:
    """module -> key -> what became of the mutant; and the tests that were left out, for they fail beside trampolines."""
    made = mutants.write([name for name in chosen if name != TABLES])
    cells = tables.cells() if TABLES in chosen else []
    left = tables.unnoticed(cells, workers)
    asked = [*made, *(mutants.Mutant("", TABLES, cell.key, cell) for cell in left)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "asked.pickle"
        file.write_bytes(pickle.dumps({"mutants": asked, "tests": list(tests), "workers": workers}))
        # One thread: a pool of threads does not live through a fork.
        subprocess.run([sys.executable, "-m", "tests.mutation.killing", str(file)], check=True, cwd=mutants.ROOT,
                       env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
        found = pickle.loads(file.read_bytes())
    by_module: dict[str, dict[str, str]] = {name: {} for name in chosen}
    for cell in cells:
        by_module[TABLES][cell.key] = "killed"
    for mutant in asked:
        by_module[mutant.module][mutant.key] = found["verdicts"][mutant.key]
    return by_module, found["failing"]


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
    if whole:
        results.write(counts, {key: known.get(key, "") for key in alive}, seconds)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
