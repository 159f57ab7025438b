"""How predictions are cut into pieces that stay in the cache: whole values each, in the order they lie in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

#: Numbers in a piece, at least and at most: threads wait for each other in every step, so that a piece must keep them busy; a small
#: one stays in the cache, and takes little memory beside the predictions.
PIECE, MOST = 1 << 17, 1 << 20
#: Values of a block that is turned: each thread turns the blocks that it computes, and turns back what it computed. Without blocks the
#: halves of a turned piece would be halves of the classes in one step and halves of the values in the next, and every number would go
#: from core to core.
BLOCK = 256
#: Classes on a last axis up to which a piece is turned in the cache: along short axes torch computes one number at a time.
SHORT = 32


@dataclass(frozen=True)
class Piece:
    """Views (n, a, C, b) of predictions, targets and gradient, and what each value weighs in the loss.

    ``coefficient`` and ``included`` (n, a, 1, b) may have 1 where all are alike; ``gradient`` is to be filled.
    """

    y_pred: Tensor
    y_true: Tensor
    coefficient: Tensor
    included: Tensor | None
    gradient: Tensor

    def hidden(self, included: Tensor, harmless: float) -> Piece:
        """The same with numbers that do no harm where nothing must show."""
        y_true = self.y_true if self.y_true.dtype == torch.int64 else torch.where(included, self.y_true, 0.0)
        return replace(self, y_pred=torch.where(included, self.y_pred, harmless), y_true=y_true)

    def each(self, change: Callable[[Tensor], Tensor]) -> Piece:
        """The same of changed tensors."""
        included = None if self.included is None else change(self.included)
        return Piece(
            change(self.y_pred), change(self.y_true), change(self.coefficient), included, change(self.gradient)
        )


@dataclass(frozen=True)
class Layout:
    """Predictions as they lie in memory: their axes from the slowest to the fastest, and which of them a value spans."""

    shape: tuple[int, ...]
    order: tuple[int, ...]
    classes: tuple[int, ...]

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """(N, A, C, B): samples, what lies before the classes, classes, what lies behind."""
        laid = [self.shape[axis] for axis in self.order]
        places = sorted(self.order.index(axis) for axis in self.classes)
        first, last = (places[0], places[-1] + 1) if places else (len(laid), len(laid))
        samples = laid[0] if first > 0 else 1
        return samples, math.prod(laid[1:first]), math.prod(laid[first:last]), math.prod(laid[last:])

    def viewed(self, tensor: Tensor) -> Tensor:
        """A tensor like the predictions as (N, A, C, B); a copy only where it lies otherwise."""
        return tensor.permute(self.order).reshape(self.sizes)

    def of_values(self, tensor: Tensor) -> Tensor:
        """A tensor that broadcasts with the values as (N, A, 1, B), each whole or 1."""
        values = tuple(size for axis, size in enumerate(self.shape) if axis not in self.classes)
        samples, before, _, behind = self.sizes
        if tensor.numel() == 1:
            return tensor.reshape(1, 1, 1, 1)
        tensor = tensor.reshape(*[1] * (len(values) - tensor.ndim), *tensor.shape)
        kept = [axis for axis in range(len(self.shape)) if axis not in self.classes]
        if self.order[0] == 0 and 0 in kept and tensor.numel() == tensor.shape[0]:
            return tensor.reshape(-1, 1, 1, 1)
        order = [kept.index(axis) for axis in self.order if axis in kept]
        return tensor.expand(values).permute(order).reshape(samples, before, 1, behind)


def layout_of(y_pred: Tensor, classes: Sequence[int]) -> Layout | None:
    """How dense predictions lie in memory; None where they have holes, or where the axes of the classes lie apart."""
    strides = list(y_pred.stride())
    order = tuple(sorted(range(y_pred.ndim), key=lambda axis: (-strides[axis], axis)))
    if not y_pred.permute(order).is_contiguous():
        return None
    places = sorted(order.index(axis) for axis in classes)
    if places and places[-1] - places[0] != len(places) - 1:
        return None
    return Layout(tuple(y_pred.shape), order, tuple(classes))


Cut = tuple[slice, slice, slice, slice]


def _even(step: int) -> int:
    """A step of whole blocks, where it is no shorter than one, so that little is left beside them and beside whole rows of sums."""
    return step // BLOCK * BLOCK if step >= BLOCK else max(1, step)


def _cuts(sizes: tuple[int, int, int, int], most: int) -> Iterator[Cut]:
    """Pieces of whole values, of about ``most`` numbers."""
    samples, before, classes, behind = sizes
    whole = slice(None)
    if before * classes * behind <= most:
        step = _even(most // max(before * classes * behind, 1))
        yield from ((slice(n, n + step), whole, whole, whole) for n in range(0, samples, step))
        return
    for n in range(samples):
        if classes * behind <= most:
            step = _even(most // (classes * behind))
            yield from ((slice(n, n + 1), slice(a, a + step), whole, whole) for a in range(0, before, step))
            continue
        step = _even(max(BLOCK, most // classes))
        for a in range(before):
            yield from ((slice(n, n + 1), slice(a, a + 1), whole, slice(b, b + step)) for b in range(0, behind, step))


def _part(tensor: Tensor, cut: Cut) -> Tensor:
    """A cut of a tensor that has 1 where all are alike."""
    return tensor[tuple(slice(None) if size == 1 else one for size, one in zip(tensor.shape, cut, strict=True))]


@dataclass(frozen=True)
class Batch:
    """What is cut: predictions, targets (like them, or like the values), coefficients and what counts (like the values)."""

    layout: Layout
    y_pred: Tensor
    y_true: Tensor
    coefficient: Tensor
    included: Tensor | None

    def pieces(self, gradient: Tensor | None, *, turned: bool, parts: int = 16) -> Iterator[Piece]:
        """The pieces, to be computed one after the other; without ``gradient`` each has a buffer of its own to spoil.

        ``turned`` where a formula goes along the classes: a short last axis of classes is put before the values then.
        """
        turns = turned and self.layout.sizes[3] == 1 and 1 < self.layout.sizes[2] < SHORT
        for _, piece in self.cut_pieces(gradient, parts):
            if not turns:
                yield piece
                continue
            for lying in _in_blocks(piece):
                buffer = torch.empty_like(lying.gradient, memory_format=torch.contiguous_format)
                yield replace(lying, gradient=buffer).each(Tensor.contiguous)
                if gradient is not None:
                    lying.gradient.copy_(buffer)

    def cut_pieces(self, gradient: Tensor | None, parts: int = 16) -> Iterator[tuple[Cut, Piece]]:
        """The pieces as they lie, and where each was cut; ``parts`` or more of them where the batch is large."""
        viewed, of_values = self.layout.viewed, self.layout.of_values
        x, c = viewed(self.y_pred), of_values(self.coefficient)
        y = viewed(self.y_true) if self.y_true.ndim == self.y_pred.ndim else of_values(self.y_true)
        shown = None if self.included is None else of_values(self.included)
        g = None if gradient is None else viewed(gradient)
        for cut in _cuts(self.layout.sizes, max(PIECE, min(x.numel() // parts, MOST))):
            buffer = torch.empty_like(x[cut]) if g is None else g[cut]
            yield cut, Piece(x[cut], _part(y, cut), _part(c, cut), None if shown is None else _part(shown, cut), buffer)


def _in_blocks(piece: Piece) -> Iterator[Piece]:
    """(n, a, C, 1) as views (1, k, C, BLOCK), and (1, 1, C, rest) of what is left."""
    samples, before = piece.y_pred.shape[:2]
    values = samples * before
    whole = values // BLOCK * BLOCK
    for start, end, size in ((0, whole, BLOCK), (whole, values, values - whole)):

        def in_blocks(tensor: Tensor, start: int = start, end: int = end, size: int = size) -> Tensor:
            if tensor.numel() == 1:
                return tensor
            rows = tensor.expand(samples, before, -1, 1).reshape(values, -1)[start:end]
            return rows.view(1, -1, size, rows.shape[1]).transpose(2, 3)

        if end > start:
            yield piece.each(in_blocks)
