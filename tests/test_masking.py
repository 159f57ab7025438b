"""Pixels without ground truth: which they are, how they are left out, and that they pass no gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.devices import DEVICES
from tests.pretend_device import NAME, without
from tests.samples import gradient
from torchweights import precision

T = torch.tensor
LABELS = T([[[0, 255], [2, 1]], [[255, 255], [1, 0]]])
KNOWN = LABELS != 255
ONE_HOT = torch.eye(3)[LABELS.clamp(max=2)] * KNOWN[..., None]
AXES = pytest.mark.parametrize("axis", [1, 2, 3, -1, -3])


def predictions(axis: int, seed: int = 0) -> Tensor:
    return (
        torch.randn(2, 2, 2, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        .movedim(-1, axis)
        .requires_grad_()
    )


def test_a_one_hot_pixel_without_a_class_has_no_ground_truth() -> None:
    assert torch.equal(tw.labelled_pixels(ONE_HOT), KNOWN)
    assert torch.equal(tw.labelled_pixels(0.25 * ONE_HOT), KNOWN)


@pytest.mark.parametrize("kind", [torch.int64, torch.int16, torch.uint8])
def test_the_void_label_has_no_ground_truth(kind: torch.dtype) -> None:
    assert torch.equal(tw.labelled_pixels(LABELS.to(kind), 255), KNOWN)
    assert tw.labelled_pixels(LABELS.to(kind)).all()


def test_negative_labels_never_have_ground_truth() -> None:
    assert tw.labelled_pixels(T([-1, 0, -100, 5])).tolist() == [False, True, False, True]
    assert tw.labelled_pixels(T([-1, 0, -100, 5]), 5).tolist() == [False, True, False, False]


def test_void_may_be_a_one_hot_class() -> None:
    targets = torch.eye(3)[T([0, 1, 2])]
    targets[1] = 0
    assert tw.labelled_pixels(targets, 2).tolist() == [True, False, False]


@AXES
@pytest.mark.parametrize("device", DEVICES)
def test_masked_pixels_are_those_with_ground_truth_in_order(axis: int, device: str) -> None:
    y_pred = predictions(axis).to(device)
    expected = y_pred.movedim(axis, -1)[KNOWN.to(device)]
    p, t = tw.mask_pixels(y_pred, LABELS.to(device), void=255, axis=axis)
    assert torch.equal(p, expected)
    assert torch.equal(t.cpu(), LABELS[KNOWN])
    p, t = tw.mask_pixels(y_pred, ONE_HOT.to(device).movedim(-1, axis), axis=axis)
    assert torch.equal(p, expected)
    assert torch.equal(t.cpu(), ONE_HOT[KNOWN])


@AXES
def test_blanked_pixels_are_zero_and_the_rest_is_as_it_was(axis: int) -> None:
    y_pred = predictions(axis)
    for targets in (LABELS, ONE_HOT.movedim(-1, axis)):
        p, t, mask = tw.blank_pixels(y_pred, targets, void=None if targets.is_floating_point() else 255, axis=axis)
        assert torch.equal(mask, KNOWN)
        assert (p.shape, t.shape) == (y_pred.shape, targets.shape)
        assert torch.equal(p.movedim(axis, -1)[KNOWN], y_pred.movedim(axis, -1)[KNOWN])
        assert not p.movedim(axis, -1)[~KNOWN].any()
        assert not (t.movedim(axis, -1) if t.is_floating_point() else t)[~KNOWN].any()


@AXES
def test_masking_and_blanking_and_ignoring_give_one_loss_and_one_gradient(axis: int) -> None:
    y_pred = predictions(axis)
    p, t, mask = tw.blank_pixels(y_pred, LABELS, void=255, axis=axis)
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, axis=axis)
    losses = [
        tw.SparseCategoricalCrossentropy(from_logits=True)(*tw.mask_pixels(y_pred, LABELS, void=255, axis=axis)),
        criterion(p, t, mask=mask),
        tw.SparseCategoricalCrossentropy(from_logits=True, axis=axis, ignore_class=255)(y_pred, LABELS),
        tw.CategoricalCrossentropy(from_logits=True)(*tw.mask_pixels(y_pred, ONE_HOT.movedim(-1, axis), axis=axis)),
    ]
    first = gradient(losses[0], y_pred)
    for loss in losses[1:]:
        torch.testing.assert_close(loss, losses[0], rtol=1e-14, atol=0)
        torch.testing.assert_close(gradient(loss, y_pred), first, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("poison", [torch.nan, torch.inf, 1e300])
@AXES
def test_what_void_pixels_hold_never_shows(axis: int, poison: float) -> None:
    clean = predictions(axis)
    y_pred = torch.where(KNOWN.unsqueeze(axis), clean, poison).detach().requires_grad_()
    for given in (clean, y_pred):
        p, t, mask = tw.blank_pixels(given, LABELS, void=255, axis=axis)
        masked = tw.mask_pixels(given, LABELS, void=255, axis=axis)
        for loss in (
            tw.SparseCategoricalCrossentropy(from_logits=True, axis=axis)(p, t, mask=mask),
            tw.SparseCategoricalCrossentropy(from_logits=True)(*masked),
        ):
            found = gradient(loss, given).movedim(axis, -1)
            assert loss.isfinite()
            assert found.isfinite().all()
            assert not found[~KNOWN].any()


def test_nothing_but_void_is_nothing() -> None:
    y_pred = predictions(-1)
    p, t = tw.mask_pixels(y_pred, torch.full_like(LABELS, 255), void=255)
    assert (p.shape, t.shape) == ((0, 3), (0,))
    loss = tw.SparseCategoricalCrossentropy(from_logits=True)(p, t)
    assert loss.item() == 0
    assert not gradient(loss, y_pred).any()


@pytest.mark.parametrize("function", [tw.mask_pixels, tw.blank_pixels])
@pytest.mark.parametrize(
    ("shape", "targets", "axis", "pieces"),
    [
        ((2, 4, 4, 3), torch.zeros(2, 4, 3, dtype=torch.int64), -1, ["(2, 4, 4) (labels", "received (2, 4, 3)"]),
        (
            (2, 3, 4, 4),
            torch.zeros(2, 4, 4, dtype=torch.int64),
            -1,
            ["(2, 3, 4) (labels", "axis -1", "received (2, 4, 4)"],
        ),
        ((2, 4, 4, 3), torch.zeros(2, 4, 4), -1, ["(2, 4, 4, 3) (one-hot targets", "received (2, 4, 4)"]),
        (
            (2, 3, 4, 4),
            torch.zeros(2, 4, 4, 3),
            1,
            ["(2, 3, 4, 4) (one-hot targets", "classes on axis 1", "received (2, 4, 4, 3)"],
        ),
    ],
)
def test_shapes_that_do_not_meet_are_refused(
    function: object, shape: tuple[int, ...], targets: Tensor, axis: int, pieces: list[str]
) -> None:
    with pytest.raises(ValueError, match="Say where the classes are with axis=") as error:
        function(torch.zeros(shape), targets, axis=axis)  # type: ignore[operator]
    assert all(piece in str(error.value) for piece in ["y_true expected shape", *pieces]), error.value


@pytest.mark.parametrize("options", [{"void": 255}, {"axis": 7}])
def test_a_void_class_or_an_axis_that_is_not_there_is_a_typed_error(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        tw.mask_pixels(torch.zeros(2, 4, 4, 3), torch.zeros(2, 4, 4, 3), **options)


@pytest.mark.parametrize(
    ("axis", "words"),
    [(-5, "from -4 to 3"), (4, "from -4 to 3"), (9, "received 9")],
)
def test_an_axis_outside_is_told_what_there_is(axis: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        tw.mask_pixels(torch.zeros(2, 4, 4, 3), torch.zeros(2, 4, 4, 3), axis=axis)


def test_the_first_and_the_last_axis_may_hold_the_classes() -> None:
    y_pred, labels = torch.arange(6.0).reshape(3, 2), T([0, 255])
    for axis in (0, -2):
        p, t = tw.mask_pixels(y_pred, labels, void=255, axis=axis)
        assert (p.tolist(), t.tolist()) == ([[0.0, 2.0, 4.0]], [0])


@pytest.mark.parametrize(("void", "known"), [(0, [False, True, True]), (2, [True, True, False])])
def test_void_may_be_the_first_class_or_the_last(void: int, known: list[bool]) -> None:
    assert tw.labelled_pixels(torch.eye(3), void).tolist() == known


@pytest.mark.parametrize("void", [-1, 3])
def test_a_void_class_beside_the_last_one_is_refused(void: int) -> None:
    with pytest.raises(ValueError, match=f"one of the 3 classes.*received {void}"):
        tw.labelled_pixels(torch.eye(3), void)


@pytest.mark.parametrize(
    ("y_true", "options", "count"),
    [
        (T([0, 3, -1, 2, 1]), {}, 3),
        (T([0, 3, -1, 2, 1]), {"background": 3}, 3),
        (T([0, 3, -1, 2, 1]), {"mask": T([True, True, True, False, True])}, 2),
        (T([0, 3, -1, 2, 1]), {"mask": T([2.0, 2.0, 1.0, 0.0, 1.0])}, 2),
        (T([[0.0, 0.25, 1.0], [0.0, 0.0, 0.0]]), {}, 1),
        (T([[[0.0, 1.0], [0.0, 1.0]], [[0.0, 0.0], [1.0, 0.0]]]), {}, 3),
        (T([[[0.0, 1.0], [0.0, 1.0]], [[0.0, 0.0], [1.0, 0.0]]]), {"mask": T([[True, False], [True, True]])}, 2),
        (T([0, 0]), {}, 1),
        (torch.zeros(4, 2), {}, 1),
    ],
    ids=str,
)
def test_positives_are_places_with_an_object_and_at_least_one(
    y_true: Tensor, options: dict[str, Any], count: int
) -> None:
    found = tw.positive_count(y_true, **options)
    assert (found.item(), found.dtype, found.shape) == (count, torch.float64, ())


def test_a_mask_of_other_places_has_no_positives_to_tell() -> None:
    with pytest.raises(ValueError, match=r"mask expected shape \(2, 3\), one for each place; received \(2,\)"):
        tw.positive_count(torch.zeros(2, 3, 4), mask=T([True, False]))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: tw.labelled_pixels(None), "y_true"),
        (lambda: tw.mask_pixels(torch.zeros(2, 3), None), "y_true"),
        (lambda: tw.blank_pixels(None, torch.zeros(2, 3)), "y_pred"),
        (lambda: tw.positive_count(None), "y_true"),
        (lambda: tw.positive_count(torch.tensor([0, 1]), mask=[True, False]), "mask"),
    ],
)
def test_what_is_no_tensor_is_named(call: Any, name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name} expected a torch.Tensor"):
        call()


def test_an_axis_of_targets_that_is_not_there_names_them() -> None:
    with pytest.raises(ValueError, match=r"^axis expected from -2 to 1 for y_true of rank 2; received 2"):
        tw.labelled_pixels(torch.zeros(2, 3), axis=2)


def test_a_share_of_an_object_is_an_object_and_labels_may_be_unsigned() -> None:
    assert tw.positive_count(T([[0.0], [0.5], [0.25]])) == 2
    assert tw.positive_count(torch.tensor([0, 1, 7], dtype=torch.uint16)) == 2


@pytest.mark.parametrize(
    ("y_true", "background", "words"),
    [
        (T([0, 1]), "sky", "background expected a label (an int); received str 'sky'. Write int(background)."),
        (
            T([0.0, 1.0]),
            1,
            "background expected to be left out beside floating point labels, of which 0 is none; received 1. Give integer labels "
            "to have a background among them.",
        ),
    ],
)
def test_a_background_that_cannot_be_meant_is_told_in_these_words(y_true: Tensor, background: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        tw.positive_count(y_true, background=background)
    assert str(raised.value) == words


def test_positives_are_counted_in_what_their_device_has(pretend: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "WITHOUT_FLOAT64", {NAME})
    with without(torch.float64):
        found = tw.positive_count(T([0, 2, 1], device=pretend))
    assert (found.dtype, found.cpu().item()) == (torch.float32, 2.0)
