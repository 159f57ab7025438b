"""Class weights out of labels: against scikit-learn and slow loops, at once and over a loader."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import torchweights as tw

T = torch.tensor


def labels(seed: int = 0, shape: tuple[int, ...] = (6, 5, 4), classes: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    drawn = (torch.rand(shape, generator=generator) ** 2 * classes).long()
    drawn.view(-1)[:classes] = torch.arange(classes)
    return drawn


@pytest.mark.parametrize("seed", range(5))
def test_balanced_is_scikit_learns(seed: int) -> None:
    weights = pytest.importorskip("sklearn.utils.class_weight")
    y = labels(seed).reshape(-1)
    theirs = weights.compute_class_weight("balanced", classes=np.arange(4), y=y.numpy())
    assert list(tw.balanced(y).values()) == pytest.approx(theirs.tolist(), rel=1e-15)


def test_median_frequency_by_a_slow_loop() -> None:
    y = labels()
    y[0] = 0  # an image in which no other class occurs
    pixels, beside = np.zeros(4), np.zeros(4)
    for image in y.numpy():
        for c in range(4):
            pixels[c] += (image == c).sum()
            beside[c] += image.size if (image == c).any() else 0
    frequency = pixels / beside
    expected = np.median(frequency) / frequency
    assert list(tw.median_frequency(y).values()) == pytest.approx(expected.tolist(), rel=1e-14)


def test_effective_number_between_its_ends() -> None:
    y = labels().reshape(-1)
    assert list(tw.effective_number(y, beta=0.0).values()) == [1.0] * 4
    inverse = 1 / torch.bincount(y).double()
    near = T(list(tw.effective_number(y, beta=1 - 1e-12).values()), dtype=torch.float64)
    torch.testing.assert_close(near, inverse * 4 / inverse.sum(), rtol=1e-6, atol=0)
    n = torch.bincount(y).double()
    plain = (1 - 0.9) / (1 - 0.9**n)
    found = T(list(tw.effective_number(y, beta=0.9).values()), dtype=torch.float64)
    torch.testing.assert_close(found, plain * 4 / plain.sum(), rtol=1e-12, atol=0)


def test_the_others() -> None:
    assert tw.inverse_square_root(T([0, 0, 0, 0, 1])) == pytest.approx({0: 2 / 3, 1: 4 / 3})
    assert tw.capped({0: 0.01, 1: 3.0, 2: 50.0}, largest=10, smallest=0.1) == {0: 0.1, 1: 3.0, 2: 10.0}
    with pytest.raises(ValueError, match="smallest expected"):
        tw.capped({0: 1.0}, largest=1.0, smallest=2.0)


@pytest.mark.parametrize("builder", [tw.balanced, tw.effective_number, tw.inverse_square_root, tw.median_frequency])
def test_over_a_loader_as_at_once_without_void(builder: Any) -> None:
    y = labels()
    y[2, 1] = 255
    dataset = torch.utils.data.TensorDataset(torch.zeros(6, 1), y)
    loader = torch.utils.data.DataLoader(dataset, batch_size=4)
    streamed = tw.count_classes(loader, 4, void=255)
    whole = tw.ClassCounts.of(y, 4, void=255)
    assert torch.equal(streamed.of_class, whole.of_class) and torch.equal(streamed.beside, whole.beside)
    assert whole.of_class.sum() == y.numel() - 4
    assert builder(streamed) == builder(whole)


@pytest.mark.parametrize(
    ("batches", "target"),
    [([T([0, 1, 1])], None), ([(0, T([0, 1, 1]))], None), ([{"y": T([0, 1, 1])}], "y"), ([(T([0, 1, 1]), 0)], 0),
     ([(0, (T([0, 1, 1]), 0))], lambda batch: batch[1][0])],
)  # fmt: skip
def test_targets_are_found(batches: list[Any], target: Any) -> None:
    assert tw.count_classes(batches, 2, target=target, progress=False).of_class.tolist() == [1, 2]


def test_one_hot_and_soft_targets_are_summed() -> None:
    counts = tw.ClassCounts.of(T([[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]]), 2)
    assert counts.of_class.tolist() == [1.5, 0.5] and counts.beside.tolist() == [2.0, 1.0]


def test_absent_classes_are_refused_or_given_a_weight() -> None:
    y = T([0, 0, 2])
    with pytest.raises(ValueError, match=r"received none of \[1\].*absent="):
        tw.balanced(y)
    assert tw.balanced(y, absent=0.0) == {0: 0.75, 1: 0.0, 2: 1.5}
    assert tw.balanced(y, num_classes=4, absent=1.0)[3] == 1.0


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"labels from 0 to 1; received 2. Pass void=2"):
        tw.ClassCounts.of(T([0, 2]), 2)
    with pytest.raises(ValueError, match="2 classes on axis -1"):
        tw.ClassCounts.of(torch.zeros(3, 3), 2)
    with pytest.raises(TypeError, match="tensor of targets; received list"):
        tw.count_classes([(0, [1, 2])], 2, progress=False)
    with pytest.raises(ValueError, match="one batch or more"):
        tw.count_classes([], 2, progress=False)
    with pytest.raises(ValueError, match="beta expected"):
        tw.effective_number(T([0, 1]), beta=1.0)


def test_positive_weights_of_label_columns() -> None:
    y = T([[1, 0, 1], [0, 0, 1], [0, 1, 1], [0, 1, 0]])
    assert tw.positive_weight(y).tolist() == pytest.approx([3.0, 1.0, 1 / 3])
    assert tw.positive_weight([y[:2], y[2:]]).tolist() == tw.positive_weight(y).tolist()
    known = torch.ones_like(y)
    known[1, 0] = 0
    assert tw.positive_weight(y, mask=known)[0] == 2.0
    with pytest.raises(ValueError, match=r"a positive in every label column; received none in \[0\]"):
        tw.positive_weight(y[1:])
    assert tw.positive_weight(y[1:], absent=7.0)[0] == 7.0


def test_they_are_class_weights() -> None:
    y = labels().reshape(-1)
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=tw.balanced(y))
    weights = tw.class_weight_to_sample_weights(y, tw.balanced(y))
    assert weights.mean().item() == pytest.approx(1.0) and criterion(torch.zeros(len(y), 4), y) > 0


def test_shares_of_classes() -> None:
    assert tw.class_shares(T([True, False, True]), T([0, 1, 1])).tolist() == [0.5, 0.5]
    assert tw.class_shares(T([1.0, 3.0]), torch.eye(2)[[1, 0]]).tolist() == [0.75, 0.25]
    assert tw.class_shares(T([1.0, 3.0, 9.0]), T([0, 0, -1]), num_classes=2).tolist() == [1.0, 0.0]
    assert tw.class_shares(torch.zeros(2), T([0, 1])).tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="one number for each target"):
        tw.class_shares(torch.zeros(3), T([0, 1]))
