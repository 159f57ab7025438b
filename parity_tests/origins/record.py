"""Records the origins in the releases they come from: ``python -m parity_tests.origins.record [RELEASE ...] [--check]``.

Each release runs ``oracle.py`` in its own Python, in the environment that `parity_tests.record` uses too. The recordings
lie in ``examples/recordings``, a line for each question, beside the arrays that were asked with.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from parity_tests import environments
from parity_tests.origins import inputs

HERE = Path(__file__).parent
RECORDINGS = HERE.parents[1] / "examples" / "recordings"
#: release -> its environment, and the Keras in it that is asked
RELEASES = {
    "keras2.2.4": ("keras2.2.4", "keras"), "tf1.12": ("keras2.2.4", "tf.keras"), "tf1.14": ("keras2.3.0", "tf.keras"),
    "tf1.15": ("keras2.3.1", "tf.keras"), "keras2.3.1": ("keras2.3.1", "keras"), "tf2.0": ("tf2.0", "tf.keras"),
    "tf2.1": ("tf2.1", "tf.keras"), "tf2.2": ("tf2.2", "tf.keras"), "tf_keras2.21": ("modern", "tf_keras"),
    "keras3.15": ("modern", "keras"),
}  # fmt: skip
#: The same release on another processor may add in another order.
CHECK_LIMITS = {"float32": 1e-5, "float64": 1e-12}


def main(argv: list[str] | None = None) -> int:
    """Record, or check, the releases asked for; 0 if all went well and, under --check, nothing has changed."""
    parser = argparse.ArgumentParser(prog="python -m parity_tests.origins.record", description=__doc__)
    parser.add_argument("releases", nargs="*", metavar="RELEASE", help=f"of {', '.join(RELEASES)}; default: all")
    parser.add_argument("--check", action="store_true", help="compare with the recordings and write nothing")
    parser.add_argument("--environments", metavar="DIR", type=Path, default=environments.DEFAULT_FOLDER)
    options = parser.parse_args(argv)
    if unknown := [release for release in options.releases if release not in RELEASES]:
        sys.exit(f"no recorder for {', '.join(unknown)}; there is: {', '.join(RELEASES)}")
    if not options.check:
        RECORDINGS.mkdir(exist_ok=True)
        arrays = {name: array.tolist() for name, array in inputs.everything().items()}
        (RECORDINGS / "inputs.json").write_text(_lines(arrays))
    kept = [_record(release, options) for release in options.releases or RELEASES]
    return 0 if all(kept) else 1


def _record(release: str, options: argparse.Namespace) -> bool:
    environment, keras = RELEASES[release]
    python = environments.ensure(environment, options.environments)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "answers.json"
        without = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        beside = {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": folder}
        done = subprocess.run(
            [str(python), str(HERE / "oracle.py"), keras, str(made)], env={**without, **beside}, capture_output=True, text=True
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"{release}: the oracle failed\n{done.stderr[-3000:]}")
        fresh = json.loads(made.read_text())
    path = RECORDINGS / f"{release}.json"
    if not options.check:
        path.write_text(_lines({"made_by": fresh["made_by"], **fresh["answers"]}))
        print(f"{release}: {len(fresh['answers'])} answers written to {path}")
        return True
    changed = _changes(json.loads(path.read_text()), {"made_by": fresh["made_by"], **fresh["answers"]})
    print(f"{release}: {'nothing changed' if not changed else 'changed: ' + ', '.join(changed)}")
    return not changed


def _lines(content: dict[str, Any]) -> str:
    """JSON with a line for each entry, so that a change shows as one."""
    rows = [f"{json.dumps(name)}: {json.dumps(content[name], sort_keys=True)}" for name in sorted(content)]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    names = (old.keys() | new.keys()) - {"made_by"}
    return [name for name in sorted(names) if not _alike(old.get(name, {}), new.get(name, {}))]


def _alike(old: dict[str, Any], new: dict[str, Any]) -> bool:
    if old.keys() != new.keys() or old.get("refused") != new.get("refused"):
        return False
    limit = CHECK_LIMITS[old.get("in", "float64")]
    numbers = [(np.asarray(old[part]), np.asarray(new[part])) for part in ("value", "gradient") if part in old]
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=limit, atol=limit * np.abs(a).max(initial=0)) for a, b in numbers
    )


if __name__ == "__main__":
    sys.exit(main())
