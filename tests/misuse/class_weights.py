"""Class weights: kinds, keys, numbers, and the classes that they are for."""

from __future__ import annotations

import numpy as np
import torch

import torchweights as tw
from tests.misuse.case import EYE, IMAGE, LABELS, PIXELS, THIRDS, ZEROS, call, misuses

C, S = tw.CategoricalCrossentropy, tw.SparseCategoricalCrossentropy
T = torch.tensor

CASES = misuses({
    "a class without a weight": (call(S(from_logits=True, class_weight={0: 1.0, 1: 2.0}), ZEROS, LABELS), ValueError, "class_weight", "Give every class a weight", "class_weight expected a weight for each class 0 to 2", "the classes of y_pred", "lacks 2"),
    "a weight for no class": (call(S(from_logits=True, class_weight=dict.fromkeys(range(4), 1.0)), ZEROS, LABELS), ValueError, "class_weight", "0 to 2", "which has 3 besides"),
    "a gap": (call(S, from_logits=True, class_weight={0: 1.0, 2: 2.0}), ValueError, "class_weight", "Give every class a weight", "class_weight expected a weight for each class", "lacks 1"),
    "text as keys": (call(S, from_logits=True, class_weight={"0": 1.0}), TypeError, "class_weight", "Write {0: 1.0}, not {'0': 1.0}", "class_weight expected class numbers as keys", "received '0'"),
    "text as weights": (call(S, from_logits=True, class_weight={0: "1"}), TypeError, "class_weight", "class_weight expected a number", "received str '1'"),
    "weights that are not finite": (call(S, from_logits=True, class_weight=[1.0, float("nan")]), ValueError, "class_weight", "class_weight expected finite weights", "nan"),
    "sklearn's word": (call(S, from_logits=True, class_weight="balanced"), TypeError, "class_weight", "or what tw.balanced(labels) returns", "Write class_weight={0: 1.0", "class_weight expected a dict from class number to weight", "received str 'balanced'"),
    "a list too short": (call(S(from_logits=True, class_weight=[1.0, 2.0]), ZEROS, LABELS), ValueError, "class_weight", "3 weights", "class_weight expected 3 weights", "received 2"),
    "a matrix": (call(C, from_logits=True, class_weight=torch.ones(2, 2)), ValueError, "class_weight", "(C,)", "class_weight expected one real weight per class", "received torch.float32 of shape (2, 2)"),
    "a class in the data without a weight": (call(S(semantics="keras2.2.4", class_weight={0: 1.0}), THIRDS, LABELS), ValueError, "class_weight", "Give each", "class_weight expected a weight for every class in the data", "received none for 1", "it has 0"),
    "a number for all classes": (call(S, from_logits=True, class_weight=2.0), TypeError, "class_weight", "Write class_weight={0: 1.0", "received float 2.0"),
    "an array of text": (call(S, from_logits=True, class_weight=np.array(["a", "b"])), TypeError, "class_weight", "Write array.astype(float)"),
    "a list where the release takes a dict": (call(S, semantics="keras3.15", class_weight=[1.0, 2.0]), TypeError, "class_weight", "Write class_weight={0: 1.0", "received list [1.0, 2.0]"),
    "targets of images in Keras 2.2": (call(S(semantics="keras2.2.4", class_weight={0: 1.0, 1: 1.0, 2: 1.0}), IMAGE.movedim(1, -1).softmax(-1), PIXELS.unsqueeze(-1)), ValueError, "class_weight", "use semantics='torchweights', which weighs each pixel"),
    "several labels of a hinge": (call(tw.Hinge(class_weight={-1: 1.0, 1: 2.0}), ZEROS, EYE), ValueError, "class_weight", "or axis=() for a value per element"),
    "keys for other classes": (lambda: tw.BinaryCrossentropyDice(from_logits=True, class_weight_read="keys", class_weight={0: 1.0, 1: 2.0})(ZEROS, EYE), ValueError, "class_weight", "Give every class a key", "expected 3 keys", "received 2"),
    "both in Keras 3": (call(S(semantics="keras3.15", class_weight={0: 1.0}), THIRDS, LABELS, T([1.0, 1.0])), ValueError, "class_weight", "Multiply them yourself", "class_weight and sample_weight together", "expected one of them, received both"),
})  # fmt: skip

AGAIN = misuses({
    "a list with None in it": (call(S, from_logits=True, class_weight=[1.0, None]), TypeError, "class_weight", "Write {0: 1.0, 1: 2.0} or [1.0, 2.0]", "received NoneType None"),
    "a gap and a class too many": (call(S, from_logits=True, class_weight={1: 1.0, 2: 1.0, 3: 1.0}), ValueError, "class_weight", "Give every class a weight", "which lacks 0", "which has 3 besides"),
    "other keys than classes": (call(tw.BinaryCrossentropyDice, from_logits=True, class_weight_read="keys"), TypeError, "class_weight", "Give the dict that the closure iterates"),
    "a list of text": (call(S, from_logits=True, class_weight=["1", "2"]), TypeError, "class_weight", "class_weight expected a number"),
    "pairs of class and weight": (call(S, from_logits=True, class_weight=[(0, 1.0), (1, 2.0)]), TypeError, "class_weight", "or [1.0, 2.0]"),
    "names of classes as keys": (call(S, from_logits=True, class_weight={"cat": 1.0, "dog": 2.0}), TypeError, "class_weight", "Write {0: 1.0}, not {'0': 1.0}"),
    "weights of columns by class": (call(tw.BinaryCrossentropy(from_logits=True, class_weight={0: 1.0, 1: 2.0}), ZEROS, ZEROS), ValueError, "class_weight", "Give every class a weight"),
    "a soft label of a binary loss": (call(tw.BinaryCrossentropy(from_logits=True, class_weight={0: 1.0, 1: 2.0}), ZEROS[:, :1], ZEROS[:, :1] + 0.5), ValueError, "class_weight", "Give each of them a weight"),
    "class weights of a divergence too few": (call(tw.KLDivergence(class_weight=[1.0, 2.0]), THIRDS, EYE), ValueError, "class_weight", "3 weights"),
    "an infinite weight in a dict": (call(S, from_logits=True, class_weight={0: float("inf"), 1: 1.0}), ValueError, "class_weight", "finite weights"),
})  # fmt: skip
