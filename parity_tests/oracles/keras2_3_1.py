"""Keras 2.3.1 on TensorFlow 1.15: the loss is the loss class, the model is ``keras.models.Model`` (graph mode)."""

import _run
import graph_mode
import keras
import loss_classes
import tensorflow as tf


def prepare(dtype):
    assert not tf.executing_eagerly()
    graph_mode.switch(keras, dtype)
    door = graph_mode.Door(keras, lambda: keras.optimizers.SGD(lr=1.0))

    def ask(item, dtype):
        if item["door"] == "model":
            return door.ask(item, dtype)
        function = loss_classes.objective(keras.losses, item)
        return graph_mode.ask_loss(keras, lambda t, p, w, m: function(t, p, w), item, dtype)

    return ask


if __name__ == "__main__":
    _run.main("keras2.3.1", prepare, {"keras": keras.__version__, "tensorflow": tf.__version__}, graph_mode.NOTES)
