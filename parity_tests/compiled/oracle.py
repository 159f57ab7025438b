"""Asks one release for every case: ``python oracle.py keras|tf.keras|tf_keras FILE [PATTERN]`` in that release's Python (3.6
and up); only the cases whose names the pattern finds, if one is given.

Each case is a fresh model, three times: one step of training (the loss it reports, and the gradient of each kernel, which is
what a step of rate 1 takes away), an epoch of ``fit`` over uneven batches, and ``evaluate``. What a release refuses is
recorded as it says it, with where it said it.
"""

import json
import os
import platform
import re
import sys
import warnings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
warnings.filterwarnings("ignore")

import cases  # noqa: E402
import numpy as np  # noqa: E402

WHICH = sys.argv[1]
if os.environ.get("KERAS_BACKEND") != "torch":
    import tensorflow as tf
if WHICH == "tf.keras":
    keras, VERSION = tf.keras, "tf" + tf.__version__
else:
    keras = __import__(WHICH)
    VERSION = WHICH + keras.__version__
KERAS_3 = VERSION.startswith("keras3")
if KERAS_3:
    from keras import ops as K
else:
    K = keras.backend
GRAPH = not KERAS_3 and tf.__version__.startswith("1.")
if GRAPH:
    tf.logging.set_verbosity(tf.logging.ERROR)
X, Y, WEIGHT = cases.arrays()
#: TF 1.14 to 2.1 weigh in float32 and cannot multiply that by float64; TF 2.2 to 2.12 add up in float32 whatever they are asked
#: (and so do Keras 3.6 and later on torch, which is asked in float32 throughout)
IN_FLOAT32 = VERSION.startswith(("tf1.14", "tf1.15", "tf2.", "keras2.3")) or os.environ.get("KERAS_BACKEND") == "torch"
FLOAT = "float32" if IN_FLOAT32 else "float64"
keras.backend.set_floatx(FLOAT)


def squares(y_true, y_pred):
    return K.mean((y_true - y_pred) * (y_true - y_pred), axis=-1)


def absolutes(y_true, y_pred):
    return K.mean(K.abs(y_true - y_pred), axis=-1)


FUNCTIONS = {"squares": squares, "absolutes": absolutes}


class Adds(keras.layers.Layer):
    """Returns what it gets, and adds a loss made of it."""

    def __init__(self, kind, **options):
        super().__init__(**options)
        self.kind = kind

    def call(self, inputs):
        added = K.sum(inputs * inputs, axis=-1) * cases.ADDED
        added = K.sum(added) if self.kind == "number" else added
        if VERSION.startswith("keras2"):
            self.add_loss(added, inputs)
        else:
            self.add_loss(added)
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape


def regularizer(name, factor):
    return getattr(keras.regularizers, name)(factor)


def made_with(argument):
    """What a release is given for what stands in a case."""
    if isinstance(argument, cases.function):
        return FUNCTIONS[argument]
    if isinstance(argument, cases.array):
        return np.array(argument)
    if isinstance(argument, dict):
        return {key: made_with(value) for key, value in argument.items()}
    if isinstance(argument, (list, tuple)):
        return type(argument)(made_with(value) for value in argument)
    return argument


def model_of(case, rate):
    first = case["outputs"][0]
    inputs, outputs = [], []
    for name in case["outputs"]:
        size = cases.SIZES[name]
        given = keras.layers.Input((size,))
        options = {}
        if name == first and "kernel" in case:
            options["kernel_regularizer"] = regularizer(*case["kernel"])
        if name == first and "activity" in case:
            options["activity_regularizer"] = regularizer(*case["activity"])
        if name in case.get("activation", {}):
            options["activation"] = case["activation"][name]
        if name in case.get("frozen", ""):
            options["trainable"] = False  # the old releases refuse to train what no loss reaches
        hidden = given
        if name == first and "add_loss" in case:
            hidden = keras.layers.Dense(size, use_bias=False, name="before")(hidden)
            hidden = Adds(case["add_loss"])(hidden)
            options["trainable"] = False
        dense = keras.layers.Dense(size, use_bias=False, name=name, **options)
        inputs.append(given)
        outputs.append(dense(hidden))
    if case.get("structure") == "dict":
        outputs = dict(zip(case["outputs"], outputs))
    elif case.get("structure") == "nested":
        outputs = {"first": outputs[:2], "second": outputs[2]}
    elif len(outputs) == 1:
        inputs, outputs = inputs[0], outputs[0]
    model = keras.models.Model(inputs, outputs)
    for layer in model.layers:
        if layer.get_weights():
            layer.set_weights([np.eye(len(layer.get_weights()[0]))])
    try:
        sgd = keras.optimizers.SGD(learning_rate=rate)
    except TypeError:
        sgd = keras.optimizers.SGD(lr=rate)
    options = {"loss_weights": made_with(case["loss_weights"])} if "loss_weights" in case else {}
    model.compile(sgd, loss=made_with(case["loss"]), **options)
    return model


def in_structure(case, arrays):
    if case.get("structure") == "dict":
        return {name: arrays[name] for name in case["outputs"]}
    if case.get("structure") == "nested":
        return {"first": [arrays["a"], arrays["b"]], "second": arrays["c"]}
    return [arrays[name] for name in case["outputs"]] if len(case["outputs"]) > 1 else arrays[case["outputs"]]


