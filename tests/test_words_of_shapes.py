"""The words of every refusal of a shape, from the first to the last: what a user reads is what was meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import torchweights as tw

T, ONES = torch.tensor, torch.ones
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
    "more samples than there are": (
        reduced((5,), (3,), "torchweights"),
        "sample_weight expected 3 samples, as loss values of shape (3,) have; received shape (5,). Give (3,), one for each sample.",
    ),
    "more samples than there are, torch": (
        reduced((5,), (3,), "torch"),
        "sample_weight expected 3 samples, as loss values of shape (3,) have; received shape (5,). Give (3,), one for each sample.",
    ),
    "other samples than there are": (
        reduced(None, (2, 3), "torchweights", mask=(5, 3)),
        "mask expected 2 samples, as loss values of shape (2, 3) have; received shape (5, 3). Give (2,), one for each sample, or (2, 3), one for each loss value.",
    ),
    "the shape of predictions": (
        reduced((2, 3, 4), (2, 3), "torchweights"),
        "sample_weight of shape (2, 3, 4) can be read in two ways beside loss values of shape (2, 3), which have an axis less than y_pred: per sample it would be (2,), "
        "per element it would be (2, 3). Write sample_weight.expand(..) for one of these, or build a loss that averages no axis with axis=() to weigh every prediction.",
    ),
    "an axis more that is not of predictions": (
        reduced((2, 2, 4), (2, 3), "torchweights"),
        "sample_weight of shape (2, 2, 4) can be read in two ways beside loss values of shape (2, 3): per sample it would be (2,) or (2, 1), per element it would be (2, 3); "
        "expected one of these. Write sample_weight.expand((2, 3)) or reshape it to (2,), whichever you mean.",
    ),
    "beside a mask, tf.keras": (
        reduced((3, 4), (2, 3), "tf2.4:loss", mask=(2, 3)),
        "sample_weight of shape (3, 4) does not meet loss values of shape (2, 3): expected a shape that broadcasts with the mask, (2, 3).",
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
        "axis expected from -2 to 1 for y_pred of rank 2; received 2.",
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
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")
def test_shapes_that_do_not_meet_are_told_in_these_words(name: str) -> None:
    call, words = SHAPES[name]
    with pytest.raises(ValueError) as error:  # noqa: PT011
        call()
    assert str(error.value) == words
