"""Regression with weights of features: the three sums, the two roots, and how they weigh."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.devices import DEVICES

T = torch.tensor
N, F = 5, 4


def batch() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    p, t = (torch.randn(N, F, generator=generator, dtype=torch.float64) for _ in range(2))
    return p.requires_grad_(), t, torch.rand(F, generator=generator, dtype=torch.float64) + 0.1


def by_hand(p: Tensor, t: Tensor, w: Tensor, error: str, over: str, root: str) -> Tensor:
    e = (p - t) ** 2 if error == "squared" else (p - t).abs()
    if over == "sample":
        total, divisor = (w * e).sum(1), w.expand(N, F).sum(1)
    else:
        total, divisor = (w * e).sum(), w.sum() * (N if over == "batch_scaled" else 1)
    if root == "of_sum":
        return (total.sqrt() / divisor).mean()
    return ((total / divisor).sqrt() if root == "of_mean" else total / divisor).mean()


KINDS: list[tuple[Any, dict[str, Any], str, str]] = [
    (tw.WeightedMeanSquaredError, {}, "squared", "none"),
    (tw.WeightedMeanAbsoluteError, {}, "absolute", "none"),
    (tw.WeightedRootMeanSquaredError, {}, "squared", "of_mean"),
    (tw.WeightedRootMeanSquaredError, {"root": "of_sum"}, "squared", "of_sum"),
]


@pytest.mark.parametrize(("kind", "options", "error", "root"), KINDS)
@pytest.mark.parametrize("over", ["sample", "batch", "batch_scaled"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("per_call", [False, True])
@pytest.mark.parametrize("device", DEVICES)
def test_every_sum_and_root(
    kind: Any, options: dict[str, Any], error: str, root: str, over: str, full: bool, per_call: bool, device: str
) -> None:
    p, t, w = batch()
    weight = (w * torch.arange(1, N + 1, dtype=torch.float64).unsqueeze(1)) if full else w
    expected = by_hand(p, t, weight, error, over, root)
    criterion = kind(None if per_call else weight, over=over, **options)
    given = {"feature_weight": weight.to(device)} if per_call else {}
    found = criterion(p.to(device), t.to(device), **given)
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-13, atol=0)
    (mine,), (theirs,) = (torch.autograd.grad(loss, p) for loss in (found, expected))
    torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("kind", "options", "error", "root"), KINDS)
@pytest.mark.parametrize("over", ["sample", "batch"])
def test_derivatives_to_predictions_and_weights(kind: Any, options: Any, error: str, root: str, over: str) -> None:
    p, t, w = batch()
    assert torch.autograd.gradcheck(
        lambda p, w: kind(over=over, **options)(p, t, feature_weight=w), [p, w.requires_grad_()]
    )
    learned = kind(torch.nn.Parameter(w.detach().clone()), over=over, **options)
    learned(p, t).backward()
    assert learned.feature_weight.grad is not None and list(learned.state_dict()) == ["feature_weight"]


def test_no_error_and_no_weight_have_gradient_zero() -> None:
    p = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    for kind, options, _, _ in KINDS:
        for weight in (torch.ones(3), torch.zeros(3)):
            loss = kind(weight, **options)(p, torch.zeros(2, 3))
            assert loss.item() == 0 and not torch.autograd.grad(loss, p)[0].any()


def test_what_weighs_nothing_does_not_show() -> None:
    p, t, _ = batch()
    w = T([1.0, 0.0, 2.0, 1.0])
    poisoned = p.detach().clone()
    poisoned[:, 1] = torch.nan
    poisoned.requires_grad_()
    criterion = tw.WeightedRootMeanSquaredError(w)
    loss = criterion(poisoned, t)
    assert torch.equal(loss, criterion(p, t))
    (gradient,) = torch.autograd.grad(loss, poisoned)
    assert torch.isfinite(gradient).all() and not gradient[:, 1].any()


def test_sample_weights_meet_the_values_of_samples_alone() -> None:
    p, t, w = batch()
    sample_weight = T([1.0, 0.0, 2.0, 1.0, 1.0])
    criterion = tw.WeightedMeanSquaredError(w)
    values = tw.WeightedMeanSquaredError(w, reduction="none")(p, t)
    torch.testing.assert_close(criterion(p, t, sample_weight), (values * sample_weight).mean(), rtol=1e-14, atol=0)
    with pytest.raises(ValueError, match="only with over='sample'"):
        tw.WeightedMeanSquaredError(w, over="batch")(p, t, sample_weight)


def test_refusals() -> None:
    p, t, w = batch()
    with pytest.raises(ValueError, match=r"feature_weight expected shape \(4,\)"):
        tw.WeightedMeanSquaredError([1.0, 2.0])(p, t)
    with pytest.raises(ValueError, match="expected once"):
        tw.WeightedMeanSquaredError(w)(p, t, feature_weight=w)
    with pytest.raises(ValueError, match="over expected"):
        tw.WeightedMeanSquaredError(over="everything")
    with pytest.raises(ValueError, match="root expected"):
        tw.WeightedRootMeanSquaredError(root="none")
    with pytest.raises(ValueError, match=r"shape \(N, F\)"):
        tw.WeightedMeanSquaredError()(p[:, 0], t[:, 0])
    with pytest.raises(TypeError, match="feature_weight expected a list"):
        tw.WeightedMeanSquaredError("ones")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="finite"):
        tw.WeightedMeanSquaredError([1.0, float("inf")])


def test_without_weights_it_is_the_plain_loss_and_its_config_builds_it_again() -> None:
    p, t, w = batch()
    torch.testing.assert_close(tw.WeightedMeanSquaredError()(p, t), tw.MeanSquaredError()(p, t), rtol=1e-14, atol=0)
    criterion = tw.WeightedRootMeanSquaredError(w, over="batch", root="of_sum")
    twin = tw.WeightedRootMeanSquaredError.from_config(criterion.get_config())
    assert torch.equal(twin(p, t), criterion(p, t)) and repr(twin) == repr(criterion)
