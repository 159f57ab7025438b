"""The total loss of several outputs: sums, names, penalties, and what is refused."""

from __future__ import annotations

import copy
import pickle
import warnings
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
    assert torch.equal(skipped(p, t[:1]), skipped(p, [t[0], None]))
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
    (["mse", "mae"], {"loss_weights": [1.0, None]}, ValueError, "received None"),
    (["mse"], {"loss_weights": ["1"]}, TypeError, "finite numbers"),
    ([["mse", "mae"], "mse"], {"loss_weights": [[1.0], 0.5]}, ValueError, "one for each loss of output_1"),
    (["mse"], {"output_names": ["a", "b"]}, ValueError, "loss expected 2 entries"),
    ({"a": "mse"}, {"output_names": ["a", "b"]}, ValueError, "received none for b. Write None"),
    ({"c": "mse"}, {"output_names": ["a", "b"]}, ValueError, "loss expected names of outputs, a, b; received 'c'"),
    ({"a": SPARSE}, {"class_weight": {"a": {0: 1.0}}}, ValueError, "expected where its criterion is built"),
    (["mse", "mae"], {"class_weight": {0: 1.0}}, ValueError, "class_weight expected names of outputs"),
    (["mse"], {"penalties": [torch.zeros(())]}, TypeError, "functions without arguments"),
    ([3], {}, TypeError, "a criterion, a name or a function; received 3"),
    ("mse", {"output_names": ["a", "a"]}, ValueError, "a name of its own"),
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
    with pytest.raises(ValueError, match="y_true expected an entry for b"):
        criterion({"a": p[0], "b": p[1]}, {"a": t[0]})
    with pytest.raises(ValueError, match="y_pred expected 2 entries"):
        criterion(p[:1], t)
    with pytest.raises(ValueError, match="sample_weight expected one tensor for each"):
        criterion(p, t, torch.ones(4))
    with pytest.raises(ValueError, match="denominator expected 2 entries"):
        criterion(p, t, denominator=3.0)
    with pytest.raises(ValueError, match="loss of output 'output_1' expected one number"):
        tw.CompiledLoss([tw.MeanSquaredError(reduction="none")])(p[:1], t[:1])
    with pytest.raises(ValueError, match="penalties expected one number each"):
        tw.CompiledLoss([None], penalties=[lambda: p[0]])([p[0]], [None])
    with pytest.raises(ValueError, match="factor expected"):
        tw.l2(p, -1.0)
    with pytest.raises(TypeError, match="one tensor or more"):
        tw.l1([])
    with pytest.raises(TypeError, match="layer expected a module"):
        tw.activity_l1(p[0])
    with pytest.raises(ValueError, match="called before the loss"):
        tw.activity_l2(torch.nn.Identity())()


def test_one_loss_for_all_outputs_and_several_losses_on_one() -> None:
    p, _ = batch()
    t = [torch.zeros_like(one) for one in p]
    mse, mae = tw.MeanSquaredError(), tw.MeanAbsoluteError()
    shared = tw.CompiledLoss("mse", output_names=["a", "b"])
    torch.testing.assert_close(shared(p, t), mse(p[0], t[0]) + mse(p[1], t[1]), rtol=1e-15, atol=0)
    halved = tw.CompiledLoss("mse", torch.tensor([0.5, 2.0]), output_names=["a", "b"])
    torch.testing.assert_close(halved(p, t), 0.5 * mse(p[0], t[0]) + 2 * mse(p[1], t[1]), rtol=1e-15, atol=0)
    several = tw.CompiledLoss({"a": ["mse", "mae"], "b": "mse"}, loss_weights={"a": [0.5, 2.0], "b": 3.0})
    parts = several.detailed(p, t)
    expected = 0.5 * mse(p[0], t[0]) + 2 * mae(p[0], t[0]) + 3 * mse(p[1], t[1])
    torch.testing.assert_close(parts.total, expected, rtol=1e-15, atol=0)
    assert [term.output for term in parts.terms] == ["a", "a", "b"]
    torch.testing.assert_close(parts.outputs["a"], mse(p[0], t[0]) + mae(p[0], t[0]), rtol=1e-15, atol=0)
    assert list(parts.log_dict()) == ["loss", "a_loss", "b_loss"]


def test_nested_outputs_meet_by_their_nesting_or_by_name() -> None:
    (a, b), (t, u) = batch()
    criterion = tw.CompiledLoss(
        {"heads": ["mse", SPARSE], "rest": None}, output_names={"heads": ["a", "b"], "rest": "c"}
    )
    expected = tw.MeanSquaredError()(a, t) + SPARSE(b, u)
    nested = criterion({"heads": [a, b], "rest": a}, {"heads": [t, u], "rest": None})
    assert torch.equal(nested, expected)
    assert torch.equal(criterion({"a": a, "b": b, "c": a}, {"a": t, "b": u}), expected)
    with pytest.raises(ValueError, match="nested as"):
        criterion([a, b, a], [t, u, t])


