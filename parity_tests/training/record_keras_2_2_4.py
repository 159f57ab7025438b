"""Records the training in Keras 2.2.4 on TensorFlow 1.12: ``python record_keras_2_2_4.py FOLDER`` in their Python."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import keras
import plan
import recording
import tensorflow as tf
from keras import backend as K


def build(optimizer):
    """Return the compiled model, its first weights set from the plan."""
    model = keras.models.Sequential()
    model.add(keras.layers.InputLayer(input_shape=(plan.TILE, plan.TILE, 1)))
    for index, (size, _, channels) in enumerate(plan.LAYERS):
        last = index == len(plan.LAYERS) - 1
        activation = "linear" if last else "tanh"
        model.add(keras.layers.Conv2D(channels, size, padding="same", activation=activation))
    model.add(keras.layers.Reshape((plan.TILE * plan.TILE, plan.CLASSES)))
    model.add(keras.layers.Activation("softmax"))
    model.set_weights([array for layer in plan.initial_weights() for array in layer])
    model.compile(make_optimizer(optimizer), loss="categorical_crossentropy", sample_weight_mode="temporal")
    return model


def make_optimizer(name):
    """Return Keras's optimizer of that name; all that the plan leaves open is Keras's default, epsilon too."""
    if name == "sgd":
        return keras.optimizers.SGD(lr=plan.LEARNING_RATE["sgd"])
    beta_1, beta_2 = plan.ADAM_BETAS
    return keras.optimizers.Adam(lr=plan.LEARNING_RATE["adam"], beta_1=beta_1, beta_2=beta_2)


def train(optimizer, dtype, report):
    """Return the loss of every step and the final weights of one training."""
    K.clear_session()
    # One thread, so that every sum is taken in the same order whenever this is run again.
    K.set_session(tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)))
    K.set_floatx(dtype)
    tiles, model, losses = plan.training_tiles(), build(optimizer), []
    for step, chosen in enumerate(plan.batch_order(len(tiles.images)), start=1):
        arrays = tiles.images[chosen], tiles.targets[chosen], tiles.weights[chosen]
        x, y, weights = [array.astype(dtype) for array in arrays]
        losses.append(model.train_on_batch(x, y, sample_weight=weights))
        report(step)
    return losses, model.get_weights()


if __name__ == "__main__":
    recording.record_all("keras2.2.4", train, {"keras": keras.__version__, "tensorflow": tf.__version__})
