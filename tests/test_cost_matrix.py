"""Cost matrices: the weight of the mistake made, what a prediction is expected to cost, and the builders."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.devices import DEVICES

T = torch.tensor
COSTS = T([[1.0, 2.0, 3.0], [4.0, 1.0, 6.0], [7.0, 8.0, 1.0]], dtype=torch.float64)
N, C = 6, 3


def batch(seed: int = 0, shape: tuple[int, ...] = (N, C)) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(C, (shape[0], *shape[2:]), generator=generator)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_(), labels


def one_hot(labels: Tensor, axis: int = 1) -> Tensor:
    return torch.nn.functional.one_hot(labels, C).double().movedim(-1, axis)


def by_hand(logits: Tensor, labels: Tensor, costs: Tensor) -> Tensor:
    """The loss pixel by pixel, in Python: M[true, predicted] x cross-entropy."""
    found = []
    for logit, label in zip(logits.movedim(1, -1).reshape(-1, C), labels.reshape(-1), strict=True):
        predicted = max(range(C), key=lambda j: (float(logit[j]), -j))
        found.append(costs[label, predicted] * -logit.log_softmax(0)[label])
    return torch.stack(found).reshape(labels.shape)


@pytest.mark.parametrize("shape", [(N, C), (2, C, 3), (2, C, 2, 3)], ids=str)
@pytest.mark.parametrize("indexing", ["true_pred", "pred_true"])
@pytest.mark.parametrize("kind", ["labels", "one-hot"])
@pytest.mark.parametrize("device", DEVICES)
def test_each_value_is_its_mistake_times_cross_entropy(shape: Any, indexing: str, kind: str, device: str) -> None:
    logits, labels = batch(shape=shape)
    costs = COSTS if indexing == "true_pred" else COSTS.T
    criterion = tw.WeightedCategoricalCrossentropy(costs, indexing=indexing, from_logits=True, axis=1, reduction=None)
    y_true = labels if kind == "labels" else one_hot(labels)
    found = criterion(logits.to(device), y_true.to(device)).cpu()
    torch.testing.assert_close(found, by_hand(logits, labels, COSTS), rtol=1e-12, atol=0)


def test_soft_targets_mix_the_costs_of_their_classes() -> None:
    p, t = T([[0.2, 0.5, 0.3]]), T([[0.25, 0.75, 0.0]])
    weight = tw.functional.cost_weight(p, t, COSTS, indexing="true_pred")
    assert weight.item() == 0.25 * 2.0 + 0.75 * 1.0


def test_of_equal_scores_the_first_is_the_prediction() -> None:
    weight = tw.functional.cost_weight(T([[0.4, 0.4, 0.2]]), T([1]), COSTS, indexing="true_pred")
    assert weight.item() == 4.0


def test_the_request_itself() -> None:
    """Equal cross-entropies differ once one mistake costs 1.2."""
    costs = tw.business_costs({(1, 2): 1.2}, 3, correct=1.0)
    criterion = tw.WeightedCategoricalCrossentropy(costs, indexing="true_pred", from_logits=False, reduction=None)
    values = criterion(T([[0.5, 0.4, 0.1], [0.1, 0.4, 0.5]], dtype=torch.float64), T([1, 1]))
    assert values[1] / values[0] == pytest.approx(1.2, rel=1e-14)


def test_class_weights_as_a_matrix_are_class_weights() -> None:
    logits, labels = batch()
    weights = {0: 1.0, 1: 5.0, 2: 0.5}
    by_matrix = tw.WeightedCategoricalCrossentropy(
        tw.costs_from_class_weight(weights), indexing="true_pred", from_logits=True
    )
    plain = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=weights)
    torch.testing.assert_close(by_matrix(logits, labels), plain(logits, labels), rtol=1e-14, atol=0)


@pytest.mark.parametrize("form", ["cost", "log"])
@pytest.mark.parametrize("kind", ["labels", "one-hot"])
@pytest.mark.parametrize("from_logits", [True, False])
def test_the_expected_cost_is_the_sum_over_predictions(form: str, kind: str, from_logits: bool) -> None:
    logits, labels = batch()
    p = logits.softmax(-1)
    terms = p if form == "cost" else -(1 - p).log()
    expected = (COSTS[labels] * terms).sum(-1)
    criterion = tw.ExpectedCost(COSTS.T, indexing="pred_true", form=form, from_logits=from_logits, reduction=None)
    found = criterion(logits if from_logits else p.detach(), labels if kind == "labels" else one_hot(labels, -1))
    torch.testing.assert_close(found, expected.detach() if not from_logits else expected, rtol=1e-12, atol=0)


def test_the_log_form_bounds_the_cost_and_is_cross_entropy_for_two_classes() -> None:
    logits, labels = batch()
    cost, log = (tw.ExpectedCost(COSTS, indexing="true_pred", form=form, from_logits=True, reduction=None)(logits, labels)
                 for form in ("cost", "log"))  # fmt: skip
    assert (log >= cost).all()
    two, label = logits[:, :2], labels % 2
    binary = tw.ExpectedCost([[0.0, 1.0], [5.0, 0.0]], indexing="true_pred", form="log", from_logits=True)
    crossentropy = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight={0: 1.0, 1: 5.0})
    torch.testing.assert_close(binary(two, label), crossentropy(two, label), rtol=1e-12, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("logit", [30.0, 300.0, 1e4])
def test_the_log_form_stays_finite_far_out(logit: float, dtype: torch.dtype) -> None:
    logits = T([[logit, 0.0, -logit]], dtype=dtype).requires_grad_()
    loss = tw.ExpectedCost(1 - torch.eye(3), indexing="true_pred", form="log", from_logits=True)(logits, T([1]))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss.item() == pytest.approx(logit, rel=1e-6) and torch.isfinite(gradient).all()


def learned(kind: str, costs: Tensor) -> tw.WeightedLoss:
    if kind == "weighted":
        return tw.WeightedCategoricalCrossentropy(costs, indexing="true_pred", from_logits=True)
    return tw.ExpectedCost(costs, indexing="true_pred", from_logits=True, form=kind)


@pytest.mark.parametrize("kind", ["weighted", "cost", "log"])
@pytest.mark.parametrize("soft", [False, True])
def test_derivatives_to_predictions_costs_and_weights(kind: str, soft: bool) -> None:
    logits, labels = batch()
    y_true = one_hot(labels, -1) * 0.8 + 0.2 / C if soft else labels
    weight = torch.rand(N, dtype=torch.float64).requires_grad_()
    costs = torch.nn.Parameter(COSTS.clone())
    criterion = learned(kind, costs)
    assert [name for name, _ in criterion.named_parameters()] == ["cost_matrix"]

    def loss(p: Tensor, c: Tensor, w: Tensor) -> Tensor:
        return torch.func.functional_call(criterion, {"cost_matrix": c}, (p, y_true, w))

    assert torch.autograd.gradcheck(loss, [logits, costs.detach().requires_grad_(), weight])


@pytest.mark.parametrize("kind", ["weighted", "cost", "log"])
def test_masked_and_ignored_pixels_are_cropped(kind: str) -> None:
    logits, labels = batch(shape=(2, C, 4))
    options: dict[str, Any] = {"indexing": "true_pred", "from_logits": True, "axis": 1, "ignore_class": 255}
    build = tw.WeightedCategoricalCrossentropy if kind == "weighted" else tw.ExpectedCost
    more = {} if kind == "weighted" else {"form": kind}
    criterion = build(COSTS, **options, **more)
    labels[:, 2:] = 255
    poisoned = torch.where(labels.unsqueeze(1) == 255, torch.nan, logits.detach())
    cropped = criterion(logits[:, :, :2], labels[:, :2])
    torch.testing.assert_close(criterion(poisoned, labels), cropped, rtol=1e-14, atol=0)
    masked = criterion(poisoned, torch.where(labels == 255, 0, labels), mask=labels != 255)
    torch.testing.assert_close(masked, cropped, rtol=1e-14, atol=0)


def test_sample_weights_multiply_the_costs() -> None:
    logits, labels = batch()
    weight = torch.rand(N, dtype=torch.float64)
    criterion = tw.WeightedCategoricalCrossentropy(COSTS, indexing="true_pred", from_logits=True)
    expected = (by_hand(logits, labels, COSTS) * weight).mean()
    torch.testing.assert_close(criterion(logits, labels, weight), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("semantics", ["keras2.2.4", "tf1.12", "tf1.15", "tf_keras2.21", "keras3.15"])
def test_costs_are_sample_weights_of_the_loss_object(semantics: str) -> None:
    logits, labels = batch()
    costs = COSTS * T([1.0, 1.0, 0.0])  # so that some mistakes weigh nothing, which eras count differently
    criterion = tw.WeightedCategoricalCrossentropy(costs, indexing="true_pred", from_logits=True, semantics=semantics)
    row = tw.semantics_for(semantics, door="loss")
    plain = tw.CategoricalCrossentropy(from_logits=True, semantics=row)
    weight = tw.functional.cost_weight(logits, labels, costs, indexing="true_pred")
    torch.testing.assert_close(
        criterion(logits, one_hot(labels, -1)), plain(logits, one_hot(labels, -1), weight), rtol=1e-14, atol=0
    )


@pytest.mark.parametrize(
    ("reduction", "semantics", "decomposes"),
    [("mean", "torchweights", True), ("mean_with_sample_weight", "torchweights", False), ("sum", "keras2.2.4", True),
     ("mean", "keras2.2.4", False), ("mean", "tf1.12", False), ("mean", "keras3.15", True)],
)  # fmt: skip
def test_denominators_where_costs_do_not_count(reduction: str, semantics: str, decomposes: bool) -> None:
    criterion = tw.WeightedCategoricalCrossentropy(
        COSTS, indexing="true_pred", from_logits=True, reduction=reduction, semantics=semantics
    )
    assert criterion.decomposable is decomposes
    logits, labels = batch()
    if not decomposes:
        with pytest.raises(ValueError, match="divides by weights"):
            criterion.denominator(labels, y_pred_shape=logits.shape)
        return
    whole = criterion(logits, labels)
    d = sum(criterion.denominator(part, y_pred_shape=(len(part), C)) for part in labels.split([1, 2, 3]))
    parts = sum(
        criterion(p, t, denominator=d) for p, t in zip(logits.split([1, 2, 3]), labels.split([1, 2, 3]), strict=True)
    )
    torch.testing.assert_close(parts, whole, rtol=1e-13, atol=0)


@pytest.mark.parametrize(
    ("matrix", "error", "words"),
    [
        ([[1.0, 2.0]], ValueError, r"square matrix .*received shape \(1, 2\)"),
        ([1.0, 2.0], ValueError, "square matrix"),
        ([[1.0]], ValueError, "two classes"),
        ([[1.0, float("nan")], [1.0, 1.0]], ValueError, r"finite costs; received nan at \[0, 1\]"),
        ("costs", TypeError, "list of rows; received str"),
        ([[1.0, 2.0], [1.0]], TypeError, "list of rows"),
    ],
)
def test_what_is_no_cost_matrix_is_refused(matrix: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        tw.ExpectedCost(matrix, indexing="true_pred", from_logits=True)


def test_refusals_of_options_and_classes() -> None:
    with pytest.raises(TypeError, match="indexing"):
        tw.WeightedCategoricalCrossentropy(COSTS, from_logits=True)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="indexing expected"):
        tw.WeightedCategoricalCrossentropy(COSTS, indexing="rows", from_logits=True)
    with pytest.raises(TypeError, match="from_logits"):
        tw.WeightedCategoricalCrossentropy(COSTS, indexing="true_pred")
    criterion = tw.WeightedCategoricalCrossentropy(COSTS, indexing="true_pred", from_logits=True)
    with pytest.raises(ValueError, match="expected 3 classes, one for each row of cost_matrix.*received 4"):
        criterion(torch.zeros(2, 4), T([0, 1]))
    with pytest.raises(ValueError, match="labels from 0 to 2"):
        criterion(torch.zeros(2, 3), T([0, 3]))
    ignoring = tw.WeightedCategoricalCrossentropy(COSTS, indexing="true_pred", from_logits=True, ignore_class=255)
    with pytest.raises(ValueError, match="ignore_class expected integer labels"):
        ignoring(torch.zeros(2, 3), torch.eye(3)[:2])


def test_a_transposed_matrix_warns() -> None:
    by_class = tw.costs_from_class_weight([1.0, 10.0])
    with pytest.warns(UserWarning, match="is it transposed"):
        tw.ExpectedCost(by_class, indexing="pred_true", from_logits=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tw.ExpectedCost(by_class, indexing="true_pred", from_logits=True)
        tw.ExpectedCost(by_class.T, indexing="pred_true", from_logits=True)


def test_right_predictions_that_weigh_nothing_warn() -> None:
    with pytest.warns(UserWarning, match="teach nothing"):
        tw.WeightedCategoricalCrossentropy(tw.ordinal_costs(3), indexing="true_pred", from_logits=True)


@pytest.mark.parametrize("given", [COSTS.tolist(), COSTS.numpy(), COSTS.float(), torch.nn.Parameter(COSTS.clone())])
def test_it_saves_copies_and_prints_as_it_was_built(given: Any) -> None:
    logits, labels = batch()
    criterion = tw.WeightedCategoricalCrossentropy(given, indexing="true_pred", from_logits=True, ignore_class=9)
    twin = tw.WeightedCategoricalCrossentropy.from_config(criterion.get_config())
    assert repr(twin) == repr(criterion) and "indexing='true_pred'" in repr(criterion)
    for copy in (twin, pickle.loads(pickle.dumps(criterion))):
        assert torch.equal(copy(logits, labels), criterion(logits, labels))
    assert list(criterion.state_dict()) == (["cost_matrix"] if isinstance(given, torch.nn.Parameter) else [])
    if not isinstance(given, torch.nn.Parameter):
        assert torch.equal(criterion.half()(logits, labels), twin(logits, labels)), "a cast must not round the table"


def test_numbers_that_float16_has_not_survive_half() -> None:
    criterion = tw.ExpectedCost([[0.0, 1 / 3], [1e6, 0.0]], indexing="true_pred", from_logits=True).half()
    assert criterion(T([[0.0, 0.0]], dtype=torch.float64), T([1])).item() == 5e5


def test_builders() -> None:
    assert tw.ordinal_costs(3, power=2.0).tolist() == [[0, 1, 4], [1, 0, 1], [4, 1, 0]]
    assert tw.business_costs({(0, 0): -1.0, (1, 0): 5.0}, 2).tolist() == [[-1, 1], [5, 0]]
    assert tw.costs_from_class_weight({0: 1.0, 1: 3.0}).tolist() == [[1, 1], [3, 3]]
    assert tw.costs_from_class_weight(np.array([1.0, 3.0]), correct=0.0).tolist() == [[0, 1], [3, 0]]
    with pytest.raises(ValueError, match=r"keys \(true class, predicted class\) from 0 to 1; received \(2, 0\)"):
        tw.business_costs({(2, 0): 1.0}, 2)
    with pytest.raises(ValueError, match="num_classes expected a whole number, 2 or more"):
        tw.ordinal_costs(1)
    with pytest.raises(ValueError, match="lacks 0"):
        tw.costs_from_class_weight({1: 1.0})
