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
_FOR_NOW = "made for a run over many releases.txt"
_OLD_PIP = "pip==21.3.1"  # for Python 3.6, whose own pip 18.1 cannot read manylinux2014 wheels

#: How many pins may differ for an environment to be made over from the one before it.
_MADE_OVER = 12


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

    @property
    def versions(self) -> dict[str, str]:
        """Version by package, the names as pip compares them."""
        return {_normal(line): line.split("==")[1] for line in self.requirements}


def _normal(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", requirement.split("==")[0]).lower()


def read_pins(name: str) -> Pins:
    """The pins of an environment; line one names its Python, every other line is ``package==version``.

    Line one may go on with ``, as NAME but``: the pins of that environment, with these lines in place of its own.
    """
    path = PINS / f"{name}.txt"
    first, *rest = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    named = re.fullmatch(r"# python (\d+\.\d+)(?:, as (\S+) but)?", first)
    if named is None:
        raise EnvironmentProblem(f"{path}: line 1 must read '# python X.Y' or '# python X.Y, as NAME but', "
                                 f"it reads {first!r}")  # fmt: skip
    for line in rest:
        if not re.fullmatch(r"[\w.-]+==[\w.+-]+", line):
            raise EnvironmentProblem(f"{path}: every requirement is pinned as package==version, {line!r} is not")
    if named.group(2):
        own = {_normal(line) for line in rest}
        rest = [line for line in read_pins(named.group(2)).requirements if _normal(line) not in own] + rest
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


def is_made(name: str, root: Path) -> bool:
    """Whether the environment ``name`` is there whole, with the pins of today."""
    mark = root / name / _MARK
    return mark.exists() and mark.read_text() == read_pins(name).digest and _python(root / name).exists()


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def ensure(name: str, root: Path) -> Path:
    """The Python inside the environment ``name`` under ``root``; makes the environment where it is not there whole."""
    if not is_made(name, root):
        remove(name, root)
        _make(read_pins(name), root)
    return _python(root / name)


def ensure_for_now(name: str, root: Path, over: str | None) -> None:
    """Make an environment that nobody needs for long, out of ``over`` where only few of their pins differ.

    ``over`` is gone afterwards, if it was made for now too; what was there before is left alone.
    """
    if over is not None and (over == name or not _is_for_now(over, root)):
        over = None
    if not is_made(name, root):
        remove(name, root)
        if over is None or not _make_over(read_pins(over), read_pins(name), root):
            if over is not None:
                remove(over, root)
            _make(read_pins(name), root)
        (root / name / _FOR_NOW).touch()
    elif over is not None:
        remove(over, root)


def remove_for_now(name: str, root: Path) -> None:
    """Throw an environment away that was made for now."""
    if _is_for_now(name, root):
        remove(name, root)


def _is_for_now(name: str, root: Path) -> bool:
    return (root / name / _FOR_NOW).exists()


def remove(name: str, root: Path) -> None:
    """Throw an environment away."""
    if (root / name).exists():
        shutil.rmtree(root / name)


def _make(pins: Pins, root: Path) -> None:
    folder = root / pins.name
    base = find_python(pins.python, pins.name)
    print(f"{pins.name}: making its environment in {folder} (Python {pins.python}, {len(pins.requirements)} packages) ...",
          flush=True)  # fmt: skip
    folder.parent.mkdir(parents=True, exist_ok=True)
    _run([base, "-m", "venv", str(folder)], pins.name)
    if pins.python == "3.6":
        _install(folder, _OLD_PIP)
    _install(folder, "--no-deps", *pins.requirements)
    (folder / _MARK).write_text(pins.digest)


def _make_over(old: Pins, new: Pins, root: Path) -> bool:
    """Turn the environment ``old`` into ``new`` by installing what differs; False where it could not be done."""
    if old.python != new.python or not is_made(old.name, root):
        return False
    before, after = old.versions, new.versions
    leave = [package for package, version in before.items() if after.get(package) != version]
    enter = [line for line in new.requirements if before.get(_normal(line)) != after[_normal(line)]]
    if max(len(leave), len(enter)) > _MADE_OVER:
        return False
    folder = root / new.name
    print(f"{new.name}: making its environment out of that of {old.name} ({len(enter)} packages) ...", flush=True)
    (root / old.name).rename(folder)
    (folder / _MARK).unlink()
    try:
        if leave:  # before anything enters: tensorflow and tensorflow-cpu are the same files
            _pip(folder, "uninstall", "--yes", *leave)
        if enter:
            _install(folder, "--no-deps", *enter)
    except EnvironmentProblem as problem:
        print(f"{problem}\n{new.name}: making it afresh instead", flush=True)
        remove(new.name, root)
        return False
    (folder / _MARK).write_text(new.digest)
    return True


def _install(folder: Path, *what: str) -> None:
    _pip(folder, "install", *what)


def _pip(folder: Path, command: str, *arguments: str) -> None:
    call = [str(_python(folder)), "-m", "pip", command, "--quiet", "--disable-pip-version-check", *arguments]
    _run(call, folder.name)


def _run(command: list[str], name: str) -> None:
    # A constraint meant for the checkout's own environment would break the pins of an old one.
    variables = {key: value for key, value in os.environ.items() if key not in ("PIP_CONSTRAINT", "PYTHONPATH")}
    ran = subprocess.run(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ran.returncode:
        last = "\n".join(ran.stdout.strip().splitlines()[-12:])
        raise EnvironmentProblem(f"{name}: `{' '.join(command)}` ended with {ran.returncode}:\n{last}")