def test_loss_weights_follow_a_schedule_without_compiling_again() -> None:
    p, t = batch()
    criterion = tw.CompiledLoss(["mse", SPARSE], loss_weights=lambda step: [1.0, 0.5**step])
    compiled = torch.compile(criterion, backend="eager", fullgraph=True)
    mse, sparse = tw.MeanSquaredError()(p[0], t[0]), SPARSE(p[1], t[1])
    compiled(p, t)
    torch._dynamo.utils.counters.clear()
    with torch._dynamo.config.patch(error_on_recompile=True):
        for step in range(1, 4):
            criterion.step()
            torch.testing.assert_close(compiled(p, t), mse + 0.5**step * sparse, rtol=1e-14, atol=0)
        criterion.step(0)
        torch.testing.assert_close(compiled(p, t), mse + sparse, rtol=1e-14, atol=0)
        criterion.set_loss_weights({"output_1": 0.0, "output_2": 2.0})
        torch.testing.assert_close(compiled(p, t), 2 * sparse, rtol=1e-14, atol=0)
    assert criterion.loss_weights == {"output_1": 0.0, "output_2": 2.0}
    with pytest.raises(ValueError, match="function of the step"):
        tw.CompiledLoss(["mse"]).step()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.KerasTrapWarning)
        short = tw.CompiledLoss(["mse", "mae"], [0.5], semantics="tf_keras2.21")
    with pytest.raises(ValueError, match="for the same outputs as before"):
        short.set_loss_weights([0.5, 1.0])


def test_learned_loss_weights_get_their_gradients() -> None:
    p, t = batch()
    weights = torch.nn.Parameter(torch.tensor([1.0, 0.5], dtype=torch.float64))
    criterion = tw.CompiledLoss(["mse", SPARSE], loss_weights=weights)
    assert list(criterion.state_dict()) == ["loss_weights"]
    criterion(p, t).backward()
    expected = torch.stack([tw.MeanSquaredError()(p[0], t[0]), SPARSE(p[1], t[1])])
    torch.testing.assert_close(weights.grad, expected.detach(), rtol=1e-15, atol=0)
    assert tw.CompiledLoss(["mse", "mae"], [0.1, 1.0]).half().state_dict() == {}
    with pytest.raises(ValueError, match=r"expected shape \(2,\)"):
        tw.CompiledLoss(["mse", "mae"], torch.nn.Parameter(torch.ones(2, 1)))


def test_denominators_of_micro_batches_add_up_by_output() -> None:
    p, t = batch()
    criterion = tw.CompiledLoss({"a": "mse", "b": SPARSE}, loss_weights={"a": 1.0, "b": 0.2})
    whole = criterion(p, t)
    halves = [slice(0, 1), slice(1, 4)]
    counted = [criterion.denominator([one[half] for one in t], y_pred_shape={"b": p[1][half].shape}) for half in halves]
    summed = {name: counted[0][name] + counted[1][name] for name in ("a", "b")}
    parts = [criterion([o[h] for o in p], [o[h] for o in t], denominator=summed) for h in halves]
    torch.testing.assert_close(sum(parts), whole, rtol=1e-14, atol=0)


def test_activity_penalties_follow_their_row() -> None:
    layer = torch.nn.Linear(3, 2).double()
    x = torch.randn(4, 3, dtype=torch.float64)
    for semantics, divided in (("keras2.2.4", 1), ("tf1.15", 4), ("keras3.15", 4), ("torchweights", 4)):
        criterion = tw.CompiledLoss("mse", penalties=[tw.activity_l2(layer, 0.1)], semantics=semantics)
        p = layer(x)
        parts = criterion.detailed(p, torch.zeros_like(p))
        torch.testing.assert_close(parts.penalties, 0.1 * (p**2).sum() / divided, rtol=1e-14, atol=0)


def test_epochs_add_up_across_ranks() -> None:
    rows = ("keras2.3.1", "keras3.15", "tf1.15")
    batches = [({"loss": torch.tensor(1.0 + n), "a_loss": torch.tensor(2.0 * n)}, n) for n in (4, 4, 1)]
    for row in rows:
        whole, ranks = tw.EpochLoss(row), [tw.EpochLoss(row), tw.EpochLoss(row)]
        for place, (log, samples) in enumerate(batches):
            whole.update(log, samples)
            ranks[place % 2].update(log, samples)
        assert ranks[0].merge(ranks[1]).compute() == pytest.approx(whole.compute(), rel=1e-15)
        assert whole.compute("val_")["val_loss"] == pytest.approx((4 * 5 + 4 * 5 + 2) / 9)
        assert whole.compute()["a_loss"] == pytest.approx(18 / 3)
    assert tw.EpochLoss("tf1.15", steps=True).rules.epochs.loss_of_steps == "batches"
    with pytest.raises(ValueError, match="number of samples in the batch"):
        tw.EpochLoss().update({"loss": torch.tensor(1.0)}, 0)
    with pytest.raises(ValueError, match="expected a batch before it"):
        tw.EpochLoss().compute()
    with pytest.raises(ValueError, match="expected row 'torchweights'"):
        tw.EpochLoss().merge(tw.EpochLoss("keras3.15"))
    with pytest.raises(ValueError, match="as in the batches before"):
        ranks[0].update({"loss": torch.tensor(1.0)}, 1)


def test_a_total_loss_survives_copies_and_pickles() -> None:
    p, t = batch()
    criterion = tw.CompiledLoss(["mse", SPARSE], loss_weights=[2.0, 0.2], semantics="keras3.6")
    for other in (copy.deepcopy(criterion), pickle.loads(pickle.dumps(criterion))):
        assert torch.equal(other(p, t), criterion(p, t))
        assert repr(other) == repr(criterion)
