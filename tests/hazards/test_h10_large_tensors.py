"""H10: no 32-bit kernel of images, shapes and counts past 2^31, memory in proportion to the predictions (P10).

What writes out of bounds would need an address sanitizer to be seen, which is not available here.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import torchweights as tw
from tests.hazards.catalogue import INPUTS, PATH, built, given, slope, unchecked
from tests.samples import Sample
from tests.watching import Operators

PAST = 2**31 + 1
#: without a kernel for shapes alone, and with a square of samples
SHAPELESS = {"ctc", "circle"}
EVERY = pytest.mark.parametrize("sample", INPUTS, ids=str)


@EVERY
def test_no_kernel_of_images_runs(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    with Operators() as operators:
        slope(built(sample)(y_pred, y_true), y_pred)
    assert not [name for name in operators.names if "nll_loss" in name]


@pytest.mark.parametrize("transposed", [False, True])
def test_nor_where_the_classes_are_not_last(transposed: bool) -> None:
    p = torch.randn(2, 4, 3, requires_grad=True)
    criterion = built(tw.SparseCategoricalCrossentropy, from_logits=True, axis=1 if transposed else -1)
    with Operators() as operators:
        slope(criterion(p.transpose(1, 2) if transposed else p, torch.zeros(2, 4, dtype=torch.int64)), p)
    assert not [name for name in operators.names if "nll_loss" in name]


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "none"])
@pytest.mark.parametrize("sample", [one for one in INPUTS if one.name not in SHAPELESS], ids=str)
def test_more_samples_than_32_bits_count(sample: Sample, reduction: str) -> None:
    """On a tensor of one number per batch, expanded: shapes are computed, in no 32-bit integer."""
    y_pred, y_true = (one.detach()[:1].to("meta").expand(PAST, *one.shape[1:]) for one in given(sample))
    small = built(sample, reduction=reduction)(*given(sample))
    with Operators() as operators:
        loss = unchecked(sample, reduction=reduction)(y_pred, y_true)
    assert loss.shape == (small.shape if small.ndim == 0 else (PAST, *small.shape[1:]))
    assert torch.int32 not in operators.types


@pytest.mark.parametrize("sample", [one for one in INPUTS if built(one).decomposable and one.name != "ctc"], ids=str)
def test_counts_past_32_bits_are_exact(sample: Sample) -> None:
    criterion, (y_pred, y_true) = built(sample), given(sample)
    one = criterion.denominator(y_true[:1], y_pred_shape=(1, *y_pred.shape[1:])).value()
    found = criterion.denominator(y_true[:1].expand(PAST, *y_true.shape[1:]), y_pred_shape=(PAST, *y_pred.shape[1:]))
    assert found.value() == PAST * int(one)


def test_a_total_takes_more_samples_than_32_bits_count() -> None:
    p, t = (
        torch.empty(1, 3, device="meta").expand(PAST, 3),
        torch.empty(1, dtype=torch.int64, device="meta").expand(PAST),
    )
    sparse = unchecked(tw.SparseCategoricalCrossentropy, from_logits=True)
    assert built(tw.CompiledLoss, {"a": sparse, "b": "mse"})({"a": p, "b": p}, {"a": t, "b": p}).shape == ()


@pytest.mark.parametrize("sample", [one for one in INPUTS if one.name not in SHAPELESS], ids=str)
def test_no_result_is_larger_than_the_predictions(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    with Operators() as operators:
        slope(unchecked(sample)(y_pred, y_true), y_pred)
    # 9 is a table of costs; sums in closed form are five for each image and class, and images have one pixel here.
    assert operators.largest <= max(y_pred.numel() * (1 if PATH == "by themselves" else 5), 9)


@pytest.mark.negative_control
def test_cross_entropy_of_torch_fails_this() -> None:
    p = torch.randn(2, 3, 4, 4, requires_grad=True)
    with Operators() as operators:
        slope(F.cross_entropy(p, torch.zeros(2, 4, 4, dtype=torch.long)), p)
    assert [name for name in operators.names if "nll_loss2d" in name]


@pytest.mark.negative_control
def test_counts_in_32_bits_fail_this() -> None:
    sizes = torch.tensor([2**16, 2**16], dtype=torch.int32)
    with Operators() as operators:
        count = sizes.prod(dtype=torch.int32)
    assert count == 0 and torch.int32 in operators.types


@pytest.mark.negative_control
def test_differences_of_all_pairs_fail_this() -> None:
    p = torch.randn(4, 3)
    with Operators() as operators:
        (p[:, None, :] - p[:, :, None]).sum()
    assert operators.largest > p.numel()
