"""H23 to H28: no waiting, few graphs, export, derivatives of every kind to everything (P23 to P28)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch._dynamo.testing import CompileCounter

import torchweights as tw
from tests.hazards.catalogue import INPUTS, given, given_total, slope, total, unchecked
from tests.samples import Sample
from tests.watching import NothingWaits

#: no second derivative in torch itself
WITHOUT_SECOND = {"ctc"}
#: no forward mode in torch itself
WITHOUT_FORWARD = {"ctc"}
EVERY = pytest.mark.parametrize("sample", INPUTS, ids=str)


@EVERY
def test_nothing_waits_forward_or_backward(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    criterion = unchecked(sample)
    with NothingWaits():
        slope(criterion(y_pred, y_true), y_pred)


def test_a_total_waits_for_nothing() -> None:
    criterion, (y, t) = total(), given_total()
    for one in criterion.losses:
        one.validate = False
    with NothingWaits():
        found = torch.autograd.grad(criterion(y, t), list(y.values()))
    assert all(one.any() for one in found)


def test_what_waits_fails_this() -> None:
    """The negative control."""
    with pytest.raises(AssertionError, match="waits"), NothingWaits():
        F.gaussian_nll_loss(torch.ones(2), torch.ones(2), torch.ones(2))


@pytest.mark.parametrize("sample", [one for one in INPUTS if one.name not in ("ctc", "function")], ids=str)
def test_at_most_two_graphs_for_any_batch_size(sample: Sample) -> None:
    torch._dynamo.reset()
    counter = CompileCounter()
    compiled = torch.compile(unchecked(sample), backend=counter, fullgraph=True)
    y_pred, y_true = given(sample)
    for size in (4, 3, 2):
        compiled(y_pred.detach()[:size], y_true[:size])
    for times in (2, 3, 4):
        compiled(torch.cat([y_pred.detach()] * times), torch.cat([y_true] * times))
    assert counter.frame_count <= 2


def test_weights_that_change_compile_nothing() -> None:
    torch._dynamo.reset()
    counter = CompileCounter()
    criterion = total()
    compiled = torch.compile(criterion, backend=counter)
    y, t = given_total()
    compiled(y, t)
    before = counter.frame_count
    for weight in (0.1, 0.7, 3.0):
        criterion.set_loss_weights({"a": [1.0, weight], "b": 0.25})
        torch.testing.assert_close(compiled(y, t), criterion(y, t))
    assert counter.frame_count == before


def test_a_python_number_that_changes_fails_this() -> None:
    """The negative control."""
    torch._dynamo.reset()
    counter = CompileCounter()

    class Plain(nn.Module):
        weight = 1.0

        def forward(self, p: Any) -> Any:
            return p * self.weight

    plain = Plain()
    compiled = torch.compile(plain, backend=counter)
    for weight in (1.0, 2.0, 3.0):
        plain.weight = weight
        compiled(torch.ones(2))
    assert counter.frame_count > 1


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("sample", [one for one in INPUTS if one.name not in ("ctc", "function", "circle")], ids=str)
def test_exported_with_any_batch_size(sample: Sample, strict: bool) -> None:
    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.criterion = unchecked(sample)

        def forward(self, y_pred: Any, y_true: Any) -> Any:
            return self.criterion(y_pred, y_true)

    y_pred, y_true = given(sample)
    size = torch.export.Dim("size", min=2, max=64)
    program = torch.export.export(
        Step(), (y_pred.detach(), y_true), dynamic_shapes=({0: size}, {0: size}), strict=strict
    )
    p, t = torch.cat([y_pred.detach()] * 2), torch.cat([y_true] * 2)
    torch.testing.assert_close(program.module()(p, t), unchecked(sample)(p, t), rtol=1e-6, atol=1e-7)


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


def test_derivatives_to_weights_and_costs() -> None:
    p, t = torch.rand(3, 3, dtype=torch.float64), torch.tensor([0, 1, 2])
    weight = torch.rand(3, dtype=torch.float64, requires_grad=True)
    for reduction in ("mean", "mean_with_sample_weight", "sum"):
        criterion = tw.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
        torch.autograd.gradcheck(lambda w, c=criterion: c(p, t, w), weight)
    costs = nn.Parameter(torch.rand(3, 3, dtype=torch.float64))
    criterion = tw.ExpectedCost(costs, indexing="true_pred", from_logits=True)
    (found,) = torch.autograd.grad(criterion(p, t), costs)
    torch.testing.assert_close(found, p.softmax(-1) / 3)


def test_torch_refuses_learned_weights() -> None:
    """The negative control."""
    weight = torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError):
        F.cross_entropy(torch.rand(2, 3), torch.tensor([0, 1]), weight=weight).backward()
