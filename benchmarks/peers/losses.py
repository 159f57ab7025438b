"""The peers of each workload: ours on three paths, what one writes by hand, torch's own, and torch's own compiled.

All compute one number and one gradient but those marked ``~``, which lack something and are there for their time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

import torchweights as tw
from benchmarks.peers.workloads import VOID, Data

Loss = Callable[[Tensor], Tensor]
E = 1e-7


@dataclass(frozen=True)
class Peer:
    """A loss of predictions; ``says`` what it lacks, beginning with ``~``, or how it differs."""

    loss: Loss
    says: str = ""


Peers = dict[str, Peer]
NATIVE, PLAIN, CLOSED, FUSED, COMPILED = "native", "ours plain", "ours closed", "ours fused", "compiled native"


def _ours(criterion: Any, *given: Any, **beside: Any) -> Peers:
    """A criterion on each of its paths."""
    plain = copy.copy(criterion).plain()
    peers = {PLAIN: Peer(lambda x: plain(x, *given, **beside)), CLOSED: Peer(lambda x: criterion(x, *given, **beside))}
    if hasattr(tw, "fuse"):
        fused = tw.fuse(copy.copy(criterion))
        peers[FUSED] = Peer(lambda x: fused(x, *given, **beside))
    return peers


def _written(naive: Loss, native: Loss, says: str = "") -> Peers:
    """By hand, with torch's own, and that compiled."""
    compiled = torch.compile(native, dynamic=False)
    return {"naive": Peer(naive), NATIVE: Peer(native, says), COMPILED: Peer(compiled)}


# ------------------------------------------------------------------------------------------------- labels with void pixels


def labelled(data: Data) -> Peers:
    """W1."""
    labels, axis, weight, by_pixel = data["y_true"], data["axis"], data["class_weight"], data.get("map")
    classes, kept = len(weight), labels != VOID
    safe = torch.where(kept, labels, 0)

    def naive(x: Tensor) -> Tensor:
        one_hot = F.one_hot(safe, classes).to(x.dtype)
        one_hot = one_hot.permute(0, 3, 1, 2) if axis == 1 else one_hot
        values = -(one_hot * F.log_softmax(x, axis)).sum(axis)
        return (values * (weight[safe] if by_pixel is None else by_pixel) * kept).sum() / kept.sum()

    def native(x: Tensor) -> Tensor:
        x = x if axis == 1 else x.permute(0, 3, 1, 2)
        if by_pixel is None:
            return (
                F.cross_entropy(x, labels, weight=weight, ignore_index=VOID, reduction="sum") / (labels != VOID).sum()
            )
        return (F.cross_entropy(x, labels, ignore_index=VOID, reduction="none") * by_pixel).sum() / (
            labels != VOID
        ).sum()

    table = None if by_pixel is not None else weight.tolist()
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, axis=axis, ignore_class=VOID, class_weight=table)
    return _ours(criterion, labels, by_pixel) | _written(naive, native)


# ------------------------------------------------------------------------------------------------------------ binary, by pixel


def _reduced(values: Tensor, weight: Tensor) -> Tensor:
    return (values.mean(-1) * weight).mean()


def _naive_binary(x: Tensor, y: Tensor, logits: bool) -> Tensor:
    if logits:
        return torch.relu(x) - x * y + torch.log1p(torch.exp(-x.abs()))
    p = x.clamp(E, 1 - E)
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p))


def binary(data: Data) -> Peers:
    """W2."""
    y, weight, logits = data["y_true"], data["weight"], data["from_logits"]
    wide = weight.unsqueeze(-1)

    def native(x: Tensor) -> Tensor:
        if logits:
            return F.binary_cross_entropy_with_logits(x, y, weight=wide)
        return F.binary_cross_entropy(x, y, weight=wide)

    criterion = tw.BinaryCrossentropy(from_logits=logits, axis=-1)
    given = weight.reshape(len(y)) if weight.numel() == len(y) else weight
    written = _written(
        lambda x: _reduced(_naive_binary(x, y, logits), weight),
        native,
        "" if logits else "clamps at -100, clips nothing",
    )
    return _ours(criterion, y, given) | written


def binary_focal(data: Data) -> Peers:
    """W3b."""
    y, weight, logits = data["y_true"], data["weight"], data["from_logits"]

    def naive(x: Tensor) -> Tensor:
        p = torch.sigmoid(x) if logits else x
        clipped = p.clamp(E, 1 - E)
        crossentropy = -(y * torch.log(clipped) + (1 - y) * torch.log(1 - clipped))
        return _reduced((1 - (y * p + (1 - y) * (1 - p))) ** 2.0 * crossentropy, weight)

    def native(x: Tensor) -> Tensor:
        p = torch.sigmoid(x) if logits else x
        own = F.binary_cross_entropy_with_logits if logits else F.binary_cross_entropy
        crossentropy = own(x if logits else x.clamp(E, 1 - E), y, reduction="none")
        return _reduced(crossentropy * (1 - (p * y + (1 - p) * (1 - y))) ** 2, weight)

    criterion = tw.BinaryFocalCrossentropy(from_logits=logits, axis=-1)
    return _ours(criterion, y, weight.reshape(-1)) | _written(naive, native, "torchvision's formula")


