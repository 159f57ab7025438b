"""Which losses each output has: what each era makes of ``compile(loss=...)``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torchweights.compile_rules.outputs import Outputs, leaves
from torchweights.messages import warn_of_trap


@dataclass(frozen=True)
class Bound:
    """The losses of a model: for each the place of its output, and what was given for it (None for no loss)."""

    places: list[int]
    given: list[Any]
    #: which of them the release leaves out of the total, printing 0
    dropped: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.places)


def one_for_all(loss: Any) -> bool:
    """Whether ``loss`` is a single one: a name, a criterion, a function or None."""
    return not isinstance(loss, (Mapping, list, tuple))


def one_each(loss: Any, outputs: Outputs) -> Bound:
    """one for each output, None for those that a dict does not name"""
    places = list(range(len(outputs)))
    if one_for_all(loss):
        return Bound(places, [loss] * len(outputs))
    if isinstance(loss, Mapping):
        outputs.known("loss", loss)
        given = [loss.get(name) for name in outputs.names]
    else:
        given = list(loss)
        _as_many(given, outputs)
    several = [one for one in given if not one_for_all(one)]
    if several:
        raise ValueError(
            f"loss expected one for each output in this row, whose release knows no several losses on one output; received {several[0]!r}. "
            "Take another row, or add the second loss as one of penalties."
        )
    return Bound(places, given)


def one_each_but_no_tuple(loss: Any, outputs: Outputs) -> Bound:
    """one for each output, None for those that a dict does not name; no tuples"""
    if isinstance(loss, tuple):
        raise ValueError(
            f"loss expected a list in this row, whose release takes a tuple for a single loss; received {loss!r}. Write list(loss)."
        )
    return one_each(loss, outputs)


def one_each_and_none_last(loss: Any, outputs: Outputs) -> Bound:
    """one for each output, None for those that a dict does not name, if no other output comes after"""
    bound = one_each(loss, outputs)
    given = [one for one in bound.given if one is not None]
    if given != bound.given[: len(given)]:
        raise ValueError(
            f"loss expected outputs without a loss after all others in this row; received {loss!r:.80}. The release compares the targets of the outputs after "
            "them with predictions of the outputs before. Leave outputs without a loss out of y_pred."
        )
    return bound


def in_order(loss: Any, outputs: Outputs) -> Bound:
    """by their order, however nested: outputs beyond the list have none, losses beyond the outputs are dropped"""
    if one_for_all(loss):
        return Bound(list(range(len(outputs))), [loss] * len(outputs))
    if isinstance(loss, Mapping) and not outputs.nested:
        outputs.known("loss", loss)
        loss = [loss.get(name) for name in outputs.names]
    given = leaves(loss)
    if len(given) != len(outputs):
        warn_of_trap(
            "compile: losses dropped",
            f"loss expected {len(outputs)} entries, one for each of {outputs}; received {len(given)}. As in the release, they are taken in order: outputs "
            "beyond them are not trained, losses beyond the outputs are dropped, and several losses on one output move those after it.",
        )
    kept = given[: len(outputs)]
    return Bound(list(range(len(kept))), kept)


def one_each_and_none_shifts(loss: Any, outputs: Outputs) -> Bound:
    """one for each output; None in a list is left out and the losses after it move to earlier outputs"""
    if isinstance(loss, Mapping) or one_for_all(loss):
        return one_each(loss, outputs)
    bound = one_each(list(loss), outputs)
    given = [one for one in bound.given if one is not None]
    if given != bound.given[: len(given)]:
        warn_of_trap(
            "compile: losses shifted",
            f"loss expected no None before another loss; received {loss!r:.80}. As in the release, None is left out and the losses after it meet the "
            "outputs before theirs. Give a dict by name.",
        )
    return Bound(list(range(len(given))), given)


def by_sorted_name_and_none_stops(loss: Any, outputs: Outputs) -> Bound:
    """one for each output, of a dict in the order of its sorted keys whatever their names; none after a None"""
    if isinstance(loss, Mapping):
        known = set(outputs.names) if not outputs.nested else set(outputs.structure)
        if outputs.in_dict and not outputs.nested and set(loss) < known:
            kept = [place for place, name in enumerate(outputs.names) if name in loss]
            return Bound(kept, [loss[outputs.names[place]] for place in kept])
        if set(loss) != known:
            raise ValueError(
                f"loss expected an entry for each of {', '.join(sorted(known))}; received {', '.join(loss)}."
            )
        if not outputs.nested and sorted(outputs.names) != outputs.names:
            warn_of_trap(
                "compile: losses by sorted name",
                f"loss expected a list, as the outputs {outputs} are not in the order of their names; received a dict. As in the release, its losses are taken "
                "in the order of their sorted names, and meet other outputs.",
            )
        loss = [loss[name] for name in sorted(loss)]
        loss = leaves(loss) if outputs.nested else loss
    if one_for_all(loss):
        return Bound(list(range(len(outputs))), [loss] * len(outputs))
    bound = one_each(list(loss), outputs)
    stop = bound.given.index(None) if None in bound.given else len(bound)
    return Bound(bound.places, bound.given, frozenset(range(stop, len(bound))))


def any_number_each(loss: Any, outputs: Outputs) -> Bound:
    """by name or place, several on one output add up; a list may stop early"""
    if isinstance(loss, Mapping) and not outputs.in_dict and set(loss) != set(outputs.names):
        raise ValueError(
            f"loss expected an entry for each of {outputs}; received {', '.join(loss)}. Write None for an output without a loss."
        )
    if isinstance(loss, Mapping) and outputs.in_dict and not outputs.nested:
        outputs.known("loss", loss)
    if isinstance(loss, (list, tuple)) and len(outputs) == 1 < len(loss) and not outputs.in_dict:
        warn_of_trap(
            "compile: losses of the only output dropped",
            f"loss expected one for the only output, {outputs}; received {len(loss)}. As in the release, the first one acts alone. "
            "Write [[first, second]] for their sum.",
        )
        loss = loss[:1]
    return _placed(loss, outputs, stop_early=True)


def strictly(loss: Any, outputs: Outputs) -> Bound:
    """one or several for each output, None where there is none"""
    if isinstance(loss, Mapping) and not outputs.nested:
        outputs.known("loss", loss)
        lacking = [name for name in outputs.names if name not in loss]
        if lacking:
            raise ValueError(
                f"loss expected an entry for each of {outputs}; received none for {', '.join(lacking)}. Write None for an output "
                "without a loss."
            )
    return _placed(loss, outputs, stop_early=False)


def _placed(loss: Any, outputs: Outputs, *, stop_early: bool) -> Bound:
    """Losses where their paths lead; what is nested deeper than its output are several losses on it."""
    if one_for_all(loss):
        return Bound(list(range(len(outputs))), [loss] * len(outputs))
    if isinstance(loss, Mapping) and not outputs.in_dict:
        loss = [loss.get(name) for name in outputs.names]
    places: list[int] = []
    given: list[Any] = []
    _place(loss, outputs.structure, outputs, places, given, stop_early)
    return Bound(places, given)


def _place(loss: Any, names: Any, outputs: Outputs, places: list[int], given: list[Any], stop_early: bool) -> None:
    if isinstance(names, str):
        for one in leaves(loss):
            places.append(outputs.names.index(names))
            given.append(one)
    elif one_for_all(loss):
        for name in leaves(names):
            _place(loss, name, outputs, places, given, stop_early)
    elif isinstance(names, Mapping) and isinstance(loss, Mapping):
        for key in names:
            _place(loss.get(key), names[key], outputs, places, given, stop_early)
    else:
        listed = list(loss.values()) if isinstance(loss, Mapping) else list(loss)
        below = list(names.values()) if isinstance(names, Mapping) else list(names)
        if len(listed) > len(below) or (len(listed) < len(below) and not stop_early):
            raise _wrong_number(len(listed), below)
        for one, name in zip(listed, below, strict=False):
            _place(one, name, outputs, places, given, stop_early)


def _as_many(given: list[Any], outputs: Outputs) -> None:
    if len(given) != len(outputs):
        raise _wrong_number(len(given), outputs.names)


def _wrong_number(received: int, expected: list[Any]) -> ValueError:
    return ValueError(
        f"loss expected {len(expected)} entries, one for each of {', '.join(map(str, expected))}; received {received}. Give a list, or a "
        "dict by name; None for an output without a loss."
    )
