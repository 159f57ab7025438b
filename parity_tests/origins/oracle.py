"""Asks one release for every origin: ``python oracle.py keras|tf.keras|tf_keras FILE`` in that release's Python.

The formulas are our own spelling of what origins.md describes, in the operations of TensorFlow; Keras does the rest. What
a release refuses is recorded as it says it. Runs in Python 3.6 and up.
"""

import json
import os
import platform
import sys
import warnings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
warnings.filterwarnings("ignore")

import inputs  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

WHICH = sys.argv[1]
if WHICH == "tf.keras":
    keras = tf.keras
else:
    keras = __import__(WHICH)
GRAPH = tf.__version__.startswith("1.")
KERAS_3 = getattr(keras, "__version__", "").startswith("3")
VERSION = WHICH.replace("tf.keras", "tf") + (tf.__version__ if WHICH == "tf.keras" else keras.__version__)
if GRAPH:
    tf.logging.set_verbosity(tf.logging.ERROR)
keras.backend.set_floatx("float64")
#: what models compute in: TF 1.14 to 2.1 weigh in float32 and cannot multiply that by float64
FIT_IN = "float32" if VERSION.startswith(("tf1.14", "tf1.15", "tf2.0", "tf2.1", "keras2.3")) else "float64"

# --------------------------------------------------------------------------------------------- values, gradients and models


def constant(array):
    return tf.constant(np.asarray(array), dtype=keras.backend.floatx())


def value_and_gradient(fn, y_true, y_pred):
    """fn(y_true, y_pred) by hand, and the gradient of its sum."""
    if GRAPH:
        p = constant(y_pred)
        values = fn(constant(y_true), p)
        found = keras.backend.get_session().run([values, tf.gradients(values, p)[0]])
    else:
        p = tf.Variable(constant(y_pred))
        with tf.GradientTape() as tape:
            values = fn(constant(y_true), p)
            total = tf.reduce_sum(values)
        found = [values.numpy(), tf.convert_to_tensor(tape.gradient(total, p)).numpy()]
    return {"value": np.asarray(found[0]).tolist(), "gradient": np.asarray(found[1]).tolist()}


def number(tensor):
    found = keras.backend.get_session().run(tensor) if GRAPH else np.asarray(tensor)
    return np.asarray(found, dtype="float64").tolist()


def model_of(shape, loss, **options):
    """A model that returns its input through a layer that learns nothing: its step of 0 changes nothing."""
    made = keras.models.Sequential()
    identity = keras.layers.Dense(shape[-1], kernel_initializer="identity", use_bias=False, input_shape=shape[1:])
    made.add(identity)
    try:
        sgd = keras.optimizers.SGD(lr=0.0)
    except (TypeError, ValueError):
        sgd = keras.optimizers.SGD(learning_rate=0.0)
    made.compile(sgd, loss=loss, **options)
    return made


def fitted(y_pred, y_true, loss, compiled=None, **weights):
    """The loss that one step of training reports."""
    keras.backend.set_floatx(FIT_IN)
    try:
        found = model_of(y_pred.shape, loss, **(compiled or {})).train_on_batch(y_pred, y_true, **weights)
    finally:
        keras.backend.set_floatx("float64")
    return {"value": float(np.asarray(found).reshape(-1)[0]), "in": FIT_IN}


def asked(ask):
    """What a question answers, or how it is refused."""
    try:
        return ask()
    except Exception as refused:
        return {"refused": type(refused).__name__, "says": str(refused).strip()[:300]}


# ------------------------------------------------------------------------------------------------------------- the formulas


def crossentropy(y_true, y_pred):
    return keras.losses.categorical_crossentropy(y_true, y_pred)


def mean_crossentropy(y_true, y_pred):
    return tf.reduce_mean(crossentropy(y_true, y_pred))


def absolute(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)


def dice(y_true, y_pred):
    both = tf.reduce_sum(y_true * y_pred)
    return (2 * both + inputs.SMOOTH) / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred) + inputs.SMOOTH)


def bce_dice(weights, sign):
    """The closure of O7: ``weights`` by class, and the sign before the dice."""

    def loss(y_true, y_pred):
        weight = tf.gather(constant(weights), tf.argmax(y_true, axis=-1))
        value = keras.losses.binary_crossentropy(y_true, y_pred)
        value = value + 1 - dice(y_true, y_pred) if sign == "usual" else value - (1 + dice(y_true, y_pred))
        return value * weight

    return loss


