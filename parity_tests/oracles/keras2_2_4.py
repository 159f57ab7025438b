"""Keras 2.2.4 on TensorFlow 1.12: the loss is ``weighted_masked_objective``, the model is ``keras.models.Model``."""

import _run
import graph_mode
import keras
import tensorflow as tf
from keras.engine.training_utils import weighted_masked_objective


def prepare(dtype):
    graph_mode.switch(keras, dtype)
    door = graph_mode.Door(keras, lambda: keras.optimizers.SGD(lr=1.0))

    def ask(item, dtype):
        if item["door"] == "model":
            return door.ask(item, dtype)
        function = getattr(keras.losses, item["loss"])
        if item["reduction"] == "none":
            return graph_mode.ask_loss(keras, lambda t, p, w, m: function(t, p), item, dtype)
        return graph_mode.ask_loss(keras, weighted_masked_objective(function), item, dtype)

    return ask


if __name__ == "__main__":
    _run.main("keras2.2.4", prepare, {"keras": keras.__version__, "tensorflow": tf.__version__}, graph_mode.NOTES)
