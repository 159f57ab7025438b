"""Records the demo's training in the real releases: ``python -m parity_tests.training.record [ROW ...] [--check]``.

Each row runs in its release's own Python: in the environment that `parity_tests.record` uses too, made here if it is
not there yet, or in the one named by ``--python ROW=PATH``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from parity_tests import environments
from parity_tests.answers import CHECK_LIMITS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RECORDINGS = ROOT / "torchweights" / "demo" / "recordings"
RECORDERS = {"keras2.2.4": HERE / "record_keras_2_2_4.py", "keras3.15": HERE / "record_keras_3_15.py"}
ENVIRONMENTS = {"keras2.2.4": "keras2.2.4", "keras3.15": "modern"}


def main(argv: list[str] | None = None) -> int:
    """Record, or check, the rows asked for; return 0 if all went well and, under --check, nothing has changed."""
    options = _parser().parse_args(argv)
    unknown = [row for row in options.rows if row not in RECORDERS]
    if unknown:
        sys.exit(f"no recorder for {', '.join(unknown)}; there is: {', '.join(RECORDERS)}")
    try:
        kept = [_record(row, _interpreter(row, options), options.check) for row in options.rows or RECORDERS]
    except environments.EnvironmentProblem as problem:
        sys.exit(str(problem))
    except subprocess.CalledProcessError as failed:
        sys.exit(f"{failed} What the recorder said stands above; nothing was written for its row.")
    return 0 if all(kept) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m parity_tests.training.record", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(RECORDERS)}; default: all")
    parser.add_argument("--check", action="store_true", help="compare with the recordings and write nothing")
    parser.add_argument(
        "--environments", metavar="DIR", type=Path, default=environments.DEFAULT_FOLDER, help="where those are kept"
    )
    parser.add_argument(
        "--python", action="append", default=[], metavar="ROW=PATH", help="the interpreter that has this row's release"
    )
    return parser


def _interpreter(row: str, options: argparse.Namespace) -> str:
    """Return the Python that has the release of `row`: the one given, or that of its environment, made if need be."""
    given = dict(pair.split("=", 1) for pair in options.python)
    return given.get(row) or str(environments.ensure(ENVIRONMENTS[row], options.environments))


def _record(row: str, python: str, check: bool) -> bool:
    """Run one recorder; install what it wrote, unless it is what we have or only a check was asked for."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, str(RECORDERS[row]), folder], check=True, env=_environment())
        changes = _changes(row, Path(folder))
        for name, difference in changes.items():
            print(f"{row} {name}: changed, by {difference:.1e} of its largest value")
        if not changes:
            print(f"{row}: the same to the last bit")
        elif not check:
            for kind in ("npz", "json"):
                shutil.copyfile(Path(folder, f"{row}.{kind}"), RECORDINGS / f"{row}.{kind}")
            print(f"{row}: written to {RECORDINGS}")
    return not check or all(d <= CHECK_LIMITS[_dtype(name)] for name, d in changes.items())


def _environment() -> dict[str, str]:
    """Return our environment without what would lead the old Python to this one's packages."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


def _changes(row: str, fresh: Path) -> dict[str, float]:
    """Return by how much each recorded array differs from what was recorded before, those that differ only."""
    if not (RECORDINGS / f"{row}.npz").exists() or _plan(RECORDINGS, row) != _plan(fresh, row):
        return {"everything (it followed another plan, or is the first)": float("inf")}
    with np.load(fresh / f"{row}.npz") as new, np.load(RECORDINGS / f"{row}.npz") as old:
        return {
            name: _difference(new[name], old[name]) for name in new.files if not np.array_equal(new[name], old[name])
        }


def _plan(folder: Path, row: str) -> str:
    return str(json.loads((folder / f"{row}.json").read_text(encoding="utf-8"))["plan"])


def _dtype(name: str) -> str:
    return "float64" if "float64" in name else "float32"


def _difference(new: np.ndarray, old: np.ndarray) -> float:
    """Return the largest difference, in parts of the largest value: some weights are nearly zero."""
    scale = np.abs(old).max()
    return float(np.max(np.abs(new.astype(np.float64) - old) / scale))


if __name__ == "__main__":
    sys.exit(main())