def by_pred_then_true(y_true, y_pred):
    """O10: labels; the predicted class is the row."""
    labels = tf.cast(tf.reshape(y_true, [-1]), "int64")
    pairs = tf.stack([tf.argmax(y_pred, axis=-1), labels], axis=1)
    weight = tf.gather_nd(constant(inputs.COSTS), pairs)
    return weight * keras.losses.sparse_categorical_crossentropy(tf.reshape(y_true, [-1]), y_pred)


def true_row_weight(y_true, y_pred):
    """O11: one-hot; the true class is the row."""
    columns = tf.gather(tf.transpose(constant(inputs.COSTS)), tf.argmax(y_pred, axis=-1))
    return tf.reduce_sum(y_true * columns, axis=-1)


def request(y_true, y_pred):
    """O13: all costs 1, but 1.2 for predicting the third class where the second is true."""
    costs = np.ones((3, 3))
    costs[1, 2] = 1.2
    columns = tf.gather(tf.transpose(constant(costs)), tf.argmax(y_pred, axis=-1))
    return tf.reduce_sum(y_true * columns, axis=-1) * crossentropy(y_true, y_pred)


def cost_matrix_class():
    class CostMatrixCrossentropy(keras.losses.CategoricalCrossentropy):
        def __call__(self, y_true, y_pred):
            weight = true_row_weight(y_true, y_pred)
            return super().__call__(y_true, y_pred, sample_weight=weight)

    return CostMatrixCrossentropy()


def cost_matrix_accuracy():
    metric = keras.metrics.CategoricalAccuracy()
    p, t, _ = inputs.classes()
    updated = metric.update_state(constant(t), constant(p), sample_weight=true_row_weight(constant(t), constant(p)))
    if GRAPH:
        session = keras.backend.get_session()
        session.run([variable.initializer for variable in metric.variables])
        session.run(updated)
    return {"value": number(metric.result())}


def focal(gamma=2.0, alpha=0.25):
    def loss(y_true, y_pred):
        q = tf.clip_by_value(y_pred, 1e-7, 1 - 1e-7)
        p_t = y_true * q + (1 - y_true) * (1 - q)
        alpha_t = y_true * alpha + (1 - y_true) * (1 - alpha)
        return tf.reduce_sum(-alpha_t * (1 - p_t) ** gamma * tf.math.log(p_t), axis=1)

    return loss


def categorical_focal(alpha, gamma=2.0):
    def loss(y_true, y_pred):
        q = tf.clip_by_value(y_pred, 1e-7, 1 - 1e-7)
        return tf.reduce_sum(-constant(alpha) * (1 - q) ** gamma * y_true * tf.math.log(q), axis=-1)

    return loss


def confident(y_true, y_pred):
    uniform = tf.ones_like(y_pred) / inputs.CLASSES
    return 0.9 * crossentropy(y_true, y_pred) + 0.1 * crossentropy(uniform, y_pred)


def root_over_batch(weights, scaled):
    def loss(y_true, y_pred):
        w = constant(weights)
        below = tf.reduce_sum(w) * (len(inputs.hundred()[0]) if scaled else 1)
        return tf.sqrt(tf.reduce_sum(w * (y_true - y_pred) ** 2)) / below

    return loss


def root_per_sample(y_true, y_pred):
    w = constant(inputs.hundred()[2])
    return tf.sqrt(tf.reduce_sum(w * (y_true - y_pred) ** 2, axis=-1)) / tf.reduce_sum(w)


def weighted_square(weights, root=False):
    def loss(y_true, y_pred):
        w = constant(weights)
        total = tf.reduce_sum(w * (y_true - y_pred) ** 2)
        return (tf.sqrt(total) if root else total) / tf.reduce_sum(w)

    return loss


# ----------------------------------------------------------------------------------------------------------------- the origins


def masked_objective():
    """O4: Keras's own weighing function, given a mask and weights."""
    from keras.engine.training_utils import weighted_masked_objective

    p, t, weights = inputs.steps()
    mask = inputs.steps_mask()

    def weighed(y_true, y_pred):
        return weighted_masked_objective(absolute)(y_true, y_pred, constant(weights), constant(mask))

    return value_and_gradient(weighed, t, p)


