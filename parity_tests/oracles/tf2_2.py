"""tf.keras of TensorFlow 2.2: the loss is the loss class, called eagerly; the model trains inside tf.function."""

import _run
import eager_mode
import tensorflow as tf

if __name__ == "__main__":
    eager_mode.single_thread()
    releases = {"tensorflow": tf.__version__, "keras": tf.keras.__version__}
    _run.main("tf2.2", eager_mode.preparer(tf.keras), releases, eager_mode.NOTES)
