"""H2: a mean of nothing is 0 with a zero gradient, attached to the graph (P2); no epsilon in a denominator."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import torchweights as tw
from tests.hazards.catalogue import INPUTS, PER_SAMPLE, N, built, full, given, given_total, slope, total
from tests.samples import SAMPLES, Sample

NOTHING: dict[str, dict[str, Any]] = {
    "all masked": {"mask": torch.zeros(N, dtype=torch.bool)},
    "all weights 0": {"sample_weight": torch.zeros(N)},
}
DIVIDING = ["sum_over_batch_size", "mean_with_sample_weight", "sum"]


@pytest.mark.parametrize("reduction", DIVIDING)
@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.parametrize("sample", PER_SAMPLE, ids=str)
def test_nothing_left_is_0_with_a_zero_gradient(sample: Sample, nothing: str, reduction: str) -> None:
    y_pred, y_true = given(sample)
    loss = built(sample, reduction=reduction)(y_pred, y_true, **NOTHING[nothing])
    assert loss == 0 and loss.requires_grad
    assert torch.equal(slope(loss, y_pred), torch.zeros_like(y_pred))


@pytest.mark.parametrize("reduction", DIVIDING)
@pytest.mark.parametrize("sample", PER_SAMPLE, ids=str)
def test_an_empty_batch_is_0_with_a_gradient(sample: Sample, reduction: str) -> None:
    y_pred, y_true = given(sample)
    p = y_pred.detach()[:0].requires_grad_()
    loss = built(sample, reduction=reduction)(p, y_true[:0])
    assert loss == 0
    assert slope(loss, p).shape == p.shape


@pytest.mark.parametrize("sample", [one for one in INPUTS if one.kind is not tw.CTC], ids=str)
def test_an_empty_batch_gives_a_layer_in_front_finite_zeros(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    layer = nn.Linear(y_pred.shape[-1], y_pred.shape[-1])
    loss = built(sample)(layer(y_pred.detach()[:0]), y_true[:0])
    assert loss.isfinite()
    loss.backward()
    assert all(torch.equal(one.grad, torch.zeros_like(one)) for one in layer.parameters())


@pytest.mark.parametrize("sample", [one for one in SAMPLES if one.sparse and one.takes_class_weight], ids=str)
def test_ignored_labels_and_classes_of_weight_0_leave_nothing(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    none = {"class_weight": [0.0] * 3}
    for reduction in DIVIDING:
        for loss in (
            full(sample, reduction=reduction)(y_pred, torch.full_like(y_true, 255)),
            full(sample, reduction=reduction, **none)(y_pred, y_true),
        ):
            assert loss == 0 and loss.requires_grad
            assert torch.equal(slope(loss, y_pred), torch.zeros_like(y_pred))


def test_an_empty_batch_of_a_total() -> None:
    y, t = given_total()
    p = {name: one.detach()[:0].requires_grad_() for name, one in y.items()}
    loss = total()(p, {name: one[:0] for name, one in t.items()})
    assert torch.isclose(loss, torch.tensor(0.9)), "the penalty alone"
    assert all(one.shape == p["a"].shape for one in torch.autograd.grad(loss, list(p.values())))


def test_nothing_left_in_a_total() -> None:
    y, t = given_total()
    nothing = torch.zeros(N, dtype=torch.bool)
    loss = total()(y, t, mask={"a": nothing, "b": nothing})
    assert torch.isclose(loss, torch.tensor(0.9)), "the penalty alone"
    assert all(not one.any() for one in torch.autograd.grad(loss, list(y.values())))


def test_no_epsilon_in_the_denominator() -> None:
    """The loss of one sample is the same whatever its weight, under a mean of weights; an epsilon shows where weights are small."""
    criterion = built(tw.MeanSquaredError, reduction="mean_with_sample_weight")
    p, t = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    for weight in (1.0, 1e-9, 1e-200):
        assert criterion(p, t, torch.tensor([weight], dtype=torch.float64)) == 1.0
    small = torch.tensor([1e-9], dtype=torch.float64)
    with_epsilon = (small * (p - t).square()[:, 0]).sum() / (small.sum() + 1e-7)
    assert with_epsilon < 0.01, "the negative control: the epsilon that Keras adds"


@pytest.mark.negative_control
def test_torch_itself_fails_this() -> None:
    p = torch.randn(2, 3, requires_grad=True)
    assert F.cross_entropy(p, torch.tensor([-100, -100])).isnan()
    assert F.cross_entropy(p, torch.tensor([0, 1]), weight=torch.zeros(3)).isnan()
    assert F.mse_loss(p[:0], p[:0]).isnan()
