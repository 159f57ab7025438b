"""What only compile and fit decide: activations before the loss, class weights, scalar losses, and probes for the atlas."""

from __future__ import absolute_import, division, print_function

import itertools

import numpy as np

from .draw import SHAPES, one_hot, probabilities, random, sample_weight, targets_and_predictions
from .formulas import binary_cases, categorical_cases, sparse_cases
from .one import BOTH, case

#: The loss of a case that asks whether ``__call__`` of a loss object is bypassed.
OVERRIDDEN_CALL = "overridden_call"


def rescue_cases():
    """Models that end in softmax or sigmoid: y_pred holds the logits, ``activation`` is the last layer."""
    saturated = [[0.0, 100.0, -100.0], [30.0, 0.0, -30.0], [0.0, 18.0, 0.0], [2.0, 1.0, -0.5]]
    for loss, key in itertools.product(
            ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"),
            ("r1", "r2", "r3")):  # fmt: skip
        activation = "sigmoid" if loss == "binary_crossentropy" else "softmax"
        t, p = targets_and_predictions(loss, loss + key + "r", SHAPES[key], from_logits=True)
        far = np.resize(np.asarray(saturated)[:, : p.shape[-1]], p.shape)
        for name, logits in (("moderate", p), ("saturated", far)):
            yield case("rescued %s %s" % (key, name), "model", loss, t, logits, activation=activation, dtypes=BOTH)
    for loss, activation in (("categorical_crossentropy", "sigmoid"), ("binary_crossentropy", "softmax"),
                             ("binary_focal_crossentropy", "sigmoid"), ("categorical_focal_crossentropy", "softmax")):  # fmt: skip
        for key in ("r1", "r2"):
            t, p = targets_and_predictions(loss, loss + key + "r", SHAPES[key], from_logits=True)
            far = np.resize(np.asarray(saturated)[:, : p.shape[-1]], p.shape)
            for name, logits in (("moderate", p), ("saturated", far)):
                yield case("%s behind %s %s" % (key, activation, name), "model", loss, t, logits, activation=activation)


def edge_cases_through_the_model():
    """Probabilities at their edges through compile: a release may order the arithmetic of its graph differently."""
    for item in itertools.chain(binary_cases(), categorical_cases(), sparse_cases()):
        if item["id"].endswith("formula edges"):
            yield case("edges", "model", item["loss"], item["y_true"], item["y_pred"], dtypes=BOTH)


def scalar_cases():
    """A custom loss that returns one scalar, as batch Dice does: what weights, class weights and rank do to it."""
    loss, whole = "scalar_squared_error", {0: 1.0, 1: 2.0, 2: 3.5}
    for key in ("r1", "r3"):
        t, p = targets_and_predictions("mean_squared_error", "scalar" + key, SHAPES[key])
        for kind in ("no", "(B,)", "some zero"):
            yield case("%s weight=%s" % (key, kind), "model", loss, t, p, weight=sample_weight(kind, SHAPES[key], key))
    t, p = one_hot(np.asarray([0, 1, 2, 1, 0]), 3), probabilities("class", (5, 3))
    yield _class_weight_case("on 2-D targets", loss, t, p, whole)
    t, p = targets_and_predictions("categorical_crossentropy", "scalar", SHAPES["r3"])
    yield _class_weight_case("on 4-D targets", loss, t, p, whole)
    yield _class_weight_case("list on 4-D targets", loss, t, p, [1.0, 2.0, 3.5])


def probe_cases():
    """What is recorded for the atlas: a loss object that overrides ``__call__``, and an evaluation in uneven batches."""
    t, p = targets_and_predictions("mean_squared_error", "probe", SHAPES["r1"])
    for kind in ("no", "(B,)"):
        weight = sample_weight(kind, SHAPES["r1"], "probe")
        yield case("weight=%s" % kind, "model", OVERRIDDEN_CALL, t, p, weight=weight)
        yield case("probe weight=%s in batches of 3" % kind, "model", "mean_squared_error", t, p, weight=weight,
                   step="evaluate", batch_size=3)  # fmt: skip


