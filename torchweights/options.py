"""Options are checked when something is built: their names, their kinds, their values."""

from __future__ import annotations

import difflib
import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torchweights.messages import shown

#: what torch.nn, Keras and projects call an option, and what is written here instead; {} is what was given
ELSEWHERE = {
    "weight": "class_weight={}",
    "weights": "class_weight={}",
    "class_weights": "class_weight={}",
    "pos_weight": "class_weight={{0: 1.0, 1: ..}} for one label, class_weight=[..] for one weight per label column",
    "ignore_index": "ignore_class={}",
    "ignore_label": "ignore_class={}",
    "dim": "axis={}",
    "eps": "epsilon={}",
    "logits": "from_logits={}",
    "smoothing": "label_smoothing={}",
    "size_average": "reduction='mean' for True, reduction='sum' for False",
    "reduce": "reduction='mean' for True, reduction='none' for False",
}
#: what belongs to the call, not to the criterion
IN_THE_CALL = ("sample_weight", "mask", "denominator", "y_pred", "y_true")
#: what Keras's losses take besides, and no number depends on
WITHOUT_EFFECT = ("name", "dtype")
#: options without a default, and how to choose
REQUIRED = {
    "activation": "activation='softmax' or 'sigmoid' for logits, activation='none' for probabilities",
    "indexing": "indexing='true_pred' where rows are true classes, indexing='pred_true' where they are predicted ones",
    "cost_matrix": "cost_matrix=[[..], ..], a row and a column for each class",
}


def explained(build: Callable[..., None]) -> Callable[..., None]:
    """``__init__`` whose caller learns, of a name that is no option, what the option is called here."""
    signature = inspect.signature(build)

    @functools.wraps(build)
    def __init__(self: object, *given: Any, **named: Any) -> None:
        try:
            signature.bind(self, *given, **named)
        except TypeError as problem:
            refusal = _refusal(type(self).__name__, signature.parameters, given, named)
            raise (refusal or problem) from None
        build(self, *given, **named)

    return __init__


def _refusal(
    kind: str, takes: Mapping[str, inspect.Parameter], given: Sequence[Any], named: Mapping[str, Any]
) -> TypeError | None:
    """What to write instead; None where Python's own words are as good (an option given twice)."""
    places = [one.name for one in takes.values() if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD][1:]
    options = [name for name in takes if name != "self"]
    for name, value in named.items():
        if name not in options:
            way_out = _written_here(name, value, options)
            return TypeError(f"{name} expected an option that {kind} has; received {name}={shown(value)}. {way_out}")
    if len(places) < min(len(given), len(options)):
        extra = shown(given[len(places)])
        return TypeError(
            f"options of {kind} expected by name; received {extra} without one. Write {kind}({options[len(places)]}=..)."
        )
    required = [name for name in options[len(given) :] if takes[name].default is inspect.Parameter.empty]
    lacking = [name for name in required if name not in named]
    if not lacking:
        return None
    way_out = REQUIRED.get(lacking[0], f"{lacking[0]}=..")
    return TypeError(f"{lacking[0]} expected by {kind}, received nothing. Write {way_out}.")


def _written_here(name: str, value: object, options: Sequence[str]) -> str:
    if name in ELSEWHERE and ELSEWHERE[name].partition("=")[0] in options:
        return f"Write {ELSEWHERE[name].format(shown(value))}."
    if name in IN_THE_CALL:
        return f"Give it with the call: criterion(y_pred, y_true, {name}=..)."
    if name in WITHOUT_EFFECT:
        return "Leave it out: no number depends on it."
    near = difflib.get_close_matches(name, options, n=1)
    return f"Write {near[0]}=.." if near else f"It takes {', '.join(options)}."


# ------------------------------------------------------------------------------------------------- kinds and values


def number(
    name: str, given: object, expected: str = "a finite number", allowed: Callable[[Any], bool] = math.isfinite
) -> float:
    """A number that is ``allowed``. Raises TypeError for another kind, ValueError for another value."""
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise TypeError(
            f"{name} expected {expected}; received {type(given).__name__} {shown(given)}. Write float({name}) if it holds one."
        )
    if not allowed(given):
        raise ValueError(f"{name} expected {expected}; received {given!r}.")
    return given


def not_negative(name: str, given: object) -> float:
    """A number, 0 or more."""
    return number(name, given, "a number, 0 or more", lambda one: 0 <= one < math.inf)


def whole(name: str, given: object, least: int) -> int:
    """A whole number, not too small. Raises TypeError and ValueError."""
    if isinstance(given, bool) or not isinstance(given, int):
        raise TypeError(
            f"{name} expected a whole number, {least} or more; received {type(given).__name__} {shown(given)}. Write int({name})."
        )
    if given < least:
        raise ValueError(f"{name} expected a whole number, {least} or more; received {given!r}.")
    return given


def label(name: str, given: object) -> int | None:
    """A label or class, or None. Raises TypeError."""
    if given is not None and (isinstance(given, bool) or not isinstance(given, int)):
        raise TypeError(
            f"{name} expected a label (an int) or None; received {type(given).__name__} {shown(given)}. Write int({name})."
        )
    return given


def flag(name: str, given: object) -> bool:
    """True or False. Raises TypeError."""
    if not isinstance(given, bool):
        raise TypeError(f"{name} expected True or False; received {type(given).__name__} {shown(given)}.")
    return given


def takes(name: str, given: Callable[..., Any], arguments: Sequence[str]) -> None:
    """A function that can be called with these arguments, by place. Raises TypeError."""
    try:
        signature = inspect.signature(given)
    except (TypeError, ValueError):
        return  # built-in functions may have none
    try:
        signature.bind(*arguments)
    except TypeError:
        listed = ", ".join(arguments)
        raise TypeError(
            f"{name} expected a function of {f'({listed})' if listed else 'no arguments'}; received one that takes {signature}. Wrap it: "
            f"lambda{' ' * bool(listed)}{listed}: .."
        ) from None


def one_axis(name: str, given: object, of: str = "the classes") -> int:
    """An axis. Raises TypeError."""
    if isinstance(given, bool) or not isinstance(given, int):
        raise TypeError(f"{name} expected an int, the axis of {of}; received {shown(given)}.")
    return given


def axis_within(axis: object, rank: int, what: str = "y_pred") -> int:
    """An axis of a tensor of this rank. Raises TypeError and ValueError."""
    if not -rank <= one_axis("axis", axis) < rank:
        raise ValueError(f"axis expected from {-rank} to {rank - 1} for {what} of rank {rank}; received {axis}.")
    return axis  # type: ignore[return-value]
