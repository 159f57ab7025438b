"""Class weights: every way to give them, every kind of target, and what each era makes of them."""

from __future__ import annotations

import math
import tracemalloc
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import torchweights as tw
from tests.devices import DEVICES
from tests.samples import KERAS_ROWS

T = torch.tensor
WEIGHTS = [1.0, 2.0, 3.0]
LABELS = T([2, 0, 1, 2])
LOGITS = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
ONE_HOT = torch.eye(3, dtype=torch.float64)[LABELS]
P55 = T([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.5, 0.3, 0.2]])
T55 = T([0, 1, 2, 1])
FULL = {0: 1, 1: 2, 2: 3}
trap = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")


def by_hand(logits: Tensor, labels: Tensor, weights: list[float], axis: int = -1) -> Tensor:
    """mean(weight of the class x cross-entropy), without the library."""
    log_p = logits.log_softmax(axis).movedim(axis, -1).reshape(-1, logits.shape[axis])
    flat = labels.reshape(-1)
    return -(log_p[torch.arange(len(flat)), flat] * T(weights, dtype=logits.dtype)[flat]).mean()


# -------------------------------------------------------------------------------------------------- the ways to give weights

GIVEN = {
    "dict": dict(enumerate(WEIGHTS)),
    "dict in another order": {2: 3.0, 0: 1.0, 1: 2.0},
    "list": WEIGHTS,
    "tuple": tuple(WEIGHTS),
    "integers": [1, 2, 3],
    "float32": T(WEIGHTS),
    "half": T(WEIGHTS).half(),
    "int64": T([1, 2, 3]),
    "parameter": nn.Parameter(T(WEIGHTS)),
    "numpy numbers": {np.int64(0): np.float32(1), np.int8(1): np.float64(2), 2: T(3.0)},
    "fractions": {0: Fraction(1), 1: Fraction(2), 2: 3},
    "numpy array": np.array(WEIGHTS),
}


@pytest.mark.parametrize(
    "given",
    [pytest.param(value, id=name) for name, value in GIVEN.items()],
)
def test_a_dict_a_list_and_a_tensor_are_the_same_weights(given: Any) -> None:
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=given)
    torch.testing.assert_close(criterion(LOGITS, LABELS), by_hand(LOGITS, LABELS, WEIGHTS), rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    "given", [value for name, value in GIVEN.items() if name not in ("parameter", "numpy array")], ids=repr
)
def test_weights_are_no_state_to_save(given: Any) -> None:
    criterion = tw.CategoricalCrossentropy(from_logits=True, class_weight=given)
    assert dict(criterion.state_dict()) == {}
    assert list(criterion.parameters()) == []


@pytest.mark.parametrize("device", DEVICES)
def test_a_parameter_is_learned_saved_and_loaded(device: str) -> None:
    weights = nn.Parameter(T(WEIGHTS, dtype=torch.float64))
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=weights).to(device)
    assert list(criterion.state_dict()) == ["class_weight"]
    assert [id(p) for p in criterion.parameters()] == [id(weights)]
    criterion(LOGITS.to(device), LABELS.to(device)).backward()
    values = tw.functional.sparse_categorical_crossentropy(LOGITS, LABELS, from_logits=True)
    expected = torch.stack([values[c == LABELS].sum() / 4 for c in range(3)])
    torch.testing.assert_close(weights.grad.cpu(), expected)
    other = tw.SparseCategoricalCrossentropy(
        from_logits=True, class_weight=nn.Parameter(torch.ones(3, dtype=torch.float64))
    )
    other.load_state_dict(criterion.state_dict())
    torch.testing.assert_close(other(LOGITS, LABELS), by_hand(LOGITS, LABELS, WEIGHTS))


def test_a_step_of_the_optimizer_changes_the_loss() -> None:
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=nn.Parameter(T(WEIGHTS)))
    before = criterion(LOGITS, LABELS)
    before.backward()
    torch.optim.SGD(criterion.parameters(), lr=0.5).step()
    assert criterion(LOGITS, LABELS) < before


