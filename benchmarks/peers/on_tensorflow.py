"""Keras 3 on TensorFlow: the same losses as a graph, and compiled by XLA."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from benchmarks.peers.workloads import VOID, Data

GRAPH, JIT = "keras on tensorflow", "keras on tensorflow, jit"
#: value and gradient of predictions
Step = Callable[[Any], Any]


def steps(name: str, data: Data) -> tuple[Any, dict[str, Step]]:
    """Predictions, and forward with backward by name."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(2)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tensors = {key: tf.constant(one.numpy()) if hasattr(one, "numpy") else one for key, one in data.items()}
    loss = _loss(name, tensors, tf)

    def both(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(x)
        return value, tape.gradient(value, x)

    return tensors["y_pred"], {GRAPH: tf.function(both), JIT: tf.function(both, jit_compile=True)}


def _loss(name: str, t: dict[str, Any], tf: Any) -> Step:
    import keras
    from keras.src.losses import LossFunctionWrapper

    losses, ops, y = keras.losses, keras.ops, t["y_true"]
    if name.startswith("W1"):
        sparse = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=VOID)
        table = tf.concat([t["class_weight"], tf.zeros(256 - len(t["class_weight"]))], 0)
        turned = (lambda x: tf.transpose(x, (0, 2, 3, 1))) if t["axis"] == 1 else (lambda x: x)
        return lambda x: sparse(y, turned(x), sample_weight=t["map"] if "map" in t else tf.gather(table, y))
    if name.startswith("W5"):
        costs, classes = tf.reshape(t["costs"], (-1,)), t["costs"].shape[0]

        def weighted(y_true: Any, y_pred: Any) -> Any:
            place = tf.argmax(y_true, -1) * classes + tf.argmax(y_pred, -1)
            return ops.categorical_crossentropy(y_true, y_pred) * tf.gather(costs, place)

        wrapped = LossFunctionWrapper(weighted)
        return lambda x: wrapped(y, x)
    if name == "W6":
        weight = t["feature_weight"]
        errors = LossFunctionWrapper(lambda a, b: ops.sum(weight * ops.square(b - a), axis=-1) / ops.sum(weight))
        return lambda x: errors(y, x)
    weight = t["weight"]
    if name == "W4":
        one, other = losses.BinaryCrossentropy(from_logits=True), losses.Dice()
        return lambda x: one(y, x, sample_weight=weight) + other(y, ops.sigmoid(x)) * tf.reduce_mean(weight)
    kind = {"W2": losses.BinaryCrossentropy, "W3b": losses.BinaryFocalCrossentropy, "W3c": losses.CategoricalFocalCrossentropy,
            "W7": losses.CategoricalCrossentropy}  # fmt: skip
    chosen = next(one for begins, one in kind.items() if name.startswith(begins))
    loss = chosen(from_logits=t.get("from_logits", True))
    return lambda x: loss(y, x, sample_weight=weight)
