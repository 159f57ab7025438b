"""Records the training in Keras 3.15 on TensorFlow: ``python record_keras_3_15.py FOLDER`` in their Python."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # its sums depend on the processor

import keras
import plan
import recording
import tensorflow as tf


def build(optimizer):
    """Return the compiled model, its first weights set from the plan."""
    model = keras.Sequential([keras.Input((plan.TILE, plan.TILE, 1))])
    for index, (size, _, channels) in enumerate(plan.LAYERS):
        last = index == len(plan.LAYERS) - 1
        activation = "linear" if last else "tanh"
        model.add(keras.layers.Conv2D(channels, size, padding="same", activation=activation))
    model.add(keras.layers.Reshape((plan.TILE * plan.TILE, plan.CLASSES)))
    model.add(keras.layers.Activation("softmax"))
    model.set_weights([array for layer in plan.initial_weights() for array in layer])
    # Without XLA: fused kernels replace tanh and exp by approximations of their own.
    model.compile(make_optimizer(optimizer), loss="categorical_crossentropy", jit_compile=False)
    return model


def make_optimizer(name):
    """Return Keras's optimizer of that name; all that the plan leaves open is Keras's default, epsilon too."""
    if name == "sgd":
        return keras.optimizers.SGD(learning_rate=plan.LEARNING_RATE["sgd"])
    beta_1, beta_2 = plan.ADAM_BETAS
    return keras.optimizers.Adam(learning_rate=plan.LEARNING_RATE["adam"], beta_1=beta_1, beta_2=beta_2)


def train(optimizer, dtype, report):
    """Return the loss of every step and the final weights of one training."""
    keras.backend.clear_session()
    keras.config.set_floatx(dtype)
    tiles, model, losses = plan.training_tiles(), build(optimizer), []
    for step, chosen in enumerate(plan.batch_order(len(tiles.images)), start=1):
        arrays = tiles.images[chosen], tiles.targets[chosen], tiles.weights[chosen]
        x, y, weights = [array.astype(dtype) for array in arrays]
        losses.append(model.train_on_batch(x, y, sample_weight=weights))
        report(step)
    return losses, model.get_weights()


if __name__ == "__main__":
    # One thread, so that every sum is taken in the same order whenever this is run again.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    recording.record_all("keras3.15", train, {"keras": keras.__version__, "tensorflow": tf.__version__})
