"""What generated cases are known to meet: on purpose this library answers otherwise than the release, and why.

The counterpart of ``torchweights/parity/divergences.txt`` for cases that have no name: each line says for which rows and
losses, what is wrong with the cell, and by a test of the case itself where. What the test returns is the claim that is then
checked: True for "nothing more to say"; an array for elements of the predictions at which alone the gradient may differ;
``Terms`` for the size of the terms whose differences the gradients are; another case for "what this library answers is
what the release answers to that one".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from parity_tests.live_engines import Engine
from torchweights.parity import replay, strategies

Item = dict[str, Any]
Array = np.ndarray[Any, Any]
Where = Callable[[Item, str, Engine], Any]

#: what can be wrong with the numbers of a cell, and with its gradient alone
NUMBERS = ("value", "value nan", "gradient", "gradient nan", "float32")
GRADIENTS = ("gradient", "gradient nan", "float32")


@dataclass(frozen=True)
class Terms:
    """How many times larger than the formula's largest term those are whose difference a gradient is."""

    times: float
    precision: str | None = None


@dataclass(frozen=True)
class Known:
    """Globs of rows and losses, what may be wrong, a test of case and float type, and the reason."""

    rows: str
    losses: str
    wrong: tuple[str, ...]
    where: Where
    reason: str

    def covers(self, row: str, item: Item, wrong: str) -> bool:
        """Whether this line speaks of ``wrong`` in such a case."""
        return wrong in self.wrong and fnmatchcase(row, self.rows) and fnmatchcase(item["loss"], self.losses)


# ----------------------------------------------------------------------------------------------------- shapes that meet


def values_of(item: Item) -> tuple[int, ...]:
    """The shape of the values of a case."""
    return strategies.values_shape(item["loss"], item["options"], item["y_pred"].shape)


def enlarged(item: Item, dtype: str, engine: Engine) -> bool:
    """Whether the release makes an outer product: what it would return unreduced is larger than the values."""
    cell = engine.cell({**item, "reduction": "none"}, dtype)
    return cell is not None and cell.value is not None and cell.value.size > math.prod(values_of(item))


def mask_in_shape(item: Item, dtype: str, engine: Engine) -> bool | Item:
    """The case with its mask in the shape of the values, where the values have a mask themselves and the two do not fit."""
    values, mask = values_of(item), item["mask"]
    if mask is None or not ("ignore_class" in item["options"] or item["loss"] == "circle"):
        return False
    if mask.ndim == len(values) + 1 and mask.shape[-1] == 1:
        return {**item, "mask": mask[..., 0]}
    return {**item, "mask": mask[..., None]} if mask.ndim == len(values) - 1 else False


def in_columns(item: Item, dtype: str, engine: Engine) -> bool | Item:
    """The case with targets and predictions (N, 1) for (N,)."""
    if item["y_pred"].ndim > 1:
        return False
    return {**item, "y_pred": item["y_pred"][:, None], "y_true": item["y_true"][:, None]}


def one_class(item: Item, dtype: str, engine: Engine) -> bool:
    """Whether labels meet predictions of a single class, which the release squeezes."""
    return bool(item["y_pred"].ndim == item["y_true"].ndim + 1 and item["y_pred"].shape[-1] == 1)


def nothing_left(item: Item, dtype: str, engine: Engine) -> bool:
    """Whether the mask and the ignored labels leave nothing."""
    mask, options = item["mask"], item["options"]
    if "ignore_class" in options:
        kept = item["y_true"].reshape(values_of(item)) != options["ignore_class"]
        if mask is None:
            return not kept.any()
        mask = mask[..., None] if mask.ndim == kept.ndim - 1 else mask
        try:
            return not (mask & kept).any()
        except ValueError:
            return False
    return mask is not None and not mask.any()


def mask_of_lower_rank(item: Item, dtype: str, engine: Engine) -> bool:
    """Whether a mask of a lower rank than the values stands beside ignored labels."""
    return item["mask"] is not None and "ignore_class" in item["options"] and item["mask"].ndim < len(values_of(item))


