"""``tw.get`` knows the names that ``losses.get`` of each release knew, and no other."""

from __future__ import annotations

import importlib
import inspect

import pytest

import torchweights as tw
from parity_tests import catalogues
from parity_tests.catalogues import NO_LOSSES, SINCE
from torchweights import names
from torchweights.parity.replay import CRITERIA

CLASSES = {kind.__name__: kind for kind in CRITERIA.values()}


def found(name: str, release: str) -> type[tw.WeightedLoss] | None:
    """The criterion that a release's name means; None where it is refused."""
    try:
        return type(tw.get(name, semantics=release))
    except ValueError:
        return None


def differences(recorded: dict[str, str | None], release: str) -> list[str]:
    """The names that do not mean what they meant in the release."""
    wrong = []
    for name, meant in recorded.items():
        known = meant is not None and not meant.startswith("raises ") and name not in NO_LOSSES
        expected = {**CRITERIA, **CLASSES}[SINCE.get(str(meant), str(meant))] if known else None
        came = found(name, release)
        if came is not expected:
            wrong.append(f"{name!r} is {meant} in {release}; expected {expected}, got {came}")
    return wrong


@pytest.mark.parametrize("engine", catalogues.ENGINES)
def test_every_recorded_name_and_no_other(engine: str) -> None:
    assert not differences(catalogues.of(engine, "names"), engine)


def test_every_name_of_the_table_was_asked_for() -> None:
    for engine in catalogues.ENGINES:
        assert set(names._KNOWN) <= set(catalogues.of(engine, "names")), engine


def test_what_is_no_loss_was_found_by_a_release() -> None:
    asked = {name for engine in catalogues.ENGINES for name in catalogues.of(engine, "names")}
    assert set(NO_LOSSES) <= asked


@pytest.mark.parametrize(
    ("name", "meant"), [("mse", None), ("mse", "huber"), ("circle", "circle"), ("nonesuch", "mean_squared_error")]
)
def test_a_spoiled_name_fails(name: str, meant: str | None) -> None:
    recorded = {**catalogues.of("keras3.0", "names"), name: meant}
    assert len(differences(recorded, "keras3.0")) == 1


@pytest.mark.parametrize(("keras", "release"), [("keras", "keras3.15"), ("tf_keras", "tf_keras2.21")])
def test_every_serialised_loss_is_understood(keras: str, release: str) -> None:
    pytest.importorskip(keras, reason=f"{keras} is not installed (CI installs it without its dependencies)")
    losses = importlib.import_module(f"{keras}.losses")
    classes = [kind for name, kind in vars(losses).items() if inspect.isclass(kind) and name in CLASSES]
    assert len(classes) >= 17
    for kind in classes:
        criterion = tw.get(losses.serialize(kind(reduction="sum")), semantics=release)
        assert type(criterion) is CLASSES[kind.__name__]
        assert criterion.reduction == "sum"
    assert isinstance(tw.get(losses.serialize(losses.mean_squared_error), semantics=release), tw.MeanSquaredError)
    smoothed = losses.serialize(losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.25))
    criterion = tw.get(smoothed, semantics=release)
    assert isinstance(criterion, tw.BinaryCrossentropy)
    assert (criterion.from_logits, criterion.label_smoothing) == (True, 0.25)
