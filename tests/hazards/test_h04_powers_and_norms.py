"""H4: every loss has a finite gradient at every finite input: powers and norms at 0, ties, empty classes (P4)."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import torchweights as tw
from tests.hazards.catalogue import INPUTS, built, given, slope, unchecked
from tests.hazards.test_h03_saturation import GRID
from tests.samples import Sample

#: what is outside of the domain: rows of zeros, and of numbers too small for float32 to divide by, are no probabilities (the CPU refuses zeros), and
#: Poisson takes the logarithm of what is predicted
OUTSIDE = {
    (name, value) for name in ("categorical", "sparse", "cost matrix of probabilities") for value in (0.0, 1e-45)
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_finite_at_every_corner(sample: Sample, dtype: torch.dtype) -> None:
    y_pred, y_true = given(sample, dtype)
    probabilities = bool((y_pred >= 0).all() and (y_pred <= 1).all())
    for value in [0.0, 1.0, 1e-8, 1e-45] if probabilities else GRID:
        if (sample.name, value) in OUTSIDE or (sample.name == "poisson" and value < 0):
            continue
        p = torch.full_like(y_pred.detach(), value).requires_grad_()
        loss = unchecked(sample)(p, y_true)
        assert loss.isfinite(), value
        assert slope(loss, p).isfinite().all(), value


@pytest.mark.parametrize("gamma", [0.0, 0.3, 0.5, 1.0, 2.0, 5.0])
def test_focal_gradients_are_finite_at_the_ends(gamma: float) -> None:
    criterion = built(tw.BinaryFocalCrossentropy, from_logits=True, axis=-1, gamma=gamma)
    for value in [*GRID, 200.0, -200.0]:
        p = torch.full((1, 2), value).requires_grad_()
        assert slope(criterion(p, torch.tensor([[1.0, 0.0]])), p).isfinite().all(), value


TIES = [one for one in INPUTS if one.name in ("mse", "mae", "huber", "log cosh", "cosine", "mape", "weighted rmse", "hinge", "categorical hinge", "squared hinge")]  # fmt: skip


@pytest.mark.parametrize("sample", TIES, ids=str)
def test_finite_where_predictions_are_the_targets(sample: Sample) -> None:
    """Kinks of differences, norms of no difference, margins that are met exactly."""
    _, y_true = given(sample)
    p = y_true.clone().requires_grad_()
    loss = built(sample)(p, y_true)
    assert loss.isfinite() and slope(loss, p).isfinite().all()


@pytest.mark.parametrize("sample", TIES, ids=str)
def test_finite_where_all_is_0(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    p = torch.zeros_like(y_pred).requires_grad_()
    loss = unchecked(sample)(p, torch.zeros_like(y_true))
    assert loss.isfinite() and slope(loss, p).isfinite().all()


@pytest.mark.parametrize("activation", ["none", "softmax"])
def test_a_dice_of_classes_that_are_not_there(activation: str) -> None:
    p = torch.zeros(4, 3).requires_grad_()
    loss = built(tw.ClassDice, activation=activation)(p, torch.zeros(4, dtype=torch.int64))
    assert loss.isfinite() and slope(loss, p).isfinite().all()


@pytest.mark.parametrize("value", [*GRID, 200.0, -200.0])
def test_a_total_of_powers_and_norms(value: float) -> None:
    focal = built(tw.BinaryFocalCrossentropy, from_logits=True, axis=-1, gamma=0.5)
    criterion = built(tw.CompiledLoss, {"a": focal, "b": built(tw.CosineSimilarity)})
    p = {name: torch.full((4, 3), value).requires_grad_() for name in "ab"}
    loss = criterion(p, {"a": torch.ones(4, 3), "b": torch.zeros(4, 3)})
    assert loss.isfinite() and all(one.isfinite().all() for one in torch.autograd.grad(loss, list(p.values())))


@pytest.mark.negative_control
def test_naive_spellings_fail() -> None:
    """Focal with gamma < 1, and a norm at 0."""
    p = torch.tensor([200.0], requires_grad=True)
    s = p.sigmoid()
    focal = (1 - s) ** 0.5 * -s.log()
    assert not slope(focal, p).isfinite().all()
    zero = torch.zeros(2, requires_grad=True)
    assert not slope(F.normalize(zero, dim=0, eps=0.0).sum(), zero).isfinite().all()
