"""tf.keras of TensorFlow 1.12, graph mode: the loss is ``weighted_masked_objective``."""

import _run
import graph_mode
import tensorflow as tf
from tensorflow.python.keras import losses
from tensorflow.python.keras.engine.training_utils import weighted_masked_objective

keras = tf.keras


def prepare(dtype):
    graph_mode.switch(keras, dtype)
    door = graph_mode.Door(keras, lambda: keras.optimizers.SGD(lr=1.0))

    def ask(item, dtype):
        if item["door"] == "model":
            return door.ask(item, dtype)
        function = getattr(losses, item["loss"])
        if item["reduction"] == "none":
            return graph_mode.ask_loss(keras, lambda t, p, w, m: function(t, p), item, dtype)
        return graph_mode.ask_loss(keras, weighted_masked_objective(function), item, dtype)

    return ask


if __name__ == "__main__":
    _run.main("tf1.12", prepare, {"tensorflow": tf.__version__, "keras": keras.__version__}, graph_mode.NOTES)
