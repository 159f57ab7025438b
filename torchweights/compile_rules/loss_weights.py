"""Which weight each loss has: what each era makes of ``compile(loss_weights=...)``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from torchweights.compile_rules.losses import Bound, one_for_all
from torchweights.compile_rules.outputs import Outputs, leaves
from torchweights.messages import warn_of_trap

#: The weight of each loss; None for one that the release drops from the total (and prints as 0).
Weights = list[Any]


def one_each(loss_weights: Any, loss: Any, bound: Bound, outputs: Outputs) -> Weights:
    """a list, or a dict where outputs that lack weigh 1"""
    if loss_weights is None:
        return [1.0] * len(bound)
    if isinstance(loss_weights, Mapping):
        outputs.known("loss_weights", loss_weights)
        by_output = [loss_weights.get(name, 1.0) for name in outputs.names]
    elif isinstance(loss_weights, list):
        by_output = loss_weights
        _as_many(len(loss_weights), len(outputs), f"one for each of {outputs}")
    else:
        raise TypeError(
            f"loss_weights expected a list or a dict in this row, whose release takes nothing else; received {_shown(loss_weights)}. Write "
            "a list with a number for each output."
        )
    return [_no_none(by_output[place]) for place in bound.places]


def in_order(loss_weights: Any, loss: Any, bound: Bound, outputs: Outputs) -> Weights:
    """a number for all, a dict where outputs that lack weigh 1, or a list by order; outputs beyond it are dropped"""
    if loss_weights is None:
        return [1.0] * len(bound)
    if isinstance(loss_weights, Mapping):
        outputs.known("loss_weights", loss_weights)
        return [_or_one(loss_weights.get(outputs.names[place])) for place in bound.places]
    listed = _listed(loss_weights)
    if listed is None:
        return [loss_weights] * len(bound)
    if not listed:
        _as_many(0, len(outputs), f"one for each of {outputs}")
    if len(listed) < len(bound):
        warn_of_trap(
            "compile: loss_weights too short",
            f"loss_weights expected {len(bound)} numbers, one for each of {outputs}; received {len(listed)}. As in the release, outputs beyond "
            "the list are not trained and their loss is 0.",
        )
    return [_or_one(listed[place]) if place < len(listed) else None for place in bound.places]


def like_the_losses(loss_weights: Any, loss: Any, bound: Bound, outputs: Outputs) -> Weights:
    """a dict beside a dict of losses, where outputs that lack weigh 1; a list beside everything else"""
    if loss_weights is None or (isinstance(loss_weights, (Mapping, list, tuple)) and not loss_weights):
        return [1.0] * len(bound)
    if isinstance(loss, Mapping) and isinstance(loss_weights, Mapping):
        outputs.known("loss_weights", loss_weights)
        return [_or_one(loss_weights.get(outputs.names[place])) for place in bound.places]
    if len(outputs) == 1 and not isinstance(loss_weights, Mapping):
        if isinstance(loss_weights, (list, tuple)):
            raise ValueError(
                f"loss_weights expected a number for the only output, in this row; received {_shown(loss_weights)}."
            )
        return [loss_weights] * len(bound)
    if isinstance(loss, Mapping) or not isinstance(loss_weights, (list, tuple)):
        expected = (
            "a dict, as the losses are" if isinstance(loss, Mapping) else f"a list with a number for each of {outputs}"
        )
        raise ValueError(f"loss_weights expected {expected}, in this row; received {_shown(loss_weights)}.")
    _as_many(len(loss_weights), len(outputs), f"one for each of {outputs}")
    # As many losses as are left, from the first weight on: where None shifts losses, their weights stay.
    return [_no_none(weight) for weight in loss_weights[: len(bound)]]


def by_sorted_name(loss_weights: Any, loss: Any, bound: Bound, outputs: Outputs) -> Weights:
    """a number for each loss, of a dict in the order of its sorted keys whatever their names"""
    if loss_weights is None:
        return [1.0] * len(bound)
    if not isinstance(loss_weights, (Mapping, list, tuple)):
        if len(outputs) == 1 and _listed(loss_weights) is None:
            return [loss_weights] * len(bound)
        raise ValueError(
            f"loss_weights expected a list or a dict with a number for each of {outputs}; received {_shown(loss_weights)}."
        )
    weights = _by_sorted_key(loss_weights)
    _as_many(len(weights), len(bound), f"one for each of {outputs}")
    if isinstance(loss_weights, Mapping):
        _warn_of_sorted_keys(list(loss_weights), outputs)
    return [_or_one(weight) for weight in weights]


def _warn_of_sorted_keys(keys: list[str], outputs: Outputs) -> None:
    if sorted(keys) != outputs.names:
        warn_of_trap(
            "compile: loss_weights by sorted key",
            "loss_weights expected as a list where the release does not look at the names in a dict; received a dict. As in the release, its numbers "
            f"are taken in the order of its sorted keys and meet the outputs {outputs} in theirs.",
        )


def one_for_each_loss(loss_weights: Any, loss: Any, bound: Bound, outputs: Outputs) -> Weights:
    """a number for each loss as they are nested; a dict beside a list of losses goes by the order of its keys"""
    if loss_weights is None:
        return [1.0] * len(bound)
    listed = _listed(loss_weights)
    if one_for_all(loss):
        if listed is None and not isinstance(loss_weights, Mapping):
            return [loss_weights] * len(bound)
        weights = _by_sorted_key(loss_weights)
        _as_many(len(weights), 1, "as the release counts a single loss as one, whatever the outputs")
        return [_or_one(weights[0])] * len(bound)
    if isinstance(loss_weights, Mapping) and isinstance(loss, Mapping):
        by_loss = [outputs.names[place] for place in bound.places]
        lacking = [name for name in dict.fromkeys(by_loss) if name not in loss_weights]
        if lacking:
            raise ValueError(
                f"loss_weights expected an entry for {', '.join(lacking)}; received {', '.join(loss_weights)}. Write 1.0."
            )
        return [_or_one(loss_weights[name]) for name in by_loss]
    if listed is None and not isinstance(loss_weights, Mapping):
        if len(outputs) == 1:
            return [loss_weights] * len(bound)
        raise TypeError(
            f"loss_weights expected a list, or a dict, with a number for each of {outputs}; received {_shown(loss_weights)}."
        )
    if not isinstance(loss_weights, (Mapping, list, tuple)):
        raise ValueError(
            f"loss_weights expected a list or a dict in this row; received {_shown(loss_weights)}. Write .tolist()."
        )
    weights = _by_sorted_key(loss_weights)
    _as_many(len(weights), len(leaves(loss)), "one for each loss")
    if isinstance(loss_weights, Mapping):
        _warn_of_sorted_keys(list(loss_weights), outputs)
    return [_or_one(weight) for weight in weights]


def strictly(loss_weights: Any, loss: Any, bound: Bound, outputs: Outputs) -> Weights:
    """a number for each output, in a list or a dict; nested for several losses on one"""
    if loss_weights is None:
        return [1.0] * len(bound)
    with_loss = [name for place, name in enumerate(outputs.names) if _has_loss(place, bound)]
    if isinstance(loss_weights, Mapping):
        outputs.known("loss_weights", loss_weights)
        lacking = [name for name in with_loss if loss_weights.get(name) is None]
        if lacking:
            raise ValueError(
                f"loss_weights expected a number for each output; received none for {', '.join(lacking)}. Write 1.0."
            )
        by_output = [loss_weights.get(name) for name in outputs.names]
    else:
        listed = list(loss_weights) if isinstance(loss_weights, (list, tuple)) else _listed(loss_weights)
        by_output = [loss_weights] if listed is None else listed
        _as_many(len(by_output), len(outputs), f"one for each of {outputs}")
    weights = []
    for place in dict.fromkeys(bound.places):
        here, many = by_output[place], bound.places.count(place)
        several = _listed(here)
        if several is not None and len(several) != many:
            _as_many(len(several), many, f"one for each loss of {outputs.names[place]}")
        found = [here] * many if several is None else several
        weights += [1.0 if one is None and not _has_loss(place, bound) else _no_none(one) for one in found]
    return weights


def _has_loss(place: int, bound: Bound) -> bool:
    return any(at == place and one is not None for at, one in zip(bound.places, bound.given, strict=True))


def _listed(given: Any) -> list[Any] | None:
    """The entries of a list, a tuple, an array or a tensor; None for a number."""
    if isinstance(given, Tensor) or hasattr(given, "__array__"):
        return None if given.ndim == 0 else list(given.tolist())
    return leaves(given) if isinstance(given, (list, tuple)) else None


def _by_sorted_key(given: Any) -> list[Any]:
    return [given[key] for key in sorted(given)] if isinstance(given, Mapping) else leaves(given)


def _or_one(weight: Any) -> Any:
    return 1.0 if weight is None else weight


def _no_none(weight: Any) -> Any:
    if weight is None:
        raise ValueError("loss_weights expected a number for each output; received None. Write 1.0.")
    return weight


def _as_many(received: int, expected: int, which: str) -> None:
    if received != expected:
        raise ValueError(f"loss_weights expected {expected} numbers, {which}; received {received}.")


def _shown(given: Any) -> str:
    return f"{type(given).__name__} {given!r:.60}"
