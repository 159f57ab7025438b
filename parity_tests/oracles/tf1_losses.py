"""``tf.losses`` of TensorFlow 1, which is ``tf.compat.v1.losses`` of every later one: in a graph, and eagerly where it is 2.

``tf.losses`` casts float64 to float32 whatever it is given, so every cell holds the precision of float32; the header
says so after asking.
"""

from __future__ import absolute_import, division, print_function

import _run
import numpy as np
import tensorflow as tf

v1 = tf if tf.__version__.startswith("1.") else tf.compat.v1
NOTES = ("gradient: tf.gradients in a graph of placeholders, GradientTape where the door is eager; of the sum of what the "
         "loss returned")  # fmt: skip
#: what each loss calls its labels and its predictions
NAMES = {
    "hinge_loss": ("labels", "logits"), "sigmoid_cross_entropy": ("multi_class_labels", "logits"),
    "softmax_cross_entropy": ("onehot_labels", "logits"), "sparse_softmax_cross_entropy": ("labels", "logits"),
}  # fmt: skip


def arrays_of(item, dtype):
    """(labels, predictions, weights) as TensorFlow is fed; labels that are whole numbers stay whole."""
    labels, weights = item["y_true"], item["sample_weight"]
    if labels is not None and labels.dtype.kind not in "iu":
        labels = labels.astype(dtype)
    return labels, item["y_pred"].astype(dtype), None if weights is None else np.asarray(weights, dtype)


def loss_of(item, labels, predictions, weights):
    """The call that the case names, by keyword."""
    given = {name: value for name, value in item["options"].items() if name != "gradient"}
    if item["loss"] != "mean_pairwise_squared_error":
        given["reduction"] = item["reduction"]
    if weights is not None:
        given["weights"] = weights
    if item["loss"] == "compute_weighted_loss":
        return v1.losses.compute_weighted_loss(losses=predictions, **given)
    names = NAMES.get(item["loss"], ("labels", "predictions"))
    given.update(zip(names, (labels, predictions)))
    return getattr(v1.losses, item["loss"])(**given)


def in_a_graph(item, dtype):
    feeds = {}

    def feed(array):
        if array is None:
            return None
        placeholder = v1.placeholder(array.dtype, array.shape)
        feeds[placeholder] = array
        return placeholder

    with tf.Graph().as_default():
        labels, predictions, weights = [feed(array) for array in arrays_of(item, dtype)]
        loss = loss_of(item, labels, predictions, weights)
        towards = weights if item["options"].get("gradient") == "weights" else predictions
        gradient = tf.gradients(tf.reduce_sum(loss), towards)[0]
        one_thread = v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        with v1.Session(config=one_thread) as session:
            try:
                return session.run([loss, gradient], feeds)
            except tf.errors.OpError as error:
                raise type(error)(error.node_def, error.op, what_is_said(error))


def what_is_said(error):
    """The line of a message that says what is wrong, which later releases hide among the places that built the graph."""
    lines = [line.strip() for line in error.message.splitlines()]
    return next((line for line in lines if line.startswith("Received")), lines[0])


def eagerly(item, dtype):
    given = [None if array is None else tf.constant(array) for array in arrays_of(item, dtype)]
    towards = given[2] if item["options"].get("gradient") == "weights" else given[1]
    with tf.GradientTape() as tape:
        tape.watch(towards)
        loss = loss_of(item, *given)
        total = tf.reduce_sum(loss)
    return loss.numpy(), tape.gradient(total, towards).numpy()


def ask(item, dtype):
    if item["door"] == "graph":
        return in_a_graph(item, dtype)
    if v1 is tf:
        raise _run.NotOffered("TensorFlow 1 runs graphs")
    return eagerly(item, dtype)


def precision(cases, prepare, items):
    """By door, the float type in which float64 is computed; measured with a number that float32 cannot hold."""
    found = {}
    for door in ("graph",) if v1 is tf else ("eager", "graph"):
        for loss in ("compute_weighted_loss", "sigmoid_cross_entropy"):
            item = cases.case("probe", door, loss, np.ones((1, 1)), np.asarray([[1.0 + 2.0**-40]]), reduction="none")
            value = np.asarray(ask(item, "float64")[0], "float64")
            assert (value == value.astype("float32")).all(), "float64 is kept: " + loss
        found[door] = "float32"
    return found


if __name__ == "__main__":
    _run.main(_run.arguments(), lambda dtype: ask, {"tensorflow": tf.__version__}, NOTES, probe=precision)
