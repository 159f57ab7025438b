"""Losses that do not split into values over a denominator, taken apart into sums that add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class PartialSums:
    """What ``criterion.partial_sums()`` returns: sums over one batch that add up to those of all batches.

    ``sums`` have a gradient, unlike a ``Denominator``. ``gain`` is how often whoever trains divides the gradient again,
    ``ranks`` over how many ranks they were added (``global_sums`` sets both).

    >>> import torch, torchweights as tw
    >>> criterion = tw.ClassDice(activation="none", over="batch")
    >>> p, t = torch.tensor([[0.5, 0.5], [0.0, 1.0], [0.25, 0.75]]), torch.tensor([0, 1, 1])
    >>> both = criterion.partial_sums(p[:1], t[:1]) + criterion.partial_sums(p[1:], t[1:])
    >>> criterion(p, t), criterion.from_sums(both)
    (tensor(0.2078), tensor(0.2078))
    """

    sums: Mapping[str, Tensor]
    #: the criterion as it prints: sums of different criteria do not mix
    criterion: str
    gain: float = 1.0
    ranks: int = 1

    def __add__(self, other: object) -> PartialSums:
        if not isinstance(other, PartialSums):
            return NotImplemented
        other.must_be_of(self.criterion)
        if any(one.gain != 1 or one.ranks != 1 for one in (self, other)):
            raise ValueError(
                "partial sums expected of single batches, to add up; received what global_sums() returned, which is of all batches "
                "and ranks already. Give it all batches of the step at once."
            )
        return PartialSums(
            {name: one + other.sums[name].to(one.device) for name, one in self.sums.items()}, self.criterion
        )

    def __radd__(self, other: object) -> PartialSums:
        # sum() starts from 0.
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def must_be_of(self, criterion: str) -> None:
        """Raises ValueError unless these sums are of this criterion."""
        if self.criterion != criterion:
            raise ValueError(
                f"partial sums expected of {criterion}, received those of {self.criterion}. Make them with partial_sums() of "
                "the same criterion."
            )

    def each(self, change: Callable[[Tensor], Tensor]) -> PartialSums:
        """The same sums, each changed."""
        return PartialSums(
            {name: change(one) for name, one in self.sums.items()}, self.criterion, self.gain, self.ranks
        )

    def detach(self) -> PartialSums:
        """The same sums without gradient."""
        return self.each(lambda one: one.detach())

    def within(self, whole: PartialSums) -> PartialSums:
        """The sums of the whole, whose gradient is that of this part.

        Straight through: the value of ``whole``, the derivative of this part times ``whole.gain``. Added over all parts the gradients
        are those of the whole batch.
        """
        self.must_be_of(whole.criterion)
        return PartialSums(
            {
                name: whole.sums[name].detach().to(one) + whole.gain * (one - one.detach())
                for name, one in self.sums.items()
            },
            self.criterion,
        )


def must_be_sums(name: str, given: object) -> PartialSums:
    """What ``partial_sums()`` returned; raises TypeError for anything else."""
    if not isinstance(given, PartialSums):
        raise TypeError(
            f"{name} expected what criterion.partial_sums() returns; received {type(given).__name__}. "
            "Add up a list of them with sum(..), and write criterion(y_pred, y_true) for a loss of one batch."
        )
    return given
