"""``class_weight_to_sample_weights``: which class a target has, in every shape, and what becomes of sample weights beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.pretend_device import NAME
from torchweights import precision

T = torch.tensor
WEIGHTS = [1.0, 2.0, 5.0]
TABLE = dict(enumerate(WEIGHTS))
PIXELS = T([[[0, 2], [1, 1]], [[2, 0], [0, 1]]])
EYE = torch.eye(3)
trap = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")


def weighed(labels: Tensor) -> list[Any]:
    """The weight of each label, as a plain list."""
    return T(WEIGHTS, dtype=torch.float64)[labels].tolist()


@pytest.mark.parametrize(
    ("y_true", "options", "classes"),
    [
        (T([2, 0, 1]), {}, T([2, 0, 1])),
        (T([2.0, 0.0, 1.0]), {}, T([2, 0, 1])),
        (T([[2], [0]]), {}, T([[2], [0]])),
        (T([2]), {}, T([2])),
        (PIXELS, {}, PIXELS),
        (PIXELS, {"axis": 1}, PIXELS),
        (EYE[PIXELS], {}, PIXELS),
        (EYE[PIXELS].movedim(-1, 1), {"axis": 1}, PIXELS),
        (0.25 + 0.5 * EYE[[2, 0]], {}, T([2, 0])),
        (EYE[[2, 0]], {"num_classes": 7}, T([2, 0])),
        (T([2, 0]), {"num_classes": 3}, T([2, 0])),
    ],
    ids=lambda one: f"{one.dtype} {tuple(one.shape)}" if isinstance(one, Tensor) else str(one),
)
@pytest.mark.parametrize("given", [TABLE, WEIGHTS, np.array(WEIGHTS)], ids=["dict", "list", "numpy"])
def test_the_default_row_weighs_every_place_by_its_class(
    y_true: Tensor, options: dict[str, int], classes: Tensor, given: Any
) -> None:
    found = tw.class_weight_to_sample_weights(y_true, given, **options)
    assert (found.tolist(), found.dtype) == (weighed(classes), torch.float64)


@pytest.mark.parametrize(
    ("y_true", "axis", "expected"),
    [
        (T([[1.0], [0.0]]), -1, [5.0, 1.0]),
        (T([[1.0, 0.0]]), 0, [5.0, 1.0]),
        (T([[[1.0]], [[0.0]]]), -1, [[5.0], [1.0]]),
        (T([[[1.0]], [[0.0]]]), 1, [[5.0], [1.0]]),
        (T([[0.0, 1.0], [1.0, 0.0]]), -1, [5.0, 1.0]),
        (T([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]), 0, [5.0, 1.0, 5.0]),
    ],
    ids=str,
)
def test_an_axis_of_one_holds_binary_labels_and_an_axis_of_two_holds_classes(
    y_true: Tensor, axis: int, expected: list[Any]
) -> None:
    assert tw.class_weight_to_sample_weights(y_true, {0: 1.0, 1: 5.0}, axis=axis).tolist() == expected


@pytest.mark.parametrize(
    ("given", "words"), [(TABLE, "lacks 3"), (WEIGHTS, "expected 4 weights")], ids=["dict", "list"]
)
def test_every_class_that_there_is_must_have_a_weight(given: Any, words: str) -> None:
    for y_true, options in ((torch.eye(4), {}), (T([0, 1]), {"num_classes": 4}), (torch.eye(4), {"axis": 0})):
        with pytest.raises(ValueError, match=words):
            tw.class_weight_to_sample_weights(y_true, given, **options)


@pytest.mark.parametrize("semantics", ["keras2.2.4", "keras2.3.1", "tf2.2", "tf_keras2.21", "keras3.15"])
@pytest.mark.parametrize(
    ("y_true", "axis", "expected"),
    [
        (T([1, 2]), -1, [2.0, 5.0]),
        (T([1]), -1, [2.0]),
        (T([[1], [2]]), -1, [2.0, 5.0]),
        (T([[1], [2]]), 0, [2.0, 5.0]),
        (T([[1.0], [2.0]]), -1, [2.0, 5.0]),
        (EYE[[1, 2]], -1, [2.0, 5.0]),
        (EYE[[1, 2]].T, 0, [2.0, 5.0]),
    ],
    ids=str,
)
def test_rows_of_keras_tell_the_class_by_shape(
    semantics: str, y_true: Tensor, axis: int, expected: list[float]
) -> None:
    found = tw.class_weight_to_sample_weights(y_true, TABLE, semantics=semantics, axis=axis)
    assert (found.tolist(), found.dtype) == (expected, torch.float64)


def test_tf_keras_weighs_steps_too() -> None:
    labels = T([[1, 2, 0], [0, 0, 1]])
    for y_true in (labels[..., None], EYE[labels]):
        found = tw.class_weight_to_sample_weights(y_true, TABLE, semantics="tf_keras2.21")
        assert found.tolist() == weighed(labels)


@trap
@pytest.mark.parametrize("sample_weight", [None, T([3.0, 4.0])], ids=["alone", "beside sample_weight"])
@pytest.mark.parametrize("y_true", [T([1, 2]), torch.zeros(2, 3, 4)], ids=["labels", "pixels"])
def test_class_weights_that_a_release_ignores_leave_the_sample_weights(
    y_true: Tensor, sample_weight: Tensor | None
) -> None:
    found = tw.class_weight_to_sample_weights(y_true, WEIGHTS, sample_weight=sample_weight, semantics="keras2.2.4")
    if sample_weight is None:
        assert (found.tolist(), found.dtype) == ([1.0, 1.0], torch.float64)
    else:
        assert found is sample_weight


@trap
def test_sample_weights_win_multiply_or_are_refused() -> None:
    given = T([3.0, 0.5])
    assert tw.class_weight_to_sample_weights(T([1, 2]), TABLE, sample_weight=given, semantics="keras2.2.4") is given
    for row in ("keras2.3.1", "tf1.15", "tf2.2", "tf_keras2.21", "torchweights"):
        found = tw.class_weight_to_sample_weights(T([1, 2]), TABLE, sample_weight=given, semantics=row)
        assert found.tolist() == [6.0, 2.5]
    with pytest.raises(ValueError, match="refused by this release"):
        tw.class_weight_to_sample_weights(T([1, 2]), TABLE, sample_weight=given, semantics="keras3.15")


@pytest.mark.parametrize(
    ("semantics", "expected"),
    [
        ("keras2.3.1", [4.5, 2.0]),
        ("tf1.15", [4.5, 2.0]),
        ("torchweights", [4.5, 2.0]),
        ("tf2.2", [3, 2]),
        ("tf_keras2.21", [3, 2]),
    ],
)
@trap
def test_whole_numbers_as_sample_weights_cut_fractions_off_in_some_releases(
    semantics: str, expected: list[float]
) -> None:
    found = tw.class_weight_to_sample_weights(T([0, 1]), {0: 1.5, 1: 1.0}, sample_weight=T([3, 2]), semantics=semantics)
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("labels", "weight", "expected"),
    [
        (T([[0, 1], [2, 0]]), T([3.0, 4.0]), [[3.0, 6.0], [20.0, 4.0]]),
        (T([[0, 1], [2, 0]]), T(3.0), [[3.0, 6.0], [15.0, 3.0]]),
        (T([1, 2]), T([[1.0, 2.0], [3.0, 4.0]]), [[2.0, 4.0], [15.0, 20.0]]),
    ],
    ids=["per sample", "a scalar", "more than classes"],
)
def test_ranks_are_made_equal_on_the_right(labels: Tensor, weight: Tensor, expected: list[Any]) -> None:
    assert tw.class_weight_to_sample_weights(labels, TABLE, sample_weight=weight).tolist() == expected


def test_a_class_without_weight_is_nan_where_nothing_is_checked() -> None:
    options: dict[str, Any] = {"semantics": "keras2.2.4", "class_weight": {0: 2.0}}
    given = torch.full((2, 3), 1 / 3, dtype=torch.float64), T([0, 1])
    assert tw.SparseCategoricalCrossentropy(validate=False, **options)(*given).isnan()
    with pytest.raises(ValueError, match="received none for 1"):
        tw.SparseCategoricalCrossentropy(validate=True, **options)(*given)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_weights_inside_the_sum_over_classes_leave_the_precision_to_the_predictions(kind: torch.dtype) -> None:
    criterion = tw.CategoricalCrossentropy(
        from_logits=True, class_weight=T(WEIGHTS, dtype=torch.float64), semantics="torch"
    )
    logits = torch.zeros(3, 3, dtype=kind)
    found = criterion(logits, torch.eye(3, dtype=kind))
    expected = torch.nn.functional.cross_entropy(logits, torch.eye(3, dtype=kind), weight=T(WEIGHTS, dtype=kind))
    torch.testing.assert_close(found, expected)
    assert found.dtype == kind


@trap
@pytest.mark.parametrize("float64", [True, False], ids=["with float64", "without float64"])
def test_sample_weights_live_where_the_targets_are(
    float64: bool, pretend: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "WITHOUT_FLOAT64", set() if float64 else {NAME})
    for given, row in ((WEIGHTS, "torchweights"), (TABLE, "keras2.2.4"), (WEIGHTS, "keras2.2.4"), ({}, "keras3.15")):
        found = tw.class_weight_to_sample_weights(T([1, 2]).to(pretend), given, semantics=row)
        assert found.device.type == pretend.type
        assert found.dtype == (torch.float64 if float64 else torch.float32)


@pytest.mark.parametrize("row", ["keras3.0", "keras3.15", "keras3.15-torch"])
def test_no_weights_at_all_are_class_weights_to_keras_3(row: str) -> None:
    with pytest.raises(ValueError, match="class_weight and sample_weight together"):
        tw.class_weight_to_sample_weights(T([1, 2]), {}, sample_weight=T([1.0, 1.0]), semantics=row)


@pytest.mark.parametrize(
    ("row", "refused"),
    [("keras2.2.4", True), ("tf1.12", True), ("keras2.3.1", True), ("tf1.13", False), ("keras3.15", False)],
)
def test_labels_per_step_are_refused_or_read_as_one_hot_rows(row: str, refused: bool) -> None:
    """fit() of the older releases wanted labels (N, T, 1), and class weights want at most rank 2."""
    criterion = tw.SparseCategoricalCrossentropy(semantics=row, class_weight=TABLE)
    given = torch.full((1, 2, 3), 1 / 3), T([[0, 1]])
    if refused:
        with pytest.raises(ValueError, match="at most 2 dimensions"):
            criterion(*given)
    else:
        with pytest.warns(tw.KerasTrapWarning, match="argmax over the last axis"):
            criterion(*given)
