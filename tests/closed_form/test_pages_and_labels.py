"""Large pages change no number; one-hot rows are told from all others; the first of equals is the most likely."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.closed_form.paths import plain
from tests.closed_form.test_against_plain import GRADIENT, VALUE, both, off
from torchweights.closed_form import Compiled, one_hot, pages
from torchweights.functional import cost_matrix


@pytest.mark.parametrize("size", [1, 1 << 10, (pages.LARGE >> 2) + 3])
def test_a_buffer_in_large_pages_holds_what_is_written(size: int) -> None:
    buffer = torch.empty(size)
    assert pages.in_large_pages(buffer) is buffer
    assert float(buffer.fill_(2.0).double().sum()) == 2.0 * size


def test_a_system_without_large_pages_is_none_the_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_madvise", lambda: None)
    buffer = torch.empty(pages.LARGE)
    assert pages.in_large_pages(buffer) is buffer
    monkeypatch.setattr(pages, "_madvise", lambda: lambda start, size, advice: -1)  # refused
    assert pages.in_large_pages(buffer) is buffer


def rows(*given: list[float]) -> Tensor:
    return torch.tensor(given)


@pytest.mark.parametrize(
    "y_true",
    [
        rows([0.5, 0.5]), rows([1.0, 1.0]), rows([0.0, 0.0]), rows([2.0, -1.0]), rows([0.0, 1.0], [0.9, 0.1]), rows([torch.nan, 1.0]),
        rows([1.0, 1.0, -0.5]), rows([1.0, 3e-8]), rows([1.0, 0.0]).half(), torch.zeros(0, 3),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_one_hot_has_no_labels(y_true: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert one_hot.labels_of(y_true, -1) is None
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)
    assert one_hot.labels_of(y_true, -1, Compiled("labels")) is None


@pytest.mark.parametrize("classes", [2, 5, 31, 32, 1000])
@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("block", [one_hot.BLOCK, 10])
def test_one_hot_targets_have_labels(classes: int, axis: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_hot, "BLOCK", block)
    labels = torch.randint(classes, (3, 4), generator=torch.Generator().manual_seed(0))
    y_true = torch.nn.functional.one_hot(labels, classes).float().movedim(-1, axis)
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)
    for found in (one_hot.labels_of(y_true, axis), one_hot.labels_of(y_true, axis, Compiled("labels"))):
        assert found is not None and torch.equal(found, labels)


@pytest.mark.parametrize("classes", [3, 130, 200, 251, 1000])
def test_the_most_likely_class_is_the_first_of_equals(classes: int) -> None:
    scores = torch.randint(3, (50, classes), generator=torch.Generator().manual_seed(classes)).float()
    scores[0], scores[1, classes // 2], scores[2, -1] = 1.0, torch.nan, torch.inf
    assert torch.equal(cost_matrix._most_likely(scores, -1), scores.argmax(-1))
    assert torch.equal(cost_matrix._most_likely(scores.T, 0), scores.argmax(-1))


@pytest.mark.parametrize(
    "criterion",
    [
        tw.CategoricalCrossentropy(from_logits=False),
        tw.WeightedCategoricalCrossentropy(torch.ones(4, 4), indexing="true_pred", from_logits=False),
        tw.WeightedCategoricalCrossentropy(torch.ones(4, 4), indexing="true_pred", from_logits=False, semantics="keras2.2.4"),
    ],
    ids=["crossentropy", "costs", "costs of an era"],
)  # fmt: skip
@pytest.mark.parametrize("rest", [0.0, 1e-9, 3e-8])
def test_what_a_sure_teacher_leaves_to_other_classes_counts(criterion: tw.WeightedLoss, rest: float) -> None:
    """Beside 1 it vanishes in a sum of float32, and p of that class may be as small."""
    labels = torch.randint(4, (1000,), generator=torch.Generator().manual_seed(0))
    y_true = torch.eye(4)[labels] + rest * torch.eye(4)[(labels + 1) % 4]
    y_pred = torch.full((1000, 4), 1e-7).scatter_(1, labels[:, None], 1 - 3e-7)
    criterion._closes_from = 0
    value, gradient = off(both(criterion, (y_pred, y_true)), both(plain(criterion), (y_pred, y_true)))
    assert value <= VALUE and gradient <= GRADIENT


def test_another_default_device_changes_nothing() -> None:
    scores = torch.rand(40, 200, generator=torch.Generator().manual_seed(0))
    y_true = torch.nn.functional.one_hot(labels := scores.argmax(-1), 200).float()
    with torch.device("meta"):
        assert torch.equal(cost_matrix._most_likely(scores, -1), labels)
        assert torch.equal(one_hot.labels_of(y_true, -1), labels)  # type: ignore[arg-type]
