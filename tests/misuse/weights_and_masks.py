"""Sample weights and masks: kinds, numbers, and shapes that do not meet the values."""

from __future__ import annotations

import numpy as np
import torch

import torchweights as tw
from tests.misuse.case import ONES, ZEROS, call, misuses

M = tw.MeanSquaredError
T = torch.tensor

CASES = misuses({
    "a list of weights": (call(M(), ONES, ONES, [1, 2]), TypeError, "sample_weight", "torch.as_tensor(sample_weight)", "sample_weight expected a torch.Tensor or a number", "received list"),
    "an array as mask": (call(M(), ONES, ONES, mask=np.ones(2)), TypeError, "mask", "torch.as_tensor(mask)", "mask expected a torch.Tensor", "received ndarray"),
    "weights that can be read in two ways": (call(M(), torch.ones(3, 3, 2), torch.ones(3, 3, 2), torch.ones(1, 3)), ValueError, "sample_weight", "reshape", "sample_weight of shape (1, 3)", "two ways", "per sample it would be (3,) or (3, 1)", "per element it would be (3, 3)"),
    "a mask that can be read in two ways": (call(M(), ONES, ONES, mask=ONES > 0), ValueError, "mask", "Write mask.expand", "mask of shape (2, 3)", "two ways", "per sample it would be (2,)"),
    "weights that fit() of the release did not take": (call(M(semantics="tf1.15"), ONES, ONES, torch.ones(3)), ValueError, "sample_weight", "expected (2,) (one per sample)", "sample_weight of shape (3,)", "loss values of shape (2,)"),
    "complex weights": (call(M(), ONES, ONES, torch.ones(2, dtype=torch.complex64)), TypeError, "sample_weight", "real numbers"),
    "a mask of fractions": (call(M(), ONES, ZEROS, mask=T([0.5, 1.0])), ValueError, "mask", "pass them as sample_weight"),
})  # fmt: skip

AGAIN = misuses({
    "a list of weights beside values": (call(tw.reduce_weighted_values, ONES, [1.0, 2.0]), TypeError, "sample_weight", "torch.as_tensor(sample_weight)"),
    "a list as mask beside values": (call(tw.reduce_weighted_values, ONES, mask=[True, False]), TypeError, "mask", "torch.as_tensor(mask)"),
    "a mask of NaN": (call(M(), ONES, ZEROS, mask=T([torch.nan, 1.0])), ValueError, "mask", "pass them as sample_weight"),
})  # fmt: skip
