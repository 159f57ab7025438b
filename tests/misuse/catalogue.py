"""Every case: ``CASES``, no two of one cause, and ``AGAIN``, other ways to a cause that is among them."""

from __future__ import annotations

from tests.misuse import (
    class_weights,
    construction,
    denominators_and_sums,
    functions,
    labels_and_numbers,
    shapes,
    totals,
    weights_and_masks,
)
from tests.misuse.case import Misuse

_THEMES = (
    construction,
    shapes,
    labels_and_numbers,
    weights_and_masks,
    class_weights,
    denominators_and_sums,
    totals,
    functions,
)
CASES: list[Misuse] = [misuse for theme in _THEMES for misuse in theme.CASES]
AGAIN: list[Misuse] = [misuse for theme in _THEMES for misuse in getattr(theme, "AGAIN", [])]
