"""Every criterion under what PyTorch does to functions: nothing waits, compile, vmap, and derivatives to everything."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import Tensor, nn

import torchweights as tw
from tests.hazards.catalogue import N, full
from tests.samples import BY_NAME, KERAS_ROWS, MASK, ROWS, SAMPLES, WEIGHT, Sample, beside, gradient
from tests.watching import NothingWaits

trap = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")

T = torch.tensor
EVERY = pytest.mark.parametrize("sample", SAMPLES, ids=str)
REDUCTIONS = pytest.mark.parametrize("reduction", ["mean", "sum", "mean_with_sample_weight", "none"])


@EVERY
@pytest.mark.parametrize("semantics", ROWS)
@trap
def test_nothing_waits_for_the_device(sample: Sample, semantics: str) -> None:
    y_pred, y_true = sample.batch(N)
    criterion = full(sample, semantics=semantics)
    criterion.validate = False
    if "binary logits" in sample.name and semantics in KERAS_ROWS:
        criterion = sample.criterion(semantics=semantics, validate=False)
    if semantics.startswith("keras2.3") and sample.sparse and y_pred.ndim > 2:
        criterion.ignore_class = None  # it refuses such a mask
    with NothingWaits():
        loss = criterion(y_pred, y_true, **beside(criterion, y_pred))
        gradient(loss, y_pred)


def test_the_watch_on_waiting_can_fail() -> None:
    with pytest.raises(AssertionError, match="waits"), NothingWaits():
        tw.SparseCategoricalCrossentropy(from_logits=True, validate=True)(torch.zeros(2, 2), T([0, 1]))
    with pytest.raises(AssertionError, match="index waits"), NothingWaits():
        torch.zeros(3)[T([True, False, True])]


@pytest.mark.parametrize("name", ["mse", "mae"])
def test_regression_takes_class_weights_in_rows_of_keras(name: str) -> None:
    BY_NAME[name].criterion(semantics="keras3.15", class_weight={0: 1.0, 1: 2.0}, rest_in_eval=True)


@EVERY
def test_a_denominator_does_not_wait(sample: Sample) -> None:
    options = {"validate": False} if "validate" in inspect.signature(sample.kind).parameters else {}
    criterion = full(sample, **options)
    y_pred, y_true = sample.batch(N)
    if criterion.decomposable:
        with NothingWaits():
            d = criterion.denominator(y_true, WEIGHT, MASK, y_pred_shape=y_pred.shape)
            gradient(criterion(y_pred, y_true, WEIGHT, MASK, denominator=d + d), y_pred)


@EVERY
@pytest.mark.parametrize("validate", [False, None])
def test_a_criterion_compiles_into_one_graph(sample: Sample, validate: bool | None) -> None:
    torch._dynamo.reset()
    options = {"validate": validate} if sample.takes_class_weight else {}
    criterion = full(sample, **options)
    y_pred, y_true = sample.batch(N)
    compiled = torch.compile(criterion, fullgraph=True, backend="eager")
    found, expected = compiled(y_pred, y_true, WEIGHT, MASK), criterion(y_pred, y_true, WEIGHT, MASK)
    assert torch.equal(found, expected)
    assert torch.equal(gradient(found, y_pred), gradient(expected, y_pred))


@EVERY
@pytest.mark.parametrize("masked", [False, True])
def test_gradients_per_sample_come_out_of_vmap(sample: Sample, masked: bool) -> None:
    criterion = full(sample, reduction="sum")
    y_pred, y_true = sample.batch(N)

    def one(p: Tensor, t: Tensor, w: Tensor, m: Tensor) -> Tensor:
        return criterion(p[None], t[None], w[None], m[None] if masked else None)

    found = torch.func.vmap(torch.func.grad(one))(y_pred.detach(), y_true, WEIGHT, MASK)
    loop = [gradient(one(p, t, w, m), y_pred) for p, t, w, m in zip(y_pred, y_true, WEIGHT, MASK, strict=True)]
    torch.testing.assert_close(found, torch.stack(loop).sum(0), rtol=1e-13, atol=1e-15)


SMOOTH = [sample for sample in SAMPLES if "hinge" not in sample.name]


@REDUCTIONS
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_derivatives_to_predictions_are_right(sample: Sample, reduction: str) -> None:
    y_pred, y_true = sample.batch(3)
    criterion = full(sample, reduction=reduction)
    weight, mask = T([0.5, 2.0, 1.0], dtype=torch.float64), T([True, True, False])
    assert torch.autograd.gradcheck(lambda p: criterion(p, y_true, weight, mask), [y_pred], check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda p: criterion(p, y_true, weight, mask), [y_pred], fast_mode=True)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "mean_with_sample_weight"])
@EVERY
def test_derivatives_to_sample_weights_are_right(sample: Sample, reduction: str) -> None:
    y_pred, y_true = sample.batch(3)
    criterion = sample.criterion(reduction=reduction)
    weight = T([0.5, 2.0, 1.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: criterion(y_pred.detach(), y_true, w, T([True, True, False])), [weight])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "mean_with_sample_weight"])
def test_derivatives_to_learned_class_weights_are_right(reduction: str) -> None:
    weights = nn.Parameter(T([0.5, 2.0, 1.0], dtype=torch.float64))
    y_pred, y_true = BY_NAME["sparse logits"].batch(5)

    def loss(w: Tensor) -> Tensor:
        criterion = tw.SparseCategoricalCrossentropy(
            from_logits=True, class_weight=nn.Parameter(w.detach()), reduction=reduction
        )
        return torch.func.functional_call(criterion, {"class_weight": w}, (y_pred.detach(), y_true))

    assert torch.autograd.gradcheck(loss, [weights])


@pytest.mark.parametrize("sample", [s for s in SMOOTH if not s.sparse], ids=str)
def test_derivatives_to_soft_targets_are_right(sample: Sample) -> None:
    y_pred, y_true = sample.batch(3)
    criterion = sample.criterion(label_smoothing=0.1) if sample.takes_class_weight else sample.criterion()
    soft = (y_true * 0.8 + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda p, t: criterion(p, t, T([0.5, 2.0, 1.0])), [y_pred, soft])


@EVERY
def test_inference_mode_and_no_grad_give_the_same_value(sample: Sample) -> None:
    criterion = full(sample)
    y_pred, y_true = sample.batch(N)
    expected = criterion(y_pred, y_true, WEIGHT)
    with torch.inference_mode():
        first = criterion(y_pred, y_true, WEIGHT)
    with torch.no_grad():
        assert torch.equal(criterion(y_pred, y_true, WEIGHT), expected)
    assert torch.equal(first, expected)


def test_a_table_first_used_in_inference_mode_can_be_trained_with() -> None:
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=[1.0, 2.0])
    with torch.inference_mode():
        criterion(torch.zeros(2, 2), T([0, 1]))
    y_pred = torch.zeros(2, 2, requires_grad=True)
    assert gradient(criterion(y_pred, T([0, 1])), y_pred).isfinite().all()
