"""What every release is asked to compile: the same models, arguments and arrays (numpy only, Python 3.6 and up).

A case is a dict: ``outputs`` (letters, each the name of an output and what it holds), and what compile, fit and the layers
are given. ``array(...)`` marks what is an array, ``function(...)`` a loss that is a function.
"""

import numpy as np

N, BATCH = 5, 2
#: what the factor of add_loss is: a number that float32 holds exactly, as those of the other penalties are
ADDED = 0.125
#: output -> classes or features it has
SIZES = {"a": 2, "b": 3, "c": 1}
USUAL = {"a": "mse", "b": "categorical_crossentropy", "c": "binary_crossentropy"}


class array(list):
    """A list that releases are given as a numpy array."""


class function(str):
    """The name of a loss that releases are given as a function of (y_true, y_pred)."""


def arrays():
    """Inputs (what the layers before the outputs see), targets and sample weights of every output."""
    rng = np.random.RandomState(20181210)
    x = {name: rng.uniform(0.1, 0.9, size=(N, size)) for name, size in SIZES.items()}
    x["b"] = x["b"] / x["b"].sum(-1, keepdims=True)
    y = {
        "a": rng.normal(size=(N, 2)),
        "b": np.eye(3)[[0, 1, 2, 1, 0]],
        "c": np.array([[0.0], [1.0], [1.0], [0.0], [1.0]]),
    }
    weight = {
        "a": np.array([1.0, 0.0, 2.0, 1.0, 3.0]),
        "b": np.array([0.5, 1.0, 1.5, 0.0, 4.0]),
        "c": np.array([2.0, 1.0, 0.5, 1.0, 1.0]),
    }
    return x, y, weight


def _of(outputs, **given):
    return dict({"outputs": outputs, "loss": [USUAL[name] for name in outputs]}, **given)


def _two(loss="usual", **given):
    return _of("ab", **given) if loss == "usual" else _of("ab", loss=loss, **given)


_CLASS_WEIGHT = {0: 1.0, 1: 5.0, 2: 0.5}
_BINARY = {0: 1.0, 1: 3.0}
_BY_NAME = {"a": "mse", "b": "categorical_crossentropy"}

