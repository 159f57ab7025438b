"""The inputs that every engine is asked about: numpy only, importable on Python 3.6.

A case is a plain dict. Its ``id`` names everything that tells it from its neighbours; its arrays come from
``RandomState(crc32(seed)).random_sample``, whose stream numpy keeps alike in every release, rounded to multiples of
1/64, so that float32 and float64 hold exactly the same numbers. Nothing here imports torchweights: the oracles load
this file inside Python 3.6 beside Keras 2.2.4.

``door`` says how the release is asked: ``loss`` is the loss itself, ``model`` is ``compile`` and ``train_on_batch``
(``evaluate`` for the step of that name). ``capabilities`` says what an engine offers at all; what it offers and then
refuses is recorded as a refusal.
"""

from __future__ import absolute_import, division, print_function

import hashlib
import itertools
import zlib

import numpy as np

#: values shape by name: the shape of the unreduced loss; predictions carry one more axis of CHANNELS.
SHAPES = {
    "r1": (4,), "r2": (3, 4), "r3": (2, 3, 4), "r4": (3, 2, 2, 4),
    # Batch as long as the last axis: where the wrong alignment is silent.
    "square2": (3, 3), "square3": (3, 2, 3),
}  # fmt: skip
CHANNELS = {
    "mean_squared_error": 2, "mean_absolute_error": 2, "hinge": 2, "squared_hinge": 2,
    "binary_crossentropy": 2, "categorical_crossentropy": 3, "sparse_categorical_crossentropy": 3,
}  # fmt: skip
LOSSES = tuple(CHANNELS)

_ALL_REDUCTIONS = ("sum_over_batch_size", "sum", "none")
_KERAS3 = _ALL_REDUCTIONS + ("mean", "mean_with_sample_weight")
_CLASSES = frozenset(["from_logits", "label_smoothing"])

#: What each engine offers: reductions, whether the loss itself takes a mask, and which options.
CAPABILITIES = {
    "keras2.2.4": (("sum_over_batch_size",), True, frozenset()),
    "tf1.12": (("sum_over_batch_size",), True, frozenset()),
    "keras2.3.1": (_ALL_REDUCTIONS, False, _CLASSES),
    "tf1.15": (_ALL_REDUCTIONS, False, _CLASSES),
    "tf2.2": (_ALL_REDUCTIONS, False, _CLASSES),
    "tf_keras2.21": (_ALL_REDUCTIONS, True, _CLASSES | {"axis", "ignore_class"}),
    "keras3.15": (_KERAS3, True, _CLASSES | {"axis", "ignore_class"}),
    "keras3.15-torch": (_KERAS3, True, _CLASSES | {"axis", "ignore_class"}),
    "torch": (("mean", "sum", "none"), False, frozenset(["from_logits", "label_smoothing", "ignore_class", "axis"])),
}
ENGINES = tuple(CAPABILITIES)


def _random(seed, shape, low=0.0, high=1.0):
    """Multiples of 1/64 in [low, high), the same in every numpy."""
    stream = np.random.RandomState(zlib.crc32(seed.encode("ascii")) & 0xFFFFFFFF)
    return np.floor((low + (high - low) * stream.random_sample(shape)) * 64) / 64


def _probabilities(seed, shape):
    """Rows of multiples of 1/64 that add up to exactly one."""
    cuts = np.sort(1 + np.floor(_random(seed, shape[:-1] + (shape[-1] - 1,)) * 62) / 1, axis=-1)
    edges = np.concatenate([np.zeros(shape[:-1] + (1,)), cuts, np.full(shape[:-1] + (1,), 64.0)], axis=-1)
    return np.diff(edges, axis=-1) / 64


def _labels(seed, shape, classes):
    return np.floor(_random(seed, shape) * classes).astype("int64")


def _one_hot(labels, classes):
    return np.eye(classes)[labels]


