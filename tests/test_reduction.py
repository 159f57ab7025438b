"""How weights meet values, what the mean divides by, and what nothing is: the default row in words, then what holds in every row."""

from __future__ import annotations

import itertools
from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.devices import DEVICES
from tests.pretend_device import NAME, without
from tests.samples import DIVIDING, FLAT, ROWS, SAMPLES, Sample, gradient
from torchweights import precision
from torchweights.reduction import REDUCTIONS, standard_reduction

EVERY = pytest.mark.parametrize("sample", SAMPLES, ids=str)
VALUES = torch.tensor([[1.0, 2.0], [4.0, 8.0]], dtype=torch.float64)
T = torch.tensor


def reduced(values: Tensor, weight: Tensor | None = None, mask: Tensor | None = None, **options: str | None) -> Tensor:
    return tw.reduce_weighted_values(values, weight, mask, **options)


# ------------------------------------------------------------------------------------------------- rank decides, never size


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (T(2.0), [[2.0, 4.0], [8.0, 16.0]]),
        (T([1.0, 10.0]), [[1.0, 2.0], [40.0, 80.0]]),
        (T([[1.0], [10.0]]), [[1.0, 2.0], [40.0, 80.0]]),
        (T([[1.0, 10.0], [100.0, 0.0]]), [[1.0, 20.0], [400.0, 0.0]]),
    ],
    ids=["scalar", "(N,)", "(N, 1)", "full"],
)
@pytest.mark.parametrize("row", ["torchweights", "torch"])
def test_beside_square_values_the_rank_of_weights_decides(
    weight: Tensor, expected: list[list[float]], row: str
) -> None:
    assert reduced(VALUES, weight, reduction="none", semantics=row).tolist() == expected


@pytest.mark.parametrize("values", list(itertools.product([1, 2, 3], repeat=3)))
def test_a_weight_per_sample_is_per_sample_whatever_the_sizes(values: tuple[int, ...]) -> None:
    weight = torch.arange(1.0, values[0] + 1)
    expected = torch.ones(values) * weight[:, None, None]
    for shape in ((-1,), (-1, 1), (-1, 1, 1)):
        assert torch.equal(reduced(torch.ones(values), weight.reshape(shape), reduction="none"), expected)


@pytest.mark.parametrize(
    ("values", "shape"),
    [
        ((2, 3), (3,)),
        ((2, 3), (1, 3)),
        ((2, 3), (2, 2)),
        ((2, 3), (2, 3, 1)),
        ((2, 3, 4), (2, 3)),
        ((2, 2, 2), (2, 2)),
        ((2, 3), (1,)),
        ((2, 2), (1, 2)),
        ((2,), (2, 2)),
    ],
)
@pytest.mark.parametrize("name", ["sample_weight", "mask"])
def test_any_other_shape_is_an_error_that_names_both_readings(
    values: tuple[int, ...], shape: tuple[int, ...], name: str
) -> None:
    given = torch.ones(shape, dtype=torch.bool if name == "mask" else torch.float32)
    with pytest.raises(ValueError, match="two ways") as error:
        tw.reduce_weighted_values(torch.ones(values), **{name: given})
    words = str(error.value)
    assert name in words
    assert str(shape) in words
    assert f"per sample it would be ({values[0]},)" in words
    assert f"per element it would be {values}" in words


@pytest.mark.parametrize("device", DEVICES)
def test_weights_and_masks_of_different_ranks_meet_the_values_each_for_itself(device: str) -> None:
    values, weight, mask = (
        VALUES.to(device),
        T([1.0, 3.0], device=device),
        T([[True, False], [True, True]], device=device),
    )
    assert reduced(values, weight, mask, reduction="none").tolist() == [[1.0, 0.0], [12.0, 24.0]]
    assert reduced(values, weight, mask).item() == pytest.approx(37 / 3)


@pytest.mark.parametrize("row", ["keras3.0", "keras3.15", "keras3.15-torch"])
@pytest.mark.parametrize(
    ("values", "weight"),
    [((3, 1), (3,)), ((2, 3, 1), (2, 3)), ((3,), (3, 1)), ((2, 3), (2, 3, 1)), ((1,), ()), ((3, 1, 1), (3, 1))],
)
def test_keras_3_mends_a_trailing_1(row: str, values: tuple[int, ...], weight: tuple[int, ...]) -> None:
    """As ``reduce_weighted_values`` of Keras 3.15.1 does, in the shape of the values."""
    given, by = torch.rand(values, dtype=torch.float64), torch.rand(weight, dtype=torch.float64)
    found = reduced(given, by, reduction="none", semantics=row)
    assert torch.equal(found, given * by.reshape(values if by.ndim else ()))


