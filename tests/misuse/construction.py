"""Options of criteria: a wrong kind, a wrong value, or no effect."""

from __future__ import annotations

import torchweights as tw
from tests.misuse.case import call, misuses

B, C, M, S = tw.BinaryCrossentropy, tw.CategoricalCrossentropy, tw.MeanSquaredError, tw.SparseCategoricalCrossentropy
ROW_LIST = "torchweights, torch, keras2.0.9"

CASES = misuses({
    # ------------------------------------------------------------------------------------------ what all share
    "an unknown reduction": (call(M, reduction="summ"), ValueError, "reduction", "Did you mean 'sum'?", "reduction expected one of sum_over_batch_size, mean", "received 'summ'"),
    "an unknown era": (call(M, semantics="keras2.2.44"), ValueError, "semantics", "Did you mean 'keras2.2.4'?", "semantics expected one of", ROW_LIST, "received 'keras2.2.44'"),
    "an era of another kind": (call(M, semantics=2), TypeError, "semantics", "Write semantics='keras3.15'", "semantics expected a row's name or a Semantics", "received int"),
    "text as rest_in_eval": (call(S, from_logits=True, rest_in_eval="no"), TypeError, "rest_in_eval", "True, False or None"),
    "text as validate": (call(S, from_logits=True, validate="no"), TypeError, "validate", "True, False or None"),
    "text as axis": (call(M, axis="last"), TypeError, "axis", "an int, or a tuple of them"),
    "an axis that has no effect": (call(M, semantics="torch", axis=(1, 2)), ValueError, "axis", "left out"),
    # ------------------------------------------------------------------------------------------ cross-entropies
    "from_logits forgotten": (call(S), TypeError, "from_logits", "from_logits=False if", "SparseCategoricalCrossentropy expected from_logits, received nothing", "from_logits=True if y_pred are logits"),
    "from_logits of another kind": (call(B, from_logits="yes"), ValueError, "from_logits", "True, False or 'rescued'", "from_logits expected True, False or 'rescued'", "received 'yes'"),
    "label_smoothing above 1": (call(C, from_logits=True, label_smoothing=2), ValueError, "label_smoothing", "a number from 0 to 1", "label_smoothing expected a number from 0 to 1", "received 2"),
    "text as label_smoothing": (call(B, from_logits=True, label_smoothing="0.1"), TypeError, "label_smoothing", "a number"),
    "epsilon above a half": (call(B, from_logits=False, epsilon=0.7), ValueError, "epsilon", "between 0 and 0.5", "epsilon expected a number between 0 and 0.5", "received 0.7"),
    "an epsilon that has no effect": (call(S, from_logits=True, epsilon=1e-3), ValueError, "epsilon", "left out"),
    "ignore_class of another kind": (call(S, from_logits=True, ignore_class=2.0), TypeError, "ignore_class", "a label (an int) or None", "ignore_class expected a label (an int) or None", "received float 2.0"),
})  # fmt: skip

AGAIN = misuses({
    "a reduction of another kind": (call(M, reduction=3), ValueError, "reduction", "none", "reduction expected one of", "received 3"),
})  # fmt: skip
