"""Arrays of generated cases: targets, predictions, sample weights and masks, by kind and seed; numpy alone.

Every kind is a word. ``ordinary`` numbers lie well inside what a formula takes; ``saturated`` ones at its edges and far
out; ``tied`` ones where two sides are equal; ``tiny`` and ``huge`` ones are the ordinary ones, scaled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

INPUTS = ("ordinary", "saturated", "tied", "tiny", "huge")
#: shapes of weights: of numbers that stand for a sample, a step, an element, the last axis, or for nothing that fits
WEIGHTS = ("none", "scalar", "(B,)", "(B,1)", "(B,1,..)", "(B,T)", "full", "full,1", "last", "misfit")
#: what the numbers of weights are
FILLS = ("ordinary", "some-zero", "zeros", "negative", "whole")
MASKS = ("none", "(B,)", "(B,1)", "full", "full,1", "last", "all", "all(B,)", "misfit")

TINY = 1e-30
HUGE = 1e20
#: What squares its numbers must stay below the square root of what float32 holds, about 1e19; what multiplies
#: thousands of them, or compares them with what is 1, lower still.
_HUGE_OF = {
    "mean_squared_error": 1e15, "huber": 1e15, "squared_hinge": 1e15, "cosine_similarity": 1e15,
    "mean_absolute_percentage_error": 1e15, "poisson": 1e15, "dice": 1e15, "tversky": 1e15, "circle": 1.0, "ctc": 4.0,
}  # fmt: skip

_EDGES = (0.0, 1e-9, 9e-8, 1.5e-7, 1e-6, 0.5, 1 - 1e-6, 1 - 1.5e-7, 1 - 1e-9, 1.0)
_FAR = (-100.0, -30.0, -1.0, 0.0, 1.0, 30.0, 100.0)

#: what predictions of a loss are, where it takes no logits
PREDICTIONS = {
    "mean_squared_error": "real", "mean_absolute_error": "real", "mean_absolute_percentage_error": "real",
    "mean_squared_logarithmic_error": "positive", "poisson": "positive", "huber": "real", "log_cosh": "real",
    "cosine_similarity": "real", "kl_divergence": "rows", "hinge": "real", "squared_hinge": "real",
    "categorical_hinge": "real", "binary_crossentropy": "probabilities", "binary_focal_crossentropy": "probabilities",
    "categorical_crossentropy": "rows", "categorical_focal_crossentropy": "rows",
    "sparse_categorical_crossentropy": "rows", "categorical_generalized_cross_entropy": "rows",
    "dice": "probabilities", "tversky": "probabilities", "circle": "embeddings", "ctc": "logits",
}  # fmt: skip
LOSSES = tuple(PREDICTIONS)


def predictions(loss: str, kind: str, inputs: str, shape: Shape, axis: int, stream: np.random.RandomState) -> Array:
    """Predictions of ``kind``; rows of probabilities lie along ``axis``."""
    if inputs == "saturated":
        drawn = _saturated(kind, shape, axis, stream)
    elif inputs == "tied" and kind in ("rows", "logits", "embeddings"):
        drawn = np.full(shape, {"rows": 1.0 / shape[axis], "logits": 0.5, "embeddings": shape[axis] ** -0.5}[kind])
        apart = stream.random_sample(shape[:1] + (1,) * (len(shape) - 1)) < 0.5
        drawn = np.where(apart, _ordinary(kind, shape, axis, stream), drawn)
    elif inputs == "tied":
        drawn = np.round(_ordinary(kind, shape, axis, stream) * 4) / 4
    else:
        drawn = _ordinary(kind, shape, axis, stream)
    # Probabilities far above 1 have powers that no float holds.
    huge = 1.0 if (loss, kind) == ("binary_focal_crossentropy", "probabilities") else _HUGE_OF.get(loss, HUGE)
    return drawn * {"tiny": TINY, "huge": huge}.get(inputs, 1.0)


def _ordinary(kind: str, shape: Shape, axis: int, stream: np.random.RandomState) -> Array:
    if kind == "real":
        return stream.uniform(-2, 2, shape)
    if kind == "positive":
        return stream.uniform(1 / 64, 4, shape)
    if kind == "probabilities":
        return stream.uniform(1 / 64, 1 - 1 / 64, shape)
    if kind == "logits":
        return stream.uniform(-4, 4, shape)
    if kind == "rows":
        drawn = stream.uniform(1 / 16, 1, shape)
        return np.asarray(drawn / drawn.sum(axis, keepdims=True))
    assert kind == "embeddings", kind
    drawn = stream.uniform(-1, 1, shape)
    return np.asarray(drawn / np.sqrt((drawn**2).sum(axis, keepdims=True)))


def _saturated(kind: str, shape: Shape, axis: int, stream: np.random.RandomState) -> Array:
    if kind in ("real", "logits"):
        return stream.choice(_FAR, shape)
    if kind == "positive":
        return stream.choice((0.0, 1e-9, 9e-8, 1e-6, 0.5, 1.0, 100.0, 1e4), shape)
    if kind == "probabilities":
        return stream.choice(_EDGES, shape)
    if kind == "embeddings":
        return np.asarray(np.sign(stream.uniform(-1, 1, shape)) * shape[axis] ** -0.5)
    # One class takes all but what the others are given.
    others = stream.choice((0.0, 0.0, 1e-9, 9e-8, 1.5e-7, 1e-6), shape)
    winner = np.expand_dims(stream.randint(0, shape[axis], np.delete(shape, axis)), axis)
    np.put_along_axis(others, winner, 0.0, axis)
    np.put_along_axis(others, winner, 1 - others.sum(axis, keepdims=True), axis)
    return others


# ------------------------------------------------------------------------------------------------------------- targets


def targets(kind: str, inputs: str, y_pred: Array, axis: int, stream: np.random.RandomState) -> Array:
    """Targets of ``kind`` in the shape of the predictions; ``labels`` lack ``axis``."""
    shape = y_pred.shape
    if kind == "labels":
        return stream.randint(0, shape[axis], np.delete(shape, axis)).astype("int64")
    if kind == "one-hot":
        return np.moveaxis(np.eye(shape[axis])[stream.randint(0, shape[axis], np.delete(shape, axis))], -1, axis)
    if kind == "soft":
        return _ordinary("rows", shape, axis, stream)
    if kind == "binary":
        return stream.randint(0, 2, shape).astype("float64")
    if kind == "signs":
        return stream.randint(0, 2, shape) * 2.0 - 1
    if kind == "shares":
        return stream.uniform(0, 1, shape)
    if kind == "others":
        return stream.uniform(-2, 2, shape)
    drawn = _ordinary(kind, shape, axis, stream)
    if inputs == "tied":
        return np.where(stream.random_sample(shape) < 0.5, y_pred, np.round(drawn * 4) / 4)
    return drawn if inputs in ("ordinary", "saturated") else drawn * np.abs(y_pred).max(initial=TINY)


# --------------------------------------------------------------------------------------------------- weights and masks


def sample_weight(kind: str, fill: str, values: Shape, stream: np.random.RandomState) -> Array | None:
    """Weights of a kind of shape and of numbers, for loss values of a shape."""
    if kind == "none":
        return None
    drawn = stream.uniform(0.25, 3, _shape_of(kind, values))
    if fill == "zeros":
        return np.zeros_like(drawn)
    if fill == "some-zero":
        return drawn * (stream.random_sample(drawn.shape) < 0.6)
    if fill == "negative":
        return drawn * np.where(stream.random_sample(drawn.shape) < 0.4, -4, 1)
    return np.asarray(np.floor(drawn)).astype("int64") if fill == "whole" else np.asarray(drawn)


def mask(kind: str, values: Shape, stream: np.random.RandomState) -> Array | None:
    """A Keras mask of a kind, for loss values of a shape; True stays."""
    if kind == "none":
        return None
    if kind.startswith("all"):
        return np.zeros(values[:1] if kind == "all(B,)" else values, dtype=bool)
    return np.asarray(stream.random_sample(_shape_of(kind, values)) < 0.625)


def _shape_of(kind: str, values: Shape) -> Shape:
    """A shape by its kind, for loss values of a shape; values of no axis are one sample."""
    values = values or (1,)
    return {
        "scalar": (), "(B,)": values[:1], "(B,1)": (values[0], 1), "(B,1,..)": values[:1] + (1,) * (len(values) - 1),
        "(B,T)": values[:2], "full": values, "full,1": values + (1,), "last": values[-1:],
        "misfit": tuple(size + 1 for size in values),
    }[kind]  # fmt: skip
