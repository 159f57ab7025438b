"""Numbers at the edge of what a formula takes, a value or two at a time, so that no mean hides one that is off.

Closed forms and compiled passes (compiled by dynamo alone: what a compiler makes of them is ``test_fuse.py``'s business) are held to
the plain path in float64, and to be no worse than four times the plain path in float32 where that is off as well.
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.closed_form.paths import in_closed_form, plain
from tests.closed_form.test_against_plain import both
from torchweights.closed_form import fusing

# fmt: off
PROBABILITIES = [0.0, 1e-38, 1e-30, 1e-8, 9.9e-8, 1e-7, 1.2e-7, 1e-4, 0.3, 0.5, 0.7, 1 - 1e-4, 1 - 1.2e-7, 1 - 6e-8, 1.0]
SIZES = [1e-30, 1e-8, 0.5, 1.0, 5.0, 16.0, 17.0, 40.0, 80.0, 87.0, 88.0, 89.0, 103.0, 105.0, 1e3, 1e4, 1e10]
LOGITS = [0.0, *SIZES, *(-size for size in SIZES)]
TARGETS = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1e-30, 3e-8, 1e-3, 0.25, 0.5, 0.75, 1 - 6e-8]
# fmt: on
WEIGHTS = [1.0, 1.0, 0.0, 1e-30, 0.3, 7.0]
POISON = [math.nan, math.inf, -math.inf, 3e38, -3e38, 1e-45, 0.0, -3.0, 0.5]
CLASSES, CASES = 3, 60
EPS = torch.finfo(torch.float32).eps

COSTS = [[1.0, 2.0, 0.5], [3.0, 1.0, 4.0], [0.25, 2.0, 1.0]]
FREE = [[0.0, 2.0, 0.5], [3.0, 0.0, 4.0], [0.25, 2.0, 0.0]]


def costs(kind: Any, matrix: list[list[float]], **more: Any) -> Callable[[bool], tw.WeightedLoss]:
    return lambda logits: kind(matrix, indexing="true_pred", from_logits=logits, **more)


def of(kind: Any, **more: Any) -> Callable[[bool], tw.WeightedLoss]:
    return lambda logits: kind(from_logits=logits, **more)


#: what each loss is, and the targets it takes
LOSSES: dict[str, tuple[Callable[[bool], tw.WeightedLoss], str]] = {
    "binary": (of(tw.BinaryCrossentropy, axis=-1), "soft"),
    "binary, smoothed": (of(tw.BinaryCrossentropy, axis=-1, label_smoothing=0.1), "soft"),
    "binary, by column": (of(tw.BinaryCrossentropy, axis=-1, class_weight=[1.0, 0.0, 3.0]), "soft"),
    "binary focal": (of(tw.BinaryFocalCrossentropy, axis=-1), "soft"),
    "binary focal, balanced": (of(tw.BinaryFocalCrossentropy, axis=-1, gamma=3.0, apply_class_balancing=True), "soft"),
    "binary focal, steep": (of(tw.BinaryFocalCrossentropy, axis=-1, gamma=0.5), "soft"),
    "categorical": (of(tw.CategoricalCrossentropy), "soft"),
    "categorical of one-hot": (of(tw.CategoricalCrossentropy), "one-hot"),
    "categorical, smoothed": (of(tw.CategoricalCrossentropy, label_smoothing=0.1), "one-hot"),
    "categorical focal": (of(tw.CategoricalFocalCrossentropy), "soft"),
    "categorical focal of one-hot": (of(tw.CategoricalFocalCrossentropy), "one-hot"),
    "categorical focal, steep": (of(tw.CategoricalFocalCrossentropy, gamma=0.5), "one-hot"),
    "sparse": (of(tw.SparseCategoricalCrossentropy), "labels"),
    "sparse, by class": (of(tw.SparseCategoricalCrossentropy, class_weight=[1.0, 0.0, 3.0]), "labels"),
    "sparse, smoothed": (of(tw.SparseCategoricalCrossentropy, label_smoothing=0.1), "labels"),
    "cost matrix": (costs(tw.WeightedCategoricalCrossentropy, COSTS), "soft"),
    "cost matrix of one-hot": (costs(tw.WeightedCategoricalCrossentropy, COSTS), "one-hot"),
    "cost matrix of labels": (costs(tw.WeightedCategoricalCrossentropy, COSTS), "labels"),
    "expected cost": (costs(tw.ExpectedCost, FREE), "one-hot"),
    "expected cost, log": (costs(tw.ExpectedCost, FREE, form="log"), "one-hot"),
    "expected cost, log, of labels": (costs(tw.ExpectedCost, FREE, form="log"), "labels"),
    "crossentropy and dice": (of(tw.BinaryCrossentropyDice), "soft"),
    "squared": (lambda logits: tw.MeanSquaredError(), "soft"),
    "absolute": (lambda logits: tw.MeanAbsoluteError(), "soft"),
    "huber": (lambda logits: tw.Huber(), "soft"),
}  # fmt: skip


def dynamo_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = torch.compile
    monkeypatch.setattr(torch, "compile", lambda f, **o: compiled(f, backend="eager", fullgraph=True, dynamic=False))
    monkeypatch.setattr(fusing, "SHORT", 0)


def on(path: str, criterion: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    if path != "fused":
        return in_closed_form(criterion) if path == "closed" else plain(criterion)
    dynamo_alone(monkeypatch)
    return tw.fuse(criterion, from_size=0)


def drawn(rng: random.Random, samples: int, logits: bool, targets: str) -> tuple[Tensor, Tensor]:
    def rows(pool: list[float]) -> Tensor:
        return torch.tensor([[rng.choice(pool) for _ in range(CLASSES)] for _ in range(samples)])

    labels = torch.tensor([rng.randrange(CLASSES) for _ in range(samples)])
    y_true = {"soft": rows(TARGETS), "one-hot": torch.eye(CLASSES)[labels], "labels": labels}[targets]
    return rows(LOGITS if logits else PROBABILITIES), y_true


def wide(given: Any) -> list[Any]:
    return [one.double() if isinstance(one, Tensor) and one.is_floating_point() else one for one in given]


@pytest.mark.parametrize("path", ["closed", "fused"])
@pytest.mark.parametrize("logits", [True, False], ids=["logits", "probabilities"])
@pytest.mark.parametrize("name", LOSSES)
def test_what_is_computed_at_the_edge(name: str, logits: bool, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, targets = LOSSES[name]
    criterion = make(logits)
    rng, other, compared = random.Random(name), on(path, criterion, monkeypatch), 0
    for _ in range(CASES):
        weight = torch.tensor([rng.choice(WEIGHTS) for _ in range(2)]) if rng.random() < 0.5 else None
        call = (*drawn(rng, 2, logits, targets), weight)
        try:
            expected, exact = both(plain(criterion), call), both(plain(criterion), wide(call))
        except ValueError:  # a row of zeros
            continue
        if not (expected[0].isfinite() and expected[1].isfinite().all()):
            continue
        found = both(other, call)
        largest = 1.0 if weight is None else float(weight.max())
        scales = (max(float(exact[0]), 1e-12), max(float(exact[1].abs().max()), largest / 2, 1e-12))
        for what, one, plainly, true, scale in zip(("value", "gradient"), found, expected, exact, scales, strict=True):
            off, allowed = (float((mine.double() - true).abs().max()) / scale for mine in (one, plainly))
            assert off <= max(16 * EPS, 4 * allowed), (what, off / EPS, allowed / EPS, call)
        compared += 1
    assert compared > CASES / 3


@pytest.mark.parametrize("path", ["plain", "closed", "fused"])
@pytest.mark.parametrize("logits", [True, False], ids=["logits", "probabilities"])
@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"crossentropy and dice"}))  # whose dice counts what weighs 0
def test_what_weighs_nothing_shows_nowhere(name: str, logits: bool, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the gradient where the value is finite: a slope may be infinite sooner than the value it belongs to."""
    make, targets = LOSSES[name]
    rng, criterion, weight = random.Random(name), on(path, make(logits), monkeypatch), torch.tensor([1.0, 0.0, 2.0])
    for _ in range(CASES // 2):
        y_pred, y_true = drawn(rng, 3, logits, targets)
        y_pred[[0, 2]] = y_pred[[0, 2]].clamp(1e-6, 0.9) if not logits else y_pred[[0, 2]].clamp(-50, 50)
        expected = both(criterion, (y_pred, y_true, weight))
        y_pred[1] = torch.tensor([rng.choice(POISON) for _ in range(CLASSES)])
        found = both(criterion, (y_pred, y_true, weight))
        assert torch.equal(found[0], expected[0]) and torch.equal(found[1], expected[1]) and not found[1][1].any()


def test_a_loss_beyond_float32_is_the_plain_path_s() -> None:
    criterion = tw.MeanAbsoluteError(reduction="sum")
    y_pred = torch.full((4, 2), 3e38)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss, gradient = both(in_closed_form(criterion), (y_pred, torch.zeros(4, 2)))
    assert loss == torch.inf and torch.equal(gradient, torch.full((4, 2), 0.5))


def test_squares_of_small_errors_keep_their_digits() -> None:
    """Of 81,920 errors of 1e-18 each term of the mean is below the least normal float32, and the mean is not."""
    y_pred, y_true = torch.full((40960, 2), 1e-18), torch.zeros(40960, 2)
    criterion = tw.MeanSquaredError()
    expected = plain(criterion)(y_pred, y_true)
    torch.testing.assert_close(in_closed_form(criterion)(y_pred, y_true), expected, rtol=4 * 2**-24, atol=0.0)
