"""Every bad input is a typed error that says which argument, what was expected, what came, and the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import torchweights as tw

T = torch.tensor
S, C, B, M = tw.SparseCategoricalCrossentropy, tw.CategoricalCrossentropy, tw.BinaryCrossentropy, tw.MeanSquaredError
ZEROS, EYE, ONES = torch.zeros(2, 3), torch.eye(3)[:2], torch.ones(2, 3)
LABELS = T([0, 1])
ROW_LIST = "torchweights, torch, keras2.0.9"
ORDER = "The order is criterion(y_pred, y_true)"

#: name -> (call, type, pieces of the message: argument, expected, received, way out)
BAD: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "unknown reduction": (lambda: M(reduction="summ"), ValueError, ["reduction expected one of sum_over_batch_size, mean", "received 'summ'", "Did you mean 'sum'?"]),
    "reduction of another kind": (lambda: M(reduction=3), ValueError, ["reduction expected one of", "none", "received 3"]),
    "unknown reduction, bare": (lambda: tw.reduce_weighted_values(ONES, reduction="meen"), ValueError, ["reduction expected one of", "Did you mean 'mean'?"]),
    "unknown era": (lambda: M(semantics="keras2.2.44"), ValueError, ["semantics expected one of", ROW_LIST, "received 'keras2.2.44'", "Did you mean 'keras2.2.4'?"]),
    "era of another kind": (lambda: M(semantics=2), TypeError, ["semantics expected a row's name or a Semantics", "received int", "Write semantics='keras3.15'"]),
    "unknown door": (lambda: tw.semantics_for("tf1.12", door="los"), ValueError, ["door expected one of model, loss", "received 'los'", "'loss'?"]),
    "unknown package": (lambda: tw.semantics_for("kera==2.2.4"), ValueError, ["package", "keras, tensorflow", "received 'kera'", "Did you mean 'keras'?"]),
    "two Kerases": (lambda: tw.semantics_for("tensorflow==2.17.0"), ValueError, ["two Kerases", "received 'tensorflow==2.17.0'", "write 'keras==", "write 'tf_keras=="]),
    "two Kerases in 2.16": (lambda: tw.semantics_for("tensorflow-cpu==2.16"), ValueError, ["two Kerases", "TF_USE_LEGACY_KERAS"]),
    "integer y_pred": (lambda: S(from_logits=True)(LABELS, ZEROS), TypeError, ["y_pred expected floating point", "torch.int64 of shape (2,)", ORDER]),
    "bool y_pred": (lambda: M()(ONES > 0, ONES), TypeError, ["y_pred expected floating point", "torch.bool", ORDER]),
    "complex y_pred": (lambda: M()(ONES.to(torch.complex64), ONES), TypeError, ["y_pred expected floating point", "torch.complex64"]),
    "complex y_true": (lambda: M()(ONES, ONES.to(torch.complex64)), TypeError, ["y_true expected real targets", "torch.complex64"]),
    "swapped": (lambda: M()(ZEROS, ZEROS.clone().requires_grad_()), TypeError, ["y_true requires grad and y_pred does not", "swapped", ORDER, "criterion(y_true=.., y_pred=..)"]),
    "array as y_pred": (lambda: M()(np.zeros((2, 3)), ONES), TypeError, ["y_pred expected a torch.Tensor", "received ndarray", "torch.as_tensor(y_pred)"]),
    "list as y_true": (lambda: M()(ONES, [1, 2]), TypeError, ["y_true expected a torch.Tensor", "received list", "torch.as_tensor(y_true)"]),
    "list as weights": (lambda: M()(ONES, ONES, [1, 2]), TypeError, ["sample_weight expected a torch.Tensor or a number", "received list", "torch.as_tensor(sample_weight)"]),
    "array as mask": (lambda: M()(ONES, ONES, mask=np.ones(2)), TypeError, ["mask expected a torch.Tensor", "received ndarray", "torch.as_tensor(mask)"]),
    "shapes": (lambda: M()(ONES, ONES.T), ValueError, ["y_true expected the shape of y_pred, (2, 3)", "received (3, 2)", "nothing is broadcast"]),
    "shapes that would broadcast": (lambda: M()(torch.ones(3, 3), torch.ones(3)), ValueError, ["y_true expected the shape of y_pred, (3, 3)", "received (3,)"]),
    "one-hot shapes": (lambda: C(from_logits=True)(ZEROS, torch.eye(3)), ValueError, ["y_true expected the shape of y_pred, (2, 3)", "received (3, 3)"]),
    "label shapes": (lambda: S(from_logits=True, axis=1)(torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, dtype=torch.int64)), ValueError, ["y_true expected labels of shape (2, 4, 4)", "(2, 3, 4, 4)", "received (2, 3)", "axis="]),
    "ambiguous weights": (lambda: M()(torch.ones(3, 3, 2), torch.ones(3, 3, 2), torch.ones(1, 3)), ValueError, ["sample_weight of shape (1, 3)", "two ways", "per sample it would be (3,) or (3, 1)", "per element it would be (3, 3)", "reshape"]),
    "ambiguous mask": (lambda: M()(ONES, ONES, mask=ONES > 0), ValueError, ["mask of shape (2, 3)", "two ways", "per sample it would be (2,)", "Write mask.expand"]),
    "weights in a Keras row": (lambda: M(semantics="tf1.15")(ONES, ONES, torch.ones(3)), ValueError, ["sample_weight of shape (3,)", "loss values of shape (2,)", "expected (2,) (one per sample)"]),
    "class without a weight": (lambda: S(from_logits=True, class_weight={0: 1.0, 1: 2.0})(ZEROS, LABELS), ValueError, ["class_weight expected a weight for each class 0 to 2", "the classes of y_pred", "lacks 2", "Give every class a weight"]),
    "class too many": (lambda: S(from_logits=True, class_weight=dict.fromkeys(range(4), 1.0))(ZEROS, LABELS), ValueError, ["class_weight", "0 to 2", "which has 3 besides"]),
    "gap": (lambda: S(from_logits=True, class_weight={0: 1.0, 2: 2.0}), ValueError, ["class_weight expected a weight for each class", "lacks 1"]),
    "text keys": (lambda: S(from_logits=True, class_weight={"0": 1.0}), TypeError, ["class_weight expected class numbers as keys", "received '0'", "Write {0: 1.0}, not {'0': 1.0}"]),
    "text weights": (lambda: S(from_logits=True, class_weight={0: "1"}), TypeError, ["class_weight expected a number", "received str '1'"]),
    "weights that are not finite": (lambda: S(from_logits=True, class_weight=[1.0, float("nan")]), ValueError, ["class_weight expected finite weights", "nan"]),
    "balanced": (lambda: S(from_logits=True, class_weight="balanced"), TypeError, ["class_weight expected a dict from class number to weight", "received str 'balanced'", "Write class_weight={0: 1.0"]),
    "list too short": (lambda: S(from_logits=True, class_weight=[1.0, 2.0])(ZEROS, LABELS), ValueError, ["class_weight expected 3 weights", "received 2"]),
    "matrix of weights": (lambda: C(from_logits=True, class_weight=torch.ones(2, 2)), ValueError, ["class_weight expected one real weight per class", "(C,)", "received torch.float32 of shape (2, 2)"]),
    "missing class in a Keras row": (lambda: S(semantics="keras2.2.4", class_weight={0: 1.0})(ONES / 3, LABELS), ValueError, ["class_weight expected a weight for every class in the data", "received none for 1", "it has 0", "Give each"]),
    "both in Keras 3": (lambda: S(semantics="keras3.15", class_weight={0: 1.0})(ONES / 3, LABELS, T([1.0, 1.0])), ValueError, ["class_weight and sample_weight together", "expected one of them, received both", "Multiply them yourself"]),
    "label too large": (lambda: S(from_logits=True)(ZEROS, T([1, 7])), ValueError, ["y_true expected labels from 0 to 2", "the 3 classes of y_pred", "received 7 at (1,)", "ignore_class=7"]),
    "labels of pixels": (lambda: S(from_logits=True, axis=1)(torch.zeros(1, 3, 2, 2), T([[[0, 1], [-1, 255]]])), ValueError, ["received -1 at (0, 1, 0) (and 1 more)", "check the axis"]),
    "label in a Keras row": (lambda: S(semantics="tf1.12")(ONES / 3, T([0, 3])), ValueError, ["labels from 0 to 2", "received 3 at (1,)"]),
    "logits as probabilities": (lambda: C(from_logits=False)(T([[0.5, 0.5, 0.0], [0.1, -2.5, 3.0]]), EYE), ValueError, ["y_pred expected probabilities in [0, 1]", "received -2.5 at (1, 1) (and 1 more)", "from_logits=True"]),
    "binary logits as probabilities": (lambda: B(from_logits=False)(T([[3.0]]), T([[1.0]])), ValueError, ["y_pred expected probabilities in [0, 1]", "received 3 at (0, 0)", "after sigmoid"]),
    "binary labels -1": (lambda: B(from_logits=True)(T([[3.0]]), T([[-1.0]])), ValueError, ["y_true expected probabilities in [0, 1]", "received -1 at (0, 0)", "labels 0 and 1"]),
    "from_logits forgotten": (lambda: S(), TypeError, ["SparseCategoricalCrossentropy expected from_logits, received nothing", "from_logits=True if y_pred are logits", "from_logits=False if"]),
    "from_logits of another kind": (lambda: B(from_logits="yes"), ValueError, ["from_logits expected True, False or 'rescued'", "received 'yes'"]),
    "axis forgotten": (lambda: S(from_logits=True)(torch.zeros(2, 3, 2), torch.zeros(2, 2, dtype=torch.int64)), ValueError, ["axis expected for y_pred of rank 3, received nothing", "axis=1 if the classes are on the second", "axis=-1"]),
    "axis forgotten, labels": (lambda: B(from_logits=True)(torch.zeros(2, 3, 2), torch.zeros(2, 3, 2)), ValueError, ["axis expected for y_pred of rank 3", "the labels", "axis=-1"]),
    "axis outside": (lambda: S(from_logits=True, axis=4)(ZEROS, LABELS), ValueError, ["axis expected from -2 to 1", "rank 2", "received 4"]),
    "sparse given one-hot": (lambda: S(from_logits=True)(ZEROS, EYE), TypeError, ["y_true expected integer labels", "torch.float32 of shape (2, 3)", "Use CategoricalCrossentropy", "y_true.long()"]),
    "one-hot given labels": (lambda: C(from_logits=True)(ZEROS, LABELS), TypeError, ["y_true expected one-hot or soft targets", "torch.int64", "(2,)", "Use SparseCategoricalCrossentropy", "y_true.float()"]),
    "label_smoothing": (lambda: C(from_logits=True, label_smoothing=2), ValueError, ["label_smoothing expected a number from 0 to 1", "received 2"]),
    "epsilon": (lambda: B(from_logits=False, epsilon=0.7), ValueError, ["epsilon expected a number between 0 and 0.5", "received 0.7"]),
    "ignore_class": (lambda: S(from_logits=True, ignore_class=2.0), TypeError, ["ignore_class expected a label (an int) or None", "received float 2.0"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_message_states_argument_expected_received_and_way_out(name: str) -> None:
    call, kind, pieces = BAD[name]
    with pytest.raises(kind) as error:
        call()
    assert type(error.value) is kind
    missing = [piece for piece in pieces if piece not in str(error.value)]
    assert not missing, f"{error.value}\nlacks {missing}"


@pytest.mark.parametrize("name", BAD)
def test_a_message_is_one_paragraph_of_moderate_length(name: str) -> None:
    with pytest.raises(BAD[name][1]) as error:
        BAD[name][0]()
    assert "\n" not in str(error.value)
    assert 20 < len(str(error.value)) < 420


#: what is silently taken or raises an error that does not name the argument
SILENT: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a vector as denominator": (lambda: M()(ONES, ONES, denominator=ONES), ValueError, "denominator"),
    "text as denominator": (lambda: M()(ONES, ONES, denominator="3"), TypeError, "denominator"),
    "a negative denominator": (lambda: M()(ONES, ZEROS, denominator=-3.0), ValueError, "denominator"),
    "complex weights": (lambda: M()(ONES, ONES, torch.ones(2, dtype=torch.complex64)), TypeError, "sample_weight"),
    "a list as weights, bare": (lambda: tw.reduce_weighted_values(ONES, [1.0, 2.0]), TypeError, "sample_weight"),
    "a list as mask, bare": (lambda: tw.reduce_weighted_values(ONES, mask=[True, False]), TypeError, "mask"),
    "a list as values, bare": (lambda: tw.reduce_weighted_values([1.0, 2.0]), TypeError, "values"),
    "a mask of fractions": (lambda: M()(ONES, ZEROS, mask=T([0.5, 1.0])), ValueError, "mask"),
    "a mask of NaN": (lambda: M()(ONES, ZEROS, mask=T([torch.nan, 1.0])), ValueError, "mask"),
    "one-hot targets of -1": (lambda: C(from_logits=True)(ZEROS, 2 * EYE - 1), ValueError, "y_true"),
    "class numbers as one-hot": (lambda: C(from_logits=True)(ZEROS, 7 * EYE), ValueError, "y_true"),
    "hinge labels of neither kind": (lambda: tw.Hinge()(ZEROS, 0.3 * ONES), ValueError, "y_true"),
    "hinge labels -1, 0 and 1": (lambda: tw.Hinge()(ZEROS[:1], T([[-1.0, 0.0, 1.0]])), ValueError, "y_true"),
    "one class alone": (lambda: S(from_logits=True)(torch.randn(3), T([0, 0, 0])), ValueError, "y_pred"),
    "predictions of rank 0": (lambda: S(from_logits=True)(T(0.0), T(0)), ValueError, "y_pred"),
    "text as axis": (lambda: M(axis="last"), TypeError, "axis"),
    "text as label_smoothing": (lambda: B(from_logits=True, label_smoothing="0.1"), TypeError, "label_smoothing"),
    "text as rest_in_eval": (lambda: S(from_logits=True, rest_in_eval="no"), TypeError, "rest_in_eval"),
    "text as validate": (lambda: S(from_logits=True, validate="no"), TypeError, "validate"),
    "an epsilon that has no effect": (lambda: S(from_logits=True, epsilon=1e-3), ValueError, "epsilon"),
    "an axis that has no effect": (lambda: M(semantics="torch", axis=(1, 2)), ValueError, "axis"),
}  # fmt: skip


@pytest.mark.parametrize("name", SILENT)
def test_nothing_is_silently_taken(name: str) -> None:
    call, kind, argument = SILENT[name]
    with pytest.raises(kind, match=rf"\b{argument}\b"):
        call()


def test_labels_in_a_column_tell_the_denominator_without_an_axis() -> None:
    assert S(from_logits=True).denominator(T([[0], [1]])).value().item() == 2


@pytest.mark.parametrize(
    ("release", "row"),
    [
        ("tensorflow==1.12.0", "tf1.12"), ("tensorflow==1.15", "tf1.15"), ("tensorflow-cpu==2.2.3", "tf2.2"), ("tf==2.2", "tf2.2"),
        ("keras==2.2.4", "keras2.2.4"), ("keras == 2.3.1", "keras2.3.1"), ("tf-keras==2.21.0", "tf_keras2.21"), ("keras==3.15.1", "keras3.15"), ("torch==2.4", "torch"),
    ],
)  # fmt: skip
def test_a_requirement_finds_its_row(release: str, row: str) -> None:
    assert tw.semantics_for(release) is tw.SEMANTICS[row]
    assert tw.semantics_for(tw.semantics_for(release)) is tw.SEMANTICS[row]


def test_a_trap_is_warned_of_once() -> None:
    criterion = tw.SparseCategoricalCrossentropy(semantics="keras2.2.4", class_weight={0: 1.0, 1: 1.0})
    weight = T([1.0, 1.0])
    with pytest.warns(
        tw.KerasTrapWarning, match="class_weight is ignored by this release because sample_weight"
    ) as said:
        [criterion(ONES / 3, LABELS, weight) for _ in range(3)]
    assert len(said) == 1


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (
            lambda: M(semantics="keras3.15")(torch.ones(3, 3, 2), torch.ones(3, 3, 2), torch.ones(3)),
            "lands on the last axes",
        ),
        (lambda: M(semantics="tf1.12")(torch.ones(3, 3, 2, 2), torch.ones(3, 3, 2, 2)), "summed over the batch"),
        (lambda: S(semantics="keras3.15", class_weight={"0": 1.0}), "match no label"),
        (lambda: C(semantics="keras2.2.4", class_weight=[1.0, 2.0]), "silently ignored"),
    ],
)
def test_where_a_release_is_silently_wrong_its_row_is_not(call: Callable[[], Any], word: str) -> None:
    with pytest.warns(tw.KerasTrapWarning, match=word):
        call()


def test_a_warning_points_at_the_caller() -> None:
    with pytest.warns(tw.KerasTrapWarning) as said:
        M(semantics="keras3.15")(torch.ones(3, 3, 2), torch.ones(3, 3, 2), torch.ones(3))
    assert said[0].filename == __file__
