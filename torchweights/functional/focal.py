"""Focal cross-entropies: what is already right counts less."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from torchweights.functional.crossentropy import binary_crossentropy, normalised
from torchweights.functional.precise import log_probabilities, turned, turned_crossentropy, widened
from torchweights.functional.shared import Axis, along, in_pieces, mean, power, same_dtype
from torchweights.messages import choose

FOCAL_FORMS = ("clip", "logits")
RESTS = ("direct", "1 - p_t")

Alpha = float | Sequence[float] | Tensor


def binary_focal_crossentropy(
    y_pred: Tensor,
    y_true: Tensor,
    *,
    apply_class_balancing: bool = False,
    alpha: Alpha = 0.25,
    gamma: Alpha = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: Axis = -1,
    epsilon: float = 1e-7,
    form: str = "clip",
    rest: str = "direct",
    precise: bool = False,
) -> Tensor:
    """mean((1 - p_t)^gamma BCE(y, p)) over ``axis``, p_t = y p + (1 - y) (1 - p).

    Args:
        y_pred, y_true: (N, .., L): one probability or logit, and one label in [0, 1], per sample and label.
        apply_class_balancing: Whether each term is multiplied by alpha y + (1 - alpha) (1 - y).
        alpha: Weight of label 1; that of label 0 is 1 - alpha. One number, or one for each label.
        gamma: How much less counts what is already right; 0 for cross-entropy. One number, or one for each label.
        from_logits: Whether y_pred are logits.
        label_smoothing: a in y (1 - a) + a / 2.
        axis: Axis or axes to average; () for none.
        epsilon: Where probabilities are clipped in the cross-entropy; p_t is not clipped.
        form: That of ``binary_crossentropy``.
        rest: How 1 - p_t is computed: "direct" as y (1 - p) + (1 - y) p, which keeps its digits, or "1 - p_t" (Keras).
        precise: On logits, compute in float64, where the device has it, and round once: a power multiplies errors.

    Raises:
        ValueError: for an unknown form or rest.

    Source: ``binary_focal_crossentropy`` of Keras 2.9 to 3 (Lin et al. 2017).

    >>> binary_focal_crossentropy(torch.tensor([[0.75]]), torch.tensor([[1.0]]), gamma=1.0)
    tensor([0.0719])
    """
    choose("rest", rest, RESTS)
    y_pred, y_true = same_dtype(y_pred, y_true)
    labels = axis if isinstance(axis, int) else -1
    gamma, alpha = along(gamma, "gamma", y_pred, labels), along(alpha, "alpha", y_pred, labels)
    if from_logits and precise:
        t, away = turned(y_pred, y_true)
        values = turned_crossentropy(t, away, label_smoothing) * _left(t, away, gamma, label_smoothing, labels)
    if label_smoothing:
        y_true = y_true * (1 - label_smoothing) + label_smoothing / 2
    if not (from_logits and precise):
        values = binary_crossentropy(y_pred, y_true, from_logits=from_logits, axis=(), epsilon=epsilon, form=form)
        p, not_p = (y_pred.sigmoid(), (-y_pred).sigmoid()) if from_logits else (y_pred, 1 - y_pred)
        if rest == "direct":
            left = y_true * not_p + (1 - y_true) * p
        else:
            left = 1 - (y_true * p + (1 - y_true) * (1 - p))
        values = power(left, gamma) * values
    if apply_class_balancing:
        values = (y_true * alpha + (1 - y_true) * (1 - alpha)) * values
    return mean(values, axis, precise=precise)


def _left(t: Tensor, away: Tensor | None, gamma: Tensor | float, smoothing: float, labels: int) -> Tensor:
    """l^gamma, l = s(t) + d (1 - 2 s(t)), ``away`` is d, of smoothed labels: in float64, for a power multiplies errors."""

    def of_piece(t: Tensor, *away: Tensor) -> Tensor:
        left = widened(t).sigmoid()
        if away or smoothing:
            far = widened(away[0]) * (1 - smoothing) + smoothing / 2 if away else smoothing / 2
            left = left + far * (1 - 2 * left)
        return power(left, gamma).to(t.dtype)

    return in_pieces(of_piece, labels, t, *(() if away is None else (away,)))


def categorical_focal_crossentropy(
    y_pred: Tensor,
    y_true: Tensor,
    *,
    alpha: Alpha = 0.25,
    gamma: Alpha = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    smoothing_classes: int | None = None,
    axis: int = -1,
    epsilon: float = 1e-7,
    form: str = "clip",
    precise: bool = False,
) -> Tensor:
    """-sum(alpha (1 - r)^gamma y ln r) over ``axis``, r = clip(p / sum(p)).

    Args:
        y_pred, y_true: (N, .., C) with the C classes on ``axis``: probabilities or logits, and one-hot or soft targets.
        alpha: One weight, or one for each class.
        gamma: How much less counts what is already right; 0 for cross-entropy. One number, or one for each class.
        from_logits: Whether y_pred are logits.
        label_smoothing: a in y (1 - a) + a / C.
        smoothing_classes: The C of the smoothing, where an era counts another axis; None for the size of ``axis``.
        axis: Axis of the classes.
        epsilon: Where normalised probabilities are clipped.
        form: What becomes of logits: "clip" makes them probabilities and clips those (Keras), "logits" takes
            ln r from log_softmax, which needs no clipping.
        precise: With the form "logits", compute in float64, where the device has it, and round once.

    Raises:
        ValueError: for an unknown form.

    Source: ``categorical_focal_crossentropy`` of Keras 2.13 to 3.

    >>> categorical_focal_crossentropy(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]))
    tensor([0.0433])
    """
    choose("form", form, FOCAL_FORMS)
    y_pred, y_true = same_dtype(y_pred, y_true)
    classes = smoothing_classes or y_pred.shape[axis]
    alpha, gamma = along(alpha, "alpha", y_pred, axis), along(gamma, "gamma", y_pred, axis)
    of_logits, wide = from_logits and form == "logits", from_logits and form == "logits" and precise

    def of_piece(y_pred: Tensor, y_true: Tensor) -> Tensor:
        dtype, y_true = y_pred.dtype, widened(y_true) if wide else y_true
        if label_smoothing:
            y_true = y_true * (1 - label_smoothing) + label_smoothing / classes
        if of_logits:
            log_r = log_probabilities(y_pred, axis) if precise else F.log_softmax(y_pred, axis)
            rest = -torch.expm1(log_r)
        else:
            r = normalised(y_pred.softmax(axis) if from_logits else y_pred, axis).clamp(epsilon, 1 - epsilon)
            log_r, rest = r.log(), 1 - r
        return -(alpha * power(rest, gamma) * y_true * log_r).sum(axis, keepdim=True).to(dtype)

    return (in_pieces(of_piece, axis, y_pred, y_true) if wide else of_piece(y_pred, y_true)).squeeze(axis)