def data_of(case):
    x = [case.get("scale", 1.0) * X[name] for name in case["outputs"]]
    return (x if len(x) > 1 else x[0]), targets_of(case)


def targets_of(case):
    """Without the targets that the old releases do not want."""
    y = {name: Y[name].astype(FLOAT) for name in case["outputs"]}
    loss = case["loss"]
    if not KERAS_3 and (not VERSION.startswith(("tf2.", "tf_keras")) or VERSION.startswith(("tf2.0", "tf2.1."))):
        if loss is None:
            return None
        names = list(case["outputs"])
        if isinstance(loss, dict):
            names = [name for name in names if loss.get(name) is not None]
        elif isinstance(loss, (list, tuple)) and len(loss) == len(names):
            names = [name for name, one in zip(names, loss) if one is not None]
        if names != list(case["outputs"]):
            return [y[name] for name in names]
    return in_structure(case, y)


def weights_of(case):
    found = {}
    if "sample_weight" in case:
        given = case["sample_weight"]
        if isinstance(given, dict):
            found["sample_weight"] = {name: WEIGHT[which].astype(FLOAT) for name, which in given.items()}
        elif isinstance(given, list):
            found["sample_weight"] = [None if one is None else WEIGHT[one].astype(FLOAT) for one in given]
        else:
            found["sample_weight"] = WEIGHT[given].astype(FLOAT)
    if "class_weight" in case:
        found["class_weight"] = case["class_weight"]
    return found


def numbers(model, found):
    if isinstance(found, dict):
        return {name: np.asarray(value, dtype="float64").tolist() for name, value in found.items()}
    found = [np.asarray(one, dtype="float64").tolist() for one in (found if isinstance(found, list) else [found])]
    return dict(zip(model.metrics_names, found))


def by_name(call, *arguments, **options):
    """As a dict, where the release can: Keras 3 names its list otherwise."""
    if KERAS_3 or VERSION.startswith("tf_keras"):
        options["return_dict"] = True
    return call(*arguments, **options)


def trained(case):
    x, y = data_of(case)
    model = model_of(case, 0.0)  # a step of 0: in graph mode a penalty may be read before or after the step
    found = numbers(model, by_name(model.train_on_batch, x, y, **weights_of(case)))
    model = model_of(case, 1.0)
    layers = [layer for layer in model.layers if layer.trainable_weights]
    before = [layer.get_weights()[0] for layer in layers]
    model.train_on_batch(x, y, **weights_of(case))
    after = [layer.get_weights()[0] for layer in layers]
    gradient = {layer.name: (old - new).tolist() for layer, old, new in zip(layers, before, after)}
    return {"value": found, "gradient": gradient}


def fitted(case):
    model = model_of(case, 0.0)
    x, y = data_of(case)
    options = {"validation_split": case["validation_split"]} if "validation_split" in case else {}
    found = model.fit(
        x, y, batch_size=cases.BATCH, epochs=1, verbose=0, shuffle=False, **dict(options, **weights_of(case))
    )
    return {"value": {name: float(values[0]) for name, values in found.history.items()}}


def stepped(case):
    """fit on data that comes as steps: a tf.data.Dataset of the same batches."""
    model = model_of(case, 0.0)
    x, y = data_of(case)
    parts = tuple(tuple(one) if isinstance(one, list) else one for one in (x, y))
    if "sample_weight" in case:
        parts = parts + (tuple(weights_of(case)["sample_weight"]),)
    data = tf.data.Dataset.from_tensor_slices(parts).batch(cases.BATCH)
    if GRAPH or VERSION.startswith(("tf2.0", "tf2.1.")):
        data = data.repeat()
    found = model.fit(data, epochs=1, steps_per_epoch=3, verbose=0)
    return {"value": {name: float(values[0]) for name, values in found.history.items()}}


def evaluated(case):
    model = model_of(case, 0.0)
    x, y = data_of(case)
    weights = {"sample_weight": weights_of(case)["sample_weight"]} if "sample_weight" in case else {}
    return {"value": numbers(model, by_name(model.evaluate, x, y, batch_size=cases.BATCH, verbose=0, **weights))}


def asked(ask, case):
    try:
        return ask(case)
    except Exception as problem:
        said = " ".join(str(problem).split())
        return {"refused": type(problem).__name__, "said": said[:300]}


STEPS = ("loss: list", "weights: list", "sample_weight: list", "loss: list, three outputs")


def main(path, pattern=""):
    answers = {}
    for name, case in cases.CASES.items():
        if not re.search(pattern, name):
            continue
        doors = {"train": trained, "fit": fitted, "evaluate": evaluated}
        if (name in STEPS and WHICH != "keras") or (
            KERAS_3 and os.environ.get("KERAS_BACKEND") != "torch" and name in STEPS
        ):
            doors["steps"] = stepped
        for door, ask in doors.items():
            keras.backend.clear_session()
            answers[name + " | " + door] = asked(ask, case)
    made_by = {
        "asked": WHICH, "release": VERSION, "in": FLOAT, "python": platform.python_version(), "numpy": np.__version__,
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
    }  # fmt: skip
    with open(path, "w") as file:
        json.dump({"made_by": made_by, "answers": answers}, file, sort_keys=True)


if __name__ == "__main__":
    main(*sys.argv[2:])
