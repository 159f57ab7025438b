"""H15: weights meet samples from the left: to permute a batch with its weights changes nothing, whatever its sizes (P15)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.hazards.catalogue import PER_SAMPLE, N, built, given, given_total, slope, total
from tests.samples import Sample

ORDER = torch.tensor([2, 0, 3, 1])
PER_BATCH = torch.tensor([0.5, 2.0, 0.25, 1.0])


def weights_of(values: Tensor) -> list[Tensor]:
    """Weights of every shape that values of this shape take."""
    one_axis_each = [PER_BATCH.reshape(N, *[1] * axes) for axes in range(values.ndim)]
    return [*one_axis_each, (1 + torch.arange(values.numel()) % 5).reshape(values.shape) / 4]


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight", "sum", "none"])
@pytest.mark.parametrize("sample", PER_SAMPLE, ids=str)
def test_a_permuted_batch_has_the_same_loss(sample: Sample, reduction: str) -> None:
    y_pred, y_true = given(sample, torch.float64)
    criterion = built(sample, reduction=reduction)
    for weight in weights_of(built(sample, reduction="none")(y_pred, y_true)):
        loss, permuted = criterion(y_pred, y_true, weight), criterion(y_pred[ORDER], y_true[ORDER], weight[ORDER])
        torch.testing.assert_close(permuted, loss[ORDER] if loss.ndim else loss, rtol=1e-13, atol=1e-15)
        torch.testing.assert_close(slope(permuted, y_pred), slope(loss, y_pred), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("sample", PER_SAMPLE, ids=str)
def test_each_weight_scales_the_values_of_its_sample(sample: Sample) -> None:
    y_pred, y_true = given(sample, torch.float64)
    criterion = built(sample, reduction="none")
    values = criterion(y_pred, y_true)
    for weight in weights_of(values):
        expected = values * weight.double().reshape(*weight.shape, *[1] * (values.ndim - weight.ndim))
        torch.testing.assert_close(criterion(y_pred, y_true, weight), expected, rtol=1e-13, atol=1e-15)


def test_a_permuted_total_has_the_same_loss() -> None:
    y, t = given_total(torch.float64)
    weight = {"a": PER_BATCH, "b": PER_BATCH[:, None]}
    moved = [{name: one[ORDER] for name, one in given.items()} for given in (y, t, weight)]
    torch.testing.assert_close(total()(*moved), total()(y, t, weight), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("steps", [2, 3, 4])
def test_weights_are_aligned_from_the_left_whatever_the_sizes(steps: int) -> None:
    """Permuting samples together with their weights changes nothing; Keras 3 fails it where N is T."""
    torch.manual_seed(0)
    p, t, w = torch.rand(3, steps, 2), torch.rand(3, steps, 2), torch.tensor([1.0, 2.0, 4.0])
    order = torch.tensor([2, 0, 1])
    for weight in (w, w[:, None]):
        found = built(tw.MeanSquaredError)(p[order], t[order], weight[order])
        torch.testing.assert_close(found, built(tw.MeanSquaredError)(p, t, weight))


@pytest.mark.parametrize("shape", [(2,), (4,), (3, 4), (1, 3), (3, 2, 2)], ids=str)
def test_weights_of_any_other_shape_are_refused_with_both_readings(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError,
        match=r"sample_weight .*\(3,\),? .*\(3, 2\)",
    ):
        built(tw.MeanSquaredError)(torch.rand(3, 2, 5), torch.rand(3, 2, 5), torch.ones(shape))


@pytest.mark.negative_control
def test_keras_3_fails_this() -> None:
    """Its row, recorded, weighs along time where there are as many steps as samples."""
    torch.manual_seed(0)
    p, t, w = torch.rand(3, 3, 2), torch.rand(3, 3, 2), torch.tensor([1.0, 2.0, 4.0])
    order = torch.tensor([2, 0, 1])
    criterion = built(tw.MeanSquaredError, semantics="keras3.15")
    with pytest.warns(tw.KerasTrapWarning):
        found, expected = criterion(p[order], t[order], w[order]), criterion(p, t, w)
    assert not torch.isclose(found, expected)
