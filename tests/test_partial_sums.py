"""Sums of micro-batches make the loss and the gradient of the whole batch, where no denominator can."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import torchweights as tw
from tests.hazards.catalogue import INPUTS, batch
from tests.samples import ROWS, Sample, gradient, split
from torchweights.distributed import global_sums

T = torch.tensor
N, SIZES = 4, [1, 2, 1]
WEIGHT, MASK = T([0.5, 2.0, 0.0, 1.5], dtype=torch.float64), T([True, True, False, True])
SUMMABLE = [sample for sample in INPUTS if sample.kind is not tw.Circle]
GIVEN = {"nothing": {}, "weights": {"sample_weight": WEIGHT}, "mask": {"mask": MASK}}
pytestmark = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")

#: the same criteria where a batch is one scalar
OVER_THE_BATCH = [
    replace(sample, name=f"{sample.name} over {over}", options={**sample.options, "over": over})
    for kinds, overs in [
        ((tw.ClassDice, tw.ClassTversky), ("batch", "everything")),
        ((tw.WeightedMeanSquaredError, tw.WeightedRootMeanSquaredError), ("batch", "batch_scaled")),
    ]
    for sample in INPUTS
    for over in overs
    if sample.kind in kinds
]


def given_in(sample: Sample, row: str, given: str) -> tuple[Any, Tensor, Tensor, dict[str, Any]] | None:
    """A criterion, a batch and what goes beside it; None where the row refuses the whole batch already."""
    try:
        criterion = sample.criterion(semantics=row)
        y_pred, y_true = batch(sample, {}, torch.float64)
        criterion(y_pred, y_true, **GIVEN[given])
        criterion.partial_sums(y_pred, y_true, **GIVEN[given])
    except (ValueError, TypeError):
        return None
    return criterion, y_pred.requires_grad_(), y_true, GIVEN[given]


CASES = [(sample, given) for sample in SUMMABLE for given in GIVEN] + [
    (sample, given)
    for sample in OVER_THE_BATCH
    for given in (GIVEN if sample.kind in (tw.ClassDice, tw.ClassTversky) else ["nothing"])
]


@pytest.mark.parametrize(("sample", "given"), CASES, ids=str)
def test_sums_of_micro_batches_make_the_whole_batch(sample: Sample, given: str) -> None:
    taken = [found for row in ROWS if (found := given_in(sample, row, given))]
    assert len(taken) > 5
    for criterion, y_pred, y_true, beside in taken:
        expected = criterion(y_pred, y_true, **beside)
        slope = gradient(expected, y_pred)
        parts = [
            {"y_pred": p, "y_true": t, **dict(zip(beside, more, strict=True))}
            for p, t, *more in zip(*(split(one, SIZES) for one in (y_pred, y_true, *beside.values())), strict=True)
        ]
        with torch.no_grad():
            whole = global_sums([criterion.partial_sums(**part) for part in parts])
        total: Any = 0.0
        for part in parts:
            loss = criterion.from_sums(criterion.partial_sums(**part), whole)
            torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-14)
            total = total + gradient(loss, y_pred)
        torch.testing.assert_close(total, slope, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("sample", OVER_THE_BATCH, ids=str)
def test_the_mean_of_means_is_not_the_whole_batch(sample: Sample) -> None:
    """The negative control: what everyone writes."""
    found = given_in(sample, "torchweights", "nothing")
    assert found is not None
    criterion, y_pred, y_true, _ = found
    parts = zip(split(y_pred, SIZES), split(y_true, SIZES), strict=True)
    wrong = sum(criterion(p, t) for p, t in parts) / len(SIZES)
    assert not torch.isclose(wrong, criterion(y_pred, y_true), rtol=1e-4)


def test_sums_of_weights_that_each_sample_has_for_itself() -> None:
    criterion = tw.WeightedRootMeanSquaredError(over="batch")
    y_pred, y_true, weight = (torch.rand(N, 3, dtype=torch.float64) for _ in range(3))
    sums = [
        criterion.partial_sums(p, t, feature_weight=w)
        for p, t, w in zip(*(split(one, SIZES) for one in (y_pred, y_true, weight)), strict=True)
    ]
    torch.testing.assert_close(criterion.from_sums(sum(sums)), criterion(y_pred, y_true, feature_weight=weight))


@pytest.mark.parametrize("learned", [nn.Parameter(T([1.0, 3.0]))])
def test_learned_weights_learn_from_sums(learned: nn.Parameter) -> None:
    criterion = tw.WeightedMeanSquaredError(learned, over="batch")
    y_pred, y_true = torch.rand(N, 2), torch.rand(N, 2)
    (expected,) = torch.autograd.grad(criterion(y_pred, y_true), learned)
    (found,) = torch.autograd.grad(criterion.from_sums(criterion.partial_sums(y_pred, y_true)), learned)
    torch.testing.assert_close(found, expected)


def test_a_total_of_what_splits_and_what_does_not() -> None:
    """Binary cross-entropy and dice on one output, a second output, and penalties of parameters and activities."""
    torch.manual_seed(0)
    layer = nn.Linear(3, 4).double()
    total = tw.CompiledLoss(
        {"a": [tw.BinaryCrossentropy(from_logits=True), tw.ClassDice(activation="sigmoid", over="batch")], "b": "mse"},
        loss_weights={"a": [1.0, 0.5], "b": 0.25},
        penalties=[tw.l2(layer.parameters(), 0.1), tw.activity_l2(layer, 0.2)],
    )
    x, t = torch.randn(N, 3, dtype=torch.float64), (torch.rand(N, 4) > 0.5).double()

    def sums(places: slice | list[int]) -> tw.PartialSums:
        y = layer(x[places])
        return total.partial_sums({"a": y, "b": y}, {"a": t[places], "b": t[places]})

    y = layer(x)
    expected = total({"a": y, "b": y}, {"a": t, "b": t})
    slope = torch.autograd.grad(expected, layer.weight)[0]
    places = [slice(0, 1), slice(1, 3), slice(3, 4)]
    with torch.no_grad():
        whole = global_sums([sums(part) for part in places])
    found: Any = 0.0
    for part in places:
        loss = total.from_sums(sums(part), whole)
        torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
        found = found + torch.autograd.grad(loss, layer.weight)[0]
    torch.testing.assert_close(found, slope, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_total_counts_samples_exactly_and_where_its_outputs_are(dtype: torch.dtype) -> None:
    """bfloat16 would count 300 samples as 300 - 300 % 2, and 257 as 256."""
    layer = nn.Linear(2, 1).to(dtype)
    total = tw.CompiledLoss("mse", penalties=[tw.activity_l2(layer, 0.2)])
    x, t = torch.ones(257, 2, dtype=dtype), torch.zeros(257, 1)
    expected = total(layer(x), t)
    y = layer(x)
    with torch.device("meta"):
        sums = total.partial_sums(y, t)
        found = total.from_sums(sums)
    assert sums.sums["samples"] == 257 and found.dtype == expected.dtype
    torch.testing.assert_close(found, expected)


# --------------------------------------------------------------------------------------------------------- refusals


def test_circle_says_that_it_is_no_function_of_sums() -> None:
    with pytest.raises(ValueError, match=r"partial_sums\(\) of Circle .*Gather the embeddings of all ranks"):
        tw.Circle().partial_sums(torch.rand(2, 3), T([0, 1]))


def test_a_function_of_the_whole_batch_has_no_sums() -> None:
    criterion = tw.from_function(lambda t, p: (t - p).abs().mean())
    with pytest.raises(ValueError, match=r"partial_sums\(\) expected a function that returns a value per sample"):
        criterion.partial_sums(torch.rand(2, 3), torch.rand(2, 3))


def test_without_a_reduction_there_are_no_sums() -> None:
    with pytest.raises(ValueError, match=r"partial_sums\(\) expected a reduction that divides"):
        tw.MeanSquaredError(reduction="none").partial_sums(torch.rand(2, 3), torch.rand(2, 3))


def test_sums_of_different_criteria_do_not_mix() -> None:
    p = torch.rand(2, 3)
    one, other = tw.ClassDice(activation="none", over="batch"), tw.MeanSquaredError()
    with pytest.raises(ValueError, match="partial sums expected of ClassDice .*, received those of MeanSquaredError"):
        one.partial_sums(p, p) + other.partial_sums(p, p)
    with pytest.raises(ValueError, match="partial sums expected of MeanSquaredError"):
        other.from_sums(one.partial_sums(p, p))


def test_global_sums_are_of_all_batches_already() -> None:
    criterion, p = tw.ClassDice(activation="none", over="batch"), torch.rand(2, 3)
    whole = global_sums([criterion.partial_sums(p, p)], averaged_by=("lightning", 2))
    with pytest.raises(ValueError, match=r"received what global_sums\(\) returned"):
        whole + whole


def test_an_empty_list_has_no_sums() -> None:
    with pytest.raises(ValueError, match="sums expected one for each micro-batch; received an empty list"):
        global_sums([])


def test_one_value_for_the_whole_batch_counts_once() -> None:
    y_pred, y_true = torch.rand(4, 3, dtype=torch.float64), torch.randint(2, (4, 3)).double()
    criterion = tw.Dice()
    sums = criterion.partial_sums(y_pred, y_true)
    assert {name: sums.sums[name].item() for name in ("elements", "samples", "batches")} == dict.fromkeys(
        ("elements", "samples", "batches"), 1
    )
    torch.testing.assert_close(criterion.from_sums(sums), criterion(y_pred, y_true), rtol=1e-14, atol=0)