def test_sample_weights_are_float64_whatever_was_given() -> None:
    for given in (GIVEN["dict"], GIVEN["list"], GIVEN["float32"], GIVEN["half"]):
        assert tw.class_weight_to_sample_weights(LABELS, given).dtype == torch.float64


# ------------------------------------------------------------------------------------------------------- the kinds of targets


def test_one_hot_soft_and_label_targets_weigh_alike() -> None:
    expected = by_hand(LOGITS, LABELS, WEIGHTS)
    sparse = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=WEIGHTS)
    dense = tw.CategoricalCrossentropy(from_logits=True, class_weight=WEIGHTS)
    for found in (
        sparse(LOGITS, LABELS),
        sparse(LOGITS, LABELS[:, None]),
        sparse(LOGITS, LABELS.to(torch.uint8)),
        dense(LOGITS, ONE_HOT),
    ):
        torch.testing.assert_close(found, expected, rtol=1e-14, atol=0)


def test_a_soft_target_weighs_as_its_largest_class() -> None:
    soft = 0.8 * ONE_HOT + 0.1
    values = tw.CategoricalCrossentropy(from_logits=True, reduction="none")(LOGITS, soft)
    found = tw.CategoricalCrossentropy(from_logits=True, class_weight=WEIGHTS, reduction="none")(LOGITS, soft)
    torch.testing.assert_close(found, values * T(WEIGHTS, dtype=torch.float64)[LABELS])


@pytest.mark.parametrize("axis", [1, 2, 3, -1, -3])
@pytest.mark.parametrize("sparse", [True, False], ids=["labels", "one-hot"])
def test_pixels_weigh_by_their_own_class_wherever_the_channels_are(axis: int, sparse: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(3, (2, 4, 5), generator=generator)
    logits = torch.randn(2, 4, 5, 3, generator=generator, dtype=torch.float64).movedim(-1, axis)
    expected = by_hand(logits, labels, WEIGHTS, axis)
    if sparse:
        criterion = tw.SparseCategoricalCrossentropy(from_logits=True, axis=axis, class_weight=WEIGHTS)
        torch.testing.assert_close(criterion(logits, labels), expected)
        torch.testing.assert_close(criterion(logits, labels.unsqueeze(axis)), expected)
    else:
        dense = tw.CategoricalCrossentropy(from_logits=True, axis=axis, class_weight=WEIGHTS)
        torch.testing.assert_close(dense(logits, torch.eye(3)[labels].movedim(-1, axis)), expected)


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_a_binary_label_weighs_by_its_value(shape: tuple[int, ...]) -> None:
    p, t = T([0.9, 0.2, 0.4, 0.7]).reshape(shape), T([1.0, 0.0, 1.0, 0.0]).reshape(shape)
    found = tw.BinaryCrossentropy(from_logits=False, class_weight={0: 1.0, 1: 5.0})(p, t)
    assert found.item() == pytest.approx((5 * -math.log(0.9) - math.log(0.8) - 5 * math.log(0.4) - math.log(0.3)) / 4)


def test_binary_pixels_weigh_by_their_value() -> None:
    logits, t = torch.zeros(2, 1, 3, 3), torch.zeros(2, 1, 3, 3)
    t[0, 0, 1, 1] = 1
    found = tw.BinaryCrossentropy(from_logits=True, axis=1, class_weight={0: 1.0, 1: 10.0})(logits, t)
    assert found.item() == pytest.approx(math.log(2) * (17 + 10) / 18)


@pytest.mark.parametrize("axis", [1, -1])
def test_several_labels_weigh_by_their_column(axis: int) -> None:
    logits, t = LOGITS.movedim(-1, axis), (LOGITS > 0).double().movedim(-1, axis)
    values = tw.functional.binary_crossentropy(logits, t, from_logits=True, axis=())
    expected = (values * T(WEIGHTS, dtype=torch.float64)).mean()
    for given in (WEIGHTS, dict(enumerate(WEIGHTS)), T(WEIGHTS)):
        torch.testing.assert_close(
            tw.BinaryCrossentropy(from_logits=True, axis=axis, class_weight=given)(logits, t), expected
        )


def test_a_value_per_element_weighs_alike_for_one_pixel_and_for_many() -> None:
    """axis=() has no label axis: 5 pixels (N, 5) of a binary map weigh by value as 1 pixel (N, 1) does."""
    criterion = tw.BinaryCrossentropy(from_logits=True, axis=(), class_weight={0: 1.0, 1: 10.0})
    assert criterion(torch.zeros(1, 1), torch.ones(1, 1)).item() == pytest.approx(10 * math.log(2))
    assert criterion(torch.zeros(1, 5), torch.ones(1, 5)).item() == pytest.approx(10 * math.log(2))


@pytest.mark.parametrize("labels", [[-1.0, 1.0], [0.0, 1.0]])
def test_hinge_weighs_by_the_label_as_it_is_written(labels: list[float]) -> None:
    keys = {int(label): weight for label, weight in zip(labels, (1.0, 3.0), strict=True)}
    found = tw.Hinge(class_weight=keys)(torch.zeros(2, 1), T(labels)[:, None])
    assert found.item() == 2


def test_class_weights_multiply_sample_weights_of_any_rank() -> None:
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, axis=1, class_weight=WEIGHTS, reduction="none")
    logits, labels = torch.zeros(2, 3, 2, 2), T([[[0, 1], [2, 0]], [[1, 1], [2, 2]]])
    expected = T(WEIGHTS)[labels] * math.log(3)
    for weight in (T([2.0, 3.0]), T([2.0, 3.0]).reshape(2, 1, 1), T([2.0, 3.0]).reshape(2, 1, 1).expand(2, 2, 2)):
        torch.testing.assert_close(criterion(logits, labels, weight), expected * T([2.0, 3.0]).reshape(2, 1, 1))


