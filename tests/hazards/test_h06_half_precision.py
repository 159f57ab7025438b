"""H6: half precision counts and computes in float32, and sums of a million pixels are exact to its last digits (P6)."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import torchweights as tw
from tests.devices import DEVICES
from tests.hazards.catalogue import INPUTS, built, given, given_total, slope, total, unchecked
from tests.samples import Sample
from tests.watching import HALVES, Operators


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("half", HALVES, ids=str)
@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_half_precision_is_computed_in_float32(sample: Sample, half: torch.dtype, device: str) -> None:
    y_pred, y_true = given(sample)
    low, y_true = y_pred.detach().to(device, half).requires_grad_(), y_true.to(device)
    with Operators() as operators:
        unchecked(sample)(low, y_true)
    loss = unchecked(sample)(low, y_true)  # not watched: nothing is compiled where operators are
    exact = unchecked(sample)(low.detach().float().requires_grad_(), y_true)
    assert loss.dtype == torch.float32 and torch.equal(loss, exact)
    assert not operators.in_half
    assert "binary_cross_entropy" not in operators.names
    assert slope(loss, low).dtype == half


@pytest.mark.parametrize("half", HALVES, ids=str)
def test_a_total_computes_half_precision_in_float32(half: torch.dtype) -> None:
    y, t = given_total()
    low = {name: one.detach().to(half) for name, one in y.items()}
    with Operators() as operators:
        total()(low, t)
    loss = total()(low, t)
    assert loss.dtype == torch.float32 and not operators.in_half
    assert torch.equal(loss, total()({name: one.float() for name, one in low.items()}, t))


@pytest.mark.negative_control
def test_the_trace_sees_what_computes_in_half() -> None:
    with Operators() as operators, torch.autocast("cpu", dtype=torch.bfloat16):
        (torch.randn(2, 3, dtype=torch.bfloat16) * 2).sum()
        F.binary_cross_entropy(torch.rand(3), torch.ones(3))
    assert {"mul", "sum"} <= operators.in_half and "binary_cross_entropy" in operators.names


def a_million_pixels(half: torch.dtype) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2**20, 3, generator=generator).to(half), torch.randint(3, (2**20,), generator=generator)


def off_by(found: Tensor, expected: Tensor) -> float:
    return abs(float(found) - float(expected)) / float(expected)


@pytest.mark.parametrize("half", HALVES, ids=str)
def test_a_million_pixels_in_half_precision(half: torch.dtype) -> None:
    y_pred, y_true = a_million_pixels(half)
    criterion = built(tw.SparseCategoricalCrossentropy, from_logits=True)
    expected = criterion(y_pred.double(), y_true)
    assert off_by(criterion(y_pred, y_true), expected) <= 2 * torch.finfo(torch.float32).eps
    naive = F.cross_entropy(y_pred, y_true, reduction="none").to(half).sum() / 2**20
    assert not off_by(naive, expected) < 1e-4, "the negative control"


def test_counts_are_exact_past_what_float32_counts() -> None:
    mask = torch.ones(2**24 + 1, dtype=torch.bool)
    mask[0] = False
    criterion = built(tw.MeanSquaredError)
    assert criterion.denominator(torch.zeros(()).expand(2**24 + 1, 1), mask=mask).value() == 2**24
    assert float(torch.tensor(2.0**24) + 1) == 2**24, "the negative control: float32 loses the last pixel"
