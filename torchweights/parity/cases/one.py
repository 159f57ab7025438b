"""One case, and the grid of shapes, weights, masks and reductions."""

from __future__ import absolute_import, division, print_function

import itertools

from .draw import SHAPES, mask_of, sample_weight, targets_and_predictions

REDUCTIONS = ("sum_over_batch_size", "sum", "none")
KERAS3_REDUCTIONS = REDUCTIONS + ("mean", "mean_with_sample_weight")
BOTH = ("float64", "float32")


def case(name, door, loss, y_true, y_pred, **rest):
    """One case; ``rest`` may hold weight, mask, class_weight, reduction, options, activation, step, dtypes, batch_size."""
    options = rest.pop("options", {})
    result = {
        "id": "/".join([door, loss, name]), "door": door, "loss": loss, "y_true": y_true, "y_pred": y_pred,
        "sample_weight": rest.pop("weight", None), "mask": rest.pop("mask", None),
        "class_weight": rest.pop("class_weight", None), "reduction": rest.pop("reduction", "sum_over_batch_size"),
        "options": options, "activation": rest.pop("activation", None), "step": rest.pop("step", "train"),
        "dtypes": rest.pop("dtypes", ("float64",)), "batch_size": rest.pop("batch_size", None),
    }  # fmt: skip
    assert not rest, rest
    return result


def weighing_cases(door, loss, shapes, weights, masks, reductions, dtypes=("float64",)):
    """The grid of shapes, weights, masks and reductions for one loss."""
    for key, weight_kind, mask_kind, reduction in itertools.product(shapes, weights, masks, reductions):
        shape = SHAPES[key]
        weight = sample_weight(weight_kind, shape, key)
        mask = mask_of(mask_kind, shape, key)
        absent = (weight is None and weight_kind != "no") or (mask is None and mask_kind != "no")
        if absent or (door == "model" and weight is not None and weight.ndim == 0):
            continue
        y_true, y_pred = targets_and_predictions(loss, loss + key, shape)
        name = "%s weight=%s mask=%s %s" % (key, weight_kind, mask_kind, reduction)
        yield case(name, door, loss, y_true, y_pred, weight=weight, mask=mask, reduction=reduction, dtypes=dtypes)