# --------------------------------------------------------------------------------------------------------- train and eval


@pytest.mark.parametrize("rest", [None, True, False])
@pytest.mark.parametrize("semantics", ["torchweights", "torch", *KERAS_ROWS])
def test_class_weights_rest_in_eval_where_asked_and_in_keras(semantics: str, rest: bool | None) -> None:
    def build(**options: Any) -> tw.WeightedLoss:
        return tw.SparseCategoricalCrossentropy(from_logits=True, semantics=semantics, **options)

    criterion = build(class_weight=dict(enumerate(WEIGHTS)), rest_in_eval=rest)
    weighted, plain = criterion(LOGITS, LABELS), build()(LOGITS, LABELS)
    rests = semantics in KERAS_ROWS if rest is None else rest
    assert not torch.equal(weighted, plain) or semantics == "torch"
    assert torch.equal(criterion.eval()(LOGITS, LABELS), plain if rests else weighted)
    assert torch.equal(criterion.train()(LOGITS, LABELS), weighted)


# ------------------------------------------------------------------------------------------------------- strange and huge keys


@pytest.mark.parametrize("keys", [[0, 1.0, 2], [np.int64(0), np.float32(1), 2], [Fraction(0), 1, 2]], ids=repr)
def test_a_key_that_is_a_class_number_in_another_kind_is_that_class(keys: list[Any]) -> None:
    given = dict(zip(keys, WEIGHTS, strict=True))
    torch.testing.assert_close(
        tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=given)(LOGITS, LABELS),
        by_hand(LOGITS, LABELS, WEIGHTS),
    )


@pytest.mark.parametrize("key", ["0", None, (0,), True, Decimal(0), T(0)], ids=repr)
@pytest.mark.parametrize("semantics", ["torchweights", "torch"])
def test_a_key_that_is_no_plain_number_is_refused(key: Any, semantics: str) -> None:
    with pytest.raises(TypeError, match=r"class_weight expected class numbers as keys; received .*Write \{0: 1\.0\}"):
        tw.SparseCategoricalCrossentropy(from_logits=True, semantics=semantics, class_weight={key: 1.0, 1: 2.0, 2: 1.0})


