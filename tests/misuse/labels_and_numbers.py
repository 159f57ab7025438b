"""Labels that are no classes, and numbers that are no probabilities."""

from __future__ import annotations

import torch

import torchweights as tw
from tests.misuse.case import EYE, LABELS, ONES, THIRDS, ZEROS, call, misuses

B, C, M, S = tw.BinaryCrossentropy, tw.CategoricalCrossentropy, tw.MeanSquaredError, tw.SparseCategoricalCrossentropy
T = torch.tensor

CASES = misuses({
    "a label too large": (call(S(from_logits=True), ZEROS, T([1, 7])), ValueError, "y_true", "ignore_class=7", "y_true expected labels from 0 to 2", "the 3 classes of y_pred", "received 7 at (1,)"),
    "logits as probabilities": (call(C(from_logits=False), T([[0.5, 0.5, 0.0], [0.1, -2.5, 3.0]]), EYE), ValueError, "y_pred", "from_logits=True", "y_pred expected probabilities in [0, 1]", "received -2.5 at (1, 1) (and 1 more)"),
    "binary logits as probabilities": (call(B(from_logits=False), T([[3.0]]), T([[1.0]])), ValueError, "y_pred", "after sigmoid", "y_pred expected probabilities in [0, 1]", "received 3 at (0, 0)"),
    "binary labels -1": (call(B(from_logits=True), T([[3.0]]), T([[-1.0]])), ValueError, "y_true", "labels 0 and 1", "y_true expected probabilities in [0, 1]", "received -1 at (0, 0)"),
    "one-hot targets for labels": (call(S(from_logits=True), ZEROS, EYE), TypeError, "y_true", "Use CategoricalCrossentropy", "y_true expected integer labels", "torch.float32 of shape (2, 3)", "y_true.long()"),
    "labels for one-hot targets": (call(C(from_logits=True), ZEROS, LABELS), TypeError, "y_true", "Use SparseCategoricalCrossentropy", "y_true expected one-hot or soft targets", "torch.int64", "(2,)", "y_true.float()"),
    "one-hot targets of -1 and 1": (call(C(from_logits=True), ZEROS, 2 * EYE - 1), ValueError, "y_true", "one-hot rows of 0 and 1"),
    "a row of zeros as probabilities": (call(S(from_logits=False), ZEROS, LABELS), ValueError, "y_pred", "Leave it out with mask=", "received a row of zeros at (0,)"),
    "labels of CTC as floating point": (call(tw.CTC(), torch.zeros(1, 4, 3), torch.ones(1, 2)), TypeError, "y_true", "Write y_true.long()"),
    "a label to ignore beside one-hot targets": (call(tw.ClassDice(activation="softmax", ignore_class=0), ZEROS, EYE), ValueError, "ignore_class", "Pass mask= instead"),
    "hinge labels of neither kind": (call(tw.Hinge(), ZEROS, 0.3 * ONES), ValueError, "y_true", "2 * y_true - 1"),
})  # fmt: skip

AGAIN = misuses({
    "logits of the generalized cross-entropy": (call(tw.CategoricalGeneralizedCrossEntropy(), 5 * ONES, LABELS), ValueError, "y_pred", "after softmax"),
    "a label too large for its images": (call(tw.ClassDice(activation="softmax"), ZEROS, T([0, 5])), ValueError, "y_true", "ignore_class=5"),
    "a label too large for its costs": (call(tw.ExpectedCost(torch.ones(3, 3), indexing="true_pred", from_logits=True), ZEROS, T([0, 9])), ValueError, "y_true", "ignore_class=9"),
    "a label of CTC too large": (call(tw.CTC(), torch.zeros(1, 4, 3), T([[1, 7]])), ValueError, "y_true", "from 0 to 2"),
    "binary labels of a dice": (call(tw.BinaryCrossentropyDice(from_logits=True), ZEROS, 3 * ONES), ValueError, "y_true", "labels 0 and 1"),
    "a label of a pixel": (call(S(from_logits=True, axis=1), torch.zeros(1, 3, 2, 2), T([[[0, 1], [-1, 255]]])), ValueError, "y_true", "check the axis", "received -1 at (0, 1, 0) (and 1 more)"),
    "a label too large in a Keras row": (call(S(semantics="tf1.12"), THIRDS, T([0, 3])), ValueError, "y_true", "ignore_class=3", "labels from 0 to 2", "received 3 at (1,)"),
    "class numbers as one-hot targets": (call(C(from_logits=True), ZEROS, 7 * EYE), ValueError, "y_true", "one-hot rows of 0 and 1"),
    "hinge labels -1, 0 and 1": (call(tw.Hinge(), ZEROS[:1], T([[-1.0, 0.0, 1.0]])), ValueError, "y_true", "2 * y_true - 1"),
})  # fmt: skip
