"""Asking an oracle in the Python of a release, and keeping its answers as JSON with a line for each."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np

from parity_tests import environments

#: The same release on another processor may add in another order.
CHECK_LIMITS = {"float32": 1e-5, "float64": 1e-12}


def ask(environment: str, oracle: Path, *arguments: str, root: Path, backend: str = "tensorflow") -> dict[str, Any]:
    """What ``oracle.py ARGUMENTS FILE`` writes to FILE: {"made_by": .., "answers": ..}."""
    python = environments.ensure(environment, root)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "answers.json"
        without = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        beside = {"KERAS_BACKEND": backend, "KERAS_HOME": folder}
        done = subprocess.run(
            [str(python), str(oracle), *arguments, str(made)], env={**without, **beside}, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{environment}: the oracle failed\n{done.stderr[-3000:]}")
        found: dict[str, Any] = json.loads(made.read_text())
        return found


def run(
    argv: list[str] | None,
    prog: str,
    about: str | None,
    releases: Collection[str],
    record: Callable[[str, argparse.Namespace], bool],
) -> int:
    """The command line of a recorder: record, or check, the releases asked for; 0 if all went well and nothing has changed."""
    parser = argparse.ArgumentParser(prog=f"python -m {prog}", description=about)
    parser.add_argument("releases", nargs="*", metavar="RELEASE", help=f"of {', '.join(releases)}; default: all")
    parser.add_argument("--check", action="store_true", help="compare with the recordings and write nothing")
    parser.add_argument("--environments", metavar="DIR", type=Path, default=environments.DEFAULT_FOLDER)
    options = parser.parse_args(argv)
    if unknown := [release for release in options.releases if release not in releases]:
        sys.exit(f"no recorder for {', '.join(unknown)}; there is: {', '.join(releases)}")
    # A list: a release that has changed does not keep the others from being asked.
    kept = [record(release, options) for release in options.releases or releases]
    return 0 if all(kept) else 1


def keep(path: Path, fresh: dict[str, Any], *, check: bool) -> bool:
    """Write the answers; under ``check`` compare them instead. Says which, and returns False where something changed."""
    if not check:
        path.write_text(lines({"made_by": fresh["made_by"], **fresh["answers"]}))
        print(f"{path.stem}: {len(fresh['answers'])} answers written to {path}")
        return True
    old = json.loads(path.read_text())
    changed = changes(old, {"made_by": fresh["made_by"], **fresh["answers"]})
    print(f"{path.stem}: {'nothing changed' if not changed else 'changed: ' + ', '.join(changed)}")
    return not changed


def lines(content: dict[str, Any]) -> str:
    """JSON with a line for each entry, so that a change shows as one."""
    rows = [f"{json.dumps(name)}: {json.dumps(content[name], sort_keys=True)}" for name in sorted(content)]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """The names of answers that differ by more than the float type they were computed in explains."""
    names = (old.keys() | new.keys()) - {"made_by"}
    default = new["made_by"].get("in", "float64")
    return [name for name in sorted(names) if not _alike(old.get(name, {}), new.get(name, {}), default)]


def _alike(old: dict[str, Any], new: dict[str, Any], default: str) -> bool:
    if old.keys() != new.keys() or old.get("refused") != new.get("refused"):
        return False
    limit = CHECK_LIMITS[old.get("in", default)]
    return all(_close(old[part], new[part], limit) for part in ("value", "gradient") if part in old)


def _close(old: Any, new: Any, limit: float) -> bool:
    if isinstance(old, dict):
        return old.keys() == new.keys() and all(_close(old[name], new[name], limit) for name in old)
    a, b = np.asarray(old), np.asarray(new)
    return a.shape == b.shape and bool(
        np.allclose(a, b, rtol=limit, atol=limit * np.abs(a).max(initial=0), equal_nan=True)
    )