def _targets_and_predictions(loss, seed, shape, from_logits=False):
    """(y_true, y_pred) for values of ``shape``."""
    channels = CHANNELS[loss]
    full = tuple(shape) + (channels,)
    if from_logits:
        y_pred = _random(seed + "p", full, -4.0, 4.0)
    elif loss.endswith("categorical_crossentropy"):
        y_pred = _probabilities(seed + "p", full)
    elif loss == "binary_crossentropy":
        y_pred = _random(seed + "p", full, 1 / 64, 1.0)
    else:
        y_pred = _random(seed + "p", full, -2.0, 2.0)
    if loss == "sparse_categorical_crossentropy":
        return _labels(seed + "t", tuple(shape) + (1,), channels), y_pred
    if loss == "categorical_crossentropy":
        return _one_hot(_labels(seed + "t", shape, channels), channels), y_pred
    if loss == "binary_crossentropy":
        return np.floor(_random(seed + "t", full) * 2), y_pred
    if loss in ("hinge", "squared_hinge"):
        return np.floor(_random(seed + "t", full) * 2) * 2 - 1, y_pred
    return _random(seed + "t", full, -2.0, 2.0), y_pred


def _some_zero(weights):
    """The same weights with every third one zero, the second to begin with."""
    flat = weights.reshape(-1).copy()
    flat[1::3] = 0.0
    return flat.reshape(weights.shape)


def sample_weight(kind, shape, seed):
    """A weight of the given kind for values of ``shape``; None where the kind says nothing new at this rank."""

    def draw(weight_shape):
        return _random(seed + kind, weight_shape, 0.25, 3.0)

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
        mask = _random(seed + "m", shape) < 0.625
        mask.reshape(-1)[0], mask.reshape(-1)[-1] = True, False
        return mask
    if kind == "some (B,)":
        return np.arange(shape[0]) != 1 if len(shape) > 1 else None
    if kind == "some (B,T)":
        return mask_of("some", shape[:2], seed) if len(shape) > 2 else None
    raise KeyError(kind)


MASKS = ("no", "some", "all masked", "some (B,)", "some (B,T)")


def case(name, door, loss, y_true, y_pred, **rest):
    """One case; ``rest`` may hold weight, mask, class_weight, reduction, options, activation, step, dtypes, shape."""
    options = rest.pop("options", {})
    result = {
        "id": "/".join([door, loss, name]), "door": door, "loss": loss, "y_true": y_true, "y_pred": y_pred,
        "sample_weight": rest.pop("weight", None), "mask": rest.pop("mask", None),
        "class_weight": rest.pop("class_weight", None), "reduction": rest.pop("reduction", "sum_over_batch_size"),
        "options": options, "activation": rest.pop("activation", None), "step": rest.pop("step", "train"),
        "dtypes": rest.pop("dtypes", ("float64",)),
    }  # fmt: skip
    assert not rest, rest
    return result


BOTH = ("float64", "float32")


def weighing_cases(door, loss, shapes, weights, masks, reductions, dtypes=("float64",)):
    """The grid of shapes, weights, masks and reductions for one loss."""
    for key, weight_kind, mask_kind, reduction in itertools.product(shapes, weights, masks, reductions):
        shape = SHAPES[key]
        weight = sample_weight(weight_kind, shape, key)
        mask = mask_of(mask_kind, shape, key)
        absent = (weight is None and weight_kind != "no") or (mask is None and mask_kind != "no")
        if absent or (door == "model" and weight is not None and weight.ndim == 0):
            continue
        y_true, y_pred = _targets_and_predictions(loss, loss + key, shape)
        name = "%s weight=%s mask=%s %s" % (key, weight_kind, mask_kind, reduction)
        yield case(name, door, loss, y_true, y_pred, weight=weight, mask=mask, reduction=reduction, dtypes=dtypes)


