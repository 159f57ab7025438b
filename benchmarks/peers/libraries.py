"""Losses of other libraries: Keras 3 on torch, segmentation_models.pytorch, MONAI, kornia, pytorch-toolbelt. Those not installed are left out."""

from __future__ import annotations

import importlib
import os
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from benchmarks.peers.losses import Peer, Peers, family_of
from benchmarks.peers.workloads import VOID, Data, classes_second

KERAS = "keras on torch"


def losses_of(package: str) -> Any:
    """A package's losses without the rest of it, which wants a torchvision that fits this torch."""
    if package not in sys.modules:
        place = next(
            (Path(folder) / package for folder in sys.path if (Path(folder) / package / "losses").is_dir()), None
        )
        if place is None:
            raise ImportError(f"{package} is not installed")
        module = types.ModuleType(package)
        module.__path__ = [str(place)]
        sys.modules[package] = module
        if package == "pytorch_toolbelt":
            tools = types.ModuleType(f"{package}.utils")
            tools.__path__ = [str(place / "utils")]
            tools.pytorch_toolbelt_deprecated = lambda *_, **__: lambda one: one  # type: ignore[attr-defined]
            sys.modules[f"{package}.utils"] = tools
    return importlib.import_module(f"{package}.losses")


def keras() -> Any:
    """Keras 3 on torch."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return importlib.import_module("keras")


def _labelled(data: Data) -> Iterator[tuple[str, Callable[[], Peer]]]:
    y, axis, by_pixel = data["y_true"], data["axis"], data.get("map")
    table = F.pad(data["class_weight"], (0, 256 - len(data["class_weight"])))

    def of_keras() -> Peer:
        loss = keras().losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=VOID, axis=axis)
        # Keras multiplies the weights it is given by the mask, in place.
        return Peer(lambda x: loss(y, x, sample_weight=table[y] if by_pixel is None else by_pixel.clone()))

    def of_smp() -> Peer:
        loss = losses_of("segmentation_models_pytorch").SoftCrossEntropyLoss(ignore_index=VOID, smooth_factor=0.0)
        return Peer(lambda x: loss(classes_second({**data, "y_pred": x}), y), "~ no weights")

    yield KERAS, of_keras
    yield "smp", of_smp


def _binary(data: Data) -> Iterator[tuple[str, Callable[[], Peer]]]:
    y, weight, logits = data["y_true"], data["weight"], data["from_logits"]

    def of_keras() -> Peer:
        loss = keras().losses.BinaryCrossentropy(from_logits=logits)
        return Peer(lambda x: loss(y, x, sample_weight=weight))

    def of_smp() -> Peer:
        loss = losses_of("segmentation_models_pytorch").SoftBCEWithLogitsLoss(
            weight=weight.unsqueeze(-1), ignore_index=None
        )
        return Peer(lambda x: loss(x, y))

    yield KERAS, of_keras
    if logits:
        yield "smp", of_smp


def _reduced(values: Tensor, weight: Tensor) -> Tensor:
    return (values.mean(-1) * weight).mean()


def _binary_focal(data: Data) -> Iterator[tuple[str, Callable[[], Peer]]]:
    y, weight, logits = data["y_true"], data["weight"], data["from_logits"]

    def of_keras() -> Peer:
        loss = keras().losses.BinaryFocalCrossentropy(from_logits=logits)
        return Peer(lambda x: loss(y, x, sample_weight=weight))

    def of_monai() -> Peer:
        loss = importlib.import_module("monai.losses").FocalLoss(gamma=2.0, reduction="none")
        return Peer(lambda x: _reduced(loss(x, y), weight))

    def of_kornia() -> Peer:
        loss = importlib.import_module("kornia.losses").binary_focal_loss_with_logits
        return Peer(lambda x: _reduced(loss(x, y, alpha=None, gamma=2.0, reduction="none"), weight))

    def of_smp() -> Peer:
        loss, turned = (
            losses_of("segmentation_models_pytorch").FocalLoss("multilabel", gamma=2.0),
            y.permute(0, 3, 1, 2),
        )
        return Peer(lambda x: loss(x.permute(0, 3, 1, 2), turned), "~ no sample weights")

    def of_toolbelt() -> Peer:
        loss = losses_of("pytorch_toolbelt").BinaryFocalLoss(gamma=2.0)
        return Peer(lambda x: loss(x, y), "~ no sample weights")

    yield KERAS, of_keras
    if logits:
        yield from (("monai", of_monai), ("kornia", of_kornia), ("smp", of_smp), ("toolbelt", of_toolbelt))


def _categorical_focal(data: Data) -> Iterator[tuple[str, Callable[[], Peer]]]:
    y, labels, weight = data["y_true"], data["labels"], data["weight"]
    turned = y.permute(0, 3, 1, 2)

    def of_keras() -> Peer:
        loss = keras().losses.CategoricalFocalCrossentropy(from_logits=True)
        return Peer(lambda x: loss(y, x, sample_weight=weight))

    def of_monai() -> Peer:
        loss = importlib.import_module("monai.losses").FocalLoss(gamma=2.0, reduction="none", use_softmax=True)
        return Peer(lambda x: (loss(x.permute(0, 3, 1, 2), turned).sum(1) * weight).mean() * 0.25)

    def of_kornia() -> Peer:
        loss = importlib.import_module("kornia.losses").focal_loss
        return Peer(
            lambda x: loss(x.permute(0, 3, 1, 2), labels, alpha=None, gamma=2.0, reduction="mean") * 1.25,
            "~ no sample weights",
        )

    def of_smp() -> Peer:
        loss = losses_of("segmentation_models_pytorch").FocalLoss("multiclass", gamma=2.0)
        return Peer(lambda x: loss(x.permute(0, 3, 1, 2), labels), "~ sigmoids, no sample weights")

    def of_toolbelt() -> Peer:
        loss = losses_of("pytorch_toolbelt").CrossEntropyFocalLoss(gamma=2.0)
        return Peer(lambda x: loss(x.permute(0, 3, 1, 2), labels), "~ no sample weights")

    yield KERAS, of_keras
    yield from (("monai", of_monai), ("kornia", of_kornia), ("smp", of_smp), ("toolbelt", of_toolbelt))


def _binary_dice(data: Data) -> Iterator[tuple[str, Callable[[], Peer]]]:
    y, weight = data["y_true"], data["weight"]
    wide, share = weight.unsqueeze(-1), weight.mean()

    def of_keras() -> Peer:
        library = keras()
        one, other = library.losses.BinaryCrossentropy(from_logits=True), library.losses.Dice()
        return Peer(
            lambda x: one(y, x, sample_weight=weight) + other(y, library.ops.sigmoid(x)) * share, "smooths by 1e-7"
        )

    def of_monai() -> Peer:
        loss = importlib.import_module("monai.losses").DiceLoss(sigmoid=True)
        return Peer(lambda x: F.binary_cross_entropy_with_logits(x, y, weight=wide) + loss(x.unsqueeze(1), y.unsqueeze(1)) * share, "~ a dice for each image")  # fmt: skip

    def both(package: str) -> Callable[[], Peer]:
        def of_package() -> Peer:
            library = losses_of(package)
            one, other = library.SoftBCEWithLogitsLoss(weight=wide, ignore_index=None), library.DiceLoss("binary")
            return Peer(lambda x: one(x, y) + other(x, y) * share, "smooths by 1e-7")

        return of_package

    yield KERAS, of_keras
    yield "monai", of_monai
    yield "smp", both("segmentation_models_pytorch")
    yield "toolbelt", both("pytorch_toolbelt")


def _custom(loss: Callable[[Any, Any], Any]) -> Any:
    keras()
    return importlib.import_module("keras.src.losses").LossFunctionWrapper(loss)


def _cost_matrix(data: Data) -> Iterator[tuple[str, Callable[[], Peer]]]:
    y, costs = data["y_true"], data["costs"]

    def of_keras() -> Peer:
        ops = keras().ops

        def loss(y_true: Any, y_pred: Any) -> Any:
            place = ops.argmax(y_true, -1) * len(costs) + ops.argmax(y_pred, -1)
            return ops.categorical_crossentropy(y_true, y_pred) * ops.take(ops.reshape(costs, (-1,)), place)

        wrapped = _custom(loss)
        return Peer(lambda x: wrapped(y, x))

    yield KERAS, of_keras


def _feature_weights(data: Data) -> Iterator[tuple[str, Callable[[], Peer]]]:
    y, weight = data["y_true"], data["feature_weight"]

    def of_keras() -> Peer:
        ops = keras().ops
        wrapped = _custom(
            lambda y_true, y_pred: ops.sum(weight * ops.square(y_pred - y_true), axis=-1) / ops.sum(weight)
        )
        return Peer(lambda x: wrapped(y, x))

    yield KERAS, of_keras


def _small(data: Data) -> Iterator[tuple[str, Callable[[], Peer]]]:
    y, weight = data["y_true"], data["weight"]

    def of_keras() -> Peer:
        loss = keras().losses.CategoricalCrossentropy(from_logits=True)
        return Peer(lambda x: loss(y, x, sample_weight=weight))

    yield KERAS, of_keras


FAMILIES = {
    "W1": _labelled, "W2": _binary, "W3b": _binary_focal, "W3c": _categorical_focal, "W4": _binary_dice, "W5": _cost_matrix,
    "W6": _feature_weights, "W7": _small,
}  # fmt: skip


def peers(name: str, data: Data) -> tuple[Peers, list[str]]:
    """What is installed, and what is not."""
    found, absent = {}, []
    for library, made in FAMILIES[family_of(name)](data):
        try:
            found[library] = made()
        except ImportError:
            absent.append(library)
    return found, absent
