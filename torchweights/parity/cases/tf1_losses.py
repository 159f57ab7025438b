"""What ``tf.losses`` of TensorFlow 1 is asked about, which is ``tf.compat.v1.losses`` of every later TensorFlow.

``y_true`` and ``y_pred`` are the labels and the predictions or logits; for ``compute_weighted_loss`` there are no labels
and ``y_pred`` is the losses. ``door`` is the mode of TensorFlow: ``graph``, or ``eager``, which differs in a few places
and is asked about these. ``sample_weight`` None means that no weights are given; ``options["gradient"]`` is ``weights``
where the gradient is theirs.
"""

from __future__ import absolute_import, division, print_function

import itertools

import numpy as np

from .draw import random
from .one import BOTH, case

REDUCTIONS = (
    "none",
    "weighted_sum",
    "weighted_mean",
    "weighted_sum_over_batch_size",
    "weighted_sum_by_nonzero_weights",
)
#: shapes of predictions
SHAPES = {"r0": (), "r1": (4,), "r2": (3, 4), "r3": (2, 3, 4), "square2": (3, 3), "empty": (0, 3)}
#: name of the loss -> range of its predictions
LOSSES = {
    "absolute_difference": (-2.0, 2.0), "cosine_distance": (-1.0, 1.0), "hinge_loss": (-2.0, 2.0),
    "huber_loss": (-3.0, 3.0), "log_loss": (1 / 64, 1.0), "mean_pairwise_squared_error": (-2.0, 2.0),
    "mean_squared_error": (-2.0, 2.0), "sigmoid_cross_entropy": (-4.0, 4.0), "softmax_cross_entropy": (-4.0, 4.0),
    "sparse_softmax_cross_entropy": (-4.0, 4.0),
}  # fmt: skip
BINARY = ("hinge_loss", "log_loss", "sigmoid_cross_entropy")


def _random(seed, shape, low, high):
    return np.asarray(random(seed, shape, low, high))


def weights_of(kind, shape, seed):
    """Weights of the given kind for loss values of ``shape``; None where the kind says nothing new there."""
    rank = len(shape)
    whole = _random(seed + kind, shape, 0.25, 3.0)
    samples = shape[:1] + (1,) * (rank - 1)
    if kind == "scalar":
        return np.asarray(2.5)
    if kind in ("scalar 0", "scalar -1.5"):
        return np.asarray(float(kind[7:]))
    if kind == "rank+1":
        return np.ones(shape + (1,))
    if rank == 0:
        return None
    first = (np.arange(whole.size) == 0).reshape(shape)
    made = {
        "full": whole, "full zeros": np.zeros(shape), "full, one negative": np.where(first, -8 * whole, whole),
        "all negative": -whole, "one more": np.ones((shape[0] + 1,) + shape[1:]),
    }  # fmt: skip
    if rank > 1:
        made["(N,1,..)"] = _random(seed + kind, samples, 0.25, 3.0)
        made["(N,1,..), a zero"] = made["(N,1,..)"] * (np.arange(shape[0]) != 1).reshape(samples)
        made["(1,..,T)"] = _random(seed + kind, (1,) * (rank - 1) + shape[-1:], 0.25, 3.0)
        made["all ones in shape"] = np.full((1,) * rank, 2.0)
        made["(N,)"] = np.ones(shape[0])
        made["(T,)"] = np.ones(shape[-1])
        made["(1,)"] = np.ones(1)
    if rank > 2:
        made["(N,T)"] = np.ones(shape[:2])
        made["(N,T,1)"] = _random(seed + kind, shape[:-1] + (1,), 0.25, 3.0)
    if kind == "full, some zero":
        flat = whole.reshape(-1).copy()
        flat[1::3] = 0.0
        return flat.reshape(shape)
    return made.get(kind)


WEIGHTS = (
    "scalar", "scalar 0", "scalar -1.5", "rank+1", "full", "full, some zero", "full zeros", "full, one negative",
    "all negative", "one more", "(N,1,..)", "(N,1,..), a zero", "(1,..,T)", "all ones in shape", "(N,)", "(T,)", "(1,)",
    "(N,T)", "(N,T,1)",
)  # fmt: skip