def undivided_scalar(item: Item, dtype: str, engine: Engine) -> bool:
    """Whether the values are one scalar, and the weight is one too, or is squeezed to one."""
    weight = item["sample_weight"]
    small = weight is not None and weight.size == 1
    # The bare loss object averages predictions (N,) into one scalar, and CTC of a single sequence is one.
    scalar = values_of(item) == () or item["y_pred"].ndim == 1 or (item["loss"] == "ctc" and len(item["y_pred"]) == 1)
    return scalar and small and item["reduction"] == "mean_with_sample_weight"


def smoothing_counts_another_axis(item: Item, dtype: str, engine: Engine) -> bool:
    """Whether labels of logits are smoothed over an axis that is not as long as the last one."""
    options, shape = item["options"], item["y_pred"].shape
    smoothed = bool(options.get("from_logits", False) and options.get("label_smoothing"))
    return smoothed and shape[options.get("axis", -1)] != shape[-1]


def not_the_last_axis(item: Item, dtype: str, engine: Engine) -> bool:
    return item["options"].get("axis", -1) not in (-1, item["y_pred"].ndim - 1)


# ---------------------------------------------------------------------------------------------------------------- kinks


def _numbers(item: Item, dtype: str) -> tuple[Array, Array]:
    return item["y_true"].astype(dtype), item["y_pred"].astype(dtype)


def hinge_kink(item: Item, dtype: str, engine: Engine) -> Array:
    """Where 1 - y p is exactly 0."""
    y, p = _numbers(item, dtype)
    if np.isin(y, (0, 1)).all():
        y = 2 * y - 1
    return np.asarray(1 - y * p == 0)


def categorical_hinge_kink(item: Item, dtype: str, engine: Engine) -> Array:
    """The vectors whose margin is exactly 0, up to how their sum is rounded."""
    y, p = _numbers(item, dtype)
    margin = ((1 - y) * p).max(-1, keepdims=True) - (y * p).sum(-1, keepdims=True) + 1
    return np.asarray(np.broadcast_to(np.abs(margin) <= 4 * np.finfo(dtype).eps * np.abs(p).max(initial=1), p.shape))


def circle_kink(item: Item, dtype: str, engine: Engine) -> Array:
    """The embeddings that are at distance 0 from one that is theirs to compare with, up to rounding."""
    _, p = _numbers(item, dtype)
    distance, options = np.abs(1 - p @ p.T), item["options"]
    near = distance <= 16 * np.finfo("float32").eps
    if options.get("remove_diagonal", True):
        np.fill_diagonal(near, False)
    return np.asarray(np.broadcast_to(near.any(-1, keepdims=True), p.shape))


def log_kink(item: Item, dtype: str, engine: Engine) -> Array:
    """Where a prediction is exactly the least number that the logarithm takes, 1e-7."""
    return np.asarray(np.abs(item["y_pred"] - 1e-7) < 1e-13)


def at_label_zero(item: Item, dtype: str, engine: Engine) -> Array:
    """The rows whose probability at the label is 0: their infinity times 0 is NaN at the other classes."""
    _, p = _numbers(item, dtype)
    at_label = np.take_along_axis(p, item["y_true"][..., None], -1)
    return np.asarray(np.broadcast_to(at_label == 0, p.shape))


def vectors_of_zeros(item: Item, dtype: str, engine: Engine) -> Array:
    """The predicted vectors that are all zeros, or so short that their squares are."""
    _, p = _numbers(item, dtype)
    squares = (p * p).sum(item["options"].get("axis", -1), keepdims=True)
    return np.asarray(np.broadcast_to(squares == 0, p.shape))


