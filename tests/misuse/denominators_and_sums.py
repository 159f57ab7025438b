"""Denominators and partial sums: of the wrong kind, of another criterion, where nothing is divided."""

from __future__ import annotations

import torchweights as tw
from tests.misuse.case import ONES, ZEROS, call, misuses

M = tw.MeanSquaredError

CASES = misuses({
    "a vector as denominator": (call(M(), ONES, ONES, denominator=ONES), ValueError, "denominator", "one number"),
    "text as denominator": (call(M(), ONES, ONES, denominator="3"), TypeError, "denominator", "what denominator() returns"),
    "a negative denominator": (call(M(), ONES, ZEROS, denominator=-3.0), ValueError, "denominator", "a positive number"),
})  # fmt: skip
