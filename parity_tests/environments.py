"""The environments of the old releases: a virtual environment per pin file, made once and kept outside the checkout."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PINS = Path(__file__).resolve().parent / "oracles" / "environments"
DEFAULT_FOLDER = Path.home() / ".cache" / "torchweights" / "oracles"
_MARK = "installed.txt"


class EnvironmentProblem(RuntimeError):
    """Something that keeps an environment from being made; the message says what to do."""


@dataclass(frozen=True)
class Pins:
    """One pin file: the Python it needs and the exact requirements."""

    name: str
    python: str
    requirements: tuple[str, ...]

    @property
    def digest(self) -> str:
        return hashlib.sha256("\n".join((self.python, *self.requirements)).encode()).hexdigest()


def read_pins(name: str) -> Pins:
    """The pins of an environment; line one names its Python, every other line is ``package==version``."""
    path = PINS / f"{name}.txt"
    first, *rest = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    named = re.fullmatch(r"# python (\d+\.\d+)", first)
    if named is None:
        raise EnvironmentProblem(f"{path}: line 1 must read '# python X.Y', it reads {first!r}")
    for line in rest:
        if not re.fullmatch(r"[\w.-]+==[\w.+-]+", line):
            raise EnvironmentProblem(f"{path}: every requirement is pinned as package==version, {line!r} is not")
    return Pins(name, named.group(1), tuple(rest))


def _candidates(version: str) -> Iterator[str]:
    root = os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))
    yield from sorted(glob.glob(f"{root}/versions/{version}.*/bin/python{version}"), reverse=True)
    if sys.version_info[:2] == tuple(int(part) for part in version.split(".")):
        yield sys.executable
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path


def find_python(version: str, needed_for: str) -> str:
    """A Python of that version that starts."""
    for candidate in _candidates(version):
        asked = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(asked, capture_output=True, text=True)
        if answer.returncode == 0 and answer.stdout.strip() == version:
            return candidate
    raise EnvironmentProblem(
        f"{needed_for} needs Python {version}, and none is here: looked for ~/.pyenv/versions/{version}.*/bin/python and "
        f"python{version} on PATH. Install one, for example with `pyenv install {version}`."
    )


def ensure(name: str, root: Path) -> Path:
    """The Python inside the environment ``name`` under ``root``; makes the environment where it is not there whole."""
    pins = read_pins(name)
    folder = root / name
    python = folder / "bin" / "python"
    mark = folder / _MARK
    if mark.exists() and mark.read_text() == pins.digest and python.exists():
        return python
    if folder.exists():
        shutil.rmtree(folder)
    base = find_python(pins.python, name)
    print(f"{name}: making its environment in {folder} (Python {pins.python}, {len(pins.requirements)} packages) ...",
          flush=True)  # fmt: skip
    folder.parent.mkdir(parents=True, exist_ok=True)
    _run([base, "-m", "venv", str(folder)], name)
    if pins.python == "3.6":  # its own pip 18.1 cannot read manylinux2014 wheels
        _pip(python, name, "pip==21.3.1")
    _pip(python, name, "--no-deps", "-r", str(PINS / f"{name}.txt"))
    mark.write_text(pins.digest)
    return python


def _pip(python: Path, name: str, *arguments: str) -> None:
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments], name)


def _run(command: list[str], name: str) -> None:
    # A constraint meant for the checkout's own environment would break the pins of an old one.
    variables = {key: value for key, value in os.environ.items() if key not in ("PIP_CONSTRAINT", "PYTHONPATH")}
    ran = subprocess.run(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ran.returncode:
        last = "\n".join(ran.stdout.strip().splitlines()[-12:])
        raise EnvironmentProblem(f"{name}: `{' '.join(command)}` ended with {ran.returncode}:\n{last}")
