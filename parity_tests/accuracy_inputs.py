"""Random and hard inputs for ``parity_tests.accuracy``, from one seed: predictions and targets of one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

Batch = tuple[Tensor, Tensor]
Maker = Callable[[int, int, torch.Generator], Iterator[Batch]]


def _normal(rows: int, size: int, g: torch.Generator) -> Tensor:
    return torch.randn(rows, size, generator=g, dtype=torch.float64)


def _uniform(rows: int, size: int, g: torch.Generator) -> Tensor:
    return torch.rand(rows, size, generator=g, dtype=torch.float64)


def _logits(rows: int, size: int, g: torch.Generator) -> Iterator[Tensor]:
    """Moderate, large, saturated, tiny, tied, and one ahead of ties: the last lose little."""
    for spread in (1.0, 3.0, 10.0):
        yield _normal(rows, size, g) * spread
    for extreme in (30.0, 88.0):
        yield (_uniform(rows, size, g) - 0.5).sign() * extreme
    yield _normal(rows, size, g) * 1e-6
    yield _normal(rows, 1, g).expand(rows, size)
    ahead = torch.zeros(rows, size, dtype=torch.float64)
    ahead[:, 0] = 1
    for offset in (0.0, 35.0, -60.0):
        yield _normal(rows, 1, g) + offset + ahead * _uniform(rows, 1, g) * 16
    yield _normal(rows, size, g) + ahead * _uniform(rows, 1, g) * 12


def logits_and_one_hot(rows: int, size: int, g: torch.Generator) -> Iterator[Batch]:
    for logits in _logits(rows, size, g):
        labels = torch.randint(size, (rows,), generator=g) * (torch.rand(rows, generator=g) < 0.5)
        yield logits, torch.nn.functional.one_hot(labels, size).double()


def logits_and_labels(rows: int, size: int, g: torch.Generator) -> Iterator[Batch]:
    for logits, target in logits_and_one_hot(rows, size, g):
        yield logits, target.argmax(-1)


def logits_and_soft(rows: int, size: int, g: torch.Generator) -> Iterator[Batch]:
    """Targets that add up to 0.9."""
    for logits in _logits(rows, size, g):
        yield logits, (_normal(rows, size, g) * 2).softmax(-1) * 0.9


def logits_and_bits(rows: int, size: int, g: torch.Generator) -> Iterator[Batch]:
    for logits in _logits(rows, size, g):
        yield logits, torch.randint(2, (rows, size), generator=g).double()


def _probabilities(rows: int, size: int, g: torch.Generator) -> Iterator[Tensor]:
    """Anywhere, near 0 and near 1; never where a clip's slope breaks."""
    yield _uniform(rows, size, g) * 0.9 + 0.05
    yield _uniform(rows, size, g) * 1e-4 + 1e-6
    yield 1 - (_uniform(rows, size, g) * 1e-4 + 1e-6)


def probabilities_and_bits(rows: int, size: int, g: torch.Generator) -> Iterator[Batch]:
    for p in _probabilities(rows, size, g):
        yield p, torch.randint(2, (rows, size), generator=g).double()


def distributions_and_one_hot(rows: int, size: int, g: torch.Generator) -> Iterator[Batch]:
    for spread in (1.0, 4.0):
        labels = torch.randint(size, (rows,), generator=g)
        yield (
            (_normal(rows, size, g) * spread).softmax(-1) * 0.999 + 0.001 / size,
            torch.nn.functional.one_hot(labels, size).double(),
        )


def distributions_and_labels(rows: int, size: int, g: torch.Generator) -> Iterator[Batch]:
    for p, target in distributions_and_one_hot(rows, size, g):
        yield p, target.argmax(-1)


def distributions(rows: int, size: int, g: torch.Generator) -> Iterator[Batch]:
    for p, _ in distributions_and_one_hot(rows, size, g):
        yield p, _normal(rows, size, g).softmax(-1)
        yield p, p * (1 + 1e-3 * _normal(rows, size, g))


def numbers(rows: int, size: int, g: torch.Generator) -> Iterator[Batch]:
    """Any, close to the target, large, tied, tiny."""
    yield _normal(rows, size, g), _normal(rows, size, g)
    y = _normal(rows, size, g)
    yield y * (1 + 0.05 * _normal(rows, size, g)), y
    yield _normal(rows, size, g) * 100, _normal(rows, size, g)
    yield _normal(rows, 1, g).expand(rows, size), _normal(rows, 1, g).expand(rows, size)
    yield _normal(rows, size, g) * 1e-6, _normal(rows, size, g) * 1e-6


def counts(rows: int, size: int, g: torch.Generator) -> Iterator[Batch]:
    for spread in (1.0, 30.0):
        yield _uniform(rows, size, g) * spread + 0.01, _uniform(rows, size, g) * spread + 0.01


def numbers_and_signs(rows: int, size: int, g: torch.Generator) -> Iterator[Batch]:
    for p, _ in numbers(rows, size, g):
        yield p, torch.randint(2, (rows, size), generator=g).double() * 2 - 1


def numbers_and_one_hot(rows: int, size: int, g: torch.Generator) -> Iterator[Batch]:
    for p, _ in numbers(rows, size, g):
        labels = torch.randint(size, (rows,), generator=g)
        yield p + 1e-3 * _normal(rows, size, g), torch.nn.functional.one_hot(labels, size).double()


def sequences(rows: int, size: int, g: torch.Generator) -> Iterator[Batch]:
    """Six steps of four classes, two labels."""
    for spread in (1.0, 5.0):
        logits = torch.randn(rows, 6, 4, generator=g, dtype=torch.float64) * spread
        yield logits, torch.randint(1, 4, (rows, 2), generator=g)


def embeddings(rows: int, size: int, g: torch.Generator) -> Iterator[Batch]:
    """One batch of six; labels in pairs."""
    for _ in range(max(rows // 6, 1)):
        yield torch.nn.functional.normalize(_normal(6, size, g), dim=-1), torch.arange(6) % 3
