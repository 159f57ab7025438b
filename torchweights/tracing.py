"""What a loss notes on its way while somebody looks: ``tw.explain`` reads it, nobody else pays for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

Notes = list[tuple[str, dict[str, Any]]]

#: where notes go; None while nobody looks
_open: Notes | None = None


def note(kind: str, **what: Any) -> None:
    """Note something of this call, if somebody looks."""
    if _open is not None:
        _open.append((kind, what))


def is_open() -> bool:
    """Whether somebody looks."""
    return _open is not None


@contextlib.contextmanager
def notes() -> Iterator[Notes]:
    """The notes of what is called inside, in their order."""
    global _open
    before, _open = _open, []
    try:
        yield _open
    finally:
        _open = before
