"""One misuse: a call, and what its error has to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

#: a call that exposes what it is made of: ``call(criterion, y_pred, y_true)`` has the criterion and its inputs as attributes
call = partial

ONES, ZEROS, EYE, LABELS = torch.ones(2, 3), torch.zeros(2, 3), torch.eye(3)[:2], torch.tensor([0, 1])
THIRDS = ONES / 3
IMAGE = torch.zeros(2, 3, 4, 4)
PIXELS = torch.zeros(2, 4, 4, dtype=torch.int64)


@dataclass(frozen=True)
class Misuse:
    """A call that cannot be meant.

    ``argument`` is what the message must name, ``way_out`` words of the remedy, ``states`` what else it must say: what was
    expected, what came.
    """

    cause: str
    call: Callable[[], Any]
    error: type[Exception]
    argument: str
    way_out: str
    states: tuple[str, ...] = ()


#: cause -> (call, type, argument, way out, pieces that the message must have besides)
Table = Mapping[str, tuple[Any, ...]]


def misuses(table: Table) -> list[Misuse]:
    """The rows of a table as cases."""
    return [Misuse(cause, row[0], row[1], row[2], row[3], tuple(row[4:])) for cause, row in table.items()]
