"""Any function as a criterion: weighed as the row weighs, whatever the rank of its values."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw

T = torch.tensor


def squared(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return ((y_true - y_pred) ** 2).mean(-1)


def scalar(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return ((y_true - y_pred) ** 2).mean()


def batch(shape: tuple[int, ...] = (4, 3)) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    p, t = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    return p.requires_grad_(), t


@pytest.mark.parametrize(
    "row", [name for name in tw.SEMANTICS if name not in ("torch",) and not name.startswith("tf1.13")]
)
@pytest.mark.parametrize("weight", [None, T([0.5, 2.0, 0.0, 1.0])])
@pytest.mark.parametrize("mask", [None, T([True, True, False, True])])
@pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")
def test_a_function_is_weighed_as_the_loss_it_computes(row: str, weight: Any, mask: Any) -> None:
    p, t = batch()
    own, built_in = tw.from_function(squared, semantics=row), tw.MeanSquaredError(semantics=row)
    try:
        expected = built_in(p, t, weight, mask)
    except ValueError as refused:
        with pytest.raises(ValueError, match=str(refused)[:30].replace("(", r"\(").replace(")", r"\)")):
            own(p, t, weight, mask)
        return
    found = own(p, t, weight, mask)
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=0, equal_nan=True)


def test_both_orders() -> None:
    p, t = batch()
    torch_order = tw.from_function(lambda y_pred, y_true: torch.relu(y_pred - y_true).mean(-1), order="torch")
    keras_order = tw.from_function(lambda y_true, y_pred: torch.relu(y_pred - y_true).mean(-1))
    assert torch.equal(torch_order(p, t), keras_order(p, t))


def test_values_per_pixel_meet_weights_per_pixel() -> None:
    p, t = batch((2, 3, 4, 2))
    weight = torch.rand(2, 3, 4, dtype=torch.float64)
    found = tw.from_function(squared)(p, t, weight)
    torch.testing.assert_close(found, (squared(t, p) * weight).mean(), rtol=1e-14, atol=0)


def test_what_is_left_out_does_not_show() -> None:
    p, t = batch()
    poisoned = p.detach().clone()
    poisoned[2] = torch.nan
    poisoned.requires_grad_()
    for beside in ({"sample_weight": T([0.5, 2.0, 0.0, 1.0])}, {"mask": T([True, True, False, True])}):
        loss = tw.from_function(squared)(poisoned, t, **beside)
        assert torch.equal(loss, tw.from_function(squared)(p, t, **beside))
        (gradient,) = torch.autograd.grad(loss, poisoned)
        assert torch.isfinite(gradient).all() and not gradient[2].any()


def test_a_scalar_is_scaled_and_says_so() -> None:
    p, t = batch()
    criterion, weight = tw.from_function(scalar), T([1.0, 2.0, 3.0, 4.0])
    assert torch.equal(criterion(p, t), scalar(t, p))
    tw.messages._said.clear()
    with pytest.warns(tw.KerasTrapWarning, match="cannot act per sample"):
        found = criterion(p, t, weight)
    torch.testing.assert_close(found, scalar(t, p) * 2.5, rtol=1e-14, atol=0)


@pytest.mark.parametrize("semantics", ["torchweights", "keras2.2.4", "keras3.15"])
def test_class_weights_by_targets(semantics: str) -> None:
    p, _ = batch()
    t = torch.eye(3, dtype=torch.float64)[[0, 2, 2, 1]]
    weights = {0: 1.0, 1: 5.0, 2: 0.5}
    found = tw.from_function(squared, class_weight=weights, semantics=semantics)(p, t)
    expected = tw.from_function(squared, semantics=semantics)(p, t, T([1.0, 0.5, 0.5, 5.0]))
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=0)


def test_derivatives() -> None:
    p, t = batch()
    weight = torch.rand(4, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda p, w: tw.from_function(squared)(p, t, w), [p, weight])


def test_refusals() -> None:
    p, t = batch()
    with pytest.raises(TypeError, match="fn expected a function"):
        tw.from_function("mse")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="order expected"):
        tw.from_function(squared, order="numpy")
    number = tw.from_function(lambda y_true, y_pred: 1.0)  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match="expected to return a real torch.Tensor; <lambda> returned float"):
        number(p, t)
    criterion = tw.from_function(squared)
    with pytest.raises(TypeError, match="get_config"):
        criterion.get_config()
    with pytest.raises(ValueError, match="shape is known"):
        criterion.denominator(t)
    torch.testing.assert_close(criterion(p, t, denominator=8.0), criterion(p, t) / 2)


@pytest.mark.parametrize("semantics", ["tf1.12", "tf1.14", "tf1.15"])
def test_a_scalar_with_weights_is_refused_where_the_release_failed(semantics: str) -> None:
    p, t = batch()
    with pytest.raises(ValueError, match="one number for the whole batch"):
        tw.from_function(scalar, semantics=semantics)(p, t, T([1.0, 2.0, 3.0, 4.0]))
