"""A total loss, taken apart: its terms, its penalties, and what of it is printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Term:
    """One loss of one output: ``weighted`` = its loss weight x ``value``."""

    output: str
    value: Tensor
    weighted: Tensor
    #: what Keras 3 calls the output in its logs
    log_name: str


@dataclass(frozen=True)
class Call:
    """One loss and what it is called with."""

    output: str
    criterion: Any
    y_pred: Tensor
    y_true: Tensor
    loss_weight: float
    call: dict[str, Any]


@dataclass(frozen=True)
class Parts:
    """What a total loss is made of: ``total`` = sum(``weighted``) + ``penalties``."""

    total: Tensor
    terms: tuple[Term, ...]
    #: each penalty, in the order given
    each_penalty: tuple[Tensor, ...]
    #: every output, those without a loss too
    names: tuple[str, ...]
    #: how many losses were given, None for those that an output lacks counted too
    losses: int
    _log: Callable[[Parts], dict[str, Tensor]]

    @property
    def outputs(self) -> dict[str, Tensor]:
        """output -> the sum of its losses, before loss weights"""
        return self._by_output([term.value for term in self.terms])

    @property
    def weighted(self) -> dict[str, Tensor]:
        """output -> the sum of its losses, each times its loss weight"""
        return self._by_output([term.weighted for term in self.terms])

    @property
    def penalties(self) -> Tensor:
        """The sum of the penalties."""
        return sum(self.each_penalty, torch.zeros((), dtype=self.total.dtype, device=self.total.device))

    def _by_output(self, values: list[Tensor]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for term, value in zip(self.terms, values, strict=True):
            found[term.output] = found[term.output] + value if term.output in found else value
        return found

    def log_dict(self) -> dict[str, Tensor]:
        """What the release prints for this batch, under its names: ``loss``, ``<output>_loss``; detached, still on the device."""
        return {name: value.detach() for name, value in {"loss": self.total, **self._log(self)}.items()}
