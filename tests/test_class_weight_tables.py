"""Class weights as tables: which type they keep, on which device they are looked up, and whom a refusal names."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.pretend_device import NAME, without
from torchweights import class_weight, precision

T = torch.tensor
WEIGHTS = [1.0, 2.0, 3.0]
LABELS = T([2, 0, 1, 2])


def lacking_float64(monkeypatch: pytest.MonkeyPatch) -> AbstractContextManager[None]:
    """The pretend device as one without float64."""
    monkeypatch.setattr(precision, "WITHOUT_FLOAT64", {NAME})
    return without(torch.float64)


# ------------------------------------------------------------------------------------------------------ types and devices


def test_weights_by_class_inside_a_sum_take_the_type_of_the_targets() -> None:
    table = class_weight.Table(torch.arange(3), T(WEIGHTS, dtype=torch.float64))
    found = class_weight.per_class(torch.eye(3), table, -1)
    assert (found.dtype, found.diagonal().tolist()) == (torch.float32, WEIGHTS)


@pytest.mark.parametrize("float64", [True, False], ids=["with float64", "without float64"])
@pytest.mark.parametrize("given", [T(WEIGHTS), T([1, 2, 3]), WEIGHTS], ids=["float32", "int64", "list"])
def test_weights_are_looked_up_where_the_targets_are(
    given: Any, float64: bool, pretend: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = given.to(pretend) if isinstance(given, Tensor) else given
    with nullcontext() if float64 else lacking_float64(monkeypatch):
        found = tw.class_weight_to_sample_weights(LABELS.to(pretend), weights)
    assert (found.device.type, found.dtype) == (pretend.type, torch.float64 if float64 else torch.float32)
    assert found.cpu().tolist() == [3.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("validate", [None, True])
def test_a_criterion_that_stayed_behind_weighs_where_the_targets_are(
    validate: bool | None, pretend: torch.device
) -> None:
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=WEIGHTS, validate=validate)
    logits = torch.zeros(4, 3)
    assert criterion(logits.to(pretend), LABELS.to(pretend)).cpu() == criterion(logits, LABELS)


def test_a_dense_table_moves_its_weights_to_the_places() -> None:
    table = class_weight.Table(torch.arange(3), T(WEIGHTS), dense=True)
    assert table.at(T([[2, 0]], device="meta")).device.type == "meta"


def test_sample_weights_come_to_the_targets(pretend: torch.device) -> None:
    found = tw.class_weight_to_sample_weights(T([0, 1], device=pretend), [1.0, 2.0], sample_weight=T([3.0, 4.0]))
    assert found.device.type == pretend.type and found.cpu().tolist() == [3.0, 8.0]


# ---------------------------------------------------------------------------------------------------- what is asked and told


@pytest.mark.parametrize("labels", [T([1.0, 0.0]), T([[1, 0], [0, 0]])], ids=["numbers", "whole numbers"])
@pytest.mark.parametrize("axis", [1, 5])
def test_labels_have_no_axis_of_classes_whichever_is_given(labels: Tensor, axis: int) -> None:
    found = tw.class_weight_to_sample_weights(labels, [1.0, 2.0], axis=axis)
    assert found.tolist() == (labels + 1).tolist()


def test_one_class_is_a_number_of_classes() -> None:
    assert tw.class_weight_to_sample_weights(T([0, 0]), [2.0], num_classes=1).tolist() == [2.0, 2.0]
    with pytest.raises(ValueError, match="num_classes expected"):
        tw.class_weight_to_sample_weights(T([0, 0]), [2.0], num_classes=0)


def test_sample_weights_of_another_kind_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match="^sample_weight expected a torch.Tensor or a number; received list"):
        tw.class_weight_to_sample_weights(LABELS, WEIGHTS, sample_weight=[1.0] * 4)  # type: ignore[arg-type]


def test_the_label_that_is_refused_is_one_that_takes_part() -> None:
    table = class_weight.Table(torch.arange(2), T([1.0, 2.0]))
    rule = tw.semantics_for("torchweights").class_weights
    with pytest.raises(ValueError, match=r"received 9 at \(1,\)\. Pass ignore_class=9"):
        class_weight.look_up(T([7, 9]), table, rule, judged=T([False, True]))


def test_every_kind_that_a_release_ignores_is_told() -> None:
    def ignored(given: Any) -> tw.WeightedLoss:
        return tw.SparseCategoricalCrossentropy(semantics="keras2.2.4", class_weight=given)

    with pytest.warns(tw.KerasTrapWarning) as said:
        _ = [ignored(given) for given in (WEIGHTS, tuple(WEIGHTS), T(WEIGHTS), T(WEIGHTS))]
    told = [str(one.message).partition(" is ")[0] for one in said]
    assert told == [f"class_weight of type {kind}" for kind in ("list", "tuple", "Tensor")]


def test_an_array_of_no_numbers_is_shown() -> None:
    with pytest.raises(TypeError) as error:
        tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=np.array(["a", "b"]))
    words = (
        "class_weight expected an array of numbers; received array(['a', 'b'], dtype='<U1'). Write array.astype(float)."
    )
    assert str(error.value) == words


def test_a_long_dict_is_shown_up_to_its_hundredth_letter() -> None:
    with pytest.raises(ValueError, match="which lacks 0") as error:
        tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=dict.fromkeys(range(1, 30), 1.0))
    told = str(error.value).partition("received ")[2].partition(", which lacks")[0]
    assert len(told) == 100 and told.startswith("{1: 1.0, 2: 1.0, ")
