"""H30: over micro-batches that are accumulated, the gradient is that of the whole batch, whatever the split (P30).

``tests/distributed`` holds the same beside ranks, and under Lightning, Accelerate and the Trainer.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.hazards.catalogue import built, given, given_total, slope, total
from tests.hazards.chunks import BESIDE, COUNTED, CUT, SPLITS, chunks, counted, error
from tests.samples import BY_NAME, Sample, split


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize(("sample", "reduction", "sizes"), CUT, ids=str)
def test_accumulated_gradients_are_those_of_the_whole_batch(
    sample: Sample, sizes: str, beside: str, reduction: str
) -> None:
    criterion, (y_pred, y_true) = built(sample, reduction=reduction), given(sample, torch.float64)
    expected = slope(criterion(y_pred, y_true, **BESIDE[beside]), y_pred)
    micro_batches = chunks(y_pred, y_true, BESIDE[beside], SPLITS[sizes])
    d = sum(counted(criterion, one) for one in micro_batches)
    accumulated = sum(slope(criterion(**one, denominator=d), y_pred) for one in micro_batches)
    assert isinstance(accumulated, Tensor) and error(accumulated, expected) <= 1e-14


@pytest.mark.parametrize("sample", COUNTED, ids=str)
def test_sums_divided_once_at_the_end_are_the_same(sample: Sample) -> None:
    """backward() of sums, then gradients over the number of elements."""
    y_pred, y_true = given(sample, torch.float64)
    expected = slope(built(sample)(y_pred, y_true), y_pred)
    sums, count = built(sample, reduction="sum"), counted(built(sample), {"y_pred": y_pred, "y_true": y_true}).value()
    accumulated = sum(slope(sums(**one), y_pred) for one in chunks(y_pred, y_true, {}, SPLITS["uneven"])) / count
    assert error(accumulated, expected) <= 1e-14


def test_counts_of_tokens_may_be_numbers() -> None:
    """As the Trainer counts: labels that are not -100."""
    criterion = built(tw.SparseCategoricalCrossentropy, from_logits=True, ignore_class=-100)
    y_pred, y_true = given(BY_NAME["sparse logits"], torch.float64)
    y_true[1] = -100
    expected = slope(criterion(y_pred, y_true), y_pred)
    micro_batches = chunks(y_pred, y_true, {}, SPLITS["one each"])
    tokens = sum(int((one["y_true"] != -100).sum()) for one in micro_batches)
    accumulated = sum(slope(criterion(**one, denominator=tokens), y_pred) for one in micro_batches)
    assert error(accumulated, expected) <= 1e-14


@pytest.mark.parametrize("sizes", SPLITS)
def test_accumulated_gradients_of_a_total_add_each_penalty_once(sizes: str) -> None:
    kernel = torch.tensor([3.0], dtype=torch.float64, requires_grad=True)
    criterion, (y, t) = total(penalties=[tw.l2([kernel], 0.1)]), given_total(torch.float64)
    leaves = [*y.values(), kernel]
    expected = torch.autograd.grad(criterion(y, t), leaves)
    cut = [{name: split(one, SPLITS[sizes]) for name, one in each.items()} for each in (y, t)]
    micro_batches = [
        [{name: one[place] for name, one in each.items()} for each in cut] for place in range(len(SPLITS[sizes]))
    ]
    d = tw.global_denominator(
        [criterion.denominator(targets, y_pred_shape={k: one.shape for k, one in p.items()}) for p, targets in micro_batches]
    )  # fmt: skip
    found = [torch.autograd.grad(criterion(*one, denominator=d), leaves) for one in micro_batches]
    for accumulated, one in zip(zip(*found, strict=True), expected, strict=True):
        assert error(sum(accumulated), one) <= 1e-14


# ------------------------------------------------------------------------------------------------ the negative controls


@pytest.mark.negative_control
@pytest.mark.parametrize("sample", COUNTED, ids=str)
def test_means_over_the_number_of_micro_batches_fail_this(sample: Sample) -> None:
    criterion, (y_pred, y_true) = built(sample), given(sample, torch.float64)
    expected = slope(criterion(y_pred, y_true), y_pred)
    micro_batches = chunks(y_pred, y_true, {}, SPLITS["uneven"])
    accumulated = sum(slope(criterion(**one) / len(micro_batches), y_pred) for one in micro_batches)
    assert error(accumulated, expected) > 1e-2


@pytest.mark.negative_control
def test_counts_of_one_rank_alone_fail_this() -> None:
    """Two ranks of two micro-batches: each counts over its own, and not over ranks."""
    criterion, (y_pred, y_true) = built(BY_NAME["sparse logits"], reduction="mean"), given(BY_NAME["sparse logits"], torch.float64)  # fmt: skip
    mask = torch.tensor([True, False, True, True])
    expected = slope(criterion(y_pred, y_true, mask=mask), y_pred)
    micro_batches = chunks(y_pred, y_true, {"mask": mask}, SPLITS["one each"])
    averaged = 0.0
    for rank in (micro_batches[:2], micro_batches[2:]):
        d = sum(counted(criterion, one) for one in rank)
        averaged = averaged + sum(slope(criterion(**one, denominator=d), y_pred) for one in rank) / 2
    assert error(averaged, expected) > 1e-2