def right_beyond_doubt(item: Item, dtype: str, engine: Engine) -> bool | Array:
    """Where the probability of the label is 1, under an exponent below 1."""
    y, p = _numbers(item, dtype)
    smoothing = item["options"].get("label_smoothing", 0.0)
    y = y * (1 - smoothing) + smoothing / 2
    if item["options"].get("from_logits", False):
        p = 1 / (1 + np.exp(np.clip(-p, -700, 700)))
    at_label = y * p + (1 - y) * (1 - p)
    return item["options"].get("gamma", 2.0) < 1 and np.abs(1 - at_label) <= np.finfo(dtype).eps


def impossible(item: Item, dtype: str, engine: Engine) -> Array:
    """The sequences whose labels fit in no alignment."""
    bare = {**item, "reduction": "none", "sample_weight": None, "mask": None}
    infinite = np.isinf(replay.ask(bare, engine.row, "float64").value)
    return np.asarray(np.broadcast_to(infinite[:, None, None], item["y_pred"].shape))


def one_impossible(item: Item, dtype: str, engine: Engine) -> bool:
    return bool(impossible(item, dtype, engine).any())


def no_alignment(item: Item, dtype: str, engine: Engine) -> bool:
    """Whether the labels of a sequence fit in no alignment, or in none of a probability above e^-690."""
    bare = {**item, "reduction": "none", "sample_weight": None, "mask": None}
    return bool((replay.ask(bare, engine.row, "float64").value > 690).any())


def backward_fails(item: Item, dtype: str, engine: Engine) -> bool:
    cell = engine.cell(item, dtype)
    return cell is not None and cell.refusal is not None and "must be contiguous" in cell.refusal[1]


def negative_axis_of_logits(item: Item, dtype: str, engine: Engine) -> bool:
    return bool(item["options"].get("from_logits", False)) and item["options"].get("axis", -1) < -1


# ------------------------------------------------------------------------------------------------------------ roundings


def long_vectors(item: Item, dtype: str, engine: Engine) -> Array:
    _, p = _numbers(item, "float64")
    axis = item["options"].get("axis", -1)
    return np.asarray(np.broadcast_to(np.sqrt((p * p).sum(axis, keepdims=True)) > 1e12, p.shape))


def tiny_rows(item: Item, dtype: str, engine: Engine) -> bool | Terms:
    """1 over the least sum of a row of probabilities."""
    if item["options"].get("from_logits", False):
        return False
    least = float(item["y_pred"].sum(item["options"].get("axis", -1)).min())
    return Terms(1 / least) if 0 < least < 0.5 else False


def many_steps(item: Item, dtype: str, engine: Engine) -> Terms:
    """The log probabilities of a sequence, added up over its steps; a gradient is e to such a sum."""
    return Terms(2 * item["y_pred"].shape[1] * max(1.0, np.abs(item["y_pred"]).max() / 16), "float32")


def delta_rounded(item: Item, dtype: str, engine: Engine) -> bool:
    delta = item["options"].get("delta", 1.0)
    return float(np.float32(delta)) != delta


def always(item: Item, dtype: str, engine: Engine) -> bool:
    return True