def _grid(loss, prefix, y_values, p_values, dtypes=BOTH, **options):
    """Every y with every p as (n, 1) predictions: one value per pair."""
    pairs = np.asarray(list(itertools.product(y_values, p_values)), dtype="float64")
    return case("formula " + prefix, "loss", loss, pairs[:, :1], pairs[:, 1:], reduction="none", options=options,
                dtypes=dtypes)  # fmt: skip


EDGES = (0.0, 1e-9, 9e-8, 1e-7, 1.5e-7, 1e-6, 0.0625, 0.4, 0.5, 0.6, 0.9375, 1 - 1e-6, 1 - 2.0**-22, 1 - 1e-7, 1.0)
FAR_LOGITS = (-1000.0, -100.0, -90.0, -20.0, -1.0, -1e-8, 0.0, 1e-8, 1.0, 20.0, 90.0, 100.0, 1000.0)


def _plain(loss, name, y_true, y_pred, **options):
    return case("formula " + name, "loss", loss, np.asarray(y_true), np.asarray(y_pred, dtype="float64"),
                reduction="none", options=options, dtypes=BOTH)  # fmt: skip


def formula_cases():
    """What each loss computes per value: no weights, no mask, unreduced."""
    for loss in LOSSES:
        for key in ("r1", "r2", "r3"):
            yield _plain(loss, key, *_targets_and_predictions(loss, loss + key + "f", SHAPES[key]))
    for loss in ("mean_squared_error", "mean_absolute_error"):
        yield _grid(loss, "ties", (-1.0, 0.0, 1.0), (-1.0, 0.0, 1.0))
    for loss in ("hinge", "squared_hinge"):
        yield _grid(loss, "labels -1 and 1", (-1.0, 1.0), (-2.0, -1.0, 0.0, 0.5, 1.0, 2.0))
        yield _grid(loss, "labels 0 and 1", (0.0, 1.0), (-2.0, -1.0, 0.0, 0.5, 1.0, 2.0))
        yield _grid(loss, "labels 0, 1 and one half", (0.0, 0.5, 1.0), (-2.0, -1.0, 0.0, 0.5, 1.0, 2.0))
    for case_ in itertools.chain(_binary_cases(), _categorical_cases(), _sparse_cases()):
        yield case_


def _binary_cases():
    loss = "binary_crossentropy"
    yield _grid(loss, "edges", (0.0, 0.25, 1.0), EDGES)
    yield _grid(loss, "outside [0, 1]", (0.0, 1.0), (-0.5, 1.5))
    yield _grid(loss, "far logits", (0.0, 0.25, 1.0), FAR_LOGITS, from_logits=True)
    yield _grid(loss, "edges smoothed", (0.0, 1.0), EDGES, label_smoothing=0.125)
    for key, logits in itertools.product(("r1", "r2"), (False, True)):
        t, p = _targets_and_predictions(loss, loss + key + "s", SHAPES[key], from_logits=logits)
        name = "%s %s" % (key, "logits" if logits else "probabilities")
        given = {"from_logits": True} if logits else {}
        yield _plain(loss, name + " smoothed", t, p, label_smoothing=0.25, **given)
        yield _plain(loss, name, t, p, **given)
        if key == "r2":
            yield _plain(loss, name + " axis=1", t, p, axis=1, **given)


