"""Losses by name, in the default row and in those of Keras."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

import torchweights as tw
from torchweights import names

T = torch.tensor
ALIKE = T([[3.0, 4.0]]), T([[3.0, 4.0]])


@pytest.mark.parametrize("name", sorted(names._KNOWN))
@pytest.mark.parametrize("row", ["torchweights", "torch"])
def test_rows_that_are_no_keras_know_every_name(name: str, row: str) -> None:
    needed = {"from_logits": True} if "rossentropy" in name or name in ("bce", "BCE") else {}
    criterion = tw.get(name, semantics=row, **needed)
    assert type(criterion) is names._KNOWN[name][0]
    assert criterion.semantics.name == row


def test_options_reach_the_criterion() -> None:
    criterion = tw.get("huber", delta=0.5, reduction="sum")
    assert isinstance(criterion, tw.Huber)
    assert (criterion.delta, criterion.reduction) == (0.5, "sum")


def test_the_default_row_wants_from_logits_by_name_too() -> None:
    with pytest.raises(TypeError, match="BinaryCrossentropy expected from_logits"):
        tw.get("bce")


@pytest.mark.parametrize(
    ("name", "release", "sign"),
    [
        ("cosine", "keras2.2.4", -1),
        ("cosine_proximity", "keras2.3.1", -1),
        ("cosine_proximity", "tf1.12", -1),
        ("cosine_proximity", "tf1.15", 1),
        ("cosine_similarity", "tf1.15", 1),
        ("cosine_similarity", "tf2.2", -1),
        ("cosine_similarity", "keras3.15", -1),
    ],
)
def test_cosine_has_the_sign_of_its_release(name: str, release: str, sign: int) -> None:
    assert tw.get(name, semantics=release)(*ALIKE) == pytest.approx(sign, abs=1e-6)


def test_names_are_those_of_the_release_and_not_of_its_row() -> None:
    assert tw.semantics_for("keras3.1") is tw.semantics_for("keras3.3")
    assert isinstance(tw.get("dice", semantics="keras3.3"), tw.Dice)
    with pytest.raises(ValueError, match=r"'keras3.1' knows; received 'dice', which keras3.2-15 know. Write tw.Dice\("):
        tw.get("dice", semantics="keras3.1")


@pytest.mark.parametrize(
    "row", ["tf2.2:loss", tw.semantics_for("tf2.2"), tw.semantics_for("tf2.2", door="loss"), "tensorflow==2.2.3"]
)
def test_a_row_and_a_requirement_know_what_their_release_knows(row: Any) -> None:
    assert isinstance(tw.get("huber_loss", semantics=row), tw.Huber)
    with pytest.raises(ValueError, match="received 'cosine', which keras2"):
        tw.get("cosine", semantics=row)


def test_a_release_that_was_not_recorded_is_warned_of_once() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        tw.get("mse", semantics="keras==3.99")
    assert len([one for one in said if "was not recorded" in str(one.message)]) == 1


def test_a_criterion_is_returned_as_it_is() -> None:
    criterion = tw.MeanSquaredError(semantics="tf2.7")
    assert tw.get(criterion) is criterion
    for release in tw.semantics_for("tf2.7").releases:
        assert tw.get(criterion, semantics=release) is criterion


@pytest.mark.parametrize("criterion", [
    tw.Dice(axis=(1, 2), reduction="sum"),
    tw.SparseCategoricalCrossentropy(from_logits=True, class_weight={0: 1.0, 1: 5.0}, ignore_class=255),
    tw.Hinge(semantics="keras2.2.4"),
])  # fmt: skip
def test_our_own_configuration_comes_back(criterion: tw.WeightedLoss) -> None:
    given = {"class_name": type(criterion).__name__, "config": criterion.get_config()}
    assert repr(tw.get(given)) == repr(criterion)


def test_the_row_asked_for_goes_before_the_one_in_the_configuration() -> None:
    given = {"class_name": "Hinge", "config": tw.Hinge(semantics="keras2.2.4").get_config()}
    assert tw.get(given, semantics="keras3.15").semantics.name == "keras3.15"


def test_what_keras_writes() -> None:
    config = {
        "name": "b",
        "reduction": "auto",
        "from_logits": True,
        "label_smoothing": 0.0,
        "axis": -1,
        "fn": "binary_crossentropy",
    }
    made = tw.get(
        {"module": "keras.losses", "class_name": "BinaryCrossentropy", "config": config}, semantics="keras3.15"
    )
    assert repr(made) == "BinaryCrossentropy(from_logits=True, axis=-1, semantics='keras3.15')"
    assert isinstance(tw.get({"class_name": "function", "config": "mse"}), tw.MeanSquaredError)


BAD: dict[str, tuple[Any, str, type[Exception], list[str]]] = {
    "no name": ("msee", "torchweights", ValueError, ["name expected one of mean_squared_error, mean_absolute_error", "received 'msee'", "Did you mean 'mse'"]),
    "no name of the era": ("hubr", "keras2.3.1", ValueError, ["huber_loss", "received 'hubr'"]),
    "later": ("bce", "keras2.2.4", ValueError, ["a loss that 'keras2.2.4' knows", "received 'bce', which tf2.", "keras3.0-15 know", "In 'keras2.2.4' it is 'binary_crossentropy'"]),
    "earlier": ("cosine", "keras3.15", ValueError, ["received 'cosine', which keras2.0.9", "it is 'cosine_similarity' or 'CosineSimilarity'"]),
    "nowhere": ("categorical_generalized_cross_entropy", "keras3.15", ValueError, ["which no release finds by its name", "Write tw.CategoricalGeneralizedCrossEntropy(semantics='keras3.15')"]),
    "by shape": ("ce", "torchweights", ValueError, ["received 'ce'", "by the shapes of the batch", "'binary_crossentropy'"]),
    "row": ("mse", "keras9", ValueError, ["semantics expected one of", "received 'keras9'"]),
    "row of another kind": ("mse", 3, TypeError, ["semantics expected a row's name"]),
    "none": (None, "torchweights", TypeError, ["name expected a string", "received None", "no loss"]),
    "class": (tw.Dice, "torchweights", TypeError, ["received the class Dice", "tw.Dice(..)"]),
    "function of a loss": (tw.functional.huber, "torchweights", TypeError, ["received function huber", "Write tw.get('huber', ..)"]),
    "function": (len, "torchweights", TypeError, ["len", "tw.reduce_weighted_values"]),
    "module": (torch.nn.MSELoss(), "torchweights", TypeError, ["MSELoss", "tw.reduce_weighted_values"]),
    "number": (3, "torchweights", TypeError, ["name expected a string", "received int 3"]),
    "dict": ({"loss": "mse"}, "torchweights", TypeError, ["{'class_name': .., 'config': {..}}", "received a dict of 'loss'"]),
    "dict of no loss": ({"class_name": "Dise", "config": {}}, "torchweights", ValueError, ["received 'Dise'", "'Dice'"]),
    "function of one's own": ({"class_name": "Hinge", "config": {"fn": "mine"}}, "torchweights", ValueError, ["config['fn'] expected the function of Hinge", "received 'mine'", "tw.reduce_weighted_values"]),
    "criterion of another row": (tw.Dice(), "tf1.15", ValueError, ["finished criterion Dice()", "where it is built"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_name_is_refused_with_a_way_out(case: str) -> None:
    name, row, kind, pieces = BAD[case]
    with pytest.raises(kind) as refused:
        tw.get(name, semantics=row)
    missing = [piece for piece in pieces if piece not in str(refused.value)]
    assert not missing, f"{missing} not in {refused.value}"


def test_options_beside_a_criterion_are_refused() -> None:
    with pytest.raises(ValueError, match="finished criterion"):
        tw.get(tw.Dice(), reduction="sum")
