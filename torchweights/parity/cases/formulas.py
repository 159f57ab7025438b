"""Formulas case by case: no weights, no mask, unreduced; here the cross-entropies and what all losses share."""

from __future__ import absolute_import, division, print_function

import itertools

import numpy as np

from .draw import LOSSES, SHAPES, probabilities, targets_and_predictions
from .one import BOTH, case


def grid(loss, prefix, y_values, p_values, dtypes=BOTH, **options):
    """Every y with every p as (n, 1) predictions: one value per pair."""
    pairs = np.asarray(list(itertools.product(y_values, p_values)), dtype="float64")
    return case("formula " + prefix, "loss", loss, pairs[:, :1], pairs[:, 1:], reduction="none", options=options,
                dtypes=dtypes)  # fmt: skip


EDGES = (0.0, 1e-9, 9e-8, 1e-7, 1.5e-7, 1e-6, 0.0625, 0.4, 0.5, 0.6, 0.9375, 1 - 1e-6, 1 - 2.0**-22, 1 - 1e-7, 1.0)
FAR_LOGITS = (-1000.0, -100.0, -90.0, -20.0, -1.0, -1e-8, 0.0, 1e-8, 1.0, 20.0, 90.0, 100.0, 1000.0)


def plain(loss, name, y_true, y_pred, **options):
    return case("formula " + name, "loss", loss, np.asarray(y_true), np.asarray(y_pred, dtype="float64"),
                reduction="none", options=options, dtypes=BOTH)  # fmt: skip


def formula_cases():
    """Every loss at three ranks; then ties, labels and edges, loss by loss."""
    for loss in LOSSES:
        for key in ("r1", "r2", "r3"):
            yield plain(loss, key, *targets_and_predictions(loss, loss + key + "f", SHAPES[key]))
    for loss in ("mean_squared_error", "mean_absolute_error"):
        yield grid(loss, "ties", (-1.0, 0.0, 1.0), (-1.0, 0.0, 1.0))
    for loss in ("hinge", "squared_hinge"):
        for name, values in (
            ("-1 and 1", (-1.0, 1.0)),
            ("0 and 1", (0.0, 1.0)),
            ("0, 1 and one half", (0.0, 0.5, 1.0)),
        ):
            yield grid(loss, "labels " + name, values, (-2.0, -1.0, 0.0, 0.5, 1.0, 2.0))
    for case_ in itertools.chain(shape_cases(), binary_cases(), categorical_cases(), sparse_cases()):
        yield case_


def shape_cases():
    """Targets and predictions of different ranks: what is squeezed, what grows, what is broadcast."""
    loss = "mean_squared_error"
    t, p = targets_and_predictions(loss, "shapes", (3,))
    shapes = {
        "(B,)": (lambda a: a[:, 0]),
        "(B,1)": (lambda a: a[:, :1]),
        "(B,T)": (lambda a: a),
        "(B,T,1)": (lambda a: a[..., None]),
    }
    for one, other in (("(B,)", "(B,1)"), ("(B,1)", "(B,)"), ("(B,T)", "(B,T,1)"), ("(B,T,1)", "(B,T)")):
        y, q, name = shapes[one](t), shapes[other](p), "targets %s predictions %s" % (one, other)
        yield plain(loss, name, y, q)
        if q.ndim > 1:
            yield case(name, "model", loss, y, q)


def binary_cases():
    loss = "binary_crossentropy"
    yield grid(loss, "edges", (0.0, 0.25, 1.0), EDGES)
    yield grid(loss, "outside [0, 1]", (0.0, 1.0), (-0.5, 1.5))
    yield grid(loss, "far logits", (0.0, 0.25, 1.0), FAR_LOGITS, from_logits=True)
    yield grid(loss, "edges smoothed", (0.0, 1.0), EDGES, label_smoothing=0.125)
    for key, logits in itertools.product(("r1", "r2"), (False, True)):
        t, p = targets_and_predictions(loss, loss + key + "s", SHAPES[key], from_logits=logits)
        name = "%s %s" % (key, "logits" if logits else "probabilities")
        given = {"from_logits": True} if logits else {}
        yield plain(loss, name + " smoothed", t, p, label_smoothing=0.25, **given)
        yield plain(loss, name, t, p, **given)
        if key == "r2":
            yield plain(loss, name + " axis=1", t, p, axis=1, **given)


