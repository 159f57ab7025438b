"""Predictions and targets: what they are, and shapes that do not meet."""

from __future__ import annotations

import numpy as np
import torch

import torchweights as tw
from tests.misuse.case import EYE, IMAGE, LABELS, ONES, PIXELS, THIRDS, ZEROS, call, misuses

B, C, M, S = tw.BinaryCrossentropy, tw.CategoricalCrossentropy, tw.MeanSquaredError, tw.SparseCategoricalCrossentropy
ORDER = "The order is criterion(y_pred, y_true)"
COSTS = {"cost_matrix": [[0.0, 1.0], [1.0, 0.0]], "indexing": "true_pred", "from_logits": True}

CASES = misuses({
    # ------------------------------------------------------------------------------------------ kinds
    "integers in the place of predictions": (call(S(from_logits=True), LABELS, ZEROS), TypeError, "y_pred", ORDER, "y_pred expected floating point", "torch.int64 of shape (2,)"),
    "complex targets": (call(M(), ONES, ONES.to(torch.complex64)), TypeError, "y_true", "y_true expected real targets", "torch.complex64"),
    "targets that require grad": (call(M(), ZEROS, ZEROS.clone().requires_grad_()), TypeError, "y_true", ORDER, "y_true requires grad and y_pred does not", "swapped", "criterion(y_true=.., y_pred=..)"),
    "an array of predictions": (call(M(), np.zeros((2, 3)), ONES), TypeError, "y_pred", "torch.as_tensor(y_pred)", "y_pred expected a torch.Tensor", "received ndarray"),
    "a list of targets": (call(M(), ONES, [1, 2]), TypeError, "y_true", "torch.as_tensor(y_true)", "y_true expected a torch.Tensor", "received list"),
    "a model's outputs in a dict": (call(M(), {"logits": ONES}, ONES), TypeError, "y_pred", "Pass the tensor in it; tw.CompiledLoss takes several outputs"),
    "targets of several outputs": (call(M(), ONES, (ONES, LABELS)), TypeError, "y_true", "Pass the tensor in it"),
    "what a model without return gives": (call(M(), None, ONES), TypeError, "y_pred", "None is what a function without return gives"),
    "no targets": (call(M(), ONES, None), TypeError, "y_true", "Pass y_true"),
    "sparse predictions": (call(M(), ONES.to_sparse(), ONES), TypeError, "y_pred", "Write y_pred.to_dense()", "received torch.sparse_coo"),
    "nested targets": (call(M(), ONES, torch.nested.nested_tensor([ONES[0], ONES[0, :2]], layout=torch.jagged)), TypeError, "y_true", "pad what is nested and give mask="),
    "targets on another device": (call(M(), ONES, ONES.to("meta")), ValueError, "y_true", "Write y_true.to(y_pred.device)", "received one on meta"),
    "predictions of rank 0": (call(S(from_logits=True), torch.tensor(0.0), torch.tensor(0)), ValueError, "y_pred", "at least one axis", "Write y_pred.reshape(1)"),
    # ------------------------------------------------------------------------------------------ shapes
    "targets of another shape": (call(M(), ONES, ONES.T), ValueError, "y_true", "nothing is broadcast", "y_true expected the shape of y_pred, (2, 3)", "received (3, 2)"),
    "one-hot targets of another batch": (call(C(from_logits=True), ZEROS, torch.eye(3)), ValueError, "y_true", "y_true expected the shape of y_pred, (2, 3)", "received (3, 3)"),
    "labels that have the classes": (call(S(from_logits=True, axis=1), IMAGE, torch.zeros(2, 3, dtype=torch.int64)), ValueError, "y_true", "axis=", "y_true expected labels of shape (2, 4, 4)", "(2, 3, 4, 4)", "received (2, 3)"),
    "one class alone": (call(S(from_logits=True), torch.zeros(3), torch.tensor([0, 0, 0])), ValueError, "y_pred", "use BinaryCrossentropy"),
    "classes that a cost matrix has not": (call(tw.ExpectedCost(**COSTS), ZEROS, LABELS), ValueError, "y_pred", "Say where the classes are with axis=", "received 3 in shape (2, 3)", "one for each row of cost_matrix"),
    "labels of images in another order": (call(tw.ClassDice(activation="softmax", axis=1), IMAGE, PIXELS[:, :3]), ValueError, "y_true", "Say where the classes are with axis=", "labels beside y_pred"),
    "one-hot targets with the classes last": (call(tw.ClassDice(activation="softmax", axis=1), IMAGE, IMAGE.movedim(1, -1)), ValueError, "y_true", "Say where the classes are with axis=", "one-hot or soft targets beside y_pred"),
    "one image without its batch": (call(tw.ClassDice(activation="softmax"), torch.zeros(3), LABELS), ValueError, "y_pred", "Write y_pred.unsqueeze(0) for one sample"),
    "time before the batch": (call(tw.CTC(), ZEROS, LABELS), ValueError, "y_pred", "y_pred.transpose(0, 1)", "y_true of shape (N, L)"),
    "embeddings of images": (call(tw.Circle(), IMAGE, LABELS), ValueError, "y_pred", "Flatten the embeddings", "labels of shape (N,) or (N, 1)"),
    "weights of other features": (call(tw.WeightedMeanSquaredError([1.0, 2.0]), ONES, ONES), ValueError, "feature_weight", "one for each feature", "received (2,)"),
    "features without samples": (call(tw.WeightedMeanSquaredError([1.0, 2.0, 3.0]), ONES[0], ONES[0]), ValueError, "y_pred", "features beside samples"),
    "weights of features twice": (call(tw.WeightedMeanSquaredError([1.0, 2.0, 3.0]), ONES, ONES, feature_weight=ONES[0]), ValueError, "feature_weight", "Leave one out"),
    "weights of features in a list": (call(tw.WeightedMeanSquaredError(), ONES, ONES, feature_weight=[1.0, 1.0, 1.0]), TypeError, "feature_weight", "torch.as_tensor(feature_weight)"),
    "alpha for other classes": (call(tw.CategoricalFocalCrossentropy(from_logits=True, alpha=[0.1, 0.2]), ZEROS, EYE), ValueError, "alpha", "one for each of the 3 classes", "received shape (2,)"),
    "gamma for other classes": (call(tw.BinaryFocalCrossentropy(from_logits=True, gamma=[1.0, 2.0]), ZEROS, EYE), ValueError, "gamma", "one for each of the 3 classes", "received shape (2,)"),
    "a function that returns nothing": (call(tw.from_function(lambda y_true, y_pred: None), ONES, ONES), TypeError, "fn", "Compute with torch", "returned NoneType"),
    # ------------------------------------------------------------------------------------------ axes
    "axis forgotten": (call(S(from_logits=True), torch.zeros(2, 3, 2), torch.zeros(2, 2, dtype=torch.int64)), ValueError, "axis", "axis=-1", "axis expected for y_pred of rank 3, received nothing", "axis=1 if the classes are on the second"),
    "axis of the labels forgotten": (call(B(from_logits=True), torch.zeros(2, 3, 2), torch.zeros(2, 3, 2)), ValueError, "axis", "axis=-1", "axis expected for y_pred of rank 3", "the labels"),
    "axis outside": (call(S(from_logits=True, axis=4), ZEROS, LABELS), ValueError, "axis", "axis expected from -2 to 1", "rank 2", "received 4"),
})  # fmt: skip

AGAIN = misuses({
    "bool predictions": (call(M(), ONES > 0, ONES), TypeError, "y_pred", ORDER, "y_pred expected floating point", "torch.bool"),
    "complex predictions": (call(M(), ONES.to(torch.complex64), ONES), TypeError, "y_pred", "floating point", "y_pred expected floating point", "torch.complex64"),
    "targets that would broadcast": (call(M(), torch.ones(3, 3), torch.ones(3)), ValueError, "y_true", "Reshape", "y_true expected the shape of y_pred, (3, 3)", "received (3,)"),
    "the batch as axis of the classes": (call(tw.ClassDice(activation="softmax", axis=0), ZEROS, LABELS), ValueError, "axis", "from 1 to 1"),
    "an axis of dice outside": (call(tw.Dice(axis=3), THIRDS, EYE), ValueError, "axis", "from -2 to 1"),
    "embeddings with other labels": (call(tw.Circle(), ZEROS, torch.tensor([0, 1, 2])), ValueError, "y_pred", "labels of shape (N,)"),
})  # fmt: skip
