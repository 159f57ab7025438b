"""H1: what is excluded contributes exactly 0 to loss and gradient, whatever it holds (P1); what is included never hides (P1')."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import torchweights as tw
from tests.hazards.catalogue import PER_SAMPLE, N, built, given, given_total, total, unchecked
from tests.hazards.poison import (
    BAD_LABELS,
    EXCLUSIONS,
    KEPT,
    ONLY_GRADIENT,
    OUT,
    POISON,
    REDUCTIONS,
    TRANSFORMS,
    changed,
    compiled,
    poisoned,
)
from tests.samples import Sample

SPOILED = pytest.mark.parametrize("sample", PER_SAMPLE, ids=str)
#: those that torch transforms
TRANSFORMED = [one for one in PER_SAMPLE if one.name not in ONLY_GRADIENT]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("how", EXCLUSIONS)
@SPOILED
def test_no_poison_changes_a_bit(sample: Sample, how: str, reduction: str) -> None:
    assert not changed(built(sample, reduction=reduction), *given(sample), EXCLUSIONS[how])


@pytest.mark.parametrize("reduction", REDUCTIONS)
@SPOILED
def test_a_mask_of_every_value_hides_as_one_of_samples_does(sample: Sample, reduction: str) -> None:
    criterion, (y_pred, y_true) = built(sample, reduction=reduction), given(sample)
    values = built(sample, reduction="none")(y_pred, y_true)
    mask = KEPT.reshape(-1, *[1] * (values.ndim - 1)).expand(values.shape)
    assert not changed(criterion, y_pred, y_true, {"mask": mask})
    assert not changed(criterion, y_pred, y_true, {"mask": mask, "sample_weight": torch.tensor([0.5, 1.0, 2.0, 0.0])})


@pytest.mark.parametrize("transform", [name for name in TRANSFORMS if name != "gradient"])
@pytest.mark.parametrize("how", ["mask", "weight", "spoiled weight"])
@pytest.mark.parametrize("sample", TRANSFORMED, ids=str)
def test_no_poison_shows_under_transformations(sample: Sample, how: str, transform: str) -> None:
    criterion, (y_pred, y_true) = unchecked(sample), given(sample)
    assert all(one.isfinite().all() for one in TRANSFORMS[transform](criterion, y_pred, y_true, EXCLUSIONS[how]))
    assert not changed(criterion, y_pred, y_true, EXCLUSIONS[how], transform)


@pytest.mark.parametrize("sample", TRANSFORMED, ids=str)
def test_no_poison_shows_in_what_the_compiler_traces(sample: Sample) -> None:
    assert not changed(compiled(unchecked(sample)), *given(sample), EXCLUSIONS["each"])


#: infinity that the formula itself bounds: clipped as a probability, no margin's concern, or the logarithm of a sum
BOUNDED = {(name, torch.inf) for name in ("kl divergence", "binary", "expected cost, log", "hinge on one label")}


@pytest.mark.parametrize("poison", [torch.nan, torch.inf])
@SPOILED
def test_what_is_included_and_not_finite_is_never_hidden(sample: Sample, poison: float) -> None:
    y_pred, y_true = given(sample)
    spoiled = y_pred.detach().clone()
    spoiled[0] = poison
    loss = unchecked(sample)(spoiled, y_true, mask=KEPT)
    assert loss.isfinite() == ((sample.name, poison) in BOUNDED)


def test_no_poison_changes_a_bit_of_a_total() -> None:
    y, t = given_total()
    beside = {
        "sample_weight": {"a": EXCLUSIONS["weight"]["sample_weight"], "b": torch.where(OUT, torch.nan, torch.ones(N))},
        "mask": {"a": None, "b": KEPT},
    }
    clean_loss = total()(y, t, **beside)
    clean = torch.autograd.grad(clean_loss, list(y.values()))
    for poison, label in zip(POISON, BAD_LABELS, strict=True):
        p = {name: poisoned(y[name], t[name], poison, label) for name in y}
        loss = total()({name: one[0] for name, one in p.items()}, {name: one[1] for name, one in p.items()}, **beside)
        found = torch.autograd.grad(loss, [one[0] for one in p.values()])
        assert torch.equal(loss, clean_loss) and all(map(torch.equal, found, clean))
        assert all(not one[OUT].any() for one in found)
    spoiled = {**y, "b": y["b"].detach().clone().index_fill_(0, torch.tensor([0]), torch.nan)}
    assert total()(spoiled, t, **beside).isnan(), "what is included shows in the total"


# ---------------------------------------------------------------------------------------------- the negative controls

#: seven spellings that one meets, of cross-entropy over what a mask leaves
NAIVE: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "loss * m": lambda p, t, mask: (F.cross_entropy(p, t, reduction="none") * mask).sum(),
    "where(m, loss, 0)": lambda p, t, mask: torch.where(mask, F.cross_entropy(p, t, reduction="none"), 0.0).sum(),
    "loss[m]": lambda p, t, mask: F.cross_entropy(p, t, reduction="none")[mask].sum(),
    "masked_fill after": lambda p, t, mask: F.cross_entropy(p, t, reduction="none").masked_fill(~mask, 0.0).sum(),
    "ignore_index": lambda p, t, mask: F.cross_entropy(p, t.masked_fill(~mask, -100)),
    "zero weight, mean": lambda p, t, mask: (F.cross_entropy(p, t, reduction="none") * mask).mean(),
    "nan_to_num after": lambda p, t, mask: (F.cross_entropy(p, t, reduction="none") * mask).nan_to_num().sum(),
}
NAN = [(torch.nan, 0)]


def logits_and_labels() -> tuple[Tensor, Tensor]:
    return torch.randn(N, 3, generator=torch.Generator().manual_seed(0)).requires_grad_(), torch.tensor([0, 1, 2, 1])


@pytest.mark.negative_control
@pytest.mark.parametrize("name", NAIVE)
def test_a_naive_spelling_fails(name: str) -> None:
    y_pred, y_true = logits_and_labels()
    assert all(one.isfinite().all() for one in TRANSFORMS["gradient"](NAIVE[name], y_pred, y_true, EXCLUSIONS["mask"]))
    assert changed(NAIVE[name], y_pred, y_true, EXCLUSIONS["mask"], poisons=NAN)
    right = built(tw.SparseCategoricalCrossentropy, from_logits=True)
    assert not changed(right, y_pred, y_true, EXCLUSIONS["mask"])


@pytest.mark.negative_control
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_product_fails_under_every_transformation(transform: str) -> None:
    assert changed(NAIVE["loss * m"], *logits_and_labels(), EXCLUSIONS["mask"], transform, NAN)


@pytest.mark.negative_control
def test_a_product_fails_where_it_is_compiled() -> None:
    assert changed(compiled(NAIVE["loss * m"]), *logits_and_labels(), EXCLUSIONS["mask"], poisons=NAN)
