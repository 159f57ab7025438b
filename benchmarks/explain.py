"""What ``tw.explain`` costs, beside a forward and a backward of the same criterion: ``python -m benchmarks.explain``."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable
from typing import Any

import torch

import torchweights as tw
from benchmarks.timing import ratio, rounds

Case = tuple[Any, tuple[Any, Any]]


def cases() -> dict[str, Case]:
    """Criteria and batches: pixels, a large batch of samples, several outputs."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(19, (4, 256, 256), generator=generator)
    pixels = (torch.randn(4, 19, 256, 256, generator=generator), labels)
    one_hot = torch.nn.functional.one_hot(torch.randint(5, (4, 256, 256), generator=generator), 5).float()
    five = (torch.rand(4, 256, 256, 5, generator=generator), one_hot)
    samples = (torch.randn(65536, 10, generator=generator), torch.randint(10, (65536,), generator=generator))
    squares = (torch.randn(65536, 8, generator=generator), torch.randn(65536, 8, generator=generator))
    weights = {label: 1.0 + label for label in range(19)}
    sparse = tw.SparseCategoricalCrossentropy(from_logits=True, axis=1, class_weight=weights)
    flat = tw.SparseCategoricalCrossentropy(from_logits=True)
    return {
        "labels (4, 19, 256, 256), class weights": (sparse, pixels),
        "binary (4, 256, 256, 5), keras2.2.4": (tw.BinaryCrossentropy(axis=-1, semantics="keras2.2.4"), five),
        "labels (65536, 10)": (flat, samples),
        "squares (65536, 8)": (tw.MeanSquaredError(), squares),
        "two outputs": (
            tw.CompiledLoss(["mse", flat], [1.0, 0.2]), ([squares[0], samples[0]], [squares[1], samples[1]])
        ),
    }  # fmt: skip


def step(criterion: Any, batch: tuple[Any, Any]) -> Callable[[], None]:
    """A forward and a backward."""
    several = isinstance(batch[0], list)

    def run() -> None:
        leaves = [one.detach().requires_grad_() for one in (batch[0] if several else [batch[0]])]
        torch.autograd.grad(criterion(leaves if several else leaves[0], batch[1]), leaves)

    return run


def main() -> None:
    """Print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"torch {torch.__version__}, {platform.machine()}, one thread, {options.rounds} rounds; explain over forward and backward"
    )
    for name, (criterion, batch) in cases().items():
        taken = rounds(
            {"step": step(criterion, batch), "explain": lambda c=criterion, b=batch: tw.explain(c, *b)}, options.rounds  # type: ignore[misc]
        )  # fmt: skip
        middle, least, most = ratio(taken, "explain", "step")
        print(f"  {name:<42} {middle:5.2f}x  ({least:.2f} to {most:.2f})")


if __name__ == "__main__":
    main()
