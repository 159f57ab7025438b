"""Weights met with the losses of single elements: c of each value, w of each column, a column being the same element of all values.

Torch repeats numbers along a short last axis one by one: weights are repeated here before, by quicker steps.
"""

from __future__ import annotations

import torch
from torch import Tensor

from torchweights.closed_form.adding import added_up, by_sample
from torchweights.closed_form.elements import Element, squared
from torchweights.closed_form.pieces import SHORT, Piece

#: values whose weights c are repeated at once, and numbers whose columns are weighed at once
BLOCK, WIDE = 8, 256


def averaged(element: Element, count: float, columns: Tensor | None, piece: Piece) -> Tensor:
    """sum(c mean(w v)) over a piece, each value a mean over ``count`` elements; ``columns`` are their weights w."""
    c, gradient = piece.coefficient / count, piece.gradient
    if torch.compiler.is_compiling():
        weight = c if columns is None else c * columns
        values = element(piece.y_pred, piece.y_true, gradient)
        gradient.mul_(weight * factor_of(element))
        if element is squared:
            # What is made of the gradient goes into its loop.
            return (gradient * (piece.y_pred - piece.y_true)).sum() / 2
        return (values * weight).sum()
    if columns is None and _of_samples(c):
        # Added up before they are weighed: squares of small errors, each divided by a large count, would have no digits.
        total = summed(element, piece, gradient, c)
        gradient.mul_(c * factor_of(element))
        return added_up(total)
    if element is squared:
        off = piece.y_pred - piece.y_true
        _weigh(off, _weights(piece, c * factor_of(element), columns), gradient)
        return added_up(off.mul_(gradient)) / 2
    values = element(piece.y_pred, piece.y_true, gradient, alike=piece.included is None and columns is None)
    weights = _weights(piece, c, columns)
    _weigh(gradient, weights, gradient)
    return added_up(_weigh(values, weights, values))


def factor_of(element: Element) -> float:
    """What the derivative lacks that an element leaves."""
    return 2.0 if element is squared else 1.0


def summed(element: Element, piece: Piece, slope: Tensor | None, c: Tensor, columns: Tensor | None = None) -> Tensor:
    """sum(c w v) of each sample of a piece, (n,)."""
    alike, compiling = piece.included is None and columns is None, torch.compiler.is_compiling()
    together = columns is None and _of_samples(c) and not compiling
    values = element(piece.y_pred, piece.y_true, slope, want="sums" if together else "values", alike=alike)
    if together:
        return by_sample(values) * c.view(-1)
    if compiling:
        return (values * (c if columns is None else c * columns)).sum((1, 2, 3))
    return by_sample(_weigh(values, _weights(piece, c, columns), values))


def _of_samples(c: Tensor) -> bool:
    """Whether all values of a sample weigh the same."""
    return c.shape[1] == c.shape[3] == 1


def _weights(piece: Piece, c: Tensor, columns: Tensor | None) -> list[Tensor]:
    """What the numbers of a piece are to be multiplied by, one after the other."""
    if columns is not None and c.numel() == 1:
        return [columns * c]
    classes, behind = piece.y_pred.shape[2:]
    short = behind == 1 < classes < SHORT
    of_values = repeated(c, classes) if short and not _of_samples(c) else c
    return [of_values] if columns is None else [of_values, columns]


def _weigh(numbers: Tensor, weights: list[Tensor], out: Tensor) -> Tensor:
    """The numbers of a piece times the weights, in ``out``."""
    for weight in weights:
        numbers = _times(numbers, weight, out)
    return out


def _times(numbers: Tensor, weight: Tensor, out: Tensor) -> Tensor:
    classes, behind = numbers.shape[2:]
    at_once = WIDE // classes
    if at_once < 4 or numbers.numel() < WIDE or behind > 1 or weight.shape != (1, 1, classes, 1):
        return torch.mul(numbers, weight, out=out)
    rows, filled, columns = numbers.view(-1, classes), out.view(-1, classes), weight.view(-1)
    whole, wide = len(rows) // at_once * at_once, (-1, at_once * classes)
    torch.mul(rows[:whole].view(wide), columns.expand(at_once, -1).reshape(-1), out=filled[:whole].view(wide))
    torch.mul(rows[whole:], columns, out=filled[whole:])
    return out


def repeated(c: Tensor, times: int) -> Tensor:
    """(n, a, 1, 1) as (n, a, times, 1): a product with blocks of ones, where products are exact."""
    each = c.reshape(-1)
    whole = len(each) // BLOCK * BLOCK if torch.get_float32_matmul_precision() == "highest" else 0
    found = c.new_empty(len(each), times)
    if whole:
        ones = c.new_zeros(BLOCK, BLOCK, times)
        ones.diagonal().fill_(1.0)
        torch.mm(each[:whole].view(-1, BLOCK), ones.view(BLOCK, -1), out=found[:whole].view(-1, BLOCK * times))
    if whole < len(each):
        found[whole:] = each[whole:, None]
    return found.view(*c.shape[:2], times, 1)
