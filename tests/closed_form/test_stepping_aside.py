"""Who cannot use a gradient computed beforehand gets the plain path, and whoever asks twice gets it twice."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import torchweights as tw
from tests.closed_form.paths import CLOSED, in_closed_form, plain, taken
from tests.hazards.catalogue import given
from tests.samples import Sample

EVERY = pytest.mark.parametrize("sample", CLOSED, ids=str)
LARGE = torch.randn(2**18, 4), torch.randint(4, (2**18,))


@EVERY
def test_first_and_second_derivatives_are_right(sample: Sample) -> None:
    y_pred, y_true = given(sample, torch.float64)
    criterion = in_closed_form(sample.criterion())
    torch.autograd.gradcheck(lambda p: criterion(p, y_true), y_pred, check_forward_ad=True, check_batched_grad=True)
    torch.autograd.gradgradcheck(lambda p: criterion(p, y_true), y_pred)


@EVERY
def test_a_second_backward_gives_the_same_gradient(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    loss = in_closed_form(sample.criterion())(y_pred, y_true)
    (first,) = torch.autograd.grad(loss, y_pred, retain_graph=True)
    kept = first.clone()
    first.zero_()
    (second,) = torch.autograd.grad(loss, y_pred, torch.tensor(2.0), retain_graph=True)
    assert torch.equal(second, 2 * kept)
    assert torch.equal(torch.autograd.grad(loss, y_pred)[0], kept)


@EVERY
def test_gradients_add_up_in_a_leaf(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    criterion = in_closed_form(sample.criterion())
    criterion(y_pred, y_true).backward()
    once = y_pred.grad.clone()
    criterion(y_pred, y_true).backward()
    assert torch.equal(y_pred.grad, 2 * once)


def test_large_batches_take_it_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True)
    y_pred = LARGE[0].clone().requires_grad_()
    with taken(monkeypatch) as seen:
        criterion(y_pred[:10], LARGE[1][:10])
        assert not seen
        criterion(y_pred, LARGE[1])
        assert len(seen) == 1
        tw.CompiledLoss({"a": criterion})({"a": y_pred}, {"a": LARGE[1]})
        assert len(seen) == 2
        criterion.plain()(y_pred, LARGE[1])
        assert len(seen) == 2


def _learned_class_weights() -> tuple[tw.WeightedLoss, dict[str, torch.Tensor]]:
    table = nn.Parameter(torch.ones(4))
    return tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=table), {}


def _learned_sample_weights() -> tuple[tw.WeightedLoss, dict[str, torch.Tensor]]:
    weight = torch.ones(len(LARGE[1]), requires_grad=True)
    return tw.SparseCategoricalCrossentropy(from_logits=True), {"sample_weight": weight}


@pytest.mark.parametrize("made", [_learned_class_weights, _learned_sample_weights])
def test_learned_weights_get_their_gradient(made: object, monkeypatch: pytest.MonkeyPatch) -> None:
    criterion, beside = made()  # type: ignore[operator]
    learned = [*criterion.parameters(), *beside.values()]
    with taken(monkeypatch) as seen:
        loss = criterion(LARGE[0].clone().requires_grad_(), LARGE[1], **beside)
    assert not seen
    assert all(one.any() for one in torch.autograd.grad(loss, learned))


def test_soft_targets_that_are_learned_get_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    y_pred, y_true = LARGE[0].clone().requires_grad_(), torch.rand(2**18, 4, requires_grad=True)
    with taken(monkeypatch) as seen:
        loss = tw.BinaryCrossentropy(from_logits=True)(y_pred, y_true)
    assert not seen
    assert torch.autograd.grad(loss, y_true)[0].any()


@pytest.mark.parametrize("how", ["forward mode", "jvp", "vmap", "compiled", "none", "explained"])
def test_transformations_take_the_plain_path(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    criterion = in_closed_form(tw.SparseCategoricalCrossentropy(from_logits=True))
    y_pred, y_true = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    with taken(monkeypatch) as seen:
        if how == "forward mode":
            with torch.autograd.forward_ad.dual_level():
                dual = torch.autograd.forward_ad.make_dual(y_pred, torch.ones_like(y_pred))
                assert torch.autograd.forward_ad.unpack_dual(criterion(dual, y_true)).tangent is not None
        elif how == "jvp":
            torch.func.jvp(lambda p: criterion(p, y_true), (y_pred,), (y_pred,))
        elif how == "vmap":
            torch.func.vmap(torch.func.grad(lambda p, t: criterion(p[None], t[None])))(y_pred, y_true)
        elif how == "compiled":
            torch.compile(criterion, backend="eager", fullgraph=True)(y_pred, y_true)
        elif how == "none":
            criterion.reduction = "none"
            criterion(y_pred, y_true)
        else:
            tw.explain(criterion, y_pred, y_true)
    assert not seen


@EVERY
def test_without_a_gradient_none_is_computed(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    y_pred, y_true = given(sample)
    criterion = in_closed_form(sample.criterion())
    expected = criterion(y_pred, y_true).detach()
    made = []
    original = torch.empty_like
    monkeypatch.setattr(torch, "empty_like", lambda *a, **k: made.append(a[0].shape) or original(*a, **k))
    with torch.no_grad():
        found = criterion(y_pred, y_true)
    assert torch.equal(found, expected) and not found.requires_grad
    assert y_pred.shape not in made


def test_predictions_with_holes_take_the_plain_path(monkeypatch: pytest.MonkeyPatch) -> None:
    y_pred = torch.randn(8, 6, requires_grad=True)
    criterion = in_closed_form(tw.SparseCategoricalCrossentropy(from_logits=True))
    with taken(monkeypatch) as seen:
        loss = criterion(y_pred[:, ::2], torch.zeros(8, dtype=torch.long))
    assert not seen
    assert torch.equal(loss, plain(criterion)(y_pred[:, ::2], torch.zeros(8, dtype=torch.long)))


def test_a_subclass_that_computes_something_else_has_no_closed_form() -> None:
    class Halved(tw.SparseCategoricalCrossentropy):
        def values(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> torch.Tensor:
            return super().values(y_pred, y_true) / 2

    assert Halved._closes_from is None
    y_pred, y_true = LARGE
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True)
    torch.testing.assert_close(Halved(from_logits=True)(y_pred, y_true) * 2, criterion(y_pred, y_true))
