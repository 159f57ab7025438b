"""The words of what class weights, denominators and names are refused with, and of every trap; those of shapes stand beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.test_words_of_shapes import reduced

T, ONES = torch.tensor, torch.ones
S, C, M = tw.SparseCategoricalCrossentropy, tw.CategoricalCrossentropy, tw.MeanSquaredError
THIRDS, LABELS = torch.full((3, 3), 1 / 3), T([0, 1, 2])
Call = Callable[[], Any]


def global_one() -> tw.Denominator:
    """A denominator of two ranks."""
    made = M().denominator(y_true=THIRDS)
    return tw.Denominator(made.counts, made.semantics, made.reduction, averaged=2.0)


CLASSES: dict[str, tuple[Call, type[Exception], str]] = {
    "text": (
        lambda: S(from_logits=True, class_weight="balanced"),
        TypeError,
        "class_weight expected a dict from class number to weight, or one weight per class in a list or tensor; received str 'balanced'. Write class_weight={0: 1.0, 1: 2.0}, or what tw.balanced(labels) returns.",
    ),
    "a long text": (
        lambda: S(from_logits=True, class_weight="x" * 100),
        TypeError,
        f"class_weight expected a dict from class number to weight, or one weight per class in a list or tensor; received str '{'x' * 59}. Write class_weight={{0: 1.0, 1: 2.0}}, or what tw.balanced(labels) returns.",
    ),
    "a list where only a dict goes": (
        lambda: S(semantics="tf2.4", class_weight=[1.0, 2.0]),
        TypeError,
        "class_weight expected a dict from class number to weight; received list [1.0, 2.0]. Write class_weight={0: 1.0, 1: 2.0}.",
    ),
    "a number": (
        lambda: S(from_logits=True, class_weight=3.5),
        TypeError,
        "class_weight expected a dict from class number to weight, or one weight per class in a list or tensor; received float 3.5. Write class_weight={0: 1.0, 1: 2.0}.",
    ),
    "a matrix": (
        lambda: S(from_logits=True, class_weight=ONES(2, 2)),
        ValueError,
        "class_weight expected one real weight per class, a tensor of shape (C,); received torch.float32 of shape (2, 2). Weights by pair of classes are a cost matrix: tw.ExpectedCost.",
    ),
    "complex": (
        lambda: S(from_logits=True, class_weight=ONES(2, dtype=torch.complex64)),
        ValueError,
        "class_weight expected one real weight per class, a tensor of shape (C,); received torch.complex64 of shape (2,). Weights by pair of classes are a cost matrix: tw.ExpectedCost.",
    ),
    "too few": (
        lambda: S(from_logits=True, class_weight=[1.0, 2.0])(THIRDS, LABELS),
        ValueError,
        "class_weight expected 3 weights, one for each class of y_pred; received 2. Give every class a weight, and say where the classes are with axis=.",
    ),
    "keys": (
        lambda: S(from_logits=True, class_weight={"0": 1.0, True: 2.0}),
        TypeError,
        "class_weight expected class numbers as keys; received '0', True. Write {0: 1.0}, not {'0': 1.0}.",
    ),
    "a gap": (
        lambda: S(from_logits=True, class_weight={0: 1.0, 2: 2.0, 3.5: 1.0}),
        ValueError,
        "class_weight expected a weight for each class 0 to 2; received {0: 1.0, 2: 2.0, 3.5: 1.0}, which lacks 1, which has 3.5 besides. "
        "Give every class a weight (1.0 leaves it as it is).",
    ),
    "a class of y_pred": (
        lambda: S(from_logits=True, class_weight={0: 1.0, 1: 2.0})(THIRDS, LABELS),
        ValueError,
        "class_weight expected a weight for each class 0 to 2, the classes of y_pred; received {0: 1.0, 1: 2.0}, which lacks 2. "
        "Give every class a weight (1.0 leaves it as it is).",
    ),
    "a class too many": (
        lambda: S(from_logits=True, class_weight=dict.fromkeys(range(4), 1.0))(THIRDS, LABELS),
        ValueError,
        "class_weight expected a weight for each class 0 to 2, the classes of y_pred; received {0: 1.0, 1: 1.0, 2: 1.0, 3: 1.0}, which has 3 besides. "
        "Give every class a weight (1.0 leaves it as it is).",
    ),
    "many classes": (
        lambda: S(from_logits=True, class_weight={0: 1.0})(torch.zeros(1, 12), T([0])),
        ValueError,
        "class_weight expected a weight for each class 0 to 11, the classes of y_pred; received {0: 1.0}, which lacks 1, 2, 3, 4, 5, 6, 7, 8, ... "
        "Give every class a weight (1.0 leaves it as it is).",
    ),
    "nine classes": (
        lambda: S(from_logits=True, class_weight={0: 1.0})(torch.zeros(1, 10), T([0])),
        ValueError,
        "class_weight expected a weight for each class 0 to 9, the classes of y_pred; received {0: 1.0}, which lacks 1, 2, 3, 4, 5, 6, 7, 8, ... "
        "Give every class a weight (1.0 leaves it as it is).",
    ),
    "eight classes": (
        lambda: S(from_logits=True, class_weight={0: 1.0})(torch.zeros(1, 9), T([0])),
        ValueError,
        "class_weight expected a weight for each class 0 to 8, the classes of y_pred; received {0: 1.0}, which lacks 1, 2, 3, 4, 5, 6, 7, 8. "
        "Give every class a weight (1.0 leaves it as it is).",
    ),
    "text for a weight": (
        lambda: S(from_logits=True, class_weight={0: "1"}),
        TypeError,
        "class_weight expected a number for each class; received str '1'. Write {0: 1.0, 1: 2.0} or [1.0, 2.0].",
    ),
    "infinite": (
        lambda: S(from_logits=True, class_weight=[1.0, float("inf")]),
        ValueError,
        "class_weight expected finite weights; received [1.0, inf]. Give a class that must not count 0.0.",
    ),
    "infinite in a dict": (
        lambda: S(semantics="keras2.2.4", class_weight={0: float("nan")}),
        ValueError,
        "class_weight expected finite weights; received [nan]. Give a class that must not count 0.0.",
    ),
    "pixels": (
        lambda: S(semantics="keras3.15", class_weight={0: 1.0})(torch.full((2, 2, 3), 1 / 3), torch.zeros(2, 2, 1, dtype=torch.int64)),
        ValueError,
        "class_weight expected targets of at most 2 dimensions in this release; received y_true of shape (2, 2, 1). "
        "Give the weights as sample_weight, or use semantics='torchweights', which weighs each pixel.",
    ),
    "a label that is no class": (
        lambda: tw.class_weight_to_sample_weights(T([0, 7]), [1.0, 2.0]),
        ValueError,
        "y_true expected labels from 0 to 1, for the 2 classes of y_pred; received 7 at (1,). Pass ignore_class=7 if it means 'no label', or check the axis of the classes.",
    ),
    "a class without weight": (
        lambda: S(semantics="keras2.2.4", class_weight={0: 1.0, 0.5: 2.0})(THIRDS, LABELS),
        ValueError,
        "class_weight expected a weight for every class in the data; received none for 1, 2: it has 0, 0.5. Give each of them a weight (1.0 leaves it as it is).",
    ),
    "both": (
        lambda: S(semantics="keras3.15", class_weight={0: 1.0})(THIRDS, LABELS, ONES(3)),
        ValueError,
        "class_weight and sample_weight together are refused by this release: expected one of them, received both. "
        "Multiply them yourself and pass sample_weight, or use semantics='torchweights', which multiplies them.",
    ),
    "a list of values": (
        lambda: tw.reduce_weighted_values([1.0]),
        TypeError,
        "values expected a torch.Tensor; received list. Write torch.as_tensor(values).",
    ),
    "another row": (
        lambda: tw.semantics_for(3),
        TypeError,
        "semantics expected a row's name or a Semantics, received int. Write semantics='keras3.15'.",
    ),
    "another door": (
        lambda: tw.semantics_for("tf1.12", door="loos"),
        ValueError,
        "door expected one of model, loss; received 'loos'. Did you mean 'loss'?",
    ),
    "another reduction": (
        lambda: tw.reduce_weighted_values(ONES(2), reduction="meen"),
        ValueError,
        "reduction expected one of sum_over_batch_size, mean, mean_with_sample_weight, sum, none; received 'meen'. Did you mean 'mean'?",
    ),
    "a denominator for nothing": (
        lambda: M(reduction="none")(THIRDS, THIRDS, denominator=2.0),
        ValueError,
        "denominator expected only where something is divided, received one with reduction='none'. Leave it out, or build the criterion with reduction='sum_over_batch_size'.",
    ),
    "a denominator of others": (
        lambda: M()(THIRDS, THIRDS, denominator=M(reduction="sum").denominator(y_true=THIRDS)),
        ValueError,
        "denominator expected from a criterion with semantics='torchweights' and reduction='sum_over_batch_size', received one made with semantics='torchweights' and reduction='sum'. "
        "Make it with this criterion's own denominator().",
    ),
    "denominators of two rows": (
        lambda: M().denominator(y_true=THIRDS) + M(semantics="tf1.12", reduction="sum").denominator(y_true=THIRDS),
        ValueError,
        "denominators add up only within one row and one reduction: expected 'torchweights' with reduction='sum_over_batch_size', received 'tf1.12' with reduction='sum'. "
        "Make both with the same criterion.",
    ),
    "a global denominator": (
        lambda: M().denominator(y_true=THIRDS) + global_one(),
        ValueError,
        "denominators expected of single batches, to add up; received what global_denominator() returned, which is of all batches and ranks already. "
        "Give it all batches of the step at once.",
    ),
}  # fmt: skip

TRAPS: dict[str, tuple[Call, str]] = {
    "weights on the last axes": (
        reduced((3,), (3, 2, 3), "keras3.15"),
        "sample_weight of shape (3,) lands on the last axes of loss values of shape (3, 2, 3) in this release, not on the batch. Pass it as (3, 1, 1) to weigh samples.",
    ),
    "mask on the last axes": (
        reduced(None, (3, 3), "keras2.2.4", mask=(3,)),
        "mask of shape (3,) lands on the last axes of loss values of shape (3, 3) in this release, not on the batch. Pass it as (3, 1) to weigh samples.",
    ),
    "summed over the batch": (
        reduced(None, (2, 3, 4), "tf1.12"),
        "without sample_weight, loss values of shape (2, 3, 4) are summed over the batch by TensorFlow 1.12: the loss is batch size x mean. "
        "Pass sample_weight=torch.ones(batch) for the mean.",
    ),
    "no dict": (
        lambda: S(semantics="keras2.2.4", class_weight=[1.0, 2.0, 3.0])(THIRDS, LABELS),
        "class_weight of type list is silently ignored by this release, which acts on a dict alone: the loss is not weighted. Pass a dict to weigh it.",
    ),
    "keys": (
        lambda: S(semantics="keras3.15", class_weight={"0": 1.0})(THIRDS, LABELS),
        "class_weight keys '0' match no label in this release, silently: expected class numbers. Write {0: 1.0}, not {'0': 1.0}.",
    ),
    "whole numbers as one-hot rows": (
        lambda: tw.class_weight_to_sample_weights(torch.eye(3, dtype=torch.int64), {0: 1.0}, semantics="keras3.15"),
        "integer targets of shape (3, 3) are read as one-hot rows by this release's class_weight: the class is the argmax over the last axis. "
        "Give targets of shape (N,) or (N, 1), or use semantics='torchweights'.",
    ),
    "beside sample_weight": (
        lambda: S(semantics="keras2.2.4", class_weight=dict.fromkeys(range(3), 1.0))(THIRDS, LABELS, ONES(3)),
        "class_weight is ignored by this release because sample_weight is given too. Multiply them yourself and pass sample_weight alone to have both.",
    ),
    "cut off": (
        lambda: S(semantics="tf2.4", class_weight={0: 1.5, 1: 1.0, 2: 1.0})(THIRDS, LABELS, T([1, 2, 3])),
        "class weights are cast to the type of sample_weight (torch.int64) by this release, which cuts off their fractions. Give sample_weight as floating point.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CLASSES)
def test_what_is_refused_is_told_in_these_words(name: str) -> None:
    call, kind, words = CLASSES[name]
    with pytest.raises(kind) as error:
        call()
    assert str(error.value) == words


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_is_told_in_these_words(name: str) -> None:
    call, words = TRAPS[name]
    with pytest.warns(tw.KerasTrapWarning) as said:
        call()
    assert [str(one.message) for one in said] == [words]


def test_every_trap_is_told_though_others_were() -> None:
    with pytest.warns(tw.KerasTrapWarning) as said:
        _ = [call() for call, _ in TRAPS.values()]
    assert [str(one.message) for one in said] == [words for _, words in TRAPS.values()]


def test_a_weight_that_is_shown_is_a_plain_number() -> None:
    weights: Tensor = T([1.0, float("nan")], requires_grad=True)
    with pytest.raises(ValueError, match=r"finite weights; received \[1\.0, nan\]"):
        S(from_logits=True, class_weight=weights)
