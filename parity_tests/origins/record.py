"""Records the origins in the releases they come from: ``python -m parity_tests.origins.record [RELEASE ...] [--check]``.

Each release runs ``oracle.py`` in its own Python, in the environment that `parity_tests.record` uses too. The recordings
lie in ``examples/recordings``, a line for each question, beside the arrays that were asked with.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from parity_tests import answers
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
    return answers.run(argv, "parity_tests.origins.record", __doc__, RELEASES, _record)


def _record(release: str, options: argparse.Namespace) -> bool:
    if not options.check:
        RECORDINGS.mkdir(exist_ok=True)
        arrays = {name: array.tolist() for name, array in inputs.everything().items()}
        (RECORDINGS / "inputs.json").write_text(answers.lines(arrays))
    environment, keras = RELEASES[release]
    fresh = answers.ask(environment, HERE / "oracle.py", keras, root=options.environments)
    return answers.keep(RECORDINGS / f"{release}.json", fresh, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
