"""Functions beside the criteria: the reducer, names of losses and releases."""

from __future__ import annotations

import torchweights as tw
from tests.misuse.case import ONES, call, misuses

CASES = misuses({
    "a list of values": (call(tw.reduce_weighted_values, [1.0, 2.0]), TypeError, "values", "torch.as_tensor(values)"),
    "an unknown door": (call(tw.semantics_for, "tf1.12", door="los"), ValueError, "door", "'loss'?", "door expected one of model, loss", "received 'los'"),
    "an unknown package": (call(tw.semantics_for, "kera==2.2.4"), ValueError, "semantics", "Did you mean 'keras'?", "package", "keras, tensorflow", "received 'kera'"),
    "two Kerases": (call(tw.semantics_for, "tensorflow==2.17.0"), ValueError, "tensorflow", "write 'keras==", "two Kerases", "received 'tensorflow==2.17.0'", "write 'tf_keras=="),
})  # fmt: skip

AGAIN = misuses({
    "an unknown reduction of values": (call(tw.reduce_weighted_values, ONES, reduction="meen"), ValueError, "reduction", "Did you mean 'mean'?", "reduction expected one of"),
    "two Kerases in 2.16": (call(tw.semantics_for, "tensorflow-cpu==2.16"), ValueError, "tensorflow", "TF_USE_LEGACY_KERAS", "two Kerases"),
})  # fmt: skip
