"""H17: tables follow the predictions to their device, whether the criterion was moved or not (P17). The rest is in tests/test_devices.py."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

import torchweights as tw
from tests.pretend_device import numbers

COSTS = [[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [4.0, 1.0, 0.0]]
TABLES: dict[str, Any] = {
    "class weights": tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=[1.0, 2.0, 0.5]),
    "costs": tw.ExpectedCost(COSTS, indexing="true_pred", from_logits=True),
    "class weights of a dice": tw.ClassDice(activation="softmax", class_weight=[1.0, 2.0, 0.5]),
    "focal alpha": tw.CategoricalFocalCrossentropy(from_logits=True, alpha=[0.25, 0.5, 1.0]),
}
P, T = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 1])


def called(criterion: Any, device: Any) -> torch.Tensor:
    targets = nn.functional.one_hot(T, 3).float() if "Focal" in type(criterion).__name__ else T
    return criterion(P.to(device), targets.to(device))


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_follows_the_predictions(pretend: torch.device, name: str, moved: bool) -> None:
    criterion = copy.deepcopy(TABLES[name])
    expected = called(criterion, "cpu")
    if moved:
        criterion.to(pretend)
    assert torch.equal(numbers(called(criterion, pretend).detach()), expected)
    assert torch.equal(called(criterion, "cpu"), expected), "and back"


def test_a_total_follows_too(pretend: torch.device) -> None:
    criterion = tw.CompiledLoss({"a": copy.deepcopy(TABLES["class weights"])}, loss_weights={"a": 0.5})
    found = criterion({"a": P.to(pretend)}, {"a": T.to(pretend)})
    assert torch.equal(numbers(found.detach()), criterion({"a": P}, {"a": T}))


def test_a_buffer_left_behind_fails_this(pretend: torch.device) -> None:
    """The negative control."""
    criterion = nn.CrossEntropyLoss(weight=torch.ones(3))
    with pytest.raises(RuntimeError, match="device"):
        criterion(P.to(pretend), T.to(pretend))
