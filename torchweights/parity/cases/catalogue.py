"""Formulas of the rest of the catalogue, each at its kinks, its edges and its options."""

from __future__ import absolute_import, division, print_function

import itertools

import numpy as np

from .draw import SHAPES, labels, one_hot, probabilities, random, sample_weight, targets_and_predictions
from .formulas import EDGES, FAR_LOGITS, grid, plain
from .one import KERAS3_REDUCTIONS, case


def regression_cases():
    """Zeros, signs, kinks and far values of the regression losses."""
    near = (-100.0, -2.0, -0.5, -1e-8, 0.0, 5e-8, 1e-7, 0.5, 1.0, 3.0, 1000.0)
    yield grid("mean_absolute_percentage_error", "zeros and signs", near, (-1.0, 0.0, 1e-8, 0.5, 3.0))
    yield grid("mean_squared_logarithmic_error", "zeros and signs", near, (-1.0, 0.0, 1e-8, 1e-7, 0.5, 3.0, 1000.0))
    yield grid("poisson", "edges", (0.0, 0.5, 1.0, 3.0), (0.0, 1e-9, 1e-7, 1e-6, 0.5, 1.0, 100.0))
    errors = (-1000.0, -30.0, -1.5, -1.0, -0.5, -1e-4, 0.0, 1e-4, 0.25, 0.5, 1.0, 1.5, 2.0, 30.0, 1000.0)
    yield grid("log_cosh", "errors", (0.0, 0.5), errors)
    for delta in (None, 0.25, 2.0):
        options = {} if delta is None else {"delta": delta}
        yield grid("huber", "errors" + ("" if delta is None else " delta=%g" % delta), (0.0, 0.5), errors, **options)
        t, p = targets_and_predictions("huber", "huberd", SHAPES["r2"])
        yield plain("huber", "r2 delta=%s" % delta, t, p, **options)
    for loss, axis in itertools.product(("cosine_similarity",), (1, 2)):
        t, p = targets_and_predictions(loss, loss + "axis", (2, 4))
        yield plain(loss, "axis=%d" % axis, t, p, axis=axis)
    rows = [[0.0, 0, 0], [1e-7, 0, 0], [1e-5, 1e-5, 0], [1.0, 2, 2], [-3.0, 0, 4], [1e4, 0, 1e4]]
    pairs = list(itertools.product(rows[:4] + rows[5:], rows[1:]))
    yield plain("cosine_similarity", "short and long vectors", [t for t, _ in pairs], [p for _, p in pairs])
    yield plain("cosine_similarity", "zero prediction", rows[3:5], [rows[0]] * 2)


def distribution_cases():
    """Zeros, ones and rows that are no distribution, for KL divergence and categorical hinge."""
    rows = [[1.0, 0, 0], [0.0, 0.5, 0.5], [1e-9, 1e-7, 1 - 1e-7], [0.25, 0.25, 0.5], [2.0, 0.5, 0], [1.0, 1, 1]]
    pairs = list(itertools.product(rows, rows))
    yield plain("kl_divergence", "edges", [t for t, _ in pairs], [p for _, p in pairs])
    yield plain("kl_divergence", "negative", rows[:2], [[-0.5, 1, 0.5], [1.5, -1, 0.5]])
    far = [[0.5, 0, -0.5], [3.0, -3, 1], [-1.0, -2, -1.5], [1.0, 2, 4]]
    pairs = list(itertools.product(list(np.eye(3)) + [[0.0, 0.5, 0.25], [0.0, 0, 0]], far))
    yield plain("categorical_hinge", "labels and others", [t for t, _ in pairs], [p for _, p in pairs])


