"""tf.keras of TensorFlow 2, and tf_keras: the loss is the loss class, called eagerly; the model trains in tf.function."""

import _run
import catalogue
import eager_mode
import tensorflow as tf

OPTIONS = _run.arguments()
RELEASES = {"tensorflow": tf.__version__}
if OPTIONS.engine.startswith("tf_keras"):
    import tf_keras as keras

    RELEASES["tf_keras"] = keras.__version__
else:
    keras = tf.keras

if __name__ == "__main__":
    eager_mode.single_thread()
    losses = catalogue.defining(keras.losses)
    prepare = eager_mode.preparer(keras, losses, needs_temporal=OPTIONS.engine in ("tf2.0", "tf2.1"))
    _run.main(OPTIONS, prepare, RELEASES, eager_mode.NOTES, losses)
