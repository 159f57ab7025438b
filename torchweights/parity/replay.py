"""A recorded case, asked of this library: which criterion it is, and what that criterion answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

import torchweights as tw
from torchweights.reduction import standard_reduction

CRITERIA: dict[str, type[tw.WeightedLoss]] = {
    "mean_squared_error": tw.MeanSquaredError,
    "mean_absolute_error": tw.MeanAbsoluteError,
    "binary_crossentropy": tw.BinaryCrossentropy,
    "categorical_crossentropy": tw.CategoricalCrossentropy,
    "sparse_categorical_crossentropy": tw.SparseCategoricalCrossentropy,
    "hinge": tw.Hinge,
    "squared_hinge": tw.SquaredHinge,
}


@dataclass(frozen=True)
class Answer:
    """Value, gradient with respect to y_pred (None where none was asked), and the largest terms behind both."""

    value: np.ndarray[Any, Any]
    gradient: np.ndarray[Any, Any] | None
    value_scale: float
    gradient_scale: float


def criterion_for(item: dict[str, Any], semantics: str) -> tw.WeightedLoss:
    """The criterion of a case under a row; the bare loss object where the case went through that door."""
    options = dict(
        item["options"], reduction=item["reduction"], semantics=tw.semantics_for(semantics, door=item["door"])
    )
    if item["activation"]:
        options["from_logits"] = "rescued"
    elif item["loss"].endswith("crossentropy") and semantics in ("torch", "torchweights"):
        options.setdefault("from_logits", False)
    if item["class_weight"] is not None:
        options["class_weight"] = item["class_weight"]
    criterion = CRITERIA[item["loss"]](**options)
    return criterion.eval() if item["step"] == "evaluate" else criterion


def tensors_of(
    item: dict[str, Any], dtype: str, device: str = "cpu"
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """``(y_pred, y_true, sample_weight, mask)`` of a case; labels stay integers, y_pred requires grad."""
    kind: torch.dtype = getattr(torch, dtype)

    def tensor(name: str, keep: str) -> Tensor | None:
        array = item[name]
        if array is None:
            return None
        made = torch.from_numpy(np.array(array)).to(device)
        return made if array.dtype.kind in keep else made.to(kind)

    y_pred, y_true = tensor("y_pred", ""), tensor("y_true", "iu" if item["loss"].startswith("sparse") else "")
    assert y_pred is not None and y_true is not None
    return y_pred.requires_grad_(), y_true, tensor("sample_weight", "iub"), tensor("mask", "b")


def ask(item: dict[str, Any], semantics: str, dtype: str, device: str = "cpu") -> Answer:
    """What this library computes for a case; raises what it refuses."""
    if item["loss"] == "scalar_squared_error":
        return _ask_scalar(item, semantics, dtype, device)
    criterion = criterion_for(item, semantics)
    y_pred, y_true, sample_weight, mask = tensors_of(item, dtype, device)
    loss = criterion(y_pred, y_true, sample_weight, mask)
    gradient = None
    if item["step"] != "evaluate":
        gradient = torch.autograd.grad(loss.sum(), y_pred)[0].cpu().numpy()
    share = _largest_share(criterion, y_pred, y_true, sample_weight, mask)
    term = max(1.0, float(y_pred.detach().abs().max()))
    return Answer(loss.detach().cpu().numpy(), gradient, term * share, max(1.0, min(term, 16.0)) * share)


def _ask_scalar(item: dict[str, Any], semantics: str, dtype: str, device: str) -> Answer:
    """A custom loss that returns one scalar, weighed as the row weighs it."""
    y_pred, y_true, weight, _ = tensors_of(item, dtype, device)
    if item["class_weight"] is not None:
        weight = tw.class_weight_to_sample_weights(
            y_true, item["class_weight"], sample_weight=weight, semantics=semantics
        )
    loss = tw.reduce_weighted_values((y_pred - y_true).square().mean(), weight, semantics=semantics)
    (gradient,) = torch.autograd.grad(loss, y_pred)
    return Answer(loss.detach().cpu().numpy(), gradient.cpu().numpy(), 1.0, 1.0)


def _largest_share(
    criterion: tw.WeightedLoss, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None, mask: Tensor | None
) -> float:
    """The largest weight over the denominator: what one term of the formula is multiplied by."""
    detached = y_pred.detach()
    weighed = criterion._weigh(
        detached.shape, y_true, criterion._meet(detached, y_true), sample_weight, mask, detached.device, detached.dtype
    )
    largest = 1.0 if weighed.weight is None or not weighed.weight.numel() else float(weighed.weight.abs().max())
    divisor = (
        1.0
        if criterion.reduction in (None, "none")
        else float(weighed.divisor(standard_reduction(criterion.reduction)))
    )
    return largest / abs(divisor) if divisor and np.isfinite(divisor) and largest else 1.0
