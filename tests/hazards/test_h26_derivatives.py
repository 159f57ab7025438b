"""H26: derivatives, second derivatives and forward mode are those of the value, for every loss and reduction (P26)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.hazards.catalogue import INPUTS, full, given, given_total, total, unchecked
from tests.samples import SAMPLES, Sample

T = torch.tensor
EVERY = pytest.mark.parametrize("sample", INPUTS, ids=str)
REDUCTIONS = pytest.mark.parametrize("reduction", ["mean", "sum", "mean_with_sample_weight", "none"])
#: no second derivative in torch itself
WITHOUT_SECOND = {"ctc"}
#: no forward mode in torch itself
WITHOUT_FORWARD = {"ctc"}


@EVERY
def test_first_and_second_derivatives(sample: Sample) -> None:
    y_pred, y_true = given(sample, torch.float64)
    criterion = unchecked(sample)
    forward = sample.name not in WITHOUT_FORWARD
    torch.autograd.gradcheck(
        lambda p: criterion(p, y_true), y_pred, check_forward_ad=forward, check_batched_grad=forward
    )
    if sample.name not in WITHOUT_SECOND:
        torch.autograd.gradgradcheck(lambda p: criterion(p, y_true), y_pred)


@REDUCTIONS
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_derivatives_to_predictions_are_right(sample: Sample, reduction: str) -> None:
    y_pred, y_true = sample.batch(3)
    criterion = full(sample, reduction=reduction)
    weight, mask = T([0.5, 2.0, 1.0], dtype=torch.float64), T([True, True, False])
    assert torch.autograd.gradcheck(lambda p: criterion(p, y_true, weight, mask), [y_pred], check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda p: criterion(p, y_true, weight, mask), [y_pred], fast_mode=True)


def test_derivatives_of_a_total_are_right() -> None:
    y, t = given_total(torch.float64)
    criterion = total()

    def loss(a: Tensor, b: Tensor) -> Tensor:
        return criterion({"a": a, "b": b}, t)

    assert torch.autograd.gradcheck(loss, list(y.values()), check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(loss, list(y.values()))


class _Square(torch.autograd.Function):
    """A closed form that is off by half a per mille, has one derivative, and no forward mode."""

    @staticmethod
    def forward(ctx, x):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, slope):  # type: ignore[no-untyped-def]
        return 2.001 * ctx.saved_tensors[0] * slope


@pytest.mark.negative_control
def test_a_wrong_closed_form_fails_this() -> None:
    x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        torch.autograd.gradcheck(_Square.apply, x, rtol=1e-4)
    (first,) = torch.autograd.grad(_Square.apply(x).sum(), x, create_graph=True)
    assert not first.requires_grad, "there is no second derivative"
    with pytest.raises(RuntimeError, match="setup_context|forward"):
        torch.func.jvp(_Square.apply, (x.detach(),), (torch.ones_like(x),))
