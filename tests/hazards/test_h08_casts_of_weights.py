"""H8: weights never change the type of the loss, and lose no digit by casts of the criterion (P8)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import nn

import torchweights as tw
from tests.hazards.catalogue import built, given_total, total

#: weights that half precision makes 0, infinite or wrong
EXTREME = [1e-8, 1.0, 1e5 / 3]
TYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
CASTS = ["half", "bfloat16", "float", "double"]


def weighted() -> Any:
    return built(tw.SparseCategoricalCrossentropy, from_logits=True, class_weight=EXTREME)


@pytest.mark.parametrize("cast", CASTS)
def test_weights_survive_every_cast(cast: str) -> None:
    criterion = weighted()
    p, t = torch.randn(3, 3, dtype=torch.float64), torch.tensor([0, 1, 2])
    before = criterion(p, t)
    getattr(criterion, cast)()
    assert torch.equal(criterion(p, t), before)
    assert torch.equal(nn.ModuleList([criterion]).half().bfloat16().double()[0](p, t), before)


@pytest.mark.parametrize("weight", TYPES, ids=str)
@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_weights_never_change_the_type_of_the_loss(dtype: torch.dtype, weight: torch.dtype) -> None:
    p, t = torch.rand(2, 3).to(dtype), torch.rand(2, 3)
    found = built(tw.MeanSquaredError)(p, t, torch.ones(2, dtype=weight))
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


@pytest.mark.parametrize("casts", list(itertools.permutations(CASTS, 2)), ids=str)
def test_loss_weights_of_a_total_survive_every_cast(casts: tuple[str, str]) -> None:
    criterion, (y, t) = total(loss_weights={"a": [1e-8, 1 / 3], "b": 1e5 / 3}), given_total(torch.float64)
    before = criterion(y, t)
    for cast in casts:
        getattr(criterion, cast)()
    assert torch.equal(criterion(y, t), before)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_loss_weights_never_change_the_type_of_a_total(dtype: torch.dtype) -> None:
    y, t = given_total()
    found = total()({name: one.to(dtype) for name, one in y.items()}, t)
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


@pytest.mark.negative_control
def test_a_buffer_of_weights_fails_this() -> None:
    half = nn.CrossEntropyLoss(weight=torch.tensor(EXTREME)).half()
    assert half.weight is not None and half.weight[0] == 0 and float(half.weight[2]) != EXTREME[2]
    assert (torch.rand(2) * torch.rand(2, dtype=torch.float64)).dtype == torch.float64, "what a weight of float64 does"
