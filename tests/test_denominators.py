"""One denominator for all micro-batches gives the gradient of the whole batch, exactly; where it cannot, it is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.samples import BY_NAME, DIVIDING, FLAT, ROWS, SAMPLES, Sample, gradient, split
from torchweights.counts import Denominator

T = torch.tensor
SIZES = [3, 0, 1]
WHOLE = sum(SIZES)
WEIGHT = T([0.5, 2.0, 0.0, 3.0], dtype=torch.float64)
MASK = T([True, False, True, True])
pytestmark = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")


def accumulated(
    criterion: tw.WeightedLoss, y_pred: Tensor, y_true: Tensor, sizes: list[int] = SIZES, **beside: Tensor | None
) -> Tensor:
    """The gradient that micro-batches add up to under the sum of their denominators."""
    parts = [split(y_true, sizes), *(split(value, sizes) for value in beside.values())]
    rows: list[dict[str, Any]] = [
        dict(zip(("y_true", *beside), part, strict=True)) for part in zip(*parts, strict=True)
    ]
    predictions = split(y_pred, sizes)
    denominator = sum(
        criterion.denominator(y_pred_shape=p.shape, **row) for p, row in zip(predictions, rows, strict=True)
    )
    assert isinstance(denominator, Denominator)
    losses = [criterion(p, **row, denominator=denominator) for p, row in zip(predictions, rows, strict=True)]
    return gradient(torch.stack(losses).sum(), y_pred)


def assert_adds_up(
    criterion: tw.WeightedLoss, y_pred: Tensor, y_true: Tensor, sizes: list[int] = SIZES, **beside: Tensor | None
) -> None:
    expected = gradient(criterion(y_pred, y_true, **beside), y_pred)
    found = accumulated(criterion, y_pred, y_true, sizes, **beside)
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=1e-16)


def options_for(sample: Sample, extra: str) -> dict[str, Any]:
    if extra == "class weights":
        return {"class_weight": dict(enumerate([1.0, 0.25, 3.0][: 2 if "binary" in sample.name else 3]))}
    return {"ignore_class": 2} if extra == "ignored" else {}


def takes(sample: Sample, extra: str) -> bool:
    return (
        extra == "plain"
        or (extra == "class weights" and sample.takes_class_weight)
        or (extra == "ignored" and sample.sparse)
    )


ADDITIVE = [sample for sample in SAMPLES if "hinge" not in sample.name]
HINGES = [sample for sample in SAMPLES if "hinge" in sample.name]
BESIDE = pytest.mark.parametrize(
    "beside",
    [(), ("sample_weight",), ("mask",), ("sample_weight", "mask")],
    ids=lambda names: " and ".join(names) or "alone",
)
EXTRAS = [
    (sample, extra) for sample in ADDITIVE for extra in ("plain", "class weights", "ignored") if takes(sample, extra)
]


@pytest.mark.parametrize("reduction", DIVIDING)
@BESIDE
@pytest.mark.parametrize(("sample", "extra"), EXTRAS, ids=str)
def test_micro_batches_add_up_in_the_default_row(
    sample: Sample, extra: str, beside: tuple[str, ...], reduction: str
) -> None:
    criterion = sample.criterion(reduction=reduction, **options_for(sample, extra))
    given = {name: value for name, value in (("sample_weight", WEIGHT), ("mask", MASK)) if name in beside}
    assert_adds_up(criterion, *sample.batch(WHOLE), **given)


def per_sample_mask(mask: Tensor, criterion: tw.WeightedLoss, y_pred: Tensor) -> Tensor:
    """A mask per sample in the shape of the values, which every row takes."""
    shape = criterion._values_shape(y_pred.shape)
    return mask.reshape(-1, *[1] * (len(shape) - 1)).expand(shape)


LABELS_AS_GIVEN = [name for name in ROWS if tw.SEMANTICS[name].formulas.hinge_labels == "as given"]
FLAT_IN_ROWS = [
    (s, row) for s in FLAT for row in ROWS if row != "torchweights" and (s not in HINGES or row in LABELS_AS_GIVEN)
]


@pytest.mark.parametrize("reduction", ["mean", "mean_with_sample_weight"])
@pytest.mark.parametrize(("sample", "semantics"), FLAT_IN_ROWS, ids=str)
@BESIDE
def test_micro_batches_add_up_in_every_row(
    sample: Sample, beside: tuple[str, ...], semantics: str, reduction: str
) -> None:
    criterion = sample.criterion(reduction=reduction, semantics=semantics)
    y_pred, y_true = sample.batch(WHOLE)
    given = {"sample_weight": WEIGHT, "mask": per_sample_mask(MASK, criterion, y_pred)}
    assert_adds_up(criterion, y_pred, y_true, **{name: given[name] for name in beside})


@pytest.mark.parametrize("semantics", [row for row in ROWS if row not in ("torch", "torchweights")])
@pytest.mark.parametrize(("sample", "extra"), [(s, e) for s, e in EXTRAS if e != "plain" and s in FLAT], ids=str)
def test_micro_batches_add_up_with_class_weights_and_ignored_labels_in_keras_rows(
    sample: Sample, extra: str, semantics: str
) -> None:
    if extra == "class weights" and sample.kind is tw.BinaryCrossentropy and sample.shape != (1,):
        return
    assert_adds_up(sample.criterion(semantics=semantics, **options_for(sample, extra)), *sample.batch(WHOLE))


def wide_in_rows() -> list[object]:
    """Steps and pixels in every row, less the masks that Keras 2.3.1 cannot place beside its weight for each sample."""
    found: list[object] = []
    for s in (s for s in SAMPLES if s not in FLAT):
        for row in ROWS:
            for masked in (False, True):
                # tf1.12 without weights sums over the batch: those batches do not add up, and it says so.
                summed = row in ("tf1.12", "tf1.13") and len(s.values_shape()) > 2
                if not summed and not (row.startswith("keras2.3") and masked and len(s.values_shape()) > 2):
                    found.append(pytest.param(s, row, masked, id=f"{s}-{row}-{masked}"))
    return found


@pytest.mark.parametrize("reduction", ["mean", "mean_with_sample_weight"])
@pytest.mark.parametrize(("sample", "semantics", "masked"), wide_in_rows())
def test_micro_batches_of_steps_and_pixels_add_up_in_every_row(
    sample: Sample, semantics: str, reduction: str, masked: bool
) -> None:
    criterion = sample.criterion(reduction=reduction, semantics=semantics)
    y_pred, y_true = sample.batch(WHOLE)
    shape = criterion._values_shape(y_pred.shape)
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(1)) < 0.6
    assert_adds_up(criterion, y_pred, y_true, **({"mask": mask} if masked else {}))


#: Keras 3 counts a scalar weight once, however many elements it weighs: such batches do not add up.
COUNTED_ONCE = [(row, "mean_with_sample_weight") for row in ROWS if row.startswith("keras3")]
SCALARS = [
    (row, word) for row in ROWS for word in ("mean", "mean_with_sample_weight") if (row, word) not in COUNTED_ONCE
]


@pytest.mark.parametrize(("semantics", "reduction"), COUNTED_ONCE)
def test_weights_that_are_no_sum_over_samples_are_refused(semantics: str, reduction: str) -> None:
    criterion = tw.MeanSquaredError(semantics=semantics, reduction=reduction)
    with pytest.raises(ValueError, match="sample_weight expected per sample or per element"):
        criterion.denominator(torch.zeros(4, 3, 2), T(2.0))


def test_the_batch_sum_of_tf_1_12_without_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="received none. Pass one weight per sample"):
        tw.MeanSquaredError(semantics="tf1.12").denominator(torch.zeros(4, 3, 2, 2))


@pytest.mark.parametrize(("semantics", "reduction"), SCALARS)
def test_a_scalar_weight_adds_up(semantics: str, reduction: str) -> None:
    criterion = tw.MeanSquaredError(semantics=tw.semantics_for(semantics, door="loss"), reduction=reduction)
    assert_adds_up(criterion, *BY_NAME["mse per step"].batch(WHOLE), sample_weight=T(2.0, dtype=torch.float64))


@pytest.mark.parametrize("sample", ADDITIVE, ids=str)
def test_the_denominator_of_everything_hidden_is_zero_and_harmless(sample: Sample) -> None:
    y_pred, y_true = sample.batch(WHOLE)
    mask = torch.zeros(WHOLE, dtype=torch.bool)
    assert_adds_up(sample.criterion(), y_pred, y_true, mask=mask)
    assert not accumulated(sample.criterion(), y_pred, y_true, mask=mask).any()


def test_the_mean_of_means_fails_this_check() -> None:
    """Negative control: dividing each micro-batch by its own denominator is not the whole batch."""
    y_pred, y_true = BY_NAME["mse"].batch(WHOLE)
    expected = gradient(tw.MeanSquaredError()(y_pred, y_true), y_pred)
    parts = zip(split(y_pred, SIZES), split(y_true, SIZES), strict=True)
    naive = gradient(torch.stack([tw.MeanSquaredError()(p, t) for p, t in parts]).mean(), y_pred)
    assert not torch.allclose(naive, expected, rtol=1e-3)


@pytest.mark.parametrize("given", [7, 7.0, T(7.0), T(7.0, dtype=torch.float64), T(7)], ids=repr)
def test_a_denominator_may_be_a_number_or_a_tensor(given: object) -> None:
    y_pred, y_true = BY_NAME["mse"].batch(WHOLE)
    total = tw.MeanSquaredError(reduction="sum")(y_pred, y_true)
    loss = tw.MeanSquaredError()(y_pred, y_true, denominator=given)
    assert loss.dtype == y_pred.dtype
    torch.testing.assert_close(loss, total / 7)


def test_a_denominator_needs_no_predictions() -> None:
    criterion = tw.CategoricalCrossentropy(from_logits=True, axis=1)
    assert criterion.denominator(y_true=torch.zeros(2, 3, 4, 4)).value().item() == 32
    assert (
        tw.SparseCategoricalCrossentropy(from_logits=True).denominator(torch.zeros(5, dtype=torch.int64)).value().item()
        == 5
    )
    assert tw.MeanSquaredError().denominator(torch.zeros(5), y_pred_shape=(5, 1)).value().item() == 5


def test_a_denominator_carries_no_gradient() -> None:
    weight = WEIGHT.clone().requires_grad_()
    criterion = tw.MeanSquaredError(reduction="mean_with_sample_weight")
    assert not criterion.denominator(torch.zeros(WHOLE, 2, dtype=torch.float64), weight).value().requires_grad


# --------------------------------------------------------------------------------------------------- what a denominator is


@pytest.mark.parametrize("semantics", ROWS)
@pytest.mark.parametrize("weight", [T([1, 2]), T([0.5, 0.25]), T([0.5, 0.25]).half()], ids=str)
def test_a_denominator_keeps_its_digits_whatever_the_weights_are(semantics: str, weight: Tensor) -> None:
    for reduction in DIVIDING:
        criterion = tw.MeanSquaredError(semantics=semantics, reduction=reduction)
        found = criterion.denominator(torch.zeros(2, 3), weight)
        assert {one.dtype for one in found.counts.each()} == {torch.float64}
        assert (found.value().dtype, found.value().shape) == (torch.float64, ())
        assert (found.counts.samples.item(), found.counts.batches.item()) == (2, 1)


@pytest.mark.parametrize("semantics", ["tf1.12", "keras3.15", "torchweights", "keras2.3.1"])
def test_small_weights_are_not_lost_among_many(semantics: str) -> None:
    weight = torch.full((3,), 2.0**-30)
    weight[0] = 1.0
    criterion = tw.MeanSquaredError(semantics=semantics, reduction="mean_with_sample_weight")
    assert criterion.denominator(torch.zeros(3, 1), weight).value().item() == 1 + 2.0**-29


@pytest.mark.parametrize(
    ("semantics", "values", "shape", "expected"),
    [
        ("keras3.0", (1,), (1,), 1 + 1e-7),
        ("keras3.0", (4,), (4,), 4 + 1e-7),
        ("keras3.0", (2, 3), (2, 1), 6 + 3e-7),
        ("keras2.2.5", (1,), (1,), 1 + 1e-7),
        ("keras2.2.5", (2, 3), (2, 3), 6 + 6e-7),
        ("keras3.15", (1,), (1,), 1.0),
        ("keras2.2.4", (1,), (1,), 1.0),
    ],
)
def test_two_eras_add_to_a_mask_and_to_nothing_else(
    semantics: str, values: tuple[int, ...], shape: tuple[int, ...], expected: float
) -> None:
    summed = float(torch.tensor(values).prod())
    options: dict[str, Any] = {"semantics": tw.semantics_for(semantics, door="loss")}
    found = tw.reduce_weighted_values(
        torch.ones(values, dtype=torch.float64), mask=torch.ones(shape, dtype=torch.bool), **options
    )
    assert summed / found.item() == pytest.approx(expected, rel=1e-12)
    assert tw.reduce_weighted_values(torch.ones(values, dtype=torch.float64), **options).item() == 1


def test_weights_of_less_than_1_in_all_are_shared_as_any_other() -> None:
    """TensorFlow 1.12 where the mask could not be multiplied in: the sum of weights times the share that is unmasked."""
    mask = T([True, True, False])
    for scale in (1.0, 1 / 16):
        weight = scale * T([1.0, 3.0], dtype=torch.float64)
        found = tw.reduce_weighted_values(torch.ones(2, 3).double(), weight, mask, semantics="tf1.12:loss")
        assert found.item() == pytest.approx(1.0)  # 8 parts of 12, times 2 of 3 unmasked


def test_counts_stay_on_the_device_of_the_first(pretend: torch.device) -> None:
    here, there = (
        tw.MeanSquaredError().denominator(torch.zeros(n, 2, device=d)) for n, d in ((3, "cpu"), (5, pretend))
    )
    assert (here + there).value().device.type == "cpu"
    assert (there + here).value().device == there.value().device
    assert (here + there).value().item() == 8


@pytest.mark.parametrize("other", [1, 0.0, None, "0"])
def test_a_denominator_is_added_to_denominators_and_to_the_start_of_a_sum(other: object) -> None:
    made = tw.MeanSquaredError().denominator(torch.zeros(2, 2))
    assert sum([made]) is made
    for add in (lambda: made + other, lambda: other + made):
        with pytest.raises(TypeError):
            add()


@pytest.mark.parametrize(("averaged", "ranks"), [(2.0, 1), (1.0, 2), (4.0, 2)])
def test_a_denominator_of_all_ranks_is_not_added_again(averaged: float, ranks: int) -> None:
    made = tw.MeanSquaredError().denominator(torch.zeros(2, 2))
    whole = Denominator(made.counts, made.semantics, made.reduction, averaged=averaged, ranks=ranks)
    assert whole.is_global
    assert not made.is_global
    assert whole.value().item() == 2 / averaged
    for add in (lambda: made + whole, lambda: whole + made):
        with pytest.raises(ValueError, match="is of all batches and ranks already"):
            add()


def test_weights_that_make_the_values_averages_add_up_but_for_sums() -> None:
    """TensorFlow 1.14 averages the last axes of the values where it cannot repeat the weights: a sum is of averages then."""
    bare, y = tw.semantics_for("tf1.14", door="loss"), torch.zeros(2, 3, 4, 5)
    mean = tw.MeanSquaredError(semantics=bare)
    assert mean.denominator(y, torch.ones(2)).value().item() == 24
    with pytest.raises(ValueError, match="to add up; received .2,."):
        tw.MeanSquaredError(semantics=bare, reduction="sum").denominator(y, torch.ones(2))


# ------------------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("semantics", ["keras2.3.1", "tf1.15", "tf2.2", "tf_keras2.21", "keras3.15", "keras3.15-torch"])
@pytest.mark.parametrize("kind", [tw.Hinge, tw.SquaredHinge])
def test_a_rule_of_the_whole_batch_is_no_sum_of_micro_batches(kind: type[tw.WeightedLoss], semantics: str) -> None:
    criterion = kind(semantics=semantics)
    assert not criterion.decomposable
    with pytest.raises(ValueError, match=r"whole batch|decomposable is False"):
        criterion.denominator(torch.ones(2, 1))


@pytest.mark.parametrize("kind", [tw.Hinge, tw.SquaredHinge])
def test_that_refusal_advises_no_row_that_refuses_too(kind: type[tw.WeightedLoss]) -> None:
    with pytest.raises(ValueError, match="decomposable") as error:
        kind(semantics="keras3.15").denominator(torch.ones(2, 1))
    for row in ROWS:
        if row != "keras3.15" and f"'{row}'" in str(error.value):
            kind(semantics=row).denominator(torch.tensor([[-1.0], [1.0]]))


def test_denominators_of_different_rows_or_reductions_do_not_mix() -> None:
    targets = torch.zeros(2, 2)
    ours, theirs, total = (
        tw.MeanSquaredError(**o).denominator(targets) for o in ({}, {"semantics": "keras2.2.4"}, {"reduction": "sum"})
    )
    for other, word in ((theirs, "keras2.2.4"), (total, "sum")):
        with pytest.raises(ValueError, match=f"one row and one reduction.*expected 'torchweights'.*received.*'{word}'"):
            ours + other
        with pytest.raises(
            ValueError, match=f"denominator expected from a criterion with semantics='torchweights'.*'{word}'"
        ):
            tw.MeanSquaredError()(targets, targets, denominator=other)
    with pytest.raises(TypeError):
        ours + 1


def test_without_a_reduction_there_is_nothing_to_divide() -> None:
    criterion, targets = tw.MeanSquaredError(reduction="none"), torch.zeros(2, 2)
    with pytest.raises(ValueError, match=r"reduction that divides; received reduction='none'"):
        criterion.denominator(targets)
    with pytest.raises(ValueError, match=r"denominator expected only where something is divided.*reduction='none'"):
        criterion(targets, targets, denominator=3.0)


def test_a_sum_is_not_divided_silently_by_a_number_given() -> None:
    """reduction="sum" has the denominator 1: a number given is used or refused, and the class says which."""
    targets = torch.zeros(2, 2)
    assert tw.MeanSquaredError(reduction="sum")(targets + 1, targets, denominator=4.0).item() == 0.5


def test_labels_with_class_weights_need_the_shape_of_the_predictions() -> None:
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"expected y_pred_shape, received nothing.*y_pred_shape=logits\.shape"):
        criterion.denominator(T([0, 1]))
