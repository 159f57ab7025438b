"""tf.keras of TensorFlow 1.15, graph mode: the loss is the loss class, the model trains in the loop of version 1."""

import _run
import graph_mode
import loss_classes
import tensorflow as tf

keras = tf.keras


def prepare(dtype):
    assert not tf.executing_eagerly() and not tf.compat.v1.control_flow_v2_enabled()
    graph_mode.switch(keras, dtype)
    door = graph_mode.Door(keras, lambda: keras.optimizers.SGD(lr=1.0), remembers=True)

    def ask(item, dtype):
        if item["door"] == "model":
            return door.ask(item, dtype)
        function = loss_classes.objective(keras.losses, item)
        return graph_mode.ask_loss(keras, lambda t, p, w, m: function(t, p, w), item, dtype)

    return ask


if __name__ == "__main__":
    _run.main("tf1.15", prepare, {"tensorflow": tf.__version__, "keras": keras.__version__}, graph_mode.NOTES)
