"""The closed form computes what autograd does: value within 4 ulp, gradient within 4 eps of the largest weight / D."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.closed_form.paths import CLOSED, in_closed_form, plain, taken
from tests.device_cells import cells
from tests.samples import ROWS, Sample

pytestmark = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")
#: the eps that a value may be off, of itself or of 0.001, and a gradient, of its largest element
VALUE, GRADIENT = 4.0, 4.0
#: cells of each loss in each row of Keras; the default row has them all
SAMPLED = 12


def both(criterion: Any, given: Any) -> tuple[Tensor, Tensor]:
    y_pred = given[0].clone().requires_grad_()
    loss = criterion(y_pred, *given[1:])
    return loss.detach(), torch.autograd.grad(loss, y_pred)[0]


def cast(given: Any, dtype: torch.dtype) -> list[Any]:
    return [one.detach().to(dtype) if isinstance(one, Tensor) and one.is_floating_point() else one for one in given]


def off(
    found: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor], largest_term: float = 1e-3
) -> tuple[float, float]:
    """How far value and gradient are off, in eps; a gradient that is a difference of costs, in eps of these."""
    eps = torch.finfo(expected[0].dtype).eps
    if found[0].isnan() and expected[0].isnan():  # nothing divided by nothing, in rows whose mean is that
        found, expected = ((torch.zeros_like(one[0]), one[1].nan_to_num()) for one in (found, expected))
    value = abs(float(found[0]) - float(expected[0])) / max(abs(float(expected[0])), 1e-3) / eps
    scale = max(float(expected[1].abs().max()), largest_term)
    return value, float((found[1] - expected[1]).abs().max()) / scale / eps


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("sample", CLOSED, ids=str)
def test_loss_and_gradient_are_those_of_autograd(sample: Sample, row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    every = list(cells(sample, row))
    every = every if row == "torchweights" else every[:: max(1, len(every) // SAMPLED)]
    compared = 0
    for (name, criterion, given), dtype in itertools.product(every, (torch.float64, torch.float32)):
        if criterion.reduction == "none":
            continue
        given = cast(given, dtype)
        try:
            expected = both(plain(criterion), given)
        except (ValueError, TypeError):
            continue
        with taken(monkeypatch) as seen:
            found = both(in_closed_form(criterion), given)
        value, gradient = off(found, expected, 1.0 if sample.name == "expected cost" else 1e-3)
        assert value <= VALUE and gradient <= GRADIENT, f"{name} {dtype}: {value:.1f} {gradient:.1f}"
        compared += bool(seen)
    assert compared or (row.endswith("-torch") and "focal" in sample.name) or row in ("torch", "keras2.0.9")


def test_a_wrong_derivative_would_fail() -> None:
    """The negative control."""
    y_pred, y_true = torch.randn(8, 3), torch.randint(3, (8,))
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True)
    loss, gradient = both(plain(criterion), (y_pred, y_true, None, None))
    assert off((loss, gradient + 8 * torch.finfo(torch.float32).eps), (loss, gradient))[1] > GRADIENT


SHAPES: dict[str, tuple[tuple[int, ...], int]] = {
    "classes last, few": ((300, 5), -1),
    "classes last, many": ((3, 1000), -1),
    "maps": ((2, 3, 40, 50), 1),
    "maps, classes last": ((2, 40, 50, 3), -1),
    "steps": ((4, 100, 7), -1),
    "volumes": ((2, 4, 8, 9, 10), 1),
    "one sample": ((1, 21, 64, 64), 1),
}


@pytest.mark.parametrize("weighed", ["nothing", "per sample", "per pixel", "ignored and per pixel"])
@pytest.mark.parametrize("spread", [1.0, 10.0, 300.0])
@pytest.mark.parametrize("name", SHAPES)
def test_shapes_pieces_and_far_logits(name: str, spread: float, weighed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way of cutting, with pieces of 64 numbers beside the usual."""
    shape, axis = SHAPES[name]
    generator = torch.Generator().manual_seed(0)
    y_pred = torch.randn(shape, generator=generator) * spread
    values = [size for place, size in enumerate(shape) if place != axis % len(shape)]
    labels = torch.randint(shape[axis], values, generator=generator)
    weight = None
    if weighed == "per sample":
        weight = torch.rand(shape[0], generator=generator)
    elif "per pixel" in weighed:
        weight = torch.rand(values, generator=generator)
    criterion = tw.SparseCategoricalCrossentropy(
        from_logits=True, axis=axis, ignore_class=1 if "ignored" in weighed else None
    )
    dense = tw.CategoricalCrossentropy(from_logits=True, axis=axis)
    focal = tw.CategoricalFocalCrossentropy(from_logits=True, axis=axis)
    binary = tw.BinaryCrossentropy(from_logits=True, axis=axis)
    one_hot = torch.nn.functional.one_hot(labels, shape[axis]).movedim(-1, axis).float()
    for one, targets in ((criterion, labels), (dense, one_hot), (focal, one_hot), (binary, one_hot)):
        expected = both(plain(one), (y_pred, targets, weight))
        for most in (64, 1 << 18):
            monkeypatch.setattr("torchweights.closed_form.pieces.PIECE", most)
            with taken(monkeypatch) as seen:
                value, gradient = off(both(in_closed_form(one), (y_pred, targets, weight)), expected)
            assert seen
            assert value <= VALUE and gradient <= GRADIENT, (type(one).__name__, most, value, gradient)


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_channels_last_keeps_its_strides(memory_format: torch.memory_format) -> None:
    y_pred = torch.randn(2, 3, 8, 8).contiguous(memory_format=memory_format).requires_grad_()
    labels = torch.randint(3, (2, 8, 8))
    criterion = in_closed_form(tw.SparseCategoricalCrossentropy(from_logits=True, axis=1))
    (found,) = torch.autograd.grad(criterion(y_pred, labels), y_pred)
    (expected,) = torch.autograd.grad(plain(criterion)(y_pred, labels), y_pred)
    assert found.stride() == y_pred.stride()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("confidence", [0.0, 5.0, 10.0, 20.0, 60.0])
@pytest.mark.parametrize("kind", ["labels", "one-hot", "binary"])
def test_small_losses_keep_their_digits(confidence: float, kind: str) -> None:
    """What every sample gets right: log_softmax would keep none of these digits in float32."""
    labels = torch.randint(4, (1000,), generator=torch.Generator().manual_seed(0))
    one_hot = torch.nn.functional.one_hot(labels, 4).float()
    y_pred = torch.randn(1000, 4, generator=torch.Generator().manual_seed(1)) + confidence * (2 * one_hot - 1)
    criterion, targets = {
        "labels": (tw.SparseCategoricalCrossentropy(from_logits=True), labels),
        "one-hot": (tw.CategoricalCrossentropy(from_logits=True), one_hot),
        "binary": (tw.BinaryCrossentropy(from_logits=True), one_hot),
    }[kind]
    # In float64 log_softmax keeps no digits of 1e-17 either: labels have a formula that does.
    exact_of = plain(criterion) if kind == "binary" else plain(tw.SparseCategoricalCrossentropy(from_logits=True))
    exact = float(exact_of(y_pred.double(), one_hot.double() if kind == "binary" else labels))
    found = float(in_closed_form(criterion)(y_pred.requires_grad_(), targets).detach())
    assert abs(found - exact) <= 8 * torch.finfo(torch.float32).eps * max(exact, 1e-36)
