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
    """One cell that differs; ``eps`` is the difference in units of eps times the cell's scale."""

    kind: str  # new, gone or changed
    key: Key
    eps: float = math.inf
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.key[0]} [{self.key[1]}] {self.detail}".rstrip()


def changes(
    old: Mapping[Key, Any], new: Mapping[Key, Any], tolerated_eps: float, *, any_refusal: bool = False
) -> list[Change]:
    """What differs between two recordings' cells; ``any_refusal``: one refusal is as good as another."""
    found = [Change("new", key) for key in new if key not in old]
    found += [Change("gone", key) for key in old if key not in new]
    for key, before in old.items():
        if key not in new or before is new[key]:
            continue
        if any_refusal and before.refusal is not None and new[key].refusal is not None:
            continue  # libraries reword their messages
        eps, detail = _difference(before, new[key], float(np.finfo(key[1]).eps))
        if eps > tolerated_eps:
            found.append(Change("changed", key, eps, detail))
    return found


def _difference(old: Any, new: Any, eps: float) -> tuple[float, str]:
    """How far one cell is from the other, in eps of the cell's scale, and in words."""
    if old.refusal != new.refusal:
        return math.inf, f"was {_words(old)}, is {_words(new)}"
    scale = max((_magnitude(array) for array in (old.value, old.gradient) if array is not None), default=0.0)
    worst, where = 0.0, ""
    for name in ("value", "gradient"):
        before, after = getattr(old, name), getattr(new, name)
        apart = _apart(before, after)
        if apart > worst:
            worst, where = apart, name
    if worst == 0.0:
        return 0.0, ""
    relative = worst / scale if scale else math.inf
    return relative / eps, f"{where} by {relative:.1e} of its scale"


def _words(cell: Any) -> str:
    return "a value" if cell.refusal is None else f"{cell.refusal[0]} ({cell.refusal[1]!r})"


def _magnitude(array: Any) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size else 0.0


def _apart(before: Any, after: Any) -> float:
    """The largest difference of two arrays; infinite where shape, dtype, NaN or infinity differ."""
    if before is None or after is None:
        return 0.0 if before is after else math.inf
    if before.shape != after.shape or before.dtype != after.dtype:
        return math.inf
    finite = np.isfinite(before) & np.isfinite(after)
    if not np.array_equal(before[~finite], after[~finite], equal_nan=True):
        return math.inf
    return float(np.abs(before[finite] - after[finite]).max(initial=0.0))
