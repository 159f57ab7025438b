"""``tw.tf1.Criterion``, and the losses compiled, on meta tensors and under vmap."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch

from tests.tf1_samples import ALL, LOSSES, PAIRWISE, batch, call, per_sample
from torchweights import tf1

T = torch.tensor
VALUES = T([[1.0, 2, 3], [4, 5, 6]])


def criterion(name: str, **options: Any) -> tf1.Criterion:
    return tf1.Criterion(name, **{**(LOSSES[name][0] if name in LOSSES else {}), **options})


@pytest.mark.parametrize("name", ALL)
def test_the_criterion_is_the_function(name: str) -> None:
    predictions, labels = batch(name)
    made = criterion(name, semantics="tensorflow==1.12.0")
    expected = call(name, predictions, labels, weights=per_sample(name), semantics="tf.losses1.12")
    assert torch.equal(made(predictions, labels, per_sample(name)), expected)
    assert torch.equal(made(y_true=labels, y_pred=predictions, sample_weight=per_sample(name)), expected)
    assert torch.equal(pickle.loads(pickle.dumps(made))(predictions, labels, per_sample(name)), expected)
    assert torch.equal(made(predictions, labels), call(name, predictions, labels, semantics="tf.losses1.12"))
    assert not made.state_dict()


@pytest.mark.parametrize("name", ALL)
def test_a_mask_is_a_weight_of_0(name: str) -> None:
    predictions, labels = batch(name)
    made, weights = criterion(name), per_sample(name)
    mask = torch.arange(3).reshape(weights.shape) != 2
    assert torch.equal(made(predictions, labels, mask=mask), made(predictions, labels, mask.double()))
    assert torch.equal(made(predictions, labels, weights, mask), made(predictions, labels, weights * mask))


@pytest.mark.parametrize("reduction", tf1.REDUCTIONS[2:])
@pytest.mark.parametrize("name", LOSSES)
def test_micro_batches_add_up(name: str, reduction: str) -> None:
    predictions, labels = batch(name)
    made, weights = criterion(name, reduction=reduction), per_sample(name)
    cuts = [slice(0, 2), slice(2, 3)]
    whole = sum(made.denominator(labels[cut], weights[cut], y_pred_shape=predictions[cut].shape) for cut in cuts)
    parts = [made(predictions[cut], labels[cut], weights[cut], denominator=whole) for cut in cuts]
    torch.testing.assert_close(torch.stack(parts).sum(), made(predictions, labels, weights))


def test_the_denominator_needs_the_targets_alone() -> None:
    assert tf1.Criterion("sparse_softmax_cross_entropy").denominator(T([0, 1, 2]), T([1.0, 0.0, 2.0])) == 2
    assert tf1.Criterion("softmax_cross_entropy", reduction="mean").denominator(torch.eye(3), T([1.0, 0.0, 2.0])) == 3
    for options in ({"loss": "log_loss", "reduction": "sum"}, {"loss": PAIRWISE}):
        with pytest.raises(ValueError, match="denominator expected only where something is divided"):
            tf1.Criterion(**options).denominator(torch.zeros(3, 2))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "mse"}, "loss expected one of"),
        ({"loss": "log_loss", "delta": 1.0}, "an option of log_loss expected one of epsilon"),
        ({"loss": PAIRWISE, "reduction": "sum"}, "reduction expected to be left out"),
        ({"loss": "cosine_distance"}, "axis expected an int"),
    ],
)
def test_a_criterion_is_checked_when_it_is_built(options: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        tf1.Criterion(**options)


def test_a_criterion_names_its_own_arguments() -> None:
    made = tf1.Criterion("mean_squared_error")
    with pytest.raises(ValueError, match="sample_weight of shape"):
        made(VALUES, VALUES, torch.ones(2))
    with pytest.raises(ValueError, match="mask of shape"):
        made(VALUES, VALUES, mask=torch.ones(2, dtype=torch.bool))
    with pytest.raises(TypeError, match="y_pred expected floating point"):
        made(VALUES.long(), VALUES)


def test_a_criterion_prints_as_it_is_built() -> None:
    made = tf1.Criterion("huber_loss", delta=0.5, reduction="mean", semantics="tensorflow==1.12")
    assert repr(made) == "Criterion('huber_loss', reduction='mean', semantics='tf.losses1.12', delta=0.5)"


# ------------------------------------------------------------------------------------- compiled, meta, transformed


@pytest.mark.parametrize("name", ALL)
def test_compiles_in_one_graph(name: str) -> None:
    predictions, labels = batch(name, torch.float32)
    weights = per_sample(name).float()
    torch.compiler.reset()
    compiled = torch.compile(criterion(name), fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(predictions, labels, weights), criterion(name)(predictions, labels, weights))


@pytest.mark.parametrize("name", ALL)
def test_meta_tensors_give_shapes(name: str) -> None:
    predictions, labels = (tensor.detach().to("meta") for tensor in batch(name))
    assert call(name, predictions, labels, weights=per_sample(name).to("meta")).shape == ()


@pytest.mark.parametrize("name", LOSSES)
def test_vmap(name: str) -> None:
    predictions, labels = batch(name)
    stacked = torch.stack([predictions, predictions * 0.5])
    each = torch.func.vmap(lambda p: call(name, p, labels, weights=per_sample(name)))(stacked)
    expected = [call(name, p, labels, weights=per_sample(name)) for p in stacked]
    torch.testing.assert_close(each, torch.stack(expected))
