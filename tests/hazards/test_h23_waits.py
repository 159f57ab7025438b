"""H23: nothing waits for a device, forward or backward, in any row (P23). On a device: ``test_h23_on_a_device.py``."""

from __future__ import annotations

import inspect

import pytest
import torch
import torch.nn.functional as F

import torchweights as tw
from tests.hazards.catalogue import INPUTS, N, built, full, given, given_total, slope, unchecked, unchecked_total
from tests.samples import KERAS_ROWS, MASK, ROWS, SAMPLES, WEIGHT, Sample, beside, gradient
from tests.watching import NothingWaits

T = torch.tensor
EVERY = pytest.mark.parametrize("sample", INPUTS, ids=str)
trap = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")


@EVERY
def test_nothing_waits_forward_or_backward(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    criterion = unchecked(sample)
    with NothingWaits():
        slope(criterion(y_pred, y_true), y_pred)


def test_a_total_waits_for_nothing() -> None:
    criterion, (y, t) = unchecked_total(), given_total()
    with NothingWaits():
        found = torch.autograd.grad(criterion(y, t), list(y.values()))
    assert all(one.any() for one in found)


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
@pytest.mark.parametrize("semantics", ROWS)
@trap
def test_nothing_waits_for_the_device(sample: Sample, semantics: str) -> None:
    y_pred, y_true = sample.batch(N)
    criterion = full(sample, semantics=semantics)
    criterion.validate = False
    if "binary logits" in sample.name and semantics in KERAS_ROWS:
        criterion = built(sample, semantics=semantics, validate=False)
    if semantics.startswith("keras2.3") and sample.sparse and y_pred.ndim > 2:
        criterion.ignore_class = None  # it refuses such a mask
    with NothingWaits():
        loss = criterion(y_pred, y_true, **beside(criterion, y_pred))
        gradient(loss, y_pred)


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_a_denominator_does_not_wait(sample: Sample) -> None:
    options = {"validate": False} if "validate" in inspect.signature(sample.kind).parameters else {}
    criterion = full(sample, **options)
    y_pred, y_true = sample.batch(N)
    if criterion.decomposable:
        with NothingWaits():
            d = criterion.denominator(y_true, WEIGHT, MASK, y_pred_shape=y_pred.shape)
            gradient(criterion(y_pred, y_true, WEIGHT, MASK, denominator=d + d), y_pred)


@pytest.mark.negative_control
def test_what_waits_fails_this() -> None:
    with pytest.raises(AssertionError, match="waits"), NothingWaits():
        F.gaussian_nll_loss(torch.ones(2), torch.ones(2), torch.ones(2))


@pytest.mark.negative_control
def test_the_watch_on_waiting_can_fail() -> None:
    with pytest.raises(AssertionError, match="waits"), NothingWaits():
        built(tw.SparseCategoricalCrossentropy, from_logits=True, validate=True)(torch.zeros(2, 2), T([0, 1]))
    with pytest.raises(AssertionError, match="index waits"), NothingWaits():
        torch.zeros(3)[T([True, False, True])]
