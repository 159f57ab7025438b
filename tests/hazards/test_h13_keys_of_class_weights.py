"""H13: class weights are by class number: keys that are not the classes are refused by name, and no table is as large as a key (P13)."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

import torchweights as tw
from tests.hazards.catalogue import built, given, given_total, unchecked
from tests.samples import BY_NAME, ROWS, SAMPLES, Sample
from tests.watching import Operators

Y = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("keys", [{"0": 2.0}, {0: 2.0, "a": 5.0}, {0: 1.0, 1: 1.0, 1.5: 2.0}, {None: 1.0}, {0: 1.0}, {0: 1.0, 1: 1.0, 3: 1.0}, {0: 1.0, 1: 1.0, 2: 1.0, 10**9: 1.0}], ids=str)  # fmt: skip
def test_keys_that_are_not_the_classes_are_refused(keys: dict[Any, float]) -> None:
    with pytest.raises((ValueError, TypeError), match="class_weight expected"):
        built(tw.SparseCategoricalCrossentropy, from_logits=True, class_weight=keys)(Y, torch.tensor([0, 1, 2, 1]))


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), "1", None])
def test_weights_that_are_no_finite_numbers_are_refused(weight: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="class_weight"):
        built(tw.SparseCategoricalCrossentropy, from_logits=True, class_weight={0: 1.0, 1: weight, 2: 1.0})


def is_class_number(key: object) -> bool:
    """0, 1 or 2 in any type of numbers but bool, which Python takes for 0 and 1."""
    return isinstance(key, numbers.Real) and not isinstance(key, bool) and any(key == label for label in range(3))


KEYS = st.one_of(
    st.integers(-2, 4), st.integers(), st.sampled_from([10**9, 10**400]), st.booleans(), st.floats(), st.sampled_from([0.0, 1.0, 2.0]),
    st.text(max_size=2), st.none(), st.integers(0, 3).map(np.int64), st.integers(0, 3).map(np.float32), st.tuples(st.integers(0, 2)),
)  # fmt: skip
#: half of them are the three classes, with something more, less or else now and then
TABLES = st.one_of(
    st.dictionaries(KEYS, st.just(2.0), max_size=5),
    st.dictionaries(KEYS, st.just(2.0), max_size=1).map(lambda more: {0: 1.0, 1: 2.0, 2: 3.0, **more}),
    st.sets(st.integers(0, 2)).map(lambda gone: {c: 1.0 for c in range(3) if c not in gone}),
    st.permutations([np.int64(0), 1, 2.0]).map(lambda order: dict.fromkeys(order, 2.0)),
)


def loss_or_refusal(table: dict[Any, float]) -> Any:
    try:
        criterion = built(tw.SparseCategoricalCrossentropy, from_logits=True, class_weight=table)
        return criterion(Y, torch.tensor([0, 1, 2, 1]))
    except (ValueError, TypeError) as refusal:
        return refusal


@settings(max_examples=300, database=None, deadline=None, derandomize=True)
@drawn(TABLES)
def test_keys_are_the_classes_or_are_refused(table: dict[Any, float]) -> None:
    taken = all(map(is_class_number, table)) and len(table) == 3
    with Operators() as operators:
        found = loss_or_refusal(table)
    assert bool(torch.as_tensor(found).isfinite()) if taken else str(found).startswith("class_weight expected")
    assert operators.largest <= max(Y.numel(), len(table)), "no table as large as a key"


def strange_keys(table: dict[Any, float]) -> list[str]:
    return [repr(key) for key in table if not is_class_number(key)]


@pytest.mark.parametrize("table", [{"0": 2.0}, {0: 1.0, 1: 1.0, "a": 5.0}, {None: 1.0}, {0: 1.0, (1,): 2.0}], ids=str)
def test_the_refusal_names_the_keys(table: dict[Any, float]) -> None:
    with pytest.raises(TypeError, match="class_weight expected class numbers as keys") as refusal:
        built(tw.SparseCategoricalCrossentropy, from_logits=True, class_weight=table)
    assert all(key in str(refusal.value) for key in strange_keys(table))


@pytest.mark.parametrize("sample", [one for one in SAMPLES if one.takes_class_weight], ids=str)
def test_every_loss_that_takes_class_weights_wants_one_for_each_class(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    for table in ({0: 1.0}, {0: 1.0, 2: 1.0}, {0: 1.0, 1: 1.0, 2: 1.0, 10**9: 1.0}):
        with pytest.raises(ValueError, match="class_weight expected"):
            unchecked(sample, class_weight=table)(y_pred, y_true)


def test_weights_for_pixels() -> None:
    criterion = built(BY_NAME["sparse logits per pixel"], class_weight={0: 2.0, 1: 2.0, 2: 2.0}, reduction="none")
    y_pred, y_true = given(BY_NAME["sparse logits per pixel"])
    torch.testing.assert_close(criterion(y_pred, y_true), 2 * built(BY_NAME["sparse logits per pixel"], reduction="none")(y_pred, y_true))  # fmt: skip


def test_a_total_refuses_them_too() -> None:
    y, t = given_total()
    for table in ({"0": 2.0}, {0: 1.0, 10**9: 2.0}):
        with pytest.raises((ValueError, TypeError), match="class_weight expected"):
            built(tw.CompiledLoss, {"b": "sparse_categorical_crossentropy"}, class_weight={"b": table})({"b": y["b"].softmax(-1)}, {"b": t["b"]})  # fmt: skip


@pytest.mark.parametrize("name", ["mse", "mae"])
def test_regression_takes_class_weights_in_rows_of_keras(name: str) -> None:
    built(BY_NAME[name], semantics="keras3.15", class_weight={0: 1.0, 1: 2.0}, rest_in_eval=True)


@pytest.mark.negative_control
@pytest.mark.parametrize("row", [row for row in ROWS if row.startswith("keras3")])
def test_keras_3_fails_this(row: str) -> None:
    """Recorded: "0" is no class there, silently, and all weigh 1."""
    labels = torch.tensor([0, 1, 2, 1])
    with pytest.warns(tw.KerasTrapWarning, match="match no label in this release, silently"):
        criterion = built(tw.SparseCategoricalCrossentropy, from_logits=True, class_weight={"0": 2.0}, semantics=row)
    assert torch.equal(criterion(Y, labels), built(tw.SparseCategoricalCrossentropy, from_logits=True, semantics=row)(Y, labels))  # fmt: skip


@pytest.mark.negative_control
def test_a_table_by_largest_key_fails_this() -> None:
    with Operators() as operators:
        torch.zeros(1 + max({0: 1.0, 10**6: 2.0}))
    assert operators.largest > 10**6
