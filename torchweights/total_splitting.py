"""How a total loss splits over micro-batches and ranks: each output by its own denominator, each penalty once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from torchweights.compile_rules import CompileRules
from torchweights.counts import Denominator
from torchweights.losses.held_weights import HoldsTables
from torchweights.partial_sums import PartialSums
from torchweights.penalties import ActivityPenalty


@dataclass(frozen=True)
class PenaltyShare:
    """What of each penalty one batch adds, so that all batches and ranks together add it once."""

    #: of penalties of parameters, which every batch would add again
    of_parameters: Tensor | float
    #: of those of parameters that FSDP2 cut over ranks, whose gradient no rank sends to others
    of_sharded_parameters: Tensor | float
    #: of sums over the activities of this batch
    of_activities: Tensor | float
    #: of those sums, where the row takes their mean over samples
    of_mean_activities: Tensor | float


def penalty_share(denominator: Any, batch_size: int) -> PenaltyShare:
    """The share by what was passed as ``denominator=``; all of it where that does not tell how many batches there are."""
    found = _first(denominator)
    if found is None:
        return PenaltyShare(1.0, 1.0, 1.0, 1 / max(batch_size, 1))
    counts, averaged = found.counts, found.averaged
    each = 1 / counts.batches.clamp(min=1)
    return PenaltyShare(
        averaged * each, max(averaged, found.ranks) * each, averaged, averaged / counts.samples.clamp(min=1)
    )


def times(value: Tensor, of_parameters: Tensor | float, of_sharded: Tensor | float) -> Tensor:
    """A penalty of parameters times its share; of parameters that FSDP2 cut over ranks, added up."""
    share = of_parameters
    if hasattr(value, "full_tensor"):
        value, share = value.full_tensor(), of_sharded
    return value * (share.to(value) if isinstance(share, Tensor) else share)


def _first(nested: Any) -> Denominator | None:
    if isinstance(nested, Mapping):
        nested = list(nested.values())
    if isinstance(nested, (list, tuple)):
        return next((one for one in map(_first, nested) if one is not None), None)
    return nested if isinstance(nested, Denominator) else None


class SplitsTotal(HoldsTables):
    """Offers ``denominator()``, ``partial_sums()`` and ``from_sums()`` of a ``CompiledLoss``."""

    losses: nn.ModuleList
    penalties: list[Callable[[], Tensor]]
    rules: CompileRules
    _arguments: Any
    _bound: Any

    @property
    def decomposable(self) -> bool:
        """Whether counts decide how batches add up for every output; if not, partial sums do."""
        return all(getattr(one, "decomposable", True) for one in self.losses)

    def denominator(
        self, y_true: Any, sample_weight: Any = None, mask: Any = None, *, y_pred_shape: Any = None
    ) -> dict[str, Denominator | list[Denominator]]:
        """What this batch adds to the denominator of each output; of each loss, where several are on one."""
        shapes = {} if y_pred_shape is None else y_pred_shape
        found: dict[str, Any] = {}
        for index, (_, t, w, m, _), _ in self._arguments(None, y_true, sample_weight, mask, None):
            criterion: Any = self.losses[index]
            name = self._output(index)
            shape = shapes.get(name) if isinstance(shapes, Mapping) else shapes[self._bound.places[index]]
            found.setdefault(name, []).append(criterion.denominator(t, w, m, y_pred_shape=shape))
        return {name: several[0] if len(several) == 1 else several for name, several in found.items()}

    def partial_sums(self, y_pred: Any, y_true: Any, sample_weight: Any = None, mask: Any = None) -> PartialSums:
        """What this batch adds to the sums of every output, with their gradient; for totals that no denominator splits.

        Args:
            y_pred, y_true, sample_weight, mask: As in the call.
        """
        sums = {}
        like = None
        for index, (p, t, w, m, _), _ in self._arguments(y_pred, y_true, sample_weight, mask, None):
            criterion: Any = self.losses[index]
            part = criterion.partial_sums(p, t, w, m)
            sums.update({f"{index} {name}": one for name, one in part.sums.items()})
            like = p.detach().reshape(-1)[:0].sum() if like is None else like
        for place, penalty in enumerate(self.penalties):
            if isinstance(penalty, ActivityPenalty):
                sums[f"activity {place}"] = penalty()
        like = torch.zeros(()) if like is None else like
        sums["batches"], sums["samples"] = torch.ones_like(like), torch.full_like(like, batch_size(y_pred))
        return PartialSums(sums, self._described())

    def from_sums(self, sums: PartialSums, whole: PartialSums | None = None) -> Tensor:
        """The total loss that sums make, penalties with it.

        Args:
            sums: Of ``partial_sums()``, added up or not.
            whole: The sums of all batches and ranks, from ``tw.global_sums``: the total is theirs, its gradient the share of ``sums``.

        Raises:
            ValueError: for sums of another total.
        """
        sums.must_be_of(self._described())
        met = (sums if whole is None else sums.within(whole)).sums
        total = torch.zeros(())
        for index, weight in self._weights_in_total():
            criterion: Any = self.losses[index]
            own = {name.partition(" ")[2]: one for name, one in met.items() if name.partition(" ")[0] == str(index)}
            value = criterion.from_sums(PartialSums(own, criterion._described()))
            total = total.to(value) + value * weight.to(value)
        shares: tuple[Tensor | float, Tensor | float] = (1.0, 1.0)
        if whole is not None:
            shares = (whole.gain / whole.sums["batches"], max(whole.gain, whole.ranks) / whole.sums["batches"])
        for place, penalty in enumerate(self.penalties):
            if isinstance(penalty, ActivityPenalty):
                value = met[f"activity {place}"]
                mean = self.rules.activity == "mean over samples"
                total = total + (value / met["samples"].clamp(min=1) if mean else value)
            else:
                value = penalty()
                share = times(value, *shares)
                total = total + share + (times(value, 1.0, 1.0) - share).detach()
        return total

    def _output(self, index: int) -> str:
        """The name of the output of a loss."""
        raise NotImplementedError

    def _weights_in_total(self) -> list[tuple[int, Tensor]]:
        """Each loss with its weight in the total; those that the row drops are left out."""
        raise NotImplementedError

    def _described(self) -> str:
        return f"CompiledLoss of {len(self.losses)} losses in row {self.rules.name!r}"


def batch_size(y_pred: Any) -> int:
    """How many samples are in outputs, however they are nested."""
    while not isinstance(y_pred, Tensor):
        y_pred = next(iter(y_pred.values() if isinstance(y_pred, Mapping) else y_pred))
    return len(y_pred) if y_pred.ndim else 1
