"""H18: a criterion adds nothing to a checkpoint, unless its weights are learned (P18)."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import torchweights as tw
from tests.hazards.catalogue import INPUTS, built, full, total
from tests.samples import SAMPLES, Sample


@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_the_state_dict_is_empty(sample: Sample) -> None:
    criterion = built(sample)
    assert criterion.state_dict() == {} and not list(criterion.parameters())
    criterion.load_state_dict({})


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_with_class_weights_it_is_empty_too(sample: Sample) -> None:
    assert full(sample).state_dict() == {}


def test_a_learned_table_is_saved() -> None:
    criterion = built(tw.SparseCategoricalCrossentropy, from_logits=True, class_weight=nn.Parameter(torch.ones(3)))
    assert list(criterion.state_dict()) == ["class_weight"]


def trained_with(criterion: nn.Module) -> nn.Module:
    return nn.ModuleDict({"model": nn.Linear(2, 3), "criterion": criterion})


WEIGHTED = {"sparse": lambda: built(tw.SparseCategoricalCrossentropy, from_logits=True, class_weight=[1.0, 2.0, 3.0]), "total": total}  # fmt: skip


@pytest.mark.parametrize("name", WEIGHTED)
def test_checkpoints_of_weighted_and_unweighted_training_load_into_each_other(name: str) -> None:
    weighted = trained_with(WEIGHTED[name]())
    plain = trained_with(built(tw.SparseCategoricalCrossentropy, from_logits=True))
    plain.load_state_dict(weighted.state_dict(), strict=True)
    weighted.load_state_dict(plain.state_dict(), strict=True)


def test_a_total_with_learned_loss_weights_saves_them_alone() -> None:
    outputs = {name: built(tw.MeanSquaredError) for name in "ab"}
    learned = built(tw.CompiledLoss, outputs, loss_weights=nn.Parameter(torch.tensor([1.0, 0.5])))
    assert list(learned.state_dict()) == ["loss_weights"]
    assert total().state_dict() == {} and not list(total().parameters())


@pytest.mark.negative_control
def test_a_weight_of_torch_fails_this() -> None:
    assert list(nn.CrossEntropyLoss(weight=torch.ones(3)).state_dict()) == ["weight"]
    with pytest.raises(RuntimeError, match="criterion.weight"):
        trained_with(nn.CrossEntropyLoss()).load_state_dict(
            trained_with(nn.CrossEntropyLoss(weight=torch.ones(3))).state_dict()
        )
