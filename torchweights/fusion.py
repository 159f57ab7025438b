"""``tw.fuse``: loss and gradient of a criterion in one compiled pass."""

from __future__ import annotations

import copy
from typing import TypeVar

from torchweights.compiled import CompiledLoss
from torchweights.losses import WeightedLoss

Criterion = TypeVar("Criterion", WeightedLoss, CompiledLoss)


def fuse(criterion: Criterion, *, from_size: int = 2**14) -> Criterion:
    """The same criterion, whose loss and gradient are one compiled pass over the batch: ``S / D`` and its derivative together.

    ``torch.compile`` makes it: C++ on a CPU, Triton on CUDA. The first batch of a shape waits for the compiler, which is said once;
    ``criterion.warm_up(shape)`` does it beforehand, and torch keeps what it compiled for later processes. Where there is no compiler
    one warning says so, and losses are computed as without ``fuse``; so are those that have no closed form, small batches, and
    whatever needs the plain path (second derivatives, gradients to weights or targets, ``reduction="none"``).

    Args:
        criterion: Any criterion, or a ``CompiledLoss``, each of whose losses is fused.
        from_size: From how many predictions on.

    Raises:
        TypeError: for what is no criterion of this library.

    Source: the closed forms of ``torchweights.closed_form``.

    >>> import torch, torchweights as tw
    >>> criterion = tw.fuse(tw.MeanSquaredError())
    >>> criterion(torch.ones(4, 2), torch.zeros(4, 2))
    tensor(1.)
    """
    if not isinstance(criterion, (WeightedLoss, CompiledLoss)):
        raise TypeError(
            f"criterion expected one of this library, or a CompiledLoss; received {type(criterion).__name__}. "
            "For any other module write torch.compile(module)."
        )
    if isinstance(from_size, bool) or not isinstance(from_size, int):
        raise TypeError(f"from_size expected a number of predictions (an int); received {from_size!r}. Write 2**14.")
    other = copy.copy(criterion)
    if isinstance(other, CompiledLoss):
        other = copy.deepcopy(criterion)
        for one in other.losses:
            if isinstance(one, WeightedLoss):
                one.fused(from_size)
        return other
    return other.fused(from_size)
