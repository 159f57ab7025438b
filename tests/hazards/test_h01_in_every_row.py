"""H1 in every row: rows weigh and mask in their own ways, and none lets show what is left out; class weights of 0 hide as well."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.devices import DEVICES
from tests.hazards.catalogue import N, built
from tests.hazards.poison import BAD_LABELS, OUT, POISON, Loss, changed, poisoned
from tests.samples import BY_NAME, FLAT, ROWS, SAMPLES, Sample, gradient

T = torch.tensor
pytestmark = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")


def assert_hidden(loss: Loss, sample: Sample, **beside: Any) -> None:
    """Loss and gradient are those of the clean batch bit for bit, and the gradient of what is excluded is exactly 0."""
    assert not changed(loss, *sample.batch(N, dtype=torch.float32), beside)


def excluding(how: str, criterion: tw.WeightedLoss, y_pred_shape: tuple[int, ...]) -> dict[str, Tensor]:
    values = criterion._values_shape(y_pred_shape)
    mask = (~OUT).reshape(-1, *[1] * (len(values) - 1)).expand(values)
    weight = T([0.5, 0.0, 2.0, 0.0])
    return {
        "mask": {"mask": mask},
        "weight": {"sample_weight": weight},
        "both": {"mask": mask, "sample_weight": T([0.5, 1.0, 2.0, 0.0])},
    }[how]


@pytest.mark.parametrize("semantics", [row for row in tw.SEMANTICS if row != "torchweights"])
@pytest.mark.parametrize("sample", FLAT, ids=str)
@pytest.mark.parametrize("how", ["mask", "weight", "both"])
def test_what_is_excluded_never_shows_in_any_row(sample: Sample, how: str, semantics: str) -> None:
    criterion = built(sample, semantics=semantics)
    if "hinge" in sample.name and sample.kind is tw.SquaredHinge:
        sample = BY_NAME["hinge"]  # labels 0 and 1 are judged over the whole batch there: -1 and 1 stay as they are
    assert_hidden(criterion, sample, **excluding(how, criterion, (N, *sample.shape)))


@pytest.mark.parametrize("semantics", ROWS)
@pytest.mark.parametrize("sample", [s for s in SAMPLES if s not in FLAT], ids=str)
def test_masked_steps_and_pixels_never_show_in_any_row(sample: Sample, semantics: str) -> None:
    if semantics.startswith("keras2.3") and len(sample.values_shape()) > 2:
        return  # refuses such a mask
    criterion = built(sample, semantics=semantics)
    assert_hidden(criterion, sample, **excluding("mask", criterion, (N, *sample.shape)))


@pytest.mark.parametrize("device", DEVICES)
def test_a_single_masked_pixel_never_shows(device: str) -> None:
    criterion = built(tw.SparseCategoricalCrossentropy, from_logits=True, axis=1)
    logits, labels = torch.randn(2, 3, 4, 4, device=device), torch.zeros(2, 4, 4, dtype=torch.int64, device=device)
    mask = torch.ones_like(labels, dtype=torch.bool)
    mask[1, 2, 3] = False
    clean = criterion(logits, labels, mask=mask)
    logits[1, :, 2, 3], labels[1, 2, 3] = torch.nan, 99
    logits.requires_grad_()
    found = criterion(logits, labels, mask=mask)
    assert torch.equal(found, clean)
    assert torch.equal(gradient(found, logits)[1, :, 2, 3], torch.zeros(3, device=device))


@pytest.mark.parametrize("semantics", ROWS)
@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.sparse and s.takes_class_weight], ids=str)
def test_predictions_at_an_ignored_label_never_show(sample: Sample, semantics: str) -> None:
    if semantics.startswith("keras2.3") and len(sample.values_shape()) > 2:
        return  # refuses such a mask
    y_pred, y_true = sample.batch(N, dtype=torch.float32)
    y_true[OUT] = 255
    criterion = built(sample, ignore_class=255, semantics=semantics)
    clean = criterion(y_pred, y_true)
    for poison in POISON:
        p, _ = poisoned(y_pred, y_true, poison, 255)
        found = criterion(p, y_true)
        assert torch.equal(found, clean)
        assert torch.equal(gradient(found, p), gradient(criterion(y_pred, y_true), y_pred))


@pytest.mark.parametrize("label", [-1, -(2**63), 255])
@pytest.mark.parametrize("kind", [torch.int64, torch.int32, torch.uint8])
def test_an_ignored_label_is_ignored_in_every_integer_kind_that_holds_it(label: int, kind: torch.dtype) -> None:
    if not torch.iinfo(kind).min <= label <= torch.iinfo(kind).max:
        return
    criterion = built(tw.SparseCategoricalCrossentropy, from_logits=True, ignore_class=label)
    assert criterion(torch.zeros(2, 4), T([1, label], dtype=kind)).item() == pytest.approx(1.3862944)


WITH_CLASSES = [s for s in SAMPLES if s.takes_class_weight and s.shape != (2,)]


CLASS_0 = [(s, row) for s in WITH_CLASSES for row in ROWS]


@pytest.mark.parametrize(("sample", "semantics"), CLASS_0, ids=str)
def test_predictions_of_a_class_with_weight_0_never_show(sample: Sample, semantics: str) -> None:
    if semantics not in ("torch", "torchweights") and sample not in FLAT:
        return  # Keras refuses class weights for pixels
    classes = 2 if "binary" in sample.name else 3
    criterion = built(sample, class_weight={c: float(c != 1) for c in range(classes)}, semantics=semantics)
    y_pred, y_true = sample.batch(N, dtype=torch.float32)
    out = (
        y_true.argmax(sample.pred_axis) == 1
        if issubclass(sample.kind, tw.CategoricalCrossentropy)
        else y_true.reshape(y_true.shape if sample.sparse else (N,)) == 1
    )
    assert out.any() and not out.all()
    loss = criterion(y_pred, y_true)
    clean = gradient(loss, y_pred)
    for poison in POISON:
        p = (
            torch.where(out.unsqueeze(sample.pred_axis), torch.full_like(y_pred, poison), y_pred)
            .detach()
            .requires_grad_()
        )
        found = criterion(p, y_true)
        assert torch.equal(found, loss), poison
        assert torch.equal(gradient(found, p), clean), poison


@pytest.mark.parametrize("poison", POISON)
def test_a_label_column_of_weight_0_never_shows(poison: float) -> None:
    criterion = built(tw.BinaryCrossentropy, from_logits=True, class_weight=[1.0, 0.0])
    y_pred, y_true = BY_NAME["binary logits"].batch(N, dtype=torch.float32)
    clean = criterion(y_pred, y_true)
    p, t = y_pred.detach().clone(), y_true.clone()
    p[:, 1] = poison
    found = criterion(p.requires_grad_(), t)
    assert torch.equal(found, clean)
    assert torch.equal(gradient(found, p), gradient(clean, y_pred))


@pytest.mark.parametrize(
    ("poison", "validate"),
    [
        (torch.nan, None), (torch.nan, False), (torch.inf, False),
        (torch.inf, None),
    ],
)  # fmt: skip
def test_a_target_under_a_label_column_of_weight_0_never_shows(poison: float, validate: bool | None) -> None:
    criterion = built(tw.BinaryCrossentropy, from_logits=True, class_weight=[1.0, 0.0], validate=validate)
    y_pred, y_true = BY_NAME["binary logits"].batch(N, dtype=torch.float32)
    clean, t = criterion(y_pred, y_true), y_true.clone()
    t[:, 1] = poison
    found = criterion(y_pred, t)
    assert torch.equal(found, clean)
    assert torch.equal(gradient(found, y_pred), gradient(criterion(y_pred, y_true), y_pred))


@pytest.mark.parametrize("label", BAD_LABELS)
@pytest.mark.parametrize("validate", [None, False])
@pytest.mark.parametrize("how", ["mask", "weight", "both", "ignored"])
@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.sparse and s.takes_class_weight], ids=str)
def test_a_bad_label_that_is_excluded_never_shows_beside_class_weights(
    sample: Sample, how: str, validate: bool | None, label: int
) -> None:
    ignored = {"ignore_class": label} if how == "ignored" else {}
    criterion = built(sample, class_weight=[1.0, 2.0, 3.0], validate=validate, **ignored)
    y_pred, y_true = sample.batch(N, dtype=torch.float32)
    given = excluding("mask" if how == "ignored" else how, criterion, y_pred.shape)
    clean = criterion(y_pred, y_true, **given)
    p, t = poisoned(y_pred, y_true, torch.nan, label)
    found = criterion(p, t, **({} if how == "ignored" else given))
    assert torch.equal(found, clean)
    assert torch.equal(gradient(found, p), gradient(criterion(y_pred, y_true, **given), y_pred))


@pytest.mark.parametrize("poison", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_a_weight_that_the_mask_hides_never_shows(sample: Sample, poison: float) -> None:
    y_pred, y_true = sample.batch(N, dtype=torch.float32)
    for reduction in ("mean", "mean_with_sample_weight", "sum"):
        criterion = built(sample, reduction=reduction)
        weight = T([0.5, 3.0, 2.0, 1.0])
        clean = criterion(y_pred, y_true, weight, ~OUT)
        found = criterion(y_pred, y_true, torch.where(OUT, poison, weight), ~OUT)
        assert torch.equal(found, clean)
        assert torch.equal(gradient(found, y_pred), gradient(criterion(y_pred, y_true, weight, ~OUT), y_pred))


# ------------------------------------------------------------------------------------------------------------- what is included


@pytest.mark.parametrize("semantics", ROWS)
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_a_nan_that_is_included_is_never_hidden(sample: Sample, semantics: str) -> None:
    y_pred, y_true = sample.batch(N, dtype=torch.float32)
    p = y_pred.detach().clone()
    p[2] = torch.nan
    criterion = built(sample, semantics=semantics)
    assert criterion(p, y_true).isnan()
    if semantics == "torchweights":
        assert criterion(p, y_true, mask=~OUT).isnan()
        if y_true.is_floating_point():
            t = y_true.clone()
            t[2] = torch.nan
            assert criterion(y_pred, t).isnan()


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
@pytest.mark.parametrize("weight", [torch.nan, torch.inf])
def test_a_weight_that_is_not_finite_and_included_is_never_hidden(sample: Sample, weight: float) -> None:
    y_pred, y_true = sample.batch(N, dtype=torch.float32)
    assert not built(sample)(y_pred, y_true, T([1.0, weight, 1.0, 1.0])).isfinite()


def naive_product(y_pred: Tensor, y_true: Tensor, mask: Tensor) -> Tensor:
    return ((y_pred - y_true).square().mean(-1) * mask).sum() / mask.sum()


def naive_where_afterwards(y_pred: Tensor, y_true: Tensor, mask: Tensor) -> Tensor:
    values = (y_pred - y_true).square().sqrt().mean(-1)
    return torch.where(mask, values, 0.0).sum() / mask.sum()


@pytest.mark.negative_control
@pytest.mark.parametrize("naive", [naive_product, naive_where_afterwards])
def test_a_naive_mask_fails_this_check(naive: Loss) -> None:
    """Negative control: what everybody writes first lets NaN through, in the loss or in the gradient."""
    with pytest.raises(AssertionError):
        assert_hidden(naive, BY_NAME["mse"], mask=~OUT)