# -------------------------------------------------------------------------------------------------------- the denominator


@EVERY
def test_the_mean_divides_by_what_the_mask_leaves_and_zero_weights_stay_in(sample: Sample) -> None:
    y_pred, y_true = sample.batch(4)
    values = sample.criterion(reduction="none")(y_pred, y_true)
    weight, mask = T([0.0, 2.0, 1.0, 1.0]), T([True, True, False, True])
    per_sample = values.reshape(4, -1)
    expected = (per_sample * weight[:, None])[mask].sum() / per_sample[mask].numel()
    torch.testing.assert_close(sample.criterion()(y_pred, y_true, weight, mask), expected, rtol=1e-14, atol=0)


@EVERY
def test_mean_with_sample_weight_divides_by_the_weight_of_every_element_left(sample: Sample) -> None:
    y_pred, y_true = sample.batch(4)
    values = sample.criterion(reduction="none")(y_pred, y_true).reshape(4, -1)
    weight, mask = T([0.0, 2.0, 1.0, 0.5]), T([True, True, False, True])
    kept = weight * mask
    expected = (values * kept[:, None]).sum() / (kept.sum() * values.shape[1])
    criterion = sample.criterion(reduction="mean_with_sample_weight")
    torch.testing.assert_close(criterion(y_pred, y_true, weight, mask), expected, rtol=1e-14, atol=0)


def test_ignored_labels_leave_the_denominator_as_a_mask_does() -> None:
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    logits, labels = torch.randn(5, 3), T([0, -1, 2, -1, 1])
    expected = criterion(logits[labels >= 0], labels[labels >= 0])
    torch.testing.assert_close(criterion(logits, labels), expected)
    torch.testing.assert_close(criterion(logits, labels.clamp(min=0), mask=labels >= 0), expected)
    both = criterion(logits, labels, mask=T([True, True, False, True, True]))
    torch.testing.assert_close(both, criterion(logits[[0, 4]], labels[[0, 4]]))


@pytest.mark.parametrize("semantics", ROWS)
@pytest.mark.parametrize("reduction", DIVIDING)
@pytest.mark.parametrize("sample", FLAT, ids=str)
@pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")
def test_a_mean_is_the_sum_over_the_denominator(sample: Sample, reduction: str, semantics: str) -> None:
    y_pred, y_true = sample.batch(4)
    weight, mask = T([0.5, 2.0, 0.0, 1.0]), T([True, True, True, False])
    criterion = sample.criterion(reduction=reduction, semantics=semantics)
    shape = sample.criterion(reduction="none", semantics=semantics)(y_pred, y_true).shape
    mask = mask[:, None].expand(shape) if len(shape) > 1 else mask
    total = sample.criterion(reduction="sum", semantics=semantics)(y_pred, y_true, weight, mask)
    if criterion.decomposable:
        d = criterion.denominator(y_true, weight, mask, y_pred_shape=y_pred.shape).value()
        torch.testing.assert_close(criterion(y_pred, y_true, weight, mask), total / d, rtol=1e-14, atol=0)


@pytest.mark.parametrize("row", [row for row in ROWS if row != "torch"])  # there class weights alone are counted
def test_mean_with_sample_weight_divides_by_the_weights_in_every_row(row: str) -> None:
    """Keras 3 counts (N, 1) once for each sample, whatever the values; all others count every element."""
    bare, weight = tw.semantics_for(row, door="loss"), T([[1.0], [3.0]], dtype=torch.float64)
    once = row.startswith("keras3")
    found = [
        reduced(torch.ones(2, 3).double(), given, reduction="mean_with_sample_weight", semantics=bare).item()
        for given in (weight, weight.expand(2, 3), weight / 64)
    ]
    assert found == pytest.approx([3.0 if once else 1.0, 1.0, 3.0 if once else 1.0], rel=1e-14)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("reduction", ["sum", "mean_with_sample_weight"])
@pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")
def test_ignored_labels_beside_a_mask_leave_what_both_keep(row: str, reduction: str) -> None:
    logits, labels = torch.randn(4, 3, generator=torch.Generator().manual_seed(1)).double(), T([0, 255, 2, 1])
    mask, weight = T([True, True, False, True]), T([0.5, 2.0, 1.0, 3.0], dtype=torch.float64)
    options = {"from_logits": True, "reduction": reduction, "semantics": row}
    criterion = tw.SparseCategoricalCrossentropy(**options, ignore_class=255)
    found = criterion(logits, labels, weight, mask)
    expected = tw.SparseCategoricalCrossentropy(**options)(logits[[0, 3]], labels[[0, 3]], weight[[0, 3]])
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("float64", [True, False], ids=["with float64", "without float64"])
def test_a_mask_alone_stays_where_the_values_are(
    float64: bool, pretend: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "WITHOUT_FLOAT64", set() if float64 else {NAME})
    mask, far = T([True, False, True]), torch.ones(3, device=pretend)
    for row in ROWS:
        with nullcontext() if float64 else without(torch.float64):
            found = tw.reduce_weighted_values(far, mask=mask.to(pretend), semantics=row)
        assert found.device.type == pretend.type
        assert found.cpu() == tw.reduce_weighted_values(torch.ones(3), mask=mask, semantics=row)


def test_a_mask_that_was_multiplied_in_is_not_asked_again() -> None:
    """tf.keras: the mask of samples beside weights in a column meets them alone, not the values."""
    bare = tw.semantics_for("tf_keras2.21", door="loss")
    weight, mask = T([[2.0], [6.0]]), T([True, False])
    found = reduced(torch.ones(2, 3), weight, mask, reduction="mean_with_sample_weight", semantics=bare)
    assert found.item() == 1


def test_what_weighs_nothing_beside_a_mask_does_not_show() -> None:
    values = T([torch.nan, 1.0, 2.0, torch.inf])
    found = reduced(values, T([0.0, 1.0, 1.0, 1.0]), T([True, True, True, False]))
    assert found.item() == 1


def test_a_mask_beside_values_per_step_is_no_trap() -> None:
    """Without one and with two axes more TensorFlow 1.12 sums over the batch, which warns; here nothing does."""
    for mask in (T([True, False]), T([[True], [True]]), T([[True, False, True]] * 2)):
        reduced(torch.ones(2, 3), mask=mask, semantics="tf1.12")


# -------------------------------------------------------------------------------------------------------- nothing is left


@pytest.mark.parametrize("reduction", DIVIDING)
@pytest.mark.parametrize(
    ("sample", "how"),
    [(s, how) for s in SAMPLES for how in ("mask", "weight", "no batch", "ignored") if s.sparse or how != "ignored"],
    ids=str,
)
def test_nothing_left_is_zero_with_a_zero_gradient(sample: Sample, reduction: str, how: str) -> None:
    options = {"ignore_class": 7} if how == "ignored" else {}
    y_pred, y_true = sample.batch(0 if how == "no batch" else 3)
    y_true = torch.full_like(y_true, 7) if how == "ignored" else y_true
    nothing = {"mask": {"mask": torch.zeros(3, dtype=torch.bool)}, "weight": {"sample_weight": torch.zeros(3)}}.get(
        how, {}
    )
    loss = sample.criterion(reduction=reduction, **options)(y_pred, y_true, **nothing)
    assert loss.item() == 0
    assert torch.equal(gradient(loss, y_pred), torch.zeros_like(y_pred))


@pytest.mark.parametrize("row", ["keras2.2.4", "keras2.3.1", "tf_keras2.21", "torch"])
def test_rows_that_say_nan_for_nothing_say_nan(row: str) -> None:
    y_pred = torch.zeros(0, 2, requires_grad=True)
    assert tw.MeanSquaredError(semantics=row)(y_pred, torch.zeros(0, 2)).isnan()


# ------------------------------------------------------------------------------------------------------ what does not matter


