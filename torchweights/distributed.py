"""One denominator, or one set of sums, for all micro-batches and ranks of a step: the only place that talks to other processes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from torchweights.counts import Counts, Denominator
from torchweights.messages import shown
from torchweights.partial_sums import PartialSums, must_be_sums
from torchweights.precision import exact

#: who trains -> how often it divides the gradient again, for so many ranks and micro-batches
AVERAGES: dict[str, Callable[[int, int], float]] = {
    "ddp": lambda ranks, k: ranks,
    "fsdp": lambda ranks, k: ranks,
    "sum": lambda ranks, k: 1,
    "lightning": lambda ranks, k: ranks * k,
    "accelerate": lambda ranks, k: ranks * k,
}
#: those that also divide by the number of micro-batches, which has to be said
_DIVIDE_BY_BATCHES = ("lightning", "accelerate")

AveragedBy = str | tuple[str, int]
Group = Any


def global_denominator(denominators: Any, group: Group | None = None, averaged_by: AveragedBy = "ddp") -> Any:
    """D of the whole step, for every batch of it: the gradient is then that of one process with all batches as one.

    D = row's function of counts summed over batches and ranks, divided by how often the trainer divides again. One all-reduce: call it on every
    rank, in every step. Where ``torch.distributed`` was not initialised it serves plain accumulation.

    Args:
        denominators: What ``criterion.denominator()`` returned for each micro-batch of this rank, in a list (or one alone). Those of a
            ``CompiledLoss`` are dicts by output; numbers and 0-dim tensors, such as counts of tokens, are added as they are. A rank without
            samples gives that of an empty batch.
        group: The process group whose ranks hold different samples; None for all ranks.
        averaged_by: What divides the gradient after ``backward``: "ddp" and "fsdp" average over ranks; "sum", nobody does;
            ("lightning", k) and ("accelerate", k) average over ranks and over the k batches that are accumulated.

    Returns:
        What ``denominator=`` takes, in the form of one entry of ``denominators``.

    Raises:
        ValueError: for an empty list, entries that do not add up and unknown words of ``averaged_by``.

    Source: the gradient of sum(S) / sum(D); ``docs/distributed.md`` derives it.

    >>> import torchweights as tw
    >>> criterion = tw.MeanSquaredError()
    >>> batches = [torch.zeros(3, 1), torch.zeros(1, 1)]
    >>> d = global_denominator([criterion.denominator(y_true=t) for t in batches])
    >>> sum(criterion(torch.ones_like(t), t, denominator=d) for t in batches)
    tensor(1.)
    """
    ranks, times = _ranks(group), _times_averaged(averaged_by, _ranks(group))
    total = _added(denominators, "denominators")
    summed = iter(_all_reduced([count for leaf in _leaves(total) for count in _numbers_of(leaf)], group, ranks))
    return _mapped(total, lambda leaf: _global(leaf, summed, times, ranks))


def global_sums(
    sums: PartialSums | Sequence[PartialSums], group: Group | None = None, averaged_by: AveragedBy = "ddp"
) -> PartialSums:
    """The sums of the whole step, for a loss that no denominator splits: ``criterion.from_sums(sums, whole)``.

    One all-reduce: call it on every rank, in every step. Sums need predictions: to accumulate, compute those of all micro-batches
    without gradient, add them here, then compute each again with its gradient.

    Args:
        sums: What ``criterion.partial_sums()`` returned for each micro-batch of this rank, in a list (or one alone).
        group, averaged_by: As in ``global_denominator``.

    Returns:
        The sums of all batches and ranks, without gradient.

    Raises:
        ValueError: for an empty list and sums of different criteria.

    >>> import torchweights as tw
    >>> criterion = tw.ClassDice(activation="none", over="batch")
    >>> p, t = torch.tensor([[0.5, 0.5], [0.0, 1.0]]), torch.tensor([0, 1])
    >>> sums = criterion.partial_sums(p, t)
    >>> criterion.from_sums(sums, global_sums(sums))
    tensor(0.1714)
    """
    ranks, times = _ranks(group), _times_averaged(averaged_by, _ranks(group))
    for one in sums if isinstance(sums, (list, tuple)) else [sums]:
        must_be_sums("sums", one)
    total = _added(sums, "sums").detach()
    summed = iter(_all_reduced(list(total.sums.values()), group, ranks))
    return PartialSums({name: next(summed).to(one) for name, one in total.sums.items()}, total.criterion, times, ranks)


# ------------------------------------------------------------------------------------------------------------- ranks


def _ranks(group: Group | None) -> int:
    if not (dist.is_available() and dist.is_initialized()):
        if group is not None:
            raise ValueError(
                "group expected None where torch.distributed is not initialised; received one. Call "
                "torch.distributed.init_process_group() first."
            )
        return 1
    ranks = dist.get_world_size(group)
    if ranks < 1:
        raise ValueError("group expected one that this rank belongs to; received another. Call this on its ranks only.")
    return ranks


def _times_averaged(averaged_by: AveragedBy, ranks: int) -> float:
    word, batches = averaged_by if isinstance(averaged_by, tuple) and len(averaged_by) == 2 else (averaged_by, None)
    choices = ", ".join(f"({one!r}, k)" if one in _DIVIDE_BY_BATCHES else repr(one) for one in AVERAGES)
    if not isinstance(word, str) or word not in AVERAGES or (batches is not None) != (word in _DIVIDE_BY_BATCHES):
        raise ValueError(
            f"averaged_by expected one of {choices}; received {shown(averaged_by)}. k is how many batches are accumulated before a step."
        )
    if batches is not None and (isinstance(batches, bool) or not isinstance(batches, int) or batches < 1):
        raise ValueError(
            f"averaged_by expected a number of batches, 1 or more, as k; received {averaged_by!r}. Count the batches between two steps."
        )
    return float(AVERAGES[word](ranks, batches or 1))


def _all_reduced(tensors: list[Tensor], group: Group | None, ranks: int) -> list[Tensor]:
    """Each summed over ranks, all in one message; in the float type in which counts are exact."""
    if ranks == 1:
        return tensors
    device = _device_of(group, tensors[0].device)
    flat = torch.cat([one.detach().reshape(-1).to(device=device, dtype=exact(device)) for one in tensors])
    dist.all_reduce(flat, group=group)
    pieces = torch.split(flat, [one.numel() for one in tensors])
    return [piece.reshape(one.shape).to(one.device) for piece, one in zip(pieces, tensors, strict=True)]


def _device_of(group: Group | None, device: torch.device) -> torch.device:
    """Where a group can add: NCCL knows GPUs alone, and counts may come from a loader on the CPU."""
    if device.type == "cpu" and dist.get_backend(group) == "nccl":
        return torch.device("cuda", torch.cuda.current_device())
    return device


# ------------------------------------------------------------------- what is added: by batch, then output by output


def _added(batches: Any, name: str) -> Any:
    """The entries of a list, added up; whatever they are nested in."""
    if not isinstance(batches, (list, tuple)):
        return batches
    if not batches:
        raise ValueError(
            f"{name} expected one for each micro-batch; received an empty list. On a rank without samples, give that of an empty batch, "
            "of y_true[:0]."
        )
    first, *others = batches
    for other in others:
        first = _plus(first, other, name)
    return first


def _plus(one: Any, other: Any, name: str) -> Any:
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        return {key: _plus(value, other[key], name) for key, value in one.items()}
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and len(one) == len(other):
        return [_plus(mine, theirs, name) for mine, theirs in zip(one, other, strict=True)]
    if any(isinstance(value, (Mapping, list, tuple)) for value in (one, other)):
        raise ValueError(
            f"{name} expected the same outputs in every micro-batch; received {_shape_of(one)} and {_shape_of(other)}. Make all with the "
            "same criterion."
        )
    for value in (one, other):
        if not isinstance(value, PartialSums):
            _numbers_of(value)
    if isinstance(one, Denominator) != isinstance(other, Denominator):
        raise TypeError(
            f"{name} expected of one kind, to add up; received what criterion.denominator() returns beside "
            f"{shown(other if isinstance(one, Denominator) else one)}. Make all with the same criterion."
        )
    return one + other


def _shape_of(nested: Any) -> str:
    return str(list(nested)) if isinstance(nested, Mapping) else f"{type(nested).__name__}"


def _leaves(nested: Any) -> Iterator[Any]:
    if isinstance(nested, Mapping):
        nested = list(nested.values())
    if isinstance(nested, (list, tuple)):
        for one in nested:
            yield from _leaves(one)
    else:
        yield nested


def _mapped(nested: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(nested, Mapping):
        return {name: _mapped(one, change) for name, one in nested.items()}
    return [_mapped(one, change) for one in nested] if isinstance(nested, (list, tuple)) else change(nested)


def _numbers_of(leaf: Any) -> list[Tensor]:
    if isinstance(leaf, Denominator):
        if leaf.is_global:
            raise ValueError(
                "denominators expected of single batches; received what global_denominator() returned, which is of all batches and "
                "ranks already. Call it once in a step."
            )
        return leaf.counts.each()
    if isinstance(leaf, Tensor) and leaf.ndim == 0 and not leaf.is_complex():
        return [leaf.to(exact(leaf.device))]
    if isinstance(leaf, (int, float)) and not isinstance(leaf, bool) and math.isfinite(leaf):
        return [torch.tensor(float(leaf), dtype=torch.float64)]
    raise TypeError(
        f"denominators expected what criterion.denominator() returns, or finite numbers, in a list; received {type(leaf).__name__}"
        f"{f' {shown(leaf)}' if isinstance(leaf, (str, int, float)) else ''}. {_way_out(leaf)}"
    )


def _way_out(leaf: object) -> str:
    """What to write instead of something that is no denominator."""
    if isinstance(leaf, Iterator):
        return "Write list(..)."
    if isinstance(leaf, PartialSums):
        return "Partial sums go to tw.global_sums."
    if isinstance(leaf, Tensor):
        return "Add up what it counts: .sum()."
    return "Write [criterion.denominator(y_true) for each micro-batch]."


def _global(leaf: Any, summed: Iterator[Tensor], times: float, ranks: int) -> Any:
    numbers = [next(summed) for _ in _numbers_of(leaf)]
    if isinstance(leaf, Denominator):
        return Denominator(Counts(*numbers), leaf.semantics, leaf.reduction, times, ranks)
    return numbers[0] / times
