"""Focal cross-entropies: what is already right counts less."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from torchweights.functional.crossentropy import binary_crossentropy, normalised
from torchweights.functional.precise import log_probabilities, turned, turned_crossentropy, widened
from torchweights.functional.shared import Axis, along, in_pieces, mean_of, power, same_dtype
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
        precise: On logits, compute what multiplies the BCE in float64, where the device has it: a power multiplies errors.

    Raises:
        ValueError: for an unknown form or rest.

    Source: ``binary_focal_crossentropy`` of Keras 2.9 to 3 (Lin et al. 2017).

    >>> binary_focal_crossentropy(torch.tensor([[0.75]]), torch.tensor([[1.0]]), gamma=1.0)
    tensor([0.0719])
    """
    choose("rest", rest, RESTS)
    y_pred, y_true = same_dtype(y_pred, y_true)
    labels = axis if isinstance(axis, int) else -1
    precise = precise and from_logits
    powers = along(gamma, "gamma", y_pred, labels, wide=precise)
    shares = along(alpha, "alpha", y_pred, labels, wide=precise) if apply_class_balancing else None

    def values(y_pred: Tensor, y_true: Tensor) -> Tensor:
        smoothed = y_true * (1 - label_smoothing) + label_smoothing / 2 if label_smoothing else y_true
        if precise:
            # In float64 what multiplies: a power multiplies errors.
            t, away = turned(y_pred, y_true)
            factor = _balanced(power(_left(t, away, label_smoothing), powers), widened(smoothed), shares)
            return turned_crossentropy(t, away, label_smoothing) * factor.to(y_pred.dtype)
        crossentropy = binary_crossentropy(
            y_pred, smoothed, from_logits=from_logits, axis=(), epsilon=epsilon, form=form
        )
        p, not_p = (y_pred.sigmoid(), (-y_pred).sigmoid()) if from_logits else (y_pred, 1 - y_pred)
        if rest == "direct":
            left = smoothed * not_p + (1 - smoothed) * p
        else:
            left = 1 - (smoothed * p + (1 - smoothed) * (1 - p))
        return _balanced(power(left, powers), smoothed, shares) * crossentropy

    return mean_of(values, axis, y_pred, y_true, precise=precise, whole=labels)


def _left(t: Tensor, away: Tensor | None, smoothing: float) -> Tensor:
    """s(t) + d (1 - 2 s(t)) in float64, ``away`` is d, of smoothed labels: y (1 - p) + (1 - y) p."""
    left = widened(t).sigmoid()
    if away is None and not smoothing:
        return left
    far = smoothing / 2 if away is None else widened(away) * (1 - smoothing) + smoothing / 2
    return left + far * (1 - 2 * left)


def _balanced(factor: Tensor, y_true: Tensor, alpha: Tensor | float | None) -> Tensor:
    return factor if alpha is None else (y_true * alpha + (1 - y_true) * (1 - alpha)) * factor


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
    of_logits = from_logits and form == "logits"
    precise = precise and of_logits
    alpha, gamma = (along(one, name, y_pred, axis, wide=precise) for name, one in (("alpha", alpha), ("gamma", gamma)))

    def of_piece(y_pred: Tensor, y_true: Tensor) -> Tensor:
        dtype = y_pred.dtype
        if of_logits:
            y_true = widened(y_true) if precise else y_true
            log_r = log_probabilities(y_pred, axis) if precise else F.log_softmax(y_pred, axis)
            rest = -torch.expm1(log_r)
        else:
            r = normalised(y_pred.softmax(axis) if from_logits else y_pred, axis).clamp(epsilon, 1 - epsilon)
            log_r, rest = r.log(), 1 - r
        if label_smoothing:
            y_true = y_true * (1 - label_smoothing) + label_smoothing / classes
        return -(alpha * power(rest, gamma) * y_true * log_r).sum(axis).to(dtype)

    return in_pieces(of_piece, axis, y_pred, y_true, lost=axis)
