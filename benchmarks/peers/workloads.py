"""The workloads: what is predicted, what is true, what weighs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

VOID = 255
Data = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """A name, what it is, and how its tensors are made; ``y_pred`` is among them."""

    name: str
    says: str
    make: Callable[[torch.Generator], Data]

    def data(self, device: str = "cpu") -> Data:
        """The same numbers in every process, on a device."""
        made = self.make(torch.Generator().manual_seed(0))
        return {key: one.to(device) if isinstance(one, Tensor) else one for key, one in made.items()}


def _labels(
    samples: int, classes: int, side: int, last: bool, weight_map: bool = False
) -> Callable[[torch.Generator], Data]:
    def make(g: torch.Generator) -> Data:
        y_pred = torch.randn(samples, classes, side, side, generator=g) * 2
        y_true = torch.randint(classes, (samples, side, side), generator=g)
        y_true[torch.rand(samples, side, side, generator=g) < 0.1] = VOID
        data: Data = {
            "y_pred": y_pred,
            "y_true": y_true,
            "axis": 1,
            "class_weight": torch.rand(classes, generator=g) + 0.5,
        }
        if last:
            data |= {"y_pred": y_pred.permute(0, 2, 3, 1).contiguous(), "axis": -1}
        if weight_map:
            data["map"] = torch.rand(samples, side, side, generator=g) + 0.5
        return data

    return make


def _maps(logits: bool, weights: str, one_hot: bool = False) -> Callable[[torch.Generator], Data]:
    shape = (16, 256, 256, 5)

    def make(g: torch.Generator) -> Data:
        y_pred = torch.randn(shape, generator=g) * 2
        y_true = (torch.rand(shape, generator=g) < 0.3).float()
        data: Data = {"y_pred": y_pred if logits else y_pred.sigmoid(), "y_true": y_true, "from_logits": logits}
        if one_hot:
            labels = torch.randint(5, shape[:-1], generator=g)
            data |= {"labels": labels, "y_true": torch.nn.functional.one_hot(labels, 5).float()}
        weight = torch.rand(shape[:-1] if weights == "per pixel" else (16, 1, 1), generator=g) + 0.5
        return {**data, "weight": weight}

    return make


def _costs(samples: int, classes: int) -> Callable[[torch.Generator], Data]:
    def make(g: torch.Generator) -> Data:
        y_pred = (torch.randn(samples, classes, generator=g) * 2).softmax(-1)
        labels = torch.randint(classes, (samples,), generator=g)
        one_hot = torch.nn.functional.one_hot(labels, classes).float()
        costs = torch.rand(classes, classes, generator=g) + 0.5
        return {"y_pred": y_pred, "y_true": one_hot, "labels": labels, "costs": costs}

    return make


def _features(g: torch.Generator) -> Data:
    shape = (65536, 100)
    y_pred, y_true = torch.randn(shape, generator=g), torch.randn(shape, generator=g)
    return {"y_pred": y_pred, "y_true": y_true, "feature_weight": torch.rand(100, generator=g) + 0.5}


def _small(g: torch.Generator) -> Data:
    labels = torch.randint(10, (32,), generator=g)
    y_true = torch.nn.functional.one_hot(labels, 10).float()
    return {"y_pred": torch.randn(32, 10, generator=g), "y_true": y_true, "weight": torch.rand(32, generator=g) + 0.5}


# fmt: off
WORKLOADS = {one.name: one for one in [
    Workload("W1s_cf", "sparse cross-entropy of logits, class weights, void labels, 8x5x256x256", _labels(8, 5, 256, False)),
    Workload("W1s_cl", "the same, classes last", _labels(8, 5, 256, True)),
    Workload("W1L_cf", "sparse cross-entropy of logits, class weights, void labels, 4x21x512x512", _labels(4, 21, 512, False)),
    Workload("W1L_cl", "the same, classes last", _labels(4, 21, 512, True)),
    Workload("W1Lm_cf", "sparse cross-entropy of logits, a weight for each pixel, void labels, 4x21x512x512", _labels(4, 21, 512, False, True)),
    Workload("W2p", "binary cross-entropy of probabilities, sample weights, 16x256x256x5", _maps(False, "per sample")),
    Workload("W2l", "binary cross-entropy of logits, sample weights, 16x256x256x5", _maps(True, "per sample")),
    Workload("W2lm", "binary cross-entropy of logits, a weight for each pixel, 16x256x256x5", _maps(True, "per pixel")),
    Workload("W3bp", "binary focal of probabilities, sample weights, 16x256x256x5", _maps(False, "per sample")),
    Workload("W3bl", "binary focal of logits, sample weights, 16x256x256x5", _maps(True, "per sample")),
    Workload("W3cl", "categorical focal of logits, sample weights, 16x256x256x5", _maps(True, "per sample", one_hot=True)),
    Workload("W4", "binary cross-entropy + dice over the batch, of logits, sample weights, 16x256x256x5", _maps(True, "per sample")),
    Workload("W5s", "cost matrix, probabilities, 65536x10", _costs(65536, 10)),
    Workload("W5L", "cost matrix, probabilities, 4096x1000", _costs(4096, 1000)),
    Workload("W6", "squared error, a weight for each feature, 65536x100", _features),
    Workload("W7", "cross-entropy of logits with sample weights, 32x10: the cost of a call", _small),
]}
# fmt: on


def classes_second(data: Data) -> Tensor:
    """Predictions with the classes on axis 1, as torch and most libraries want them."""
    y_pred: Tensor = data["y_pred"]
    return y_pred if data["axis"] == 1 else y_pred.permute(0, 3, 1, 2)
