"""Every mutant against the tests that reach it, in a process of its own: python -m tests.mutation.killing FILE

The tests are collected once; each mutant then costs a fork and the tests up to the first that fails. mutmut's own runner
collects anew for each mutant, which takes longer than the tests.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

from tests.mutation.mutants import FOLDER, TABLES_AT_IMPORT, Mutant

# The copy that holds the mutants, before anything imports the package itself.
sys.path.insert(0, str(FOLDER))

import torchweights
from tests.mutation import tables
from torchweights import semantics

#: of a parametrized test at most so many cases are asked, spread evenly
CASES = 6
#: files of which every case is asked
WHOLE = ("recorded_rows", "test_messages", "test_words", "test_semantics")
#: seconds of a processor that a mutant may take before it counts as endless
SECONDS = 120
#: what runs when the module is imported, and so runs again under a mutant
AT_IMPORT = {TABLES_AT_IMPORT}
#: exit code of a child -> what became of its mutant
VERDICTS = {0: "survived", 1: "killed", -24: "timeout"}


class Killing:
    """The pytest plugin that runs mutants in place of the tests."""

    def __init__(self, mutants: Sequence[Mutant], workers: int) -> None:
        self.mutants, self.workers = mutants, workers
        self.verdicts: dict[str, str] = {}
        #: place of a mutant -> place of the test that killed it; shared with the children
        self.killers = multiprocessing.RawArray("i", [-1] * max(len(mutants), 1))
        self.failing: list[str] = []
        self.failed = False

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sampled(items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        hush(session.config)
        learned = in_fork(lambda: self.learn(session.items))
        self.failing = [item.nodeid for item, (_, _, failed) in zip(session.items, learned, strict=True) if failed]
        reaching = order(learned)
        say(f"{len(learned)} tests, {sum(seconds for _, seconds, _ in learned):.0f} s")
        running: dict[int, int] = {}
        gc.freeze()
        for place, mutant in enumerate(self.mutants):
            while len(running) >= self.workers:
                self.reap(running, reaching)
            pid = os.fork()
            if not pid:
                os._exit(self.face(place, [session.items[test] for test in reaching[mutant.reached_by]]))
            running[pid] = place
        while running:
            self.reap(running, reaching)
        return True

    def reap(self, running: dict[int, int], reaching: dict[str, list[int]]) -> None:
        """Wait for a mutant; the test that killed it is the first that the next one of its function faces."""
        pid, status = os.wait()
        place = running.pop(pid)
        mutant = self.mutants[place]
        self.verdicts[mutant.key] = VERDICTS.get(os.waitstatus_to_exitcode(status), "killed")
        faced = reaching[mutant.reached_by]
        if self.killers[place] in faced:
            faced.remove(self.killers[place])
            faced.insert(0, self.killers[place])
        if len(self.verdicts) % 50 == 0:
            say(f"{len(self.verdicts):>6} of {len(self.mutants)}")

    def learn(self, items: Sequence[pytest.Item]) -> list[tuple[set[str], float, bool]]:
        """Of each test the functions that it reaches, the seconds that it takes, and whether it fails unmutated."""
        set_mutant_under_test("stats")
        return [self.measure(item) for item in items]

    def measure(self, item: pytest.Item) -> tuple[set[str], float, bool]:
        state()._stats.clear()
        began = time.perf_counter()
        failed = not self.passes(item)
        return set(state()._stats), time.perf_counter() - began, failed

    def passes(self, item: pytest.Item) -> bool:
        self.failed = False
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        return not self.failed

    def face(self, place: int, tests: Sequence[pytest.Item]) -> int:
        """0 if every test that reaches the mutant passes, 1 if one fails."""
        mutant = self.mutants[place]
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
        set_mutant_under_test(mutant.name)
        try:
            with tables.spoiled(mutant.cell) if mutant.cell else nullcontext():
                if mutant.reached_by in AT_IMPORT:
                    semantics.SEMANTICS.update(semantics._rows())
                for item in tests:
                    if not self.passes(item):
                        self.killers[place] = item.session.items.index(item)
                        return 1
            return 0
        except BaseException:
            return 1


def sampled(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """At most CASES cases of each parametrized test, spread evenly; every case of files in which each is of its own kind."""
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        cases[item.nodeid.partition("[")[0]].append(item)
    return [
        item
        for name, own in cases.items()
        for item in (own if Path(name.partition("::")[0]).stem in WHOLE else own[:: -(-len(own) // CASES)])
    ]


def order(learned: Sequence[tuple[set[str], float, bool]]) -> dict[str, list[int]]:
    """function -> the tests that reach it, the quick ones first; none that fails by itself."""
    found: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for place, (functions, seconds, failed) in enumerate(learned):
        for function in () if failed else functions | AT_IMPORT:
            found[function].append((seconds, place))
    return defaultdict(list, {function: [place for _, place in sorted(own)] for function, own in found.items()})


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
    """Run the mutants; the plugin that holds what became of each."""
    torch.set_num_threads(1)
    killing = Killing(mutants, workers)
    pytest.main(["-p", "no:cacheprovider", "-q", "--no-header", "--no-summary", *tests], plugins=[killing])
    return killing


if __name__ == "__main__":
    if not Path(torchweights.__file__).is_relative_to(FOLDER):
        raise SystemExit(f"torchweights was expected from {FOLDER}, and came from {torchweights.__file__}.")
    with open(sys.argv[1], "rb") as file:
        asked = pickle.load(file)
    found = kill(asked["mutants"], asked["tests"], asked["workers"])
    with open(sys.argv[1], "wb") as file:
        pickle.dump({"verdicts": found.verdicts, "failing": found.failing}, file)
