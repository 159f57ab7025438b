"""H22: how numbers lie in memory changes nothing but the rounding of sums (P22)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from tests.hazards.catalogue import INPUTS, PER_SAMPLE, built, full, given, given_total, slope, total
from tests.samples import SAMPLES, Sample

EPS = torch.finfo(torch.float32).eps


def layouts(tensor: Tensor) -> Iterator[Tensor]:
    """The same numbers, laid out otherwise."""
    yield tensor.transpose(0, -1).contiguous().transpose(0, -1)
    spread = tensor.new_zeros([2 * size for size in tensor.shape])
    every_other = tuple(slice(None, None, 2) for _ in tensor.shape)
    spread[every_other] = tensor
    yield spread[every_other]
    yield torch.cat([tensor.new_zeros(3), tensor.reshape(-1)])[3:].reshape(tensor.shape)
    if tensor.ndim == 4:
        yield tensor.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_layouts_change_nothing_but_rounding(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    criterion = built(sample)
    loss = criterion(y_pred, y_true)
    expected = slope(loss, y_pred)
    for p in layouts(y_pred.detach()):
        for t in layouts(y_true):
            p = p.detach().requires_grad_()
            found = criterion(p, t)
            assert abs(found - loss) <= 2 * EPS * max(abs(float(loss)), 1e-3)
            torch.testing.assert_close(slope(found, p), expected, rtol=0, atol=2 * EPS * float(expected.abs().max()))


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_layouts_of_weights_and_masks_change_no_bit(sample: Sample) -> None:
    criterion, (y_pred, y_true) = full(sample), given(sample)
    weight, mask = torch.tensor([[0.5], [2.0], [0.0], [1.0]]), torch.tensor([[True], [True], [True], [False]])
    expected = criterion(y_pred, y_true, weight, mask)
    for w, m in zip(layouts(weight), layouts(mask), strict=True):
        assert torch.equal(criterion(y_pred, y_true, w, m), expected)


@pytest.mark.parametrize("sample", PER_SAMPLE, ids=str)
def test_an_expanded_batch_is_one_that_was_copied(sample: Sample) -> None:
    y_pred, y_true = (one.detach()[:1].expand(4, *one.shape[1:]) for one in given(sample))
    copied = built(sample)(y_pred.contiguous(), y_true.contiguous())
    torch.testing.assert_close(built(sample)(y_pred, y_true), copied, rtol=2 * EPS, atol=1e-9)


def test_layouts_of_a_total_change_nothing_but_rounding() -> None:
    y, t = given_total()
    expected = total()(y, t)
    for a, b in zip(layouts(y["a"].detach()), layouts(y["b"].detach()), strict=True):
        torch.testing.assert_close(total()({"a": a, "b": b}, t), expected, rtol=2 * EPS, atol=0)


@pytest.mark.negative_control
def test_a_view_fails_this() -> None:
    """What needs numbers to lie in order, and what reads them as they lie."""
    image = torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    with pytest.raises(RuntimeError, match="view"):
        image.view(2, -1)
    as_it_lies = torch.as_strided(image, (image.numel(),), (1,))
    assert not torch.equal(as_it_lies, image.reshape(-1))
