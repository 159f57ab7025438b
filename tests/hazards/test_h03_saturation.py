"""H3 and H4: finite losses and gradients at every finite input; offsets do not matter (P3, P4)."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F

import torchweights as tw
from tests.hazards.catalogue import INPUTS, given, slope, unchecked
from tests.samples import Sample

GRID = [0.0, 1e-45, -1e-45, 1e-8, -1e-8, 1.0, -1.0, 20.0, -20.0, 90.0, -90.0]
#: predictions that float32 cannot square or add up
FAR = [1e4, -1e4]
#: what is outside of the domain: rows of zeros, and of numbers too small for float32 to divide by, are no probabilities (the CPU refuses zeros), and
#: Poisson takes the logarithm of what is predicted
OUTSIDE = {(name, value) for name in ("categorical", "sparse") for value in (0.0, 1e-45)}
FROM_LOGITS = {
    "binary": lambda **more: tw.BinaryCrossentropy(from_logits=True, axis=-1, **more),
    "binary focal": lambda **more: tw.BinaryFocalCrossentropy(from_logits=True, axis=-1, **more),
    "categorical": lambda **more: tw.CategoricalCrossentropy(from_logits=True, **more),
    "categorical focal": lambda **more: tw.CategoricalFocalCrossentropy(from_logits=True, **more),
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


@pytest.mark.parametrize("name", ["categorical", "sparse"])
def test_a_row_of_zeros_is_refused_unless_it_is_left_out(name: str) -> None:
    sample = next(one for one in INPUTS if one.name == name)
    y_pred, y_true = given(sample)
    p = y_pred.detach().clone()
    p[1] = 0
    with pytest.raises(
        ValueError, match=r"y_pred expected probabilities that add up to 1 over axis .* at \(1,\)\. Leave it out"
    ):
        sample.criterion()(p, y_true)
    assert sample.criterion()(p, y_true, mask=torch.tensor([True, False, True, True])).isfinite()


@pytest.mark.parametrize("name", FROM_LOGITS)
def test_finite_for_all_finite_logits_whose_loss_float32_can_hold(name: str) -> None:
    for logits in itertools.product([*GRID, *FAR, 3e38, -3e38], repeat=2):
        p = torch.tensor([logits]).requires_grad_()
        loss = FROM_LOGITS[name]()(p, torch.tensor([[1.0, 0.0]]))
        exact, most = FROM_LOGITS[name]()(p.double(), torch.tensor([[1.0, 0.0]])), torch.finfo(torch.float32).max
        if exact <= most / len(logits):  # a mean is a sum first
            assert loss.isfinite(), logits
        elif exact > most:
            assert loss.isinf(), logits
        assert not loss.isnan(), logits
        assert slope(loss, p).isfinite().all(), logits


@pytest.mark.parametrize("offset", [1e8, -1e8])
def test_a_common_offset_of_logits_changes_nothing(offset: float) -> None:
    y_pred, y_true = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64), torch.tensor([2])
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True)
    assert torch.equal(criterion(y_pred + offset, y_true), criterion(y_pred, y_true)), (
        "these logits lose no digit by it"
    )


def test_a_logit_of_minus_infinity_that_is_not_the_target() -> None:
    p = torch.tensor([[0.5, -torch.inf, 1.0]], requires_grad=True)
    loss = tw.SparseCategoricalCrossentropy(from_logits=True)(p, torch.tensor([0]))
    assert loss.isfinite() and slope(loss, p).isfinite().all()


@pytest.mark.parametrize("gamma", [0.0, 0.3, 0.5, 1.0, 2.0, 5.0])
def test_focal_gradients_are_finite_at_the_ends(gamma: float) -> None:
    criterion = tw.BinaryFocalCrossentropy(from_logits=True, axis=-1, gamma=gamma)
    for value in [*GRID, 200.0, -200.0]:
        p = torch.full((1, 2), value).requires_grad_()
        assert slope(criterion(p, torch.tensor([[1.0, 0.0]])), p).isfinite().all(), value


def test_naive_spellings_fail() -> None:
    """The negative controls: focal with gamma < 1, the logarithm of a sigmoid, a norm at 0."""
    p = torch.tensor([200.0], requires_grad=True)
    s = p.sigmoid()
    focal = (1 - s) ** 0.5 * -s.log()
    assert not slope(focal, p).isfinite().all()
    assert (1 - p.sigmoid()).log().isinf()
    zero = torch.zeros(2, requires_grad=True)
    assert not slope(F.normalize(zero, dim=0, eps=0.0).sum(), zero).isfinite().all()
