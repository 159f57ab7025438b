"""H3: from logits finite losses and gradients for all finite logits, whatever their offset; probabilities clipped in float32 (P3)."""

from __future__ import annotations

import itertools

import pytest
import torch

import torchweights as tw
from tests.hazards.catalogue import INPUTS, built, given, given_total, slope, total

GRID = [0.0, 1e-45, -1e-45, 1e-8, -1e-8, 1.0, -1.0, 20.0, -20.0, 90.0, -90.0]
#: predictions that float32 cannot square or add up
FAR = [1e4, -1e4]
COSTS = [[0.0, 1.0], [5.0, 0.0]]
FROM_LOGITS = {
    "binary": lambda **more: built(tw.BinaryCrossentropy, from_logits=True, axis=-1, **more),
    "binary focal": lambda **more: built(tw.BinaryFocalCrossentropy, from_logits=True, axis=-1, **more),
    "sparse": lambda **more: built(tw.SparseCategoricalCrossentropy, from_logits=True, **more),
    "crossentropy and dice": lambda **more: built(tw.BinaryCrossentropyDice, from_logits=True, **more),
    "cost matrix": lambda **more: built(
        tw.WeightedCategoricalCrossentropy, [[1.0, 2.0], [5.0, 1.0]], indexing="true_pred", from_logits=True, **more
    ),
    "categorical": lambda **more: built(tw.CategoricalCrossentropy, from_logits=True, **more),
    "categorical focal": lambda **more: built(tw.CategoricalFocalCrossentropy, from_logits=True, **more),
    "expected cost": lambda **more: built(tw.ExpectedCost, COSTS, indexing="true_pred", from_logits=True, **more),
    "logarithmic cost": lambda **more: built(
        tw.ExpectedCost, COSTS, indexing="true_pred", form="log", from_logits=True, **more
    ),
}


@pytest.mark.parametrize("name", ["categorical", "sparse"])
def test_a_row_of_zeros_is_refused_unless_it_is_left_out(name: str) -> None:
    sample = next(one for one in INPUTS if one.name == name)
    y_pred, y_true = given(sample)
    p = y_pred.detach().clone()
    p[1] = 0
    with pytest.raises(
        ValueError, match=r"y_pred expected probabilities that add up to 1 over axis .* at \(1,\)\. Leave it out"
    ):
        built(sample)(p, y_true)
    assert built(sample)(p, y_true, mask=torch.tensor([True, False, True, True])).isfinite()


@pytest.mark.parametrize("name", FROM_LOGITS)
def test_finite_for_all_finite_logits_whose_loss_float32_can_hold(name: str) -> None:
    # One for each type, so that a compiled one is compiled once.
    criterion, in_float64 = FROM_LOGITS[name](), FROM_LOGITS[name]()
    y_true = torch.tensor([0]) if name == "sparse" else torch.tensor([[1.0, 0.0]])
    for logits in itertools.product([*GRID, *FAR, 3e38, -3e38], repeat=2):
        p = torch.tensor([logits]).requires_grad_()
        loss = criterion(p, y_true)
        exact, most = in_float64(p.double(), y_true), torch.finfo(torch.float32).max
        if exact <= most / len(logits):  # a mean is a sum first
            assert loss.isfinite(), logits
        elif exact > most:
            assert loss.isinf(), logits
        assert not loss.isnan(), logits
        assert slope(loss, p).isfinite().all(), logits


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
def test_probabilities_are_clipped_after_they_become_float32(half: torch.dtype) -> None:
    """1 - 1e-7 is 1 in half precision, where the clip would do nothing."""
    for wrong in ([[0.0, 1.0]], [[1.0, 0.0]]):
        p = torch.tensor(wrong, dtype=half).requires_grad_()
        target = 1 - p.detach().float()
        for criterion in (
            built(tw.BinaryCrossentropy, from_logits=False, axis=-1),
            built(tw.CategoricalCrossentropy, from_logits=False),
        ):
            loss = criterion(p, target)
            assert 15.9 < loss < 16.2, "-log(1e-7), as Keras has it"
            assert not slope(loss, p).any(), "outside of the clip nothing pulls, as in Keras"


@pytest.mark.parametrize("value", [*GRID, *FAR])
def test_a_total_is_finite_at_every_corner(value: float) -> None:
    y, t = given_total()
    p = {name: torch.full_like(one.detach(), value).requires_grad_() for name, one in y.items()}
    loss = total()(p, t)
    assert loss.isfinite()
    assert all(one.isfinite().all() for one in torch.autograd.grad(loss, list(p.values())))


@pytest.mark.parametrize("offset", [1e8, -1e8])
def test_a_common_offset_of_logits_changes_nothing(offset: float) -> None:
    y_pred, y_true = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64), torch.tensor([2])
    criterion = built(tw.SparseCategoricalCrossentropy, from_logits=True)
    assert torch.equal(criterion(y_pred + offset, y_true), criterion(y_pred, y_true)), (
        "these logits lose no digit by it"
    )


def test_a_logit_of_minus_infinity_that_is_not_the_target() -> None:
    p = torch.tensor([[0.5, -torch.inf, 1.0]], requires_grad=True)
    loss = built(tw.SparseCategoricalCrossentropy, from_logits=True)(p, torch.tensor([0]))
    assert loss.isfinite() and slope(loss, p).isfinite().all()


@pytest.mark.negative_control
def test_the_logarithm_of_a_sigmoid_fails_this() -> None:
    p = torch.tensor([200.0], requires_grad=True)
    assert (1 - p.sigmoid()).log().isinf()


@pytest.mark.negative_control
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
def test_a_clip_in_half_precision_fails_this(half: torch.dtype) -> None:
    assert (-(1 - torch.tensor([1.0], dtype=half).clamp(1e-7, 1 - 1e-7)).log()).isinf()
