"""H31: a shared denominator has no clamp and no epsilon, however small weights are, and nothing at all is 0 (P31).

``tests/distributed/wrong_recipes.py`` has the clamp of mmdet on real ranks.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.hazards.catalogue import built, given, given_total, slope, total
from tests.hazards.chunks import COUNTED, COUNTED_BY, SPLITS, WEIGHT, chunks, counted, error
from tests.samples import BY_NAME, Sample

#: those whose mean is over weights as given
BY_WEIGHT = [one for one in COUNTED if one.kind is not tw.WeightedCategoricalCrossentropy]
#: sums of weights far below 1, below every epsilon in use, and below what float32 holds
SMALL = [1e-2, 1e-9, 1e-60]


def over_chunks(
    sample: Sample, weight: Tensor, change: Callable[[Tensor], Tensor] = lambda d: d
) -> tuple[Tensor, Tensor]:
    """The gradient of chunks by their shared denominator, changed, beside that of the whole batch."""
    criterion, (y_pred, y_true) = built(sample, reduction="mean_with_sample_weight"), given(sample, torch.float64)
    expected = slope(criterion(y_pred, y_true, weight), y_pred)
    parts = chunks(y_pred, y_true, {"sample_weight": weight}, SPLITS["one empty"])
    d = change(tw.global_denominator([counted(criterion, one) for one in parts]).value())
    return sum((slope(criterion(**one, denominator=d), y_pred) for one in parts), torch.zeros(())), expected


@pytest.mark.parametrize("scale", SMALL)
@pytest.mark.parametrize("sample", BY_WEIGHT, ids=str)
def test_small_weights_divide_as_large_ones(sample: Sample, scale: float) -> None:
    found, expected = over_chunks(sample, WEIGHT.double() * scale)
    assert error(found, expected) <= 1e-13
    large, _ = over_chunks(sample, WEIGHT.double())
    assert error(found, large) <= 1e-12, "a common factor of all weights changes nothing"


@pytest.mark.parametrize(("sample", "reduction"), COUNTED_BY, ids=str)
def test_nothing_on_all_ranks_is_0(sample: Sample, reduction: str) -> None:
    criterion, (y_pred, y_true) = built(sample, reduction=reduction), given(sample)
    parts = chunks(y_pred, y_true, {"mask": torch.zeros(4, dtype=torch.bool)}, SPLITS["one empty"])
    d = tw.global_denominator([counted(criterion, one) for one in parts])
    loss = sum((criterion(**one, denominator=d) for one in parts), torch.zeros(()))
    assert loss == 0 and torch.equal(slope(loss, y_pred), torch.zeros_like(y_pred))


def test_nothing_on_all_ranks_of_a_total_is_its_penalty() -> None:
    criterion, (y, t) = total(), given_total()
    nothing = {name: torch.zeros(4, dtype=torch.bool) for name in "ab"}
    shapes = {name: one.shape for name, one in y.items()}
    d = tw.global_denominator([criterion.denominator(t, mask=nothing, y_pred_shape=shapes)] * 2)
    loss = sum((criterion(y, t, mask=nothing, denominator=d) for _ in range(2)), torch.zeros(()))
    assert torch.isclose(loss, torch.tensor(0.9))
    assert all(not one.any() for one in torch.autograd.grad(loss, list(y.values())))


@pytest.mark.negative_control
@pytest.mark.parametrize("sample", BY_WEIGHT, ids=str)
def test_a_clamp_to_1_fails_this(sample: Sample) -> None:
    """mmdet's reduce_mean(D).clamp(min=1)."""
    found, expected = over_chunks(sample, WEIGHT.double() / 1000, lambda d: d.clamp(min=1))
    assert error(found, expected) > 0.9


@pytest.mark.negative_control
def test_an_epsilon_fails_this() -> None:
    """Keras's 1e-7."""
    found, expected = over_chunks(BY_NAME["mse"], WEIGHT.double() * 1e-9, lambda d: d + 1e-7)
    assert error(found, expected) > 0.9
