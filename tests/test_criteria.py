"""Questions that every criterion is asked: copies, text, casts, devices, autocast, layouts, waits, compile, vmap, derivatives."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import torchweights as tw
from tests.devices import DEVICES
from tests.samples import BY_NAME, KERAS_ROWS, ROWS, SAMPLES, Sample, beside, full_options, gradient

T = torch.tensor
N = 4
EVERY = pytest.mark.parametrize("sample", SAMPLES, ids=str)
trap = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")


def full(sample: Sample, **more: Any) -> tw.WeightedLoss:
    """The criterion with everything on that this loss takes."""
    return sample.criterion(**full_options(sample, **more))


def loss_and_gradient(criterion: tw.WeightedLoss, y_pred: Tensor, y_true: Tensor) -> tuple[Tensor, Tensor]:
    loss = criterion(y_pred, y_true, **beside(criterion, y_pred))
    return loss.detach(), gradient(loss, y_pred)


def assert_same(one: tw.WeightedLoss, other: tw.WeightedLoss, sample: Sample) -> None:
    assert type(one) is type(other)
    assert repr(one) == repr(other)
    for ours, theirs in zip(
        loss_and_gradient(one, *sample.batch(N)), loss_and_gradient(other, *sample.batch(N)), strict=True
    ):
        assert torch.equal(ours, theirs)


# ------------------------------------------------------------------------------------------------------------ copies and text


@EVERY
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@trap
def test_a_pickled_criterion_is_the_same(sample: Sample, protocol: int) -> None:
    criterion = full(sample, semantics="tf1.15")
    loss_and_gradient(criterion, *sample.batch(N))
    assert_same(pickle.loads(pickle.dumps(criterion, protocol)), criterion, sample)


@EVERY
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_after_a_backward_is_the_same(sample: Sample, duplicate: Any) -> None:
    criterion = full(sample).eval()
    loss_and_gradient(criterion, *sample.batch(N))
    assert_same(duplicate(criterion), criterion, sample)
    assert not duplicate(criterion).training


@EVERY
@pytest.mark.parametrize("semantics", [None, "keras3.15", "torch"])
@trap
def test_a_criterion_survives_json(sample: Sample, semantics: str | None) -> None:
    criterion = full(sample, **({} if semantics is None else {"semantics": semantics}))
    assert_same(type(criterion).from_config(json.loads(json.dumps(criterion.get_config()))), criterion, sample)


@EVERY
@pytest.mark.parametrize("semantics", [None, "keras3.15", "torch"])
@trap
def test_a_criterion_prints_as_it_is_built(sample: Sample, semantics: str | None) -> None:
    criterion = full(sample, **({} if semantics is None else {"semantics": semantics}))
    assert_same(eval(repr(criterion), {name: getattr(tw, name) for name in dir(tw)}), criterion, sample)
    assert "semantics=" not in repr(full(sample))


CLASS_WEIGHTS: list[Any] = [
    [1.0, 2.0, 0.1], (1.0, 2.0, 0.1), {0: 1.0, 1: 2.0, 2: 0.1},
    pytest.param({0: 1, 1: 2, 2: 3}, id="integers"),
    pytest.param({np.int64(0): 1.0, np.int64(1): 2.0, np.int64(2): 3.0}, id="numpy keys"),
    pytest.param(T([1.0, 2.0, 0.1]), id="tensor"),
    pytest.param(nn.Parameter(T([1.0, 2.0, 0.1])), id="parameter"),
]  # fmt: skip


@pytest.mark.parametrize("given", CLASS_WEIGHTS, ids=repr)
def test_every_kind_of_class_weight_survives_json(given: Any) -> None:
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=given)
    back = type(criterion).from_config(json.loads(json.dumps(criterion.get_config())))
    assert repr(back).replace("(", "[").replace(")", "]") == repr(criterion).replace("(", "[").replace(")", "]")
    assert len(list(back.parameters())) == len(list(criterion.parameters()))
    labels = T([0, 1, 2])
    assert torch.equal(back(torch.zeros(3, 3), labels), criterion(torch.zeros(3, 3), labels))


@pytest.mark.parametrize(
    "given",
    [
        [1.0, 2.0], {0: 1.0, 1: 2.0}, T([1.0, 2.0]),
        pytest.param({0: np.float32(1), 1: np.float32(2)}, id="numpy"),
        pytest.param(T([1e-8, 1 / 3], dtype=torch.float64), id="float64 tensor"),
        pytest.param(nn.Parameter(T([1.0, 2.0])), id="parameter"),
    ],
    ids=repr,
)  # fmt: skip
def test_every_kind_of_class_weight_prints_as_it_is_built(given: Any) -> None:
    criterion = tw.CategoricalCrossentropy(from_logits=True, class_weight=given)
    names = {
        **{name: getattr(tw, name) for name in dir(tw)},
        "tensor": torch.tensor,
        "torch": torch,
        "Parameter": nn.Parameter,
    }
    back = eval(repr(criterion), names)
    p, t = torch.zeros(2, 2, dtype=torch.float64), torch.eye(2)
    assert repr(back) == repr(criterion)
    assert torch.equal(back(p, t), criterion(p, t))


def test_a_bare_loss_object_survives_copies_and_text() -> None:
    criterion = tw.MeanSquaredError(semantics=tw.semantics_for("tensorflow==2.2.0", door="loss"))
    for back in (
        pickle.loads(pickle.dumps(criterion)),
        copy.deepcopy(criterion),
        tw.MeanSquaredError.from_config(criterion.get_config()),
    ):
        assert back.semantics == criterion.semantics
    assert repr(criterion) == "MeanSquaredError(semantics='tf2.2:loss')"


# ---------------------------------------------------------------------------------------------------------- casts and devices


def test_casting_never_rounds_the_weights() -> None:
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=[1e-8, 1 / 3, 1e5])
    exact = [b.clone() for b in criterion.buffers()]
    for cast in ("half", "bfloat16", "float", "double"):
        criterion = getattr(criterion, cast)()
        assert all(torch.equal(now, then) for now, then in zip(criterion.buffers(), exact, strict=True)), cast
    again = pickle.loads(pickle.dumps(copy.deepcopy(criterion.half())))
    assert all(torch.equal(now, then) for now, then in zip(again.buffers(), exact, strict=True))


@EVERY
@pytest.mark.parametrize("semantics", ROWS)
@pytest.mark.parametrize("device", ["meta", *DEVICES[1:]])
@trap
def test_weights_follow_the_predictions_to_another_device(sample: Sample, semantics: str, device: str) -> None:
    y_pred, y_true = (tensor.to(device) for tensor in sample.batch(N))
    ignored = {"ignore_class": None} if sample.sparse and semantics.startswith("keras2.3") else {}
    criterion = full(sample, semantics=semantics, **ignored)
    given = {
        name: tensor.cpu()
        for name, tensor in beside(criterion, sample.batch(N)[0]).items()
        if semantics != "torch" or name != "mask"
    }
    loss = criterion(y_pred, y_true, **given)
    assert loss.device.type == device
    assert gradient(loss, y_pred).device.type == device


@EVERY
@pytest.mark.parametrize("device", DEVICES[1:])
def test_the_other_device_computes_the_same(sample: Sample, device: str) -> None:
    criterion = full(sample)
    expected = loss_and_gradient(criterion, *sample.batch(N))
    moved = sample.batch(N, device=device)
    for ours, theirs in zip(loss_and_gradient(criterion, *moved), expected, strict=True):
        torch.testing.assert_close(ours.cpu(), theirs, rtol=1e-13, atol=1e-15)


@EVERY
@pytest.mark.parametrize("semantics", ["torchweights", *KERAS_ROWS])
@trap
def test_the_default_device_does_not_matter(sample: Sample, semantics: str) -> None:
    y_pred, y_true = sample.batch(N)
    criterion = sample.criterion(semantics=semantics)
    expected = criterion(y_pred, y_true)
    with torch.device("meta"):
        assert torch.equal(sample.criterion(semantics=semantics)(y_pred, y_true), expected)
        assert gradient(criterion(y_pred, y_true, None), y_pred).device.type == "cpu"


def test_a_criterion_with_weights_can_be_built_under_another_default_device() -> None:
    with torch.device("meta"):
        criterion = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=[1.0, 3.0])
    assert criterion(torch.zeros(2, 2), T([0, 1])).item() == pytest.approx(1.3862944)


@EVERY
def test_the_default_dtype_does_not_matter(sample: Sample) -> None:
    y_pred, y_true = sample.batch(N, dtype=torch.float32)
    expected = loss_and_gradient(full(sample), y_pred, y_true)
    torch.set_default_dtype(torch.float64)
    try:
        found = loss_and_gradient(full(sample), y_pred, y_true)
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(
        ours.dtype == torch.float32 and torch.equal(ours, theirs) for ours, theirs in zip(found, expected, strict=True)
    )


@EVERY
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast_changes_no_bit(sample: Sample, dtype: torch.dtype, device: str) -> None:
    y_pred, y_true = sample.batch(N, dtype=dtype, device=device)
    expected = loss_and_gradient(full(sample), y_pred, y_true)
    with torch.autocast(device, dtype=torch.bfloat16):
        found = loss_and_gradient(full(sample), y_pred, y_true)
    assert all(
        ours.dtype == theirs.dtype and torch.equal(ours, theirs) for ours, theirs in zip(found, expected, strict=True)
    )


# ------------------------------------------------------------------------------------------------------------------- layouts


def step_2(tensor: Tensor) -> Tensor:
    return torch.stack([tensor, tensor], -1).flatten(-2)[..., ::2]


def from_the_back(tensor: Tensor) -> Tensor:
    return tensor.permute(*range(tensor.ndim)[::-1]).contiguous().permute(*range(tensor.ndim)[::-1])


def shifted(tensor: Tensor) -> Tensor:
    return torch.cat([tensor[:1], tensor])[1:]


@EVERY
@pytest.mark.parametrize("layout", [step_2, from_the_back, shifted])
def test_the_layout_does_not_matter(sample: Sample, layout: Any) -> None:
    y_pred, y_true = sample.batch(N)
    expected = loss_and_gradient(full(sample), y_pred, y_true)
    moved = layout(y_pred.detach()).requires_grad_()
    for ours, theirs in zip(loss_and_gradient(full(sample), moved, layout(y_true)), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-15, atol=1e-16)


@EVERY
def test_expanded_tensors_are_read_as_what_they_show(sample: Sample) -> None:
    y_pred, y_true = (tensor.detach()[:1] for tensor in sample.batch(N))
    wide = [tensor.expand(N, *tensor.shape[1:]) for tensor in (y_pred, y_true)]
    dense = [tensor.contiguous() for tensor in wide]
    assert torch.equal(full(sample)(*wide, T(2.0).expand(N)), full(sample)(*dense, T([2.0] * N)))


@pytest.mark.parametrize("name", ["categorical logits per pixel", "sparse logits per pixel"])
def test_channels_last_does_not_matter(name: str) -> None:
    sample = BY_NAME[name]
    y_pred, y_true = sample.batch(N)
    moved = y_pred.detach().to(memory_format=torch.channels_last).requires_grad_()
    torch.testing.assert_close(
        gradient(full(sample)(moved, y_true), moved),
        gradient(full(sample)(y_pred, y_true), y_pred),
        rtol=1e-15,
        atol=1e-16,
    )
