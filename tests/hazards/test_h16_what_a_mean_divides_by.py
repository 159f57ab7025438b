"""H16: one table of what a mean divides by: S over elements, over weights, over nothing; smoothing before weights (P16)."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import torchweights as tw
from tests.hazards.catalogue import PER_SAMPLE, built, given, given_total, total
from tests.samples import BY_NAME, SAMPLES, Sample

EVERY = pytest.mark.parametrize("sample", PER_SAMPLE, ids=str)
WEIGHT, MASK = torch.tensor([0.5, 2.0, 0.25, 1.0]), torch.tensor([True, True, False, True])


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@EVERY
def test_every_mean_is_the_sum_over_its_denominator(sample: Sample, weighed: bool, masked: bool) -> None:
    y_pred, y_true = given(sample, torch.float64)
    beside = {**({"sample_weight": WEIGHT} if weighed else {}), **({"mask": MASK} if masked else {})}
    found = {
        reduction: built(sample, reduction=reduction)(y_pred, y_true, **beside)
        for reduction in ("sum", "sum_over_batch_size", "mean", "mean_with_sample_weight", "none")
    }
    values, kept = found["none"], MASK if masked else torch.ones(4, dtype=torch.bool)
    per_sample = values.numel() // 4
    weight = torch.where(kept, WEIGHT.double() if weighed else torch.ones(4, dtype=torch.float64), 0.0)
    close(found["sum"], values.sum())
    close(found["sum_over_batch_size"], values.sum() / (kept.sum() * per_sample))
    close(found["mean"], found["sum_over_batch_size"])
    if sample.kind is not tw.WeightedCategoricalCrossentropy:  # whose costs are weights, chosen by what was predicted
        close(found["mean_with_sample_weight"], values.sum() / (weight.sum() * per_sample))


@EVERY
def test_weights_twice_as_large(sample: Sample) -> None:
    y_pred, y_true = given(sample, torch.float64)
    for reduction, times in (("sum", 2), ("sum_over_batch_size", 2), ("mean_with_sample_weight", 1)):
        criterion = built(sample, reduction=reduction)
        close(criterion(y_pred, y_true, 2 * WEIGHT), times * criterion(y_pred, y_true, WEIGHT))


@EVERY
def test_a_sample_of_weight_2_is_two_of_weight_1(sample: Sample) -> None:
    """Under the sum and the mean of weights; the mean over the batch counts one more."""
    y_pred, y_true = given(sample, torch.float64)
    twice = torch.tensor([0, 1, 1, 2, 3])
    for reduction in ("sum", "mean_with_sample_weight"):
        criterion = built(sample, reduction=reduction)
        once = criterion(y_pred, y_true, torch.tensor([1.0, 2.0, 1.0, 1.0]))
        close(criterion(y_pred[twice], y_true[twice], torch.ones(5)), once)


SMOOTHED = [one for one in SAMPLES if one.kind is tw.SparseCategoricalCrossentropy]


@pytest.mark.parametrize("sample", SMOOTHED, ids=str)
def test_smoothing_comes_before_weights(sample: Sample) -> None:
    y_pred, y_true = given(sample, torch.float64)
    classes, plain = torch.tensor([0.5, 2.0, 3.0], dtype=torch.float64), {"label_smoothing": 0.1, "reduction": "none"}
    values = built(sample, **plain)(y_pred, y_true)
    close(built(sample, **plain, class_weight=classes.tolist())(y_pred, y_true), values * classes[y_true])


def test_a_total_is_the_sum_of_its_losses_times_their_weights() -> None:
    y, t = given_total(torch.float64)
    parts = [
        built(tw.BinaryCrossentropy, from_logits=True, axis=-1)(y["a"], t["a"]),
        0.5 * built(tw.MeanSquaredError)(y["a"], t["a"]),
        0.25 * built(BY_NAME["sparse logits"])(y["b"], t["b"]),
    ]
    close(total(penalties=[])(y, t), sum(parts))
    torch.testing.assert_close(total()(y, t), sum(parts) + 0.1 * 3.0**2)


P, TRUE, W = torch.rand(4, 3, dtype=torch.float64), torch.rand(4, 3, dtype=torch.float64), torch.tensor([1.0, 2.0, 0.5, 0.0], dtype=torch.float64)  # fmt: skip


def mse(reduction: str, weight: torch.Tensor, p: torch.Tensor = P, t: torch.Tensor = TRUE) -> torch.Tensor:
    return built(tw.MeanSquaredError, reduction=reduction)(p, t, weight)


def test_one_table_of_what_a_mean_divides_by() -> None:
    total = mse("sum", W)
    torch.testing.assert_close(mse("sum_over_batch_size", W), total / 4)
    torch.testing.assert_close(mse("mean", W), total / 4)
    torch.testing.assert_close(mse("mean_with_sample_weight", W), total / W.sum())
    torch.testing.assert_close(mse("sum_over_batch_size", 2 * W), 2 * total / 4)
    torch.testing.assert_close(mse("mean_with_sample_weight", 2 * W), total / W.sum())


def test_a_sample_of_weight_2_is_two_of_weight_1_under_the_sum() -> None:
    twice = torch.tensor([0, 1, 1, 2])
    found = mse("sum", torch.tensor([1.0, 1.0, 1.0, 0.5], dtype=torch.float64), P[twice], TRUE[twice])
    torch.testing.assert_close(found, mse("sum", W))


@pytest.mark.negative_control
def test_torch_divides_by_weights_under_the_name_of_a_mean() -> None:
    """A weight has no effect on a batch of one."""
    p, t = torch.rand(1, 3), torch.tensor([1])
    assert torch.isclose(F.cross_entropy(p, t, weight=torch.tensor([1.0, 100.0, 1.0])), F.cross_entropy(p, t))