def _asked(name, door, loss, labels, predictions, weights=None, reduction=REDUCTIONS[-1], **options):
    return case(
        name, door, loss, labels, predictions, weight=weights, reduction=reduction, options=options, dtypes=BOTH
    )


def batch(loss, shape, seed):
    """(labels, predictions) of a loss for predictions of ``shape``."""
    low, high = LOSSES[loss]
    predictions = _random(seed + "p", shape, low, high)
    if loss.endswith("softmax_cross_entropy"):
        classes = np.floor(_random(seed + "t", shape[:-1], 0.0, shape[-1])).astype("int64")
        return (classes if loss.startswith("sparse") else np.eye(shape[-1])[classes]), predictions
    if loss in BINARY:
        return np.floor(_random(seed + "t", shape, 0.0, 2.0)), predictions
    return _random(seed + "t", shape, low, high), predictions


def values_shape(loss, shape):
    """The shape of the unreduced loss."""
    if loss == "cosine_distance":
        return shape[:-1] + (1,)
    return shape[:-1] if loss.endswith("softmax_cross_entropy") else shape


def _given(loss):
    return {"axis": -1} if loss == "cosine_distance" else {}


def _reductions(loss):
    """``mean_pairwise_squared_error`` has no choice of reduction."""
    return REDUCTIONS[-1:] if loss == "mean_pairwise_squared_error" else REDUCTIONS


def weighing_cases(door):
    """Which weights meet which values, and what each reduction divides by."""
    loss = "compute_weighted_loss"
    for key, kind, reduction in itertools.product(sorted(SHAPES), ("no",) + WEIGHTS, REDUCTIONS):
        weights = weights_of(kind, SHAPES[key], key)
        # Weights of shape (0, 1) end TensorFlow itself, with a floating point exception.
        known = key != "empty" or kind in ("no", "scalar", "full")
        if known and (kind == "no" or weights is not None):
            losses = _random("losses" + key, SHAPES[key], -1.0, 4.0)
            yield _asked("%s weights=%s %s" % (key, kind, reduction), door, loss, None, losses, weights, reduction)
    for reduction in ("SUM", "mean_with_sample_weight"):
        yield _asked(
            "r2 unknown reduction %s" % reduction, door, loss, None, _random("u", (3, 4), 0.0, 1.0), None, reduction
        )


def loss_cases(door):
    """Every loss under weights and reductions."""
    kinds = ("no", "scalar", "(N,1,..)", "(N,1,..), a zero", "full, some zero", "full zeros", "all negative", "(N,)")
    for loss, key in itertools.product(sorted(LOSSES), ("r1", "r2", "r3")):
        if key == "r1" and loss.endswith("softmax_cross_entropy"):
            continue
        labels, predictions = batch(loss, SHAPES[key], loss + key)
        for kind, reduction in itertools.product(kinds, _reductions(loss)):
            shape = values_shape(loss, SHAPES[key])
            weights = weights_of(kind, shape, key)
            few = reduction not in (REDUCTIONS[0], REDUCTIONS[-1]) and (key != "r2" or kind not in ("no", "(N,1,..)"))
            if not few and (kind == "no" or weights is not None):
                name = "%s weights=%s %s" % (key, kind, reduction)
                yield _asked(name, door, loss, labels, predictions, weights, reduction, **_given(loss))


def shape_cases(door):
    """Labels that are not of the shape of the predictions; labels that are whole numbers."""
    for loss in sorted(LOSSES):
        labels, predictions = batch(loss, (3, 4), loss + "shape")
        if loss == "sparse_softmax_cross_entropy":
            continue
        for name, made in (
            ("(3,1)", labels[:, :1]),
            ("(4,)", labels[0]),
            ("(1,4)", labels[:1]),
            ("(3,4,1)", labels[..., None]),
        ):
            yield _asked("labels %s for (3,4)" % name, door, loss, made, predictions, **_given(loss))
        if loss in BINARY or loss == "softmax_cross_entropy":
            yield _asked("labels of whole numbers", door, loss, labels.astype("int64"), predictions)