def focal_cases():
    """Both focal losses: exponents below one, balance, smoothing, logits."""
    loss = "binary_focal_crossentropy"
    yield grid(loss, "edges", (0.0, 0.25, 1.0), EDGES)
    for gamma in (0.0, 0.5, 1.0, 5.0):
        yield grid(loss, "edges gamma=%g" % gamma, (0.0, 1.0), EDGES, gamma=gamma)
    yield grid(loss, "edges balanced", (0.0, 0.25, 1.0), EDGES, apply_class_balancing=True, alpha=0.75)
    yield grid(loss, "edges smoothed", (0.0, 1.0), EDGES, label_smoothing=0.125)
    yield grid(loss, "far logits", (0.0, 0.25, 1.0), FAR_LOGITS, from_logits=True)
    t, p = targets_and_predictions(loss, loss + "axis", SHAPES["r2"])
    yield plain(loss, "axis=1", t, p, axis=1)
    t, p = targets_and_predictions(loss, loss + "logits", SHAPES["r2"], from_logits=True)
    yield plain(loss, "r2 logits balanced", t, p, from_logits=True, apply_class_balancing=True, gamma=1.5)
    loss = "categorical_focal_crossentropy"
    sharp = [[1.0, 0, 0], [1e-9, 1 - 1e-9, 0], [1e-7, 0.5, 0.5 - 1e-7], [1 - 1e-7, 1e-7, 0], [0.25, 0.25, 0.5]]
    pairs = list(itertools.product(np.eye(3), sharp + [[1.0, 0.5, 1.5]]))
    t, p = [t for t, _ in pairs], [p for _, p in pairs]
    yield plain(loss, "edges", t, p)
    for gamma in (0.0, 0.5, 1.0, 5.0):
        yield plain(loss, "edges gamma=%g" % gamma, t, p, gamma=gamma)
    yield plain(loss, "edges alpha list", t, p, alpha=[0.125, 0.25, 0.75])
    yield plain(loss, "soft labels", [[0.25, 0.5, 0.25], [1.0, 1, 0], [0, 0, 0]], probabilities("softf", (3, 3)))
    for logits, smoothing in itertools.product((False, True), (0.0, 0.25)):
        t, p = targets_and_predictions(loss, loss + "axis", (2, 4), from_logits=logits)
        given = {"from_logits": True} if logits else {}
        given.update({"label_smoothing": smoothing} if smoothing else {})
        name = "%s%s" % ("logits" if logits else "probabilities", " smoothed" if smoothing else "")
        yield plain(loss, name, t, p, **given)
        yield plain(loss, "axis=1 " + name, np.moveaxis(t, -1, 1), np.moveaxis(p, -1, 1), axis=1, **given)
    far = [[0.0, 100, -100], [1000.0, 0, 0], [-90.0, -91, -92], [0.0, 0, 0]]
    pairs = list(itertools.product(np.eye(3), far))
    yield plain(loss, "far logits", [t for t, _ in pairs], [z for _, z in pairs], from_logits=True)


def _weighed(loss, name, t, p, options, shape, kinds=("no", "(B,)", "some zero"), masks=(None,)):
    """A loss of its own shape under every reduction, with weights for values of ``shape``."""
    for reduction, kind, mask in itertools.product(KERAS3_REDUCTIONS, kinds, masks):
        weight = sample_weight(kind, shape, loss)
        more = "" if mask is None else " masked"
        yield case("%s weight=%s%s %s" % (name, kind, more, reduction), "loss", loss, t, p, weight=weight, mask=mask,
                   reduction=reduction, options=options)  # fmt: skip


def overlap_cases():
    """Dice and Tversky: over everything, per sample, empty and full."""
    t, p = np.floor(random("dicet", (3, 4, 2)) * 2), random("dicep", (3, 4, 2))
    weights = {"alpha": 0.25, "beta": 0.75}
    for loss, given in (("dice", {}), ("tversky", {}), ("tversky", weights)):
        letters = " alpha beta" if given else ""
        yield plain(loss, "whole" + letters, t, p, **given)
        for axis in ((1, 2), -1, (0,)):
            yield plain(loss, "axis=%s%s" % (axis, letters), t, p, axis=axis, **given)
        for name, y, q in (
            ("empty", 0 * t, 0 * p),
            ("no label", 0 * t, p),
            ("no prediction", t, 0 * p),
            ("equal", t, t),
        ):
            yield plain(loss, name + letters, y, q, **given)
    for loss in ("dice", "tversky"):
        for c in _weighed(loss, "whole", t, p, {}, (3,)):
            yield c
        mask = np.asarray([[True, True, False, True], [True, False, True, True], [False, False, True, True]])
        for c in _weighed(loss, "axis=-1", t, p, {"axis": -1}, (3, 4), ("no", "full"), (None, mask)):
            yield c
        for c in _weighed(loss, "axis=(1, 2)", t, p, {"axis": (1, 2)}, (3,)):
            yield c
        for kind in ("no", "(B,)"):
            yield case("weight=" + kind, "model", loss, t, p, weight=sample_weight(kind, (3,), loss))
            yield case("(B,1) weight=" + kind, "model", loss, t[:, 0, :1], p[:, 0, :1],
                       weight=sample_weight(kind, (3,), loss))  # fmt: skip


