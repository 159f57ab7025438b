"""H19: criteria pickle, copy, go through JSON and into other processes, and keep nothing of a call (P19)."""

from __future__ import annotations

import copy
import io
import json
import multiprocessing
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.hazards.catalogue import INPUTS, built, full, given, given_total, on_path, slope, total
from tests.hazards.test_h08_casts_of_weights import weighted
from tests.samples import SAMPLES, Sample

#: those that a name and options describe
NAMED = [one for one in INPUTS if one.name != "function"]


def outcome(criterion: Any, sample: Sample) -> list[Any]:
    y_pred, y_true = given(sample)
    loss = criterion(y_pred, y_true)
    return [loss.tolist(), slope(loss, y_pred).tolist()]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("sample", NAMED, ids=str)
def test_pickled_copied_and_printed(sample: Sample, protocol: int) -> None:
    criterion = built(sample)
    expected = outcome(criterion, sample)  # after a call: nothing of it may be kept
    for other in (pickle.loads(pickle.dumps(criterion, protocol)), copy.deepcopy(criterion), copy.copy(criterion)):
        assert outcome(other, sample) == expected and repr(other) == repr(criterion)


@pytest.mark.parametrize("sample", NAMED, ids=str)
def test_as_json_and_back(sample: Sample) -> None:
    criterion = built(sample)
    other = on_path(type(criterion).from_config(json.loads(json.dumps(criterion.get_config()))))
    assert outcome(other, sample) == outcome(criterion, sample) and repr(other) == repr(criterion)


def test_a_total_copies_and_pickles() -> None:
    criterion, (y, t) = total(), given_total()
    expected = criterion(y, t)
    assert torch.equal(copy.deepcopy(criterion)(y, t), expected)
    assert torch.equal(pickle.loads(pickle.dumps(criterion))(y, t), expected)
    assert criterion.state_dict() == {}


def _spawned(criterion: Any, found: Any) -> None:
    found.put(criterion(torch.ones(2, 3), torch.tensor([0, 1])).item())


def graph_tensors(module: nn.Module) -> list[str]:
    """What a module keeps that has a gradient's history."""
    held = {name: one for part in module.modules() for name, one in vars(part).items()}
    flat = {f"{name}.{key}": one for name, many in held.items() if isinstance(many, dict) for key, one in many.items()}
    return [name for name, one in {**held, **flat}.items() if isinstance(one, Tensor) and one.grad_fn is not None]


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_nothing_of_a_call_is_kept(sample: Sample) -> None:
    criterion, (y_pred, y_true) = full(sample), given(sample)

    def held() -> dict[str, str]:
        # What was compiled stays, of ``tw.fuse``: code, and the shapes it is for.
        return {name: repr(one) for name, one in vars(criterion).items() if name != "_compiled"}

    before = held()
    slope(criterion(y_pred, y_true), y_pred)
    assert not graph_tensors(criterion)
    assert held() == before


@pytest.mark.negative_control
def test_what_keeps_its_last_loss_fails_this() -> None:
    class Keeps(nn.Module):
        def forward(self, p: Tensor) -> Tensor:
            self.last = p.square().sum()
            return self.last

    criterion = Keeps()
    criterion(torch.ones(2, requires_grad=True))
    assert graph_tensors(criterion) == ["last"]
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(criterion)
    criterion.activation = lambda x: x
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(criterion)


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