def _categorical_cases():
    loss, rows = "categorical_crossentropy", np.eye(3)
    sharp = [[1.0, 0, 0], [1e-9, 1 - 1e-9, 0], [1e-7, 0.5, 0.5 - 1e-7], [1 - 1e-7, 1e-7, 0], [0.25, 0.25, 0.5]]
    pairs = [(t, p) for t in rows for p in sharp]
    yield _plain(loss, "edges", [t for t, _ in pairs], [p for _, p in pairs])
    odd = [[1.0, 0.5, 1.5], [0.25, 0.25, 0.25], [8.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    yield _plain(loss, "not normalised", rows[[2, 0, 1, 2]], odd)
    yield _plain(loss, "soft, many and no labels", [[0.25, 0.5, 0.25], [1.0, 1.0, 0], [0, 0, 0], [0, 2.0, 0]],
                 _probabilities("soft", (4, 3)))  # fmt: skip
    yield _plain(loss, "row of zeros", rows[[0, 1]], [[0.0, 0, 0], [0.25, 0.5, 0.25]])
    far = [[0.0, 100, -100], [1000.0, 0, 0], [1e8 + 64, 1e8, 1e8], [-90.0, -91, -92], [0.0, 0, 0]]
    pairs = [(t, z) for t in rows for z in far]
    yield _plain(loss, "far logits", [t for t, _ in pairs], [z for _, z in pairs], from_logits=True)
    for key, logits in itertools.product(("r1", "r2", "r3"), (False, True)):
        t, p = _targets_and_predictions(loss, loss + key + "s", SHAPES[key], from_logits=logits)
        name = "%s %s" % (key, "logits" if logits else "probabilities")
        given = {"from_logits": True} if logits else {}
        yield _plain(loss, name, t, p, **given)
        yield _plain(loss, name + " smoothed", t, p, label_smoothing=0.25, **given)
    for logits, smoothing in itertools.product((False, True), (0.0, 0.25)):
        t, p = _targets_and_predictions(loss, loss + "axis", (2, 4), from_logits=logits)
        t, p = np.moveaxis(t, -1, 1), np.moveaxis(p, -1, 1)
        given = {"axis": 1}
        given.update({"from_logits": True} if logits else {}, **({"label_smoothing": smoothing} if smoothing else {}))
        name = "axis=1 %s%s" % ("logits" if logits else "probabilities", " smoothed" if smoothing else "")
        yield _plain(loss, name, t, p, **given)


def _sparse_cases():
    loss = "sparse_categorical_crossentropy"
    sharp = [[1.0, 0, 0], [1e-9, 1 - 1e-9, 0], [1e-7, 0.5, 0.5 - 1e-7], [1 - 1e-7, 1e-7, 0], [0.25, 0.25, 0.5]]
    labels = np.repeat(np.arange(3), len(sharp))
    yield _plain(loss, "edges", labels[:, None], sharp * 3)
    odd = [[1.0, 0.5, 1.5], [0.25, 0.25, 0.25], [8.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    yield _plain(loss, "not normalised", np.asarray([[2], [0], [1], [2]]), odd)
    yield _plain(loss, "row of zeros", np.asarray([[0], [1]]), [[0.0, 0, 0], [0.25, 0.5, 0.25]])
    far = [[0.0, 100, -100], [1000.0, 0, 0], [1e8 + 64, 1e8, 1e8], [-90.0, -91, -92], [0.0, 0, 0]]
    yield _plain(loss, "far logits", np.repeat(np.arange(3), len(far))[:, None], far * 3, from_logits=True)
    for key in ("r1", "r2"):
        t, p = _targets_and_predictions(loss, loss + key + "n", SHAPES[key])
        yield _plain(loss, key + " labels without a last axis", t[..., 0], p)
        t, p = _targets_and_predictions(loss, loss + key + "l", SHAPES[key], from_logits=True)
        yield _plain(loss, key + " logits", t, p, from_logits=True)
    for logits in (False, True):
        t, p = _targets_and_predictions(loss, loss + "axis", (2, 4), from_logits=logits)
        given = {"axis": 1, "from_logits": True} if logits else {"axis": 1}
        name = "axis=1 " + ("logits" if logits else "probabilities")
        yield _plain(loss, name, t[..., 0], np.moveaxis(p, -1, 1), **given)
    for bad in (-1, 3):
        t, p = _targets_and_predictions(loss, loss + "bad", (4,))
        t[2] = bad
        yield _plain(loss, "label %d of 3" % bad, t, p)


def ignore_cases():
    """``ignore_class``: beside weights and masks, under every reduction."""
    loss = "sparse_categorical_crossentropy"
    for key, ignore, weight, mask, reduction in itertools.product(
            ("r1", "r2"), (-1, 255, 0), ("no", "some zero", "full"), ("no", "some"), _KERAS3):  # fmt: skip
        shape = SHAPES[key]
        drawn = sample_weight(weight, shape, key)
        if weight == "full" and key == "r1" or (ignore == 0 and key == "r2"):
            continue
        t, p = _targets_and_predictions(loss, loss + key + "i", shape)
        if ignore != 0:
            t.reshape(-1)[[0, 2]] = ignore
        name = "%s ignore_class=%d weight=%s mask=%s %s" % (key, ignore, weight, mask, reduction)
        yield case(name, "loss", loss, t, p, weight=drawn, mask=mask_of(mask, shape, key), reduction=reduction,
                   options={"ignore_class": ignore})  # fmt: skip
    t, p = _targets_and_predictions(loss, loss + "alli", (4,))
    for reduction in _KERAS3:
        yield case("all ignored " + reduction, "loss", loss, np.full_like(t, 255), p, reduction=reduction,
                   options={"ignore_class": 255})  # fmt: skip


def rescue_cases():
    """Models that end in softmax or sigmoid: y_pred holds the logits, ``activation`` is the last layer."""
    saturated = [[0.0, 100.0, -100.0], [30.0, 0.0, -30.0], [0.0, 18.0, 0.0], [2.0, 1.0, -0.5]]
    for loss, key in itertools.product(
            ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"),
            ("r1", "r2", "r3")):  # fmt: skip
        activation = "sigmoid" if loss == "binary_crossentropy" else "softmax"
        t, p = _targets_and_predictions(loss, loss + key + "r", SHAPES[key], from_logits=True)
        far = np.resize(np.asarray(saturated)[:, : p.shape[-1]], p.shape)
        for name, logits in (("moderate", p), ("saturated", far)):
            yield case("rescued %s %s" % (key, name), "model", loss, t, logits, activation=activation, dtypes=BOTH)


def edge_cases_through_the_model():
    """Probabilities at their edges through compile: a release may order the arithmetic of its graph differently."""
    for item in list(_binary_cases()) + list(_categorical_cases()) + list(_sparse_cases()):
        if item["id"].endswith("formula edges"):
            yield case("edges", "model", item["loss"], item["y_true"], item["y_pred"], dtypes=BOTH)


def scalar_cases():
    """A custom loss that returns one scalar, as batch Dice does: what weights, class weights and rank do to it."""
    loss, whole = "scalar_squared_error", {0: 1.0, 1: 2.0, 2: 3.5}
    for key in ("r1", "r3"):
        t, p = _targets_and_predictions("mean_squared_error", "scalar" + key, SHAPES[key])
        for kind in ("no", "(B,)", "some zero"):
            yield case("%s weight=%s" % (key, kind), "model", loss, t, p, weight=sample_weight(kind, SHAPES[key], key))
    t, p = _one_hot(np.asarray([0, 1, 2, 1, 0]), 3), _probabilities("class", (5, 3))
    yield _class_weight_case("on 2-D targets", loss, t, p, whole)
    t, p = _targets_and_predictions("categorical_crossentropy", "scalar", SHAPES["r3"])
    yield _class_weight_case("on 4-D targets", loss, t, p, whole)
    yield _class_weight_case("list on 4-D targets", loss, t, p, [1.0, 2.0, 3.5])


def all_cases():
    """Every case, engine or not."""
    few = ("no", "(B,)", "some zero", "full")
    for c in weighing_cases("loss", "mean_squared_error", SHAPES, WEIGHTS, MASKS, _KERAS3):
        yield c
    for loss in LOSSES[1:]:
        reductions = ("sum_over_batch_size", "sum")
        for c in weighing_cases("loss", loss, ("r1", "r2"), few, ("no", "some"), reductions):
            yield c
    for c in itertools.chain(formula_cases(), ignore_cases()):
        yield c
    for c in weighing_cases("model", "mean_squared_error", SHAPES, WEIGHTS, MASKS, _ALL_REDUCTIONS[:1]):
        yield c
    for loss in LOSSES[1:]:
        for c in weighing_cases("model", loss, ("r1", "r2"), few[:3], ("no", "some"), _ALL_REDUCTIONS[:1]):
            yield c
    for c in weighing_cases("model", "mean_squared_error", ("r2", "r3"), few, ("no", "some"), ("sum_over_batch_size",)):
        c.update(id=c["id"] + " evaluate", step="evaluate")
        yield c
    for c in itertools.chain(rescue_cases(), class_weight_cases(), edge_cases_through_the_model(), scalar_cases()):
        yield c


def _class_weight_case(name, loss, y_true, y_pred, class_weight, weight=None):
    return case("class_weight " + name, "model", loss, y_true, y_pred, class_weight=class_weight, weight=weight)


def class_weight_cases():
    """``fit(class_weight=...)``: kinds of targets, kinds of dicts, and what stands beside them."""
    cce, scce, bce = "categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy"
    p = _probabilities("class", (5, 3))
    labels = np.asarray([0, 1, 2, 1, 0])
    weights = {0: 1.0, 1: 2.0, 2: 3.5}
    targets = (("one-hot", cce, _one_hot(labels, 3)), ("(B,)", scce, labels), ("(B,1)", scce, labels[:, None]))
    for kind, loss, t in targets:
        for name, given in class_weight_kinds().items():
            yield _class_weight_case("%s %s" % (kind, name), loss, t, p, given)
        for name, w in (("(B,)", np.asarray([1.0, 0.5, 2, 0, 3])), ("(B,1)", np.asarray([[1.0], [0.5], [2], [0], [3]])),
                        ("whole numbers", np.asarray([1, 2, 0, 1, 3]))):  # fmt: skip
            yield _class_weight_case("%s with sample_weight %s" % (kind, name), loss, t, p, weights, w)
    soft = np.asarray([[0.5, 0.25, 0.25], [0.25, 0.25, 0.5], [0, 0, 1.0], [0, 1.0, 1.0], [0.5, 0.5, 0]])
    yield _class_weight_case("soft targets", cce, soft, p, weights)
    two, yes = _random("two", (5, 1), 1 / 64, 1.0), np.asarray([[0.0], [1], [1], [0], [1]])
    yield _class_weight_case("binary", bce, yes, two, {0: 1.0, 1: 5.0})
    yield _class_weight_case("binary, soft labels", bce, np.asarray([[0.75], [0.25], [1.0], [0], [0.5]]), two,
                             {0: 1.0, 1: 5.0})  # fmt: skip
    many = np.asarray([[0.0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1], [0, 0, 1]])
    yield _class_weight_case("multi-label", bce, many, _random("many", (5, 3), 1 / 64, 1.0), weights)
    yield _class_weight_case("hinge -1 and 1", "hinge", yes * 2 - 1, two, {-1: 2.0, 1: 3.0})
    for key in ("r2", "r3"):
        t, p = _targets_and_predictions(cce, "pixel" + key, SHAPES[key])
        yield _class_weight_case("per pixel one-hot " + key, cce, t, p, weights)
        yield _class_weight_case("per pixel list " + key, cce, t, p, [1.0, 2.0, 3.5])
        t, p = _targets_and_predictions(scce, "pixel" + key, SHAPES[key])
        yield _class_weight_case("per pixel (..,1) " + key, scce, t, p, weights)
        per_sample = sample_weight("(B,)", SHAPES[key], key)
        yield _class_weight_case("per pixel (..,1) with sample_weight " + key, scce, t, p, weights, per_sample)
    t, p = _targets_and_predictions(scce, "timesteps", (4, 3))
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


def torch_cases():
    """torch.nn.functional: classes on axis 1, ``class_weight`` a list, ``weight`` of the predictions' own shape."""
    reductions = CAPABILITIES["torch"][0]
    for loss, key, reduction in itertools.product(LOSSES[:2], ("r1", "r2"), reductions):
        t, p = _targets_and_predictions(loss, loss + key, SHAPES[key])
        yield case("%s %s" % (key, reduction), "loss", loss, t, p, reduction=reduction, dtypes=BOTH)
    loss = "binary_crossentropy"
    for key, logits, weight, reduction in itertools.product(("r1", "r2"), (False, True), ("no", "full"), reductions):
        t, p = _targets_and_predictions(loss, loss + key, SHAPES[key], from_logits=logits)
        w = None if weight == "no" else sample_weight("full", p.shape, key)
        name = "%s %s weight=%s %s" % (key, "logits" if logits else "probabilities", weight, reduction)
        yield case(name, "loss", loss, t, p, weight=w, reduction=reduction, dtypes=BOTH,
                   options={"from_logits": True} if logits else {})  # fmt: skip
    yield _grid(loss, "edges", (0.0, 0.25, 1.0), EDGES)
    yield _grid(loss, "far logits", (0.0, 0.25, 1.0), FAR_LOGITS, from_logits=True)
    for loss, key, weights, smoothing, reduction in itertools.product(
            LOSSES[-2:], ("r1", "r2", "r3"), (None, [1.0, 2.0, 3.5], [1.0, 0.0, 3.5]), (0.0, 0.25), reductions):  # fmt: skip
        t, p = _targets_and_predictions(loss, loss + key, SHAPES[key], from_logits=True)
        sparse = loss.startswith("sparse")
        t, p = t[..., 0] if sparse else np.moveaxis(t, -1, 1), np.moveaxis(p, -1, 1)
        options = {"from_logits": True, "axis": 1}
        options.update({"label_smoothing": smoothing} if smoothing else {})
        for ignore in (None, "some", "all") if sparse else (None,):
            labels = t.copy()
            labels.reshape(-1)[slice(None, None, 3) if ignore == "some" else slice(0 if ignore is None else None)] = 255
            given = dict(options, **({} if ignore is None else {"ignore_class": 255}))
            name = "%s class_weight=%s smoothing=%s ignored=%s %s" % (key, weights, smoothing, ignore, reduction)
            yield case(name, "loss", loss, labels, p, class_weight=weights, reduction=reduction, options=given)


def offered(engine, item):
    """Whether ``engine`` has what the case asks for at all (refusing it later is another matter)."""
    reductions, mask_in_loss, options = CAPABILITIES[engine]
    bare_function = item["reduction"] == "none" and item["sample_weight"] is None and item["mask"] is None
    if item["reduction"] not in reductions and not bare_function:
        return False
    if item["door"] == "loss" and item["mask"] is not None and not mask_in_loss:
        return False
    if item["loss"] == "sparse_categorical_crossentropy" and engine in ("keras2.3.1", "tf1.15", "tf2.2"):
        options = options | {"axis"}
    return set(item["options"]) <= options


def cases_for(engine):
    """The cases of one engine, in order."""
    if engine == "torch":
        return list(torch_cases())
    return [c for c in all_cases() if offered(engine, c)]


def digest(items):
    """SHA-256 over everything in the cases, the same on every Python and numpy."""
    state = hashlib.sha256()
    for item in items:
        for key in sorted(item):
            value = item[key]
            if isinstance(value, np.ndarray):
                state.update(("%s %s %s" % (key, value.dtype.str, value.shape)).encode("ascii"))
                state.update(np.ascontiguousarray(value).tobytes())
            else:
                state.update(("%s %r" % (key, sorted(value.items(), key=repr) if isinstance(value, dict) else value)
                              ).encode("ascii"))  # fmt: skip
    return state.hexdigest()
