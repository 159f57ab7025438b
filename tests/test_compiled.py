"""The total loss of several outputs: sums, names, penalties, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw


def batch() -> tuple[list[Tensor], list[Tensor]]:
    generator = torch.Generator().manual_seed(0)
    p = [torch.randn(4, size, generator=generator, dtype=torch.float64).requires_grad_() for size in (2, 3)]
    return p, [torch.randn(4, 2, generator=generator, dtype=torch.float64), torch.randint(3, (4,), generator=generator)]


SPARSE = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight={0: 1.0, 1: 5.0, 2: 1.0})


def test_the_total_is_the_sum_of_its_parts() -> None:
    p, t = batch()
    kernel = torch.nn.Parameter(torch.randn(3, 3, dtype=torch.float64))
    criterion = tw.CompiledLoss(
        ["mse", SPARSE], loss_weights=[2.0, 0.2], penalties=[tw.l2([kernel], 0.1), tw.l1(kernel, 0.01)]
    )
    parts = criterion.detailed(p, t)
    mse, sparse = tw.MeanSquaredError()(p[0], t[0]), SPARSE(p[1], t[1])
    penalty = 0.1 * (kernel**2).sum() + 0.01 * kernel.abs().sum()
    torch.testing.assert_close(parts.total, 2 * mse + 0.2 * sparse + penalty, rtol=1e-14, atol=0)
    torch.testing.assert_close(parts.penalties, penalty, rtol=1e-14, atol=0)
    assert parts.outputs == {"output_1": mse, "output_2": sparse}
    parts.total.backward()
    torch.testing.assert_close(kernel.grad, 0.2 * kernel + 0.01 * kernel.sign(), rtol=1e-14, atol=0)
    torch.testing.assert_close(p[0].grad, (p[0] - t[0]) / 2, rtol=1e-14, atol=0)


def test_outputs_by_name_in_any_order() -> None:
    (a, b), (t, u) = batch()
    criterion = tw.CompiledLoss({"a": "mse", "b": SPARSE}, loss_weights={"b": 0.2, "a": 1.0})
    by_order = tw.CompiledLoss(["mse", SPARSE], [1.0, 0.2], output_names=["a", "b"])
    expected = by_order([a, b], [t, u])
    assert torch.equal(criterion({"b": b, "a": a}, {"b": u, "a": t}), expected)
    assert torch.equal(by_order({"b": b, "a": a}, {"b": u, "a": t}), expected)
    weight = torch.rand(4, dtype=torch.float64)
    one_weighed = criterion.detailed({"a": a, "b": b}, {"a": t, "b": u}, sample_weight={"a": weight})
    assert torch.equal(one_weighed.outputs["a"], tw.MeanSquaredError()(a, t, weight))
    assert torch.equal(one_weighed.outputs["b"], SPARSE(b, u))


def test_an_output_without_a_loss_is_skipped_and_penalties_alone_are_legal() -> None:
    p, t = batch()
    skipped = tw.CompiledLoss(["mse", None])
    assert torch.equal(skipped(p, [t[0], None]), tw.MeanSquaredError()(p[0], t[0]))
    alone = tw.CompiledLoss([None], penalties=[lambda: p[0].sum()])
    assert torch.equal(alone([p[0]], [None]), p[0].sum())
    with pytest.raises(ValueError, match="nothing to train on"):
        tw.CompiledLoss([None, None])


def test_class_weights_per_output() -> None:
    p, t = batch()
    one_hot = torch.nn.functional.one_hot(t[1], 3).double()
    q = p[1].softmax(-1)
    criterion = tw.CompiledLoss(
        {"a": "mse", "b": "categorical_crossentropy"},
        class_weight={"b": {0: 1.0, 1: 5.0, 2: 1.0}},
        semantics="keras3.15",
    )
    expected = tw.CategoricalCrossentropy(class_weight={0: 1.0, 1: 5.0, 2: 1.0}, semantics="keras3.15")(q, one_hot)
    assert torch.equal(criterion.detailed({"a": p[0], "b": q}, {"a": t[0], "b": one_hot}).outputs["b"], expected)


REFUSED: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    ({"a": "mse"}, {"loss_weights": {"b": 1.0}}, ValueError, "loss_weights expected names of outputs, a; received 'b'"),
    ({"a": "mse", "b": "mae"}, {"loss_weights": {"a": 1.0}}, ValueError, "received none for b"),
    (["mse", "mae"], {"loss_weights": [1.0]}, ValueError, "loss_weights expected 2 numbers"),
    (["mse", "mae"], {"loss_weights": 0.5}, ValueError, "loss_weights expected 2 numbers"),
    (["mse"], {"loss_weights": ["1"]}, TypeError, "finite numbers"),
    ("mse", {"output_names": ["a", "b"]}, ValueError, "loss expected 2 entries"),
    ({"c": "mse"}, {"output_names": ["a", "b"]}, ValueError, "loss expected names of outputs, a, b; received 'c'"),
    ({"a": SPARSE}, {"class_weight": {"a": {0: 1.0}}}, ValueError, "expected where its criterion is built"),
    (["mse"], {"penalties": [torch.zeros(())]}, TypeError, "functions without arguments"),
]


@pytest.mark.parametrize(("loss", "options", "error", "words"), REFUSED)
def test_what_is_ambiguous_is_refused(loss: Any, options: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        tw.CompiledLoss(loss, **options)


def test_outputs_that_do_not_meet_are_refused() -> None:
    p, t = batch()
    criterion = tw.CompiledLoss({"a": "mse", "b": SPARSE})
    with pytest.raises(ValueError, match="y_pred expected one tensor for each of a, b"):
        criterion(p[0], t[0])
    with pytest.raises(ValueError, match="y_true expected an entry for b; received a"):
        criterion({"a": p[0], "b": p[1]}, {"a": t[0]})
    with pytest.raises(ValueError, match="y_pred expected 2 entries"):
        criterion(p[:1], t)
    with pytest.raises(ValueError, match="loss of output 'output_1' expected one number"):
        tw.CompiledLoss([tw.MeanSquaredError(reduction="none")])(p[:1], t[:1])
    with pytest.raises(ValueError, match="factor expected"):
        tw.l2(p, -1.0)
    with pytest.raises(TypeError, match="one tensor or more"):
        tw.l1([])