def _class_weight_case(name, loss, y_true, y_pred, class_weight, weight=None):
    return case("class_weight " + name, "model", loss, y_true, y_pred, class_weight=class_weight, weight=weight)


def class_weight_cases():
    """``fit(class_weight=...)``: kinds of targets, kinds of dicts, and what stands beside them."""
    cce, scce, bce = "categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy"
    p = probabilities("class", (5, 3))
    labels = np.asarray([0, 1, 2, 1, 0])
    weights = {0: 1.0, 1: 2.0, 2: 3.5}
    targets = (("one-hot", cce, one_hot(labels, 3)), ("(B,)", scce, labels), ("(B,1)", scce, labels[:, None]))
    for kind, loss, t in targets:
        for name, given in class_weight_kinds().items():
            yield _class_weight_case("%s %s" % (kind, name), loss, t, p, given)
        for name, w in (("(B,)", np.asarray([1.0, 0.5, 2, 0, 3])), ("(B,1)", np.asarray([[1.0], [0.5], [2], [0], [3]])),
                        ("whole numbers", np.asarray([1, 2, 0, 1, 3]))):  # fmt: skip
            yield _class_weight_case("%s with sample_weight %s" % (kind, name), loss, t, p, weights, w)
    soft = np.asarray([[0.5, 0.25, 0.25], [0.25, 0.25, 0.5], [0, 0, 1.0], [0, 1.0, 1.0], [0.5, 0.5, 0]])
    yield _class_weight_case("soft targets", cce, soft, p, weights)
    two, yes = random("two", (5, 1), 1 / 64, 1.0), np.asarray([[0.0], [1], [1], [0], [1]])
    yield _class_weight_case("binary", bce, yes, two, {0: 1.0, 1: 5.0})
    yield _class_weight_case("binary, soft labels", bce, np.asarray([[0.75], [0.25], [1.0], [0], [0.5]]), two,
                             {0: 1.0, 1: 5.0})  # fmt: skip
    many = np.asarray([[0.0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1], [0, 0, 1]])
    yield _class_weight_case("multi-label", bce, many, random("many", (5, 3), 1 / 64, 1.0), weights)
    yield _class_weight_case("hinge -1 and 1", "hinge", yes * 2 - 1, two, {-1: 2.0, 1: 3.0})
    for key in ("r2", "r3"):
        t, p = targets_and_predictions(cce, "pixel" + key, SHAPES[key])
        yield _class_weight_case("per pixel one-hot " + key, cce, t, p, weights)
        yield _class_weight_case("per pixel list " + key, cce, t, p, [1.0, 2.0, 3.5])
        t, p = targets_and_predictions(scce, "pixel" + key, SHAPES[key])
        yield _class_weight_case("per pixel (..,1) " + key, scce, t, p, weights)
        per_sample = sample_weight("(B,)", SHAPES[key], key)
        yield _class_weight_case("per pixel (..,1) with sample_weight " + key, scce, t, p, weights, per_sample)
    t, p = targets_and_predictions(scce, "timesteps", (4, 3))
    yield _class_weight_case("(B,T) labels", scce, t[..., 0], p, weights)


def class_weight_kinds():
    """The class weights themselves, by name; the labels in the data are 0, 1 and 2."""
    return {
        "whole dict": {0: 1.0, 1: 2.0, 2: 3.5},
        "whole numbers": {0: 1, 1: 2, 2: 3},
        "a class of weight 0": {0: 1.0, 1: 0.0, 2: 3.5},
        "missing class": {0: 1.0, 1: 2.0},
        "gap": {0: 1.0, 2: 3.5},
        "extra key": {0: 1.0, 1: 2.0, 2: 3.5, 3: 9.0},
        "far key": {0: 1.0, 1: 2.0, 2: 3.5, 7: 9.0},
        "negative key": {-1: 9.0, 0: 1.0, 1: 2.0, 2: 3.5},
        "float keys": {0.0: 1.0, 1.0: 2.0, 2.0: 3.5},
        "string keys": {"0": 1.0, "1": 2.0, "2": 3.5},
        "empty dict": {},
        "list": [1.0, 2.0, 3.5],
        "balanced": "balanced",
    }
