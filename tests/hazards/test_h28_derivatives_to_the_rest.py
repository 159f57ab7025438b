"""H28: losses are differentiable in weights, class weights, costs and soft targets as well (P28)."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import torchweights as tw
from tests.hazards.catalogue import INPUTS, built, given, given_total, total
from tests.samples import BY_NAME, SAMPLES, Sample

T = torch.tensor
SMOOTH = [sample for sample in SAMPLES if "hinge" not in sample.name]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "mean_with_sample_weight"])
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_derivatives_to_sample_weights_are_right(sample: Sample, reduction: str) -> None:
    y_pred, y_true = sample.batch(3)
    criterion = built(sample, reduction=reduction)
    weight = T([0.5, 2.0, 1.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: criterion(y_pred.detach(), y_true, w, T([True, True, False])), [weight])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "mean_with_sample_weight"])
def test_derivatives_to_learned_class_weights_are_right(reduction: str) -> None:
    weights = nn.Parameter(T([0.5, 2.0, 1.0], dtype=torch.float64))
    y_pred, y_true = BY_NAME["sparse logits"].batch(5)

    def loss(w: Tensor) -> Tensor:
        criterion = built(
            tw.SparseCategoricalCrossentropy,
            from_logits=True,
            class_weight=nn.Parameter(w.detach()),
            reduction=reduction,
        )
        return torch.func.functional_call(criterion, {"class_weight": w}, (y_pred.detach(), y_true))

    assert torch.autograd.gradcheck(loss, [weights])


@pytest.mark.parametrize("sample", [s for s in SMOOTH if not s.sparse], ids=str)
def test_derivatives_to_soft_targets_are_right(sample: Sample) -> None:
    y_pred, y_true = sample.batch(3)
    criterion = built(sample, label_smoothing=0.1) if sample.takes_class_weight else built(sample)
    soft = (y_true * 0.8 + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda p, t: criterion(p, t, T([0.5, 2.0, 1.0])), [y_pred, soft])


def test_derivatives_to_weights_and_costs() -> None:
    p, t = torch.rand(3, 3, dtype=torch.float64), torch.tensor([0, 1, 2])
    weight = torch.rand(3, dtype=torch.float64, requires_grad=True)
    for reduction in ("mean", "mean_with_sample_weight", "sum"):
        criterion = built(tw.SparseCategoricalCrossentropy, from_logits=True, reduction=reduction)
        torch.autograd.gradcheck(lambda w, c=criterion: c(p, t, w), weight)
    costs = nn.Parameter(torch.rand(3, 3, dtype=torch.float64))
    criterion = built(tw.ExpectedCost, costs, indexing="true_pred", from_logits=True)
    (found,) = torch.autograd.grad(criterion(p, t), costs)
    torch.testing.assert_close(found, p.softmax(-1) / 3)


COSTED = [one for one in INPUTS if "cost_matrix" in one.options]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("sample", COSTED, ids=str)
def test_derivatives_to_learned_costs_are_right(sample: Sample, reduction: str) -> None:
    y_pred, y_true = given(sample, torch.float64)
    costs = nn.Parameter(T(sample.options["cost_matrix"], dtype=torch.float64))
    criterion = built(sample, cost_matrix=costs, reduction=reduction)

    def loss(c: Tensor) -> Tensor:
        return torch.func.functional_call(criterion, {"cost_matrix": c}, (y_pred.detach(), y_true))

    assert torch.autograd.gradcheck(loss, [costs])


WEIGHED = [one for one in SAMPLES if one.takes_class_weight and one.shape == (3,)]


@pytest.mark.parametrize("sample", WEIGHED, ids=str)
def test_every_loss_that_takes_class_weights_can_learn_them(sample: Sample) -> None:
    table = nn.Parameter(T([0.5, 2.0, 1.0], dtype=torch.float64))
    y_pred, y_true = given(sample, torch.float64)
    criterion = built(sample, class_weight=table)

    def loss(w: Tensor) -> Tensor:
        return torch.func.functional_call(criterion, {"class_weight": w}, (y_pred.detach(), y_true))

    assert torch.autograd.gradcheck(loss, [table])


def test_derivatives_of_a_total_to_its_weights_are_right() -> None:
    y, t = given_total(torch.float64)
    outputs = {"a": built(tw.MeanSquaredError), "b": built(BY_NAME["sparse logits"])}
    learned = nn.Parameter(T([1.0, 0.25], dtype=torch.float64))
    criterion = built(tw.CompiledLoss, outputs, loss_weights=learned)
    fixed = {name: one.detach() for name, one in y.items()}

    def of_loss_weights(w: Tensor) -> Tensor:
        return torch.func.functional_call(criterion, {"loss_weights": w}, (fixed, t))

    def of_sample_weights(a: Tensor, b: Tensor) -> Tensor:
        return total()(fixed, t, {"a": a, "b": b})

    assert torch.autograd.gradcheck(of_loss_weights, [learned])
    weights = [T([0.5, 2.0, 1.0, 0.25], dtype=torch.float64, requires_grad=True) for _ in "ab"]
    assert torch.autograd.gradcheck(of_sample_weights, weights)


@pytest.mark.negative_control
def test_torch_refuses_learned_weights() -> None:
    weight = torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError):
        F.cross_entropy(torch.rand(2, 3), torch.tensor([0, 1]), weight=weight).backward()
