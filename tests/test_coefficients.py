"""What each value weighs in the loss, which closed forms multiply by: weight / D."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import torchweights as tw
from torchweights.reduction import coefficients, weigh

T = torch.tensor
CPU = torch.device("cpu")


def found(
    weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    row: str = "torchweights",
    reduction: str = "sum_over_batch_size",
    denominator: Tensor | float | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor | None:
    weighed = weigh((2, 2), weight, mask, tw.semantics_for(row), dtype, CPU)
    return coefficients(weighed, reduction, denominator, dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_without_weights_each_value_weighs_one_share(dtype: torch.dtype) -> None:
    each = found(dtype=dtype)
    assert each is not None and each.dtype == dtype and each.shape == () and each.item() == 0.25


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_mask_is_what_weighs_where_there_are_no_weights(dtype: torch.dtype) -> None:
    each = found(mask=T([[True, False], [True, True]]), dtype=dtype)
    assert each is not None and each.dtype == dtype
    torch.testing.assert_close(each, T([[1.0, 0.0], [1.0, 1.0]], dtype=dtype) / 3)


def test_weights_are_divided_and_what_is_masked_weighs_nothing() -> None:
    each = found(T([2.0, 4.0]), T([[True, False], [True, True]]))
    assert each is not None and each.flatten().tolist() == pytest.approx([2 / 3, 0.0, 4 / 3, 4 / 3])


def test_a_weight_that_a_mask_hides_may_be_anything() -> None:
    each = found(T([[2.0, torch.inf], [torch.nan, 4.0]]), T([[True, False], [False, True]]))
    assert each is not None and each.tolist() == [[1.0, 0.0], [0.0, 2.0]]


def test_the_reduction_decides_what_is_divided_by() -> None:
    each = found(T([2.0, 4.0]), reduction="mean_with_sample_weight")
    assert each is not None and each.flatten().tolist() == pytest.approx([2 / 12, 4 / 12])
    each = found(T([2.0, 4.0]), reduction="sum")
    assert each is not None and each.flatten().tolist() == [2.0, 4.0]


@pytest.mark.parametrize("given", [0.5, 8.0, T(8.0), T(0.5, dtype=torch.float64)])
def test_a_denominator_given_is_the_one_divided_by(given: Tensor | float) -> None:
    each = found(denominator=given)
    assert each is not None and each.item() == pytest.approx(1 / float(given))


def test_nothing_to_divide_by_is_left_to_the_plain_path() -> None:
    assert found(mask=torch.zeros(2, 2, dtype=torch.bool)) is None
    assert found(denominator=0.0) is None
    assert found(denominator=T(-1.0)) is None


def test_a_learned_denominator_is_left_to_the_plain_path() -> None:
    assert found(denominator=T(2.0, requires_grad=True)) is None


@pytest.mark.parametrize(("row", "each"), [("torchweights", 0.0), ("torch", torch.nan)])
def test_where_nobody_can_look_the_numbers_hold_the_answer_to_nothing(
    row: str, each: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torchweights.validation.can_look", lambda tensor: False)
    nothing, all_of_it = torch.zeros(2, 2, dtype=torch.bool), torch.ones(2, 2, dtype=torch.bool)
    empty, full = (found(mask=mask, row=row, reduction="sum_over_batch_size") for mask in (nothing, all_of_it))
    assert empty is not None and full is not None
    torch.testing.assert_close(empty, torch.full((2, 2), each), equal_nan=True)
    assert full.dtype == torch.float32 and full.tolist() == [[0.25, 0.25], [0.25, 0.25]]
