"""The command ``torchweights``: ``demo``, ``eras``, ``explain`` and ``selftest``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence


def _demo(arguments: Sequence[str]) -> int:
    from torchweights.demo import run

    return run(arguments)


def _eras(arguments: Sequence[str]) -> int:
    from torchweights.eras import compile_table, releases_table, weighing_table

    print(f"{weighing_table()}\n\n{compile_table()}\n\n{releases_table()}")
    return 0


def _explain(arguments: Sequence[str]) -> int:
    from torchweights.explain_command import run

    return run(arguments)


def _selftest(arguments: Sequence[str]) -> int:
    from torchweights.parity.selftest import run

    return run(arguments)


#: command -> (what runs it, what it does)
COMMANDS: dict[str, tuple[Callable[[Sequence[str]], int], str]] = {
    "demo": (_demo, "repeat a training recorded in Keras 2.2.4 and 3.15, step by step, on a real microscope image"),
    "eras": (_eras, "print what each release of Keras does with weights and masks"),
    "explain": (_explain, "say where the loss of the arrays in a file comes from, and who pays for it"),
    "selftest": (_selftest, "hold this machine's torch, on any device, against the recordings of the real releases"),
    "check": (_selftest, "the same as selftest"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 if all is well, 1 if a promise was not kept, 2 for a command that is not there."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in COMMANDS:
        return COMMANDS[arguments[0]][0](arguments[1:])
    asked = not arguments or arguments[0] in ("-h", "--help")
    lines = [f"  {name:<10}{text}" for name, (_, text) in COMMANDS.items()]
    usage = "\n".join(["usage: torchweights COMMAND [--help]", "", *lines])
    print(
        usage if asked else f"torchweights: expected a command, received {arguments[0]!r}\n{usage}",
        file=sys.stdout if asked else sys.stderr,
    )
    return 0 if asked else 2


if __name__ == "__main__":
    sys.exit(main())
