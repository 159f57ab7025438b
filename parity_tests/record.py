"""``python -m parity_tests.record [ENGINE ...]``: ask the real releases and write (or check) their recordings.

Each engine runs in its own environment, made where it is missing. Where no engine is named every release is asked, one
after the other, in environments that are thrown away again. A run that is stopped goes on where it was, and answers that
are in the cache, of the same cases, pins and oracle, are not asked for again. With ``--check`` everything is asked
afresh, nothing is written, and a difference ends the program with 1.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity_tests import environments, oracle_run
from parity_tests.compare import Change, changes
from parity_tests.engines import ENGINES, TOLERATED_EPS, Engine, by_environment
from parity_tests.parity_files import recordings

#: How many changed cells are named, one a line.
_SHOWN = 20
_PROBLEMS = (environments.EnvironmentProblem, oracle_run.OracleFailed, recordings.RecordingError)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.recordings:
        recordings.FOLDER = options.recordings
    if options.list:
        _list()
        return 0
    unknown = [name for name in options.engines if name not in ENGINES]
    if unknown:
        print(f"No such engine: {', '.join(unknown)}. There are {', '.join(ENGINES)}.", file=sys.stderr)
        return 2
    options.all_releases |= not options.engines
    names = by_environment(ENGINES) if options.all_releases else options.engines
    different, failed, started = False, [], time.monotonic()
    options.passing = Passing(options.environments) if options.all_releases and not options.keep else None
    for number, name in enumerate(names):
        if len(names) > 1:
            print(_overall(names, number, time.monotonic() - started), flush=True)
        try:
            different |= _one(ENGINES[name], options, _answers(ENGINES[name], options))
        except _PROBLEMS as problem:
            print(problem, file=sys.stderr)
            failed.append(name)
    if options.passing:
        options.passing.leave()
    if failed and len(names) > 1:
        print(f"{len(failed)} of {len(names)} engines failed: {', '.join(failed)}", file=sys.stderr)
    return 2 if failed else int(options.check and different)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m parity_tests.record", description=__doc__.split("\n\n")[0])
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help="which engines; all where none is named")
    parser.add_argument("--all-releases", action="store_true", help="every engine, in environments made for now")
    parser.add_argument("--keep", action="store_true", help="keep the environments of a run over all releases")
    parser.add_argument("--check", action="store_true", help="ask afresh, compare, write nothing; 1 on a difference")
    parser.add_argument("--afresh", action="store_true", help="take no answers from the cache")
    parser.add_argument("--only", metavar="TEXT", help="ask only the cases whose id contains TEXT")
    parser.add_argument("--list", action="store_true", help="show the engines and stop")
    parser.add_argument("--environments", metavar="DIR", type=Path, default=environments.DEFAULT_FOLDER,
                        help="where environments and answers are kept (default: %(default)s)")  # fmt: skip
    parser.add_argument("--recordings", metavar="DIR", type=Path, help="write there, and not into the package")
    return parser


def _list() -> None:
    for engine in ENGINES.values():
        path = recordings.path_of(engine.name)
        python = environments.read_pins(engine.environment).python
        state = f"{path.stat().st_size / 1024:.0f} kB" if path.is_file() else "no recording"
        print(f"{engine.name:16} Python {python:5} {engine.environment}.txt, {state}")


def _overall(names: Sequence[str], number: int, seconds: float) -> str:
    """Where a run over many engines stands."""
    elapsed = datetime.timedelta(seconds=round(seconds))
    following = f"next is {names[number + 1]}" if number + 1 < len(names) else "the last"
    return f"[{number + 1} of {len(names)}] {names[number]}, {elapsed} since the start, {following}"


# ------------------------------------------------------------------------------------------------ asking


@dataclass
class Passing:
    """The environments of a run over many releases: one at a time, each out of the last where that is quicker."""

    root: Path
    last: str | None = None

    def enter(self, name: str) -> None:
        last, self.last = self.last, name
        environments.ensure_for_now(name, self.root, last)

    def leave(self) -> None:
        if self.last is not None:
            environments.remove_for_now(self.last, self.root)


def _answers(engine: Engine, options: argparse.Namespace) -> oracle_run.Answers:
    """What the engine answers."""
    started = time.monotonic()
    kind = ".check" if options.check else ".only" if options.only else ""
    path = options.environments / "answers" / f"{engine.name}{kind}.jsonl"
    if options.check:
        _existing(engine)
    if kind or options.afresh:
        path.unlink(missing_ok=True)
    held = oracle_run.complete(engine, path)
    if held is not None:
        print(f"{engine.name}: every answer is in {path}; --afresh asks again")
        return held
    if options.passing:
        options.passing.enter(engine.environment)
    progress, close = oracle_run.progress_bar(engine.name)
    try:
        oracle_run.ask(engine, options.environments, path, options.only, progress)
    finally:
        close()
    answers = oracle_run.read_answers(path)
    missing = oracle_run.missing(engine, answers, options.only)
    if missing:
        raise oracle_run.OracleFailed(
            f"{engine.name}: {len(missing)} cells were not answered, the first is {missing[0]}"
        )
    print(f"{engine.name}: asked in {time.monotonic() - started:.0f} s")
    return answers


def _existing(engine: Engine) -> Path:
    path: Path = recordings.path_of(engine.name)
    if not path.is_file():
        raise recordings.RecordingError(f"Nothing to check {engine.name} against: expected {path}. "
                                        f"To record it: {recordings.command(engine.name)}")  # fmt: skip
    return path


# ------------------------------------------------------------------------------------------------ one engine


def _one(engine: Engine, options: argparse.Namespace, answers: oracle_run.Answers) -> bool:
    """Record or check one engine; whether anything differs from the recording on disk."""
    old = recordings.read_file(_existing(engine)) if options.check else _old(engine)
    cells = {key: answers.cells[key] for key in oracle_run.wanted(engine, options.only) if key in answers.cells}
    before = {} if old is None else _chosen(old.cells, options.only)
    # What is shared with the release before may be off by as much as a repetition may.
    shared = old is not None and "like" in old.header
    found = changes(before, cells, TOLERATED_EPS * (1 + shared), any_refusal=shared)
    _tell(engine, before, cells, answers.absent, found)
    if options.check:
        return bool(found) | _tell_digest(engine, old.header, answers.header)
    header = _header(answers)
    if options.only:
        header, cells = _merged(options, old, header, cells)
    _write(engine, header, cells)
    return bool(found)


def _old(engine: Engine) -> Any:
    """The recording on disk; None where there is none that can be read."""
    path = recordings.path_of(engine.name)
    try:
        return recordings.read_file(path) if path.is_file() else None
    except recordings.RecordingError:
        return None  # what it was like has been recorded for other cases since; it is about to be written anew


def _chosen(cells: Mapping[Any, Any], only: str | None) -> dict[Any, Any]:
    return {key: cell for key, cell in cells.items() if only is None or only in key[0]}


def _header(answers: oracle_run.Answers) -> dict[str, Any]:
    """The header of the recording: without what changes with every comment, and with what could not be asked."""
    reasons = collections.Counter(answers.absent.values())
    header = {name: value for name, value in answers.header.items() if name not in ("oracle", "pins")}
    return {**header, "absent": dict(sorted(reasons.items()))}


def _merged(options: argparse.Namespace, old: Any, header: dict[str, Any], cells: dict[Any, Any]) -> tuple[Any, Any]:
    """A part that was asked anew, in the place it has in the recording."""
    if old is None or old.header["digest"] != header["digest"]:
        if options.recordings:  # a folder of one's own may hold parts
            return header, cells
        raise recordings.RecordingError(f"--only {options.only!r} can renew a part of a recording of the same cases, and "
                                        f"there is none; {recordings.command(header['engine'])}")  # fmt: skip
    kept = {key: cell for key, cell in old.cells.items() if options.only not in key[0]}
    both = {**kept, **cells}
    order = [key for key in oracle_run.wanted(ENGINES[header["engine"]], None) if key in both]
    return {**header, "absent": old.header.get("absent", {})}, {key: both[key] for key in order}


def _tell(engine: Engine, old: Mapping[Any, Any], new: Mapping[Any, Any], absent: Mapping[Any, str],
          found: list[Change]) -> None:  # fmt: skip
    """What came, and which cells changed."""
    refusals = sum(cell.refusal is not None for cell in new.values())
    kinds = ", ".join(f"{sum(change.kind == kind for change in found)} {kind}" for kind in ("new", "gone", "changed"))
    print(f"{engine.name}: {len(new)} cells, {refusals} of them refusals; {len(absent)} not offered; {kinds}")
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
    print(f"  {engine.name}: the recording is for other cases (digest {old['digest'][:12]}, the cases here have "
          f"{new['digest'][:12]}); {recordings.command(engine.name)}")  # fmt: skip
    return True


# ------------------------------------------------------------------------------------------------ writing


def _write(engine: Engine, header: dict[str, Any], cells: dict[Any, Any]) -> None:
    """Write the recording, and anew those that are like it; nothing is touched where only the date would change."""
    path = recordings.path_of(engine.name)
    near = _like(engine, header, cells)
    if path.is_file() and _bytes_as_of(_stated(path).get("date"), header, cells, near) == path.read_bytes():
        print(f"  {path} stands as it is")
        return
    followers = list(_followers(engine, header["digest"]))
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    recordings.write(path, {**header, "date": today}, cells, near)
    stored = recordings.header_of(path).get("like")
    kind = "whole" if stored is None else f"what differs from {stored}"
    print(f"  wrote {path}, {path.stat().st_size / 1024:.1f} kB, {kind}")
    for follower, recording in followers:
        own = {name: value for name, value in recording.header.items() if name not in ("like", "like_digest", "date")}
        _write(follower, own, recording.cells)


def _bytes_as_of(date: str | None, header: dict[str, Any], cells: dict[Any, Any], near: Any) -> bytes:
    packed: bytes = recordings.packed({**header, "date": date}, cells, near)
    return packed


def _like(engine: Engine, header: Mapping[str, Any], cells: Mapping[Any, Any]) -> Any:
    """The nearest release before that is recorded for the same cases, with what differs; None where there is none."""
    name = engine.base
    while name is not None:
        base = _old(ENGINES[name])
        if base is not None and base.header["digest"] == header["digest"]:
            found = changes(base.cells, cells, TOLERATED_EPS, any_refusal=True, by_element=True)
            return recordings.Like(name, base, {change.key for change in found if change.kind != "gone"})
        name = ENGINES[name].base
    return None


def _followers(engine: Engine, digest: str) -> Iterator[tuple[Engine, Any]]:
    """The recordings for the same cases that hold only what differs from this one, as they are before it changes."""
    for follower in ENGINES.values():
        path = recordings.path_of(follower.name)
        if not path.is_file() or _stated(path).get("like") != engine.name:
            continue
        recording = _old(follower)
        if recording is not None and recording.header["digest"] == digest:
            yield follower, recording


def _stated(path: Path) -> dict[str, Any]:
    """What the header of a recording says; nothing where it cannot be read."""
    try:
        return dict(recordings.header_of(path))
    except recordings.RecordingError:
        return {}


if __name__ == "__main__":
    sys.exit(main())
