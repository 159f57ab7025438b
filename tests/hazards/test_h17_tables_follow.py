"""H17: tables follow the predictions to their device, whether the criterion was moved or not (P17)."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

import torchweights as tw
from tests.device_cells import KNOWN_WAITS, Given, bits, class_weights, fresh, outcome
from tests.hazards.catalogue import INPUTS, batch, built
from tests.pretend_device import numbers, watch
from tests.samples import BY_NAME, MASK, WEIGHT, Sample

EVERY = pytest.mark.parametrize("sample", INPUTS, ids=str)
COSTS = [[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [4.0, 1.0, 0.0]]
TABLES: dict[str, Any] = {
    "class weights": built(tw.SparseCategoricalCrossentropy, from_logits=True, class_weight=[1.0, 2.0, 0.5]),
    "costs": built(tw.ExpectedCost, COSTS, indexing="true_pred", from_logits=True),
    "class weights of a dice": built(tw.ClassDice, activation="softmax", class_weight=[1.0, 2.0, 0.5]),
    "focal alpha": built(tw.CategoricalFocalCrossentropy, from_logits=True, alpha=[0.25, 0.5, 1.0]),
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
    criterion = built(tw.CompiledLoss, {"a": copy.deepcopy(TABLES["class weights"])}, loss_weights={"a": 0.5})
    found = criterion({"a": P.to(pretend)}, {"a": T.to(pretend)})
    assert torch.equal(numbers(found.detach()), criterion({"a": P}, {"a": T}))


@pytest.mark.negative_control
def test_a_buffer_left_behind_fails_this(pretend: torch.device) -> None:
    criterion = nn.CrossEntropyLoss(weight=torch.ones(3))
    with pytest.raises(RuntimeError, match="device"):
        criterion(P.to(pretend), T.to(pretend))


# --------------------------------------------------------------------------------------------------------- what stays behind

SPARSE = BY_NAME["sparse logits"]


def sparse_batch(weight: Any = WEIGHT, mask: Any = MASK) -> Given:
    return (*batch(SPARSE, {}), weight, mask)


CLASS_WEIGHTS: list[Any] = [
    pytest.param(lambda device: {0: 1.0, 1: 2.0, 2: 0.1}, id="dict"),
    pytest.param(lambda device: [1.0, 2.0, 0.1], id="list"),
    pytest.param(lambda device: torch.tensor([1.0, 2.0, 0.1]), id="tensor on the CPU"),
    pytest.param(lambda device: torch.tensor([1.0, 2.0, 0.1]).to(device), id="tensor on the device"),
]


@pytest.mark.parametrize("make", CLASS_WEIGHTS)
@pytest.mark.parametrize("row", ["torchweights", "torch"])
@pytest.mark.parametrize("moves", [False, True])
def test_class_weights_follow_whether_the_criterion_moves_or_not(
    make: Any, row: str, moves: bool, pretend: torch.device
) -> None:
    expected = outcome(built(SPARSE, semantics=row, class_weight=make("cpu")), fresh(sparse_batch(), "cpu"))
    criterion = built(SPARSE, semantics=row, class_weight=make(pretend))
    if moves:
        criterion = criterion.to(pretend)
        assert all(buffer.device == pretend for buffer in criterion.buffers())
    first, second = fresh(sparse_batch(), pretend), fresh(sparse_batch(), pretend)
    with watch() as seen:
        assert outcome(criterion, first) == expected
    assert not seen.waits and len(seen.uploads) == (0 if moves else 2)
    with watch() as seen:
        assert outcome(criterion, second) == expected
    assert not (seen.waits or seen.uploads), "tables travel once"
    assert outcome(criterion.cpu(), fresh(sparse_batch(), "cpu")) == expected


@pytest.mark.parametrize("name", ["binary logits", "binary", "categorical", "hinge on one label"])
def test_class_weights_of_other_kinds_follow(name: str, pretend: torch.device) -> None:
    (sample,) = (one for one in INPUTS if one.name == name)
    criterion = built(sample, class_weight=class_weights(sample))
    given = (*batch(sample, {}), WEIGHT, MASK)
    assert outcome(criterion, fresh(given, pretend)) == outcome(criterion, fresh(given, "cpu"))
    assert outcome(criterion.to(pretend), fresh(given, pretend)) == outcome(criterion.cpu(), fresh(given, "cpu"))


@pytest.mark.parametrize("row", ["torchweights", "torch"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_learned_class_weights_learn_on_the_device(row: str, smoothing: float, pretend: torch.device) -> None:
    def learned(place: torch.device | str) -> Any:
        table = nn.Parameter(torch.tensor([1.0, 2.0, 0.1]))
        criterion = built(SPARSE, semantics=row, class_weight=table, label_smoothing=smoothing).to(place)
        assert [one.device.type for one in criterion.parameters()] == [torch.device(place).type]
        given = fresh(sparse_batch(), place)
        with watch() as seen:
            loss = criterion(*given)
            loss.backward()
        assert not (seen.waits or seen.uploads)
        return bits([loss, given[0].grad, given[2].grad, *(one.grad for one in criterion.parameters())])

    assert learned(pretend) == learned("cpu")


def test_learned_class_weights_left_on_the_cpu_get_their_gradient_there(pretend: torch.device) -> None:
    table = nn.Parameter(torch.tensor([1.0, 2.0, 0.1]))
    built(SPARSE, class_weight=table)(*fresh(sparse_batch(), pretend)).backward()
    assert table.grad is not None and table.grad.device.type == "cpu" and table.grad.any()


@EVERY
def test_a_number_for_all_is_no_tensor_to_copy(sample: Sample, pretend: torch.device) -> None:
    given = (*batch(sample, {}), 2.5, None)
    criterion, moved = built(sample), fresh(given, pretend)
    outcome(criterion, fresh(given, pretend))  # tables travel once
    with watch() as seen:
        assert outcome(criterion, moved) == outcome(criterion, fresh(given, "cpu"))
    assert not seen.uploads and set(seen.waits) == KNOWN_WAITS.get(sample.kind, set())


@EVERY
@pytest.mark.parametrize("moved", ["weight", "mask", "neither"])
def test_weights_and_masks_left_on_the_cpu_are_brought(sample: Sample, moved: str, pretend: torch.device) -> None:
    y_pred, y_true = batch(sample, {})
    criterion = built(sample)
    weight, mask = (
        (WEIGHT.to(pretend) if moved == "weight" else WEIGHT),
        (MASK.to(pretend) if moved == "mask" else MASK),
    )
    found = criterion(y_pred.to(pretend), y_true.to(pretend), weight, mask)
    assert bits([found]) == bits([criterion(y_pred, y_true, WEIGHT, MASK)])


@pytest.mark.parametrize(
    "sample", [one for one in INPUTS if one.kind is not tw.CTC], ids=str
)  # torch brings those itself
def test_targets_left_on_the_cpu_are_refused(sample: Sample, pretend: torch.device) -> None:
    y_pred, y_true = batch(sample, {})
    with pytest.raises(ValueError, match="y_true expected on the device of y_pred"):
        built(sample)(y_pred.to(pretend), y_true)
