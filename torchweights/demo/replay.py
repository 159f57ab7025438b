"""Repeats the recorded training in PyTorch, and runs the one that a plain `F.cross_entropy` would have given."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

import torchweights as tw
from torchweights.demo import plan
from torchweights.demo.keras_adam import KerasAdam
from torchweights.demo.network import Network

DTYPES = {"float32": torch.float32, "float64": torch.float64}


class Batch(NamedTuple):
    """One step's share of the tiles, as tensors."""

    images: Tensor  # (N, 1, H, W)
    labels: Tensor  # (N, H * W), 255 where void
    targets: Tensor  # (N, H * W, classes), one-hot
    weights: Tensor  # (N, H * W), 0 where void


class Trained(NamedTuple):
    """What a training leaves: the loss of every step, and the network."""

    losses: NDArray[np.float64]
    network: Network


LossOf = Callable[[Tensor, Batch], Tensor]


def as_batch(tiles: plan.Tiles, dtype: torch.dtype) -> Batch:
    """Return tiles as PyTorch wants them: channels first, labels as int64, the rest in `dtype`."""
    images, targets, weights = (torch.from_numpy(a).to(dtype) for a in (tiles.images, tiles.targets, tiles.weights))
    return Batch(images.permute(0, 3, 1, 2), torch.from_numpy(tiles.labels).long(), targets, weights)


def replay(
    semantics: str, optimizer: str, dtype: str, steps: int = plan.STEPS, on_step: Callable[[], object] = lambda: None
) -> Trained:
    """Train as the release named by `semantics` did: its criterion, its optimizer, the same start and batches."""
    criterion = tw.CategoricalCrossentropy(from_logits="rescued", axis=-1, semantics=semantics)

    def loss_of(logits: Tensor, batch: Batch) -> Tensor:
        loss: Tensor = criterion(y_pred=logits, y_true=batch.targets, sample_weight=batch.weights)
        return loss

    network = Network(DTYPES[dtype])
    return _train(network, loss_of, _keras_optimizer(network, optimizer, semantics), steps, on_step)


def plain_torch(optimizer: str, steps: int = plan.STEPS, on_step: Callable[[], object] = lambda: None) -> Trained:
    """Train from the same start with what PyTorch offers: `F.cross_entropy(weight=)` and torch's own optimizer."""
    class_weight = torch.tensor([plan.CLASS_WEIGHT[label] for label in range(plan.CLASSES)])

    def loss_of(logits: Tensor, batch: Batch) -> Tensor:
        pixels, labels = logits.flatten(0, 1), batch.labels.flatten()
        return F.cross_entropy(pixels, labels, weight=class_weight, ignore_index=plan.VOID)

    network = Network(torch.float32)
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer]
    return _train(network, loss_of, kind(network.parameters(), lr=plan.LEARNING_RATE[optimizer]), steps, on_step)


def predicted_classes(network: Network) -> Tensor:
    """Return the class of every pixel of the held-out tiles, (N, H * W)."""
    images = as_batch(plan.held_out_tiles(), next(network.parameters()).dtype).images
    with torch.no_grad():
        classes: Tensor = network(images).argmax(-1)
    return classes


def nuclei_found(network: Network) -> float:
    """Return the intersection over union of nuclei on the tiles that no training saw, void pixels left out."""
    labels = torch.from_numpy(plan.held_out_tiles().labels)
    found = predicted_classes(network) == plan.NUCLEUS
    nuclei, counted = labels == plan.NUCLEUS, labels != plan.VOID
    return float((found & nuclei & counted).sum() / ((found | nuclei) & counted).sum())


def _keras_optimizer(network: nn.Module, name: str, semantics: str) -> torch.optim.Optimizer:
    rate = plan.LEARNING_RATE[name]
    if name == "sgd":
        return torch.optim.SGD(network.parameters(), lr=rate)
    return KerasAdam(network.parameters(), lr=rate, betas=plan.ADAM_BETAS, eps=plan.KERAS_EPSILON, semantics=semantics)


def _train(
    network: Network, loss_of: LossOf, optimizer: torch.optim.Optimizer, steps: int, on_step: Callable[[], object]
) -> Trained:
    losses = []
    for batch in _batches(next(network.parameters()).dtype, steps):
        optimizer.zero_grad()
        loss = loss_of(network(batch.images), batch)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
        on_step()
    return Trained(np.array(losses, dtype=np.float64), network)


def _batches(dtype: torch.dtype, steps: int) -> Iterator[Batch]:
    tiles = as_batch(plan.training_tiles(), dtype)
    for chosen in plan.batch_order(len(tiles.images))[:steps]:
        yield Batch(*(tensor[torch.from_numpy(chosen)] for tensor in tiles))
