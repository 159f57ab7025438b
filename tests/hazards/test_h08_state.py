"""H8, H18 and H19: weights keep their precision, state_dict() is empty, criteria pickle, copy, spawn (P8, P18, P19)."""

from __future__ import annotations

import copy
import io
import json
import multiprocessing
import pickle
from typing import Any

import pytest
import torch
from torch import nn

import torchweights as tw
from tests.hazards.catalogue import INPUTS, given, given_total, slope, total
from tests.samples import Sample

EXTREME = [1e-8, 1.0, 1e5 / 3]
NAMED = [one for one in INPUTS if one.name != "function"]
TYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def weighted() -> tw.WeightedLoss:
    return tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=EXTREME)


@pytest.mark.parametrize("cast", ["half", "bfloat16", "float", "double"])
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
    found = tw.MeanSquaredError()(p, t, torch.ones(2, dtype=weight))
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


def test_a_buffer_of_weights_fails_this() -> None:
    """The negative control."""
    half = nn.CrossEntropyLoss(weight=torch.tensor(EXTREME)).half()
    assert half.weight is not None and half.weight[0] == 0 and float(half.weight[2]) != EXTREME[2]
    assert list(nn.CrossEntropyLoss(weight=torch.ones(3)).state_dict()) == ["weight"]


@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_the_state_dict_is_empty(sample: Sample) -> None:
    criterion = sample.criterion()
    assert criterion.state_dict() == {} and not list(criterion.parameters())
    criterion.load_state_dict({})


def test_a_learned_table_is_saved() -> None:
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=nn.Parameter(torch.ones(3)))
    assert list(criterion.state_dict()) == ["class_weight"]


def outcome(criterion: Any, sample: Sample) -> list[Any]:
    y_pred, y_true = given(sample)
    loss = criterion(y_pred, y_true)
    return [loss.tolist(), slope(loss, y_pred).tolist()]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("sample", NAMED, ids=str)
def test_pickled_copied_and_printed(sample: Sample, protocol: int) -> None:
    criterion = sample.criterion()
    expected = outcome(criterion, sample)  # after a call: nothing of it may be kept
    for other in (pickle.loads(pickle.dumps(criterion, protocol)), copy.deepcopy(criterion), copy.copy(criterion)):
        assert outcome(other, sample) == expected and repr(other) == repr(criterion)


@pytest.mark.parametrize("sample", NAMED, ids=str)
def test_as_json_and_back(sample: Sample) -> None:
    criterion = sample.criterion()
    other = type(criterion).from_config(json.loads(json.dumps(criterion.get_config())))
    assert outcome(other, sample) == outcome(criterion, sample) and repr(other) == repr(criterion)


def test_a_total_copies_and_pickles() -> None:
    criterion, (y, t) = total(), given_total()
    expected = criterion(y, t)
    assert torch.equal(copy.deepcopy(criterion)(y, t), expected)
    assert torch.equal(pickle.loads(pickle.dumps(criterion))(y, t), expected)
    assert criterion.state_dict() == {}


def _spawned(criterion: tw.WeightedLoss, found: Any) -> None:
    found.put(criterion(torch.ones(2, 3), torch.tensor([0, 1])).item())


def test_spawned_processes_take_criteria() -> None:
    context = multiprocessing.get_context("spawn")
    found = context.Queue()
    process = context.Process(target=_spawned, args=(weighted(), found))
    process.start()
    assert found.get(timeout=60) == weighted()(torch.ones(2, 3), torch.tensor([0, 1])).item()
    process.join()


def test_a_criterion_goes_through_torch_save() -> None:
    criterion, stored = weighted(), io.BytesIO()
    torch.save(criterion, stored)
    stored.seek(0)
    assert repr(torch.load(stored, weights_only=False)) == repr(criterion)
