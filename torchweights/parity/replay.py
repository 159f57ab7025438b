"""A recorded case, asked of this library: which criterion it is, and what that criterion answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

import torchweights as tw
from torchweights.reduction import standard_reduction
from torchweights.semantics import always

CRITERIA: dict[str, type[tw.WeightedLoss]] = {
    "mean_squared_error": tw.MeanSquaredError,
    "mean_absolute_error": tw.MeanAbsoluteError,
    "mean_absolute_percentage_error": tw.MeanAbsolutePercentageError,
    "mean_squared_logarithmic_error": tw.MeanSquaredLogarithmicError,
    "huber": tw.Huber,
    "log_cosh": tw.LogCosh,
    "poisson": tw.Poisson,
    "cosine_similarity": tw.CosineSimilarity,
    "kl_divergence": tw.KLDivergence,
    "hinge": tw.Hinge,
    "squared_hinge": tw.SquaredHinge,
    "categorical_hinge": tw.CategoricalHinge,
    "binary_crossentropy": tw.BinaryCrossentropy,
    "categorical_crossentropy": tw.CategoricalCrossentropy,
    "sparse_categorical_crossentropy": tw.SparseCategoricalCrossentropy,
    "binary_focal_crossentropy": tw.BinaryFocalCrossentropy,
    "categorical_focal_crossentropy": tw.CategoricalFocalCrossentropy,
    "categorical_generalized_cross_entropy": tw.CategoricalGeneralizedCrossEntropy,
    "dice": tw.Dice,
    "tversky": tw.Tversky,
    "circle": tw.Circle,
    "ctc": tw.CTC,
}
#: losses whose targets are whole numbers
_LABELLED = ("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy", "circle", "ctc")
#: the last layer that the losses expect before them
_ACTIVATIONS = {"binary_crossentropy": "sigmoid", "binary_focal_crossentropy": "sigmoid"}


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
        expected = item["activation"] == _ACTIVATIONS.get(item["loss"], "softmax")
        # Releases that know an activation by the type of its op do not take one for the other; those that mark tensors do.
        reused = tw.semantics_for(semantics).formulas.logits_behind is always
        options["from_logits"] = "rescued" if expected else reused
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

    y_pred, y_true = tensor("y_pred", ""), tensor("y_true", "iu" if item["loss"] in _LABELLED else "")
    assert y_pred is not None and y_true is not None
    return y_pred.requires_grad_(), y_true, tensor("sample_weight", "iub"), tensor("mask", "b")


def ask(item: dict[str, Any], semantics: str, dtype: str, device: str = "cpu") -> Answer:
    """What this library computes for a case; raises what it refuses."""
    if item["loss"] == "scalar_squared_error":
        return _ask_scalar(item, semantics, dtype, device)
    criterion = criterion_for(item, semantics)
    y_pred, y_true, sample_weight, mask = tensors_of(item, dtype, device)
    loss = criterion(_through_activation(item, criterion, y_pred), y_true, sample_weight, mask)
    gradient = None
    if item["step"] != "evaluate":
        gradient = torch.autograd.grad(loss.sum(), y_pred)[0].cpu().numpy()
    share = _largest_share(criterion, y_pred, y_true, sample_weight, mask)
    term = _largest_term(item, y_pred.detach())
    return Answer(
        loss.detach().cpu().numpy(), gradient, term * share, _largest_slope(item, y_pred.detach(), term) * share
    )


def _largest_term(item: dict[str, Any], y_pred: Tensor) -> float:
    """The largest number that the formula adds or subtracts, from above."""
    term = max(1.0, float(y_pred.abs().max()))
    if item["loss"] == "mean_absolute_percentage_error" and item["reduction"] != "none":
        off = np.abs(item["y_true"] - item["y_pred"].reshape(item["y_true"].shape))
        return max(term, 100 * float((off / np.maximum(np.abs(item["y_true"]), 1e-7)).max(initial=0.0)))
    return term * float(item["options"].get("gamma", 80.0)) if item["loss"] == "circle" else term


def _largest_slope(item: dict[str, Any], y_pred: Tensor, term: float) -> float:
    """The same for the gradient: logits far away leave it alone, short vectors do not."""
    if item["loss"] == "circle":
        return term * len(y_pred)  # every embedding is a neighbour of every other
    if item["loss"] == "cosine_similarity":
        return 1 / max(1e-7, float(y_pred.norm(dim=item["options"].get("axis", -1)).min()))
    return max(1.0, min(term, 16.0))


def _through_activation(item: dict[str, Any], criterion: tw.WeightedLoss, y_pred: Tensor) -> Tensor:
    """Predictions after an activation that the criterion does not expect and the era does not look behind."""
    if item["activation"] is None or getattr(criterion, "from_logits", None) is not False:
        return y_pred
    return y_pred.sigmoid() if item["activation"] == "sigmoid" else y_pred.softmax(-1)


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
    if criterion._values_shape(detached.shape) == () or isinstance(criterion, tw.Circle):
        return 1.0 if sample_weight is None else max(1.0, float(sample_weight.abs().sum()))
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
