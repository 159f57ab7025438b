"""The command `torchweights demo`."""

import argparse
import sys
import textwrap
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from torchweights.demo import comparison, plan, report
from torchweights.demo.comparison import Results
from torchweights.demo.picture import save_picture
from torchweights.demo.progress import progress_bar
from torchweights.demo.recordings import ROWS, load


def run(argv: Sequence[str] | None = None) -> int:
    """Repeat the recorded trainings, print and draw the comparison; return 0 if every promise was kept, else 1."""
    options = _parser().parse_args(argv)
    start = time.perf_counter()
    _print(report.introduction({row: load(row) for row in ROWS}, options.steps))
    with progress_bar(comparison.TRAININGS * options.steps) as advance:
        results = comparison.train_all(options.steps, advance, options.threads)
    _print(report.tables(results, options.steps))
    print("\n" + textwrap.fill(report.reading(results), width=110) + "\n")
    if options.picture is not None:
        _draw(results, options.picture)
    print(f"Took {time.perf_counter() - start:.0f} s on {options.threads} thread(s), torch {torch.__version__}")
    return _verdict(results)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="torchweights demo",
        description="Repeats in PyTorch, step by step, a segmentation training that was recorded in real Keras.",
    )
    parser.add_argument(
        "--picture", type=Path, default=Path("torchweights-demo.png"), metavar="FILE", help="where the curves are drawn"
    )
    parser.add_argument("--no-picture", dest="picture", action="store_const", const=None, help="draw nothing")
    parser.add_argument("--steps", type=_steps, default=plan.STEPS, help=f"stop early, after 1 to {plan.STEPS} steps")
    parser.add_argument(
        "--threads", type=_threads, default=comparison.DEFAULT_THREADS, help="threads of torch (default: %(default)s)"
    )
    return parser


def _steps(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= plan.STEPS:
        raise argparse.ArgumentTypeError(f"expected 1 to {plan.STEPS}, which is what was recorded; got {text!r}")
    return int(text)


def _threads(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive number of threads; got {text!r}")
    return int(text)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _draw(results: Results, path: Path) -> None:
    try:
        save_picture(results, path)
    except ImportError as missing:
        print(f"No picture: {missing.name} is not installed. Install it: pip install matplotlib")
    except OSError as refused:
        print(f"No picture: {path} could not be written ({refused.strerror}); choose another place with --picture FILE")
    else:
        print(f"Picture: {path.resolve()}")


def _verdict(results: Results) -> int:
    broken = [c for c in results.comparisons if not c.holds]
    for c in broken:
        print(
            f"OUT OF BOUNDS: {c.release}, {c.optimizer}, {c.dtype}: expected a relative difference of at most "
            f"{_promise(c)}; got {c.difference.max():.1e} over the run",
            file=sys.stderr,
        )
    return 1 if broken else 0


def _promise(c: comparison.Comparison) -> str:
    if c.dtype == "float64":
        return f"{comparison.FLOAT64_LIMIT:g} at every step"
    return f"{comparison.FLOAT32_LIMIT:g} up to step {comparison.FLOAT32_STEPS[c.optimizer]}"
