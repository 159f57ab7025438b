"""One loss, taken apart: its stages, who pays for it, its heaviest values. Plain numbers; nothing as large as the batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torchweights import tracing
from torchweights.denominators import weights_or_nan
from torchweights.explanation.classes import Classes, by_class, classes_of
from torchweights.explanation.stages import Stage, aligned, stages_of
from torchweights.precision import exactly

HEAVIEST = 5
MAP_SIZE = 128


@dataclass(frozen=True)
class Share:
    """What one class has of all: elements that count, errors, weight, loss, gradient; None where it cannot be told."""

    label: int
    elements: float
    errors: float | None
    weight: float | None
    loss: float | None
    gradient: float


@dataclass(frozen=True)
class Source:
    """One source of weight: by which factor it changed the numerator, and the share of values it set to nothing."""

    name: str
    factor: float
    excluded: float
    least: float
    most: float


@dataclass(frozen=True)
class Heavy:
    """One value that weighs much: where it is, its share of the loss, what it is made of."""

    index: tuple[int, ...]
    share: float
    value: float
    weight: float
    label: int | None


@dataclass(frozen=True)
class HeavySample:
    """One sample that weighs much: its place in the batch and its share of the loss, all its values together."""

    index: int
    share: float


@dataclass(frozen=True)
class Part:
    """One loss of one output, explained."""

    output: str
    criterion: str
    loss: float
    loss_weight: float
    weighted: float
    #: adds up to ``loss``: what the values of each class bring, then what belongs to no class
    contributions: tuple[float, ...]
    stages: tuple[Stage, ...]
    classes: tuple[Share, ...]
    sources: tuple[Source, ...]
    heaviest: tuple[Heavy, ...]
    samples: tuple[HeavySample, ...]
    ignored: float
    gradient: float
    facts: dict[str, Any]
    #: the weighted loss of the heaviest image, (H, W) and no larger than 128 x 128; None for what is no image
    map: tuple[tuple[float, ...], ...] | None = None


def explain_part(
    output: str, criterion: Any, y_pred: Tensor, y_true: Tensor, loss_weight: float, call: dict[str, Any]
) -> Part:
    """Call the criterion once, with its gradient, and take apart what it noted on its way."""
    leaf = y_pred.detach().requires_grad_(y_pred.is_floating_point())
    with torch.enable_grad(), tracing.notes() as notes:
        loss = criterion(leaf, y_true, **call)
        whole = loss.sum()
    gradient = torch.autograd.grad(whole, leaf, allow_unused=True)[0] if whole.requires_grad else None
    with torch.no_grad():
        slope = torch.zeros_like(leaf) if gradient is None else gradient.abs()
        return _taken_apart(output, criterion, leaf.detach(), y_true, loss_weight, float(whole), slope, notes)


def _taken_apart(
    output: str,
    criterion: Any,
    y_pred: Tensor,
    y_true: Tensor,
    loss_weight: float,
    loss: float,
    slope: Tensor,
    notes: tracing.Notes,
) -> Part:
    found = {kind: what for kind, what in notes if kind != "values"}
    noted = [what for kind, what in notes if kind == "values"]
    if len(noted) != 1:
        # The loss came to its number by itself: there is one value, and nothing that weighs it.
        stage = Stage("loss", (), loss, "one number, reduced by the loss itself")
        gradient = float(slope.sum())
        return Part(
            output, _named(criterion), loss, loss_weight, loss * loss_weight, (loss,), (stage,), (), (), (), (), 0.0, gradient,
            {"scalar": True},
        )  # fmt: skip
    values, weighted, weighed = (noted[0][name] for name in ("values", "weighted", "weighed"))
    divisor = float(found["divisor"]["divisor"])
    scale = loss_scale(float(weighted.sum()), divisor, loss)
    paid = exactly(weighted) * scale
    included = weighed.included
    included = None if included is None else included.expand(values.shape)
    classes = classes_of(criterion, y_pred, y_true)
    meets = classes is not None and classes.labels.numel() == values.numel() and values.ndim > 0
    kept = (
        included
        if included is not None and classes is not None and included.numel() == classes.labels.numel()
        else None
    )
    inside = found.get("weights inside")
    weight = _weights(weighed.weight, inside, values)
    shares: tuple[Share, ...] = ()
    contributions: tuple[float, ...] = (float(paid.sum()),)
    if classes is not None:
        kept = None if kept is None else kept.reshape(classes.labels.shape)
        lost = by_class(paid.reshape(classes.labels.shape), classes, None) if meets else None
        weights = by_class(weight.reshape(classes.labels.shape), classes, kept) if meets else None
        shares = _shares(classes, kept, weights, lost, slope)
        if lost is not None:
            contributions = (*lost, float(paid.sum()) - sum(lost))
    elements = values.numel()
    counted = elements if included is None else int(included.sum())
    return Part(
        output, _named(criterion), loss, loss_weight, loss * loss_weight, contributions,
        tuple(stages_of(criterion, y_pred, values, weighted, weighed, found, noted[0]["reduction"], divisor, loss, counted)),
        shares, tuple(_sources(values, weighed, found)), tuple(_heaviest(paid, values, weight, classes if meets else None)), tuple(_heaviest_samples(paid)),
        1 - counted / max(elements, 1), float(slope.sum()), _facts(criterion, y_pred, values, weighed, weight, noted[0]["reduction"], classes),
        _map(paid),
    )  # fmt: skip


def loss_scale(numerator: float, divisor: float, loss: float) -> float:
    """1 / D, as the loss really divided: 0 where nothing was left and the row says 0."""
    if divisor and math.isfinite(divisor) and not (loss == 0.0 and numerator != 0.0):
        return 1 / divisor
    return 0.0 if not math.isnan(loss) else math.nan


def _named(criterion: Any) -> str:
    return repr(criterion).replace("\n", " ")


def _weights(weight: Tensor | None, inside: dict[str, Any] | None, values: Tensor) -> Tensor:
    """The weight of each value, that of a formula which weighs by itself too."""
    whole = torch.ones_like(values) if weight is None else weight.expand(values.shape)
    within = None if inside is None else inside["class_weight"]
    return exactly(whole if within is None else whole * within)


def _shares(
    classes: Classes, kept: Tensor | None, weights: list[float] | None, lost: list[float] | None, slope: Tensor
) -> tuple[Share, ...]:
    ones = torch.ones_like(classes.labels)
    elements = by_class(ones, classes, kept)
    wrong = None if classes.predicted is None else by_class(classes.predicted != classes.labels, classes, kept)
    steep = by_class(
        slope.sum(classes.axis) if classes.axis is not None else slope.reshape(classes.labels.shape), classes, None
    )
    columns = [_parts_of(column) for column in (elements, wrong, weights, lost, steep)]
    return tuple(
        Share(label, *(None if column is None else column[label] for column in columns))  # type: ignore[arg-type]
        for label in range(classes.count)
    )


def _parts_of(column: list[float] | None) -> list[float] | None:
    if column is None:
        return None
    whole = sum(column)
    return [one / whole if whole else 0.0 for one in column]


def _sources(values: Tensor, weighed: Any, found: dict[str, Any]) -> list[Source]:
    sources = []
    given = found.get("weights", {})
    inside = found.get("weights inside", {}).get("class_weight")
    known = {"class weights": given.get("class_weight"), "weights of predictions": given.get("prediction")}
    by_name = {name: aligned(one, weighed) for name, one in known.items() if one is not None}
    if inside is not None:
        sources.append(_source("class weights", inside, found["weights inside"]["values"], weighed.included))
    rest = weighed.weight
    for name, one in by_name.items():
        if one is None:
            continue
        sources.append(_source(name, one, values, weighed.included))
        if rest is not None:
            rest = torch.where(one != 0, rest / torch.where(one != 0, one, 1.0).to(rest.dtype), rest)
    if rest is not None and bool((rest != 1).any()):
        sources.append(_source("sample weights and mask", rest.expand(values.shape), values, None))
    elif weighed.included is not None:
        sources.append(
            _source("mask and ignored labels", weighed.included.expand(values.shape).to(values.dtype), values, None)
        )
    return sources


def _source(name: str, weight: Tensor, values: Tensor, included: Tensor | None) -> Source:
    before, after = float(exactly(values).sum()), float(exactly(values * weight.to(values.dtype)).sum())
    shown = weight if included is None else weight[included.expand(weight.shape)]
    if not shown.numel():
        return Source(name, 1.0, 0.0, 0.0, 0.0)
    zero = float(exactly(shown == 0).mean())
    return Source(name, after / before if before else 0.0, zero, float(shown.min()), float(shown.max()))


def _heaviest(paid: Tensor, values: Tensor, weight: Tensor, classes: Classes | None) -> list[Heavy]:
    if paid.ndim == 0 or not paid.numel():
        return []
    flat = paid.reshape(-1)
    whole = float(flat.abs().sum())
    top = flat.abs().topk(min(HEAVIEST, len(flat)))
    found = []
    for place, size in zip(top.indices.tolist(), top.values.tolist(), strict=True):
        label = None if classes is None else int(classes.labels.reshape(-1)[place])
        index = tuple(int(one) for one in torch.unravel_index(torch.tensor(place), paid.shape))
        share = size / whole if whole else 0.0
        found.append(Heavy(index, share, float(values.reshape(-1)[place]), float(weight.reshape(-1)[place]), label))
    return found


def _heaviest_samples(paid: Tensor) -> list[HeavySample]:
    """Samples with several values each; where a sample is one value, that is said already."""
    if paid.ndim < 2 or not paid.numel():
        return []
    each = paid.abs().flatten(1).sum(1)
    whole = float(each.sum())
    top = each.topk(min(HEAVIEST, len(each)))
    found = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return [HeavySample(index, size / whole if whole else 0.0) for index, size in found]


def _facts(
    criterion: Any,
    y_pred: Tensor,
    values: Tensor,
    weighed: Any,
    weight: Tensor,
    reduction: str,
    classes: Classes | None,
) -> dict[str, Any]:
    """What the findings are made of."""
    facts: dict[str, Any] = {"scalar": values.ndim == 0 or getattr(criterion, "axis", 0) is None}
    facts["elements"] = values.numel()
    facts["labelled"] = classes is not None and classes.axis is not None
    facts["divides_by_weights"] = (
        reduction == "mean_with_sample_weight" or weighed.row.weighing.denominator is weights_or_nan
    )
    facts["weighed"] = weighed.weight is not None
    facts["negative"] = float(exactly(values < 0).mean()) if values.numel() else 0.0
    if weighed.weight is not None and weighed.weight.numel():
        counted = weight[weight != 0]
        facts["one_weight"] = float(counted[0]) if len(counted) and bool((counted == counted[0]).all()) else None
    epsilon = getattr(criterion, "epsilon", None)
    if getattr(criterion, "from_logits", None) is False and epsilon and y_pred.numel():
        beyond = (y_pred <= epsilon) | (y_pred >= 1 - epsilon)
        facts["saturated"] = float(exactly(beyond).mean())
    if classes is not None and values.ndim and classes.labels.numel() == weight.numel():
        flat = weight.reshape(classes.labels.shape)
        facts["weight_is_number"] = bool((flat == classes.labels).all()) and bool((flat != flat.reshape(-1)[0]).any())
    return facts


def _map(paid: Tensor) -> tuple[tuple[float, ...], ...] | None:
    if paid.ndim != 3 or min(paid.shape[1:]) < 4:
        return None
    image = paid[int(paid.abs().flatten(1).sum(1).argmax())]
    if max(image.shape) > MAP_SIZE:
        size = (min(MAP_SIZE, image.shape[0]), min(MAP_SIZE, image.shape[1]))
        image = torch.nn.functional.adaptive_avg_pool2d(image[None, None], size)[0, 0]
    return tuple(tuple(row) for row in image.tolist())
