"""Keras in TensorFlow 1 graph mode: the releases before TensorFlow 2 are asked through these.

The gradient through the model is taken by one step of SGD of rate 1 on a layer that adds its weights, all zero, to the
predictions: after the step the weights are the negative gradient, to the last bit.
"""

from __future__ import absolute_import, division, print_function

import loss_classes
import models
import numpy as np
import predictions
import tensorflow as tf

NOTES = ("gradient through the loss: tf.gradients; through the model: one SGD step of rate 1 on a layer that adds its "
         "zero weights to the predictions")  # fmt: skip


def library(engine):
    """(keras, releases) of an engine: multi-backend Keras, or that of TensorFlow."""
    releases = {"tensorflow": tf.__version__}
    if engine.startswith("tf"):
        return tf.keras, dict(releases, tf_keras=tf.keras.__version__)
    import keras

    return keras, dict(releases, keras=keras.__version__)


def ask_loss(keras, objective, item, dtype):
    """Value and gradient of ``objective(y_true, y_pred, sample_weight, mask)`` on placeholders."""
    keras.backend.clear_session()
    feeds = {}

    def feed(array, kind):
        if array is None:
            return None
        placeholder = tf.placeholder(kind, array.shape)
        feeds[placeholder] = array
        return placeholder

    y_true = feed(item["y_true"].astype(dtype), dtype)
    y_pred = feed(item["y_pred"].astype(dtype), dtype)
    weight = item["sample_weight"]
    weight = feed(None if weight is None else weight.astype(dtype), dtype)
    loss = objective(y_true, y_pred, weight, feed(item["mask"], "bool"))
    gradient = tf.gradients(tf.reduce_sum(loss), y_pred)[0]
    return keras.backend.get_session().run([loss, gradient], feeds)


class Door(object):
    """The model door: ``train_on_batch`` or ``evaluate`` of a compiled functional model."""

    def __init__(self, keras, losses, remembers):
        self.keras, self.losses = keras, losses
        self.kept = models.Kept(keras.backend.clear_session, remembers)

    def ask(self, item, dtype):
        """What ``train_on_batch`` or ``evaluate`` returns, and the gradient that the step took."""
        weight, mask = item["sample_weight"], item["mask"]
        temporal = weight is not None and weight.ndim == 2
        key = (item["loss"], item["y_pred"].shape, None if mask is None else mask.shape, item["activation"], temporal,
               self.kept.remembers and weight is None, item["batch_size"], dtype)  # fmt: skip
        return self.kept.ask(key, lambda: self.build(item, dtype, temporal), lambda held: self.step(held, item, dtype))

    def step(self, held, item, dtype):
        (model, layer), (inputs, targets, weight) = held, models.arrays(item, dtype)
        # The optimizer too: it keeps 0 * momentum of the step before, which after a NaN is NaN for ever.
        for variable in [layer.offset] + model.optimizer.weights:
            self.keras.backend.set_value(variable, np.zeros_like(self.keras.backend.get_value(variable)))
        inputs = inputs if len(inputs) > 1 else inputs[0]
        if item["step"] == "evaluate":
            return np.asarray(model.evaluate(inputs, targets, sample_weight=weight, verbose=0,
                                             batch_size=models.batch_size(item)), dtype), None  # fmt: skip
        loss = model.train_on_batch(inputs, targets, sample_weight=weight, class_weight=item["class_weight"])
        return np.asarray(loss, dtype), -self.keras.backend.get_value(layer.offset)

    def build(self, item, dtype, temporal):
        loss = loss_classes.loss_argument(self.losses, item, self.keras.backend.mean)
        model, layer = predictions.model(self.keras, item, dtype)
        model.compile(loss=loss, optimizer=self.keras.optimizers.SGD(lr=1.0),
                      sample_weight_mode="temporal" if temporal else None)  # fmt: skip
        return model, layer


def preparer(keras, losses, objective, remembers=False):
    """``prepare`` for ``_run.main``; ``objective(item)`` is ``f(y_true, y_pred, weight, mask)``."""

    def prepare(dtype):
        assert not (hasattr(tf, "executing_eagerly") and tf.executing_eagerly())
        if hasattr(tf, "config") and hasattr(tf.config, "threading"):  # TF 1.15; older ones read OMP_NUM_THREADS
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        keras.backend.clear_session()
        keras.backend.set_floatx(dtype)
        door = Door(keras, losses, remembers)

        def ask(item, dtype):
            return door.ask(item, dtype) if item["door"] == "model" else ask_loss(keras, objective(item), item, dtype)

        return ask

    return prepare
