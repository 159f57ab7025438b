"""Warnings, releases by name, and what is no misuse; misuses themselves are in ``tests/misuse``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import torchweights as tw

T = torch.tensor
S, C, M = tw.SparseCategoricalCrossentropy, tw.CategoricalCrossentropy, tw.MeanSquaredError
ONES, LABELS = torch.ones(2, 3), T([0, 1])


def test_labels_in_a_column_tell_the_denominator_without_an_axis() -> None:
    assert S(from_logits=True).denominator(T([[0], [1]])).value().item() == 2


@pytest.mark.parametrize(
    ("release", "row"),
    [
        ("tensorflow==1.12.0", "tf1.12"), ("tensorflow==1.15", "tf1.15"), ("tensorflow-cpu==2.2.3", "tf2.2"), ("tf==2.2", "tf2.2"),
        ("keras==2.2.4", "keras2.2.4"), ("keras == 2.3.1", "keras2.3.1"), ("tf-keras==2.21.0", "tf_keras2.21"), ("keras==3.15.1", "keras3.15"), ("torch==2.4", "torch"),
    ],
)  # fmt: skip
def test_a_requirement_finds_its_row(release: str, row: str) -> None:
    assert tw.semantics_for(release) is tw.SEMANTICS[row]
    assert tw.semantics_for(tw.semantics_for(release)) is tw.SEMANTICS[row]


def test_a_trap_is_warned_of_once() -> None:
    criterion = tw.SparseCategoricalCrossentropy(semantics="keras2.2.4", class_weight={0: 1.0, 1: 1.0})
    weight = T([1.0, 1.0])
    with pytest.warns(
        tw.KerasTrapWarning, match="class_weight is ignored by this release because sample_weight"
    ) as said:
        [criterion(ONES / 3, LABELS, weight) for _ in range(3)]
    assert len(said) == 1


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (
            lambda: M(semantics="keras3.15")(torch.ones(3, 3, 2), torch.ones(3, 3, 2), torch.ones(3)),
            "lands on the last axes",
        ),
        (lambda: M(semantics="tf1.12")(torch.ones(3, 3, 2, 2), torch.ones(3, 3, 2, 2)), "summed over the batch"),
        (lambda: S(semantics="keras3.15", class_weight={"0": 1.0}), "match no label"),
        (lambda: C(semantics="keras2.2.4", class_weight=[1.0, 2.0]), "silently ignored"),
    ],
)
def test_where_a_release_is_silently_wrong_its_row_is_not(call: Callable[[], Any], word: str) -> None:
    with pytest.warns(tw.KerasTrapWarning, match=word):
        call()


def test_a_warning_points_at_the_caller() -> None:
    with pytest.warns(tw.KerasTrapWarning) as said:
        M(semantics="keras3.15")(torch.ones(3, 3, 2), torch.ones(3, 3, 2), torch.ones(3))
    assert said[0].filename == __file__
