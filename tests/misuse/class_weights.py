"""Class weights: kinds, keys, numbers, and the classes that they are for."""

from __future__ import annotations

import torch

import torchweights as tw
from tests.misuse.case import LABELS, THIRDS, ZEROS, call, misuses

C, S = tw.CategoricalCrossentropy, tw.SparseCategoricalCrossentropy
T = torch.tensor

CASES = misuses({
    "a class without a weight": (call(S(from_logits=True, class_weight={0: 1.0, 1: 2.0}), ZEROS, LABELS), ValueError, "class_weight", "Give every class a weight", "class_weight expected a weight for each class 0 to 2", "the classes of y_pred", "lacks 2"),
    "a weight for no class": (call(S(from_logits=True, class_weight=dict.fromkeys(range(4), 1.0)), ZEROS, LABELS), ValueError, "class_weight", "0 to 2", "which has 3 besides"),
    "a gap": (call(S, from_logits=True, class_weight={0: 1.0, 2: 2.0}), ValueError, "class_weight", "Give every class a weight", "class_weight expected a weight for each class", "lacks 1"),
    "text as keys": (call(S, from_logits=True, class_weight={"0": 1.0}), TypeError, "class_weight", "Write {0: 1.0}, not {'0': 1.0}", "class_weight expected class numbers as keys", "received '0'"),
    "text as weights": (call(S, from_logits=True, class_weight={0: "1"}), TypeError, "class_weight", "class_weight expected a number", "received str '1'"),
    "weights that are not finite": (call(S, from_logits=True, class_weight=[1.0, float("nan")]), ValueError, "class_weight", "class_weight expected finite weights", "nan"),
    "sklearn's word": (call(S, from_logits=True, class_weight="balanced"), TypeError, "class_weight", "Write class_weight={0: 1.0", "class_weight expected a dict from class number to weight", "received str 'balanced'"),
    "a list too short": (call(S(from_logits=True, class_weight=[1.0, 2.0]), ZEROS, LABELS), ValueError, "class_weight", "3 weights", "class_weight expected 3 weights", "received 2"),
    "a matrix": (call(C, from_logits=True, class_weight=torch.ones(2, 2)), ValueError, "class_weight", "(C,)", "class_weight expected one real weight per class", "received torch.float32 of shape (2, 2)"),
    "a class in the data without a weight": (call(S(semantics="keras2.2.4", class_weight={0: 1.0}), THIRDS, LABELS), ValueError, "class_weight", "Give each", "class_weight expected a weight for every class in the data", "received none for 1", "it has 0"),
    "both in Keras 3": (call(S(semantics="keras3.15", class_weight={0: 1.0}), THIRDS, LABELS, T([1.0, 1.0])), ValueError, "class_weight", "Multiply them yourself", "class_weight and sample_weight together", "expected one of them, received both"),
})  # fmt: skip
