"""Asking through a compiled model: models are kept while the cases ask for the same one.

A release may remember what an earlier batch taught it, so there a refusal counts only when a model that has seen
nothing gives it, and the model that refused is not asked again.
"""

from __future__ import absolute_import, division, print_function

import numpy as np

#: How many models to compile before everything is cleared.
KEPT = 12


def mask_input(mask, dtype):
    """A mask as an array to feed: Keras takes no input of rank 1, so that one gets a last axis."""
    return (mask[:, None] if mask.ndim == 1 else mask).astype(dtype)


def arrays(item, dtype):
    """What the model is fed: (inputs, targets, sample_weight). Copies, for some releases write into them."""
    inputs = [item["y_pred"].astype(dtype)]
    if item["mask"] is not None:
        inputs.append(mask_input(item["mask"], dtype))
    targets, weight = item["y_true"], item["sample_weight"]
    targets = targets.copy() if targets.dtype.kind in "iu" else targets.astype(dtype)
    if weight is not None and weight.dtype.kind == "f":
        weight = weight.astype(dtype)
    return inputs, targets, weight


def batch_size(item):
    """In how many samples at a time a case is evaluated: all of them where it does not say."""
    return item["batch_size"] or len(item["y_pred"])


def offset_shape(item):
    """The shape of the weights that are added to the predictions: those of a whole batch, where it is one."""
    shape = item["y_pred"].shape
    return ((1,) if item["batch_size"] else shape[:1]) + shape[1:]


def signature(item):
    """Everything about a case that a model could remember: two cases share a model only where all of it agrees."""
    shapes = [None if item[k] is None else item[k].shape for k in ("y_true", "y_pred", "sample_weight", "mask")]
    return (item["loss"], item["activation"], item["step"], item["batch_size"], item["class_weight"] is None) + tuple(shapes)


class Kept(object):
    """Compiled models by key; ``clear`` empties the release's own memory, which slows it down as models pile up.

    ``remembers`` is False for releases whose compiled models learn nothing from a batch.
    """

    def __init__(self, clear, remembers=True):
        self.clear, self.remembers, self.models, self.built = clear, remembers, {}, 0

    def ask(self, key, build, step):
        """``step(model)`` on the model of ``key``; where a kept one refuses, a fresh one has the last word."""
        if key in self.models:
            try:
                return self.unspoiled(key, step(self.models[key]))
            except Exception:  # noqa: BLE001  whatever the release raises
                if not self.remembers:
                    raise
                del self.models[key]
        if self.built >= KEPT:
            self.models.clear()
            self.clear()
            self.built = 0
        self.built += 1
        model = build()
        if not self.remembers:
            self.models[key] = model
        answer = step(model)
        self.models[key] = model
        return self.unspoiled(key, answer)

    def unspoiled(self, key, answer):
        """The answer; a model that took a step of NaN is forgotten, for its optimizer may keep 0 * NaN for ever."""
        if answer[1] is not None and not np.isfinite(answer[1]).all():
            self.models.pop(key, None)
        return answer
