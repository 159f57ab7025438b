"""Every formula against an independent numpy reference, its derivatives, its precision, its axes and its refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.devices import DEVICES
from torchweights import functional as F

EPS = 1e-7
Array = Any


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def _log_softmax(z: Array, axis: int) -> Array:
    return z - np.log(np.exp(z).sum(axis, keepdims=True))


def _clip(p: Array) -> Array:
    return np.clip(p, EPS, 1 - EPS)


def _two(y: Array, q: Array, one_minus_q: Array) -> Array:
    return -(y * np.log(q) + (1 - y) * np.log(one_minus_q))


def _at(log_p: Array, labels: Array) -> Array:
    return -np.take_along_axis(log_p, labels[..., None], -1)[..., 0]


def _smooth(y: Array, a: float, classes: int) -> Array:
    return y * (1 - a) + a / classes


RNG = np.random.default_rng(0)
Z, Y = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))
P = RNG.uniform(0.02, 0.98, size=(3, 4))
BITS, SOFT = RNG.integers(0, 2, size=(3, 4)).astype(float), RNG.dirichlet(np.ones(4), size=3)
LABELS = np.array([3, 0, 1])
Q = P / P.sum(-1, keepdims=True)
SATURATED = np.array([[0.0, 1.0, 1e-6, 0.5]] * 3)

CASES: dict[str, tuple[Callable[..., Tensor], dict[str, Any], Array, Array, Array]] = {
    "mse": (F.mean_squared_error, {}, Z, Y, ((Z - Y) ** 2).mean(-1)),
    "mae": (F.mean_absolute_error, {}, Z, Y, np.abs(Z - Y).mean(-1)),
    "hinge": (F.hinge, {}, Z, 2 * BITS - 1, np.maximum(1 - (2 * BITS - 1) * Z, 0).mean(-1)),
    "squared hinge": (F.squared_hinge, {}, Z, 2 * BITS - 1, (np.maximum(1 - (2 * BITS - 1) * Z, 0) ** 2).mean(-1)),
    "binary, clip": (F.binary_crossentropy, {}, P, BITS, _two(BITS, _clip(P), 1 - _clip(P)).mean(-1)),
    "binary, clip, saturated": (F.binary_crossentropy, {}, SATURATED, BITS, _two(BITS, _clip(SATURATED), 1 - _clip(SATURATED)).mean(-1)),
    "binary, clip, add": (F.binary_crossentropy, {"form": "clip, add"}, SATURATED, BITS, _two(BITS, _clip(SATURATED) + EPS, 1 - _clip(SATURATED) + EPS).mean(-1)),
    "binary, clip, logits": (F.binary_crossentropy, {"form": "clip, logits"}, P, BITS, _two(BITS, P, 1 - P).mean(-1)),
    "binary, clamp log": (F.binary_crossentropy, {"form": "clamp log"}, P, BITS, _two(BITS, P, 1 - P).mean(-1)),
    "binary logits": (F.binary_crossentropy, {"from_logits": True}, Z, BITS, _two(BITS, _sigmoid(Z), _sigmoid(-Z)).mean(-1)),
    "binary, smooth": (F.binary_crossentropy, {"label_smoothing": 0.2}, P, BITS, _two(_smooth(BITS, 0.2, 2), P, 1 - P).mean(-1)),
    "binary, epsilon": (F.binary_crossentropy, {"epsilon": 0.1}, SATURATED, BITS, _two(BITS, np.clip(SATURATED, 0.1, 0.9), 1 - np.clip(SATURATED, 0.1, 0.9)).mean(-1)),
    "categorical": (F.categorical_crossentropy, {}, P, SOFT, -(SOFT * np.log(Q)).sum(-1)),
    "categorical, saturated": (F.categorical_crossentropy, {}, SATURATED, SOFT, -(SOFT * np.log(_clip(SATURATED / SATURATED.sum(-1, keepdims=True)))).sum(-1)),
    "categorical logits": (F.categorical_crossentropy, {"from_logits": True}, Z, SOFT, -(SOFT * _log_softmax(Z, -1)).sum(-1)),
    "categorical, smooth": (F.categorical_crossentropy, {"label_smoothing": 0.1}, P, SOFT, -(_smooth(SOFT, 0.1, 4) * np.log(Q)).sum(-1)),
    "categorical, smooth by another axis": (
        F.categorical_crossentropy, {"label_smoothing": 0.1, "smoothing_classes": 7}, P, SOFT, -(_smooth(SOFT, 0.1, 7) * np.log(Q)).sum(-1),
    ),
    "sparse, clip first": (F.sparse_categorical_crossentropy, {}, SATURATED, LABELS, _at(np.log(_clip(SATURATED) / _clip(SATURATED).sum(-1, keepdims=True)), LABELS)),
    "sparse, normalise first": (
        F.sparse_categorical_crossentropy, {"form": "normalise first"}, SATURATED, LABELS, _at(np.log(_clip(SATURATED / SATURATED.sum(-1, keepdims=True))), LABELS),
    ),
    "sparse logits": (F.sparse_categorical_crossentropy, {"from_logits": True}, Z, LABELS, _at(_log_softmax(Z, -1), LABELS)),
    "sparse, smooth": (
        F.sparse_categorical_crossentropy, {"from_logits": True, "label_smoothing": 0.3}, Z, LABELS,
        -(_smooth(np.eye(4)[LABELS], 0.3, 4) * _log_softmax(Z, -1)).sum(-1),
    ),
}  # fmt: skip
EVERY = pytest.mark.parametrize("name", CASES)
DIFFERENTIABLE = [name for name in CASES if "saturated" not in name and CASES[name][2] is not SATURATED]


def tensors(
    name: str, dtype: torch.dtype = torch.float64, device: str = "cpu"
) -> tuple[Callable[..., Tensor], Tensor, Tensor]:
    function, options, y_pred, y_true, _ = CASES[name]
    target = torch.from_numpy(y_true).to(device)
    target = target.to(dtype) if target.is_floating_point() else target
    return (
        lambda p, t, **more: function(p, t, **{**options, **more}),
        torch.from_numpy(y_pred).to(device, dtype),
        target,
    )


@EVERY
@pytest.mark.parametrize("device", DEVICES)
def test_a_formula_is_what_its_reference_says(name: str, device: str) -> None:
    function, y_pred, y_true = tensors(name, device=device)
    np.testing.assert_allclose(function(y_pred, y_true).cpu().numpy(), CASES[name][4], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_first_and_second_derivatives_are_right(name: str) -> None:
    function, y_pred, y_true = tensors(name)
    if y_true.is_floating_point() and "hinge" not in name:
        inputs: tuple[Tensor, ...] = (y_pred.requires_grad_(), y_true.requires_grad_())
        call = function
    else:
        inputs, call = (y_pred.requires_grad_(),), lambda p: function(p, y_true)
    assert torch.autograd.gradcheck(call, inputs, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(call, inputs)


@EVERY
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32_bit_for_bit(name: str, dtype: torch.dtype) -> None:
    function, y_pred, y_true = tensors(name, dtype)
    found = function(y_pred, y_true)
    upcast = function(y_pred.float(), y_true.float() if y_true.is_floating_point() else y_true)
    assert found.dtype == torch.float32
    assert torch.equal(found.nan_to_num(), upcast.nan_to_num())


@EVERY
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_single_and_double_keep_their_precision(name: str, dtype: torch.dtype) -> None:
    function, y_pred, y_true = tensors(name, dtype)
    assert function(y_pred, y_true).dtype == dtype
    # Targets of another precision never change that of the predictions.
    assert function(y_pred, y_true.double() if y_true.is_floating_point() else y_true.int()).dtype == dtype


@EVERY
@pytest.mark.parametrize("axis", [0, 1, -2, -1])
def test_the_axis_may_be_anywhere(name: str, axis: int) -> None:
    function, y_pred, y_true = tensors(name)
    wide = torch.stack([y_pred, y_pred.flip(0)]).movedim(-1, axis)
    target = torch.stack([y_true, y_true.flip(0)])
    target = target.movedim(-1, axis) if y_true.ndim == 2 else target
    expected = torch.stack([function(y_pred, y_true), function(y_pred.flip(0), y_true.flip(0))])
    torch.testing.assert_close(function(wide, target, axis=axis), expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", [n for n in CASES if n.startswith(("m", "hinge", "squared", "binary"))])
def test_no_axis_leaves_a_value_per_element(name: str) -> None:
    function, y_pred, y_true = tensors(name)
    values = function(y_pred, y_true, axis=())
    assert values.shape == y_pred.shape
    torch.testing.assert_close(values.mean(-1), function(y_pred, y_true))
    torch.testing.assert_close(function(y_pred, y_true, axis=(0, 1)), values.mean())


@pytest.mark.parametrize("label", [-(2**63), -101, -1, 4, 5, 2**63 - 1])
@pytest.mark.parametrize("name", [n for n in CASES if n.startswith("sparse")])
def test_a_label_out_of_range_is_nan_for_its_row_alone(name: str, label: int) -> None:
    function, y_pred, y_true = tensors(name)
    clean, bad = function(y_pred, y_true), y_true.clone()
    bad[1] = label
    found = function(y_pred, bad)
    assert found[1].isnan()
    assert torch.equal(found[[0, 2]], clean[[0, 2]])


@pytest.mark.parametrize("kind", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_every_integer_kind_of_labels_is_the_same(kind: torch.dtype) -> None:
    function, y_pred, y_true = tensors("sparse logits")
    assert torch.equal(function(y_pred, y_true.to(kind)), function(y_pred, y_true))


@pytest.mark.parametrize("z", [0.0, 1e-45, -1e-8, 20.0, -90.0, 1e4, -1e4, 3e38, -3e38])
@pytest.mark.parametrize("y", [0.0, 0.5, 1.0])
def test_binary_logits_of_any_size_have_a_finite_gradient_of_sigmoid_minus_label(z: float, y: float) -> None:
    logits = torch.tensor([z], requires_grad=True)
    loss = F.binary_crossentropy(logits, torch.tensor([y]), from_logits=True)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss.isfinite()
    torch.testing.assert_close(gradient, torch.sigmoid(logits.detach()) - y, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("offset", [0.0, 1e4, -1e8])
def test_class_logits_do_not_mind_a_common_offset(offset: float) -> None:
    logits, labels = torch.tensor([[1.0, 2.0, 4.0]], dtype=torch.float64), torch.tensor([1])
    for function, target in (
        (F.sparse_categorical_crossentropy, labels),
        (F.categorical_crossentropy, torch.eye(3)[labels]),
    ):
        torch.testing.assert_close(
            function(logits + offset, target, from_logits=True),
            function(logits, target, from_logits=True),
            rtol=1e-7,
            atol=0,
        )


def test_saturated_probabilities_have_keras_numbers() -> None:
    zero, one = torch.tensor([[0.0]]), torch.tensor([[1.0]])
    expected = {
        "clip": (15.942385, 16.118095),
        "clip, logits": (15.942385, 16.118095),
        "clip, add": (15.333239, 15.424949),
    }
    for form, (at_one, at_zero) in expected.items():
        assert F.binary_crossentropy(one, zero, form=form).item() == pytest.approx(at_one, rel=1e-7)
        assert F.binary_crossentropy(zero, one, form=form).item() == pytest.approx(at_zero, rel=1e-7)


@pytest.mark.parametrize(
    ("labels", "judged", "expected"),
    [
        ([0.0, 1.0], None, [-1.0, 1.0]),
        ([0.0, 0.5], None, [0.0, 0.5]),
        ([-1.0, 1.0], None, [-1.0, 1.0]),
        ([1.0, 1.0], None, [1.0, 1.0]),
        ([0.0, 1.0, -1.0], [True, True, False], [-1.0, 1.0]),
        ([0.0, 1.0, -1.0], [True, True, True], [0.0, 1.0]),
        ([], None, []),
    ],
)
def test_labels_0_and_1_become_signs_if_all_that_count_are(
    labels: list[float], judged: list[bool] | None, expected: list[float]
) -> None:
    found = F.signed_labels(torch.tensor(labels), None if judged is None else torch.tensor(judged))
    assert found[: len(expected)].tolist() == expected


@pytest.mark.parametrize("function", [F.binary_crossentropy, F.sparse_categorical_crossentropy])
def test_an_unknown_form_is_refused_with_the_list_and_the_closest(function: Callable[..., Tensor]) -> None:
    with pytest.raises(ValueError, match=r"form expected one of .*clip.*; received 'clip frist'\. Did you mean 'clip"):
        function(torch.rand(2, 3), torch.zeros(2, dtype=torch.int64), form="clip frist")


def test_the_comparison_with_a_reference_can_fail() -> None:
    function, y_pred, y_true = tensors("binary, clip, add")
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(
            function(y_pred, y_true, form="clip").numpy(), CASES["binary, clip, add"][4], rtol=1e-12
        )
