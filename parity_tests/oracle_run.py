"""Running one oracle in its environment and reading the JSON lines it leaves."""

from __future__ import annotations

import base64
import fcntl
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np

from parity_tests import environments
from parity_tests.engines import Engine
from parity_tests.parity_files import FOLDER, cases, load_file, recordings

Key = tuple[str, str]

ORACLES = Path(__file__).resolve().parent / "oracles"
_shared = load_file(ORACLES / "_run.py", "parity_tests_oracles_run")

#: One thread, no accelerator, and none of the kernels that oneDNN picks by processor: the same bits on every run.
_QUIET = {
    "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
    "TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0",
}  # fmt: skip


class OracleFailed(RuntimeError):
    """The oracle itself ended badly; what a release refuses is an answer, not a failure."""


class Progress(Protocol):
    def __call__(self, done: int, total: int) -> None: ...


def ask(engine: Engine, root: Path, answers: Path, only: str | None, progress: Progress) -> None:
    """Run the oracle in its environment until ``answers`` holds every cell; what it holds is not asked again."""
    python = environments.ensure(engine.environment, root)
    answers.parent.mkdir(parents=True, exist_ok=True)
    command = [str(python), str(ORACLES / f"{engine.oracle}.py"), "--engine", engine.name, "--cases", str(FOLDER),
               "--out", str(answers), "--pins", environments.read_pins(engine.environment).digest]  # fmt: skip
    command += ["--only", only] if only else []
    log = answers.with_suffix(".log")
    with open(log, "a") as errors:
        _alone(errors, engine)
        errors.truncate(0)
        variables = _variables(engine, root)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=variables) as oracle:
            assert oracle.stdout is not None
            for line in oracle.stdout:
                if line.startswith("PROGRESS "):
                    done, total = line.split()[1:3]
                    progress(int(done), int(total))
    if oracle.returncode:
        last = "\n".join(log.read_text(errors="replace").strip().splitlines()[-12:])
        raise OracleFailed(f"{engine.name}: the oracle ended with {oracle.returncode}; the end of {log}:\n{last}")


def _alone(file: TextIO, engine: Engine) -> None:
    """Two runs that append to one file of answers would spoil it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise OracleFailed(f"{engine.name}: another run is asking this engine ({file.name} is locked)") from error


def _variables(engine: Engine, root: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("KERAS_", "TF_", "PYTHON", "XLA_"))}
    # Keras writes and obeys a keras.json in its home: none of the user's, and none of another release's.
    home = root / "keras_home" / engine.name
    home.mkdir(parents=True, exist_ok=True)
    return {**kept, **_QUIET, "KERAS_BACKEND": engine.keras_backend, "KERAS_HOME": str(home)}


@dataclass(frozen=True)
class Answers:
    """What a release answered: values and refusals, and why it could not be asked the rest."""

    header: dict[str, Any]
    cells: dict[Key, Any]
    absent: dict[Key, str]


def read_answers(path: Path) -> Answers:
    """The JSON lines that an oracle wrote."""
    header: dict[str, Any] = {}
    cells, absent = {}, {}
    for line in path.read_text().splitlines():
        answer = json.loads(line)
        if "header" in answer:
            header = answer["header"]
        elif "absent" in answer:
            absent[answer["id"], answer["dtype"]] = answer["absent"]
        else:
            cells[answer["id"], answer["dtype"]] = _cell(answer)
    return Answers(header, cells, absent)


def complete(engine: Engine, path: Path) -> Answers | None:
    """The answers in a file that an earlier run left, where every case of today was asked by the oracle of today."""
    if not path.is_file():
        return None
    try:
        answers = read_answers(path)
    except ValueError:  # a last line that a stopped run left unfinished
        return None
    made = {"digest": digest_of_cases(engine.name), "pins": environments.read_pins(engine.environment).digest,
            "oracle": _shared.sources(str(ORACLES / f"{engine.oracle}.py"))}  # fmt: skip
    if any(answers.header.get(name) != value for name, value in made.items()):
        return None
    return None if missing(engine, answers, None) else answers


@functools.cache
def _items(engine: str) -> list[dict[str, Any]]:
    return list(cases.cases_for(engine))


@functools.cache
def digest_of_cases(engine: str) -> str:
    """The digest of the cases of today."""
    return str(cases.digest(_items(engine)))


def wanted(engine: Engine, only: str | None) -> list[Key]:
    """The cells of an engine in the order of the cases."""
    return [(item["id"], dtype) for dtype in ("float64", "float32") for item in _items(engine.name)
            if dtype in item["dtypes"] and (only is None or only in item["id"])]  # fmt: skip


def missing(engine: Engine, answers: Answers, only: str | None) -> list[Key]:
    """The cells that were not answered."""
    return [key for key in wanted(engine, only) if key not in answers.cells and key not in answers.absent]


def _cell(answer: Mapping[str, Any]) -> Any:
    if "refusal" in answer:
        kind, line = answer["refusal"]
        return recordings.Cell(None, None, (kind, line))
    return recordings.Cell(_array(answer["value"]), _array(answer["gradient"]), None)


def _array(packed: list[Any] | None) -> Any:
    if packed is None:
        return None
    dtype, shape, text = packed
    return np.frombuffer(base64.b64decode(text), np.dtype(dtype).newbyteorder("<")).astype(dtype).reshape(shape)


def progress_bar(name: str) -> tuple[Progress, Callable[[], None]]:
    """(progress, close): tqdm where it is installed and there is a terminal, else a line every tenth part."""
    try:
        from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return _lines(name), lambda: None
    if not sys.stderr.isatty():
        return _lines(name), lambda: None
    bar = tqdm(desc=name, unit="cell")

    def progress(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return progress, bar.close


def _lines(name: str) -> Progress:
    shown = [0]

    def progress(done: int, total: int) -> None:
        tenth = 10 * done // total
        if tenth > shown[0]:
            shown[0] = tenth
            print(f"{name}: {done} of {total} cells", flush=True)

    return progress
