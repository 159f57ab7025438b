"""Sample weights and masks: kinds, numbers, and shapes that do not meet the values."""

from __future__ import annotations

import numpy as np
import torch

import torchweights as tw
from tests.misuse.case import LABELS, ONES, ZEROS, call, misuses

M = tw.MeanSquaredError
T = torch.tensor


def bare(release: str) -> tw.Semantics:
    """The bare loss object of a release, which takes weights as they come."""
    return tw.semantics_for(release, door="loss")


CASES = misuses({
    "a list of weights": (call(M(), ONES, ONES, [1, 2]), TypeError, "sample_weight", "torch.as_tensor(sample_weight)", "sample_weight expected a torch.Tensor or a number", "received list"),
    "an array as mask": (call(M(), ONES, ONES, mask=np.ones(2)), TypeError, "mask", "torch.as_tensor(mask)", "mask expected a torch.Tensor", "received ndarray"),
    "weights that can be read in two ways": (call(M(), torch.ones(3, 3, 2), torch.ones(3, 3, 2), torch.ones(1, 3)), ValueError, "sample_weight", "reshape", "sample_weight of shape (1, 3)", "two ways", "per sample it would be (3,) or (3, 1)", "per element it would be (3, 3)"),
    "a mask that can be read in two ways": (call(M(), ONES, ONES, mask=ONES > 0), ValueError, "mask", "Write mask.expand", "mask of shape (2, 3)", "two ways", "per sample it would be (2,)"),
    "weights that fit() of the release did not take": (call(M(semantics="tf1.15"), ONES, ONES, torch.ones(3)), ValueError, "sample_weight", "expected (2,) (one per sample)", "sample_weight of shape (3,)", "loss values of shape (2,)"),
    "weights of other samples": (call(M(), ONES, ONES, torch.ones(5)), ValueError, "sample_weight", "Give (2,), one for each sample", "expected 2 samples", "received shape (5,)"),
    "weights of other samples and steps": (call(M(axis=()), ONES, ONES, torch.ones(5)), ValueError, "sample_weight", "(2, 3), one for each loss value", "received shape (5,)"),
    "a mask of other samples": (call(M(), ONES, ONES, mask=torch.ones(5) > 0), ValueError, "mask", "Give (2,), one for each sample", "received shape (5,)"),
    "weights for every prediction": (call(M(), ONES, ONES, torch.ones(2, 3)), ValueError, "sample_weight", "build a loss that averages no axis with axis=()", "an axis less than y_pred"),
    "weights of other samples beside class weights": (call(tw.class_weight_to_sample_weights, LABELS, {0: 1.0, 1: 2.0}, sample_weight=torch.ones(3)), ValueError, "sample_weight", "Give one for each sample, (2,)", "class weights of shape (2,)"),
    "a flag as weights": (call(M(), ONES, ONES, True), TypeError, "sample_weight", "give a value for each sample"),
    "a flag as mask": (call(M(), ONES, ONES, mask=False), TypeError, "mask", "give a value for each sample"),
    "weights that land on no axis from the left": (call(M(semantics=bare("keras2.2.4")), ONES, ONES, torch.ones(3)), ValueError, "sample_weight", "the leading axes of (2,)"),
    "weights that land on no axis from the right": (call(M(semantics="keras3.15"), ONES, ONES, torch.ones(3)), ValueError, "sample_weight", "the trailing axes of (2,)"),
    "a mask that lands on no axis from the right": (call(M(semantics="keras3.15"), ONES, ONES, mask=torch.ones(3)), ValueError, "mask", "the trailing axes of (2,)", "mask of shape (3,)"),
    "a mask that lands on no axis from the left": (call(M(semantics=bare("tf1.12")), ONES, ONES, mask=torch.ones(3)), ValueError, "mask", "the leading axes of (2,)", "mask of shape (3,)"),
    "weights that do not meet the mask": (call(M(semantics="keras3.15"), ONES, ONES, torch.ones(3), torch.ones(2)), ValueError, "sample_weight", "a shape that broadcasts with the mask, (2,)"),
    "weights two ranks apart": (call(M(semantics=bare("tf1.15")), ONES, ONES, torch.ones(2, 1, 1)), ValueError, "sample_weight", "the rank of the values, one more or one less"),
    "weights with an axis too many": (call(M(semantics=bare("tf1.15")), ONES, ONES, torch.ones(2, 2)), ValueError, "sample_weight", "a last axis of size 1 that can be dropped"),
    "weights that average other axes": (call(M(semantics=bare("tf1.14")), ONES, ONES, torch.ones(3)), ValueError, "sample_weight", "the rank of the values, or (2,)"),
    "weights of a scalar loss in an era that fails": (call(tw.from_function(lambda y_true, y_pred: (y_true - y_pred).mean(), semantics="tf1.12"), ONES, ONES, torch.ones(2)), ValueError, "fn", "Leave out the last mean, or use another row"),
    "weights of samples over a batch": (call(tw.WeightedMeanSquaredError([1.0, 2.0, 3.0], over="batch"), ONES, ONES, torch.ones(2)), ValueError, "sample_weight", "with 0 where an element is left out", "expected only with over='sample'"),
    "a mask over a batch": (call(tw.WeightedMeanSquaredError([1.0, 2.0, 3.0], over="batch"), ONES, ONES, mask=torch.ones(2)), ValueError, "mask", "with 0 where an element is left out"),
    "weights that tf.losses has no axis for": (call(tw.tf1.absolute_difference, ONES, ONES, torch.ones(2)), ValueError, "weights", "one weight per sample is weights.reshape((2, 1))"),
    "no weights in tf.losses": (call(tw.tf1.absolute_difference, ONES, ONES, None), ValueError, "weights", "Leave it out for weights of 1"),
    "complex weights": (call(M(), ONES, ONES, torch.ones(2, dtype=torch.complex64)), TypeError, "sample_weight", "real numbers"),
    "a complex mask": (call(M(), ONES, ONES, mask=torch.ones(2, dtype=torch.complex64)), TypeError, "mask", "real numbers"),
    "a mask of fractions": (call(M(), ONES, ZEROS, mask=T([0.5, 1.0])), ValueError, "mask", "pass them as sample_weight"),
})  # fmt: skip

AGAIN = misuses({
    "weights of other samples in a criterion of embeddings": (call(tw.Circle(), ZEROS, LABELS, torch.ones(3)), ValueError, "sample_weight", "one for each sample"),
    "weights of classes": (call(tw.SparseCategoricalCrossentropy(from_logits=True), ZEROS, LABELS, torch.ones(3)), ValueError, "sample_weight", "one for each sample"),
    "weights of a function's other samples": (call(tw.from_function(lambda y_true, y_pred: (y_true - y_pred).mean(-1)), ONES, ONES, torch.ones(3)), ValueError, "sample_weight", "one for each sample"),
    "a list of weights beside values": (call(tw.reduce_weighted_values, ONES, [1.0, 2.0]), TypeError, "sample_weight", "torch.as_tensor(sample_weight)"),
    "a list as mask beside values": (call(tw.reduce_weighted_values, ONES, mask=[True, False]), TypeError, "mask", "torch.as_tensor(mask)"),
    "a mask of NaN": (call(M(), ONES, ZEROS, mask=T([torch.nan, 1.0])), ValueError, "mask", "pass them as sample_weight"),
})  # fmt: skip