def _column(name, door, loss, labels, predictions, **options):
    """Every label with every prediction: values (n, 1)."""
    pairs = np.asarray(list(itertools.product(labels, predictions)), dtype="float64")
    return _asked(name, door, loss, pairs[:, :1], pairs[:, 1:], None, "none", **options)


EDGES = (0.0, 1e-9, 1e-7, 1e-6, 0.0625, 0.5, 0.9375, 1 - 1e-6, 1 - 2.0**-22, 1.0)
FAR_LOGITS = (-1000.0, -100.0, -20.0, -1.0, -1e-8, 0.0, 1e-8, 1.0, 20.0, 100.0, 1000.0)


def formula_cases(door):
    """What each loss computes for a value: edges, ties, kinks, options."""
    for made in (_column("edges", door, "log_loss", (0.0, 0.25, 1.0), EDGES),
                 _column("labels outside [0, 1]", door, "log_loss", (-1.0, 2.0), EDGES[2:-2])):  # fmt: skip
        # TensorFlow casts to float32, which holds other edges: float64 would tell nothing.
        yield dict(made, dtypes=BOTH[1:])
    yield _column("edges epsilon=0.125", door, "log_loss", (0.0, 0.25, 1.0), EDGES, epsilon=0.125)
    yield _column("ties", door, "absolute_difference", (-1.0, 0.0, 1.0), (-1.0, 0.0, 1.0))
    yield _column("ties", door, "mean_squared_error", (-1.0, 0.0, 1.0), (-1.0, 0.0, 1.0))
    yield _column("kinks", door, "hinge_loss", (0.0, 1.0), (-2.0, -1.0, 0.0, 0.5, 1.0, 2.0))
    yield _column("labels -1 and soft", door, "hinge_loss", (-1.0, 0.25), (-2.0, -1.0, 0.0, 0.5, 1.0, 2.0))
    for delta in (1.0, 0.5, 2.0, 0.0):
        errors = (-3.0, -2.0, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 2.0, 3.0)
        yield _column("ties delta=%s" % delta, door, "huber_loss", (0.0, 1.0), errors, delta=delta)
    for axis in (0, 1, 2, -1, -2):
        labels, predictions = batch("cosine_distance", (2, 3, 4), "axis")
        yield _asked("axis=%d" % axis, door, "cosine_distance", labels, predictions, None, "none", axis=axis)
    yield _asked("no axis", door, "cosine_distance", labels, predictions, None, "none")
    loss = "sigmoid_cross_entropy"
    yield _column("far logits", door, loss, (0.0, 0.25, 1.0), FAR_LOGITS)
    yield _column("smoothed", door, loss, (0.0, 0.25, 1.0), FAR_LOGITS[2:-2], label_smoothing=0.25)
    for made in itertools.chain(_softmax_cases(door), _sparse_cases(door), _pairwise_cases(door)):
        yield made


def _softmax_cases(door):
    loss = "softmax_cross_entropy"
    far = np.asarray([[0.0, 100, -100], [1000.0, 0, 0], [1e7 + 64, 1e7, 1e7], [-90.0, -91, -92], [0.0, 0, 0]])
    pairs = list(itertools.product(np.eye(3), far))
    yield _asked(
        "far logits", door, loss, np.asarray([t for t, _ in pairs]), np.asarray([z for _, z in pairs]), None, "none"
    )
    for key in ("r2", "r3"):
        labels, logits = batch(loss, SHAPES[key], loss + key + "s")
        for smoothing in (0.25, 1.0):
            name = "%s label_smoothing=%s" % (key, smoothing)
            yield _asked(name, door, loss, labels, logits, None, "none", label_smoothing=smoothing)
        yield _asked("%s labels that add up to one" % key, door, loss, (labels + 0.25) / 2, logits, None, "none")
        yield _asked("%s labels that do not add up to one" % key, door, loss, labels * 2 + 0.25, logits, None, "none")


