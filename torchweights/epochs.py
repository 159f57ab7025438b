"""The numbers that a release prints for an epoch, out of those of its batches."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from torchweights.compile_rules import compile_rules_for
from torchweights.messages import shown
from torchweights.options import flag
from torchweights.precision import exact
from torchweights.semantics import Semantics
from torchweights.totals import Parts


class EpochLoss:
    """``loss`` and ``<output>_loss`` of an epoch, averaged as the release averages: over samples, or over batches.

    samples: sum_b n_b l_b / sum_b n_b;  batches: mean_b l_b

    Args:
        semantics: The row, as ``CompiledLoss`` takes it.
        steps: Whether the release was fed batches (``tf.data``, iterators, ``steps_per_epoch``), which some average otherwise than arrays.

    Source: recorded from ``fit`` and ``evaluate`` over uneven batches (``parity_tests/compiled``).

    >>> epoch = EpochLoss("keras3.15")
    >>> epoch.update({"loss": torch.tensor(1.0), "a_loss": torch.tensor(1.0)}, samples=3)
    >>> epoch.update({"loss": torch.tensor(2.0), "a_loss": torch.tensor(2.0)}, samples=1)
    >>> epoch.compute()
    {'loss': 1.25, 'a_loss': 1.5}
    >>> epoch.compute("val_")
    {'val_loss': 1.25, 'val_a_loss': 1.5}
    """

    def __init__(self, semantics: str | Semantics = "torchweights", *, steps: bool = False) -> None:
        self.rules = compile_rules_for(semantics)
        self.steps = flag("steps", steps)
        self.reset()

    def reset(self) -> None:
        """Begin an epoch."""
        # name -> sum of n l, sum of l; and sum of n, number of batches
        self._sums: dict[str, Tensor] = {}
        self._counts = [0, 0]

    def update(self, parts: Parts | Mapping[str, Tensor], samples: int) -> None:
        """Add a batch: what ``CompiledLoss.detailed`` returned (or its ``log_dict()``), and how many samples it had."""
        if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
            raise ValueError(
                f"samples expected the number of samples in the batch, 1 or more; received {shown(samples)}. Write len(y_true)."
            )
        log = _log_of(parts)
        if isinstance(parts, Parts) and not parts.terms and self.rules.epochs.penalties_alone == "batches":
            samples = 1
        if self._sums and set(log) != set(self._sums):
            raise ValueError(
                f"parts expected {', '.join(self._sums)}, as in the batches before; received {', '.join(log)}. Call reset() before another epoch "
                "or model."
            )
        for name, value in log.items():
            value = value.detach().to(exact(value.device))
            both = torch.stack([samples * value, value])
            self._sums[name] = self._sums[name] + both if name in self._sums else both
        self._counts = [self._counts[0] + samples, self._counts[1] + 1]

    def merge(self, *others: EpochLoss) -> EpochLoss:
        """Add what others (other ranks, other workers) saw of the same epoch; returns itself."""
        for other in others:
            if not isinstance(other, EpochLoss):
                raise TypeError(
                    f"others expected each an EpochLoss; received {type(other).__name__}. Write merge(*others) for a list."
                )
            if (other.rules.name, other.steps) != (self.rules.name, self.steps):
                raise ValueError(
                    f"others expected row {self.rules.name!r} and steps={self.steps}; received {other.rules.name!r} and steps={other.steps}. "
                    "Build all alike."
                )
            for name, both in other._sums.items():
                self._sums[name] = self._sums[name] + both.to(self._sums[name].device) if name in self._sums else both
            self._counts = [mine + theirs for mine, theirs in zip(self._counts, other._counts, strict=True)]
        return self

    def compute(self, prefix: str = "") -> dict[str, float]:
        """The numbers that the release prints, "val_" before their names for validation."""
        if not self._counts[1]:
            raise ValueError(
                "compute() expected a batch before it; received none since the start of the epoch. Call update(parts, samples)."
            )
        if not isinstance(prefix, str):
            raise TypeError(f"prefix expected text; received {shown(prefix)}. Write compute('val_').")
        epochs = self.rules.epochs
        of_loss, of_outputs = (
            (epochs.loss_of_steps, epochs.outputs_of_steps) if self.steps else (epochs.loss, epochs.outputs)
        )
        found = {}
        for name, both in self._sums.items():
            over = ("samples", "batches").index(of_loss if name == "loss" else of_outputs)
            found[prefix + name] = float(both[over]) / self._counts[over]
        return found


def _log_of(parts: object) -> Mapping[str, Tensor]:
    """The numbers of a batch by name. Raises TypeError and ValueError."""
    log = parts.log_dict() if isinstance(parts, Parts) else parts
    if not isinstance(log, Mapping) or not log:
        raise TypeError(
            f"parts expected what CompiledLoss.detailed() returns, or {{'loss': tensor}}; received {type(parts).__name__} {shown(parts)}. "
            "Write {'loss': loss}."
        )
    for name, value in log.items():
        if not isinstance(value, Tensor):
            raise TypeError(
                f"parts expected tensors; received {type(value).__name__} {shown(value)} as {name!r}. Leave .item() out."
            )
        if value.ndim:
            raise ValueError(
                f"parts expected one number for each name; received shape {tuple(value.shape)} as {name!r}. Reduce it first."
            )
    return log