# fmt: off
KNOWN = (
    # Weights never enlarge the loss values, and never change their shape.
    Known("*", "*", ("we refuse",), enlarged, "weights and mask of different ranks: an accidental outer product"),
    Known("*", "*", (*NUMBERS, "we refuse", "we accept"), in_columns, "predictions (N,) are (N, 1) here, as fit makes them; the bare loss object averages the batch away"),
    Known("*", "*", (*NUMBERS, "we refuse", "we accept"), one_class, "the release squeezes predictions of one class beside labels"),
    Known("*", "*", (*NUMBERS, "we accept"), mask_in_shape, "the release pairs the mask (N, 1) of the predictions with that of the values (N,), an outer product; here each belongs to its sample"),
    Known("tf_keras2.21", "sparse_categorical_crossentropy", ("we refuse",), mask_of_lower_rank, "beside ignored labels the release meets masks from the right, whatever it does without; here a mask meets as the row fits masks"),
    # Excluded elements contribute exactly 0 to the gradient, in every row.
    Known("tf_keras2.21", "*", ("gradient nan",), nothing_left, "everything masked: the release's gradient is NaN as its value (0 x infinity); what is excluded has gradient 0 here"),
    # What a release cannot do and this library can.
    Known("keras3.15", "sparse_categorical_crossentropy", ("we accept",), not_the_last_axis, "Keras 3 on TensorFlow takes sparse labels on the last axis only"),
    Known("keras3.15-torch", "sparse_categorical_crossentropy", ("we accept",), backward_fails, "the backward of the release fails on outputs of rank 4 (grad_input must be contiguous)"),
    Known("*", "categorical_crossentropy", ("we accept",), negative_axis_of_logits, "TensorFlow's cross-entropy of logits fails on a negative axis other than -1"),
    # Gradients that are not those of the value.
    Known("keras3.15", "categorical_crossentropy", ("gradient",), smoothing_counts_another_axis, "smoothing counts the wrong axis, so targets do not sum to 1, and TensorFlow's kernel returns softmax - y all the same"),
    # Ties: exactly at a kink a release may take another side, or half of both.
    Known("keras3.15-torch", "hinge", GRADIENTS, hinge_kink, "exactly at the kink torch.maximum halves the gradient, every other engine takes all of it, and so does this row"),
    Known("keras3.15-torch", "categorical_hinge", GRADIENTS, categorical_hinge_kink, "exactly at the kink torch.maximum halves the gradient, every other engine takes all of it, and so does this row"),
    Known("keras3.15-torch", "circle", GRADIENTS, circle_kink, "exactly at the kink torch.maximum halves the gradient, every other engine takes all of it, and so does this row"),
    # Formulas: NaN and infinite gradients at kinks are finite here.
    Known("keras3*", "categorical_generalized_cross_entropy", GRADIENTS, at_label_zero, "at a probability of 0 the gradient of p^q is infinite; here it is 0"),
    Known("keras3.15-torch", "cosine_similarity", ("gradient nan",), vectors_of_zeros, "the gradient of the length of a vector of zeros is NaN in the release; here it is finite"),
    Known("*", "binary_focal_crossentropy", GRADIENTS, right_beyond_doubt, "where p_t is 1 the release has 0 x infinity, or infinity, for exponents below 1; here the gradient is finite"),
    Known("keras3.15-torch", "ctc", ("value nan",), one_impossible, "labels that fit in no alignment: the loss is infinite, and NaN in the release where it is weighed with 0 or masked; what is excluded counts 0 here"),
    Known("keras3.15-torch", "ctc", ("gradient nan",), impossible, "labels that fit in no alignment: the gradient of an infinite loss is NaN in the release; here it is finite"),
    Known("keras3.15", "ctc", NUMBERS, no_alignment, "labels that fit in no alignment: the release returns a number of about 700 that stands for ln 0; here the loss is infinite, or what it is"),
    # float64 through float32 constants.
    Known("*", "log_cosh", ("float32",), always, "ln 2 is a float32 constant in the release"),
    Known("keras3.15", "ctc", ("float32",), always, "TensorFlow computes CTC in float32"),
    Known("*", "*categorical*crossentropy", ("gradient",), tiny_rows, "gradients of probabilities far below 1 are differences of far larger terms, of which rounding is a part"),
    Known("keras3*", "ctc", ("gradient",), many_steps, "the release computes CTC in float32, where log probabilities add up over the steps"),
    Known("tf_keras2.21", "huber", ("float32",), delta_rounded, "the release rounds delta to float32"),
    # One scalar from the release.
    Known("keras3*", "*", ("value", "gradient"), undivided_scalar, "one scalar beside a scalar weight is not divided by the weight in the release; here it is"),
    Known("*", "cosine_similarity", ("gradient",), long_vectors, "the gradient of rsqrt underflows in float32 for vectors longer than 1e12, here as in the release and at other lengths"),
)
# fmt: on
