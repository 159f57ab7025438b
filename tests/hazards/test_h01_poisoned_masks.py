"""H1: what is excluded contributes exactly 0 to loss and gradient, whatever it holds (P1); what is included never hides (P1')."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import torchweights as tw
from tests.hazards.catalogue import PER_SAMPLE, N, given, given_total, slope, total, unchecked
from tests.samples import Sample

OUT = torch.tensor([False, True, False, True])
POISON = [torch.nan, torch.inf, -torch.inf, 3e38, -3e38]
BAD_LABELS = [-(2**63), -1, 3, 255, 2**63 - 1]
REDUCTIONS = ["sum_over_batch_size", "mean_with_sample_weight", "sum", "none"]


def poisoned(y_pred: Tensor, y_true: Tensor, poison: float, label: int) -> tuple[Tensor, Tensor]:
    p, t = y_pred.detach().clone(), y_true.clone()
    p[OUT], t[OUT] = poison, poison if t.is_floating_point() else label
    return p.requires_grad_(), t


def excluding(how: str) -> dict[str, Tensor]:
    return {"mask": {"mask": ~OUT}, "weight": {"sample_weight": torch.tensor([0.5, 0.0, 2.0, 0.0])}}[how]


def changed(loss: Callable[..., Tensor], y_pred: Tensor, y_true: Tensor, poisons: list[float] = POISON) -> list[float]:
    """The poisons that change a bit of the loss or of the gradient, or get a gradient themselves."""
    clean = loss(y_pred, y_true)
    clean_slope = slope(clean, y_pred)
    found = []
    for poison, label in zip(poisons, BAD_LABELS, strict=True):
        p, t = poisoned(y_pred, y_true, poison, label)
        value = loss(p, t)
        its_slope = slope(value, p)
        same = torch.equal(value, clean) and torch.equal(its_slope, clean_slope) and not its_slope[OUT].any()
        found += [] if same else [poison]
    return found


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("how", ["mask", "weight"])
@pytest.mark.parametrize("sample", PER_SAMPLE, ids=str)
def test_no_poison_changes_a_bit(sample: Sample, how: str, reduction: str) -> None:
    criterion, beside = sample.criterion(reduction=reduction), excluding(how)
    assert not changed(lambda p, t: criterion(p, t, **beside), *given(sample))


TWICE = [one for one in PER_SAMPLE if one.name not in ("ctc", "function")]


@pytest.mark.parametrize("how", ["mask", "weight"])
@pytest.mark.parametrize("sample", TWICE, ids=str)
def test_no_poison_shows_under_transformations(sample: Sample, how: str) -> None:
    """Second derivatives, forward mode and the compiler's trace, with what is excluded overwritten by each poison."""
    beside, criterion = excluding(how), sample.criterion()
    criterion.validate = False
    y_pred, y_true = given(sample)

    def everything(p: Tensor, t: Tensor) -> list[Tensor]:
        value = criterion(p, t, **beside)
        (first,) = torch.autograd.grad(value, p, create_graph=True)
        second = torch.autograd.grad(first.square().sum(), p)[0] if first.requires_grad else torch.zeros_like(p)
        tangent = torch.ones_like(p)
        _, forward = torch.func.jvp(lambda q: criterion(q, t, **beside), (p.detach(),), (tangent,))
        return [value.detach(), first.detach(), second, forward]

    clean = everything(y_pred, y_true)
    assert all(one.isfinite().all() for one in clean)
    for poison, label in zip(POISON, BAD_LABELS, strict=True):
        assert all(map(torch.equal, everything(*poisoned(y_pred, y_true, poison, label)), clean)), poison


def test_an_ignored_label_hides_what_was_predicted() -> None:
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)
    y_pred, y_true = torch.randn(N, 3, requires_grad=True), torch.tensor([0, 255, 2, 255])
    clean = criterion(y_pred, y_true)
    for poison in POISON:
        p, _ = poisoned(y_pred, y_true, poison, 255)
        assert torch.equal(criterion(p, y_true), clean)
        assert torch.equal(slope(criterion(p, y_true), p), slope(criterion(y_pred, y_true), y_pred))


#: infinity that the formula itself bounds: clipped as a probability, no margin's concern, or the logarithm of a sum
BOUNDED = {(name, torch.inf) for name in ("kl divergence", "binary", "expected cost, log", "hinge on one label")}


@pytest.mark.parametrize("poison", [torch.nan, torch.inf])
@pytest.mark.parametrize("sample", PER_SAMPLE, ids=str)
def test_what_is_included_and_not_finite_is_never_hidden(sample: Sample, poison: float) -> None:
    y_pred, y_true = given(sample)
    spoiled = y_pred.detach().clone()
    spoiled[0] = poison
    loss = unchecked(sample)(spoiled, y_true, mask=~OUT)
    assert loss.isfinite() == ((sample.name, poison) in BOUNDED)


def test_no_poison_changes_a_bit_of_a_total() -> None:
    y, t = given_total()
    beside = {
        "sample_weight": {"a": torch.tensor([0.5, 0.0, 2.0, 0.0]), "b": torch.ones(N)},
        "mask": {"a": None, "b": ~OUT},
    }
    clean = torch.autograd.grad(total()(y, t, **beside), list(y.values()))
    for poison, label in zip(POISON, BAD_LABELS, strict=True):
        p = {name: poisoned(y[name], t[name], poison, label) for name in y}
        loss = total()({name: one[0] for name, one in p.items()}, {name: one[1] for name, one in p.items()}, **beside)
        found = torch.autograd.grad(loss, [one[0] for one in p.values()])
        assert all(map(torch.equal, found, clean))


# ---------------------------------------------------------------------------------------------- the negative controls

KEPT = ~OUT
#: seven spellings that one meets, of cross-entropy over what a mask leaves
NAIVE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "loss * m": lambda p, t: (F.cross_entropy(p, t, reduction="none") * KEPT).sum(),
    "where(m, loss, 0)": lambda p, t: torch.where(KEPT, F.cross_entropy(p, t, reduction="none"), 0.0).sum(),
    "loss[m]": lambda p, t: F.cross_entropy(p, t, reduction="none")[KEPT].sum(),
    "masked_fill after": lambda p, t: F.cross_entropy(p, t, reduction="none").masked_fill(OUT, 0.0).sum(),
    "ignore_index": lambda p, t: F.cross_entropy(p, t.masked_fill(OUT, -100)),
    "zero weight, mean": lambda p, t: (F.cross_entropy(p, t, reduction="none") * KEPT).mean(),
    "nan_to_num after": lambda p, t: (F.cross_entropy(p, t, reduction="none") * KEPT).nan_to_num().sum(),
}


@pytest.mark.parametrize("name", NAIVE)
def test_a_naive_spelling_fails(name: str) -> None:
    y_pred = torch.randn(N, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    y_true = torch.tensor([0, 1, 2, 1])
    clean = slope(NAIVE[name](y_pred, y_true), y_pred)
    assert clean.isfinite().all()
    spoiled = y_pred.detach().clone()
    spoiled[OUT] = torch.nan
    spoiled.requires_grad_()
    found = slope(NAIVE[name](spoiled, y_true), spoiled)
    assert not torch.equal(found, clean)
    right = tw.SparseCategoricalCrossentropy(from_logits=True)
    assert not changed(lambda p, t: right(p, t, mask=KEPT), y_pred, y_true)
