"""H5, H14, H15 and H16: two shape rules and no broadcast, weights from the left, what a mean divides by (P5, P14, P15, P16)."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F

import torchweights as tw

SHAPES = [
    (),
    (2,),
    (3,),
    (1, 2),
    (2, 1),
    (2, 2),
    (2, 3),
    (3, 2),
    (2, 3, 1),
    (2, 1, 3),
    (2, 2, 2),
    (2, 3, 2, 1),
    (1, 1, 1, 1),
]
REGRESSIONS = [tw.MeanSquaredError, tw.MeanAbsoluteError, tw.Huber, tw.LogCosh, tw.Poisson, tw.Hinge]


def meet(p: tuple[int, ...], t: tuple[int, ...]) -> bool:
    """The two rules: equal shapes, or one trailing 1 more or less."""
    return bool(p) and (p == t or (*p, 1) == t or p == (*t, 1))


@pytest.mark.parametrize(("p", "t"), list(itertools.product(SHAPES, SHAPES)), ids=str)
def test_nothing_broadcasts(p: tuple[int, ...], t: tuple[int, ...]) -> None:
    for kind in REGRESSIONS:
        y_pred, y_true = torch.rand(p), torch.ones(t)
        if meet(p, t):
            assert kind()(y_pred, y_true).ndim == 0
        else:
            with pytest.raises(ValueError, match=r"(y_true|y_pred) expected .*; received"):
                kind()(y_pred, y_true)


def test_torch_broadcasts() -> None:
    """The negative control."""
    with pytest.warns(UserWarning, match="broadcasting"):
        assert F.mse_loss(torch.rand(3, 1), torch.rand(3), reduction="none").shape == (3, 3)


@pytest.mark.parametrize("kind", [torch.long, torch.bool, torch.complex64], ids=str)
def test_predictions_that_are_no_real_numbers_are_refused(kind: torch.dtype) -> None:
    with pytest.raises(TypeError, match="y_pred"):
        tw.MeanSquaredError()(torch.ones(2, 3).to(kind), torch.ones(2, 3))


@pytest.mark.parametrize("steps", [2, 3, 4])
def test_weights_are_aligned_from_the_left_whatever_the_sizes(steps: int) -> None:
    """Permuting samples together with their weights changes nothing; Keras 3 fails it where N is T."""
    torch.manual_seed(0)
    p, t, w = torch.rand(3, steps, 2), torch.rand(3, steps, 2), torch.tensor([1.0, 2.0, 4.0])
    order = torch.tensor([2, 0, 1])
    for weight in (w, w[:, None]):
        found = tw.MeanSquaredError()(p[order], t[order], weight[order])
        torch.testing.assert_close(found, tw.MeanSquaredError()(p, t, weight))


def test_keras_3_fails_this() -> None:
    """The negative control: its row, recorded, weighs along time."""
    torch.manual_seed(0)
    p, t, w = torch.rand(3, 3, 2), torch.rand(3, 3, 2), torch.tensor([1.0, 2.0, 4.0])
    order = torch.tensor([2, 0, 1])
    criterion = tw.MeanSquaredError(semantics="keras3.15")
    with pytest.warns(tw.KerasTrapWarning):
        found, expected = criterion(p[order], t[order], w[order]), criterion(p, t, w)
    assert not torch.isclose(found, expected)


@pytest.mark.parametrize("shape", [(2,), (4,), (3, 4), (1, 3), (3, 2, 2)], ids=str)
def test_weights_of_any_other_shape_are_refused_with_both_readings(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError,
        match=r"sample_weight of shape .* per sample it would be \(3,\) .*, per element it would be \(3, 2\)",
    ):
        tw.MeanSquaredError()(torch.rand(3, 2, 5), torch.rand(3, 2, 5), torch.ones(shape))


P, TRUE, W = torch.rand(4, 3, dtype=torch.float64), torch.rand(4, 3, dtype=torch.float64), torch.tensor([1.0, 2.0, 0.5, 0.0], dtype=torch.float64)  # fmt: skip


def mse(reduction: str, weight: torch.Tensor, p: torch.Tensor = P, t: torch.Tensor = TRUE) -> torch.Tensor:
    return tw.MeanSquaredError(reduction=reduction)(p, t, weight)


def test_one_table_of_what_a_mean_divides_by() -> None:
    total = mse("sum", W)
    torch.testing.assert_close(mse("sum_over_batch_size", W), total / 4)
    torch.testing.assert_close(mse("mean", W), total / 4)
    torch.testing.assert_close(mse("mean_with_sample_weight", W), total / W.sum())
    torch.testing.assert_close(mse("sum_over_batch_size", 2 * W), 2 * total / 4)
    torch.testing.assert_close(mse("mean_with_sample_weight", 2 * W), total / W.sum())


def test_a_sample_of_weight_2_is_two_of_weight_1_under_the_sum() -> None:
    twice = torch.tensor([0, 1, 1, 2])
    found = mse("sum", torch.tensor([1.0, 1.0, 1.0, 0.5], dtype=torch.float64), P[twice], TRUE[twice])
    torch.testing.assert_close(found, mse("sum", W))


def test_torch_divides_by_weights_under_the_name_of_a_mean() -> None:
    """The negative control: a weight has no effect on a batch of one."""
    p, t = torch.rand(1, 3), torch.tensor([1])
    assert torch.isclose(F.cross_entropy(p, t, weight=torch.tensor([1.0, 100.0, 1.0])), F.cross_entropy(p, t))