def unlabelled_removed():
    """O3: pixels without a class are removed, then TF 1's own loss."""
    losses = tf.losses if GRAPH else tf.compat.v1.losses
    logits, targets = inputs.unlabelled_pixels()

    def loss(y_true, y_pred):
        valid = tf.reduce_sum(y_true, axis=-1) > 0
        return losses.softmax_cross_entropy(tf.boolean_mask(y_true, valid), tf.boolean_mask(y_pred, valid))

    return value_and_gradient(loss, targets, logits)


def mean_iou(weights=None):
    metric = keras.metrics.MeanIoU(num_classes=5)
    predicted, true = (labels.reshape(-1) for labels in inputs.labels_of_five())
    updated = metric.update_state(constant(true), constant(predicted), sample_weight=weights)
    if GRAPH:
        session = keras.backend.get_session()
        session.run([variable.initializer for variable in metric.variables])
        session.run(updated)
    return {"value": number(metric.result())}


def shares():
    """O8: which share of errors, of weight and of loss the fifth class has, as written and as meant."""
    p, t = inputs.five_classes()
    p_t, t_t = constant(p), constant(t)
    fifth = tf.cast(tf.equal(tf.argmax(t_t, -1), 4), "float64")
    wrong = tf.cast(tf.not_equal(tf.argmax(t_t, -1), tf.argmax(p_t, -1)), "float64")

    def share(values):
        return number(tf.reduce_sum(values * fifth) / tf.reduce_sum(values))

    meant, keys = list(inputs.PIXEL_WEIGHT.values()), [float(key) for key in inputs.PIXEL_WEIGHT]
    weight = {name: tf.gather(constant(one), tf.argmax(t_t, -1)) for name, one in (("meant", meant), ("keys", keys))}
    return {
        "value": [
            share(wrong), share(weight["keys"]), share(weight["meant"]),
            share(bce_dice(keys, "as written")(t_t, p_t)), share(bce_dice(meant, "usual")(t_t, p_t)),
            share(bce_dice([1.0] * 5, "usual")(t_t, p_t)),
        ]
    }  # fmt: skip


def two_outputs(loss_weights):
    """O6, O23: a model of two outputs with a penalty on its kernel."""
    p, t, _ = inputs.steps()
    q, u, _ = inputs.classes()
    first, second = keras.layers.Input(p.shape[1:]), keras.layers.Input(q.shape[1:])
    l2 = keras.regularizers.l2(0.01)
    one = keras.layers.Dense(2, kernel_initializer="identity", use_bias=False, kernel_regularizer=l2, name="one")(first)
    two = keras.layers.Dense(3, kernel_initializer="identity", use_bias=False, name="two")(second)
    made = keras.models.Model([first, second], [one, two])
    try:
        sgd = keras.optimizers.SGD(lr=0.0)
    except (TypeError, ValueError):
        sgd = keras.optimizers.SGD(learning_rate=0.0)
    made.compile(sgd, loss=["mse", "categorical_crossentropy"], loss_weights=loss_weights)
    found = made.train_on_batch([p, q], [t, u])
    return {"value": [float(one) for one in np.asarray(found).reshape(-1)]}


