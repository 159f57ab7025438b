"""Dice and Tversky by class: what is summed, which classes take part, what is left out; and BCE-Dice."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.devices import DEVICES

T = torch.tensor
N, C, H, W = 2, 3, 4, 5


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(N, C, H, W, generator=generator, dtype=torch.float64).requires_grad_()
    return logits, torch.randint(C, (N, H, W), generator=generator)


def one_hot(labels: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(labels, C).double().movedim(-1, 1)


def by_hand(p: Tensor, t: Tensor, over: str, smooth: float, alpha: float = 0.5, beta: float = 0.5) -> Tensor:
    """1 - Tversky, in loops over images and classes."""

    def score(p: Tensor, t: Tensor) -> Tensor:
        both = (p * t).sum()
        return 1 - (both + smooth) / (both + alpha * (t * (1 - p)).sum() + beta * ((1 - t) * p).sum() + smooth)

    if over == "everything":
        return score(p, t)
    if over == "batch":
        return torch.stack([score(p[:, c], t[:, c]) for c in range(C)])
    return torch.stack([torch.stack([score(p[n, c], t[n, c]) for c in range(C)]) for n in range(N)])


@pytest.mark.parametrize("over", ["image", "batch", "everything"])
@pytest.mark.parametrize("kind", ["labels", "one-hot"])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
@pytest.mark.parametrize("device", DEVICES)
def test_every_sum(over: str, kind: str, activation: str, device: str) -> None:
    logits, labels = batch()
    p = {"softmax": logits.softmax(1), "sigmoid": logits.sigmoid(), "none": logits.sigmoid()}[activation]
    given = p.detach() if activation == "none" else logits
    y_true = labels if kind == "labels" else one_hot(labels)
    dice = tw.ClassDice(activation=activation, over=over, smooth=1.0, axis=1)(given.to(device), y_true.to(device))
    torch.testing.assert_close(dice.cpu(), by_hand(p, one_hot(labels), over, 0.5).mean(), rtol=1e-12, atol=0)
    tversky = tw.ClassTversky(activation=activation, over=over, alpha=0.7, beta=0.3, axis=1)
    expected = by_hand(p, one_hot(labels), over, 0.5, 0.7, 0.3).mean()
    torch.testing.assert_close(tversky(given.to(device), y_true.to(device)).cpu(), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize(("normalisation", "divisor"), [("weights", 6.0), ("classes", 3.0), ("none", 1.0)])
@pytest.mark.parametrize("over", ["image", "batch"])
def test_class_weights_by_their_normalisation(normalisation: str, divisor: float, over: str) -> None:
    logits, labels = batch()
    weights = T([1.0, 2.0, 3.0], dtype=torch.float64)
    by_class = by_hand(logits.softmax(1), one_hot(labels), over, 0.5)
    criterion = tw.ClassDice(activation="softmax", over=over, axis=1, class_weight=weights, normalisation=normalisation)
    expected = ((by_class * weights).sum(-1) / divisor).mean()
    torch.testing.assert_close(criterion(logits, labels), expected, rtol=1e-12, atol=0)


def test_an_absent_class_counts_or_is_skipped() -> None:
    logits, labels = batch()
    labels = labels.clamp(max=1)
    by_class = by_hand(logits.softmax(1), one_hot(labels), "batch", 0.5)
    for absent, expected in (("count", by_class.mean()), ("skip", by_class[:2].mean())):
        criterion = tw.ClassDice(activation="softmax", over="batch", axis=1, absent=absent)
        torch.testing.assert_close(criterion(logits, labels), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("over", "absent"),
    [("image", "count"), ("image", "skip"), ("batch", "count"), ("batch", "skip"), ("everything", "count")],
)
@pytest.mark.parametrize("how", ["mask", "ignore_class", "weight"])
def test_masked_is_cropped(over: str, how: str, absent: str) -> None:
    """Left-out pixels leave numerator and denominator, whatever they hold: the loss is that of the rest."""
    logits, labels = batch()
    criterion = tw.ClassDice(activation="softmax", over=over, axis=1, ignore_class=255, absent=absent)
    cropped = criterion(logits[..., :3], labels[..., :3])
    out = torch.arange(W) >= 3
    poisoned = torch.where(out, torch.nan, logits.detach()).requires_grad_()
    mask = (~out).expand(N, H, W)
    if how == "ignore_class":
        loss = criterion(poisoned, torch.where(out, 255, labels))
    else:
        loss = criterion(poisoned, labels, **({"mask": mask} if how == "mask" else {"sample_weight": mask.double()}))
    torch.testing.assert_close(loss, cropped, rtol=1e-13, atol=0)
    (found,) = torch.autograd.grad(loss, poisoned)
    (expected,) = torch.autograd.grad(cropped, logits)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-16)


def test_weights_of_images_meet_their_values() -> None:
    logits, labels = batch()
    values = tw.ClassDice(activation="softmax", axis=1, reduction="none")(logits, labels)
    weight = T([0.5, 2.0], dtype=torch.float64)
    found = tw.ClassDice(activation="softmax", axis=1)(logits, labels, weight)
    torch.testing.assert_close(found, (values * weight).mean(), rtol=1e-13, atol=0)


@pytest.mark.parametrize("over", ["image", "batch", "everything"])
def test_derivatives(over: str) -> None:
    logits, labels = batch()
    weight = torch.nn.Parameter(T([1.0, 2.0, 3.0], dtype=torch.float64))
    criterion = tw.ClassTversky(activation="softmax", over=over, axis=1, alpha=0.7, beta=0.3, class_weight=weight)
    pixel_weight = torch.rand(N, H, W, dtype=torch.float64).requires_grad_()

    def loss(p: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.func.functional_call(criterion, {"class_weight": c}, (p, labels, w))

    assert torch.autograd.gradcheck(loss, [logits, weight.detach().requires_grad_(), pixel_weight])


def test_refusals() -> None:
    logits, labels = batch()
    with pytest.raises(TypeError, match="activation"):
        tw.ClassDice()  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="axis expected for y_pred of rank 4"):
        tw.ClassDice(activation="softmax")(logits, labels)
    with pytest.raises(ValueError, match=r"y_true expected shape \(2, 4, 5\)"):
        tw.ClassDice(activation="softmax", axis=1)(logits, labels[0])
    with pytest.raises(ValueError, match="labels from 0 to 2"):
        tw.ClassDice(activation="softmax", axis=1)(logits, labels + 1)
    with pytest.raises(ValueError, match="over expected"):
        tw.ClassDice(activation="softmax", over="all")
    with pytest.raises(ValueError, match="only with over='image'"):
        tw.ClassDice(activation="softmax", over="batch", axis=1)(logits, labels, denominator=2.0)
    with pytest.raises(ValueError, match="smooth expected a number, 0 or more"):
        tw.ClassDice(activation="softmax", smooth=-1.0)


def test_its_config_builds_it_again() -> None:
    logits, labels = batch()
    criterion = tw.ClassDice(activation="softmax", axis=1, class_weight=[1.0, 2.0, 3.0], absent="skip")
    twin = tw.ClassDice.from_config(criterion.get_config())
    assert torch.equal(twin(logits, labels), criterion(logits, labels)) and repr(twin) == repr(criterion)


# ------------------------------------------------------------------------------------------------------------------- BCE-Dice


def bce_dice(p: Tensor, t: Tensor, weight: Tensor, form: str) -> Tensor:
    bce = -(t * p.log() + (1 - t) * (1 - p).log()).mean(1)
    dice = (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)
    return weight[t.argmax(1)] * (bce + 1 - dice if form == "usual" else bce - (1 + dice))


@pytest.mark.parametrize("form", ["usual", "as_written"])
@pytest.mark.parametrize("read", ["values", "keys"])
@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")
def test_bce_dice_in_every_reading(form: str, read: str, from_logits: bool) -> None:
    logits, labels = batch()
    p, t = logits.sigmoid(), one_hot(labels)
    weights = {0: 1.0, 1: 3.0, 2: 1000.0}
    acting = T(list(weights.values()) if read == "values" else [0.0, 1.0, 2.0], dtype=torch.float64)
    criterion = tw.BinaryCrossentropyDice(
        form=form, class_weight=weights, class_weight_read=read, from_logits=from_logits, axis=1, reduction=None
    )
    found = criterion(logits if from_logits else p, t)
    torch.testing.assert_close(found, bce_dice(p, t, acting, form), rtol=1e-10, atol=1e-12)


def test_keys_that_act_as_weights_warn() -> None:
    tw.messages._said.clear()
    with pytest.warns(tw.KerasTrapWarning, match="class 0 weighs nothing"):
        tw.BinaryCrossentropyDice(class_weight={0: 1.0, 1: 9.0}, class_weight_read="keys", from_logits=True)
    with pytest.raises(TypeError, match="expected a dict with class_weight_read='keys'"):
        tw.BinaryCrossentropyDice(class_weight=[1.0, 9.0], class_weight_read="keys", from_logits=True)


def test_masked_pixels_leave_both_terms() -> None:
    logits, labels = batch()
    out = torch.arange(W) >= 3
    criterion = tw.BinaryCrossentropyDice(class_weight=[1.0, 2.0, 3.0], from_logits=True, axis=1)
    cropped = criterion(logits[..., :3], one_hot(labels)[..., :3])
    poisoned = torch.where(out, torch.nan, logits.detach()).requires_grad_()
    loss = criterion(poisoned, one_hot(labels), mask=(~out).expand(N, H, W))
    torch.testing.assert_close(loss, cropped, rtol=1e-13, atol=0)
    assert torch.isfinite(torch.autograd.grad(loss, poisoned)[0]).all()


def test_derivatives_of_bce_dice() -> None:
    logits, labels = batch()
    criterion = tw.BinaryCrossentropyDice(class_weight=[1.0, 2.0, 3.0], from_logits=True, axis=1)
    weight = torch.rand(N, H, W, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda p, w: criterion(p, one_hot(labels), w), [logits, weight])


# ------------------------------------------------------------------------------- focal numbers by class, smoothing, RetinaNet


@pytest.mark.parametrize("axis", [1, -1])
def test_focal_numbers_by_class_on_any_axis(axis: int) -> None:
    logits, labels = batch()
    alpha, gamma = [0.25, 0.5, 1.0], [0.5, 1.0, 3.0]
    log_p = logits.log_softmax(1).movedim(1, -1)
    t = one_hot(labels).movedim(1, -1)
    expected = -(T(alpha) * (1 - log_p.exp()) ** T(gamma) * t * log_p).sum(-1).mean()
    criterion = tw.CategoricalFocalCrossentropy(alpha=alpha, gamma=gamma, from_logits=True, axis=axis)
    found = criterion(logits.movedim(1, axis), one_hot(labels).movedim(1, axis))
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=0)


@pytest.mark.parametrize("axis", [1, ()])
def test_binary_focal_numbers_by_label(axis: Any) -> None:
    logits, labels = batch()
    logits, t = logits[:, :, 0, 0], one_hot(labels)[:, :, 0, 0]
    alpha, gamma = [0.25, 0.5, 0.9], [0.0, 1.0, 2.0]
    p = logits.sigmoid()
    p_t = t * p + (1 - t) * (1 - p)
    alpha_t = t * T(alpha) + (1 - t) * (1 - T(alpha))
    expected = (-alpha_t * (1 - p_t) ** T(gamma) * p_t.log()).mean()
    criterion = tw.BinaryFocalCrossentropy(
        apply_class_balancing=True, alpha=alpha, gamma=gamma, from_logits=True, axis=axis
    )
    torch.testing.assert_close(criterion(logits, t), expected, rtol=1e-7, atol=0)
    assert torch.autograd.gradcheck(lambda p: criterion(p, t), [logits.detach().requires_grad_()])


def test_weights_do_not_leak_into_p_t() -> None:
    logits, labels = batch()
    t = one_hot(labels)
    criterion = tw.CategoricalFocalCrossentropy(from_logits=True, axis=1, reduction=None, class_weight=[1.0, 10.0, 0.1])
    plain = tw.CategoricalFocalCrossentropy(from_logits=True, axis=1, reduction=None)
    weight = T([1.0, 10.0, 0.1], dtype=torch.float64)[labels]
    torch.testing.assert_close(criterion(logits, t), plain(logits, t) * weight, rtol=1e-14, atol=0)


@pytest.mark.parametrize("gamma", [[0.3, 0.5, 2.0], [0.0, 1.0, 0.9]])
def test_gradients_of_certain_predictions_are_finite(gamma: list[float]) -> None:
    logits = T([[200.0, -200.0, 0.0], [-200.0, 200.0, 0.0]]).requires_grad_()
    t = torch.eye(3)[[0, 0]]
    for criterion in (
        tw.CategoricalFocalCrossentropy(gamma=gamma, from_logits=True),
        tw.BinaryFocalCrossentropy(gamma=gamma, from_logits=True),
    ):
        assert torch.isfinite(torch.autograd.grad(criterion(logits, t), logits)[0]).all()


def test_retinanet_divides_by_positives() -> None:
    logits, t = torch.randn(2, 5, 3, dtype=torch.float64), torch.zeros(2, 5, 3)
    t[0, 1, 2] = t[1, 4, 0] = t[1, 2, 1] = 1
    criterion = tw.BinaryFocalCrossentropy(apply_class_balancing=True, from_logits=True, axis=())
    total = tw.BinaryFocalCrossentropy(apply_class_balancing=True, from_logits=True, axis=(), reduction="sum")
    found = criterion(logits, t, denominator=tw.positive_count(t))
    torch.testing.assert_close(found, total(logits, t) / 3, rtol=1e-14, atol=0)
    assert tw.positive_count(torch.zeros(4, 2)) == 1
    assert tw.positive_count(T([0, 3, -1, 2]), mask=T([True, True, True, False])) == 1
    with pytest.raises(ValueError, match=r"mask expected shape \(4,\)"):
        tw.positive_count(T([0, 3, -1, 2]), mask=T([True]))


@pytest.mark.parametrize("sparse", [True, False])
def test_both_meanings_of_smoothing_times_class_weights(sparse: bool) -> None:
    """Keras weighs the smoothed loss by its label, torch each class's term by its own weight."""
    logits, labels = batch()
    logits, labels = logits[:, :, 0, 0], labels[:, 0, 0]
    weight = T([1.0, 5.0, 0.5], dtype=torch.float64)
    kind: Any = tw.SparseCategoricalCrossentropy if sparse else tw.CategoricalCrossentropy
    y_true = labels if sparse else one_hot(labels)
    smoothed = torch.nn.functional.one_hot(labels, C).double() * 0.9 + 0.1 / C
    terms = -smoothed * logits.log_softmax(1)
    options: dict[str, Any] = {"from_logits": True, "label_smoothing": 0.1, "class_weight": weight}
    expected = {"label": (terms.sum(1) * weight[labels]).mean(), "every_class": (terms * weight).sum(1).mean()}
    for place, value in expected.items():
        found = kind(**options, class_weight_on=place)(logits, y_true)
        torch.testing.assert_close(found, value, rtol=1e-12, atol=0)
    torch.testing.assert_close(kind(**options)(logits, y_true), expected["label"], rtol=1e-12, atol=0)
    theirs = torch.nn.functional.cross_entropy(logits, labels, weight=weight, label_smoothing=0.1)
    torch.testing.assert_close(
        kind(**options, semantics="torch")(logits, y_true), theirs, rtol=1e-12, atol=0
    ) if sparse else None
    with pytest.raises(ValueError, match="class_weight_on expected 'label' or nothing"):
        kind(class_weight_on="every_class", semantics="keras3.15")
    with pytest.raises(ValueError, match="class_weight_on expected one of"):
        kind(class_weight_on="classes", from_logits=True)


