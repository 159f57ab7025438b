"""``tw.tf1``: formulas against numpy, reductions, releases, refusals, and what is excluded."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.devices import DEVICES
from tests.tf1_samples import ALL, FULL, LOSSES, PAIRWISE, PER_SAMPLE, Array, Y, Z, batch, call, per_sample
from torchweights import KerasTrapWarning, tf1
from torchweights.tf1.rows import row_name

T = torch.tensor
#: parameter names of tf.losses in TensorFlow 1.12, without scope, loss_collection and dim
SIGNATURES = {
    "absolute_difference": "labels predictions weights reduction",
    "compute_weighted_loss": "losses weights reduction",
    "cosine_distance": "labels predictions axis weights reduction",
    "hinge_loss": "labels logits weights reduction",
    "huber_loss": "labels predictions weights delta reduction",
    "log_loss": "labels predictions weights epsilon reduction",
    "mean_pairwise_squared_error": "labels predictions weights",
    "mean_squared_error": "labels predictions weights reduction",
    "sigmoid_cross_entropy": "multi_class_labels logits weights label_smoothing reduction",
    "softmax_cross_entropy": "onehot_labels logits weights label_smoothing reduction",
    "sparse_softmax_cross_entropy": "labels logits weights reduction",
}


# --------------------------------------------------------------------------------------------------- formulas


def _pairwise(d: Array) -> Array:
    """The mean over ordered pairs of elements, which is what the formula adds up to."""
    count = d.shape[1]
    pairs = (d[:, :, None] - d[:, None, :]) ** 2
    return pairs.sum((1, 2)) / (count * (count - 1))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", LOSSES)
def test_values_are_those_of_the_formula(name: str, device: str) -> None:
    found = call(name, *batch(name, device=device), reduction="none")
    np.testing.assert_allclose(found.detach().cpu().numpy(), LOSSES[name][3], rtol=1e-12)


def test_pairwise_is_the_mean_over_pairs_of_elements() -> None:
    pair = batch(PAIRWISE)
    np.testing.assert_allclose(call(PAIRWISE, *pair).detach(), _pairwise(Z - Y).sum(), rtol=1e-12)
    weighed = call(PAIRWISE, *pair, weights=PER_SAMPLE).detach()
    np.testing.assert_allclose(weighed, (_pairwise(Z - Y) * PER_SAMPLE[:, 0].numpy()).sum(), rtol=1e-12)


def test_pairwise_of_samples_with_one_element_is_nothing() -> None:
    y_pred = T([[1.0], [2.0]], requires_grad=True)
    loss = tf1.mean_pairwise_squared_error(y_pred, torch.zeros(2, 1))
    loss.backward()
    assert loss == 0 and y_pred.grad is not None and not y_pred.grad.any()
    assert tf1.mean_pairwise_squared_error(T([1.0, 2.0]), torch.zeros(2)) == 0


@pytest.mark.parametrize("name", ALL)
def test_gradients_of_predictions_and_weights(name: str) -> None:
    predictions, labels = batch(name)
    weights = per_sample(name).clone().add(0.5).requires_grad_()
    assert torch.autograd.gradcheck(lambda p, w: call(name, p, labels, weights=w), (predictions, weights))


@pytest.mark.parametrize("reduction", tf1.REDUCTIONS)
def test_gradients_of_every_reduction(reduction: str) -> None:
    losses, weights = torch.from_numpy(Z).requires_grad_(), (FULL + 0.5).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda values, w: tf1.compute_weighted_loss(values, w, reduction=reduction), (losses, weights)
    )


@pytest.mark.parametrize("name", ALL)
def test_second_derivatives_exist(name: str) -> None:
    predictions, labels = batch(name)
    assert torch.autograd.gradgradcheck(lambda p: call(name, p, labels), (predictions,))


def test_kinks_and_ties_have_tensorflows_gradient() -> None:
    y_pred = T([1.0, -1.0, 0.0], requires_grad=True)
    (hinge,) = torch.autograd.grad(tf1.hinge_loss(y_pred, T([1.0, 0.0, 1.0]), reduction="sum"), y_pred)
    (huber,) = torch.autograd.grad(tf1.huber_loss(y_pred, torch.zeros(3), reduction="sum"), y_pred)
    assert hinge.tolist() == [0, 0, -1] and huber.tolist() == [1, -1, 0]


def test_no_gradient_flows_to_one_hot_labels() -> None:
    logits, onehot = batch("softmax_cross_entropy")
    onehot.requires_grad_()
    call("softmax_cross_entropy", logits, onehot).backward()
    assert logits.grad is not None and onehot.grad is None


# ------------------------------------------------------------------------------------------------- reductions

VALUES, WEIGHTS = T([[1.0, 2, 3], [4, 5, 6]]), T([[1.0, 0, 2], [0, 0, 3]])


@pytest.mark.parametrize(
    ("reduction", "full", "scalar"),
    [
        ("sum", 25.0, 42.0),
        ("mean", 25 / 6, 3.5),
        ("sum_over_batch_size", 25 / 6, 7.0),
        ("sum_by_nonzero_weights", 25 / 3, 7.0),
        ("sum_over_nonzero_weights", 25 / 3, 7.0),
        ("weighted_sum", 25.0, 42.0),
        ("weighted_mean", 25 / 6, 3.5),
        ("weighted_sum_over_batch_size", 25 / 6, 7.0),
        ("weighted_sum_by_nonzero_weights", 25 / 3, 7.0),
    ],
)
@pytest.mark.parametrize("device", DEVICES)
def test_reductions(reduction: str, full: float, scalar: float, device: str) -> None:
    found = tf1.compute_weighted_loss(VALUES.to(device), WEIGHTS.to(device), reduction=reduction)
    torch.testing.assert_close(found.cpu(), T(full))
    torch.testing.assert_close(tf1.compute_weighted_loss(VALUES, 2.0, reduction=reduction), T(scalar))
    assert tf1.compute_weighted_loss(VALUES, 0.0, reduction=reduction) == 0
    assert tf1.compute_weighted_loss(VALUES, torch.zeros(2, 1), reduction=reduction) == 0
    assert tf1.compute_weighted_loss(torch.zeros(0, 3), torch.zeros(0, 3), reduction=reduction) == 0


def test_unreduced_values_keep_their_shape() -> None:
    assert torch.equal(tf1.compute_weighted_loss(VALUES, WEIGHTS, reduction="none"), VALUES * WEIGHTS)
    assert torch.equal(tf1.compute_weighted_loss(VALUES, T([[1.0], [2.0]]), reduction=None), VALUES * T([[1.0], [2.0]]))


def test_broadcast_weights_count_as_often_as_they_are_broadcast() -> None:
    weights = T([[1.0], [0.0]])
    assert tf1.compute_weighted_loss(VALUES, weights) == 2
    assert tf1.compute_weighted_loss(VALUES, T([[0.0, 1.0, 3.0]]), reduction="mean") == (2 + 5 + 9 + 18) / 8


def test_precision() -> None:
    exact = tf1.compute_weighted_loss(torch.ones(3, dtype=torch.float64), 0.1, reduction="none")
    assert exact.dtype == torch.float64 and exact[0].item() == 0.1
    for dtype in (torch.float16, torch.bfloat16):
        found = tf1.mean_squared_error(T([300.0, 0.0], dtype=dtype), torch.zeros(2))
        assert found.dtype == torch.float32 and found == 45000


# ------------------------------------------------------------------------------------------------ releases


def test_a_negative_sum_of_weights_is_nothing_in_1_12_alone() -> None:
    losses = T([3.0, 4.0])
    assert tf1.compute_weighted_loss(losses, -1.0, reduction="mean", semantics="tensorflow==1.12.0") == 0
    assert tf1.compute_weighted_loss(losses, -1.0, reduction="mean", semantics="tensorflow==1.13.1") == 3.5


def test_smoothing_counts_axis_1_up_to_1_13() -> None:
    logits, onehot = torch.zeros(2, 3, 4), torch.eye(4)[torch.zeros(2, 3, dtype=torch.long)]
    later = tf1.softmax_cross_entropy(logits, onehot, label_smoothing=0.5, semantics="tf.losses1.14")
    with pytest.warns(KerasTrapWarning, match="counts 3 classes"):
        earlier = tf1.softmax_cross_entropy(logits, onehot, label_smoothing=0.5, semantics="tf.losses1.13")
    torch.testing.assert_close(earlier / later, T(0.5 + 4 * 0.5 / 3))


def test_log_loss_at_one_in_a_graph_and_outside() -> None:
    graph, eager = (tf1.log_loss(T([1.0]), T([0.0]), semantics=row) for row in ("tf.losses1.15", "tf.losses2.0:eager"))
    torch.testing.assert_close(torch.stack([graph, eager]), T([2.0**-23, 1e-7]).log().neg())


def test_every_recorded_release_has_a_row() -> None:
    first = {12: "tf.losses1.12", 13: "tf.losses1.13", 14: "tf.losses1.14", 15: "tf.losses1.15"}
    assert {minor: row_name(f"tensorflow==1.{minor}.0") for minor in first} == first
    assert row_name("tensorflow==2.0.4") == "tf.losses1.14"
    assert {row_name(f"tensorflow-cpu==2.{minor}") for minor in range(1, 22)} == {"tf.losses1.15"}


def test_pairwise_counts_the_whole_batch_eagerly_beside_one_number() -> None:
    y_pred, y_true = T([[1.0, 3.0], [2.0, 2.0]]), torch.zeros(2, 2)
    assert tf1.mean_pairwise_squared_error(y_pred, y_true) == 4
    found = tf1.mean_pairwise_squared_error(y_pred, y_true, semantics="tf.losses2.0:eager")
    torch.testing.assert_close(found, T(2 * (10 / 3 - 16 / 12) + 2 * (8 / 3 - 16 / 12)))


def test_pairwise_weights_per_element_are_a_trap() -> None:
    y_pred, weights = T([[1.0, 3.0, 5.0]]), T([[1.0, 0.0, 2.0]])
    with pytest.warns(KerasTrapWarning, match="does not take its element out"):
        found = tf1.mean_pairwise_squared_error(y_pred, torch.zeros(1, 3), weights)
    assert found == 3 * 2 * (35 / 1 - 81 / 2)


@pytest.mark.parametrize("release", ["tensorflow==1.11", "tensorflow==2.22", "keras==2.2.4", "tf.losses1.16", "tf1.12"])
def test_releases_that_were_not_recorded_are_refused(release: str) -> None:
    with pytest.raises(ValueError, match=r"semantics expected .* received"):
        tf1.compute_weighted_loss(VALUES, semantics=release)


# ------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize("shape", [(2,), (3,), (1,), (2, 2), (2, 3, 1), (3, 2)])
def test_weights_that_do_not_meet(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError, match=r"weights of shape .* expected a scalar, or 2 axes.*weights.reshape\(\(2, 1\)\)"
    ):
        tf1.compute_weighted_loss(VALUES, torch.ones(shape))


@pytest.mark.parametrize(
    ("kind", "words", "made"),
    [
        (ValueError, "weights expected .* received None", lambda: tf1.compute_weighted_loss(VALUES, None)),  # type: ignore[arg-type]
        (TypeError, "weights expected .* received list", lambda: tf1.compute_weighted_loss(VALUES, [1.0])),  # type: ignore[arg-type]
        (TypeError, "losses expected floating point", lambda: tf1.compute_weighted_loss(VALUES.long())),
        (TypeError, "losses expected a torch.Tensor", lambda: tf1.compute_weighted_loss(1.0)),  # type: ignore[arg-type]
        (ValueError, "reduction expected one of", lambda: tf1.compute_weighted_loss(VALUES, reduction="average")),
        (TypeError, "semantics expected", lambda: tf1.compute_weighted_loss(VALUES, semantics=1.12)),  # type: ignore[arg-type]
        (ValueError, "axis expected one of the 2 axes", lambda: tf1.cosine_distance(VALUES, VALUES, axis=2)),
        (
            ValueError,
            "label_smoothing expected",
            lambda: tf1.sigmoid_cross_entropy(VALUES, VALUES, label_smoothing=-0.1),
        ),
        (TypeError, "labels expected integers", lambda: tf1.sparse_softmax_cross_entropy(VALUES, T([0.0, 1.0]))),
        (ValueError, "labels expected 0 to 2", lambda: tf1.sparse_softmax_cross_entropy(VALUES, T([0, 3]))),
        (ValueError, r"labels expected \(2,\)", lambda: tf1.sparse_softmax_cross_entropy(VALUES, T([[0, 1], [1, 0]]))),
        (ValueError, "predictions expected", lambda: tf1.mean_pairwise_squared_error(T(1.0), T(1.0))),
    ],
)
def test_refusals(kind: type[Exception], words: str, made: Callable[[], Tensor]) -> None:
    with pytest.raises(kind, match=words):
        made()


@pytest.mark.parametrize("name", ALL)
def test_shapes_are_never_broadcast(name: str) -> None:
    predictions, labels = batch(name)
    with pytest.raises(ValueError, match="labels expected .* received"):
        call(name, predictions, labels[:1])


@pytest.mark.parametrize("name", ALL)
def test_swapped_arguments_are_noticed(name: str) -> None:
    predictions, labels = batch(name)
    with pytest.raises(TypeError, match=r"The order is \(.*TensorFlow's order needs keywords"):
        call(name, labels, predictions)


@pytest.mark.parametrize("name", SIGNATURES)
def test_arguments_are_named_as_in_tensorflow(name: str) -> None:
    ours = set(inspect.signature(getattr(tf1, name)).parameters) - {"semantics", "validate"}
    assert ours == set(SIGNATURES[name].split())


# ------------------------------------------------------------------------------------------- what is excluded


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("name", ALL)
def test_a_sample_of_weight_0_never_shows(name: str, poison: float, device: str) -> None:
    predictions, labels = batch(name, device=device)
    weights = per_sample(name).to(device)
    clean = call(name, predictions, labels, weights=weights)
    (expected,) = torch.autograd.grad(clean, predictions)
    spoiled, bad = predictions.detach().clone(), labels.clone()
    spoiled[1] = poison
    bad[1] = poison if bad.is_floating_point() else -100
    found = call(name, spoiled.requires_grad_(), bad, weights=weights)
    (gradient,) = torch.autograd.grad(found, spoiled)
    assert torch.equal(found, clean) and torch.equal(gradient, expected) and not gradient[1].any()


@pytest.mark.parametrize("name", ALL)
def test_a_batch_of_weight_0_is_nothing(name: str) -> None:
    predictions, labels = batch(name)
    spoiled = torch.full_like(predictions, torch.nan).requires_grad_()
    for weights in (0.0, T(0.0), torch.zeros_like(per_sample(name))):
        loss = call(name, spoiled, labels, weights=weights)
        (gradient,) = torch.autograd.grad(loss, spoiled)
        assert loss == 0 and not gradient.any()


def test_what_counts_and_is_not_finite_shows() -> None:
    assert tf1.mean_squared_error(T([torch.nan, 1.0]), torch.zeros(2), T([1.0, 0.0])).isnan()


def test_sparse_labels_and_weights_may_end_in_a_1() -> None:
    logits, labels = batch("sparse_softmax_cross_entropy")
    expected = tf1.sparse_softmax_cross_entropy(logits, labels, PER_SAMPLE[:, 0])
    for shaped, weights in ((labels[:, None], PER_SAMPLE), (labels, PER_SAMPLE), (labels[:, None], PER_SAMPLE[:, 0])):
        assert torch.equal(tf1.sparse_softmax_cross_entropy(logits, shaped, weights), expected)
    assert torch.equal(tf1.sparse_softmax_cross_entropy(logits[..., None], labels, PER_SAMPLE[:, 0]), expected)


def test_unchecked_labels_outside_are_nan() -> None:
    found = tf1.sparse_softmax_cross_entropy(torch.zeros(2, 3), T([0, 3]), reduction="none", validate=False)
    assert found.isnan().tolist() == [False, True]