def _sparse_cases(door):
    loss = "sparse_softmax_cross_entropy"
    labels, logits = batch(loss, (3, 4), loss)
    flat, column = np.asarray([1.0, 0.0, 2.5]), np.asarray([[1.0], [0.0], [2.5]])
    for name, t, z, w in (
            ("labels (N,1)", labels[:, None], logits, None), ("labels (N,1) weights (N,)", labels[:, None], logits, flat),
            ("labels (N,1) weights (N,1)", labels[:, None], logits, column), ("weights (N,1)", labels, logits, column),
            ("logits (N,C,1)", labels, logits[..., None], None), ("weights (N,C)", labels, logits, np.ones((3, 4))),
            ("labels (N,C)", np.eye(4)[labels].astype("int64"), logits, None)):  # fmt: skip
        for reduction in ("none", REDUCTIONS[-1]):
            yield _asked("%s %s" % (name, reduction), door, loss, t, z, w, reduction)
    labels, logits = batch(loss, (2, 3, 4), loss)
    for name, t, w in (("labels (N,T,1)", labels[..., None], None),
                       ("labels (N,T,1) weights (N,T,1)", labels[..., None], np.ones((2, 3, 1))),
                       ("labels (N,T,1) weights (N,1,1)", labels[..., None], np.ones((2, 1, 1)) * 2)):  # fmt: skip
        yield _asked(name, door, loss, t, logits, w)
    labels, logits = batch(loss, (3, 4), loss)
    for bad, w in itertools.product((-1, 4), (None, np.asarray([1.0, 1.0, 0.0]))):
        t = labels.copy()
        t[2] = bad
        yield _asked("label %d of 4%s" % (bad, "" if w is None else " of weight 0"), door, loss, t, logits, w)
    yield _asked("labels of no kind", door, loss, labels.astype("float64"), logits)


def _pairwise_cases(door):
    loss = "mean_pairwise_squared_error"
    for shape in ((3, 1), (1, 4), (2, 2), (3, 2, 2)):
        labels, predictions = batch(loss, shape, loss)
        name = "x".join(str(size) for size in shape)
        kinds = (
            "no",
            "scalar",
            "scalar 0",
            "scalar -1.5",
            "(N,1,..)",
            "(1,..,T)",
            "full",
            "full, some zero",
            "all negative",
        )
        for kind in kinds:
            weights = weights_of(kind, shape, name)
            yield _asked("%s weights=%s" % (name, kind), door, loss, labels, predictions, weights)
    labels, predictions = batch(loss, (3, 4), loss)
    alone = np.asarray([[0.0, 0, 2, 0], [0, 0, 0, 0], [1, 1, 0, 1]])
    yield _asked("one, none and three of weight", door, loss, labels, predictions, alone)


def gradient_cases(door):
    """The gradient of the weights."""
    losses = _random("wrt", (3, 4), -1.0, 4.0)
    for kind, reduction in itertools.product(("full", "(N,1,..)", "scalar", "all negative"), REDUCTIONS):
        yield _asked("weights=%s %s, gradient of the weights" % (kind, reduction), door, "compute_weighted_loss", None, losses,
                   weights_of(kind, (3, 4), "wrt"), reduction, gradient="weights")  # fmt: skip


#: what is asked in eager mode as well
_EAGER = ("mean_pairwise_squared_error", "log_loss", "compute_weighted_loss/r2", "softmax_cross_entropy/r3", "/label ")


def _cases(door):
    chained = itertools.chain(weighing_cases(door), loss_cases(door), shape_cases(door), formula_cases(door),
                              gradient_cases(door))  # fmt: skip
    return (made for made in chained if door == "graph" or any(part in made["id"] for part in _EAGER))


def tf1_losses_cases():
    """The cases of every release; one without an eager mode leaves these out."""
    return itertools.chain(_cases("graph"), _cases("eager"))
