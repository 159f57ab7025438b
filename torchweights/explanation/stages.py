"""The way of a loss, stage by stage: each with its shape, its sum, and how it came about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torchweights.precision import exactly


@dataclass(frozen=True)
class Stage:
    """One step on the way of the number: what is there, its shape, its sum; how it came about."""

    name: str
    shape: tuple[int, ...]
    sum: float
    how: str


def stages_of(
    criterion: Any, y_pred: Tensor, values: Tensor, weighted: Tensor, weighed: Any, found: dict[str, Any], reduction: str, divisor: float,
    loss: float, counted: int,
) -> list[Stage]:  # fmt: skip
    """The stages from y_pred to the loss."""
    given = found.get("weights", {}).get("class_weight")
    inside = found.get("weights inside", {})
    within = inside.get("class_weight")
    # A formula that weighs by itself noted its values before it did.
    shape, whole = tuple(values.shape), float(exactly(values if within is None else inside["values"]).sum())
    stages = [Stage("y_pred", tuple(y_pred.shape), float(exactly(y_pred).sum()), _predictions(criterion, y_pred))]
    if getattr(criterion, "_averages", False) and values.ndim < y_pred.ndim:
        many = y_pred.numel() // max(values.numel(), 1)
        stages.append(Stage("value per element", tuple(y_pred.shape), whole * many, _formula(criterion)))
        stages.append(
            Stage("mean over the class axis", shape, whole, f"of {many} elements each; axis {criterion.axis}")
        )
    else:
        stages.append(Stage("values", shape, whole, _formula(criterion)))
    elements = values.numel()
    if counted < elements:
        stages.append(Stage("mask and ignored labels", shape, whole, f"{counted} of {elements} values count"))
    if within is not None:
        how = "inside the formula: no row counts them under the mean"
        stages.append(Stage("x class weights", shape, float(exactly(values).sum()), how))
    if given is not None and not getattr(criterion, "_weights_inside", lambda: False)():
        alone = aligned(given, weighed)
        if alone is not None:
            stages.append(
                Stage(
                    "x class weights",
                    shape,
                    float(exactly(values * alone).sum()),
                    "looked up by the label of each value",
                )
            )
    numerator = float(exactly(weighted).sum())
    if weighed.weight is not None:
        how = f"weights of shape {tuple(weighed.weight.shape)}, their sum {float(exactly(weighed.weight.expand(values.shape)).sum()):.6g}"
        stages.append(Stage("x all weights", shape, numerator, how))
    stages.append(Stage("numerator S", (), numerator, "the sum of what is above"))
    if reduction == "none":
        return [*stages, Stage("loss", (), loss, "reduction none: the sum of the values that are returned")]
    rule = "1, for reduction sum" if reduction == "sum" else _says(weighed.row, reduction)
    stages.append(Stage("denominator D", (), divisor, rule))
    return [*stages, Stage("loss", (), loss, "S / D")]


def _says(row: Any, reduction: str) -> str:
    if reduction == "mean_with_sample_weight":
        return "the sum of the weights"
    return (row.weighing.denominator.__doc__ or "").strip().splitlines()[0].rstrip(".") + f" ({row.name})"


def _predictions(criterion: Any, y_pred: Tensor) -> str:
    span = f"from {float(y_pred.min()):.4g} to {float(y_pred.max()):.4g}" if y_pred.numel() else "empty"
    given = getattr(criterion, "from_logits", None)
    kind = "logits, " if given else "probabilities, " if given is False else ""
    return kind + span


def _formula(criterion: Any) -> str:
    """What the class says of itself in its first line."""
    epsilon = getattr(criterion, "epsilon", None)
    clipped = (
        f"; clipped to [{epsilon:g}, 1 - {epsilon:g}]"
        if epsilon and getattr(criterion, "from_logits", None) is False
        else ""
    )
    line = (type(criterion).__doc__ or "").strip().splitlines()[0].split(":")[0].rstrip(".").replace("``", "")
    return line + clipped


def aligned(weights: Tensor, weighed: Any) -> Tensor | None:
    """Weights alone as the row lets them meet the values."""
    rule, shape = weighed.row.weighing, weighed.shape
    weight = rule.meet(shape, rule.feed(weights, shape, None, weights.device), None).weight
    # An ignored label has no weight, or NaN for one.
    return None if weight is None else _shown(weight.expand(shape), weighed)


def _shown(weight: Tensor, weighed: Any) -> Tensor:
    if weighed.included is None:
        return weight
    return torch.where(
        weighed.included.expand(weight.shape), weight, torch.zeros((), dtype=weight.dtype, device=weight.device)
    )
