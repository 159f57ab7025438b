"""Weighted metrics: their numbers, resets, merges, and what is left out."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("torchmetrics", reason="the metrics need the extra [metrics]")
from torchweights import metrics

T = torch.tensor
COSTS = [[1.0, 2.0], [5.0, 1.0]]


def made() -> list[tuple[Any, tuple[Any, ...], float]]:
    """(metric, what it is updated with, its number)."""
    p, one_hot, labels, w = (
        T([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]),
        torch.eye(2)[[0, 1, 1]],
        T([0, 1, 1]),
        T([1.0, 2.0, 5.0]),
    )
    return [
        (metrics.WeightedMean(), (T([1.0, 2.0, 3.0]), w), 20 / 8),
        (metrics.BinaryAccuracy(), (p[:, 1], one_hot[:, 1], w), 6 / 8),
        (metrics.BinaryAccuracy(threshold=0.3), (p[:, 1], one_hot[:, 1], w), 1.0),
        (metrics.CategoricalAccuracy(), (p, one_hot, w), 6 / 8),
        (metrics.SparseCategoricalAccuracy(), (p, labels, w), 6 / 8),
        (metrics.WeightedCategoricalAccuracy(COSTS, indexing="true_pred"), (p, one_hot), 2 / 7),
        (metrics.WeightedCategoricalAccuracy(COSTS, indexing="pred_true"), (p, labels), 2 / 4),
        (metrics.WeightedCategoricalAccuracy(COSTS, indexing="true_pred"), (p, labels, w), 6 / 16),
        (metrics.WeightedCategoricalAccuracy(COSTS, indexing="true_pred", sample_weight="drop"), (p, labels, w), 2 / 7),
        (metrics.MeanIoU(2), (p, labels, w), (1 / 3 + 5 / 7) / 2),
        (metrics.MeanIoU(3), (T([0, 0, 1]), labels), (1 / 2 + 1 / 2) / 2),
    ]


@pytest.mark.parametrize("place", range(len(made())))
def test_numbers_resets_merges_and_pickles(place: int) -> None:
    metric, given, expected = made()[place]
    metric.update(*given)
    assert metric.compute().item() == pytest.approx(expected, rel=1e-12)
    twin, halves = made()[place][0], [made()[place][0] for _ in range(2)]
    for half, part in zip(halves, (slice(0, 1), slice(1, None)), strict=True):
        half.update(*(one[part] for one in given))
        twin.update(*(one[part] for one in given))
    assert twin.compute() == pytest.approx(metric.compute())
    halves[0].merge_state(halves[1])
    assert halves[0].compute() == pytest.approx(metric.compute())
    assert pickle.loads(pickle.dumps(metric)).compute() == metric.compute()
    metric.reset()
    metric.update(*given)
    assert metric.compute().item() == pytest.approx(expected, rel=1e-12)


def test_masks_and_ignored_labels_do_not_count() -> None:
    p, labels = T([[0.9, 0.1], [torch.nan, torch.nan], [0.2, 0.8]]), T([0, 255, 0])
    for ignoring in (metrics.SparseCategoricalAccuracy(ignore_class=255), metrics.IoU(2, ignore_class=255)):
        ignoring.update(p, labels)
    accuracy = metrics.SparseCategoricalAccuracy()
    accuracy.update(p, labels.clamp(max=1), mask=T([True, False, True]))
    assert accuracy.compute() == 0.5
    assert ignoring.compute().tolist() == [0.5, 0.0]
    mean = metrics.WeightedMean()
    mean.update(T([1.0, torch.nan]), T([2.0, 0.0]))
    assert mean.compute() == 1.0


def test_nothing_is_zero() -> None:
    assert metrics.WeightedMean().compute() == 0
    assert metrics.MeanIoU(2).compute() == 0


def test_refusals() -> None:
    with pytest.raises(ValueError, match="labels from 0 to 1; received 2"):
        metrics.IoU(2).update(T([0, 1]), T([0, 2]))
    with pytest.raises(ValueError, match="y_true expected one-hot targets"):
        metrics.CategoricalAccuracy().update(torch.zeros(2, 3), torch.zeros(2, 2))
    with pytest.raises(ValueError, match="square matrix"):
        metrics.WeightedCategoricalAccuracy([[1.0]], indexing="true_pred")
    with pytest.raises(TypeError, match="threshold"):
        metrics.BinaryAccuracy(threshold="half")


def _rank(rank: int, store: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    accuracy = metrics.WeightedCategoricalAccuracy(COSTS, indexing="true_pred")
    p, labels = T([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]), T([0, 1, 1])
    mine = slice(0, 1) if rank == 0 else slice(1, None)  # uneven
    accuracy.update(p[mine], labels[mine])
    assert abs(accuracy.compute().item() - 2 / 7) < 1e-12
    torch.distributed.destroy_process_group()


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without torch.distributed")
def test_two_ranks_have_the_number_of_both(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(_rank, (str(tmp_path / "store"),), nprocs=2)
