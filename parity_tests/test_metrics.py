"""Weighted metrics beside those of the live Kerases: whole streams of batches, with and without weights."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("torchmetrics", reason="the metrics need the extra [metrics]")
from torchweights import metrics

C = 4
#: metrics of Keras compute in float32
LIMIT = 2e-6


def stream(kind: str, seed: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Three batches of (predictions, targets, weights), the last one smaller."""
    rng = np.random.default_rng(seed)
    batches = []
    for size in (8, 8, 5):
        labels = rng.integers(C - 1, size=size)  # the last class never occurs
        p = rng.dirichlet(np.ones(C), size=size).astype("float32")
        weights = (rng.uniform(0, 2, size=size) * (rng.uniform(size=size) > 0.2)).astype("float32")
        if kind == "binary":
            batches.append((p[:, :1], (labels[:, None] > 0).astype("float32"), weights))
        elif kind == "one-hot":
            batches.append((p, np.eye(C, dtype="float32")[labels], weights))
        elif kind == "labels":
            batches.append((p, labels, weights))
        elif kind == "classes":
            batches.append((p[:, :-1].argmax(-1), labels, weights))
        else:
            batches.append((p.sum(-1) * rng.normal(size=size).astype("float32"), labels, weights))
    return batches


CASES: list[tuple[str, Any, str, dict[str, Any]]] = [
    ("binary", metrics.BinaryAccuracy, "BinaryAccuracy", {}),
    ("binary", metrics.BinaryAccuracy, "BinaryAccuracy", {"threshold": 0.2}),
    ("one-hot", metrics.CategoricalAccuracy, "CategoricalAccuracy", {}),
    ("labels", metrics.SparseCategoricalAccuracy, "SparseCategoricalAccuracy", {}),
    ("classes", metrics.MeanIoU, "MeanIoU", {"num_classes": C}),
    ("values", metrics.WeightedMean, "Mean", {}),
]


@pytest.mark.parametrize(("kind", "ours", "theirs", "options"), CASES)
@pytest.mark.parametrize("keras", ["keras", "tf_keras"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_a_stream_of_batches(
    kind: str, ours: Any, theirs: str, options: dict[str, Any], keras: str, weighted: bool, seed: int
) -> None:
    pytest.importorskip(keras, reason=f"{keras} is not installed (CI installs it without its dependencies)")
    there = getattr(importlib.import_module(f"{keras}.metrics"), theirs)(**options)
    # Keras 3.8 and later cut the fractions of weights off.
    more = {"weights": "whole"} if theirs == "MeanIoU" and keras == "keras" else {}
    here = ours(**options, **more)
    for p, t, w in stream(kind, seed):
        weights = {"sample_weight": w} if weighted else {}
        tensors = {name: torch.from_numpy(one) for name, one in weights.items()}
        if kind == "values":
            there.update_state(p, **weights)
            here.update(torch.from_numpy(p), *tensors.values())
        else:
            there.update_state(t, p, **weights)
            here.update(torch.from_numpy(p), torch.from_numpy(t), **tensors)
    assert here.compute().item() == pytest.approx(float(there.result()), rel=LIMIT, abs=LIMIT)
