"""tf_keras 2.21 on TensorFlow 2.21: the loss is the loss class, called eagerly; the model trains inside tf.function."""

import _run
import eager_mode
import tensorflow as tf
import tf_keras

if __name__ == "__main__":
    eager_mode.single_thread()
    releases = {"tf_keras": tf_keras.__version__, "tensorflow": tf.__version__}
    _run.main("tf_keras2.21", eager_mode.preparer(tf_keras), releases, eager_mode.NOTES)
