"""What fit(class_weight=...) did in each release: section 5 of the notes on Keras, number by number."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import torchweights as tw
from tests.samples import KERAS_ROWS

T = torch.tensor
WEIGHTS = [1.0, 2.0, 3.0]
trap = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")

P55 = T([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.5, 0.3, 0.2]])
T55 = T([0, 1, 2, 1])
ROWS_55 = ["keras2.2.4", "tf1.12", "keras2.3.1", "tf1.15", "tf2.2", "tf_keras2.21", "keras3.15"]
FULL, SW = {0: 1, 1: 2, 2: 3}, [1.0, 1.0, 0.5, 0.0]
REFUSED = None
SECTION_55: list[tuple[dict[int, float] | None, list[float] | None, list[float | None]]] = [
    (None, None, [0.57365423] * 7),
    (FULL, None, [1.1858461, 0.59292305, *[1.1858461] * 5]),
    ({0: 1, 1: 0, 2: 3}, None, [0.94457579, *[0.47228789] * 6]),
    ({0: 1, 1: 2}, None, [*[REFUSED] * 6, 0.93043333]),
    ({0: 1, 2: 3}, None, [*[REFUSED] * 6, 0.82906699]),
    (None, SW, [0.27841043, 0.33409253, *[0.20880783] * 5]),
    (FULL, SW, [0.27841043, 0.33409253, *[0.3923001] * 4, REFUSED]),
]
NUMBERS = [
    (cw, sw, row, number) for cw, sw, numbers in SECTION_55 for row, number in zip(ROWS_55, numbers, strict=True)
]


@trap
@pytest.mark.parametrize(("given", "sample_weight", "semantics", "number"), NUMBERS)
@pytest.mark.parametrize("targets", ["(N,)", "(N, 1)", "one-hot"])
def test_the_numbers_of_the_releases(
    given: Any, sample_weight: Any, semantics: str, number: float | None, targets: str
) -> None:
    kind = tw.CategoricalCrossentropy if targets == "one-hot" else tw.SparseCategoricalCrossentropy
    criterion = kind(semantics=semantics, class_weight=None) if given is None else None
    weight = None if sample_weight is None else T(sample_weight)
    y_true = {"(N,)": T55, "(N, 1)": T55[:, None], "one-hot": torch.eye(3)[T55]}[targets]
    if number is REFUSED:
        with pytest.raises(ValueError, match="class_weight"):
            kind(semantics=semantics, class_weight=given)(P55, y_true, weight)
        return
    criterion = criterion or kind(semantics=semantics, class_weight=given)
    assert criterion(P55, y_true, weight).item() == pytest.approx(number, rel=2e-7)


@pytest.mark.parametrize(
    ("semantics", "number"),
    [
        ("keras2.2.4", None),
        ("tf1.12", None),
        ("keras2.3.1", None),
        ("tf1.15", None),
        ("tf2.2", 0.49456987),
        ("tf_keras2.21", 1.7594998),
        ("keras3.15", 1.7595003),
    ],
)
@trap
def test_soft_binary_labels_are_cut_off_rounded_or_refused(semantics: str, number: float | None) -> None:
    criterion = tw.BinaryCrossentropy(semantics=semantics, class_weight={0: 1, 1: 5})
    call = lambda: criterion(T([[0.6], [0.3]]), T([[0.7], [0.0]]))  # noqa: E731
    if number is None:
        with pytest.raises(ValueError, match=r"every class in the data; received none for 0\.[67]"):
            call()
    else:
        assert call().item() == pytest.approx(number, rel=2e-7)


@trap
def test_integer_sample_weights_cut_class_weights_off_in_tf_2_2() -> None:
    found = [
        tw.class_weight_to_sample_weights(T([0, 1]), {0: 0.5, 1: 2.5}, sample_weight=T([1, 1]), semantics=s).tolist()
        for s in ("tf2.2", "tf1.15")
    ]
    assert found == [[0, 2], [0.5, 2.5]]


@pytest.mark.parametrize("semantics", ["keras2.2.4", "tf1.12", "keras2.3.1", "tf1.15"])
def test_what_is_no_dict_is_ignored_with_a_warning_by_the_old_loop(semantics: str) -> None:
    with pytest.warns(tw.KerasTrapWarning, match="list is silently ignored"):
        criterion = tw.SparseCategoricalCrossentropy(semantics=semantics, class_weight=WEIGHTS)
    assert criterion(P55, T55).item() == pytest.approx(0.57365423)


@pytest.mark.parametrize("semantics", ["tf2.2", "tf_keras2.21", "keras3.15"])
@pytest.mark.parametrize("given", [WEIGHTS, T(WEIGHTS), "balanced"], ids=repr)
def test_what_is_no_dict_is_refused_later(semantics: str, given: Any) -> None:
    with pytest.raises(TypeError, match=r"class_weight expected a dict.*received (list|Tensor|str)"):
        tw.SparseCategoricalCrossentropy(semantics=semantics, class_weight=given)


@pytest.mark.parametrize(
    ("semantics", "refuses"), [(r, tw.SEMANTICS[r].class_weights.empty == "refuse") for r in KERAS_ROWS]
)
@trap
def test_an_empty_dict_is_no_weight_or_none_for_anyone(semantics: str, refuses: bool) -> None:
    call = lambda: tw.SparseCategoricalCrossentropy(semantics=semantics, class_weight={})(P55, T55)  # noqa: E731
    if refuses:
        with pytest.raises(ValueError, match="every class in the data; received none for 0, 1, 2"):
            call()
    else:
        assert call().item() == pytest.approx(0.57365423)


@pytest.mark.parametrize("semantics", ["keras2.2.4", "tf1.12", "keras2.3.1", "tf1.15", "tf2.2", "keras3.15"])
def test_pixels_have_no_class_weight_in_these_releases(semantics: str) -> None:
    criterion = tw.CategoricalCrossentropy(semantics=semantics, class_weight=FULL)
    with pytest.raises(ValueError, match=r"at most 2 dimensions.*semantics='torchweights'"):
        criterion(torch.full((2, 2, 3), 1 / 3), torch.eye(3)[T([[0, 1], [2, 1]])])


def test_pixels_have_one_in_tf_keras() -> None:
    p, t = P55.reshape(2, 2, 3), T55.reshape(2, 2)
    found = tw.SparseCategoricalCrossentropy(semantics="tf_keras2.21", class_weight=FULL)(p, t[..., None])
    assert found.item() == pytest.approx(1.1858461, rel=2e-7)


def test_numbers_of_classes_that_are_not_there_are_fine_where_the_release_says_so() -> None:
    for semantics in ("keras2.2.4", "keras2.3.1", "tf1.15", "keras3.15"):
        criterion = tw.SparseCategoricalCrossentropy(semantics=semantics, class_weight={**FULL, 7: 100.0, -3: 5.0})
        assert criterion(P55, T55).item() == pytest.approx(1.1858461, rel=2e-7)
