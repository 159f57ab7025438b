"""Keras 3.15 on TensorFlow."""

import _run
import eager_mode
import keras
import keras3
import tensorflow as tf


def ask_loss(objective, item, dtype):
    return eager_mode.ask_loss(objective, item, dtype, keras.src.backend.set_keras_mask)


if __name__ == "__main__":
    assert keras.backend.backend() == "tensorflow"
    eager_mode.single_thread()
    releases = {"keras": keras.__version__, "tensorflow": tf.__version__}
    _run.main("keras3.15", keras3.preparer(ask_loss), releases, keras3.NOTES)
