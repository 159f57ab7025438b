"""The inputs that every engine is asked about: numpy only, importable on Python 3.6.

A case is a plain dict. Its ``id`` names everything that tells it from its neighbours; its arrays come from
``RandomState(crc32(seed)).random_sample``, whose stream numpy keeps alike in every release, rounded to multiples of
1/64, so that float32 and float64 hold exactly the same numbers. Nothing here imports torchweights: the oracles load
this folder inside Python 3.6 beside Keras 2.2.4.

``door`` says how the release is asked: ``loss`` is the loss itself, ``model`` is ``compile`` and ``train_on_batch``
(``evaluate`` for the step of that name). Every Keras is asked the same cases: what it does not offer at all it leaves
out, what it offers and then refuses is recorded as a refusal.
"""

from __future__ import absolute_import, division, print_function

import hashlib
import itertools

import numpy as np

from .catalogue import catalogue_cases
from .draw import KERAS3_LOSSES, LOSSES, MASKS, SHAPES, WEIGHTS, mask_of, sample_weight, targets_and_predictions
from .formulas import formula_cases
from .models import (
    OVERRIDDEN_CALL,
    class_weight_cases,
    edge_cases_through_the_model,
    probe_cases,
    rescue_cases,
    scalar_cases,
)
from .one import BOTH, KERAS3_REDUCTIONS, REDUCTIONS, case, weighing_cases
from .tf1_losses import tf1_losses_cases
from .torch_nn import torch_cases

__all__ = [
    "BOTH", "KERAS3_LOSSES", "KERAS3_REDUCTIONS", "LOSSES", "MASKS", "OVERRIDDEN_CALL", "REDUCTIONS", "SHAPES", "WEIGHTS", "all_cases",
    "case", "cases_for", "digest", "is_probe", "mask_of", "sample_weight", "targets_and_predictions",
]  # fmt: skip

#: losses whose weights and masks are tried in a wide grid, beside mean_squared_error in the widest
_WIDE = LOSSES[1:7]
_FEW = ("no", "(B,)", "some zero", "full")
#: losses that some release cannot compute in float64
_FLOAT32_ONLY_SOMEWHERE = ("log_cosh", "categorical_hinge", "huber", "poisson")


def _grid(door, loss):
    """Weights, masks and reductions of one loss at one door."""
    model = door == "model"
    if loss in _WIDE:
        kinds, masks = _FEW[:3] if model else _FEW, ("no", "some")
    else:
        kinds, masks = ("no", "(B,)") if model else ("no", "(B,)", "full"), ("no",)
    reductions = REDUCTIONS[:1] if model else REDUCTIONS[:2]
    dtypes = BOTH if loss in _FLOAT32_ONLY_SOMEWHERE else BOTH[:1]
    return weighing_cases(door, loss, ("r1", "r2"), kinds, masks, reductions, dtypes)


def ignore_cases():
    """``ignore_class``: beside weights and masks, under every reduction."""
    loss = "sparse_categorical_crossentropy"
    for key, ignore, weight, mask, reduction in itertools.product(
            ("r1", "r2"), (-1, 255, 0), ("no", "some zero", "full"), ("no", "some"), KERAS3_REDUCTIONS):  # fmt: skip
        shape = SHAPES[key]
        drawn = sample_weight(weight, shape, key)
        if weight == "full" and key == "r1" or (ignore == 0 and key == "r2"):
            continue
        t, p = targets_and_predictions(loss, loss + key + "i", shape)
        if ignore != 0:
            t.reshape(-1)[[0, 2]] = ignore
        name = "%s ignore_class=%d weight=%s mask=%s %s" % (key, ignore, weight, mask, reduction)
        yield case(name, "loss", loss, t, p, weight=drawn, mask=mask_of(mask, shape, key), reduction=reduction,
                   options={"ignore_class": ignore})  # fmt: skip
    t, p = targets_and_predictions(loss, loss + "alli", (4,))
    for reduction in KERAS3_REDUCTIONS:
        yield case("all ignored " + reduction, "loss", loss, np.full_like(t, 255), p, reduction=reduction,
                   options={"ignore_class": 255})  # fmt: skip


def loss_door_cases():
    """Weights, masks and reductions at the loss itself."""
    for c in weighing_cases("loss", "mean_squared_error", SHAPES, WEIGHTS, MASKS, KERAS3_REDUCTIONS):
        yield c
    for loss in LOSSES[1:]:
        for c in _grid("loss", loss):
            yield c


def model_door_cases():
    """Weights and masks through compile and fit."""
    for c in weighing_cases("model", "mean_squared_error", SHAPES, WEIGHTS, MASKS, REDUCTIONS[:1]):
        yield c
    for loss in LOSSES[1:]:
        for c in _grid("model", loss):
            yield c
    for c in weighing_cases("model", "mean_squared_error", ("r2", "r3"), _FEW, ("no", "some"), REDUCTIONS[:1]):
        c.update(id=c["id"] + " evaluate", step="evaluate")
        yield c


def all_cases():
    """Every case of Keras."""
    return itertools.chain(
        loss_door_cases(), formula_cases(), catalogue_cases(), ignore_cases(), model_door_cases(), rescue_cases(),
        class_weight_cases(), edge_cases_through_the_model(), scalar_cases(), probe_cases(),
    )  # fmt: skip


def is_probe(item):
    """Whether a case is recorded for the atlas alone, and no criterion answers it."""
    return item["loss"] == OVERRIDDEN_CALL or item["batch_size"] is not None


def cases_for(engine):
    """The cases of one engine, in order."""
    if engine.startswith("tf.losses"):
        return list(tf1_losses_cases())
    return list(torch_cases() if engine == "torch" else all_cases())


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
