"""From which size on the closed form pays, family by family: ``python -m benchmarks.crossover``. What ``_closes_from`` is read off."""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

import torchweights as tw
from benchmarks.timing import ratio, rounds

Case = tuple[Any, Callable[[int], tuple[Tensor, Tensor]]]


def _labels(classes: int) -> Callable[[int], tuple[Tensor, Tensor]]:
    return lambda size: (torch.randn(size // classes, classes), torch.randint(classes, (size // classes,)))


def _maps(classes: int) -> Callable[[int], tuple[Tensor, Tensor]]:
    return lambda size: (
        torch.randn(2, classes, size // classes // 2),
        torch.randint(classes, (2, size // classes // 2)),
    )


def _one_hot(size: int) -> tuple[Tensor, Tensor]:
    y_pred, labels = _labels(10)(size)
    return y_pred, F.one_hot(labels, 10).float()


def _one_hot_maps(size: int) -> tuple[Tensor, Tensor]:
    y_pred, labels = _maps(10)(size)
    return y_pred, F.one_hot(labels, 10).movedim(-1, 1).float()


def _bits(size: int) -> tuple[Tensor, Tensor]:
    return torch.randn(8, size // 8), torch.randint(2, (8, size // 8)).float()


def _probabilities(size: int) -> tuple[Tensor, Tensor]:
    y_pred, y_true = _bits(size)
    return y_pred.sigmoid(), y_true


def _numbers(size: int) -> tuple[Tensor, Tensor]:
    return torch.randn(size // 100, 100), torch.randn(size // 100, 100)


CASES: dict[str, Case] = {
    "labels, 10 classes last": (tw.SparseCategoricalCrossentropy(from_logits=True), _labels(10)),
    "labels, 100 classes last": (tw.SparseCategoricalCrossentropy(from_logits=True), _labels(100)),
    "labels, maps of 10 classes": (tw.SparseCategoricalCrossentropy(from_logits=True, axis=1), _maps(10)),
    "one-hot, 10 classes last": (tw.CategoricalCrossentropy(from_logits=True), _one_hot),
    "categorical focal": (tw.CategoricalFocalCrossentropy(from_logits=True), _one_hot),
    "binary of logits": (tw.BinaryCrossentropy(from_logits=True, axis=-1), _bits),
    "binary of probabilities": (tw.BinaryCrossentropy(from_logits=False, axis=-1), _probabilities),
    "binary focal": (tw.BinaryFocalCrossentropy(from_logits=True, axis=-1), _bits),
    "squared error": (tw.MeanSquaredError(), _numbers),
    "squared error, features weighed": (tw.WeightedMeanSquaredError(torch.ones(100)), _numbers),
    "absolute error": (tw.MeanAbsoluteError(), _numbers),
    "huber": (tw.Huber(), _numbers),
    "dice": (tw.Dice(), _probabilities),
    "dice by class": (tw.ClassDice(activation="softmax", axis=1), _one_hot_maps),
    "bce and dice": (tw.BinaryCrossentropyDice(from_logits=True, axis=-1), _bits),
    "cost matrix": (
        tw.WeightedCategoricalCrossentropy(1 + torch.rand(10, 10), indexing="true_pred", from_logits=True),
        _labels(10),
    ),
}


def compared(criterion: Any, make: Callable[[int], tuple[Tensor, Tensor]], size: int, count: int) -> float:
    """Seconds of the closed form over those of the plain path."""
    y_pred, y_true = make(size)
    y_pred.requires_grad_()
    closed, plain = copy.copy(criterion), copy.copy(criterion).plain()
    closed._closes_from = 0

    def step(one: Any) -> Callable[[], object]:
        return lambda: torch.autograd.grad(one(y_pred, y_true), y_pred)

    taken = rounds({"closed": step(closed), "plain": step(plain)}, count)
    return ratio(taken, "closed", "plain")[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """A line for each family, a column for each size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crossover", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args(arguments)
    sizes = [2**power for power in range(10, 24, 2)]
    print("| closed / plain | " + " | ".join(f"2^{size.bit_length() - 1}" for size in sizes) + " |")
    print("|---|" + "--:|" * len(sizes))
    torch.manual_seed(0)
    for name, (criterion, make) in CASES.items():
        found = [compared(criterion, make, size, chosen.rounds) for size in sizes]
        print(f"| {name} | " + " | ".join(f"{one:.2f}" for one in found) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
