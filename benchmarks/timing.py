"""Timing on a noisy machine: everything compared runs in turns, and the ratio is taken in each round."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch


def rounds(steps: Mapping[str, Callable[[], object]], count: int, warm: int = 2) -> dict[str, list[float]]:
    """Seconds of each step in each round; all of them run in every round, one after the other."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for place in range(warm + count):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if place >= warm:
                taken[name].append(time.perf_counter() - start)
    return taken


def handover(times: int = 50) -> float:
    """Seconds of a step so small that most of it is threads waiting for each other: more while the machine is disturbed.

    On a virtual machine that was not to be seen otherwise: who computes slows down, who waits for memory does not.
    """
    numbers, taken = torch.ones(1 << 16), []
    for _ in range(times):
        start = time.perf_counter()
        numbers.neg_()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def ratio(taken: Mapping[str, list[float]], one: str, other: str) -> tuple[float, float, float]:
    """Median, least and largest ratio of two steps, taken round by round."""
    each = [a / b for a, b in zip(taken[one], taken[other], strict=True)]
    return statistics.median(each), min(each), max(each)
