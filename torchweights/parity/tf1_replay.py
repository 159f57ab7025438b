"""A recorded case of ``tf.losses``, asked of ``torchweights.tf1``."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from torchweights import tf1
from torchweights.parity.replay import Answer
from torchweights.tf1.rows import standard_reduction, without

#: what each loss calls its predictions and its labels, where they are not these
NAMES = {
    "hinge_loss": ("logits", "labels"),
    "sigmoid_cross_entropy": ("logits", "multi_class_labels"),
    "softmax_cross_entropy": ("logits", "onehot_labels"),
    "sparse_softmax_cross_entropy": ("logits", "labels"),
}


def is_tf1(engine: str) -> bool:
    """Whether an engine is one of ``tf.losses``: tf.losses1.12, tf.losses2.21."""
    return engine.startswith("tf.losses")


def row_of(engine: str, door: str) -> str:
    """The row of an engine, by the mode in which TensorFlow was asked."""
    return "tf.losses2.0:eager" if door == "eager" else f"tensorflow=={engine.removeprefix('tf.losses')}"


def ask(item: dict[str, Any], engine: str, dtype: str, device: str = "cpu") -> Answer:
    """What this library computes for a case, by keyword as TensorFlow was asked; raises what it refuses."""
    predictions, labels, weights = (
        _tensor(item[name], dtype, device) for name in ("y_pred", "y_true", "sample_weight")
    )
    assert predictions is not None
    call = dict(item["options"], semantics=row_of(engine, item["door"]))
    towards = weights if call.pop("gradient", None) == "weights" else predictions
    assert towards is not None
    towards.requires_grad_()
    call.update({} if weights is None else {"weights": weights})
    call.update({} if item["loss"] == "mean_pairwise_squared_error" else {"reduction": item["reduction"]})
    if item["loss"] == "compute_weighted_loss":
        call["losses"] = predictions
    else:
        call.update(zip(NAMES.get(item["loss"], ("predictions", "labels")), (predictions, labels), strict=True))
    loss = getattr(tf1, item["loss"])(**call)
    (gradient,) = torch.autograd.grad(loss.sum(), towards)
    term, share = _largest_term(item), _largest_share(item)
    return Answer(loss.detach().cpu().numpy(), gradient.cpu().numpy(), term * share, max(1.0, min(term, 16.0)) * share)


def _tensor(array: Any, dtype: str, device: str) -> Tensor | None:
    if array is None:
        return None
    made = torch.from_numpy(np.array(array)).to(device)
    return made if array.dtype.kind in "iu" else made.to(getattr(torch, dtype))


def _largest_term(item: dict[str, Any]) -> float:
    """The largest number that the formula adds or subtracts, before weights."""
    if item["loss"] != "mean_pairwise_squared_error":
        return max(1.0, float(np.abs(item["y_pred"]).max(initial=0.0)))
    squares = np.square(item["y_pred"] - item["y_true"])
    return max(1.0, 2 * float(squares.reshape(len(squares), -1).sum(1).max()))


def _largest_share(item: dict[str, Any]) -> float:
    """The largest weight over the denominator: what one term of the formula is multiplied by."""
    weights, reduction = item["sample_weight"], standard_reduction(item["reduction"])
    largest = 1.0 if weights is None or not weights.size else float(np.abs(weights).max())
    if item["loss"] == "mean_pairwise_squared_error" or reduction in ("none", "sum"):
        return largest or 1.0
    shape = _values_shape(item)
    beside = np.ones(()) if weights is None else weights.reshape(weights.shape[: len(shape)])
    whole = np.broadcast_to(beside, shape)
    divided = {"mean": whole.sum(), "sum_over_batch_size": whole.size}.get(reduction, np.count_nonzero(whole))
    return largest / float(abs(divided)) if divided and largest else 1.0


def _values_shape(item: dict[str, Any]) -> tuple[int, ...]:
    """The shape of the unreduced loss."""
    shape: tuple[int, ...] = item["y_pred"].shape
    if item["loss"] == "cosine_distance":
        return without(shape, item["options"]["axis"])
    if item["loss"] == "sparse_softmax_cross_entropy" and shape[-1] == 1:
        return shape[:-2]
    return shape[:-1] if item["loss"].endswith("softmax_cross_entropy") else shape
