"""What torch.nn.functional is asked: classes on axis 1."""

from __future__ import absolute_import, division, print_function

import itertools

import numpy as np

from .draw import SHAPES, sample_weight, targets_and_predictions
from .formulas import EDGES, FAR_LOGITS, grid
from .one import BOTH, case

REDUCTIONS = ("mean", "sum", "none")


def torch_cases():
    """torch.nn.functional: classes on axis 1, ``class_weight`` a list, ``weight`` of the predictions' own shape."""
    for loss, key, reduction in itertools.product(
        ("mean_squared_error", "mean_absolute_error"), ("r1", "r2"), REDUCTIONS
    ):
        t, p = targets_and_predictions(loss, loss + key, SHAPES[key])
        yield case("%s %s" % (key, reduction), "loss", loss, t, p, reduction=reduction, dtypes=BOTH)
    loss = "binary_crossentropy"
    for key, logits, weight, reduction in itertools.product(("r1", "r2"), (False, True), ("no", "full"), REDUCTIONS):
        t, p = targets_and_predictions(loss, loss + key, SHAPES[key], from_logits=logits)
        w = None if weight == "no" else sample_weight("full", p.shape, key)
        name = "%s %s weight=%s %s" % (key, "logits" if logits else "probabilities", weight, reduction)
        yield case(name, "loss", loss, t, p, weight=w, reduction=reduction, dtypes=BOTH,
                   options={"from_logits": True} if logits else {})  # fmt: skip
    yield grid(loss, "edges", (0.0, 0.25, 1.0), EDGES)
    yield grid(loss, "far logits", (0.0, 0.25, 1.0), FAR_LOGITS, from_logits=True)
    for loss, key, weights, smoothing, reduction in itertools.product(
            ("categorical_crossentropy", "sparse_categorical_crossentropy"), ("r1", "r2", "r3"), (None, [1.0, 2.0, 3.5], [1.0, 0.0, 3.5]), (0.0, 0.25), REDUCTIONS):  # fmt: skip
        t, p = targets_and_predictions(loss, loss + key, SHAPES[key], from_logits=True)
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
