"""Formulas of large batches go piece by piece on a CPU, and compute what they compute in one go.

Not to the bit: torch computes the last numbers of a tensor one by one, with other code than the rest.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import torchweights as tw
from torchweights import functional as fn
from torchweights.functional import shared

SHAPE, LAST, SECOND = (5, 4, 3, 7), -1, 1
PAIRS: dict[str, Callable[..., Tensor]] = {
    "mse": fn.mean_squared_error, "mae": fn.mean_absolute_error, "huber": fn.huber, "log_cosh": fn.log_cosh, "hinge": fn.hinge,
    "squared_hinge": fn.squared_hinge, "poisson": lambda p, y, **o: fn.poisson(p.sigmoid(), y, **o),
    "mape": fn.mean_absolute_percentage_error, "msle": fn.mean_squared_logarithmic_error,
    "mse, precise": lambda p, y, **o: fn.mean_squared_error(p, y, precise=True, **o),
    "binary": lambda p, y, **o: fn.binary_crossentropy(p.sigmoid(), y, **o),
    "binary, logits": lambda p, y, **o: fn.binary_crossentropy(p, y, from_logits=True, precise=True, label_smoothing=0.1, **o),
    "focal": lambda p, y, **o: fn.binary_focal_crossentropy(p.sigmoid(), y, **o),
    "focal, logits": lambda p, y, **o: fn.binary_focal_crossentropy(p, y, from_logits=True, precise=True, apply_class_balancing=True, **o),
}  # fmt: skip
TARGETS: dict[str, Callable[..., Tensor]] = {
    "categorical": lambda p, y, **o: fn.categorical_crossentropy(p.softmax(o["axis"]), y, **o),
    "categorical, logits": lambda p, y, **o: fn.categorical_crossentropy(p, y, from_logits=True, precise=True, label_smoothing=0.1, **o),
    "categorical focal": lambda p, y, **o: fn.categorical_focal_crossentropy(p, y, from_logits=True, form="logits", precise=True, **o),
}  # fmt: skip
LABELS: dict[str, Callable[..., Tensor]] = {
    "sparse": lambda p, y, **o: fn.sparse_categorical_crossentropy(p.softmax(o["axis"]), y, **o),
    "sparse, logits": lambda p, y, **o: fn.sparse_categorical_crossentropy(p, y, from_logits=True, precise=True, **o),
    "sparse, smoothed": lambda p, y, **o: fn.sparse_categorical_crossentropy(p, y, from_logits=True, precise=True, label_smoothing=0.1, **o),
}  # fmt: skip


def found(loss: Callable[[Tensor], Tensor], y_pred: Tensor) -> tuple[Tensor, ...]:
    """Values, first and second derivatives, where there are such."""
    y_pred = y_pred.detach().requires_grad_()
    values = loss(y_pred)
    weights = torch.linspace(0.5, 1.5, values.numel()).view_as(values)
    (slope,) = torch.autograd.grad((values * weights).sum(), y_pred, create_graph=True)
    if not slope.requires_grad:
        return values.detach(), slope
    (second,) = torch.autograd.grad((slope * y_pred.detach()).sum(), y_pred)
    return values.detach(), slope.detach(), second


def in_both_ways(
    monkeypatch: pytest.MonkeyPatch, loss: Callable[[Tensor], Tensor], y_pred: Tensor
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], int]:
    """What is found in one go and in pieces, and how many pieces there were."""
    whole = found(loss, y_pred)
    pieces, put_together = [0], torch.cat

    def counting(tensors: list[Tensor], *more: int) -> Tensor:
        pieces[0] += len(tensors)
        return put_together(tensors, *more)

    monkeypatch.setattr(shared, "LARGE", 40)
    monkeypatch.setattr(shared, "PIECE", 30)
    monkeypatch.setattr(torch, "cat", counting)
    return whole, found(loss, y_pred), pieces[0]


def assert_alike(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> None:
    assert len(one) == len(other)
    for name, a, b in zip(("values", "gradient", "second derivative"), one, other, strict=False):
        assert a.shape == b.shape and a.stride() == b.stride(), name
        error = (a - b).abs().max() / a.abs().max().clamp(min=1)
        assert error <= 8 * torch.finfo(a.dtype).eps, f"{name}: {error:.2g}"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("axis", [LAST, SECOND, (1, 2), 0, ()], ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_pieces_of_elements(name: str, axis: int | tuple[int, ...], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    g = torch.Generator().manual_seed(0)
    y_pred, y_true = torch.randn(SHAPE, generator=g, dtype=dtype), torch.rand(SHAPE, generator=g, dtype=dtype)
    whole, pieces, count = in_both_ways(monkeypatch, lambda p: PAIRS[name](p, y_true, axis=axis), y_pred)
    assert count > 2
    assert_alike(whole, pieces)


@pytest.mark.parametrize("axis", [LAST, SECOND])
@pytest.mark.parametrize("name", [*TARGETS, *LABELS])
def test_pieces_along_classes(name: str, axis: int, monkeypatch: pytest.MonkeyPatch) -> None:
    g = torch.Generator().manual_seed(0)
    y_pred = torch.randn(SHAPE, generator=g) * 3
    labels = torch.randint(SHAPE[axis], [n for at, n in enumerate(SHAPE) if at != axis % 4], generator=g)
    y_true = torch.rand(SHAPE, generator=g).softmax(axis) if name in TARGETS else labels
    whole, pieces, count = in_both_ways(
        monkeypatch, lambda p: {**TARGETS, **LABELS}[name](p, y_true, axis=axis), y_pred
    )
    assert count > 2
    assert_alike(whole, pieces)


@pytest.mark.parametrize("list_of", ["alpha", "gamma"])
def test_numbers_for_each_label_are_never_cut(list_of: str, monkeypatch: pytest.MonkeyPatch) -> None:
    g = torch.Generator().manual_seed(0)
    y_pred, y_true = torch.randn(2, 70, generator=g), torch.rand(2, 70, generator=g)
    criterion = tw.BinaryFocalCrossentropy(
        **{list_of: torch.rand(70, generator=g).tolist()},
        apply_class_balancing=True,
        from_logits=True,
        reduction="none",
    )
    whole, pieces, count = in_both_ways(monkeypatch, lambda p: criterion(p, y_true), y_pred)
    assert count > 0
    assert_alike(whole, pieces)


@pytest.mark.parametrize("weights", ["shared", "own", "own, some 0"])
def test_pieces_of_weighted_features(weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    g = torch.Generator().manual_seed(0)
    y_pred, y_true = torch.randn(40, 7, generator=g), torch.randn(40, 7, generator=g)
    weight = torch.rand((7,) if weights == "shared" else (40, 7), generator=g)
    if weights.endswith("0"):
        weight[3], weight[:, 2] = 0.0, 0.0
        y_pred[3] = torch.nan
    whole, pieces, count = in_both_ways(monkeypatch, lambda p: fn.weighted_error(p, y_true, weight), y_pred)
    assert count > 2
    assert_alike(whole, pieces)


def test_gradients_keep_the_strides_of_predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    y_pred = torch.randn(2, 3, 8, 8).to(memory_format=torch.channels_last)
    labels = torch.randint(3, (2, 8, 8))
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, axis=1).plain()
    monkeypatch.setattr(shared, "LARGE", 40)
    leaf = y_pred.detach().requires_grad_()
    criterion(leaf, labels).backward()
    assert leaf.grad is not None and leaf.grad.is_contiguous(memory_format=torch.channels_last)


def test_transformations_see_no_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "LARGE", 40)
    y_pred, y_true = torch.randn(3, 6, 20), torch.rand(3, 6, 20)
    one_by_one = torch.stack(
        [fn.binary_crossentropy(p, y, from_logits=True) for p, y in zip(y_pred, y_true, strict=True)]
    )
    together = torch.func.vmap(lambda p, y: fn.binary_crossentropy(p, y, from_logits=True))(y_pred, y_true)
    torch.testing.assert_close(one_by_one, together)
    jacobian = torch.func.jacrev(lambda p: fn.binary_crossentropy(p, y_true[0], from_logits=True))(y_pred[0])
    assert jacobian.shape == (6, 6, 20)