def circle_cases():
    """Circle: labels of rank 1 and 2, rows without a positive or a negative, its own mask."""
    loss = "circle"
    t, p = np.asarray([0, 1, 0, 2, 1, 3]), random("circle", (6, 4), -1.0, 1.0)
    p = np.floor(64 * p / np.sqrt((p**2).sum(-1, keepdims=True))) / 64
    yield plain(loss, "labels (B,)", t, p)
    yield plain(loss, "labels (B,1)", t[:, None], p)
    yield plain(loss, "gamma margin", t, p, gamma=16.0, margin=0.25)
    yield plain(loss, "diagonal kept", t, p, remove_diagonal=False)
    yield plain(loss, "one class", 0 * t, p)
    yield plain(loss, "all different", np.arange(6), p)
    yield plain(loss, "same embeddings", t, np.ones((6, 4)) / 2)
    for c in _weighed(loss, "labels (B,)", t, p, {}, (6,)):
        yield c
    for kind in ("no", "(B,)"):
        yield case("weight=" + kind, "model", loss, t, p, weight=sample_weight(kind, (6,), loss))


def ctc_cases():
    """CTC: padding, repeats, full length, nothing to align."""
    loss = "ctc"
    p = random("ctc", (4, 6, 5), -4.0, 4.0)
    t = np.asarray([[1, 2, 3], [2, 2, 0], [4, 0, 0], [1, 3, 1]])
    yield plain(loss, "labels", t, p)
    yield plain(loss, "empty label", t * np.asarray([[1], [0], [1], [1]]), p)
    yield plain(loss, "as long as the input", np.asarray([[1, 2, 3, 4, 1, 2]] * 4), p)
    yield plain(loss, "too long", np.asarray([[1, 1, 1, 1]] * 4), p)
    yield plain(loss, "far", t, 32 * p)
    for c in _weighed(loss, "labels", t, p, {}, (4,)):
        yield c
    yield plain(loss, "labels of rank 1", t[:, 0], p)
    yield case("weight=no", "model", loss, t, p)
    yield case("weight=(B,)", "model", loss, t, p, weight=sample_weight("(B,)", (4,), loss))


def generalized_cases():
    """Generalized cross-entropy: exponents, edges, kinds of labels."""
    loss = "categorical_generalized_cross_entropy"
    t, p = labels("gcet", (4,), 3), probabilities("gcep", (4, 3))
    sharp = np.asarray([[1.0, 0, 0], [1e-9, 1 - 1e-9, 0], [1e-7, 0.5, 0.5 - 1e-7], [0.25, 0.25, 0.5]])
    for q in (None, 0.25, 0.75):
        options = {} if q is None else {"q": q}
        yield plain(loss, "q=%s" % q, t, p, **options)
        yield plain(loss, "edges q=%s" % q, np.repeat(np.arange(3), 4), np.tile(sharp, (3, 1)), **options)
    yield plain(loss, "labels (B,1)", t[:, None], p)
    yield plain(loss, "one-hot", one_hot(t, 3), p)
    for q in (0.0, 1.0, -0.5):
        yield plain(loss, "q=%g" % q, t, p, q=q)
    for c in _weighed(loss, "labels (B,)", t, p, {}, (4,)):
        yield c


def catalogue_cases():
    """All of them."""
    return itertools.chain(regression_cases(), distribution_cases(), focal_cases(), overlap_cases(), circle_cases(),
                           ctc_cases(), generalized_cases())  # fmt: skip
