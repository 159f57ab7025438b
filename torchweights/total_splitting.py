"""How a total loss splits over micro-batches and ranks: each output by its own denominator, each penalty once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from torchweights.compile_rules import CompileRules, Outputs
from torchweights.counts import Denominator
from torchweights.losses.held_weights import HoldsTables
from torchweights.messages import shown
from torchweights.partial_sums import PartialSums, must_be_sums
from torchweights.penalties import ActivityPenalty
from torchweights.precision import exact


@dataclass(frozen=True)
class PenaltyShare:
    """What of each penalty one batch adds, so that all batches and ranks together add it once.

    ``averaged`` and ``ranks`` are those of a global denominator; ``batches`` and ``samples`` are counted over all ranks.
    """

    averaged: float
    ranks: int
    batches: Tensor | float
    samples: Tensor | float

    def of_parameters(self, sharded: bool) -> Tensor | float:
        """Of a penalty of parameters, which every batch would add again.

        No rank sends the gradient of parameters that FSDP2 cut over ranks (``sharded``), so each has to add all of its own, even
        where the trainer adds and does not average.
        """
        return (max(self.averaged, self.ranks) if sharded else self.averaged) / self.batches

    def of_activities(self, mean: bool) -> Tensor | float:
        """Of a sum over the activities of this batch, or of their mean over samples."""
        return self.averaged / self.samples if mean else self.averaged


def penalty_share(denominator: Any, batch_size: int) -> PenaltyShare:
    """The share by what was passed as ``denominator=``; all of it where that does not tell how many batches there are."""
    found = _first(denominator)
    if found is None:
        return PenaltyShare(1.0, 1, 1.0, max(batch_size, 1))
    counts = found.counts
    return PenaltyShare(found.averaged, found.ranks, counts.batches.clamp(min=1), counts.samples.clamp(min=1))


def gathered(value: Tensor) -> tuple[Tensor, bool]:
    """A penalty as a plain tensor, and whether FSDP2 cut its parameters over ranks; of those it is added up, in one all-reduce."""
    add_up: Callable[[], Tensor] | None = getattr(value, "full_tensor", None)
    return (value, False) if add_up is None else (add_up(), True)


def scaled(value: Tensor, share: Tensor | float) -> Tensor:
    """value x share, in the type of the value."""
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
    outputs: Outputs
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
        shapes = self._outputs_shapes(y_pred_shape)
        found: dict[str, Any] = {}
        for index, (_, t, w, m, _), _ in self._arguments(None, y_true, sample_weight, mask, None):
            criterion: Any = self.losses[index]
            name = self._output(index)
            shape = shapes[self._bound.places[index]]
            found.setdefault(name, []).append(criterion.denominator(t, w, m, y_pred_shape=shape))
        return {name: several[0] if len(several) == 1 else several for name, several in found.items()}

    def _outputs_shapes(self, given: Any) -> list[Any]:
        """The shape of each output, None where it was not given."""
        if isinstance(given, (list, tuple)) and given and all(isinstance(size, int) for size in given):
            if len(self.outputs) > 1:
                raise ValueError(
                    f"y_pred_shape expected a shape for each of {self.outputs}; received a single one, {tuple(given)}. Give a list or a dict "
                    "by name."
                )
            given = [given]
        if isinstance(given, Mapping):
            self.outputs.known("y_pred_shape", given)
            return [given.get(name) for name in self.outputs.names]
        shapes = [None] * len(self.outputs) if given is None else given
        if not isinstance(shapes, (list, tuple)) or len(shapes) != len(self.outputs):
            raise ValueError(
                f"y_pred_shape expected {len(self.outputs)} shapes, one for each of {self.outputs}; received {shown(given)}. Give a list or a "
                "dict by name."
            )
        return list(shapes)

    def partial_sums(self, y_pred: Any, y_true: Any, sample_weight: Any = None, mask: Any = None) -> PartialSums:
        """What this batch adds to the sums of every output, with their gradient; for totals that no denominator splits.

        Args:
            y_pred, y_true, sample_weight, mask: As in the call.
        """
        sums = {}
        for index, (p, t, w, m, _), _ in self._arguments(y_pred, y_true, sample_weight, mask, None):
            criterion: Any = self.losses[index]
            part = criterion.partial_sums(p, t, w, m)
            sums.update({f"{index} {name}": one for name, one in part.sums.items()})
        for place, penalty in enumerate(self.penalties):
            if isinstance(penalty, ActivityPenalty):
                sums[f"activity {place}"] = penalty()
        device = first_output(y_pred).device
        for name, count in (("batches", 1), ("samples", batch_size(y_pred))):
            sums[name] = torch.full((), count, dtype=exact(device), device=device)
        return PartialSums(sums, self._described())

    def from_sums(self, sums: PartialSums, whole: PartialSums | None = None) -> Tensor:
        """The total loss that sums make, penalties with it.

        Args:
            sums: Of ``partial_sums()``, added up or not.
            whole: The sums of all batches and ranks, from ``tw.global_sums``: the total is theirs, its gradient the share of ``sums``.

        Raises:
            ValueError: for sums of another total.
        """
        must_be_sums("sums", sums).must_be_of(self._described())
        if whole is not None:
            must_be_sums("whole", whole)
        met = (sums if whole is None else sums.within(whole)).sums
        gain, ranks = (1.0, 1) if whole is None else (whole.gain, whole.ranks)
        # Sums that stand for the whole add a penalty once by themselves: only its gradient is shared.
        share = PenaltyShare(gain, ranks, 1.0 if whole is None else whole.sums["batches"], met["samples"].clamp(min=1))
        parts = []
        for index, weight in self._weights_in_total():
            criterion: Any = self.losses[index]
            own = {name.partition(" ")[2]: one for name, one in met.items() if name.partition(" ")[0] == str(index)}
            parts.append(scaled(criterion.from_sums(PartialSums(own, criterion._described())), weight))
        for place, penalty in enumerate(self.penalties):
            if isinstance(penalty, ActivityPenalty):
                mean = self.rules.activity == "mean over samples"
                value = met[f"activity {place}"]
                parts.append(scaled(value, 1 / share.samples) if mean else value)
            else:
                value, sharded = gathered(self._penalty_value(penalty))
                part = scaled(value, share.of_parameters(sharded))
                parts.append(part + (value - part).detach())
        return torch.stack([one.to(parts[0]) for one in parts]).sum()

    def _output(self, index: int) -> str:
        """The name of the output of a loss."""
        raise NotImplementedError

    def _penalty_value(self, penalty: Callable[[], Tensor]) -> Tensor:
        """A penalty, as one number."""
        raise NotImplementedError

    def _weights_in_total(self) -> list[tuple[int, Tensor]]:
        """Each loss with its weight in the total; those that the row drops are left out."""
        raise NotImplementedError

    def _described(self) -> str:
        return f"CompiledLoss of {len(self.losses)} losses in row {self.rules.name!r}"


def first_output(y_pred: Any) -> Tensor:
    """The first tensor of outputs, however they are nested."""
    while not isinstance(y_pred, Tensor):
        y_pred = next(iter(y_pred.values() if isinstance(y_pred, Mapping) else y_pred))
    return y_pred


def batch_size(y_pred: Any) -> int:
    """How many samples are in outputs."""
    first = first_output(y_pred)
    return first.shape[0] if first.ndim else 1  # len() would make a constant of a size that is traced