def questions():
    """origin, case -> what to ask."""
    p, t, labels = inputs.classes()
    weight, dict_weight = inputs.sample_weight(), inputs.CLASS_WEIGHT
    pixels, pixel_targets = inputs.pixels()
    five, five_targets = inputs.five_classes()
    p100, t100, w100, w_full = inputs.hundred()
    small_p, small_t, small_w = inputs.small()
    meant, keys = list(inputs.PIXEL_WEIGHT.values()), [float(key) for key in inputs.PIXEL_WEIGHT]
    binary_p, binary_t = inputs.binary()
    temporal_p, temporal_t, temporal_w = inputs.steps()
    temporal = {} if not GRAPH else {"sample_weight_mode": "temporal"}
    both = {"class_weight": dict_weight, "sample_weight": weight}
    asked_of_all = {
        "O1 class_weight": lambda: fitted(p, t, "categorical_crossentropy", class_weight=dict_weight),
        "O1 with sample_weight": lambda: fitted(p, t, "categorical_crossentropy", **both),
        "O1 missing class": lambda: fitted(p, t, "categorical_crossentropy", class_weight={0: 1.0, 1: 5.0}),
        "O2 list of weights": lambda: fitted(pixels, pixel_targets, crossentropy, class_weight=[1.0, 5.0, 0.5]),
        "O2 dict": lambda: fitted(pixels, pixel_targets, crossentropy, class_weight=dict_weight),
        "O2 scalar loss, no weights": lambda: fitted(p, t, mean_crossentropy),
        "O2 scalar loss, sample_weight": lambda: fitted(p, t, mean_crossentropy, sample_weight=weight),
        "O2 scalar loss, dict": lambda: fitted(p, t, mean_crossentropy, class_weight=dict_weight),
        "O2 no weights": lambda: fitted(pixels, pixel_targets, crossentropy),
        "O2 scalar loss of pixels": lambda: fitted(pixels, pixel_targets, mean_crossentropy),
        "O3": unlabelled_removed,
        "O5": lambda: fitted(five, five_targets, "binary_crossentropy"),
        "O6 and O23 list": lambda: two_outputs([1.0, 0.2]),
        "O6 and O23 dict": lambda: two_outputs({"one": 1.0, "two": 0.2}),
        "O6 no loss_weights": lambda: two_outputs(None),
        "O7 as written": lambda: value_and_gradient(bce_dice(keys, "as written"), five_targets, five),
        "O7 as meant": lambda: value_and_gradient(bce_dice(meant, "as written"), five_targets, five),
        "O7 usual": lambda: value_and_gradient(bce_dice(meant, "usual"), five_targets, five),
        "O7 as written, fit": lambda: fitted(five, five_targets, bce_dice(keys, "as written")),
        "O7 usual, fit": lambda: fitted(five, five_targets, bce_dice(meant, "usual")),
        "O8": shares,
        "O9": mean_iou,
        "O10": lambda: value_and_gradient(by_pred_then_true, labels.astype("float64"), p),
        "O10 fit": lambda: fitted(p, labels.astype("float64").reshape(-1, 1), by_pred_then_true),
        "O11 by hand": lambda: value_and_gradient(cost_matrix_class(), t, p),
        "O11 fit": lambda: fitted(p, t, cost_matrix_class()),
        "O12": cost_matrix_accuracy,
        "O13": lambda: value_and_gradient(request, np.eye(3)[[1, 1]], np.array([[0.5, 0.4, 0.1], [0.1, 0.4, 0.5]])),
        "O14": lambda: value_and_gradient(focal(), binary_t, binary_p),
        "O14 fit": lambda: fitted(binary_p, binary_t, focal()),
        "O15": lambda: value_and_gradient(categorical_focal([0.25, 0.75, 1.0]), t, p),
        "O15 one alpha": lambda: value_and_gradient(categorical_focal([0.25] * 3), t, p),
        "O16": lambda: value_and_gradient(confident, t, p),
        "O16 fit": lambda: fitted(p, t, confident, sample_weight=weight),
        "O17": lambda: value_and_gradient(root_over_batch(w100, True), t100, p100),
        "O17 fit": lambda: fitted(p100, t100, root_over_batch(w100, True)),
        "O18": lambda: value_and_gradient(root_over_batch(w_full, False), t100, p100),
        "O19": lambda: value_and_gradient(root_per_sample, t100, p100),
        "O19 fit": lambda: fitted(p100, t100, root_per_sample, sample_weight=weight[:3]),
        "O20": lambda: value_and_gradient(weighted_square(small_w), small_t, small_p),
        "O20 root": lambda: value_and_gradient(weighted_square(small_w, root=True), small_t, small_p),
        "O20 fit": lambda: fitted(small_p, small_t, weighted_square(small_w)),
        "O21": lambda: value_and_gradient(weighted_square(w_full), t100, p100),
        "O22": lambda: fitted(temporal_p, temporal_t, "mse", temporal, sample_weight=temporal_w),
    }
    if WHICH == "keras" and GRAPH:
        asked_of_all["O4"] = masked_objective
    return asked_of_all


def main(path):
    answers = {}
    for name, ask in questions().items():
        keras.backend.clear_session()
        answers[name] = asked(ask)
    made_by = {
        "asked": WHICH, "release": VERSION, "tensorflow": tf.__version__, "python": platform.python_version(),
        "numpy": np.__version__,
    }  # fmt: skip
    with open(path, "w") as file:
        json.dump({"made_by": made_by, "answers": answers}, file, sort_keys=True)


if __name__ == "__main__":
    main(sys.argv[2])
