"""What the rows that are the library's own compute (nobody has recorded them), and what sets them apart from every era."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import torchweights as tw
from tests.samples import ROWS

T = torch.tensor
OWN = pytest.mark.parametrize("row", ["torchweights", "torch"])
WITHOUT_SCALARS = ("tf1.12", "tf1.13", "tf1.14", "tf1.15", "tf2.0", "tf2.1")
TENSORFLOW_1_12 = ("tf1.12", "tf1.13")


def doubles(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ------------------------------------------------------------------------------------------------------------ the values


@OWN
def test_labels_beside_probabilities_are_normalised_before_they_are_clipped(row: str) -> None:
    """What does not add up to 1 is scaled first, so a quarter of nearly nothing is a quarter."""
    criterion = tw.SparseCategoricalCrossentropy(from_logits=False, semantics=row)
    found = criterion(T([[1e-9, 3e-9]], dtype=torch.float64), T([0]))
    assert found.item() == pytest.approx(math.log(4), rel=1e-12)


@OWN
def test_the_logarithm_of_cosh_does_not_overflow(row: str) -> None:
    found = tw.LogCosh(semantics=row)(T([[1000.0]]), T([[0.0]]))
    assert found.item() == pytest.approx(1000 - math.log(2))


@OWN
def test_cosine_similarity_falls_as_vectors_align_and_short_ones_still_count(row: str) -> None:
    p = T([[5e-7, 0.0], [0.0, 3.0]], dtype=torch.float64)
    found = tw.CosineSimilarity(semantics=row, reduction="none")(p, T([[2.0, 0.0], [0.0, 1.0]], dtype=torch.float64))
    assert found.tolist() == pytest.approx([-1.0, -1.0], rel=1e-12)


def test_huber_averages_the_last_axis_in_the_default_row_and_none_in_torch() -> None:
    p, t = 2 * doubles(4, 3), doubles(4, 3, seed=1)
    each = F.huber_loss(p, t, reduction="none")
    found = {row: tw.Huber(semantics=row, reduction="none")(p, t) for row in ("torchweights", "torch")}
    torch.testing.assert_close(found["torchweights"], each.mean(-1), rtol=1e-14, atol=0)
    torch.testing.assert_close(found["torch"], each, rtol=1e-14, atol=0)


@OWN
@pytest.mark.parametrize("axis", [1, -1])
def test_smoothing_is_over_the_classes_wherever_they_are(row: str, axis: int) -> None:
    """As torch.nn has it, whose classes are on axis 1."""
    logits, labels = doubles(2, 5, 3).movedim(-1, axis), T([[0, 1, 2, 1, 0], [2, 2, 0, 1, 1]])
    expected = F.cross_entropy(logits.movedim(axis, 1), labels, label_smoothing=0.3, reduction="none")
    one_hot = F.one_hot(labels, 3).double().movedim(-1, axis)
    options: dict[str, Any] = {"from_logits": True, "axis": axis, "semantics": row, "reduction": "none"}
    found = tw.CategoricalCrossentropy(label_smoothing=0.3, **options)(logits, one_hot)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_a_probability_of_0_is_clipped_in_the_default_row_and_its_logarithm_in_torch() -> None:
    found = {
        row: tw.BinaryCrossentropy(from_logits=False, semantics=row)(T([[0.0]]), T([[1.0]])).item()
        for row in ("torchweights", "torch")
    }
    assert found == pytest.approx({"torchweights": -math.log(1e-7), "torch": 100.0})


@pytest.mark.parametrize("row", ["keras2.0.9", "keras2.2.4", "tf1.12"])
def test_keras_2_2_makes_logits_of_clipped_probabilities(row: str) -> None:
    """To the last bit: a logarithm of the probability itself rounds otherwise."""
    p, t = torch.rand(64, 1, generator=torch.Generator().manual_seed(0)), torch.ones(64, 1)
    found = tw.BinaryCrossentropy(semantics=row, reduction="none")(p, t)
    assert torch.equal(found, F.softplus(-(p / (1 - p)).log(), threshold=50).squeeze(-1))
    assert not torch.equal(found, -p.log().squeeze(-1))


@pytest.mark.parametrize("row", ["keras3.0-torch", "keras3.6-torch", "keras3.15", "torchweights"])
def test_keras_3_takes_the_logarithm_of_the_clipped_probability(row: str) -> None:
    p, t = torch.rand(64, 1, generator=torch.Generator().manual_seed(0)), torch.ones(64, 1)
    found = tw.BinaryCrossentropy(from_logits=False, semantics=row, reduction="none")(p, t)
    assert torch.equal(found, -p.log().squeeze(-1))


@pytest.mark.parametrize("row", ROWS)
def test_every_release_loses_the_digits_of_a_small_loss_and_the_default_row_keeps_them(row: str) -> None:
    criterion = tw.CategoricalCrossentropy(from_logits=True, axis=-1, semantics=row)
    found = criterion(T([[20.0, 0.0]]), T([[1.0, 0.0]])).item()
    assert found == pytest.approx(math.log1p(math.exp(-20)) if row == "torchweights" else 0.0, rel=1e-6)


def test_hinge_takes_labels_as_given_in_torch_and_turns_0_into_minus_1_elsewhere() -> None:
    p, t = T([[0.5], [0.25]]), T([[0.0], [1.0]])
    found = {row: tw.Hinge(semantics=row, reduction="sum")(p, t).item() for row in ("torchweights", "torch")}
    assert found == {"torchweights": 1.5 + 0.75, "torch": 1.0 + 0.75}


@OWN
def test_whether_predictions_are_logits_must_be_said(row: str) -> None:
    with pytest.raises(TypeError, match="expected from_logits, received nothing"):
        tw.BinaryCrossentropy(semantics=row)


# ------------------------------------------------------------------------------------------------------------- the weights


@OWN
def test_class_weights_meet_sample_weights_without_losing_fractions(row: str) -> None:
    found = tw.class_weight_to_sample_weights(T([0, 1]), [0.5, 2.5], sample_weight=T([3, 2]), semantics=row)
    assert (found.tolist(), found.dtype) == ([1.5, 5.0], torch.float64)


@OWN
@pytest.mark.parametrize("given", [{}, {0: 1.0, 1: 2.0}, [1.0, 2.0]], ids=repr)
def test_every_class_of_the_predictions_needs_a_weight(row: str, given: Any) -> None:
    criterion = tw.SparseCategoricalCrossentropy
    with pytest.raises(ValueError, match="class_weight expected"):
        criterion(from_logits=True, semantics=row, class_weight=given)(torch.zeros(2, 3), T([0, 1]))


@OWN
def test_a_label_that_is_no_class_is_refused(row: str) -> None:
    with pytest.raises(ValueError, match="expected labels from 0 to 1.*received 7"):
        tw.class_weight_to_sample_weights(T([0, 7]), [1.0, 2.0], semantics=row)


@pytest.mark.parametrize("row", ROWS)
def test_a_sum_of_weights_below_0_is_nothing_in_tensorflow_1_12_alone(row: str) -> None:
    values, weight = torch.ones(2, 1), T([[-3.0], [1.0]])
    bare = tw.semantics_for(row, door="loss")
    found = tw.reduce_weighted_values(values, weight, semantics=bare, reduction="mean_with_sample_weight").item()
    assert found == (0.0 if row in TENSORFLOW_1_12 else 1.0)


@pytest.mark.parametrize("row", ROWS)
def test_values_per_pixel_without_weights_are_averaged_without_a_word_but_in_tensorflow_1_12(row: str) -> None:
    said = pytest.warns(tw.KerasTrapWarning, match="summed over the batch") if row in TENSORFLOW_1_12 else nullcontext()
    with said:
        found = tw.reduce_weighted_values(torch.ones(2, 3, 4), semantics=row).item()
    assert found == (2.0 if row in TENSORFLOW_1_12 else 1.0)


@pytest.mark.parametrize("row", ["keras3.13", "keras3.15-torch"])
def test_the_newest_keras_adds_nothing_to_what_a_mask_leaves(row: str) -> None:
    values, mask = T([[3.0], [5.0]], dtype=torch.float64), T([[True], [False]])
    assert tw.reduce_weighted_values(values, mask=mask, semantics=row).item() == 3.0


@pytest.mark.parametrize("row", ROWS)
def test_a_function_that_returns_one_number_is_scaled_where_the_release_did_not_fail(row: str) -> None:
    criterion = tw.from_function(lambda y_true, y_pred: (y_pred - y_true).mean(), semantics=row)
    p, t, weight = torch.full((2, 1), 3.0), torch.zeros(2, 1), T([2.0, 2.0])
    if row in WITHOUT_SCALARS:
        with pytest.raises(ValueError, match="one number for the whole batch, at which this release fails"):
            criterion(p, t, weight)
        return
    with pytest.warns(tw.KerasTrapWarning, match="weights and masks cannot act per sample"):
        assert criterion(p, t, weight).item() == (3.0 if row == "torch" else 6.0)
