"""The names of releases: which row has the numbers of each, and which neighbour stands for one that was not recorded."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping

from torchweights.messages import choose, frames_inside

#: how a requirement may spell a package -> how the names of its releases begin
PACKAGES = {
    "keras": "keras", "tensorflow": "tf", "tensorflow-cpu": "tf", "tensorflow-gpu": "tf", "tf": "tf",
    "tf_keras": "tf_keras", "tf-keras": "tf_keras", "torch": "torch",
}  # fmt: skip


def expand(text: str) -> Iterator[str]:
    """The releases that a cell of the table of rows lists.

    >>> list(expand("keras2.0.9 keras2.2.0-2 tf1.12"))
    ['keras2.0.9', 'keras2.2.0', 'keras2.2.1', 'keras2.2.2', 'tf1.12']
    """
    for word in text.split():
        span = re.fullmatch(r"(.*\D)(\d+)-(\d+)", word)
        if span is None:
            yield word
        else:
            yield from (f"{span[1]}{last}" for last in range(int(span[2]), int(span[3]) + 1))


def numbers(name: str) -> tuple[int, ...]:
    """The version in a name as numbers, for comparing.

    >>> numbers("tf_keras2.15")
    (2, 15)
    """
    return tuple(int(part) for part in re.findall(r"\d+", name))


def row_of(release: str, rows: Mapping[str, str], names: Iterable[str]) -> str:
    """The row of a release; ``rows`` maps each recorded release to its row, ``names`` are those of the rows."""
    if "==" not in release:
        if release in rows or release in (known := list(names)):
            return rows.get(release, release)
        return choose("semantics", release, [name for name in known if ":" not in name])
    package, version = (part.strip() for part in release.split("==", 1))
    choose("the package of semantics", package, PACKAGES)
    if not re.match(r"\d+(\.\d+)*", version):
        raise ValueError(
            f"semantics expected a version after {package}==; received {version!r}. Write '{package}==2.2.4'."
        )
    name = _name(package, version, release)
    return rows[name] if name in rows else _neighbour(release, name, rows)


def _name(package: str, version: str, release: str) -> str:
    """The name that the release has, or would have, among the recorded ones."""
    prefix = PACKAGES[package]
    if prefix == "torch":
        return "torch"
    number = tuple(int(part) for part in re.findall(r"\d+", version.split("rc")[0])[:3])
    minor = (*number, 0)[:2]
    if prefix == "tf" and (2, 16) <= minor < (3, 0):
        raise ValueError(
            f"tensorflow {version} runs two Kerases: expected to be told which, received {release!r}. tf.keras is Keras 3 there: write "
            "'keras==<its version>'; with TF_USE_LEGACY_KERAS=1 it is tf_keras: write 'tf_keras==<its version>'."
        )
    if prefix == "keras" and (2, 4) <= minor < (2, 6):
        raise ValueError(
            f"keras {version} hands everything to the tf.keras of the TensorFlow beside it: expected that one, received "
            f"{release!r}. Write 'tensorflow==<its version>'."
        )
    if prefix == "keras" and (2, 6) <= minor < (3, 0):
        prefix = "tf"  # the package keras is tf.keras itself there, of the same version
    counted = 3 if prefix == "keras" and number < (3,) else 2
    return prefix + ".".join(str(part) for part in (*number, 0, 0)[:counted])


def _neighbour(release: str, name: str, rows: Mapping[str, str]) -> str:
    """The row of the recorded release before this one, or of the first; a warning says so."""
    prefix = name[: -len(name.lstrip("abcdefghijklmnopqrstuvwxyz_"))]
    recorded = sorted((other for other in rows if re.fullmatch(rf"{prefix}[\d.]+", other)), key=numbers)
    before = [other for other in recorded if numbers(other) < numbers(name)]
    after = [other for other in recorded if numbers(other) > numbers(name)]
    chosen = before[-1] if before else after[0]
    beside = before[-1:] + after[:1]
    agree = len({rows[other] for other in beside}) == 1
    which = " and ".join(f"{other} (row {rows[other]!r})" for other in beside)
    warnings.warn(
        f"semantics={release!r} was not recorded: its neighbour{'s are' * (len(beside) > 1) or ' is'} {which}; row {rows[chosen]!r} is used"
        f"{'.' if agree else ', that of the release before it. Hold it against a number of your own, and name the other where that fits better.'}",
        UserWarning,
        stacklevel=frames_inside(),
    )
    return rows[chosen]


def spans(releases: Iterable[str]) -> str:
    """Releases as people write them, runs shortened; the opposite of ``expand``.

    >>> spans(["keras2.0.9", "keras2.2.0", "keras2.2.1", "tf2.2"])
    'keras2.0.9, keras2.2.0-1, tf2.2'
    """
    runs: list[list[str]] = []
    for release in releases:
        if runs and _family(runs[-1][-1]) == _family(release) and _last(release) == _last(runs[-1][-1]) + 1:
            runs[-1].append(release)
        else:
            runs.append([release])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}-{_last(run[-1])}" for run in runs)


def _family(name: str) -> str:
    return name.rstrip("0123456789")


def _last(name: str) -> int:
    found = re.search(r"\d+$", name)
    return int(found[0]) if found else -2
