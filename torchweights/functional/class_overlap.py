"""Overlap class by class: Dice and Tversky scores of soft segmentations, and the dice of BCE-Dice closures."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from torchweights.functional.shared import check_tensors, in_pieces, same_dtype
from torchweights.messages import choose

OVERLAP_OVER = ("image", "batch", "everything")


def class_overlap(
    y_pred: Tensor,
    y_true: Tensor,
    *,
    axis: int,
    over: str = "image",
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 0.5,
    weight: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """(I + s) / (I + alpha sum(w y (1 - p)) + beta sum(w (1 - y) p) + s), I = sum(w y p), and sum(w y).

    Args:
        y_pred, y_true: (N, .., C, ..) alike: probabilities, and labels in [0, 1]; classes on ``axis``.
        axis: Axis of the classes.
        over: What is summed: "image" gives (N, C), "batch" (C,), "everything" a scalar.
        alpha: Weight of missed positives.
        beta: Weight of false alarms. Both 0.5 is Dice, (2 I + 2 s) / (sum(y) + sum(p) + 2 s).
        smooth: s. Without it what is empty on both sides scores 1.
        weight: w, like y_pred without ``axis``, or like y_pred; 0 leaves a pixel out of every sum.

    Returns:
        Scores, and how much of each class there was.

    Source: Salehi et al. 2017; Milletari et al. 2016 for Dice.

    >>> score, there = class_overlap(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]), axis=1, over="batch", smooth=0.0)
    >>> score, there
    (tensor([0.6667, 0.0000]), tensor([1., 0.]))
    """
    sums = overlap_sums(y_pred, y_true, axis=axis, over=over, weight=weight)
    return overlap_score(sums, alpha=alpha, beta=beta, smooth=smooth), sums.labelled


class OverlapSums(NamedTuple):
    """What overlap scores are made of: sum(w y p), sum(w y (1 - p)), sum(w (1 - y) p) and sum(w y)."""

    both: Tensor
    missed: Tensor
    alarms: Tensor
    labelled: Tensor


def overlap_sums(
    y_pred: Tensor,
    y_true: Tensor,
    *,
    axis: int,
    over: str = "image",
    weight: Tensor | None = None,
    from_logits: bool = False,
) -> OverlapSums:
    """The sums of ``class_overlap``; those of several batches add up where ``over`` is not "image".

    Args:
        y_pred, y_true, axis, over, weight: As in ``class_overlap``.
        from_logits: Whether y_pred are logits, of a sigmoid.

    >>> overlap_sums(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]), axis=1, over="everything").both
    tensor(0.5000)
    """
    choose("over", over, OVERLAP_OVER)
    y_pred, y_true = same_dtype(y_pred, y_true)
    if weight is not None:
        check_tensors(weight=weight)
        weight = weight.to(y_pred.dtype)
        weight = weight.unsqueeze(axis) if weight.ndim == y_pred.ndim - 1 else weight
        if weight.ndim != y_pred.ndim or any(
            size not in (n, 1) for size, n in zip(weight.shape, y_pred.shape, strict=True)
        ):
            raise ValueError(
                f"weight expected the shape of y_pred, {tuple(y_pred.shape)}, or that without axis {axis}; received {tuple(weight.shape)}. "
                "Write weight.expand(..) for one per image."
            )
    kept = {"image": (0, axis % y_pred.ndim), "batch": (axis % y_pred.ndim,), "everything": ()}[over]
    axes = tuple(place for place in range(y_pred.ndim) if place not in kept)

    def terms(y_pred: Tensor, y_true: Tensor, *weight: Tensor) -> list[Tensor]:
        if weight:
            # A pixel that weighs nothing must not show, whatever it holds.
            y_pred, y_true = (torch.where(weight[0] != 0, one, torch.zeros_like(one)) for one in (y_pred, y_true))
        y_pred = y_pred.sigmoid() if from_logits else y_pred
        found = [y_true * y_pred, y_true * (1 - y_pred), (1 - y_true) * y_pred, y_true]
        return [term * weight[0] for term in found] if weight else found

    def sums_of_piece(*given: Tensor) -> Tensor:
        return torch.stack([term.sum(axes, keepdim=True) for term in terms(*given)], -1)

    given = (y_pred, y_true) if weight is None else (y_pred, y_true, weight.expand_as(y_pred))
    sums = in_pieces(sums_of_piece, (), *given).sum(axes).unbind(-1) if axes else terms(*given)
    turns = over == "image" and axis % y_pred.ndim == 0
    return OverlapSums(*(one.T if turns else one for one in sums))


def overlap_score(sums: OverlapSums, *, alpha: float = 0.5, beta: float = 0.5, smooth: float = 0.5) -> Tensor:
    """(I + s) / (I + alpha missed + beta alarms + s), I = both; 1 for 0 / 0.

    Args:
        sums: Of ``overlap_sums``.
        alpha, beta, smooth: As in ``class_overlap``.

    >>> halves = torch.tensor([0.5])
    >>> overlap_score(OverlapSums(halves, halves, halves, halves), smooth=0.0)
    tensor([0.5000])
    """
    above, below = sums.both + smooth, sums.both + alpha * sums.missed + beta * sums.alarms + smooth
    empty = below == 0
    return torch.where(empty, torch.ones_like(below), above / torch.where(empty, torch.ones_like(below), below))
