"""Records what releases make of several outputs: ``python -m parity_tests.compiled.record [RELEASE ...] [--check]``.

Each release runs ``oracle.py`` in its own Python, in the environment that `parity_tests.record` uses too. A release takes a
minute or two.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from parity_tests import answers
from parity_tests.engines import ENGINES

HERE = Path(__file__).parent
RECORDINGS = HERE / "recordings"
RELEASES = (
    "keras2.0.9", "keras2.2.4", "keras2.2.5", "keras2.3.0", "keras2.3.1", "tf1.12", "tf1.14", "tf1.15", "tf2.0", "tf2.1", "tf2.2",
    "tf2.6", "tf2.10", "tf_keras2.15", "tf_keras2.21", "keras3.0", "keras3.1", "keras3.2", "keras3.4", "keras3.5", "keras3.6", "keras3.7", "keras3.13",
    "keras3.14", "keras3.15", "keras3.0-torch", "keras3.6-torch", "keras3.12-torch", "keras3.15-torch",
)  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Record, or check, the releases asked for; 0 if all went well and, under --check, nothing has changed."""
    RECORDINGS.mkdir(exist_ok=True)
    return answers.run(argv, "parity_tests.compiled.record", __doc__, RELEASES, _record)


def _record(release: str, options: argparse.Namespace) -> bool:
    engine = ENGINES[release]
    package = release.removesuffix("-torch").rstrip(".0123456789")
    keras = "tf.keras" if package == "tf" else package
    fresh = answers.ask(
        engine.environment, HERE / "oracle.py", keras, root=options.environments, backend=engine.keras_backend
    )
    return answers.keep(RECORDINGS / f"{release}.json", fresh, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