@trap
@pytest.mark.parametrize("semantics", KERAS_ROWS)
def test_true_is_the_key_1_in_keras_rows_as_in_any_dict(semantics: str) -> None:
    p, t = T([[0.6], [0.3]]), T([[1.0], [0.0]])
    expected = tw.BinaryCrossentropy(semantics=semantics, class_weight={0: 1, 1: 5})(p, t)
    assert torch.equal(tw.BinaryCrossentropy(semantics=semantics, class_weight={False: 1, True: 5})(p, t), expected)


@pytest.mark.parametrize("semantics", ["keras2.2.4", "keras3.15"])
def test_huge_keys_allocate_nothing(semantics: str) -> None:
    tracemalloc.start()
    criterion = tw.SparseCategoricalCrossentropy(semantics=semantics, class_weight={**FULL, 10**9: 4.0, 2**62: 1.0})
    assert criterion(P55, T55).item() == pytest.approx(1.1858461, rel=2e-7)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    assert sum(b.numel() for b in criterion.buffers()) == 10


# ------------------------------------------------------------------------------------------------------ digits and devices


@pytest.mark.parametrize(
    "given",
    [[0.1, 0.7], (0.1, 0.7), {0: 0.1, 1: 0.7}, np.array([0.1, 0.7]), T([0.1, 0.7], dtype=torch.float64)],
    ids=["list", "tuple", "dict", "numpy", "tensor"],
)
@pytest.mark.parametrize("elsewhere", [False, True], ids=["as usual", "another default device"])
def test_weights_keep_every_digit_and_live_on_the_cpu_until_they_are_moved(given: Any, elsewhere: bool) -> None:
    """Digits beyond float32, and ``torch.set_default_device`` where the criterion is built."""
    with torch.device("meta" if elsewhere else "cpu"):
        criterion = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=given)
    assert criterion.class_weight_values.tolist() == [0.1, 0.7]
    logits = T([[0.5, -0.5], [1.0, 2.0]], dtype=torch.float64)
    expected = by_hand(logits, T([1, 0]), [0.1, 0.7])
    torch.testing.assert_close(criterion(logits, T([1, 0])), expected, rtol=1e-15, atol=0)


def test_whole_numbers_as_weights_become_floating_point() -> None:
    for given in (T([1, 2**40 + 1]), np.array([1, 2**40 + 1])):
        found = tw.class_weight_to_sample_weights(T([1, 0]), given)
        assert (found.tolist(), found.dtype) == ([2.0**40 + 1, 1.0], torch.float64)


def test_a_tensor_of_weights_is_used_as_it_is_and_learns() -> None:
    weights = T([1.0, 3.0], requires_grad=True)
    tw.class_weight_to_sample_weights(T([1, 1, 0]), weights).sum().backward()
    assert weights.grad is not None
    assert weights.grad.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("given", [[1.0, 2.0], {0: 1.0, 1: 2.0}], ids=["list", "dict"])
def test_a_label_between_two_classes_has_no_weight(given: Any) -> None:
    with pytest.raises(ValueError, match=r"received 0\.5|received none for 0\.5"):
        tw.class_weight_to_sample_weights(T([0.5, 1.0]), given)


def test_a_class_beyond_the_last_one_has_no_weight() -> None:
    table = {1: 2.0, 5: 3.0}
    found = tw.class_weight_to_sample_weights(T([0, 1, 3, 5, 9, -1]), table, semantics="keras3.15")
    assert found.tolist() == [1.0, 2.0, 1.0, 3.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="received none for -1, 3, 9: it has 1, 5"):
        tw.class_weight_to_sample_weights(T([1, 3, 5, 9, -1]), table, semantics="keras2.2.4")


def test_keras_3_weighs_everything_1_where_there_are_no_weights() -> None:
    found = tw.class_weight_to_sample_weights(T([[0], [4]]), {}, semantics="keras3.15")
    assert (found.tolist(), found.dtype) == ([1.0, 1.0], torch.float64)


def test_class_numbers_beyond_float32_are_told_apart() -> None:
    table = {2**24: 1.0, 2**24 + 1: 2.0}
    found = tw.class_weight_to_sample_weights(T([2**24 + 1, 2**24]), table, semantics="keras2.2.4")
    assert found.tolist() == [2.0, 1.0]
