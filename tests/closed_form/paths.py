"""A criterion on a path of computing: plain, or in closed form however small the batch is; and who took which."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import torchweights as tw
from tests.hazards.catalogue import INPUTS
from torchweights import closed_form

#: samples whose loss has a closed form
CLOSED = [one for one in INPUTS if getattr(one.kind, "_closes_from", None) is not None]


def in_closed_form(criterion: Any) -> Any:
    """The criterion, with its gradient in closed form for batches of every size."""
    criterion = copy.copy(criterion)
    criterion._closes_from = 0
    return criterion


def plain(criterion: tw.WeightedLoss) -> tw.WeightedLoss:
    """The criterion, with every gradient through autograd."""
    return copy.copy(criterion).plain()


@contextlib.contextmanager
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """A list that grows by one each time the closed form computes a loss."""
    seen: list[bool] = []

    def watched(original: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any) -> Any:
            found = original(*given)
            if found is not None:
                seen.append(True)
            return found

        return called

    with monkeypatch.context() as patch:
        for name in ("closed_loss", "closed_sums"):
            patch.setattr(closed_form, name, watched(getattr(closed_form, name)))
        yield seen
