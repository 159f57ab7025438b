"""Along a last axis of few classes values are turned in blocks, and weights repeated in blocks: in closed form, and for ``tw.fuse``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.closed_form.paths import in_closed_form, plain
from tests.closed_form.test_against_plain import GRADIENT, VALUE, both, off
from torchweights.closed_form import fusing
from torchweights.losses.base import WeightedLoss

#: two and a half blocks of values in each of three samples
SHAPE = (3, 16, 40)
CLASSES = 5


def _given(kind: str) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(7)
    logits = torch.randn(*SHAPE, CLASSES, generator=chance) * 3
    labels = torch.randint(CLASSES, SHAPE, generator=chance)
    one_hot = torch.nn.functional.one_hot(labels, CLASSES).float()
    given: dict[str, tuple[Tensor, Tensor]] = {
        "labels": (logits, labels),
        "void labels": (logits, torch.where(labels == 2, 255, labels)),
        "one-hot": (logits, one_hot),
        "soft": (logits, one_hot * 0.8 + 0.04),
        "probabilities": (logits.softmax(-1), one_hot),
        "label sets": (logits, (torch.rand(logits.shape, generator=chance) < 0.3).float()),
    }
    return given[kind]


LOSSES: dict[str, tuple[str, Callable[[], WeightedLoss]]] = {
    "labels": ("labels", lambda: tw.SparseCategoricalCrossentropy(axis=-1, from_logits=True)),
    "labels, void, class weights": (
        "void labels",
        lambda: tw.SparseCategoricalCrossentropy(
            axis=-1, from_logits=True, ignore_class=255, class_weight=[1.0, 2, 3, 4, 5]
        ),
    ),
    "targets": ("soft", lambda: tw.CategoricalCrossentropy(axis=-1, from_logits=True, label_smoothing=0.1)),
    "targets of probabilities": ("probabilities", lambda: tw.CategoricalCrossentropy(axis=-1, from_logits=False)),
    "categorical focal": ("one-hot", lambda: tw.CategoricalFocalCrossentropy(axis=-1, from_logits=True)),
    "binary": ("label sets", lambda: tw.BinaryCrossentropy(axis=-1, from_logits=True)),
    "binary, class weights": (
        "label sets",
        lambda: tw.BinaryCrossentropy(axis=-1, from_logits=True, class_weight=[1.0, 2, 3, 0.5, 4]),
    ),
    "binary focal": ("label sets", lambda: tw.BinaryFocalCrossentropy(axis=-1, from_logits=True)),
    "squared": ("one-hot", lambda: tw.MeanSquaredError(axis=-1)),
    "expected cost": (
        "one-hot",
        lambda: tw.ExpectedCost(1 - torch.eye(CLASSES), indexing="true_pred", axis=-1, from_logits=True),
    ),
}
CHANCE = torch.Generator().manual_seed(3)
PIXELS = torch.rand(SHAPE, generator=CHANCE)
BESIDE: dict[str, dict[str, Tensor]] = {
    "pixel weights": {"sample_weight": PIXELS},
    "pixel weights and a mask": {"sample_weight": PIXELS, "mask": torch.rand(SHAPE, generator=CHANCE) < 0.7},
}


def _call(name: str, beside: str) -> tuple[WeightedLoss, tuple[Tensor | None, ...]]:
    kind, make = LOSSES[name]
    return make(), (*_given(kind), *(BESIDE[beside].get(key) for key in ("sample_weight", "mask")))


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("name", LOSSES)
def test_the_closed_form_is_plain(name: str, beside: str) -> None:
    criterion, call = _call(name, beside)
    value, gradient = off(both(in_closed_form(criterion), call), both(plain(criterion), call))
    assert value <= VALUE and gradient <= GRADIENT


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("name", LOSSES)
def test_fused_is_plain(name: str, beside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    compiled = fusing.Compiled.__call__

    def counted(self: fusing.Compiled, *arguments: Any, **options: Any) -> Any:
        passes.append(1)
        return compiled(self, *arguments, **options)

    monkeypatch.setattr(fusing.Compiled, "__call__", counted)
    criterion, call = _call(name, beside)
    value, gradient = off(both(tw.fuse(criterion, from_size=0), call), both(plain(criterion), call))
    assert value <= VALUE and gradient <= GRADIENT
    assert passes, "compiled, not stepped aside"


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("classes", [3, 9])
def test_classes_first_are_plain(classes: int, samples: int) -> None:
    """Few of one sample are gone through one by one."""
    chance = torch.Generator().manual_seed(5)
    y_pred = torch.randn(samples, classes, 16, 40, generator=chance) * 3
    labels = torch.randint(classes, (samples, 16, 40), generator=chance)
    criterion = tw.SparseCategoricalCrossentropy(axis=1, from_logits=True)
    value, gradient = off(*(both(path(criterion), (y_pred, labels)) for path in (in_closed_form, plain)))
    assert value <= VALUE and gradient <= GRADIENT


def test_what_is_left_of_the_blocks_is_not_compiled() -> None:
    criterion = tw.fuse(tw.SparseCategoricalCrossentropy(axis=-1, from_logits=True), from_size=0)
    y_pred, labels = _given("labels")
    criterion(y_pred[:1, :4], labels[:1, :4], PIXELS[:1, :4])
    assert not criterion._compiled._steps


def test_a_masked_poison_does_not_show() -> None:
    criterion = tw.fuse(tw.CategoricalFocalCrossentropy(axis=-1, from_logits=True), from_size=0)
    (y_pred, y_true), mask = _given("one-hot"), BESIDE["pixel weights and a mask"]["mask"]
    clean = both(criterion, (y_pred, y_true, PIXELS, mask))
    for poison in (torch.nan, torch.inf, 3e38):
        spoiled = both(criterion, (y_pred.masked_fill(~mask[..., None], poison), y_true, PIXELS, mask))
        assert all(map(torch.equal, spoiled, clean))


def test_targets_that_are_none_are_refused() -> None:
    criterion = tw.fuse(tw.BinaryCrossentropy(axis=-1, from_logits=True), from_size=0)
    y_pred, y_true = _given("label sets")
    with pytest.raises(ValueError, match="y_true expected"):
        criterion(y_pred, y_true + 3, PIXELS)
