"""H12: every integer type holds the same labels; floating point labels are refused by name, not rounded (P12)."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import torchweights as tw
from tests.hazards.catalogue import INPUTS, built, given, given_total, slope, total
from tests.hazards.test_h11_labels_out_of_range import CRITERIA, Y
from tests.samples import Sample

INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32, torch.uint64]
FLOATS = [torch.float16, torch.bfloat16, torch.float64]


def holds(sample: Sample, *numbers: float) -> bool:
    """Whether the targets are such numbers alone."""
    return set(given(sample)[1].unique().tolist()) <= set(numbers)


#: labels of classes, each a whole number
OF_LABELS = [one for one in INPUTS if not given(one)[1].is_floating_point()]
#: labels 0 and 1, a number for each prediction; rows of one-hot numbers are told from labels by their type
OF_BITS = [
    one
    for one in INPUTS
    if (holds(one, 0.0, 1.0) and not any(word in one.name for word in ("categorical ", "categorical", "cost", "class", "circle"))) or one.name == "categorical hinge"
]  # fmt: skip


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("name", CRITERIA)
def test_every_integer_type_is_the_same_label(name: str, dtype: torch.dtype) -> None:
    labels = torch.tensor([0, 1, 2, 1])
    assert torch.equal(CRITERIA[name]()(Y, labels.to(dtype)), CRITERIA[name]()(Y, labels))


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("sample", OF_LABELS, ids=str)
def test_every_loss_of_labels_takes_every_integer_type(sample: Sample, dtype: torch.dtype) -> None:
    y_pred, y_true = given(sample)
    loss, same = built(sample)(y_pred, y_true), built(sample)(y_pred, y_true.to(dtype))
    assert torch.equal(same, loss) and torch.equal(slope(same, y_pred), slope(loss, y_pred))


@pytest.mark.parametrize("dtype", [*INTEGERS, torch.bool, *FLOATS], ids=str)
@pytest.mark.parametrize("sample", OF_BITS, ids=str)
def test_labels_0_and_1_are_taken_in_every_type(sample: Sample, dtype: torch.dtype) -> None:
    y_pred, y_true = given(sample)
    loss, same = built(sample)(y_pred, y_true), built(sample)(y_pred, y_true.to(dtype))
    assert torch.equal(same, loss) and torch.equal(slope(same, y_pred), slope(loss, y_pred))


@pytest.mark.parametrize("dtype", [torch.float32, *FLOATS], ids=str)
@pytest.mark.parametrize("labels", [[0, 1, 2, 1], [0, 1.5, 2, 1], [0, 1.9, 2.5, torch.nan]], ids=str)
@pytest.mark.parametrize("sample", [one for one in OF_LABELS if one.name != "circle"], ids=str)
def test_labels_in_floating_point_are_refused_by_name(sample: Sample, labels: list[float], dtype: torch.dtype) -> None:
    """They mean one-hot rows here; none is cut off, none rounded."""
    y_pred, y_true = given(sample)
    wrong = torch.tensor(labels, dtype=dtype).reshape(-1, *[1] * (y_true.ndim - 1)).expand(y_true.shape)
    with pytest.raises((TypeError, ValueError), match="y_true expected"):
        built(sample)(y_pred, wrong)


@pytest.mark.parametrize("name", ["crossentropy", "weighted by class"])
def test_the_refusal_names_the_class_that_takes_them(name: str) -> None:
    with pytest.raises(TypeError, match=r"Use CategoricalCrossentropy .*, or y_true.long\(\)"):
        CRITERIA[name]()(Y, torch.tensor([0.0, 1.9, 2.0, 1.0]))
    with pytest.raises(TypeError, match="Use SparseCategoricalCrossentropy for labels"):
        built(tw.CategoricalCrossentropy, from_logits=True)(Y, torch.tensor([0, 1, 2, 1]))


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_a_total_takes_every_integer_type(dtype: torch.dtype) -> None:
    y, t = given_total()
    assert torch.equal(total()(y, {**t, "b": t["b"].to(dtype)}), total()(y, t))
    with pytest.raises(TypeError, match="y_true expected integer labels"):
        total()(y, {**t, "b": t["b"] + 0.5})


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_pixels_without_ground_truth_are_found_in_every_integer_type(dtype: torch.dtype) -> None:
    labels = torch.tensor([[0, 2, 1, 2]], dtype=dtype)
    assert tw.labelled_pixels(labels, 2).tolist() == [[True, False, True, False]]
    assert tw.blank_pixels(torch.rand(1, 4, 3), labels, 2)[1].tolist() == [[0, 0, 1, 0]]
    assert tw.positive_count(labels) == 3


@pytest.mark.negative_control
def test_bytes_as_an_index_fail_this() -> None:
    """uint8 labels are a mask to an index, and to torch a type that it refuses."""
    with pytest.warns(UserWarning, match="uint8"), pytest.raises(IndexError):
        torch.tensor([1.0, 2.0, 3.0])[torch.tensor([0, 1, 2, 1], dtype=torch.uint8)]
    with pytest.raises(RuntimeError):
        F.cross_entropy(Y, torch.tensor([0, 1, 2, 1], dtype=torch.int32))


@pytest.mark.negative_control
def test_a_cast_of_labels_fails_this() -> None:
    """What Keras does: 1.9 is class 1; and rounding to even makes 0.5 class 0 and 1.5 class 2."""
    assert torch.tensor([1.9]).long().tolist() == [1]
    assert torch.tensor([0.5, 1.5]).round().tolist() == [0.0, 2.0]
    assert (torch.tensor([200], dtype=torch.uint8) * 3).tolist() == [88], "and bytes overflow"
