"""A loss that an era did not have is computed in its row as the default row computes it: nobody has recorded anything else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw

WITHOUT_FOCAL = ("keras2.0.9", "keras2.2.4", "keras2.3.0", "keras2.3.1", "tf1.14", "tf1.15", "tf2.0", "torch")
WITHOUT_CTC = (*WITHOUT_FOCAL, "tf2.4")
#: nor could they smooth labels
WITHOUT_HUBER = ("keras2.0.9", "keras2.2.4", "keras2.2.5", "tf1.12", "tf1.13")
#: far from 0, so that clipped probabilities would show
LOGITS, ONE_HOT = torch.tensor([[40.0, -3.0, 0.5]]), torch.tensor([[0.0, 1.0, 0.0]])
STEPS = torch.linspace(-1, 1, 24).reshape(2, 4, 3)
OF_STEPS = torch.eye(3)[torch.tensor([[0, 1, 2, 1], [2, 2, 0, 1]])]
SMOOTHED = {"from_logits": True, "label_smoothing": 0.3, "reduction": "none"}

CASES: dict[str, tuple[type[tw.WeightedLoss], dict[str, Any], Tensor, Tensor, tuple[str, ...]]] = {
    "binary focal": (tw.BinaryFocalCrossentropy, {"from_logits": True, "axis": -1}, LOGITS, ONE_HOT, WITHOUT_FOCAL),
    "categorical focal": (
        tw.CategoricalFocalCrossentropy, {"from_logits": True, "axis": -1, "label_smoothing": 0.3}, LOGITS, ONE_HOT, WITHOUT_FOCAL,
    ),
    "ctc": (tw.CTC, {}, STEPS, torch.tensor([[1, 0], [2, 1]]), WITHOUT_CTC),
    "huber": (tw.Huber, {"reduction": "none"}, LOGITS, ONE_HOT, WITHOUT_HUBER),
    "smoothing over the last axis": (
        tw.CategoricalCrossentropy, {**SMOOTHED, "axis": -1}, STEPS, OF_STEPS, WITHOUT_HUBER,
    ),
    "smoothing over axis 1": (
        tw.CategoricalCrossentropy, {**SMOOTHED, "axis": 1}, STEPS.mT, OF_STEPS.mT, WITHOUT_HUBER,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "row"), [(name, row) for name, case in CASES.items() for row in case[4]])
def test_a_loss_is_that_of_the_default_row(name: str, row: str) -> None:
    kind, options, y_pred, y_true, _ = CASES[name]
    found, expected = (kind(**options, semantics=one)(y_pred, y_true) for one in (row, "torchweights"))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", CASES)
def test_an_era_that_had_it_computes_something_else(name: str) -> None:
    """The negative control: what is given tells eras apart."""
    kind, options, y_pred, y_true, _ = CASES[name]
    row = {
        "binary focal": "keras3.15-torch",
        "ctc": "keras3.0",
        "huber": "tf1.15",
        "smoothing over the last axis": "tf1.15",
    }.get(name, "keras3.15")
    found, expected = (kind(**options, semantics=one)(y_pred, y_true) for one in (row, "torchweights"))
    assert found.shape != expected.shape or not torch.allclose(found, expected)