CASES = {
    # ------------------------------------------------------------------------------------------------- the forms of loss
    "loss: list": _two(),
    "loss: tuple": _two(("mse", "categorical_crossentropy")),
    "loss: dict": _two(_BY_NAME),
    "loss: one string": _two("mse"),
    "loss: one function": _two(function("squares")),
    "loss: functions in a list": _two([function("squares"), function("absolutes")]),
    "loss: list of one": _two(["mse"], frozen="b"),
    "loss: list too long": _two(["mse", "mae", "mse"]),
    "loss: dict without an output": _two({"a": "mse"}, frozen="b"),
    "loss: dict with an unknown name": _two({"a": "mse", "b": "mse", "nobody": "mse"}),
    "loss: dict of unknown names": _two({"x": "mse", "y": "mse"}),
    "loss: list with None": _two(["mse", None], frozen="b"),
    "loss: list with None first": _two([None, "mse"], frozen="a"),
    "loss: dict with None": _two({"a": None, "b": "mse"}, frozen="a"),
    "loss: None": _two(None),
    "loss: list of None": _two([None, None]),
    "loss: several on one output": _two([["mse", "mae"], "categorical_crossentropy"]),
    "loss: several on one output, dict": _two({"a": ["mse", "mae"], "b": "categorical_crossentropy"}),
    "loss: several on the last output": _two(["mse", ["categorical_crossentropy", "mae"]]),
    "loss: several on each": _two([["mse", "mae"], ["categorical_crossentropy", "mse"]]),
    "loss: list, three outputs": _of("abc"),
    "loss: dict, three outputs": _of("abc", loss=USUAL),
    "loss: dict in another order": _of("abc", loss={name: USUAL[name] for name in "cab"}),
    "loss: list with None, three outputs": _of("abc", loss=["mse", None, "mse"], frozen="b"),
    "loss: one output, list": _of("a"),
    "loss: one output, dict": _of("a", loss={"a": "mse"}),
    "loss: one output, list too long": _of("a", loss=["mse", "mae"]),
    # ----------------------------------------------------------------------------------------------------- loss weights
    "weights: list": _two(loss_weights=[1.0, 0.2]),
    "weights: tuple": _two(loss_weights=(1.0, 0.2)),
    "weights: ints": _two(loss_weights=[3, 2]),
    "weights: array": _two(loss_weights=array([1.0, 0.2])),
    "weights: dict": _two(loss_weights={"a": 1.0, "b": 0.2}),
    "weights: dict, dict of losses": _two(_BY_NAME, loss_weights={"a": 1.0, "b": 0.2}),
    "weights: list, dict of losses": _two(_BY_NAME, loss_weights=[1.0, 0.2]),
    "weights: float": _two(loss_weights=0.25),
    "weights: int": _two(loss_weights=2),
    "weights: list of one": _two(loss_weights=[0.25]),
    "weights: list too long": _two(loss_weights=[0.25, 0.5, 1.0]),
    "weights: list with None": _two(loss_weights=[None, 0.5]),
    "weights: dict without an output": _two(loss_weights={"b": 0.25}),
    "weights: dict without an output, dict of losses": _two(_BY_NAME, loss_weights={"b": 0.25}),
    "weights: dict with None": _two(loss_weights={"a": None, "b": 0.25}),
    "weights: dict with an unknown name": _two(loss_weights={"a": 1.0, "b": 0.25, "nobody": 1.0}),
    "weights: dict of unknown names": _two(loss_weights={"x": 0.5, "y": 0.25}),
    "weights: zero": _two(loss_weights=[1.0, 0.0]),
    "weights: negative": _two(loss_weights=[1.0, -0.5]),
    "weights: empty list": _two(loss_weights=[]),
    "weights: empty dict": _two(loss_weights={}),
    "weights: list, one string": _two("mse", loss_weights=[1.0, 0.25]),
    "weights: dict, one string": _two("mse", loss_weights={"a": 1.0, "b": 0.25}),
    "weights: dict of one, one string": _two("mse", loss_weights={"b": 0.25}),
    "weights: float, one string": _two("mse", loss_weights=0.25),
    "weights: list, a loss of None": _two(["mse", None], frozen="b", loss_weights=[0.5, 0.25]),
    "weights: list of those with a loss": _of("abc", loss=["mse", None, "mse"], frozen="b", loss_weights=[0.5, 0.25]),
    "weights: list, a loss of None between": _of(
        "abc", loss=["mse", None, "mse"], frozen="b", loss_weights=[0.5, 4.0, 0.25]
    ),
    "weights: several losses on one output": _two([["mse", "mae"], "mse"], loss_weights=[0.5, 0.25]),
    "weights: nested like several losses": _two([["mse", "mae"], "mse"], loss_weights=[[0.5, 2.0], 0.25]),
    "weights: list, three outputs": _of("abc", loss_weights=[1.0, 0.2, 0.5]),
    "weights: dict, three outputs": _of("abc", loss_weights={"c": 0.5, "a": 1.0, "b": 0.2}),
    "weights: dict without an output, three": _of("abc", loss_weights={"a": 1.0, "c": 0.2}),
    "weights: list, outputs not in the order of names": _of("cab", loss_weights=[1.0, 0.2, 0.5]),
    "weights: dict, outputs not in the order of names": _of("cab", loss_weights={"c": 1.0, "a": 0.2, "b": 0.5}),
    "weights: dict, dict of losses, not in the order of names": _of(
        "cab", loss=USUAL, loss_weights={"c": 1.0, "a": 0.2, "b": 0.5}
    ),
    "weights: dict with None for a loss of None": _of(
        "abc", loss=["mse", None, "mse"], frozen="b", loss_weights={"a": 0.5, "c": 2.0}
    ),
    "weights: list, dict of losses, not in the order of names": _of("cab", loss=USUAL, loss_weights=[1.0, 0.2, 0.5]),
    "weights: number, dict of losses": _two(_BY_NAME, loss_weights=0.25),
    "weights: list of one, one string": _two("mse", loss_weights=[0.25]),
    "weights: list of one, dict of losses": _two(_BY_NAME, loss_weights=[0.25]),
    "weights: dict with an unknown name, dict of losses": _two(
        _BY_NAME, loss_weights={"a": 1.0, "b": 0.25, "nobody": 1.0}
    ),
    "weights: list too short, three": _of("abc", loss_weights=[1.0, 0.2]),
    "weights: one output, float": _of("a", loss_weights=0.25),
    "weights: one output, list": _of("a", loss_weights=[0.25]),
    "weights: one output, dict": _of("a", loss_weights={"a": 0.25}),
    "weights: several losses, as many": _two([["mse", "mae"], "mse"], loss_weights=[0.5, 2.0, 0.25]),
    # -------------------------------------------------------------------------------------- sample weights, class weights
    "sample_weight: list": _two(sample_weight=["a", "b"]),
    "sample_weight: list with None": _two(sample_weight=[None, "b"]),
    "sample_weight: list with None last": _two(sample_weight=["a", None]),
    "sample_weight: list with None, three outputs": _of("abc", sample_weight=["a", None, "c"]),
    "sample_weight: dict": _two(sample_weight={"a": "a", "b": "b"}),
    "sample_weight: dict without an output": _two(sample_weight={"b": "b"}),
    "sample_weight: dict with an unknown name": _two(sample_weight={"a": "a", "b": "b", "nobody": "a"}),
    "sample_weight: one array": _two(sample_weight="a"),
    "sample_weight: list too short": _two(sample_weight=["a"]),
    "sample_weight: list, loss_weights": _two(sample_weight=["a", "b"], loss_weights=[1.0, 0.2]),
    "sample_weight: list, three outputs": _of("abc", sample_weight=["a", "b", "c"], loss_weights=[1.0, 0.2, 0.5]),
    "class_weight: dict by name": _two(class_weight={"b": _CLASS_WEIGHT}),
    "class_weight: dict by name, of the first": _of("bc", class_weight={"b": _CLASS_WEIGHT}),
    "class_weight: list": _two(class_weight=[None, _CLASS_WEIGHT]),
    "class_weight: list too short": _two(class_weight=[_CLASS_WEIGHT]),
    "class_weight: flat": _two(class_weight=_CLASS_WEIGHT),
    "class_weight: unknown name": _two(class_weight={"b": _CLASS_WEIGHT, "nobody": _CLASS_WEIGHT}),
    "class_weight: of two outputs": _of("bc", class_weight={"b": _CLASS_WEIGHT, "c": _BINARY}),
    "class_weight: of two outputs, loss_weights": _of(
        "bc", class_weight={"b": _CLASS_WEIGHT, "c": _BINARY}, loss_weights=[0.2, 3.0]
    ),
    "class_weight: beside sample_weight": _of("bc", class_weight={"b": _CLASS_WEIGHT}, sample_weight=["b", "c"]),
    "class_weight: one output": _of("b", class_weight=_CLASS_WEIGHT),
    "class_weight: one output, by name": _of("b", class_weight={"b": _CLASS_WEIGHT}),
    "class_weight: one output, validation_split": _of("b", class_weight=_CLASS_WEIGHT, validation_split=0.4),
    "class_weight: two outputs, validation_split": _of("bc", class_weight={"c": _BINARY}, validation_split=0.4),
    "no weights, validation_split": _two(validation_split=0.4),
    # --------------------------------------------------------------------------------------------------------- penalties
    "penalty: kernel l2": _two(kernel=("l2", 0.125)),
    "penalty: kernel l2 with a factor that float32 rounds": _two(kernel=("l2", 0.1)),
    "penalty: kernel l1": _two(kernel=("l1", 0.125)),
    "penalty: kernel l2, loss_weights": _two(kernel=("l2", 0.125), loss_weights=[0.5, 0.2]),
    "penalty: kernel l2, one output": _of("a", kernel=("l2", 0.125)),
    "penalty: kernel l2, sample_weight": _two(kernel=("l2", 0.125), sample_weight=["a", "b"]),
    "penalty: activity l2": _two(activity=("l2", 0.125)),
    "penalty: activity l1": _two(activity=("l1", 0.125)),
    "penalty: activity l2, one output": _of("a", activity=("l2", 0.125)),
    "penalty: activity l2, loss_weights": _two(activity=("l2", 0.125), loss_weights=[0.5, 0.2]),
    "penalty: kernel and activity": _two(kernel=("l2", 0.125), activity=("l1", 0.125), loss_weights=[0.5, 0.2]),
    "penalty: add_loss": _two(add_loss="number"),
    "penalty: add_loss of a value per sample": _two(add_loss="vector"),
    "penalty: add_loss, loss_weights": _two(add_loss="number", loss_weights=[0.5, 0.2]),
    "penalty: add_loss alone": _of("a", loss=None, add_loss="number"),
    "penalty: kernel l2 alone": _of("a", loss=None, kernel=("l2", 0.125)),
    # --------------------------------------------------------------------------- probabilities made by the model itself
    "activations: softmax and sigmoid": _of("bc", activation={"b": "softmax", "c": "sigmoid"}),
    "activations: loss_weights": _of("bc", activation={"b": "softmax", "c": "sigmoid"}, loss_weights=[0.2, 3.0]),
    "activations: certain": _of("bc", activation={"b": "softmax", "c": "sigmoid"}, scale=100.0),
    "activations: sigmoid for softmax": _of("b", activation={"b": "sigmoid"}, scale=100.0),
    "activations: softmax for sigmoid": _of(
        "b", activation={"b": "softmax"}, loss=["binary_crossentropy"], scale=100.0
    ),
    # ------------------------------------------------------------------------------------------------ outputs in a dict
    "outputs: dict": _two(_BY_NAME, structure="dict"),
    "outputs: dict, one string": _two("mse", structure="dict"),
    "outputs: dict, loss_weights": _two(_BY_NAME, structure="dict", loss_weights={"a": 1.0, "b": 0.2}),
    "outputs: dict, weights without an output": _two(_BY_NAME, structure="dict", loss_weights={"b": 0.2}),
    "outputs: dict, losses without an output": _two({"a": "mse"}, structure="dict", frozen="b"),
    "outputs: dict, loss in a list": _two(structure="dict"),
    "outputs: nested": _of("abc", structure="nested", loss={"first": ["mse", "mae"], "second": "mse"}),
    "outputs: nested, one string": _of("abc", structure="nested", loss="mse"),
}
