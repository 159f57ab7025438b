"""Records the origins in the releases they come from: ``python -m parity_tests.origins.record [RELEASE ...] [--check]``.

Each release runs ``oracle.py`` in its own Python, in the environment that `parity_tests.record` uses too. The recordings
lie in ``examples/recordings``, a line for each question, beside the arrays that were asked with.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from parity_tests import answers, environments
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
        (RECORDINGS / "inputs.json").write_text(answers.lines(arrays))
    kept = [_record(release, options) for release in options.releases or RELEASES]
    return 0 if all(kept) else 1


def _record(release: str, options: argparse.Namespace) -> bool:
    environment, keras = RELEASES[release]
    fresh = answers.ask(environment, HERE / "oracle.py", keras, root=options.environments)
    return answers.keep(RECORDINGS / f"{release}.json", fresh, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
