"""Class weights become sample weights, as each era's ``fit(class_weight=...)`` did it."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from torchweights.messages import shown, warn_of_trap
from torchweights.options import axis_within, whole
from torchweights.precision import exact, moved
from torchweights.semantics import ClassWeights, Semantics, semantics_for
from torchweights.validation import as_weight, can_look, check_labels, check_tensor, within

ClassWeightsLike = Mapping[int, float] | Sequence[float] | Tensor


#: places from which on, and rows in which, they are gathered: torch selects along one axis with one thread, and gathers with all
MANY, ROWS = 1 << 16, 64


@dataclass(frozen=True)
class Table:
    """Class numbers, ascending, and their weights: two tensors of equal length."""

    classes: Tensor
    weights: Tensor
    #: whether the classes are 0, 1, .. without a gap
    dense: bool = False

    def at(self, places: Tensor) -> Tensor:
        """The weights at places of the table."""
        weights, flat = moved(self.weights, places.device), places.reshape(-1)
        if can_look(places) and flat.numel() >= MANY and flat.numel() % ROWS == 0:
            return weights.expand(ROWS, -1).gather(1, flat.view(ROWS, -1)).reshape(places.shape)
        return weights.index_select(0, flat).reshape(places.shape)

    def look_up(self, classes: Tensor, missing: float) -> Tensor:
        """The weight of each class; ``missing`` where the table has none. Never waits for the device."""
        known, weights = (moved(held, classes.device) for held in (self.classes, self.weights))
        if known.numel() == 0:
            return weights.new_full(classes.shape, missing)
        if self.dense and not classes.is_floating_point():
            place = classes.long().clamp(0, known.numel() - 1)
            return torch.where(place == classes, self.at(place), missing)
        values = classes.to(known.dtype)
        place = torch.searchsorted(known, values.contiguous()).clamp(max=known.numel() - 1)
        return torch.where(known[place] == values, weights[place], weights.new_full((), missing))


def read_class_weight(class_weight: object, rule: ClassWeights, num_classes: int | None = None) -> Table | None:
    """``class_weight`` as a table, or None where the era ignores it.

    Raises TypeError for a kind or key that the era refuses, ValueError for classes it cannot do without.
    """
    if isinstance(class_weight, Mapping):
        return _read_mapping(class_weight, rule, num_classes)
    if rule.others == "ignore":
        warn_of_trap(
            f"class_weight {type(class_weight).__name__}",
            f"class_weight of type {type(class_weight).__name__} is silently ignored by this release, which acts on a dict alone: "
            "the loss is not weighted. Pass a dict to weigh it.",
        )
        return None
    if hasattr(class_weight, "__array__") and not isinstance(class_weight, Tensor):
        # What sklearn's compute_class_weight returns.
        class_weight = _as_tensor(class_weight)
    if rule.others == "refuse" or isinstance(class_weight, str) or not isinstance(class_weight, (Sequence, Tensor)):
        raise TypeError(
            f"class_weight expected a dict from class number to weight{'' if rule.others == 'refuse' else ', or one weight per class in a list or tensor'}; "
            f"received {type(class_weight).__name__} {shown(class_weight)}. Write class_weight={{0: 1.0, 1: 2.0}}"
            f"{', or what tw.balanced(labels) returns' if isinstance(class_weight, str) else ''}."
        )
    weights = (
        class_weight
        if isinstance(class_weight, Tensor)
        else torch.tensor([_number(w) for w in class_weight], dtype=torch.float64, device="cpu")
    )
    if weights.ndim != 1 or weights.is_complex():
        raise ValueError(
            f"class_weight expected one real weight per class, a tensor of shape (C,); received {weights.dtype} of shape {tuple(weights.shape)}. "
            "Weights by pair of classes are a cost matrix: tw.ExpectedCost."
        )
    _refuse_bad_values(weights)
    if num_classes is not None and len(weights) != num_classes:
        raise ValueError(
            f"class_weight expected {num_classes} weights, one for each class of y_pred; received {len(weights)}. "
            "Give every class a weight, and say where the classes are with axis=."
        )
    classes = torch.arange(len(weights), dtype=exact(weights.device), device=weights.device)
    return Table(classes, weights if weights.is_floating_point() else weights.to(exact(weights.device)))


def _read_mapping(class_weight: Mapping[object, object], rule: ClassWeights, num_classes: int | None) -> Table | None:
    if not class_weight and rule.empty == "ignore":
        return None
    # True is 1 to any dict of Python, so Keras finds it; the default row wants it written.
    bool_too = rule.others != "by class"
    strange = [k for k in class_weight if not isinstance(k, numbers.Real) or (isinstance(k, bool) and not bool_too)]
    contiguous = rule.keys != "any"
    if strange and contiguous:
        raise TypeError(
            f"class_weight expected class numbers as keys; received {_listed(strange)}. Write {{0: 1.0}}, not {{'0': 1.0}}."
        )
    if strange:
        warn_of_trap(
            "class_weight keys",
            f"class_weight keys {_listed(strange)} match no label in this release, silently: expected class numbers. Write {{0: 1.0}}, not {{'0': 1.0}}.",
        )
    pairs = sorted((_as_float(key), _number(weight)) for key, weight in class_weight.items() if key not in strange)
    keys = [key for key, _ in pairs]
    if contiguous and keys != [float(k) for k in range(num_classes or len(keys))]:
        expected = range(num_classes or len(keys))
        missing = [k for k in expected if float(k) not in keys]
        extra = [int(k) if k.is_integer() else k for k in keys if k not in expected]
        raise ValueError(
            f"class_weight expected a weight for each class 0 to {len(expected) - 1}"
            f"{'' if num_classes is None else ', the classes of y_pred'}; received {shown(dict(class_weight), 100)}"
            f"{f', which lacks {_listed(missing)}' if missing else ''}{f', which has {_listed(extra)} besides' if extra else ''}. "
            "Give every class a weight (1.0 leaves it as it is)."
        )
    weights = torch.tensor([weight for _, weight in pairs], dtype=torch.float64, device="cpu")
    _refuse_bad_values(weights)
    return Table(torch.tensor(keys, dtype=torch.float64, device="cpu"), weights)


def _as_float(number: object) -> float:
    try:
        return float(number)  # type: ignore[arg-type]
    except OverflowError:  # a whole number of more than 308 digits is no class and no weight
        return math.inf


def _number(weight: object) -> float:
    if isinstance(weight, numbers.Real) or (isinstance(weight, Tensor) and weight.numel() == 1):
        return _as_float(weight)
    raise TypeError(
        f"class_weight expected a number for each class; received {type(weight).__name__} {shown(weight)}. "
        "Write {0: 1.0, 1: 2.0} or [1.0, 2.0]."
    )


def _as_tensor(array: object) -> Tensor:
    try:
        return torch.as_tensor(array, device="cpu")
    except TypeError as problem:
        raise TypeError(
            f"class_weight expected an array of numbers; received {shown(array)}. Write array.astype(float)."
        ) from problem


def _refuse_bad_values(weights: Tensor) -> None:
    if can_look(weights) and not bool(torch.isfinite(weights.detach()).all()):
        raise ValueError(
            f"class_weight expected finite weights; received {shown(weights.tolist())}. Give a class that must not count 0.0."
        )


def _listed(items: Iterable[object]) -> str:
    shown = [repr(item) for item in items]
    return ", ".join(shown[:8]) + (", .." if len(shown) > 8 else "")


def classes_by_shape(y_true: Tensor, rule: ClassWeights) -> Tensor:
    """The class of each sample as Keras tells it: by shape alone, classes on the last axis."""
    if rule.ranks is not None and y_true.ndim > rule.ranks:
        raise ValueError(
            f"class_weight expected targets of at most {rule.ranks} dimensions in this release; received y_true of shape {tuple(y_true.shape)}. "
            "Give the weights as sample_weight, or use semantics='torchweights', which weighs each pixel."
        )
    if y_true.ndim > 1 and y_true.shape[-1] > 1:
        if not y_true.is_floating_point():
            warn_of_trap(
                "class_weight argmax",
                f"integer targets of shape {tuple(y_true.shape)} are read as one-hot rows by this release's class_weight: the class is the argmax "
                "over the last axis. Give targets of shape (N,) or (N, 1), or use semantics='torchweights'.",
            )
        return y_true.argmax(-1)
    labels = y_true.squeeze(-1) if y_true.ndim > 1 else y_true
    if labels.is_floating_point() and rule.labels != "exact":
        labels = labels.trunc() if rule.labels == "truncate" else labels.round()
    return labels


def look_up(
    classes: Tensor, table: Table, rule: ClassWeights, judged: Tensor | None = None, validate: bool | None = None
) -> Tensor:
    """The weight of each class, with the era's answer to a class that has none.

    Where the era refuses such a class it is refused wherever the data can be looked at without waiting (on the CPU);
    elsewhere its weight is NaN. ``judged`` is False where a label does not take part.
    """
    if not isinstance(rule.missing, str):
        return table.look_up(classes, rule.missing)
    look = can_look(classes) if validate is None else validate
    if look and table.dense and not classes.is_floating_point():
        places = classes.long()
        if within(places, 0, len(table.classes) - 1):
            return table.at(places)
    found = table.look_up(classes, torch.nan)
    if look:
        lacking = found.detach().isnan()
        if judged is not None:
            lacking = lacking & judged
        if bool(lacking.any()):
            if rule.keys == "0 to C-1":
                # There is a weight for each class: it is the label that is none of them.
                check_labels(classes, len(table.classes), lacking)
            absent = torch.unique(classes[lacking]).tolist()
            raise ValueError(
                f"class_weight expected a weight for every class in the data; received none for {_listed(absent)}: it has "
                f"{_listed(int(k) if k == int(k) else k for k in table.classes.tolist())}. Give each of them a weight (1.0 leaves it as it is)."
            )
    return found


def per_class(y_true: Tensor, table: Table, axis: int) -> Tensor:
    """Targets times the weight of each class: weights inside the sum over classes, as torch.nn has them."""
    weights = table.weights.to(y_true.dtype)
    return y_true * weights.reshape([-1 if i == axis % y_true.ndim else 1 for i in range(y_true.ndim)])


def overridden(sample_weight: Tensor | None, rule: ClassWeights) -> bool:
    """Whether class weights are not even looked at, because this era lets sample_weight win."""
    if sample_weight is None or rule.beside != "sample_weight wins":
        return False
    warn_of_trap(
        "class_weight beside sample_weight",
        "class_weight is ignored by this release because sample_weight is given too. Multiply them yourself and pass sample_weight alone to have both.",
    )
    return True


def join(class_weights: Tensor, sample_weight: Tensor | None, rule: ClassWeights) -> Tensor:
    """Class weights beside sample weights, as the era joins them; ranks are made equal with axes of size 1."""
    if sample_weight is None:
        return class_weights
    if rule.beside == "refuse":
        raise ValueError(
            "class_weight and sample_weight together are refused by this release: expected one of them, received both. "
            "Multiply them yourself and pass sample_weight, or use semantics='torchweights', which multiplies them."
        )
    if overridden(sample_weight, rule):
        return sample_weight
    if rule.cast_to_sample_weight and not sample_weight.is_floating_point():
        warn_of_trap(
            "class_weight cast",
            f"class weights are cast to the type of sample_weight ({sample_weight.dtype}) by this release, which cuts off their fractions. "
            "Give sample_weight as floating point.",
        )
        class_weights = class_weights.to(sample_weight.dtype)
    rank = max(class_weights.ndim, sample_weight.ndim)
    padded = [t.reshape(*t.shape, *[1] * (rank - t.ndim)) for t in (class_weights, sample_weight)]
    if any(
        mine != theirs and 1 not in (mine, theirs)
        for mine, theirs in zip(padded[0].shape, padded[1].shape, strict=True)
    ):
        raise ValueError(
            f"sample_weight expected a shape that meets class weights of shape {tuple(class_weights.shape)}, one for each sample or value; received "
            f"{tuple(sample_weight.shape)}. Give one for each sample, ({len(class_weights)},)."
        )
    # Where the sample weighs nothing, its class may be unknown.
    return torch.where(padded[1] == 0, torch.zeros_like(padded[0]), padded[0] * padded[1])


def class_weight_to_sample_weights(
    y_true: Tensor,
    class_weight: ClassWeightsLike,
    *,
    sample_weight: Tensor | None = None,
    semantics: str | Semantics = "torchweights",
    axis: int = -1,
    num_classes: int | None = None,
) -> Tensor:
    """The sample weights that class weights stand for: ``weight[i] = class_weight[class of y_true[i]]``.

    Args:
        y_true: Targets. In the default row floating point means one-hot or soft (the class is the argmax over
            ``axis``; a last axis of size 1 holds binary labels) and integers mean labels. Keras rows tell by shape.
        class_weight: A dict from class number to weight; in the default row also a list or tensor of one per class.
        sample_weight: Weights to join them with, as the row joins them.
        semantics: The row.
        axis: Axis of the classes of one-hot targets.
        num_classes: How many classes there are, where y_true does not tell; the default row wants a weight for each.

    Returns:
        float64 weights: one per sample, or per pixel where the row has that.

    Raises:
        ValueError: for a class without a weight (unless the row gives it 1), for keys with gaps where the row forbids
            them, for targets of a rank the row refuses. TypeError: for what is no dict where the row takes a dict.

    Source: ``standardize_weights`` of Keras 2.2 to TF 1.15, ``_make_class_weight_map_fn`` of TF 2,
    ``class_weight_to_sample_weights`` of Keras 3.

    >>> class_weight_to_sample_weights(torch.tensor([0, 1, 1]), {0: 1.0, 1: 5.0})
    tensor([1., 5., 5.], dtype=torch.float64)
    >>> class_weight_to_sample_weights(torch.tensor([0, 2]), {0: 1.0, 1: 5.0}, semantics="keras3.15")
    tensor([1., 1.], dtype=torch.float64)
    """
    row = semantics_for(semantics)
    rule = row.class_weights
    check_tensor("y_true", y_true)
    if num_classes is not None:
        whole("num_classes", num_classes, 1)
    sample_weight = as_weight("sample_weight", sample_weight, y_true.device)
    if y_true.is_floating_point() and y_true.ndim > 1:
        axis_within(axis, y_true.ndim, "y_true")
    one_hot = y_true.is_floating_point() and y_true.ndim > 1
    by_class = rule.others == "by class" and one_hot and y_true.shape[axis] > 1
    table = read_class_weight(class_weight, rule, y_true.shape[axis] if by_class else num_classes)
    if table is None:
        found = torch.ones(y_true.shape[:1], dtype=exact(y_true.device), device=y_true.device)
        return found if sample_weight is None else sample_weight
    if by_class:
        classes = y_true.argmax(axis)
    elif rule.others == "by class":
        classes = y_true.squeeze(axis) if one_hot else y_true
    else:
        classes = classes_by_shape(y_true.movedim(axis, -1) if one_hot else y_true, rule)
    return join(look_up(classes, table, rule).to(exact(y_true.device)), sample_weight, rule)
