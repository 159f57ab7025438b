"""The words of every refusal and every trap of weighing, from the first to the last: what a user reads is what was meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw

T, ONES = torch.tensor, torch.ones
S, C, M = tw.SparseCategoricalCrossentropy, tw.CategoricalCrossentropy, tw.MeanSquaredError
THIRDS, LABELS = torch.full((3, 3), 1 / 3), T([0, 1, 2])
Call = Callable[[], Any]


def reduced(
    weight: tuple[int, ...] | None, values: tuple[int, ...], row: str, mask: tuple[int, ...] | None = None
) -> Call:
    """Weights and a mask of these shapes beside values of that shape."""
    given = None if weight is None else ONES(weight)
    return lambda: tw.reduce_weighted_values(
        ONES(values), given, None if mask is None else ONES(mask, dtype=torch.bool), semantics=row
    )


def global_one() -> tw.Denominator:
    """A denominator of two ranks."""
    made = M().denominator(y_true=THIRDS)
    return tw.Denominator(made.counts, made.semantics, made.reduction, averaged=2.0)


SHAPES: dict[str, tuple[Call, str]] = {
    "from the left": (
        reduced((3,), (2, 3), "keras2.2.4:loss"),
        "sample_weight of shape (3,) does not meet loss values of shape (2, 3): expected the leading axes of (2, 3), each whole or 1.",
    ),
    "from the left, Keras 2.3": (
        reduced((3,), (2, 3, 4), "keras2.3.1:loss"),
        "sample_weight of shape (3,) does not meet loss values of shape (2, 3, 4): expected the leading axes of (2, 3, 4), each whole or 1.",
    ),
    "mask from the right": (
        reduced(None, (2, 3), "keras2.2.4:loss", mask=(2,)),
        "mask of shape (2,) does not meet loss values of shape (2, 3): expected the trailing axes of (2, 3), each whole or 1.",
    ),
    "from the right": (
        reduced((2,), (2, 3, 4), "tf2.4:loss"),
        "sample_weight of shape (2,) does not meet loss values of shape (2, 3, 4): expected the trailing axes of (2, 3, 4), each whole or 1.",
    ),
    "from the right, Keras 3": (
        reduced((2,), (2, 3), "keras3.15"),
        "sample_weight of shape (2,) does not meet loss values of shape (2, 3): expected the trailing axes of (2, 3), each whole or 1.",
    ),
    "a last axis more": (
        reduced((2, 3, 2), (2, 3), "tf2.4:loss"),
        "sample_weight of shape (2, 3, 2) does not meet loss values of shape (2, 3): expected the same rank, or a last axis of size 1 that can be dropped.",
    ),
    "a last axis more than the mask": (
        reduced((2, 3, 2), (2, 3), "tf2.4:loss", mask=(2, 3)),
        "sample_weight of shape (2, 3, 2) does not meet loss values of shape (2, 3): expected the same rank, or a last axis of size 1 that can be dropped.",
    ),
    "a last axis more than the mask, TF 1.12": (
        reduced((2, 3, 2), (2, 3), "tf1.12:loss", mask=(2, 3)),
        "sample_weight of shape (2, 3, 2) does not meet loss values of shape (2, 3): expected the same rank, or a last axis of size 1 that can be dropped.",
    ),
    "a last axis more, TF 1.12": (
        reduced((2, 3, 2), (2, 3), "tf1.12:loss"),
        "sample_weight of shape (2, 3, 2) does not meet loss values of shape (2, 3): expected the same rank, or a last axis of size 1 that can be dropped.",
    ),
    "beside a mask": (
        reduced((3, 4), (2, 3), "keras3.15", mask=(2, 3)),
        "sample_weight of shape (3, 4) does not meet loss values of shape (2, 3): expected a shape that broadcasts with the mask, (2, 3).",
    ),
    "more than the values": (
        reduced((2, 3, 1, 1), (2, 3), "tf1.12:loss"),
        "sample_weight of shape (2, 3, 1, 1) does not meet loss values of shape (2, 3): expected at most the rank of the values.",
    ),
    "neither alone nor averaged": (
        reduced((5,), (2, 3, 4), "tf1.12:loss"),
        "sample_weight of shape (5,) does not meet loss values of shape (2, 3, 4): expected the leading axes of (2, 3, 4), each whole or 1.",
    ),
    "the mask of TF 1.12 alone": (
        reduced((4, 1), (4, 3), "tf1.12:loss", mask=(2, 1)),
        "mask of shape (2, 1) does not meet loss values of shape (4, 3): expected the trailing axes of (4, 3), each whole or 1.",
    ),
    "averaged": (
        reduced((5,), (2, 3, 4), "tf1.14:loss"),
        "sample_weight of shape (5,) does not meet loss values of shape (2, 3, 4): expected the rank of the values, or (2,).",
    ),
    "the very rank": (
        reduced((2,), (2, 3, 4), "tf1.15:loss"),
        "sample_weight of shape (2,) does not meet loss values of shape (2, 3, 4): expected the rank of the values, one more or one less, each axis whole or 1.",
    ),
    "in place": (
        reduced((2, 1), (2, 3), "keras3.15-torch", mask=(2, 3)),
        "sample_weight of shape (2, 1) does not meet loss values of shape (2, 3): expected weights as large as the mask, (2, 3) (this release multiplies in place).",
    ),
    "two ways": (
        reduced((2, 3), (2, 3, 4), "torchweights"),
        "sample_weight of shape (2, 3) can be read in two ways beside loss values of shape (2, 3, 4): per sample it would be (2,) or (2, 1, 1), per element it would be (2, 3, 4); "
        "expected one of these. Write sample_weight.expand((2, 3, 4)) or reshape it to (2,), whichever you mean.",
    ),
    "a mask two ways": (
        reduced(None, (2, 3), "torchweights", mask=(3,)),
        "mask of shape (3,) can be read in two ways beside loss values of shape (2, 3): per sample it would be (2,) or (2, 1), per element it would be (2, 3); "
        "expected one of these. Write mask.expand((2, 3)) or reshape it to (2,), whichever you mean.",
    ),
    "steps of fit": (
        reduced((3, 2), (2, 3), "tf1.15"),
        "sample_weight of shape (3, 2) does not meet loss values of shape (2, 3): expected (2,) (one per sample) or (2, 3) (one per time step), as fit() of this release took them.",
    ),
    "steps of fit beside pixels": (
        reduced((2, 3, 4), (2, 3, 4), "keras2.2.4"),
        "sample_weight of shape (2, 3, 4) does not meet loss values of shape (2, 3, 4): expected (2,) (one per sample) or (2, 3) (one per time step), as fit() of this release took them.",
    ),
    "samples of fit": (
        reduced((3,), (2,), "tf1.15"),
        "sample_weight of shape (3,) does not meet loss values of shape (2,): expected (2,) (one per sample), as fit() of this release took them.",
    ),
    "a void class": (
        lambda: tw.labelled_pixels(torch.eye(3), 3),
        "void expected one of the 3 classes of one-hot targets, the one that means 'no ground truth'; received 3. Leave it out if such pixels have no class set.",
    ),
    "an axis of pixels": (
        lambda: tw.mask_pixels(THIRDS, LABELS, axis=2),
        "axis expected from -2 to 1 for y_pred of shape (3, 3); received 2.",
    ),
    "labels of pixels": (
        lambda: tw.mask_pixels(THIRDS, T([1]), axis=1),
        "y_true expected shape (3,) (labels beside y_pred of shape (3, 3) with classes on axis 1); received (1,). "
        "Say where the classes are with axis=, and give targets to match.",
    ),
    "one-hot pixels": (
        lambda: tw.mask_pixels(THIRDS, ONES(3), axis=1),
        "y_true expected shape (3, 3) (one-hot targets beside y_pred of shape (3, 3) with classes on axis 1); received (3,). "
        "Say where the classes are with axis=, and give targets to match.",
    ),
}

CLASSES: dict[str, tuple[Call, type[Exception], str]] = {
    "text": (
        lambda: S(from_logits=True, class_weight="balanced"),
        TypeError,
        "class_weight expected a dict from class number to weight, or one weight per class in a list or tensor; received str 'balanced'. Write class_weight={0: 1.0, 1: 2.0}.",
    ),
    "a long text": (
        lambda: S(from_logits=True, class_weight="x" * 100),
        TypeError,
        f"class_weight expected a dict from class number to weight, or one weight per class in a list or tensor; received str '{'x' * 59}. Write class_weight={{0: 1.0, 1: 2.0}}.",
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
        "class_weight expected one real weight per class, a tensor of shape (C,); received torch.float32 of shape (2, 2).",
    ),
    "complex": (
        lambda: S(from_logits=True, class_weight=ONES(2, dtype=torch.complex64)),
        ValueError,
        "class_weight expected one real weight per class, a tensor of shape (C,); received torch.complex64 of shape (2,).",
    ),
    "too few": (
        lambda: S(from_logits=True, class_weight=[1.0, 2.0])(THIRDS, LABELS),
        ValueError,
        "class_weight expected 3 weights, one for each class of y_pred; received 2.",
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
    "eight classes": (
        lambda: S(from_logits=True, class_weight={0: 1.0})(torch.zeros(1, 9), T([0])),
        ValueError,
        "class_weight expected a weight for each class 0 to 8, the classes of y_pred; received {0: 1.0}, which lacks 1, 2, 3, 4, 5, 6, 7, 8. "
        "Give every class a weight (1.0 leaves it as it is).",
    ),
    "text for a weight": (
        lambda: S(from_logits=True, class_weight={0: "1"}),
        TypeError,
        "class_weight expected a number for each class; received str '1'.",
    ),
    "infinite": (
        lambda: S(from_logits=True, class_weight=[1.0, float("inf")]),
        ValueError,
        "class_weight expected finite weights; received [1.0, inf].",
    ),
    "infinite in a dict": (
        lambda: S(semantics="keras2.2.4", class_weight={0: float("nan")}),
        ValueError,
        "class_weight expected finite weights; received [nan].",
    ),
    "pixels": (
        lambda: S(semantics="keras3.15", class_weight={0: 1.0})(torch.full((2, 2, 3), 1 / 3), torch.zeros(2, 2, 1, dtype=torch.int64)),
        ValueError,
        "class_weight expected targets of at most 2 dimensions in this release; received y_true of shape (2, 2, 1). "
        "Give the weights as sample_weight, or use semantics='torchweights', which weighs each pixel.",
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


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")
def test_shapes_that_do_not_meet_are_told_in_these_words(name: str) -> None:
    call, words = SHAPES[name]
    with pytest.raises(ValueError) as error:  # noqa: PT011
        call()
    assert str(error.value) == words


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
