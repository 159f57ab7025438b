"""The rows of eras as they are asked for: by release and door, by loss, out of a pickle; and what they say of D and of logits."""

from __future__ import annotations

import pickle

import pytest
import torch

import torchweights as tw
from tests.samples import ROWS
from torchweights.semantics import ROW_OF

#: rows whose mean divides by what the weights say
BY_WEIGHTS = {"keras2.0.9", "keras2.2.4", "keras2.2.5", "tf1.12", "tf1.13"}
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
    options = {"axis": -1} if row == "torchweights" else {}
    loss = tw.CategoricalCrossentropy(from_logits="rescued", semantics=row, **options)(logits, target).item()
    assert (loss > 199) is FINDS[row][place]


@pytest.mark.parametrize("row", FINDS)
def test_a_rescue_finds_the_logits_behind_a_sigmoid_of_any_rank_where_the_release_did(row: str) -> None:
    logits, target = torch.full((2, 2, 3), 200.0, dtype=torch.float64), torch.zeros(2, 2, 3, dtype=torch.float64)
    options = {"axis": -1} if row == "torchweights" else {}
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
