"""Two sets of recorded cells side by side: which are new, gone or changed, and by how much."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Key = tuple[str, str]


@dataclass(frozen=True)
class Change:
    """One cell that differs; ``eps`` is the difference in units of eps times the scale it was measured by."""

    kind: str  # new, gone or changed
    key: Key
    eps: float = math.inf
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.key[0]} [{self.key[1]}] {self.detail}".rstrip()


def changes(
    old: Mapping[Key, Any],
    new: Mapping[Key, Any],
    tolerated_eps: float,
    *,
    any_refusal: bool = False,
    by_element: bool = False,
) -> list[Change]:
    """What differs between two recordings' cells.

    ``any_refusal``: one refusal is as good as another. ``by_element``: each number is measured by itself (or by 1, where
    it is smaller and the cell's largest is not), and not by the largest of its cell.
    """
    found = [Change("new", key) for key in new if key not in old]
    found += [Change("gone", key) for key in old if key not in new]
    for key, before in old.items():
        if key not in new or before is new[key]:
            continue
        if any_refusal and before.refusal is not None and new[key].refusal is not None:
            continue  # libraries reword their messages
        eps, detail = _difference(before, new[key], float(np.finfo(key[1]).eps), by_element)
        if eps > tolerated_eps:
            found.append(Change("changed", key, eps, detail))
    return found


def _difference(old: Any, new: Any, eps: float, by_element: bool) -> tuple[float, str]:
    """How far one cell is from the other, in eps of its scale, and in words."""
    if old.refusal != new.refusal:
        return math.inf, f"was {_words(old)}, is {_words(new)}"
    scale = max((_magnitude(array) for array in (old.value, old.gradient) if array is not None), default=0.0)
    worst, where = 0.0, ""
    for name in ("value", "gradient"):
        before, after = getattr(old, name), getattr(new, name)
        relative = _apart(before, after, min(scale, 1.0) if by_element else scale, by_element)
        if relative > worst:
            worst, where = relative, name
    return (worst / eps, f"{where} by {worst:.1e} of its scale") if worst else (0.0, "")


def _words(cell: Any) -> str:
    return "a value" if cell.refusal is None else f"{cell.refusal[0]} ({cell.refusal[1]!r})"


def _magnitude(array: Any) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size else 0.0


def _apart(before: Any, after: Any, scale: float, by_element: bool) -> float:
    """The largest difference of two arrays over their scale; infinite where shape, dtype, NaN or infinity differ."""
    if before is None or after is None:
        return 0.0 if before is after else math.inf
    if before.shape != after.shape or before.dtype != after.dtype:
        return math.inf
    finite = np.isfinite(before) & np.isfinite(after)
    if not np.array_equal(before[~finite], after[~finite], equal_nan=True):
        return math.inf
    apart = np.abs(before[finite].astype(np.float64) - after[finite])
    if not apart.any():
        return 0.0
    scales = np.maximum(np.abs(before[finite]), scale) if by_element else np.full_like(apart, scale)
    with np.errstate(divide="ignore"):
        return float((apart[apart > 0] / scales[apart > 0]).max())
