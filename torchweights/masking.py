"""Pixels without ground truth: which they are, and two ways to leave them out."""

from __future__ import annotations

import torch
from torch import Tensor

from torchweights.messages import shown
from torchweights.options import axis_within, label
from torchweights.precision import exact
from torchweights.validation import check_tensor


def labelled_pixels(y_true: Tensor, void: int | None = None, *, axis: int = -1) -> Tensor:
    """True where a pixel has ground truth.

    Args:
        y_true: One-hot or soft targets (floating point, classes on ``axis``): a pixel without any class set has no
            ground truth. Integer labels: a pixel with label ``void``, or any negative label, has none.
        void: The label that stands for "no ground truth"; with one-hot targets, the class that does.
        axis: Axis of the classes of one-hot targets.

    >>> labelled_pixels(torch.tensor([0, 255, 1]), void=255)
    tensor([ True, False,  True])
    """
    check_tensor("y_true", y_true)
    label("void", void)
    if not y_true.is_floating_point():
        labels = y_true.long()  # torch compares no unsigned ones
        return labels >= 0 if void is None else (labels >= 0) & (labels != void)
    axis_within(axis, y_true.ndim, "y_true")
    if void is not None and not 0 <= void < y_true.shape[axis]:
        raise ValueError(
            f"void expected one of the {y_true.shape[axis]} classes of one-hot targets, the one that means 'no ground truth'; "
            f"received {void}. Leave it out if such pixels have no class set."
        )
    labelled = (y_true != 0).any(axis)
    return labelled if void is None else labelled & (y_true.select(axis, void) == 0)


def _check(y_pred: Tensor, y_true: Tensor, axis: int) -> None:
    check_tensor("y_pred", y_pred)
    check_tensor("y_true", y_true)
    if not y_pred.ndim:
        raise ValueError(
            "y_pred expected scores by class on one of its axes; received a tensor of rank 0. Give it the shape (.., C)."
        )
    whole = tuple(y_pred.shape)
    axis_within(axis, y_pred.ndim)
    classes = axis % y_pred.ndim
    expected = whole if y_true.is_floating_point() else whole[:classes] + whole[classes + 1 :]
    if tuple(y_true.shape) != expected:
        kind = "one-hot targets" if y_true.is_floating_point() else "labels"
        raise ValueError(
            f"y_true expected shape {expected} ({kind} beside y_pred of shape {whole} with classes on axis {axis}); "
            f"received {tuple(y_true.shape)}. Say where the classes are with axis=, and give targets to match."
        )


def mask_pixels(y_pred: Tensor, y_true: Tensor, void: int | None = None, *, axis: int = -1) -> tuple[Tensor, Tensor]:
    """Predictions and targets of the pixels that have ground truth: (n_valid, C) each.

    Args:
        y_pred: (B, H, W, C), or any shape with the classes on ``axis``.
        y_true: One-hot targets of the same shape, or integer labels of that shape without ``axis``.
        void: Label (or one-hot class) that stands for "no ground truth".
        axis: Axis of the classes.

    Returns:
        ``(y_pred, y_true)``: (n_valid, C) and (n_valid, C), or (n_valid,) for labels. How many there are is only known
        on the device, so this waits for it; ``blank_pixels`` does not.

    Raises:
        ValueError: when the shapes do not meet.

    Source: the ``mask_pixels`` that TF 1 projects put before ``tf.losses.softmax_cross_entropy``.

    >>> p, t = torch.zeros(1, 2, 2, 3), torch.eye(3)[torch.tensor([[[0, 1], [2, 2]]])]
    >>> t[0, 1, 1] = 0
    >>> [tuple(kept.shape) for kept in mask_pixels(p, t)]
    [(3, 3), (3, 3)]
    """
    _check(y_pred, y_true, axis)
    kept = labelled_pixels(y_true, void, axis=axis)
    targets = y_true.movedim(axis, -1) if y_true.is_floating_point() else y_true
    return y_pred.movedim(axis, -1)[kept], targets[kept]


def blank_pixels(
    y_pred: Tensor, y_true: Tensor, void: int | None = None, *, axis: int = -1
) -> tuple[Tensor, Tensor, Tensor]:
    """The twin of ``mask_pixels`` that keeps the shape: pixels without ground truth become zeros, and a mask says where.

    Args: as ``mask_pixels``.

    Returns:
        ``(y_pred, y_true, mask)`` in full shape, ready for ``criterion(y_pred, y_true, mask=mask)``; blanked pixels
        pass no gradient, whatever they held. Nothing waits for the device.

    >>> p, t, mask = blank_pixels(torch.full((1, 2, 3), torch.nan), torch.tensor([[0, 255]]), void=255)
    >>> mask, t, p[0, 1]
    (tensor([[ True, False]]), tensor([[0, 0]]), tensor([0., 0., 0.]))
    """
    _check(y_pred, y_true, axis)
    mask = labelled_pixels(y_true, void, axis=axis)
    wide = mask.unsqueeze(axis)
    return (
        torch.where(wide, y_pred, torch.zeros_like(y_pred)),
        torch.where(wide if y_true.is_floating_point() else mask, y_true, torch.zeros_like(y_true)),
        mask,
    )


def positive_count(y_true: Tensor, *, background: int = 0, mask: Tensor | None = None) -> Tensor:
    """max(1, number of positives): what RetinaNet divides the sum of its focal losses by.

    Args:
        y_true: Integer labels, of which ``background`` and negative ones are no positives; or floating point labels in [0, 1],
            (.., L) with a label per class: a place is positive where any of them is above 0.
        background: The label of what holds no object.
        mask: False where a place is ignored; in the shape of the places.

    Returns:
        A 0-dim float64 tensor, to pass as ``denominator=`` of a focal criterion with ``axis=()``.

    Source: Lin et al. 2017, section 4: the loss is normalised by the anchors assigned to an object.

    >>> positive_count(torch.tensor([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]))
    tensor(2., dtype=torch.float64)
    """
    check_tensor("y_true", y_true)
    if isinstance(background, bool) or not isinstance(background, int):
        raise TypeError(
            f"background expected a label (an int); received {type(background).__name__} {shown(background)}. Write int(background)."
        )
    if y_true.is_floating_point() and background != 0:
        raise ValueError(
            f"background expected to be left out beside floating point labels, of which 0 is none; received {background}. Give integer labels "
            "to have a background among them."
        )
    if mask is not None:
        check_tensor("mask", mask)
    labels = y_true if y_true.is_floating_point() else y_true.long()
    positive = (labels > 0).any(-1) if y_true.is_floating_point() else (labels != background) & (labels >= 0)
    if mask is not None:
        if mask.shape != positive.shape:
            raise ValueError(
                f"mask expected shape {tuple(positive.shape)}, one for each place; received {tuple(mask.shape)}."
            )
        positive = positive & (mask != 0)
    return positive.sum().to(exact(positive.device)).clamp(min=1)
