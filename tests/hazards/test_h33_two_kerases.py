"""H33: recordings say which Keras and which backend made them, to the last digit, and there are many, which differ (P33).

``parity_tests`` replays them all; here it is only held that there is something to tell the releases apart by.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable

import numpy as np
import pytest
import torch

import torchweights as tw
from tests.hazards.catalogue import built
from torchweights.parity import recordings
from torchweights.parity.recordings import Cell, header_of, path_of

RECORDED = recordings.available()
#: a release to its last digit, with what a build adds to it
EXACT = re.compile(r"\d+\.\d+\.\d+([-+.]\w+)*|\d+\.\d+\.\d+-tf")
#: what else a recording must say of how it was made
SAYS = ("engine", "date", "python", "numpy", "machine", "notes", "digest")


def lacks(header: dict[str, object]) -> list[str]:
    """What a header should say and does not."""
    releases = header.get("releases")
    found = [name for name in SAYS if not header.get(name)]
    if not isinstance(releases, dict) or not releases:
        return [*found, "releases"]
    inexact = [name for name, release in releases.items() if not EXACT.fullmatch(str(release))]
    needs = {"torch"} if header["engine"] == "torch" else {"tensorflow", "torch"}
    return [*found, *inexact, *([] if needs & releases.keys() else ["backend"])]


@pytest.mark.parametrize("engine", RECORDED)
def test_a_recording_says_exactly_what_made_it(engine: str) -> None:
    header = header_of(path_of(engine))
    assert not lacks(header)
    assert header["engine"] == engine


def test_there_are_kerases_of_every_kind() -> None:
    """Keras before TensorFlow, inside of it, beside it, and Keras 3 on two backends."""
    kinds: dict[str, set[str]] = {}
    for engine in RECORDED:
        for name, release in header_of(path_of(engine))["releases"].items():
            kinds.setdefault(name, set()).add(release)
    assert len({one for one in kinds["keras"] if one.startswith("2.")}) >= 3
    assert len({one for one in kinds["keras"] if one.startswith("3.")}) >= 3
    assert len(kinds["tf_keras"]) >= 3 and len(kinds["tensorflow"]) >= 3
    assert {"keras3.15", "keras3.15-torch"} <= set(RECORDED)


def differing(one: str, other: str) -> int:
    """How many of the cells that both were asked they answer differently."""
    mine, theirs = recordings.read(one).cells, recordings.read(other).cells
    return sum(not alike(mine[key], theirs[key]) for key in mine.keys() & theirs.keys())


def alike(mine: Cell, theirs: Cell) -> bool:
    both = (mine.value, theirs.value)
    if any(one is None for one in both):
        return all(one is None for one in both)
    return bool(mine.value.shape == theirs.value.shape and np.allclose(*both, rtol=1e-5, atol=1e-6, equal_nan=True))  # type: ignore[union-attr,arg-type]


PAIRS = [("tf_keras2.21", "keras3.15"), ("keras2.2.4", "keras2.3.1"), ("tf1.15", "tf2.2"), ("keras3.0", "keras3.15")]


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=str)
def test_two_kerases_differ(one: str, other: str) -> None:
    assert differing(one, other) > 0 and differing(one, one) == 0


def losses_of(rows: Iterable[str]) -> dict[str, float]:
    """Of as many steps as samples, weighed by sample: where weights meet values is what the rows differ in."""
    generator = torch.Generator().manual_seed(0)
    p, t, w = torch.rand(3, 3, 2, generator=generator), torch.rand(3, 3, 2, generator=generator), torch.tensor([1.0, 2.0, 4.0])  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.KerasTrapWarning)
        return {row: float(built(tw.MeanSquaredError, semantics=row)(p, t, w)) for row in rows}


@pytest.mark.negative_control
def test_one_keras_for_all_fails_this() -> None:
    """What H15 is about: the same call, the same numbers, another loss in tf_keras and in Keras 3."""
    losses = losses_of(["tf_keras2.21", "keras3.15"])
    assert not np.isclose(losses["tf_keras2.21"], losses["keras3.15"])


@pytest.mark.negative_control
@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        ({"releases": {"keras": "3", "tensorflow": "2.21.0"}}, ["keras"]),
        ({"releases": {"keras": "3.15.1"}}, ["backend"]),
        ({"releases": {}}, ["releases"]),
        ({"python": ""}, ["python"]),
    ],
    ids=str,
)
def test_a_header_that_says_less_fails_this(change: dict[str, object], lacking: list[str]) -> None:
    assert lacks({**header_of(path_of("keras3.15")), **change}) == lacking
