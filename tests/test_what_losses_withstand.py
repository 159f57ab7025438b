"""What the losses that people bring along withstand: nothing at all, everything masked, half precision, copies, compilation."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.samples import COSTS

T = torch.tensor
LABELS = T([0, 2, 1, 1])
ONE_HOT = torch.eye(3)[LABELS]


def absolute(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return (y_true - y_pred).abs().mean(-1)


by_class: dict[str, Any] = {"alpha": [0.1, 0.2, 0.3], "gamma": [0.5, 1.0, 2.0], "from_logits": True}
CASES: dict[str, tuple[Any, dict[str, Any], Tensor]] = {
    "cost matrix": (tw.WeightedCategoricalCrossentropy, {**COSTS, "from_logits": True}, LABELS),
    "cost matrix, one-hot": (tw.WeightedCategoricalCrossentropy, {**COSTS, "from_logits": True}, ONE_HOT),
    "expected cost": (tw.ExpectedCost, {**COSTS, "from_logits": True}, LABELS),
    "expected cost, log": (tw.ExpectedCost, {**COSTS, "from_logits": True, "form": "log"}, ONE_HOT),
    "weighted mse": (tw.WeightedMeanSquaredError, {"feature_weight": [1.0, 2.0, 3.0]}, ONE_HOT),
    "weighted rmse": (tw.WeightedRootMeanSquaredError, {"feature_weight": [1.0, 2.0, 3.0]}, ONE_HOT),
    "class dice": (tw.ClassDice, {"activation": "softmax", "class_weight": [1.0, 2.0, 3.0]}, LABELS),
    "class dice of a batch": (tw.ClassDice, {"activation": "softmax", "over": "batch"}, ONE_HOT),
    "class tversky of all": (tw.ClassTversky, {"activation": "sigmoid", "over": "everything"}, ONE_HOT),
    "BCE-dice": (tw.BinaryCrossentropyDice, {"from_logits": True, "class_weight": [1.0, 2.0, 3.0]}, ONE_HOT),
    "function": (tw.from_function, {"fn": absolute}, ONE_HOT),
    "focal by class": (tw.CategoricalFocalCrossentropy, by_class, ONE_HOT),
    "binary focal by label": (tw.BinaryFocalCrossentropy, {**by_class, "apply_class_balancing": True}, ONE_HOT),
}
EVERY = pytest.mark.parametrize("name", CASES)


def made(name: str, **more: Any) -> tuple[tw.WeightedLoss, Tensor, Tensor]:
    kind, options, y_true = CASES[name]
    y_pred = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    return kind(**options, **more), y_pred.requires_grad_(), y_true


@EVERY
def test_an_empty_batch_is_nothing(name: str) -> None:
    criterion, y_pred, y_true = made(name)
    loss = criterion(y_pred[:0], y_true[:0])
    loss.backward()
    assert loss.item() == 0


@EVERY
@pytest.mark.parametrize("how", ["mask", "sample_weight"])
def test_everything_left_out_is_nothing(name: str, how: str) -> None:
    criterion, y_pred, y_true = made(name)
    loss = criterion(y_pred, y_true, **{how: torch.zeros(4, dtype=torch.bool if how == "mask" else torch.float32)})
    loss.backward()
    assert y_pred.grad is not None
    assert loss.item() == 0 and not y_pred.grad.any()


@EVERY
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(name: str, dtype: torch.dtype) -> None:
    criterion, y_pred, y_true = made(name)
    half = y_pred.detach().to(dtype)
    loss = criterion(half, y_true)
    assert loss.dtype == torch.float32 and torch.equal(loss, criterion(half.float(), y_true))


@EVERY
def test_copies_and_configurations_compute_the_same(name: str) -> None:
    criterion, y_pred, y_true = made(name)
    copies = [copy.deepcopy(criterion), pickle.loads(pickle.dumps(criterion))]
    if name != "function":
        copies.append(type(criterion).from_config(json.loads(json.dumps(criterion.get_config()))))
    assert all(torch.equal(one(y_pred, y_true), criterion(y_pred, y_true)) for one in copies)


@EVERY
def test_it_compiles_into_one_graph_and_takes_func_grad(name: str) -> None:
    torch._dynamo.reset()
    criterion, y_pred, y_true = made(name, validate=False)
    weight = torch.rand(4)
    compiled = torch.compile(criterion, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(y_pred, y_true, weight), criterion(y_pred, y_true, weight))
    (expected,) = torch.autograd.grad(criterion(y_pred, y_true), y_pred)
    torch.testing.assert_close(torch.func.grad(lambda p: criterion(p, y_true))(y_pred.detach()), expected)


@pytest.mark.parametrize("kind", ["labels", "one-hot"])
def test_a_cost_matrix_of_many_classes_is_gathered(kind: str) -> None:
    """N x K x K would be 32 GB here."""
    n, k = 2048, 2000
    costs = tw.ordinal_costs(k, correct=1.0).float()
    labels = torch.arange(n) % k
    y_true = labels if kind == "labels" else torch.nn.functional.one_hot(labels, k).float()
    criterion = tw.WeightedCategoricalCrossentropy(costs, indexing="true_pred", from_logits=True)
    assert torch.isfinite(criterion(torch.randn(n, k), y_true))
