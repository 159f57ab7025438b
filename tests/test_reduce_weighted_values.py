"""The bare ``reduce_weighted_values``: precision, devices, scalars, and values that TensorFlow 1.14 averages to meet weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import torchweights as tw
from tests.samples import ROWS

T = torch.tensor
trap = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize(
    ("given", "kept"), [("float64", "float64"), ("float32", "float32"), ("float16", "float32"), ("bfloat16", "float32")]
)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_the_values_alone_decide_the_precision(row: str, given: str, kept: str, reduction: str) -> None:
    values = torch.ones(3, dtype=getattr(torch, given))
    for weight in (None, T([1.0, 2.0, 3.0], dtype=torch.float64), T([1, 2, 3]), T([1.0, 2.0, 3.0]).half()):
        for mask in (None, T([True, True, False])):
            found = tw.reduce_weighted_values(values, weight, mask, reduction=reduction, semantics=row)
            assert found.dtype == getattr(torch, kept)


@pytest.mark.parametrize(
    ("weight", "mask"),
    [
        (2.0, None),
        (T([1.0, 3.0]), None),
        (T([1, 3]), None),
        (None, T([True, False])),
        (T([1.0, 3.0]), T([True, False])),
    ],
    ids=str,
)
@pytest.mark.parametrize("row", ROWS)
def test_weights_and_masks_come_to_the_values(weight: Any, mask: Any, row: str, pretend: torch.device) -> None:
    """From the CPU to the device of the values, numbers too."""
    options = {"semantics": tw.semantics_for(row, door="loss"), "reduction": "none"}
    expected = tw.reduce_weighted_values(T([1.0, 2.0]), weight, mask, **options)
    found = tw.reduce_weighted_values(T([1.0, 2.0]).to(pretend), weight, mask, **options)
    assert found.device.type == pretend.type
    assert torch.equal(found.cpu(), expected)


def test_numbers_may_stand_for_weights_and_masks(pretend: torch.device) -> None:
    for values in (T([1.0, 2.0]), T([1.0, 2.0]).to(pretend)):
        assert tw.reduce_weighted_values(values, 2, 1).cpu() == 3
        assert tw.reduce_weighted_values(values, 2.0, 0).cpu() == 0


@trap
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("shape", [(2,), (2, 3), (2, 3, 4)], ids=str)
def test_what_a_row_feeds_by_itself_is_made_where_the_values_are(
    row: str, shape: tuple[int, ...], pretend: torch.device
) -> None:
    for mask in (None, torch.ones(shape, dtype=torch.bool))[: 1 if len(shape) > 2 else 2]:
        found = tw.reduce_weighted_values(torch.ones(shape, device=pretend), mask=mask, semantics=row)
        assert found.device.type == pretend.type
        assert found.cpu() == tw.reduce_weighted_values(torch.ones(shape), mask=mask, semantics=row)


def test_a_scalar_is_repeated_as_often_as_the_larger_of_weights_and_mask() -> None:
    value, mask = T(3.0, dtype=torch.float64), T([[True, True, False], [True, False, True]])
    found = tw.reduce_weighted_values(value, T([1.0, 2.0, 3.0]), mask, semantics="keras3.15")
    assert found.item() == pytest.approx(3.0 * (1 + 2 + 1 + 3) / 4)
    assert tw.reduce_weighted_values(value, semantics="keras3.15") == value
    assert tw.reduce_weighted_values(value, mask=mask, semantics="keras3.15").item() == 3


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("rank", [1, 2])
def test_values_are_averaged_to_meet_weights_in_tensorflow_1_14(rank: int, reduction: str) -> None:
    values = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    weight = torch.arange(1.0, 1 + values.shape[:rank].numel(), dtype=torch.float64).reshape(values.shape[:rank])
    met = values.flatten(rank).mean(-1) * weight
    expected = {"none": met, "mean": met.mean(), "sum": met.sum()}[reduction]
    found = tw.reduce_weighted_values(
        values, weight, reduction=reduction, semantics=tw.semantics_for("tf1.14", door="loss")
    )
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    ("reduction", "says"),
    [
        ("mean", "Unmasked elements"),
        ("mean_with_sample_weight", "the sum of the weights"),
        ("sum", "1, for reduction sum"),
        ("none", "reduction none: the sum of the values that are returned"),
    ],
)
def test_an_explanation_says_what_a_reduction_divides_by(reduction: str, says: str) -> None:
    found = tw.explain(tw.MeanSquaredError(reduction=reduction), torch.zeros(2, 3), torch.ones(2, 3), T([1.0, 2.0]))
    assert says in str(found)


def test_an_explanation_knows_that_values_were_averaged() -> None:
    criterion = tw.MeanSquaredError(semantics=tw.semantics_for("tf1.14", door="loss"), reduction="none")
    given = torch.rand(2, 3, 4, 5, dtype=torch.float64), torch.zeros(2, 3, 4, 5).double(), T([1.0, 3.0]).double()
    found = tw.explain(criterion, *given)
    assert found.total == pytest.approx(criterion(*given).sum().item())
    assert sum(found.to_dict()["parts"][0]["contributions"]) == pytest.approx(found.total)


def test_values_per_label_are_weighed_per_label() -> None:
    criterion = tw.BinaryCrossentropy(
        from_logits=True, class_weight=[1.0, 2.0, 5.0], semantics="torch", reduction="none"
    )
    found = criterion(torch.zeros(2, 3), torch.ones(2, 3))
    torch.testing.assert_close(found, T([[1.0, 2.0, 5.0]] * 2) * T(2.0).log())
