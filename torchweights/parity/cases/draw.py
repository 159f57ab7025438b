"""What cases are drawn from: shapes, targets and predictions of each loss, sample weights and masks, by seed."""

from __future__ import absolute_import, division, print_function

import zlib

import numpy as np

#: values shape by name: the shape of the unreduced loss; predictions carry one more axis of CHANNELS.
SHAPES = {
    "r1": (4,), "r2": (3, 4), "r3": (2, 3, 4), "r4": (3, 2, 2, 4),
    # Batch as long as the last axis: where the wrong alignment is silent.
    "square2": (3, 3), "square3": (3, 2, 3),
}  # fmt: skip
#: channels of the losses that every Keras has or had: one value per row of the last axis
CHANNELS = {
    "mean_squared_error": 2, "mean_absolute_error": 2, "hinge": 2, "squared_hinge": 2,
    "binary_crossentropy": 2, "categorical_crossentropy": 3, "sparse_categorical_crossentropy": 3,
    "mean_absolute_percentage_error": 2, "mean_squared_logarithmic_error": 2, "cosine_similarity": 3, "huber": 2,
    "log_cosh": 2, "categorical_hinge": 3, "kl_divergence": 3, "poisson": 2,
    "binary_focal_crossentropy": 2, "categorical_focal_crossentropy": 3,
}  # fmt: skip
LOSSES = tuple(CHANNELS)
#: Keras 3's own, of shapes of their own
KERAS3_LOSSES = ("dice", "tversky", "circle", "ctc", "categorical_generalized_cross_entropy")


def random(seed, shape, low=0.0, high=1.0):
    """Multiples of 1/64 in [low, high), the same in every numpy."""
    stream = np.random.RandomState(zlib.crc32(seed.encode("ascii")) & 0xFFFFFFFF)
    return np.floor((low + (high - low) * stream.random_sample(shape)) * 64) / 64


def probabilities(seed, shape):
    """Rows of multiples of 1/64 that add up to exactly one."""
    cuts = np.sort(1 + np.floor(random(seed, shape[:-1] + (shape[-1] - 1,)) * 62) / 1, axis=-1)
    edges = np.concatenate([np.zeros(shape[:-1] + (1,)), cuts, np.full(shape[:-1] + (1,), 64.0)], axis=-1)
    return np.diff(edges, axis=-1) / 64


def labels(seed, shape, classes):
    return np.floor(random(seed, shape) * classes).astype("int64")


def one_hot(labels, classes):
    return np.eye(classes)[labels]


def _binary(seed, full):
    return np.floor(random(seed, full) * 2)


def _classes(seed, full):
    return one_hot(labels(seed, full[:-1], full[-1]), full[-1])


def _signs(seed, full):
    return _binary(seed, full) * 2 - 1


def _sparse(seed, full):
    return labels(seed, full[:-1] + (1,), full[-1])


def _between(low, high):
    return lambda seed, full: random(seed, full, low, high)


_TWO, _OPEN, _POSITIVE = _between(-2.0, 2.0), _between(1 / 64, 1.0), _between(1 / 64, 4.0)
#: loss -> (how targets are drawn, how predictions are); both from [-2, 2) where a loss is not named
_DRAWN = {
    "hinge": (_signs, _TWO), "squared_hinge": (_signs, _TWO), "categorical_hinge": (_classes, _TWO),
    "binary_crossentropy": (_binary, _OPEN), "binary_focal_crossentropy": (_binary, _OPEN),
    "categorical_crossentropy": (_classes, probabilities), "categorical_focal_crossentropy": (_classes, probabilities),
    "sparse_categorical_crossentropy": (_sparse, probabilities),
    "mean_squared_logarithmic_error": (_POSITIVE, _POSITIVE), "poisson": (_POSITIVE, _POSITIVE),
    "kl_divergence": (probabilities, probabilities),
}  # fmt: skip


def targets_and_predictions(loss, seed, shape, from_logits=False):
    """(y_true, y_pred) for values of ``shape``."""
    full = tuple(shape) + (CHANNELS[loss],)
    targets, predictions = _DRAWN.get(loss, (_TWO, _TWO))
    return targets(seed + "t", full), (_between(-4.0, 4.0) if from_logits else predictions)(seed + "p", full)


def _some_zero(weights):
    """The same weights with every third one zero, the second to begin with."""
    flat = weights.reshape(-1).copy()
    flat[1::3] = 0.0
    return flat.reshape(weights.shape)


def sample_weight(kind, shape, seed):
    """A weight of the given kind for values of ``shape``; None where the kind says nothing new at this rank."""

    def draw(weight_shape):
        return random(seed + kind, weight_shape, 0.25, 3.0)

    rank = len(shape)
    if kind == "no":
        return None
    if kind == "scalar":
        return np.asarray(2.5)
    if kind == "(B,)":
        return draw(shape[:1])
    if kind == "(B,1)":
        return draw((shape[0], 1))
    if kind == "(B,1,..)":
        return draw((shape[0],) + (1,) * (rank - 1)) if rank > 2 else None
    if kind == "(B,T)":
        return draw(shape[:2]) if rank > 2 else None
    if kind == "full":
        return draw(shape) if rank > 1 else None
    if kind == "full,some zero":
        return _some_zero(draw(shape)) if rank > 1 else None
    if kind == "zeros":
        return np.zeros(shape[:1])
    if kind == "full zeros":
        return np.zeros(shape) if rank > 1 else None
    if kind == "negative":
        return draw(shape[:1]) * np.where(np.arange(shape[0]) == 0, -4.0, 1.0)
    if kind == "all negative":
        return -draw(shape[:1])
    if kind == "some zero":
        return _some_zero(draw(shape[:1]))
    if kind == "(B,T,1)":
        return draw(shape[:2] + (1,)) if rank > 1 else None
    raise KeyError(kind)


WEIGHTS = (
    "no", "scalar", "(B,)", "(B,1)", "(B,1,..)", "(B,T)", "(B,T,1)", "full", "full,some zero", "zeros", "full zeros",
    "negative", "all negative", "some zero",
)  # fmt: skip


def mask_of(kind, shape, seed):
    """A Keras mask of the given kind for values of ``shape``; True stays."""
    if kind == "no":
        return None
    if kind == "all masked":
        return np.zeros(shape, dtype=bool)
    if kind == "some":
        mask = random(seed + "m", shape) < 0.625
        mask.reshape(-1)[0], mask.reshape(-1)[-1] = True, False
        return mask
    if kind == "some (B,)":
        return np.arange(shape[0]) != 1 if len(shape) > 1 else None
    if kind == "some (B,T)":
        return mask_of("some", shape[:2], seed) if len(shape) > 2 else None
    raise KeyError(kind)


MASKS = ("no", "some", "all masked", "some (B,)", "some (B,T)")
