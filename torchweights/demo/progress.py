"""A progress bar that needs nothing: tqdm's where tqdm and a terminal are there, silence otherwise."""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(total: int) -> Iterator[Callable[[], object]]:
    """Yield a function to call once per step; the bar goes to stderr, so that piped output stays clean."""
    try:
        tqdm = importlib.import_module("tqdm").tqdm
    except ImportError:
        with _without_tqdm(total) as advance:
            yield advance
        return
    # disable=None: no bar where stderr is not a terminal
    with tqdm(total=total, desc="training", unit="step", disable=None, leave=False) as bar:
        yield bar.update


@contextmanager
def _without_tqdm(total: int) -> Iterator[Callable[[], object]]:
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty():
            print(f"\rtraining: step {done} of {total}", end="", file=sys.stderr, flush=True)

    yield advance
    if sys.stderr.isatty():
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr, flush=True)
