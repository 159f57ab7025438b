"""Every mutant against the tests that reach it, in a process of its own: python -m tests.mutation.killing FOLDER FILE

FOLDER holds the package with the mutants, FILE what is asked and then what was found.

The tests are collected once; each mutant then costs a fork and the tests up to the first that fails. mutmut's own runner
collects anew for each mutant, which takes longer than the tests.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

from tests.mutation.mutants import ROOT, Mutant

if __name__ == "__main__":
    # The copy that holds the mutants, before anything imports the package itself.
    sys.path.insert(0, sys.argv[1])

import torchweights
from tests.mutation import tables
from torchweights import semantics

#: of a parametrized test at most so many cases are asked, spread evenly
CASES = 6
#: files and tests of which every case is asked
WHOLE = (
    "recorded_rows",
    "test_class_weight",
    "test_class_weight_eras",
    "test_masking",
    "test_messages",
    "test_misuse",
    "test_words",
    "test_words_of_shapes",
    "test_coefficients",
    "test_what_an_era_lacked",
    "test_semantics",
    "test_weighed",
    "test_library_rows",
    # Each row is a case of its own kind.
    "test_a_scalar_loss_is_scaled_by_its_weights",
    "test_ignored_labels_beside_a_mask_leave_what_both_keep",
    "test_mean_with_sample_weight_divides_by_the_weights_in_every_row",
    "test_class_weights_rest_in_eval_where_asked_and_in_keras",
)
#: seconds of a processor that a mutant may take before it counts as endless
SECONDS = 120
#: what runs when the module is imported, and so runs again under a mutant
AT_IMPORT = {"torchweights.semantics.x__rows"}
#: exit code of a child -> what became of its mutant
VERDICTS = {0: "survived", 1: "killed", -24: "timeout"}


@dataclass(frozen=True)
class Learned:
    """Of a test: the functions that it reaches, the columns of rows that it reads, its seconds, whether it fails unmutated."""

    functions: frozenset[str]
    columns: frozenset[tables.Column]
    seconds: float
    failed: bool


class Killing:
    """The pytest plugin that runs mutants in place of the tests."""

    def __init__(self, mutants: Sequence[Mutant], workers: int) -> None:
        self.mutants, self.workers = mutants, workers
        self.verdicts: dict[str, str] = {}
        #: place of a mutant -> place of the test that killed it; shared with the children
        self.killers = multiprocessing.RawArray("i", [-1] * max(len(mutants), 1))
        #: function or column -> the tests that killed its mutants, the last one last: they are likely to kill the next one
        self.likely: dict[str, list[int]] = defaultdict(list)
        self.failing: list[str] = []
        self.failed = False

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sampled(items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        hush(session.config)
        learned: list[Learned] = in_fork(lambda: self.learn(session.items))
        self.failing = [item.nodeid for item, one in zip(session.items, learned, strict=True) if one.failed]
        say(f"{len(learned)} tests, {sum(one.seconds for one in learned):.0f} s")
        running: dict[int, int] = {}
        gc.freeze()
        for place, mutant in enumerate(self.mutants):
            while len(running) >= self.workers:
                self.reap(running)
            tests = facing(mutant, learned, self.likely[mutant.group])
            pid = os.fork()
            if not pid:
                os._exit(self.face(place, tests, session.items))
            running[pid] = place
        while running:
            self.reap(running)
        return True

    def reap(self, running: dict[int, int]) -> None:
        """Wait for a mutant."""
        pid, status = os.wait()
        place = running.pop(pid)
        mutant, killer = self.mutants[place], self.killers[place]
        self.verdicts[mutant.key] = VERDICTS.get(os.waitstatus_to_exitcode(status), "killed")
        if killer >= 0:
            self.likely[mutant.group] = [one for one in self.likely[mutant.group] if one != killer] + [killer]
        if self.verdicts[mutant.key] != "killed":
            say(f"{self.verdicts[mutant.key]}: {mutant.key}")
        if len(self.verdicts) % 100 == 0:
            say(f"{len(self.verdicts):>6} of {len(self.mutants)}")

    def learn(self, items: Sequence[pytest.Item]) -> list[Learned]:
        """What each test reaches and reads."""
        set_mutant_under_test("stats")
        with tables.noted() as read:
            return [self.measure(item, read) for item in items]

    def measure(self, item: pytest.Item, read: set[tables.Column]) -> Learned:
        state()._stats.clear()
        read.clear()
        began = time.perf_counter()
        failed = not self.passes(item)
        return Learned(frozenset(state()._stats), frozenset(read), time.perf_counter() - began, failed)

    def passes(self, item: pytest.Item) -> bool:
        self.failed = False
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        return not self.failed

    def face(self, place: int, tests: Sequence[int], items: Sequence[pytest.Item]) -> int:
        """0 if every test passes that may notice the mutant, 1 if one fails."""
        mutant = self.mutants[place]
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
        set_mutant_under_test(mutant.name)
        try:
            with tables.spoiled(mutant.cell) if mutant.cell else nullcontext():
                if mutant.reached_by in AT_IMPORT:
                    made = semantics._rows()
                    semantics.SEMANTICS.clear()
                    semantics.SEMANTICS.update(made)
                for test in tests:
                    if not self.passes(items[test]):
                        self.killers[place] = test
                        return 1
            return 0
        except BaseException:
            return 1


def facing(mutant: Mutant, learned: Sequence[Learned], likely: Sequence[int]) -> list[int]:
    """The tests that may notice a mutant: those that killed its neighbours first, then the quick ones."""
    every = [place for place, one in enumerate(learned) if not one.failed]
    if mutant.cell:
        with tables.spoiled(mutant.cell) as changed:
            may = [place for place in every if changed is None or changed & learned[place].columns]
    elif mutant.reached_by in AT_IMPORT:
        may = every
    else:
        may = [place for place in every if mutant.reached_by in learned[place].functions]
    ranks = {place: -rank for rank, place in enumerate(likely, 1)}
    return sorted(may, key=lambda place: (ranks.get(place, 0), learned[place].seconds))


def sampled(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """At most CASES cases of each parametrized test, spread evenly; every case where each is of its own kind."""
    cases: dict[tuple[str, str], list[pytest.Item]] = defaultdict(list)
    for item in items:
        file, _, test = item.nodeid.partition("[")[0].partition("::")
        cases[Path(file).stem, test].append(item)
    return [
        item for name, own in cases.items() for item in (own if {*name} & {*WHOLE} else own[:: -(-len(own) // CASES)])
    ]


def say(words: str) -> None:
    """How far it is, on the terminal."""
    print(words, file=sys.__stderr__, flush=True)


def hush(config: pytest.Config) -> None:
    """No dots and letters: a test that fails here is a mutant that was killed."""
    config.pluginmanager.unregister(name="terminalreporter")


def in_fork(job: Callable[[], Any]) -> Any:
    """What a job returns, run in a child, so that nothing it starts (threads of autograd) is here to be forked."""
    read, write = os.pipe()
    if not os.fork():
        with os.fdopen(write, "wb") as file:
            pickle.dump(job(), file)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        found = pickle.load(file)
    os.wait()
    return found


def kill(mutants: Sequence[Mutant], tests: Sequence[str], workers: int) -> Killing:
    """Run the mutants here; the plugin that holds what became of each."""
    torch.set_num_threads(1)
    killing = Killing(mutants, workers)
    pytest.main(["-p", "no:cacheprovider", "-q", "--no-header", "--no-summary", *tests], plugins=[killing])
    if len(killing.verdicts) < len(mutants):
        raise SystemExit("the tests could not be collected: see above")
    return killing


def killed_by(
    mutants: Sequence[Mutant], tests: Sequence[str], folder: Path, workers: int = 2
) -> tuple[dict[str, str], list[str]]:
    """key -> what became of the mutant; and the tests that were left out, for they fail beside trampolines."""
    file = folder / "asked.pickle"
    file.write_bytes(pickle.dumps({"mutants": list(mutants), "tests": list(tests), "workers": workers}))
    # One thread: a pool of threads does not live through a fork.
    subprocess.run([sys.executable, "-m", "tests.mutation.killing", str(folder), str(file)], check=True, cwd=ROOT,
                   env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
    found = pickle.loads(file.read_bytes())
    return found["verdicts"], found["failing"]


if __name__ == "__main__":
    if not Path(torchweights.__file__).is_relative_to(Path(sys.argv[1]).resolve()):
        raise SystemExit(f"torchweights was expected from {sys.argv[1]}, and came from {torchweights.__file__}.")
    with open(sys.argv[2], "rb") as file:
        asked = pickle.load(file)
    found = kill(asked["mutants"], asked["tests"], asked["workers"])
    with open(sys.argv[2], "wb") as file:
        pickle.dump({"verdicts": found.verdicts, "failing": found.failing}, file)
