"""TensorFlow 2, and Keras 3 on it: a loss is called eagerly, a model of tf.keras trains inside tf.function."""

import _run
import loss_classes
import models
import numpy as np
import predictions
import tensorflow as tf

NOTES = ("gradient through the loss: GradientTape, of the sum of what the loss returned; through the model: one SGD "
         "step of rate 1 on a layer that adds its zero weights to the predictions; run_eagerly is off")  # fmt: skip

RELEASES = {"tensorflow": tf.__version__}


def single_thread():
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def ask_loss(objective, item, dtype, set_mask):
    """Value and gradient of ``objective(y_true, y_pred, sample_weight)`` on eager tensors."""
    y_true = item["y_true"]
    y_true = tf.constant(y_true if y_true.dtype.kind in "iu" else y_true.astype(dtype))
    y_pred = tf.constant(item["y_pred"].astype(dtype))
    weight = item["sample_weight"]
    weight = None if weight is None else tf.constant(weight.astype(dtype))
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        if item["mask"] is not None:
            set_mask(y_pred, tf.constant(item["mask"]))
        value = objective(y_true, y_pred, weight)
        total = tf.reduce_sum(value)
    return value.numpy(), tape.gradient(total, y_pred).numpy()


def mask_setter(loss_class):
    """What hands a mask to the loss, by the predictions' own attribute; the call of the class must look for it."""

    def set_mask(tensor, mask):
        if "in_mask" not in loss_class.__call__.__code__.co_varnames:  # the mask of the values alone, in 2.10
            raise _run.NotOffered("no mask at the loss")
        tensor._keras_mask = mask

    return set_mask


class Door(object):
    """The model door: ``train_on_batch`` or ``evaluate`` of a compiled functional model."""

    def __init__(self, keras, losses, needs_temporal):
        self.keras, self.losses, self.kept = keras, losses, models.Kept(keras.backend.clear_session)
        self.needs_temporal = needs_temporal

    def ask(self, item, dtype):
        key = models.signature(item) + (dtype,)
        return self.kept.ask(key, lambda: self.build(item, dtype), lambda held: self.step(held, item, dtype))

    def step(self, held, item, dtype):
        (model, layer), (inputs, targets, weight) = held, models.arrays(item, dtype)
        layer.offset.assign(np.zeros(models.offset_shape(item), dtype))
        model.reset_metrics()
        if item["step"] == "evaluate":
            value = model.evaluate(inputs, targets, sample_weight=weight, verbose=0, batch_size=models.batch_size(item))
            return np.asarray(value, dtype), None
        value = model.train_on_batch(inputs, targets, sample_weight=weight, class_weight=item["class_weight"])
        return np.asarray(value, dtype), -layer.offset.numpy()

    def build(self, item, dtype):
        loss = loss_classes.loss_argument(self.losses, item, self.keras.backend.mean)
        model, layer = predictions.model(self.keras, item, dtype)
        weight = item["sample_weight"]
        temporal = self.needs_temporal and weight is not None and weight.ndim == 2
        given = {"sample_weight_mode": "temporal"} if temporal else {}
        model.compile(loss=loss, optimizer=self.keras.optimizers.SGD(1.0), **given)
        return model, layer


def preparer(keras, losses, needs_temporal):
    """``prepare`` for ``_run.main``; ``needs_temporal``: weights per timestep must be announced to ``compile``."""
    set_mask = mask_setter(losses.Loss)

    def prepare(dtype):
        assert tf.executing_eagerly()
        keras.backend.clear_session()
        keras.backend.set_floatx(dtype)
        door = Door(keras, losses, needs_temporal)

        def ask(item, dtype):
            if item["door"] == "model":
                return door.ask(item, dtype)
            return ask_loss(loss_classes.objective(losses, item), item, dtype, set_mask)

        return ask

    return prepare
