"""Predictions and targets: what they are, and shapes that do not meet."""

from __future__ import annotations

import numpy as np
import torch

import torchweights as tw
from tests.misuse.case import LABELS, ONES, ZEROS, call, misuses

B, C, M, S = tw.BinaryCrossentropy, tw.CategoricalCrossentropy, tw.MeanSquaredError, tw.SparseCategoricalCrossentropy
ORDER = "The order is criterion(y_pred, y_true)"

CASES = misuses({
    # ------------------------------------------------------------------------------------------ kinds
    "integers in the place of predictions": (call(S(from_logits=True), LABELS, ZEROS), TypeError, "y_pred", ORDER, "y_pred expected floating point", "torch.int64 of shape (2,)"),
    "complex targets": (call(M(), ONES, ONES.to(torch.complex64)), TypeError, "y_true", "y_true expected real targets", "torch.complex64"),
    "targets that require grad": (call(M(), ZEROS, ZEROS.clone().requires_grad_()), TypeError, "y_true", ORDER, "y_true requires grad and y_pred does not", "swapped", "criterion(y_true=.., y_pred=..)"),
    "an array of predictions": (call(M(), np.zeros((2, 3)), ONES), TypeError, "y_pred", "torch.as_tensor(y_pred)", "y_pred expected a torch.Tensor", "received ndarray"),
    "a list of targets": (call(M(), ONES, [1, 2]), TypeError, "y_true", "torch.as_tensor(y_true)", "y_true expected a torch.Tensor", "received list"),
    "predictions of rank 0": (call(S(from_logits=True), torch.tensor(0.0), torch.tensor(0)), ValueError, "y_pred", "at least one axis"),
    # ------------------------------------------------------------------------------------------ shapes
    "targets of another shape": (call(M(), ONES, ONES.T), ValueError, "y_true", "nothing is broadcast", "y_true expected the shape of y_pred, (2, 3)", "received (3, 2)"),
    "one-hot targets of another batch": (call(C(from_logits=True), ZEROS, torch.eye(3)), ValueError, "y_true", "y_true expected the shape of y_pred, (2, 3)", "received (3, 3)"),
    "labels that have the classes": (call(S(from_logits=True, axis=1), torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, dtype=torch.int64)), ValueError, "y_true", "axis=", "y_true expected labels of shape (2, 4, 4)", "(2, 3, 4, 4)", "received (2, 3)"),
    "one class alone": (call(S(from_logits=True), torch.zeros(3), torch.tensor([0, 0, 0])), ValueError, "y_pred", "use BinaryCrossentropy"),
    # ------------------------------------------------------------------------------------------ axes
    "axis forgotten": (call(S(from_logits=True), torch.zeros(2, 3, 2), torch.zeros(2, 2, dtype=torch.int64)), ValueError, "axis", "axis=-1", "axis expected for y_pred of rank 3, received nothing", "axis=1 if the classes are on the second"),
    "axis of the labels forgotten": (call(B(from_logits=True), torch.zeros(2, 3, 2), torch.zeros(2, 3, 2)), ValueError, "axis", "axis=-1", "axis expected for y_pred of rank 3", "the labels"),
    "axis outside": (call(S(from_logits=True, axis=4), ZEROS, LABELS), ValueError, "axis", "axis expected from -2 to 1", "rank 2", "received 4"),
})  # fmt: skip

AGAIN = misuses({
    "bool predictions": (call(M(), ONES > 0, ONES), TypeError, "y_pred", ORDER, "y_pred expected floating point", "torch.bool"),
    "complex predictions": (call(M(), ONES.to(torch.complex64), ONES), TypeError, "y_pred", "floating point", "y_pred expected floating point", "torch.complex64"),
    "targets that would broadcast": (call(M(), torch.ones(3, 3), torch.ones(3)), ValueError, "y_true", "Reshape", "y_true expected the shape of y_pred, (3, 3)", "received (3,)"),
})  # fmt: skip