@pytest.mark.parametrize("place", ["label", "every_class"])
@pytest.mark.parametrize("sparse", [True, False])
def test_derivatives_to_predictions_and_class_weights_of_smoothed_losses(place: str, sparse: bool) -> None:
    logits, labels = batch()
    kind: Any = tw.SparseCategoricalCrossentropy if sparse else tw.CategoricalCrossentropy
    weight = torch.nn.Parameter(T([1.0, 5.0, 0.5], dtype=torch.float64))
    criterion = kind(from_logits=True, axis=1, label_smoothing=0.1, class_weight=weight, class_weight_on=place)
    y_true = labels if sparse else one_hot(labels)

    def loss(p: Tensor, c: Tensor) -> Tensor:
        return torch.func.functional_call(criterion, {"class_weight": c}, (p, y_true))

    assert torch.autograd.gradcheck(loss, [logits, weight.detach().requires_grad_()])


def test_derivatives_of_focal_losses_by_class() -> None:
    logits, labels = batch()
    criterion = tw.CategoricalFocalCrossentropy(alpha=[0.1, 0.5, 1.0], gamma=[0.5, 1.0, 3.0], from_logits=True, axis=1)
    weight = torch.rand(N, H, W, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda p, w: criterion(p, one_hot(labels), w), [logits, weight])


@pytest.mark.parametrize("beside", ["mask of pixels", "mask of images", "weights of pixels", "weights of images"])
def test_images_over_chunks_have_the_loss_of_the_whole_batch(beside: str) -> None:
    """Masks and weights of pixels act inside of the value of an image, and leave out none."""
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(4, 3, 2, 2, generator=generator), torch.randint(3, (4, 2, 2), generator=generator)
    given = {
        "mask of pixels": {"mask": torch.rand(4, 2, 2, generator=generator) > 0.3},
        "mask of images": {"mask": T([True, False, True, True])},
        "weights of pixels": {"sample_weight": torch.rand(4, 2, 2, generator=generator)},
        "weights of images": {"sample_weight": T([0.5, 2.0, 0.0, 1.0])},
    }[beside]
    criterion = tw.ClassDice(activation="softmax", axis=1)
    parts = [slice(0, 1), slice(1, 4)]
    calls = [(logits[part], labels[part], {name: one[part] for name, one in given.items()}) for part in parts]
    d = sum(criterion.denominator(t, **more, y_pred_shape=p.shape) for p, t, more in calls)
    found = sum(criterion(p, t, **more, denominator=d) for p, t, more in calls)
    torch.testing.assert_close(found, criterion(logits, labels, **given))
