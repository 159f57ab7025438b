"""H11, H12 and H13: labels out of range, of every type, and the keys of class weights (P11, P12, P13)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

import torchweights as tw
from tests.watching import NothingWaits

BAD = [-(2**63), -101, -1, 3, 4, 2**63 - 1]
Y = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32, torch.uint64]
CRITERIA: dict[str, Any] = {
    "crossentropy": lambda **more: tw.SparseCategoricalCrossentropy(from_logits=True, **more),
    "weighted by class": lambda **more: tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=[1.0, 2.0, 3.0], **more),
    "expected cost": lambda **more: tw.ExpectedCost(1 - torch.eye(3), indexing="true_pred", from_logits=True, **more),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", CRITERIA)
def test_a_label_out_of_range_is_refused_and_named(name: str, bad: int) -> None:
    with pytest.raises(ValueError, match=rf"y_true expected .*; received {bad} at \(2,\)"):
        CRITERIA[name]()(Y, torch.tensor([0, 1, bad, 2]))


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", CRITERIA)
def test_unchecked_its_row_is_nan_and_no_other(name: str, bad: int) -> None:
    """TensorFlow's contract for GPUs: no assert that kills the context, no class at the other end, no waiting."""
    criterion, labels = CRITERIA[name](validate=False, reduction="none"), torch.tensor([0, 1, bad, 2])
    with NothingWaits():
        found = criterion(Y, labels)
    assert found.isnan().tolist() == [False, False, True, False]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", CRITERIA)
def test_unless_it_is_left_out(name: str, bad: int) -> None:
    criterion, mask = CRITERIA[name](), torch.tensor([True, True, False, True])
    assert criterion(Y, torch.tensor([0, 1, bad, 2]), mask=mask) == criterion(Y, torch.tensor([0, 1, 0, 2]), mask=mask)


def test_an_index_by_a_raw_label_fails_this() -> None:
    """The negative control: -1 is the last class to an index."""
    assert torch.tensor([1.0, 2.0, 3.0])[torch.tensor([-1])] == 3.0


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("name", CRITERIA)
def test_every_integer_type_is_the_same_label(name: str, dtype: torch.dtype) -> None:
    labels = torch.tensor([0, 1, 2, 1])
    assert torch.equal(CRITERIA[name]()(Y, labels.to(dtype)), CRITERIA[name]()(Y, labels))


def test_bytes_as_an_index_fail_this() -> None:
    """The negative control: uint8 labels are a mask to an index, and to torch a type that it refuses."""
    with pytest.warns(UserWarning, match="uint8"), pytest.raises(IndexError):
        torch.tensor([1.0, 2.0, 3.0])[torch.tensor([0, 1, 2, 1], dtype=torch.uint8)]
    with pytest.raises(RuntimeError):
        F.cross_entropy(Y, torch.tensor([0, 1, 2, 1], dtype=torch.int32))


@pytest.mark.parametrize("keys", [{"0": 2.0}, {0: 2.0, "a": 5.0}, {0: 1.0, 1: 1.0, 1.5: 2.0}, {None: 1.0}, {0: 1.0}, {0: 1.0, 1: 1.0, 3: 1.0}, {0: 1.0, 1: 1.0, 2: 1.0, 10**9: 1.0}], ids=str)  # fmt: skip
def test_keys_that_are_not_the_classes_are_refused(keys: dict[Any, float]) -> None:
    with pytest.raises((ValueError, TypeError), match="class_weight expected"):
        tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=keys)(Y, torch.tensor([0, 1, 2, 1]))


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), "1", None])
def test_weights_that_are_no_finite_numbers_are_refused(weight: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="class_weight"):
        tw.SparseCategoricalCrossentropy(from_logits=True, class_weight={0: 1.0, 1: weight, 2: 1.0})
