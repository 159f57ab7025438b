"""Runs every training of the demo and holds it against what Keras recorded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from torchweights.demo import plan
from torchweights.demo.recordings import DTYPES, OPTIMIZERS, ROWS, Recording, load
from torchweights.demo.replay import Trained, nuclei_found, plain_torch, predicted_classes, replay

# What the demo promises: the proof in float64, and in float32 what rounding leaves. Adam divides by the square root of
# small numbers, so its float32 rounding may grow after step 50; there the promise ends.
FLOAT64_LIMIT = 1e-12
FLOAT32_LIMIT = 1e-5
FLOAT32_STEPS = {"sgd": 100, "adam": 50}

# The tensors are small: a second thread saves little on an idle machine, and on a busy one each operation waits for it.
# One thread also adds in one order, so that a machine prints the same figures every time.
DEFAULT_THREADS = 1

TRAININGS = len(ROWS) * len(OPTIMIZERS) * len(DTYPES) + len(OPTIMIZERS)


class Comparison(NamedTuple):
    """One training as Keras recorded it and as PyTorch repeated it."""

    row: str
    release: str
    optimizer: str
    dtype: str
    keras: NDArray[np.float64]
    replayed: Trained

    @property
    def difference(self) -> NDArray[np.float64]:
        """Return the relative difference of the losses, step by step."""
        return relative_difference(self.replayed.losses, self.keras)

    @property
    def holds(self) -> bool:
        """Whether the replay stays within what the demo promises."""
        if self.dtype == "float64":
            return bool(self.difference.max() <= FLOAT64_LIMIT)
        return bool(self.difference[: FLOAT32_STEPS[self.optimizer]].max() <= FLOAT32_LIMIT)


class Results(NamedTuple):
    """Everything the demo ran."""

    recordings: dict[str, Recording]
    comparisons: list[Comparison]
    plain: dict[str, Trained]  # by optimizer: what F.cross_entropy(weight=) gave

    def of(self, row: str, optimizer: str, dtype: str) -> Comparison:
        """Return one comparison."""
        wanted = (row, optimizer, dtype)
        return next(c for c in self.comparisons if (c.row, c.optimizer, c.dtype) == wanted)

    def worst(self, dtype: str) -> float:
        """Return the largest relative difference between a replay in `dtype` and Keras, at any step."""
        return float(max(c.difference.max() for c in self.comparisons if c.dtype == dtype))

    def between_releases(self, optimizer: str) -> NDArray[np.float64]:
        """Return how far Keras's own releases are apart, step by step, in float64."""
        first, second = (self.of(row, optimizer, "float64").keras for row in ROWS)
        return relative_difference(first, second)

    def plain_difference(self, optimizer: str) -> NDArray[np.float64]:
        """Return how far `F.cross_entropy` is from the newest Keras, step by step."""
        return relative_difference(self.plain[optimizer].losses, self.of(ROWS[-1], optimizer, "float32").keras)


def relative_difference(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return |ours - theirs| / |theirs|."""
    return np.abs(ours - theirs) / np.abs(theirs)


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train_all(
    steps: int = plan.STEPS, on_step: Callable[[], object] = lambda: None, threads: int = DEFAULT_THREADS
) -> Results:
    """Run the trainings of every release, optimizer and precision, and those of plain PyTorch."""
    with _torch_threads(threads):
        return _train_all(steps, on_step)


def _train_all(steps: int, on_step: Callable[[], object]) -> Results:
    recordings = {row: load(row) for row in ROWS}
    comparisons = [
        Comparison(
            row=row,
            release=recordings[row].release,
            optimizer=optimizer,
            dtype=dtype,
            keras=recordings[row].losses[optimizer, dtype][:steps],
            replayed=replay(row, optimizer, dtype, steps, on_step),
        )
        for optimizer in OPTIMIZERS
        for dtype in DTYPES
        for row in ROWS
    ]
    return Results(recordings, comparisons, {o: plain_torch(o, steps, on_step) for o in OPTIMIZERS})


def pixels_seen_otherwise(results: Results, optimizer: str) -> float:
    """Return the share of held-out pixels that plain PyTorch's network and the newest Keras's classify differently."""
    keras = predicted_classes(results.of(ROWS[-1], optimizer, "float32").replayed.network)
    plain = predicted_classes(results.plain[optimizer].network)
    return float((keras != plain).float().mean())


def overlaps(results: Results, optimizer: str) -> tuple[float, float]:
    """Return the intersection over union of nuclei on held-out tiles: the newest Keras's network, plain PyTorch's."""
    keras = results.of(ROWS[-1], optimizer, "float32").replayed.network
    return nuclei_found(keras), nuclei_found(results.plain[optimizer].network)