def categorical_cases():
    loss, rows = "categorical_crossentropy", np.eye(3)
    sharp = [[1.0, 0, 0], [1e-9, 1 - 1e-9, 0], [1e-7, 0.5, 0.5 - 1e-7], [1 - 1e-7, 1e-7, 0], [0.25, 0.25, 0.5]]
    pairs = [(t, p) for t in rows for p in sharp]
    yield plain(loss, "edges", [t for t, _ in pairs], [p for _, p in pairs])
    odd = [[1.0, 0.5, 1.5], [0.25, 0.25, 0.25], [8.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    yield plain(loss, "not normalised", rows[[2, 0, 1, 2]], odd)
    yield plain(loss, "soft, many and no labels", [[0.25, 0.5, 0.25], [1.0, 1.0, 0], [0, 0, 0], [0, 2.0, 0]],
                 probabilities("soft", (4, 3)))  # fmt: skip
    yield plain(loss, "row of zeros", rows[[0, 1]], [[0.0, 0, 0], [0.25, 0.5, 0.25]])
    far = [[0.0, 100, -100], [1000.0, 0, 0], [1e8 + 64, 1e8, 1e8], [-90.0, -91, -92], [0.0, 0, 0]]
    pairs = [(t, z) for t in rows for z in far]
    yield plain(loss, "far logits", [t for t, _ in pairs], [z for _, z in pairs], from_logits=True)
    for key, logits in itertools.product(("r1", "r2", "r3"), (False, True)):
        t, p = targets_and_predictions(loss, loss + key + "s", SHAPES[key], from_logits=logits)
        name = "%s %s" % (key, "logits" if logits else "probabilities")
        given = {"from_logits": True} if logits else {}
        yield plain(loss, name, t, p, **given)
        yield plain(loss, name + " smoothed", t, p, label_smoothing=0.25, **given)
    for logits, smoothing in itertools.product((False, True), (0.0, 0.25)):
        t, p = targets_and_predictions(loss, loss + "axis", (2, 4), from_logits=logits)
        t, p = np.moveaxis(t, -1, 1), np.moveaxis(p, -1, 1)
        given = {"axis": 1}
        given.update({"from_logits": True} if logits else {}, **({"label_smoothing": smoothing} if smoothing else {}))
        name = "axis=1 %s%s" % ("logits" if logits else "probabilities", " smoothed" if smoothing else "")
        yield plain(loss, name, t, p, **given)


def sparse_cases():
    loss = "sparse_categorical_crossentropy"
    sharp = [[1.0, 0, 0], [1e-9, 1 - 1e-9, 0], [1e-7, 0.5, 0.5 - 1e-7], [1 - 1e-7, 1e-7, 0], [0.25, 0.25, 0.5]]
    labels = np.repeat(np.arange(3), len(sharp))
    yield plain(loss, "edges", labels[:, None], sharp * 3)
    odd = [[1.0, 0.5, 1.5], [0.25, 0.25, 0.25], [8.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    yield plain(loss, "not normalised", np.asarray([[2], [0], [1], [2]]), odd)
    yield plain(loss, "row of zeros", np.asarray([[0], [1]]), [[0.0, 0, 0], [0.25, 0.5, 0.25]])
    far = [[0.0, 100, -100], [1000.0, 0, 0], [1e8 + 64, 1e8, 1e8], [-90.0, -91, -92], [0.0, 0, 0]]
    yield plain(loss, "far logits", np.repeat(np.arange(3), len(far))[:, None], far * 3, from_logits=True)
    for key in ("r1", "r2"):
        t, p = targets_and_predictions(loss, loss + key + "n", SHAPES[key])
        yield plain(loss, key + " labels without a last axis", t[..., 0], p)
        t, p = targets_and_predictions(loss, loss + key + "l", SHAPES[key], from_logits=True)
        yield plain(loss, key + " logits", t, p, from_logits=True)
    for logits in (False, True):
        t, p = targets_and_predictions(loss, loss + "axis", (2, 4), from_logits=logits)
        given = {"axis": 1, "from_logits": True} if logits else {"axis": 1}
        name = "axis=1 " + ("logits" if logits else "probabilities")
        yield plain(loss, name, t[..., 0], np.moveaxis(p, -1, 1), **given)
    for bad in (-1, 3):
        t, p = targets_and_predictions(loss, loss + "bad", (4,))
        t[2] = bad
        yield plain(loss, "label %d of 3" % bad, t, p)
