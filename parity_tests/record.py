"""``python -m parity_tests.record [ENGINE ...]``: ask the real releases and write (or check) their recordings.

Each engine runs in its own environment, made where it is missing. A run that is stopped goes on where it was. With
``--check`` everything is asked afresh, nothing is written, and a difference ends the program with 1.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from parity_tests import environments, oracle_run
from parity_tests.compare import Change, changes
from parity_tests.engines import ENGINES, Engine
from parity_tests.parity_files import cases, recordings

#: How many changed cells are named, one a line.
_SHOWN = 20


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.list:
        _list()
        return 0
    unknown = [name for name in options.engines if name not in ENGINES]
    if unknown:
        print(f"No such engine: {', '.join(unknown)}. There are {', '.join(ENGINES)}.", file=sys.stderr)
        return 2
    different = False
    for name in options.engines or ENGINES:
        try:
            different |= _one(ENGINES[name], options)
        except (environments.EnvironmentProblem, oracle_run.OracleFailed, recordings.RecordingError) as problem:
            print(problem, file=sys.stderr)
            return 2
    return 1 if options.check and different else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m parity_tests.record", description=__doc__.split("\n\n")[0])
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help="which engines; all where none is named")
    parser.add_argument("--check", action="store_true", help="ask afresh, compare, write nothing; 1 on a difference")
    parser.add_argument("--only", metavar="TEXT", help="ask only the cases whose id contains TEXT")
    parser.add_argument("--list", action="store_true", help="show the engines and stop")
    parser.add_argument("--environments", metavar="DIR", type=Path, default=environments.DEFAULT_FOLDER,
                        help="where the environments are kept (default: %(default)s)")  # fmt: skip
    return parser


def _list() -> None:
    for engine in ENGINES.values():
        path = recordings.path_of(engine.name)
        python = environments.read_pins(engine.environment).python
        state = f"{path.stat().st_size / 1024:.0f} kB" if path.is_file() else "no recording"
        print(f"{engine.name:16} Python {python:5} {engine.environment}.txt, {state}")


def _one(engine: Engine, options: argparse.Namespace) -> bool:
    """Record or check one engine; whether anything differs from the recording on disk."""
    started = time.monotonic()
    answers = options.environments / "answers" / f"{engine.name}{'.check' if options.check else ''}.jsonl"
    if options.check:
        old = recordings.read_file(_existing(engine))
        answers.unlink(missing_ok=True)
    else:
        path = recordings.path_of(engine.name)
        old = recordings.read_file(path) if path.is_file() else None
    progress, close = oracle_run.progress_bar(engine.name)
    try:
        oracle_run.ask(engine, options.environments, answers, options.only, progress)
    finally:
        close()
    header, cells = oracle_run.read_answers(answers)
    cells = _in_order(engine.name, cells, options.only)
    before = {} if old is None else _chosen(old.cells, options.only)
    found = changes(before, cells, engine.tolerated_eps)
    _tell(engine, before, cells, found, time.monotonic() - started)
    if options.check:
        return bool(found) | _tell_digest(engine, old.header, header)
    _write(engine, old, header, cells, options.only)
    if not options.only:
        answers.unlink()
    return bool(found)


def _existing(engine: Engine) -> Path:
    path: Path = recordings.path_of(engine.name)
    if not path.is_file():
        raise recordings.RecordingError(f"Nothing to check {engine.name} against: expected {path}. "
                                        f"To record it: {recordings.command(engine.name)}")  # fmt: skip
    return path


def _in_order(engine: str, cells: Mapping[Any, Any], only: str | None) -> dict[Any, Any]:
    """The cells in the order of the cases; every cell that was asked must have been answered."""
    wanted = [(item["id"], dtype) for dtype in ("float64", "float32") for item in cases.cases_for(engine)
              if dtype in item["dtypes"] and (only is None or only in item["id"])]  # fmt: skip
    missing = [key for key in wanted if key not in cells]
    if missing:
        raise oracle_run.OracleFailed(f"{engine}: {len(missing)} cells were not answered, the first is {missing[0]}")
    return {key: cells[key] for key in wanted}


def _chosen(cells: Mapping[Any, Any], only: str | None) -> dict[Any, Any]:
    return {key: cell for key, cell in cells.items() if only is None or only in key[0]}


def _tell(engine: Engine, old: Mapping[Any, Any], new: Mapping[Any, Any], found: list[Change], seconds: float) -> None:
    """What came, and which cells changed."""
    refusals = sum(cell.refusal is not None for cell in new.values())
    kinds = ", ".join(f"{sum(change.kind == kind for change in found)} {kind}" for kind in ("new", "gone", "changed"))
    print(f"{engine.name}: {len(new)} cells, {refusals} of them refusals, in {seconds:.0f} s; {kinds}")
    if not old:
        return
    for change in found[:_SHOWN]:
        print(f"  {change}")
    if len(found) > _SHOWN:
        print(f"  ... and {len(found) - _SHOWN} more")
    changed = [change for change in found if change.kind == "changed"]
    if changed:
        worst = max(changed, key=lambda change: change.eps)
        print(f"  worst: {worst.eps:.3g} eps of the cell's scale, {worst}")


def _tell_digest(engine: Engine, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the recording was made for other cases than those on disk."""
    if old["digest"] == new["digest"]:
        return False
    print(f"  {engine.name}: the recording is for other cases (digest {old['digest'][:12]}, cases.py has "
          f"{new['digest'][:12]}); {recordings.command(engine.name)}")  # fmt: skip
    return True


def _write(engine: Engine, old: Any, header: dict[str, Any], cells: dict[Any, Any], only: str | None) -> None:
    """Write the recording; nothing is touched where it would say the same with a later date."""
    path = recordings.path_of(engine.name)
    if only:
        if old is None or old.header["digest"] != header["digest"]:
            raise recordings.RecordingError(f"--only {only!r} can renew a part of a recording of the same cases, and "
                                            f"there is none; {recordings.command(engine.name)}")  # fmt: skip
        cells = {**old.cells, **cells}
    del header["oracle"]  # it changes with every comment in an oracle
    same_header = old is not None and {**old.header, "date": None} == {**header, "date": None}
    if same_header and not changes(old.cells, cells, None):
        print(f"  {path} stands as it is")
        return
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    recordings.write(path, {**header, "date": today}, cells)
    print(f"  wrote {path}, {path.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
