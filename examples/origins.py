"""The systems that torchweights carries over, each beside the release it comes from: ``python examples/origins.py [--markdown]``.

Every Keras number is read from a recording (``examples/recordings``, made by ``python -m parity_tests.origins.record``), every
other one is computed here, by the call that is printed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
from recordings.beside import Call, Row, show
from torch import Tensor

import torchweights as tw
from torchweights import metrics

CLASS_WEIGHT = {0: 1.0, 1: 5.0, 2: 0.5}
PIXEL_WEIGHT = {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0, 4: 1000.0}

ROWS: list[Row] = []


def origin(name: str, asked: str, *releases: str) -> Callable[[Call], Call]:
    """Register a call: ``a`` are the arrays that Keras was given, ``row`` is the release."""

    def register(call: Call) -> Call:
        ROWS.append((name, asked, releases, call))
        return call

    return register


def absolute(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """A loss function of one's own, in Keras's order."""
    return (y_true - y_pred).abs().mean(-1)


def mean_crossentropy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """A loss function that returns one number for the whole batch."""
    return tw.functional.categorical_crossentropy(y_pred, y_true).mean()


@origin("O1", "class_weight", "keras2.2.4", "tf1.12", "tf1.14", "tf1.15", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    return tw.CategoricalCrossentropy(class_weight=CLASS_WEIGHT, semantics=row)(a["p"], a["t"])


@origin("O1", "with sample_weight", "keras2.2.4", "tf1.12", "tf1.14", "tf1.15", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    criterion = tw.CategoricalCrossentropy(class_weight=CLASS_WEIGHT, semantics=row)
    return criterion(a["p"], a["t"], a["sample_weight"])


@origin("O1", "missing class", "keras2.2.4", "tf1.12", "tf1.15", "tf_keras2.21", "keras3.15")
def _(a, row):
    return tw.CategoricalCrossentropy(class_weight={0: 1.0, 1: 5.0}, semantics=row)(a["p"], a["t"])


@origin("O2", "no weights", "keras2.2.4", "tf1.12", "tf1.15", "keras3.15")
def _(a, row):
    return tw.CategoricalCrossentropy(semantics=row)(a["pixels_p"], a["pixels_t"])


@origin("O2", "list of weights", "keras2.2.4", "tf1.12", "tf1.15")
def _(a, row):
    return tw.CategoricalCrossentropy(class_weight=[1.0, 5.0, 0.5], semantics=row)(a["pixels_p"], a["pixels_t"])


@origin("O2", "dict", "keras2.2.4", "tf1.12", "tf1.15", "tf2.2", "tf_keras2.21")
def _(a, row):
    return tw.CategoricalCrossentropy(class_weight=CLASS_WEIGHT, semantics=row)(a["pixels_p"], a["pixels_t"])


@origin("O2", "scalar loss, no weights", "keras2.2.4", "tf1.12", "tf2.2", "keras3.15")
def _(a, row):
    return tw.from_function(mean_crossentropy, semantics=row)(a["p"], a["t"])


@origin("O2", "scalar loss, dict", "keras2.2.4", "tf1.12", "tf1.15", "tf2.1", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    return tw.from_function(mean_crossentropy, class_weight=CLASS_WEIGHT, semantics=row)(a["p"], a["t"])


@origin("O2", "scalar loss, sample_weight", "keras2.2.4", "keras2.3.1", "tf1.12", "tf1.15", "tf2.2", "keras3.15")
def _(a, row):
    return tw.from_function(mean_crossentropy, semantics=row)(a["p"], a["t"], a["sample_weight"])


@origin("O3", "", "tf1.12", "tf1.15", "tf_keras2.21")
def _(a, row):
    y_pred, y_true = tw.mask_pixels(a["logits"], a["some_t"])
    return tw.tf1.softmax_cross_entropy(y_pred, y_true)


@origin("O4", "", "keras2.2.4")
def _(a, row):
    criterion = tw.from_function(absolute, semantics=tw.semantics_for(row, door="loss"))
    return criterion(a["steps_p"], a["steps_t"], a["steps_w"], a["steps_mask"])


@origin("O5", "", "keras2.2.4", "tf1.12", "tf1.15", "tf2.2", "keras3.15")
def _(a, row):
    return tw.BinaryCrossentropy(semantics=row)(a["five"], a["five_t"])


WHOLE = ("keras2.2.4", "keras2.3.1", "tf1.12", "tf1.15", "tf2.1", "tf2.2", "tf_keras2.21", "keras3.15")


@origin("O6", "no loss_weights", *WHOLE)
def _(a, row):
    losses, penalty = ["mse", "categorical_crossentropy"], tw.l2([torch.eye(2)], 0.01)
    criterion = tw.CompiledLoss(losses, penalties=[penalty], semantics=row)
    return criterion([a["steps_p"], a["p"]], [a["steps_t"], a["t"]])


@origin("O6", "outputs", *WHOLE)
def _(a, row):
    criterion = tw.CompiledLoss(["mse", "categorical_crossentropy"], semantics=row)
    parts = criterion.detailed([a["steps_p"], a["p"]], [a["steps_t"], a["t"]])
    return torch.stack(list(parts.outputs.values()))


@origin("O7", "as written", "keras2.2.4")
def _(a, row):
    options = {"form": "as_written", "class_weight": PIXEL_WEIGHT, "class_weight_read": "keys", "semantics": row}
    return tw.BinaryCrossentropyDice(**options, reduction=None)(a["five"], a["five_t"])


@origin("O7", "as meant", "keras2.2.4")
def _(a, row):
    options = {"form": "as_written", "class_weight": PIXEL_WEIGHT, "semantics": row}
    return tw.BinaryCrossentropyDice(**options, reduction=None)(a["five"], a["five_t"])


@origin("O7", "usual", "keras2.2.4", "tf_keras2.21:loss", "keras3.15")
def _(a, row):
    criterion = tw.BinaryCrossentropyDice(class_weight=PIXEL_WEIGHT, semantics=row, reduction=None)
    return criterion(a["five"], a["five_t"])


@origin("O7", "as written, fit", "keras2.2.4", "tf1.12", "tf1.15", "keras3.15")
def _(a, row):
    options = {"form": "as_written", "class_weight": PIXEL_WEIGHT, "class_weight_read": "keys", "semantics": row}
    return tw.BinaryCrossentropyDice(**options)(a["five"], a["five_t"])


@origin("O7", "usual, fit", "keras2.2.4", "tf1.12", "tf1.15", "tf2.2", "keras3.15")
def _(a, row):
    return tw.BinaryCrossentropyDice(class_weight=PIXEL_WEIGHT, semantics=row)(a["five"], a["five_t"])


@origin("O8", "errors", "keras2.2.4")
def _(a, row):
    return tw.class_shares(a["five"].argmax(-1) != a["five_t"].argmax(-1), a["five_t"])[4]


@origin("O8", "weights as written", "keras2.2.4")
def _(a, row):
    weights = tw.class_weight_to_sample_weights(a["five_t"], [*PIXEL_WEIGHT])
    return tw.class_shares(weights, a["five_t"])[4]


@origin("O8", "weights as meant", "keras2.2.4")
def _(a, row):
    weights = tw.class_weight_to_sample_weights(a["five_t"], PIXEL_WEIGHT)
    return tw.class_shares(weights, a["five_t"])[4]


@origin("O8", "loss as written", "keras2.2.4")
def _(a, row):
    options = {"form": "as_written", "class_weight": PIXEL_WEIGHT, "class_weight_read": "keys", "semantics": row}
    values = tw.BinaryCrossentropyDice(**options, reduction=None)(a["five"], a["five_t"])
    return tw.class_shares(values, a["five_t"])[4]


@origin("O8", "loss as meant", "keras2.2.4")
def _(a, row):
    criterion = tw.BinaryCrossentropyDice(class_weight=PIXEL_WEIGHT, semantics=row, reduction=None)
    return tw.class_shares(criterion(a["five"], a["five_t"]), a["five_t"])[4]


@origin("O8", "loss without weights", "keras2.2.4")
def _(a, row):
    values = tw.BinaryCrossentropyDice(semantics=row, reduction=None)(a["five"], a["five_t"])
    return tw.class_shares(values, a["five_t"])[4]


@origin("O9", "", "tf1.14", "tf1.15", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    iou = metrics.MeanIoU(5)
    iou.update(a["five"], a["five_t"])
    return iou.compute()


@origin("O10", "", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    options = {"indexing": "pred_true", "reduction": None, "semantics": row}
    return tw.WeightedCategoricalCrossentropy(a["costs"], **options)(a["p"], a["labels"])


@origin("O10", "fit", "tf1.15", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    criterion = tw.WeightedCategoricalCrossentropy(a["costs"], indexing="pred_true", semantics=row)
    return criterion(a["p"], a["labels"])


@origin("O11", "by hand", "keras2.3.1", "tf1.14", "tf1.15", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    criterion = tw.WeightedCategoricalCrossentropy(a["costs"], indexing="true_pred", semantics=row)
    return criterion(a["p"], a["t"])


@origin("O11", "fit", "tf1.14", "tf1.15", "tf2.0", "tf2.1")
def _(a, row):
    return tw.CategoricalCrossentropy(semantics=row)(a["p"], a["t"])  # the matrix does nothing there


@origin("O12", "", "tf1.14", "tf1.15", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    accuracy = metrics.WeightedCategoricalAccuracy(a["costs"], indexing="true_pred")
    accuracy.update(a["p"], a["t"])
    return accuracy.compute()


@origin("O13", "", "tf1.14", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    costs = tw.business_costs({(1, 2): 1.2}, 3, correct=1.0)
    options = {"indexing": "true_pred", "reduction": None, "semantics": row}
    return tw.WeightedCategoricalCrossentropy(costs, **options)(a["request_p"], a["request_t"])


@origin("O14", "fit", "keras2.2.4", "tf1.15", "tf2.2", "keras3.15")
def _(a, row):
    criterion = tw.BinaryFocalCrossentropy(apply_class_balancing=True, from_logits=False, axis=())
    return criterion(a["binary_p"], a["binary_t"], denominator=len(a["binary_t"]))


@origin("O15", "", "keras2.2.4", "tf_keras2.21", "keras3.15")
def _(a, row):
    criterion = tw.CategoricalFocalCrossentropy(alpha=[0.25, 0.75, 1.0], from_logits=False, reduction=None)
    return criterion(a["p"], a["t"])


@origin("O15", "one alpha", "keras2.2.4", "tf_keras2.21", "keras3.15")
def _(a, row):
    return tw.CategoricalFocalCrossentropy(alpha=0.25, from_logits=False, reduction=None)(a["p"], a["t"])


@origin("O16", "", "keras2.2.4", "tf1.12", "tf_keras2.21", "keras3.15")
def _(a, row):
    return tw.CategoricalCrossentropy(label_smoothing=0.1, semantics=row, reduction=None)(a["p"], a["t"])


@origin("O16", "fit", "keras2.2.4", "tf1.12", "tf1.15", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    criterion = tw.CategoricalCrossentropy(label_smoothing=0.1, semantics=row)
    return criterion(a["p"], a["t"], a["sample_weight"])


@origin("O17", "", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    criterion = tw.WeightedRootMeanSquaredError(a["w100"], over="batch_scaled", root="of_sum")
    return criterion(a["p100"], a["t100"])


@origin("O17", "fit", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    criterion = tw.WeightedRootMeanSquaredError(a["w100"], over="batch_scaled", root="of_sum")
    return criterion(a["p100"], a["t100"])


@origin("O18", "", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    criterion = tw.WeightedRootMeanSquaredError(over="batch", root="of_sum")
    return criterion(a["p100"], a["t100"], feature_weight=a["w_full"])


@origin("O19", "", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    return tw.WeightedRootMeanSquaredError(a["w100"], root="of_sum", reduction=None)(a["p100"], a["t100"])


@origin("O20", "", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    return tw.WeightedMeanSquaredError(a["small_w"], over="batch")(a["small_p"], a["small_t"])


@origin("O20", "root", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    criterion = tw.WeightedRootMeanSquaredError(a["small_w"], over="batch", root="of_sum")
    return criterion(a["small_p"], a["small_t"])


@origin("O21", "", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    criterion = tw.WeightedMeanSquaredError(over="batch")
    return criterion(a["p100"], a["t100"], feature_weight=a["w_full"])


@origin("O22", "", "keras2.2.4", "tf1.12", "tf1.15", "tf2.2", "tf_keras2.21", "keras3.15")
def _(a, row):
    return tw.MeanSquaredError(semantics=row)(a["steps_p"], a["steps_t"], a["steps_w"])


@origin("O23", "list", *WHOLE)
def _(a, row):
    losses, penalty = ["mse", "categorical_crossentropy"], tw.l2([torch.eye(2)], 0.01)
    criterion = tw.CompiledLoss(losses, [1.0, 0.2], penalties=[penalty], semantics=row)
    return criterion([a["steps_p"], a["p"]], [a["steps_t"], a["t"]])


@origin("O23", "dict", *WHOLE)
def _(a, row):
    losses, penalty = {"one": "mse", "two": "categorical_crossentropy"}, tw.l2([torch.eye(2)], 0.01)
    criterion = tw.CompiledLoss(losses, {"one": 1.0, "two": 0.2}, penalties=[penalty], semantics=row)
    return criterion({"one": a["steps_p"], "two": a["p"]}, {"one": a["steps_t"], "two": a["t"]})


#: what each origin is, in a line
TITLES = {
    "O1": "class weights given to fit", "O2": "class weights of a segmentation, and losses that are one number",
    "O3": "pixels without ground truth", "O4": "weighted_masked_objective", "O5": "five sigmoid classes of a segmentation",
    "O6": "the total loss of a model", "O7": "BCE-dice with a weight per class, as written, as meant, and as usual",
    "O8": "which share the fifth class has", "O9": "mean IoU", "O10": "a cost matrix by gather",
    "O11": "a cost matrix as a loss class", "O12": "a cost matrix as a metric", "O13": "one mistake that costs more",
    "O14": "binary focal loss", "O15": "focal loss with alpha per class", "O16": "cross-entropy against over-confidence",
    "O17": "weighted root-mean-square over the batch", "O18": "the same with weights per sample",
    "O19": "the same per sample", "O20": "weighted mean squared error", "O21": "the same with weights per call",
    "O22": "weights per time step", "O23": "loss_weights",
}  # fmt: skip


if __name__ == "__main__":
    show(ROWS, TITLES, markdown="--markdown" in sys.argv[1:])
