"""The rows of eras as they are asked for: by release and door, by loss, out of a pickle; and what they say of D and of logits."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
import torch

import torchweights as tw
from tests.samples import ROWS
from torchweights.semantics import ROW_OF

#: rows whose mean divides by what the weights say
BY_WEIGHTS = {"keras2.0.9", "keras2.2.4", "keras2.2.5", "tf1.12", "tf1.13"}
#: rows whose mean of nothing is NaN
EMPTY_IS_NAN = {
    "torch", "keras2.0.9", "keras2.2.4", "keras2.2.5", "keras2.3.0", "keras2.3.1", "tf2.7", "tf2.11", "tf2.13", "tf_keras2.21",
}  # fmt: skip
T = torch.tensor
#: row -> whether a rescue finds the logits behind a softmax of rank 2, of rank 3, and behind a sigmoid of rank 3
FINDS = {
    "keras2.2.4": (False, False, False),
    "keras2.3.1": (True, False, True),
    "tf1.14": (True, False, True),
    "tf2.0": (False, False, False),
    "tf2.3": (True, False, True),
    "tf2.4": (True, True, True),
    "keras3.15": (True, True, True),
    "keras3.15-torch": (False, False, False),
    "torchweights": (True, True, True),
    "torch": (True, True, True),
}


@pytest.mark.parametrize("name", tw.SEMANTICS)
def test_a_row_out_of_a_pickle_is_the_row_of_the_library(name: str) -> None:
    row = tw.SEMANTICS[name]
    assert row.name == name
    assert pickle.loads(pickle.dumps(row)) is row
    assert tw.semantics_for(row) is row
    assert tw.semantics_for(name) is row


@pytest.mark.parametrize("name", ROWS)
def test_the_bare_loss_object_is_a_row_of_its_own_where_it_differs(name: str) -> None:
    model, bare = tw.semantics_for(name), tw.semantics_for(name, door="loss")
    assert model.name == name
    assert bare is tw.SEMANTICS.get(f"{name}:loss", model)
    assert tw.semantics_for(model, door="loss") is bare
    assert bare.weighing.feed is tw.SEMANTICS["keras3.15"].weighing.feed
    assert (bare.class_weights, bare.releases) == (model.class_weights, model.releases)


def test_every_recorded_release_knows_its_row() -> None:
    assert {release: name for name in ROWS for release in tw.SEMANTICS[name].releases} == ROW_OF
    assert ROW_OF["keras2.2.3"] == "keras2.2.4"
    assert tw.semantics_for("tf2.5") is tw.SEMANTICS["tf2.4"]


@pytest.mark.parametrize(
    ("row", "door", "loss", "expected"),
    [
        ("tf1.13", "model", "mean_squared_error", "tf1.13:object"),
        ("tf1.13", "model", "mean_absolute_error", "tf1.13"),
        ("tf1.13", "loss", "mean_squared_error", "tf1.13:object:loss"),
        ("tf1.13", "loss", "mean_absolute_error", "tf1.13:object:loss"),
        ("tf1.13", "loss", "hinge", "tf1.13:loss"),
        ("tf1.13", "loss", None, "tf1.13:loss"),
        ("tf1.12", "model", "mean_squared_error", "tf1.12"),
        ("tf1.12", "loss", "mean_squared_error", "tf1.12:loss"),
    ],
)
def test_a_release_may_not_weigh_all_losses_alike(row: str, door: str, loss: str | None, expected: str) -> None:
    assert tw.semantics_for(row, door=door, loss=loss).name == expected


@pytest.mark.parametrize("name", ROWS)
def test_a_graph_changes_how_a_binary_cross_entropy_is_clipped_and_no_other_formula(name: str) -> None:
    model, bare = tw.semantics_for(name), tw.semantics_for(name, door="loss")
    assert replace(model.formulas, binary=bare.formulas.binary) == bare.formulas


def test_the_objects_of_tensorflow_1_13_differ_in_weighing_alone() -> None:
    model, made = tw.SEMANTICS["tf1.13"], tw.SEMANTICS["tf1.13:object"]
    assert (made.formulas, made.class_weights) == (model.formulas, model.class_weights)
    assert made.weighing == tw.SEMANTICS["tf1.14"].weighing


@pytest.mark.parametrize("row", ROWS)
def test_the_mean_of_an_empty_batch_is_what_the_release_says_of_0_over_0(row: str) -> None:
    found = tw.MeanSquaredError(semantics=row)(torch.zeros(0, 2), torch.zeros(0, 2))
    assert found.isnan() if row in EMPTY_IS_NAN else found == 0


@pytest.mark.parametrize("kind", [tw.Hinge, tw.SquaredHinge])
@pytest.mark.parametrize("row", ROWS)
def test_labels_of_hinge_are_judged_with_what_is_excluded_in_every_release(kind: type, row: str) -> None:
    """-1 among labels 0 and 1: nothing is converted, even if a weight of 0 excludes it; the default row does not look at it."""
    predicted, labels = T([[0.5], [0.25], [2.0]]), T([[0.0], [1.0], [-1.0]])
    found = kind(semantics=row, reduction="sum")(predicted, labels, T([1.0, 1.0, 0.0])).item()
    margins = [1.5 if row == "torchweights" else 1.0, 0.75]
    assert found == pytest.approx(sum(one if kind is tw.Hinge else one**2 for one in margins))


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None])
def test_weights_made_of_predictions_add_up_where_no_weight_is_counted(row: str, reduction: str | None) -> None:
    criterion = tw.WeightedCategoricalCrossentropy(
        [[1.0, 2.0], [3.0, 1.0]], indexing="true_pred", from_logits=True, semantics=row, reduction=reduction
    )
    mean = reduction in ("sum_over_batch_size", "mean")
    assert criterion.decomposable is not (reduction == "mean_with_sample_weight" or (mean and row in BY_WEIGHTS))


@pytest.mark.parametrize("row", FINDS)
@pytest.mark.parametrize(("place", "shape"), [(0, (2, 3)), (1, (2, 2, 3))])
def test_a_rescue_finds_the_logits_behind_a_softmax_where_the_release_did(
    row: str, place: int, shape: tuple[int, ...]
) -> None:
    logits, target = torch.zeros(shape, dtype=torch.float64), torch.zeros(shape, dtype=torch.float64)
    logits[..., 0], target[..., 1] = 200.0, 1.0
    options = {"axis": -1} if row in ("torchweights", "torch") else {}
    loss = tw.CategoricalCrossentropy(from_logits="rescued", semantics=row, **options)(logits, target).item()
    assert (loss > 199) is FINDS[row][place]


@pytest.mark.parametrize("row", FINDS)
def test_a_rescue_finds_the_logits_behind_a_sigmoid_of_any_rank_where_the_release_did(row: str) -> None:
    logits, target = torch.full((2, 2, 3), 200.0, dtype=torch.float64), torch.zeros(2, 2, 3, dtype=torch.float64)
    options = {"axis": -1} if row in ("torchweights", "torch") else {}
    loss = tw.BinaryCrossentropy(from_logits="rescued", semantics=row, **options)(logits, target).item()
    assert (loss > 199) is FINDS[row][2]


@pytest.mark.parametrize(
    ("row", "found"), [("tf2.3", False), ("keras2.3.1", False), ("tf2.4", True), ("keras2.2.4", False)]
)
def test_releases_that_know_an_activation_by_its_op_do_not_take_one_for_the_other(row: str, found: bool) -> None:
    logits, target = torch.full((2, 3), 200.0, dtype=torch.float64), torch.zeros(2, 3, dtype=torch.float64)
    criterion = tw.BinaryCrossentropy(from_logits="rescued softmax", semantics=row)
    sharp = torch.cat([logits[:, :1], logits[:, 1:] - 400], 1)
    assert (criterion(sharp, target).item() > 60) is found
