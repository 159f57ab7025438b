"""H20: default types and devices, no_grad, inference mode: the state of the process changes nothing (P20)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import torch

import torchweights as tw
from tests.hazards.catalogue import INPUTS, N, built, full, given, given_total, total
from tests.samples import SAMPLES, WEIGHT, Sample, gradient

T = torch.tensor


@contextlib.contextmanager
def default_float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


STATES = {"float64 by default": default_float64, "meta by default": lambda: torch.device("meta"), "no grad": torch.no_grad, "inference": torch.inference_mode}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_global_state_changes_nothing(sample: Sample, state: str) -> None:
    y_pred, y_true = given(sample)
    criterion = built(sample)
    expected = criterion(y_pred, y_true)
    weight = torch.ones(len(y_pred))
    with STATES[state]():
        found = criterion(y_pred, y_true)
        made_inside = criterion(y_pred, y_true, weight) if sample.kind.__name__ != "Circle" else found
    assert torch.equal(found, expected) and found.dtype == expected.dtype and found.device == expected.device
    assert made_inside.device.type == "cpu"


@pytest.mark.parametrize("state", STATES)
def test_global_state_changes_nothing_in_a_total(state: str) -> None:
    y, t = given_total()
    criterion, denominators = total(), total().denominator(t)
    expected = criterion(y, t)
    with STATES[state]():
        found, split = criterion(y, t), criterion(y, t, denominator=denominators)
    assert torch.equal(found, expected) and found.dtype == expected.dtype and found.device == expected.device
    assert torch.equal(split, expected)


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_inference_mode_and_no_grad_give_the_same_value(sample: Sample) -> None:
    criterion = full(sample)
    y_pred, y_true = sample.batch(N)
    expected = criterion(y_pred, y_true, WEIGHT)
    with torch.inference_mode():
        first = criterion(y_pred, y_true, WEIGHT)
    with torch.no_grad():
        assert torch.equal(criterion(y_pred, y_true, WEIGHT), expected)
    assert torch.equal(first, expected)


def test_a_table_first_used_in_inference_mode_can_be_trained_with() -> None:
    criterion = built(tw.SparseCategoricalCrossentropy, from_logits=True, class_weight=[1.0, 2.0])
    with torch.inference_mode():
        criterion(torch.zeros(2, 2), T([0, 1]))
    y_pred = torch.zeros(2, 2, requires_grad=True)
    assert gradient(criterion(y_pred, T([0, 1])), y_pred).isfinite().all()


@pytest.mark.negative_control
def test_a_factory_call_fails_this() -> None:
    with torch.device("meta"), pytest.raises(RuntimeError):
        torch.where(torch.tensor([True], device="cpu"), torch.ones(1, device="cpu"), torch.zeros(1))


@pytest.mark.negative_control
def test_a_number_in_the_default_type_fails_this() -> None:
    with default_float64():
        assert (torch.ones(1, dtype=torch.float32) * torch.tensor([2.0])).dtype == torch.float64