@EVERY
@pytest.mark.parametrize("reduction", DIVIDING)
def test_doubling_the_weights_doubles_what_is_no_weighted_mean(sample: Sample, reduction: str) -> None:
    (y_pred, y_true), weight = sample.batch(4), T([0.5, 2.0, 0.0, 1.0])
    criterion = sample.criterion(reduction=reduction)
    factor = 1 if reduction == "mean_with_sample_weight" else 2
    torch.testing.assert_close(
        criterion(y_pred, y_true, 2 * weight), factor * criterion(y_pred, y_true, weight), rtol=1e-15, atol=0
    )


@EVERY
@pytest.mark.parametrize("reduction", ["sum", "mean_with_sample_weight"])
def test_a_sample_of_weight_2_is_two_samples_of_weight_1(sample: Sample, reduction: str) -> None:
    y_pred, y_true = sample.batch(3)
    twice = T([0, 1, 1, 2])
    criterion = sample.criterion(reduction=reduction)
    once = criterion(y_pred, y_true, T([1.0, 2.0, 1.0]))
    torch.testing.assert_close(criterion(y_pred[twice], y_true[twice], torch.ones(4)), once, rtol=1e-14, atol=0)


@EVERY
@pytest.mark.parametrize("reduction", [*DIVIDING, "none"])
def test_the_order_of_the_batch_does_not_matter(sample: Sample, reduction: str) -> None:
    (y_pred, y_true), weight, mask = sample.batch(4), T([0.5, 2.0, 0.0, 1.0]), T([True, False, True, True])
    order = T([2, 0, 3, 1])
    criterion = sample.criterion(reduction=reduction)
    found, moved = (
        criterion(y_pred, y_true, weight, mask),
        criterion(y_pred[order], y_true[order], weight[order], mask[order]),
    )
    torch.testing.assert_close(moved, found[order] if reduction == "none" else found, rtol=1e-14, atol=0)


# -------------------------------------------------------------------------------------------------------- words and precision


@pytest.mark.parametrize(
    ("word", "standard"),
    [*((word, word) for word in REDUCTIONS if word != "mean"), ("mean", "sum_over_batch_size"), (None, "none")],
)
def test_every_word_for_a_reduction_has_one_standard(word: str | None, standard: str) -> None:
    assert standard_reduction(word) == standard
    expected = tw.MeanSquaredError(reduction=standard)(VALUES, 2 * VALUES)
    assert torch.equal(tw.MeanSquaredError(reduction=word)(VALUES, 2 * VALUES), expected)


@EVERY
@pytest.mark.parametrize("semantics", ROWS)
@pytest.mark.parametrize(
    ("given", "kept"), [("float64", "float64"), ("float32", "float32"), ("float16", "float32"), ("bfloat16", "float32")]
)
@pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")
def test_the_predictions_alone_decide_the_precision(sample: Sample, semantics: str, given: str, kept: str) -> None:
    y_pred, y_true = sample.batch(2, dtype=getattr(torch, given))
    y_true = y_true.double() if y_true.is_floating_point() else y_true
    for weight in (
        None,
        *([T([1.0, 2.0], dtype=torch.float64), T([1.0, 2.0]).half(), T([1, 2])] if sample in FLAT else []),
    ):
        loss = sample.criterion(semantics=semantics)(y_pred, y_true, weight)
        assert loss.dtype == getattr(torch, kept)
        assert gradient(loss, y_pred).dtype == getattr(torch, given)


def test_a_mean_in_half_precision_does_not_overflow() -> None:
    y_pred = torch.ones(70_000, 1, dtype=torch.float16)
    assert tw.MeanSquaredError()(y_pred, torch.zeros_like(y_pred), torch.ones(70_000).half()).item() == 1


def test_counts_are_exact_beyond_float32() -> None:
    mask = torch.ones(1, dtype=torch.bool).expand(2**24 + 1)
    assert (
        tw.MeanSquaredError().denominator(torch.empty(1, 1).expand(2**24 + 1, 1), mask=mask).value().item() == 2**24 + 1
    )


@pytest.mark.parametrize("row", ROWS)
def test_a_scalar_loss_is_scaled_by_its_weights(row: str) -> None:
    value = T(3.0, dtype=torch.float64, requires_grad=True)
    loss = tw.reduce_weighted_values(value, T([2.0, 2.0]), semantics=row)
    assert loss.item() == pytest.approx(3.0 if row in ("tf1.12", "tf1.13", "torch") else 6.0)
