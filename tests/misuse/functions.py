"""Functions beside the criteria: the reducer, pixels, class weights out of labels, cost matrices, formulas, names, metrics."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import torch

import torchweights as tw
from tests.misuse.case import EYE, IMAGE, LABELS, ONES, PIXELS, THIRDS, ZEROS, call, misuses

F, M, T = tw.functional, tw.MeanSquaredError, torch.tensor
weights_of, counts_of = tw.class_weight_to_sample_weights, tw.ClassCounts.of
TARGETS = {"y": LABELS}
METRICS = importlib.util.find_spec("torchmetrics") is not None


def metric(name: str, *given: Any, **options: Any) -> Any:
    """A metric, which needs the extra."""
    from torchweights import metrics

    return getattr(metrics, name)(*given, **options)


CASES = misuses({
    # ------------------------------------------------------------------------------------------ the reducer
    "a list of values": (call(tw.reduce_weighted_values, [1.0, 2.0]), TypeError, "values", "torch.as_tensor(values)"),
    "complex values": (call(tw.reduce_weighted_values, ONES.to(torch.complex64)), TypeError, "values", "Pass unreduced losses", "torch.complex64"),
    # ------------------------------------------------------------------------------------------ names and releases
    "an unknown door": (call(tw.semantics_for, "tf1.12", door="los"), ValueError, "door", "'loss'?", "door expected one of model, loss", "received 'los'"),
    "an unknown package": (call(tw.semantics_for, "kera==2.2.4"), ValueError, "semantics", "Did you mean 'keras'?", "package", "keras, tensorflow", "received 'kera'"),
    "a release without its version": (call(tw.semantics_for, "keras=="), ValueError, "semantics", "Write 'keras==2.2.4'"),
    "a Keras that is TensorFlow's": (call(tw.semantics_for, "keras==2.4.3"), ValueError, "keras", "Write 'tensorflow==<its version>'"),
    "two Kerases": (call(tw.semantics_for, "tensorflow==2.17.0"), ValueError, "tensorflow", "write 'keras==", "two Kerases", "received 'tensorflow==2.17.0'", "write 'tf_keras=="),
    "a name that the release does not know": (call(tw.get, "log_cosh", semantics="keras2.2.4"), ValueError, "name", "In 'keras2.2.4' it is 'logcosh'"),
    "a name of three losses": (call(tw.get, "ce"), ValueError, "name", "Write 'binary_crossentropy', 'categorical_crossentropy' or"),
    "no name": (call(tw.get, None), TypeError, "name", "Leave out an output that has no loss"),
    "a class in the place of a name": (call(tw.get, M), TypeError, "name", "Build it: tw.MeanSquaredError(..)"),
    "a function in the place of a name": (call(tw.get, torch.sub), TypeError, "name", "tw.reduce_weighted_values"),
    "a formula in the place of a name": (call(tw.get, F.mean_squared_error), TypeError, "name", "Write tw.get('mean_squared_error', ..)"),
    "a dict that is no serialised loss": (call(tw.get, {"x": 1}), TypeError, "name", "{'class_name': .., 'config': {..}}", "received a dict of 'x'"),
    "a function of one's own in a serialised loss": (call(tw.get, {"class_name": "MeanSquaredError", "config": {"fn": "custom"}}), ValueError, "config['fn']", "tw.reduce_weighted_values"),
    "options for a finished criterion": (call(tw.get, M(), reduction="sum"), ValueError, "name", "Give them where it is built"),
    # ------------------------------------------------------------------------------------------ class weights of samples
    "text as number of classes": (call(weights_of, LABELS, {0: 1.0}, num_classes="3"), TypeError, "num_classes", "Write int(num_classes)"),
    "an axis that targets have not": (call(weights_of, EYE, [1.0, 2.0, 3.0], axis=5), ValueError, "axis", "from -2 to 1 for y_true of rank 2"),
    # ------------------------------------------------------------------------------------------ pixels
    "pixels of other classes": (call(tw.mask_pixels, IMAGE, IMAGE[:, :2], axis=1), ValueError, "y_true", "give targets to match", "one-hot targets beside y_pred"),
    "labels of other pixels": (call(tw.blank_pixels, IMAGE, PIXELS[:, :3], axis=1), ValueError, "y_true", "give targets to match", "labels beside y_pred"),
    "one score": (call(tw.mask_pixels, T(1.0), T(0)), ValueError, "y_pred", "Give it the shape (.., C)"),
    "text as void": (call(tw.labelled_pixels, LABELS, "void"), TypeError, "void", "Write int(void)", "received str 'void'"),
    "a void class outside": (call(tw.labelled_pixels, EYE, 7), ValueError, "void", "Leave it out if such pixels have no class set", "received 7"),
    "text as background": (call(tw.positive_count, LABELS, background="sky"), TypeError, "background", "Write int(background)"),
    "a background of labels in columns": (call(tw.positive_count, EYE, background=1), ValueError, "background", "Give integer labels"),
    "a mask of other places": (call(tw.positive_count, LABELS, mask=torch.ones(3)), ValueError, "mask", "one for each place", "received (3,)"),
    # ------------------------------------------------------------------------------------------ class weights out of labels
    "a class that does not occur": (call(tw.balanced, T([0, 0, 2])), ValueError, "counts", "with absent=", "received none of [1]"),
    "an array to count": (call(tw.balanced, np.array([0, 1])), TypeError, "counts", "torch.as_tensor(counts)", "received ndarray"),
    "nothing to count": (call(tw.median_frequency, LABELS[:0]), ValueError, "counts", "tw.count_classes", "received shape (0,)"),
    "a number of classes beside counts": (call(tw.balanced, counts_of(LABELS, 2), num_classes=4), ValueError, "num_classes", "Give it to ClassCounts.of"),
    "text for absent classes": (call(tw.balanced, T([0, 2]), absent="1"), TypeError, "absent", "Write float(absent)"),
    "a weight below 0 for absent classes": (call(tw.balanced, T([0, 2]), absent=-1.0), ValueError, "absent", "a number, 0 or more"),
    "beta of 1": (call(tw.effective_number, LABELS, beta=1.0), ValueError, "beta", "from 0 to below 1"),
    "a list to cap": (call(tw.capped, [1.0, 2.0], largest=1.0), TypeError, "weights", "Write dict(enumerate(weights))"),
    "text to cap": (call(tw.capped, {0: "x"}, largest=1.0), TypeError, "weights", "Write float(weights)"),
    "the least above the largest": (call(tw.capped, {0: 1.0}, largest=1.0, smallest=2.0), ValueError, "smallest", "from 0 to largest=1.0"),
    "text as the largest": (call(tw.capped, {0: 1.0}, largest="x"), TypeError, "largest", "Write float(largest)"),
    "a column without positives": (call(tw.positive_weight, T([[0, 1]])), ValueError, "y_true", "column weighs with absent=", "received none in [0]"),
    "labels without columns": (call(tw.positive_weight, T([0, 1, 1])), ValueError, "y_true", "Write y_true.unsqueeze(-1) for one column"),
    "a list of numbers as batches": (call(tw.positive_weight, [0, 1]), TypeError, "y_true", "a list of them", "received list [0, 1]"),
    "a mask of other labels": (call(tw.positive_weight, EYE, mask=torch.ones(3)), ValueError, "mask", "Write mask.expand_as(y_true)"),
    "a label that is counted nowhere": (call(counts_of, T([0, 9]), 3), ValueError, "y_true", "Pass void=9 if it means 'no label'"),
    "one-hot targets of other classes": (call(counts_of, EYE, 4), ValueError, "y_true", "4 classes on axis -1", "received shape (2, 3)"),
    "counts of other classes": (call(lambda one, other: one + other, counts_of(LABELS, 2), counts_of(LABELS, 3)), ValueError, "num_classes", "Count both with the same num_classes", "received 2 and 3"),
    "a loader without batches": (call(tw.count_classes, [], 2, progress=False), ValueError, "loader", "pass what makes it"),
    "a number as loader": (call(tw.count_classes, 3, 2, progress=False), TypeError, "loader", "torch.utils.data.DataLoader(dataset, 64)"),
    "batches without targets": (call(tw.count_classes, [(1, 2)], 2, progress=False), TypeError, "loader", "Say where it is with target="),
    "targets under another key": (call(tw.count_classes, [TARGETS], 2, target="z", progress=False), ValueError, "target", "Write one of these", "received 'z'", "['y']"),
    "values of other targets": (call(tw.class_shares, ONES, LABELS), ValueError, "values", "reduction=None", "received (2, 3)"),
    "shares of nothing": (call(tw.class_shares, ONES[:0, 0], LABELS[:0]), ValueError, "y_true", "leave it out", "received shape (0,)"),
    # ------------------------------------------------------------------------------------------ cost matrices
    "one class in order": (call(tw.ordinal_costs, 1), ValueError, "num_classes", "2 or more", "received 1"),
    "a power of 0": (call(tw.ordinal_costs, 3, power=0), ValueError, "power", "a number above 0"),
    "text for right predictions": (call(tw.ordinal_costs, 3, correct="1"), TypeError, "correct", "Write float(correct)"),
    "a pair that is no two classes": (call(tw.business_costs, {(0, 5): 1.0}, 2), ValueError, "costs", "Write {(0, 1): 5.0}", "received (0, 5)"),
    "a list of costs": (call(tw.business_costs, [[0, 1, 2.0]], 2), TypeError, "costs", "A whole matrix needs no business_costs"),
    "a cost that is not finite": (call(tw.business_costs, {(0, 1): float("nan")}, 2), ValueError, "costs", "a finite number for each pair"),
    "text for other mistakes": (call(tw.business_costs, {}, 2, default="x"), TypeError, "default", "Write float(default)"),
    "costs of one class": (call(tw.costs_from_class_weight, [1.0]), ValueError, "class_weight", "One class has no mistakes to cost"),
    # ------------------------------------------------------------------------------------------ formulas
    "a list in a formula": (call(F.mean_squared_error, [1.0], [1.0]), TypeError, "y_pred", "in a formula", "torch.as_tensor(y_pred)"),
    "what broadcasts in a formula": (call(F.mean_squared_error, torch.ones(3, 3), torch.ones(3)), ValueError, "y_true", "Reshape one of them; labels go to sparse formulas", "received (3,)"),
    "one-hot targets in a sparse formula": (call(F.sparse_categorical_crossentropy, THIRDS, EYE), ValueError, "y_true", "One-hot targets go to categorical formulas"),
    "an unknown form of a formula": (call(F.sparse_categorical_crossentropy, THIRDS, LABELS, form="clip"), ValueError, "form", "clip first, normalise first"),
    "an unknown rest": (call(F.binary_focal_crossentropy, THIRDS, EYE, rest="p"), ValueError, "rest", "one of direct, 1 - p_t"),
    "an unknown error": (call(F.weighted_error, ONES, ONES, error="cubed"), ValueError, "error", "one of squared, absolute"),
    "weights of pixels of another image": (call(F.class_overlap, ONES, ONES, axis=1, weight=torch.ones(5)), ValueError, "weight", "Write weight.expand(..) for one per image"),
    "costs of other classes": (call(F.cost_weight, ONES, LABELS, torch.ones(2, 2), indexing="true_pred"), ValueError, "cost_matrix", "Say where the classes are with axis=", "received (2, 2)"),
    "a list of costs in a formula": (call(F.expected_cost, ONES, LABELS, [[1.0]], indexing="true_pred"), TypeError, "cost_matrix", "torch.as_tensor(cost_matrix)"),
    "no steps in a formula": (call(F.ctc, ONES, LABELS), ValueError, "y_pred", "Keep the batch first"),
    "embeddings of images in a formula": (call(F.circle, IMAGE, LABELS), ValueError, "y_pred", "give one label for each"),
    # ------------------------------------------------------------------------------------------ tf.losses
    "an unknown loss of tf.losses": (call(tw.tf1.Criterion, "mse"), ValueError, "loss", "mean_squared_error", "received 'mse'"),
    "an option that tf.losses has not": (call(tw.tf1.Criterion, "huber_loss", colour=1), ValueError, "huber_loss", "one of delta", "received 'colour'"),
    "a cosine without its axis": (call(tw.tf1.Criterion, "cosine_distance"), TypeError, "axis", "Criterion('cosine_distance', axis=1)"),
    "a reduction of what sums": (call(tw.tf1.Criterion, "mean_pairwise_squared_error", reduction="sum"), ValueError, "reduction", "left out for mean_pairwise_squared_error"),
    "a number as row of tf.losses": (call(tw.tf1.Criterion, "huber_loss", semantics=1), TypeError, "semantics", "Write semantics='tf.losses1.15'"),
    "a release without tf.losses": (call(tw.tf1.Criterion, "huber_loss", semantics="tensorflow==1.4"), ValueError, "semantics", "Name the one whose numbers yours has"),
    "predictions of other labels": (call(tw.tf1.absolute_difference, ONES, torch.ones(3, 3)), ValueError, "labels", "tf.losses broadcasts neither"),
    "labels in the place of predictions": (call(tw.tf1.absolute_difference, LABELS, LABELS), TypeError, "predictions", "TensorFlow's order needs keywords"),
    "one-hot labels for integers": (call(tw.tf1.sparse_softmax_cross_entropy, ZEROS, EYE), TypeError, "labels", "One-hot labels go to softmax_cross_entropy"),
    "labels of other logits": (call(tw.tf1.sparse_softmax_cross_entropy, ZEROS, T([0, 1, 2])), ValueError, "labels", "the shape of the logits without their classes"),
    "a label of no logit": (call(tw.tf1.sparse_softmax_cross_entropy, ZEROS, T([0, 7])), ValueError, "labels", "Give it weight 0 if it means 'no label'"),
    "smoothing below 0": (call(tw.tf1.sigmoid_cross_entropy, ZEROS, ZEROS, label_smoothing=-0.1), ValueError, "label_smoothing", "tf.losses ignores what is below 0: leave it out"),
    "one logit": (call(tw.tf1.softmax_cross_entropy, T(1.0), T(1.0)), ValueError, "logits", "Write logits.reshape(1, -1)"),
    "a cosine over an axis outside": (call(tw.tf1.cosine_distance, ONES, ONES, axis=5), ValueError, "axis", "one of the 2 axes of (2, 3)"),
})  # fmt: skip

AGAIN = misuses({
    "text as axis of pixels": (call(tw.blank_pixels, ZEROS, EYE, axis="c"), TypeError, "axis", "an int, the axis of the classes"),
    "a list of labels": (call(weights_of, [0, 1], {0: 1.0, 1: 2.0}), TypeError, "y_true", "torch.as_tensor(y_true)"),
    "an axis that predictions have not": (call(tw.mask_pixels, ZEROS, EYE, axis=4), ValueError, "axis", "from -2 to 1 for y_pred of rank 2"),
    "no classes": (call(counts_of, LABELS, 0), ValueError, "num_classes", "a whole number, 1 or more"),
    "an unknown reduction of values": (call(tw.reduce_weighted_values, ONES, reduction="meen"), ValueError, "reduction", "Did you mean 'mean'?", "reduction expected one of"),
    "two Kerases in 2.16": (call(tw.semantics_for, "tensorflow-cpu==2.16"), ValueError, "tensorflow", "TF_USE_LEGACY_KERAS", "two Kerases"),
    "no class weights": (call(weights_of, LABELS, None), TypeError, "class_weight", "Write class_weight={0: 1.0"),
    "a list of predictions by pixel": (call(tw.mask_pixels, [[1.0]], EYE), TypeError, "y_pred", "torch.as_tensor(y_pred)"),
    "a list of labels by pixel": (call(tw.labelled_pixels, [0, 1]), TypeError, "y_true", "torch.as_tensor(y_true)"),
    "a list to count": (call(tw.effective_number, [0, 1]), TypeError, "counts", "torch.as_tensor(counts)"),
    "labels of another shape in a formula": (call(F.categorical_crossentropy, THIRDS, torch.ones(2, 4)), ValueError, "y_true", "in a formula"),
    "an option of a name": (call(tw.get, "mse", colour=1), TypeError, "colour", "It takes axis"),
    "no row": (call(M().in_row, None), TypeError, "semantics", "Write semantics='keras3.15'"),
})  # fmt: skip

CASES += misuses({
    "a negative delta in tf.losses": (call(tw.tf1.huber_loss, ONES, ONES, delta=-1.0), ValueError, "delta", "a number, 0 or more"),
    "text as threshold": (call(metric, "BinaryAccuracy", threshold="x"), TypeError, "threshold", "Write float(threshold)"),
    "targets of other predictions": (call(metric("CategoricalAccuracy").update, ONES, torch.ones(3, 3)), ValueError, "y_true", "Say where the classes are with axis=", "or labels of shape (2,)"),
    "labels of other predictions": (call(metric("IoU", 2).update, T([0, 1]), T([0, 1, 1])), ValueError, "y_true", "Say where classes are with axis=", "received (3,)"),
    "a predicted label that is no class": (call(metric("IoU", 2).update, T([0, 7]), T([0, 1])), ValueError, "y_pred", "Pass ignore_class=7 if it means 'no label'"),
    "an unknown word for weights": (call(metric, "IoU", 2, weights="none"), ValueError, "weights", "one of exact, whole"),
    "an unknown word for sample weights": (call(metric, "WeightedCategoricalAccuracy", torch.ones(3, 3), indexing="true_pred", sample_weight="ignore"), ValueError, "sample_weight", "one of multiply, drop"),
} if METRICS else {})  # fmt: skip