def categorical_focal(data: Data) -> Peers:
    """W3c."""
    y, weight = data["y_true"], data["weight"]

    def naive(x: Tensor) -> Tensor:
        p = torch.softmax(x, -1)
        r = (p / p.sum(-1, keepdim=True)).clamp(E, 1 - E)
        return ((0.25 * (1 - r) ** 2.0 * -y * torch.log(r)).sum(-1) * weight).mean()

    def native(x: Tensor) -> Tensor:
        crossentropy = -(y * F.log_softmax(x, -1)).sum(-1)
        return (0.25 * (1 - torch.exp(-crossentropy)) ** 2 * crossentropy * weight).mean()

    criterion = tw.CategoricalFocalCrossentropy(from_logits=True, axis=-1)
    return _ours(criterion, y, weight.reshape(-1)) | _written(naive, native)


def binary_dice(data: Data) -> Peers:
    """W4."""
    y, weight = data["y_true"], data["weight"]
    wide = weight.unsqueeze(-1)

    def dice(p: Tensor) -> Tensor:
        return 1 - (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1)

    def naive(x: Tensor) -> Tensor:
        return ((_naive_binary(x, y, True).mean(-1) + dice(torch.sigmoid(x))) * weight).mean()

    def native(x: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(x, y, weight=wide) + dice(torch.sigmoid(x)) * weight.mean()

    criterion = tw.BinaryCrossentropyDice(from_logits=True, axis=-1)
    return _ours(criterion, y, weight.reshape(-1)) | _written(naive, native)


# -------------------------------------------------------------------------------------------------------- costs, features, small


def cost_matrix(data: Data) -> Peers:
    """W5."""
    y, labels, costs = data["y_true"], data["labels"], data["costs"]
    classes = len(costs)

    def crossentropy(x: Tensor) -> Tensor:
        return -(y * (x / x.sum(-1, keepdim=True)).clamp(E, 1 - E).log()).sum(-1)

    def naive(x: Tensor) -> Tensor:
        made = F.one_hot(x.argmax(-1), classes).to(x.dtype)
        if classes > 100:  # (N, C, C) would not fit: 16 GB for each temporary
            return (crossentropy(x) * ((y @ costs) * made).sum(-1)).mean()
        return (crossentropy(x) * (costs[None] * y[:, :, None] * made[:, None, :]).sum((1, 2))).mean()

    def native(x: Tensor) -> Tensor:
        return (crossentropy(x) * costs[y.argmax(-1), x.argmax(-1)]).mean()

    def native_of_labels(x: Tensor) -> Tensor:
        at_label = (x.gather(1, labels[:, None]).squeeze(1) / x.sum(-1)).clamp(E, 1 - E).log()
        return -(at_label * costs[labels, x.argmax(-1)]).mean()

    criterion = tw.WeightedCategoricalCrossentropy(costs, indexing="true_pred", from_logits=False)
    of_labels = {f"{name}, labels": one for name, one in _ours(criterion, labels).items()}
    return _ours(criterion, y) | of_labels | _written(naive, native) | {"native, labels": Peer(native_of_labels)}


def feature_weights(data: Data) -> Peers:
    """W6."""
    y, weight = data["y_true"], data["feature_weight"]
    total = weight.sum() * len(y)

    def naive(x: Tensor) -> Tensor:
        return ((weight * torch.square(y - x)).sum(-1) / weight.sum()).mean()

    def native(x: Tensor) -> Tensor:
        return (F.mse_loss(x, y, reduction="none") * weight).sum() / total

    return _ours(tw.WeightedMeanSquaredError(weight), y) | _written(naive, native)


def small(data: Data) -> Peers:
    """W7."""
    y, weight = data["y_true"], data["weight"]

    def naive(x: Tensor) -> Tensor:
        return (-(y * F.log_softmax(x, -1)).sum(-1) * weight).mean()

    def guarded(x: Tensor) -> Tensor:
        """With the guarantees that ours gives: shapes that meet, nothing excluded shows, digits of small losses."""
        if x.shape != y.shape or weight.shape != x.shape[:1] or not x.is_floating_point():
            raise ValueError("shapes")
        shown = weight != 0
        z = torch.where(shown[:, None], x, 0.5).double()
        values = -(torch.where(shown[:, None], y, 0.0) * F.log_softmax(z, -1)).sum(-1).to(x.dtype)
        return (torch.where(shown, values, 0.0) * weight).sum() / len(x)

    def native(x: Tensor) -> Tensor:
        return (F.cross_entropy(x, y, reduction="none") * weight).mean()

    criterion = tw.CategoricalCrossentropy(from_logits=True)
    return (
        _ours(criterion, y, weight)
        | _written(naive, native)
        | {"guarded": Peer(guarded, "the guarantees of ours, by hand")}
    )


FAMILIES: dict[str, Callable[[Data], Peers]] = {
    "W1": labelled, "W2": binary, "W3b": binary_focal, "W3c": categorical_focal, "W4": binary_dice, "W5": cost_matrix,
    "W6": feature_weights, "W7": small,
}  # fmt: skip


def family_of(name: str) -> str:
    """The family of a workload: the longest beginning of its name."""
    return max((one for one in FAMILIES if name.startswith(one)), key=len)
