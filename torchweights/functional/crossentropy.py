"""Cross-entropies: binary, categorical, sparse, generalized, and KL divergence."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from torchweights import validation
from torchweights.functional.precise import crossentropy_at, log_probabilities, turned, turned_crossentropy, widened
from torchweights.functional.shared import Axis, at_least_float32, in_pieces, mean_of, power, same_dtype
from torchweights.messages import choose

BINARY_FORMS = ("clip", "clip, add", "clip, add, graph", "clip, logits", "clamp log")
SPARSE_FORMS = ("clip first", "normalise first")


def _sigmoid_crossentropy(logits: Tensor, y_true: Tensor, smoothing: float = 0.0) -> Tensor:
    """ln(1 + e^z) - y z, z the logits, y the smoothed label, with the digits of small losses."""
    return turned_crossentropy(*turned(logits, y_true), smoothing)


def _clamped(log: Callable[[Tensor], Tensor], argument: Tensor, at_zero: Tensor) -> Tensor:
    """A logarithm no lower than -100; where it is that of 0 its gradient is 0, not 0 x infinity."""
    return torch.where(at_zero, -100.0, log(torch.where(at_zero, 0.5, argument)).clamp(min=-100))


def binary_crossentropy(
    y_pred: Tensor,
    y_true: Tensor,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: Axis = -1,
    epsilon: float = 1e-7,
    form: str = "clip",
    precise: bool = False,
) -> Tensor:
    """mean(-y ln p - (1 - y) ln(1 - p)) over ``axis``; on logits, its stable form.

    Args:
        y_pred, y_true: (N, .., L): one probability or logit, and one label in [0, 1], per sample and label.
        from_logits: Whether y_pred are logits.
        label_smoothing: a in y (1 - a) + a / 2.
        axis: Axis or axes to average; () for none.
        epsilon: Where probabilities are clipped: p becomes q in [epsilon, 1 - epsilon].
        form: "clip": ln q (Keras 3). "clip, add": ln(q + epsilon), ln((1 - q) + epsilon) (TF 2 and
            tf_keras, eager). "clip, add, graph": the second as ln((1 + epsilon) - q), which is what TensorFlow makes of it
            in a graph (Keras 2.3). "clip, logits": the
            stable form on ln(q / (1 - q)) (Keras 2.2, TF 1.12). "clamp log": ln p no lower than -100 (torch).
        precise: On logits, smooth without rounding 1 - y, and add up in pairs.

    Raises:
        ValueError: for an unknown form.

    Source: ``binary_crossentropy`` of the releases named.

    >>> binary_crossentropy(torch.tensor([[0.6, 0.4]]), torch.tensor([[1.0, 0.0]]))
    tensor([0.5108])
    """
    choose("form", form, BINARY_FORMS)
    y_pred, y_true = same_dtype(y_pred, y_true)
    precise = precise and from_logits
    added = epsilon if form.startswith("clip, add") else 0.0

    def values(y_pred: Tensor, y_true: Tensor) -> Tensor:
        if precise:
            return _sigmoid_crossentropy(y_pred, y_true, label_smoothing)
        if label_smoothing:
            y_true = y_true * (1 - label_smoothing) + label_smoothing / 2
        if from_logits:
            return _sigmoid_crossentropy(y_pred, y_true)
        if form == "clamp log":
            log_p, log_rest = _clamped(torch.log, y_pred, y_pred == 0), _clamped(torch.log1p, -y_pred, y_pred == 1)
            return -(y_true * log_p + (1 - y_true) * log_rest)
        q = y_pred.clamp(epsilon, 1 - epsilon)
        if form == "clip, logits":
            return _sigmoid_crossentropy((q / (1 - q)).log(), y_true)
        rest = (1 + added) - q if form == "clip, add, graph" else (1 - q) + added
        return -(y_true * (q + added).log() + (1 - y_true) * rest.log())

    return mean_of(values, axis, y_pred, y_true, precise=precise)


def normalised(y_pred: Tensor, axis: int) -> Tensor:
    """Probabilities that add up to one over ``axis``."""
    return y_pred / y_pred.sum(axis, keepdim=True)


def categorical_crossentropy(
    y_pred: Tensor,
    y_true: Tensor,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    smoothing_classes: int | None = None,
    axis: int = -1,
    epsilon: float = 1e-7,
    precise: bool = False,
) -> Tensor:
    """-sum(y ln clip(p / sum(p))) over ``axis``; on logits, -sum(y log_softmax(z)).

    Args:
        y_pred, y_true: (N, .., C) with the C classes on ``axis``: probabilities or logits, and one-hot or soft targets.
        from_logits: Whether y_pred are logits.
        label_smoothing: a in y (1 - a) + a / C.
        smoothing_classes: The C of the smoothing, where an era counts another axis; None for the size of ``axis``.
        axis: Axis of the classes.
        epsilon: Where normalised probabilities are clipped.
        precise: On logits, compute in float64, where the device has it, and round once: log_softmax cancels the digits of
            small losses.

    Source: ``categorical_crossentropy``, alike in every Keras but for the classes that smoothing counts.

    >>> categorical_crossentropy(torch.tensor([[0.7, 0.2, 0.1]]), torch.tensor([[1.0, 0.0, 0.0]]))
    tensor([0.3567])
    """
    y_pred, y_true = same_dtype(y_pred, y_true)
    classes = smoothing_classes or y_pred.shape[axis]

    def of_piece(y_pred: Tensor, y_true: Tensor) -> Tensor:
        if from_logits and precise:
            y_true, log_p = widened(y_true), log_probabilities(y_pred, axis)
        elif from_logits:
            log_p = F.log_softmax(y_pred, axis)
        else:
            log_p = normalised(y_pred, axis).clamp(epsilon, 1 - epsilon).log()
        if label_smoothing:
            y_true = y_true * (1 - label_smoothing) + label_smoothing / classes
        return -(y_true * log_p).sum(axis).to(y_pred.dtype)

    return in_pieces(of_piece, axis, y_pred, y_true, lost=axis)


def _known(labels: Tensor, scores: Tensor, axis: int) -> tuple[Tensor | None, Tensor]:
    """(whether each label is a class, the label with 1 on ``axis``); a label that is none becomes 0. None where all are seen to be."""
    if not -scores.ndim <= axis < scores.ndim:
        raise ValueError(
            f"axis expected from {-scores.ndim} to {scores.ndim - 1} for scores of rank {scores.ndim}; received {axis}."
        )
    place = axis % scores.ndim
    expected = (*scores.shape[:place], *scores.shape[place + 1 :])
    if labels.is_floating_point() or tuple(labels.shape) != expected:
        raise ValueError(
            f"y_true expected integer labels of shape {expected}, that of y_pred without axis {axis}; received {labels.dtype} of shape "
            f"{tuple(labels.shape)}. One-hot targets go to categorical formulas."
        )
    labels = labels.long()
    if validation.can_look(labels) and validation.within(labels, 0, scores.shape[axis] - 1):
        return None, labels.unsqueeze(axis)
    known = (labels >= 0) & (labels < scores.shape[axis])
    return known, torch.where(known, labels, 0).unsqueeze(axis)


def _or_nan(known: Tensor | None, values: Tensor) -> Tensor:
    if known is None:
        return values
    return torch.where(known, values, torch.full((), torch.nan, dtype=values.dtype, device=values.device))


def sparse_categorical_crossentropy(
    y_pred: Tensor,
    y_true: Tensor,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    epsilon: float = 1e-7,
    form: str = "clip first",
    precise: bool = False,
) -> Tensor:
    """-ln of the probability at the label.

    Args:
        y_pred: (N, .., C) with the C classes on ``axis``: probabilities or logits.
        y_true: Integer labels in [0, C), the shape of y_pred without ``axis``. A label outside makes its value NaN.
        from_logits: Whether y_pred are logits.
        label_smoothing: a: the label has 1 - a + a / C, every other class a / C.
        axis: Axis of the classes.
        epsilon: Where probabilities are clipped.
        form: "clip first": clip, then normalise (TensorFlow). "normalise first": normalise, then clip (as with one-hot
            targets).
        precise: On logits, keep the digits of small losses: ln(1 + the sum of e^(z_j - z_y) over the other classes); with
            label smoothing, as ``categorical_crossentropy``.

    Raises:
        ValueError: for an unknown form.

    Source: ``sparse_categorical_crossentropy`` of Keras on TensorFlow and on torch.

    >>> sparse_categorical_crossentropy(torch.tensor([[0.7, 0.2, 0.1]]), torch.tensor([0]))
    tensor([0.3567])
    """
    choose("form", form, SPARSE_FORMS)
    y_pred = at_least_float32(y_pred)
    known, labels = _known(y_true, y_pred, axis)

    def of_piece(y_pred: Tensor, labels: Tensor) -> Tensor:
        if from_logits and precise and not label_smoothing:
            return crossentropy_at(y_pred, labels, axis)
        if from_logits:
            log_p = log_probabilities(y_pred, axis) if precise else F.log_softmax(y_pred, axis)
        elif form == "clip first":
            log_p = F.log_softmax(y_pred.clamp(epsilon, 1 - epsilon).log(), axis)
        else:
            log_p = normalised(y_pred, axis).clamp(epsilon, 1 - epsilon).log()
        at_label = log_p.gather(axis, labels).squeeze(axis)
        if label_smoothing:
            at_label = at_label * (1 - label_smoothing) + log_p.mean(axis) * label_smoothing
        return -at_label.to(y_pred.dtype)

    return _or_nan(known, in_pieces(of_piece, axis, y_pred, labels, lost=axis))


def categorical_generalized_cross_entropy(y_pred: Tensor, y_true: Tensor, *, q: float = 0.5, axis: int = -1) -> Tensor:
    """(1 - p^q) / q, p the probability at the label: cross-entropy as q nears 0, absolute error at 1.

    Args:
        y_pred: (N, .., C) with the C classes on ``axis``: probabilities.
        y_true: Integer labels in [0, C), the shape of y_pred without ``axis``. A label outside makes its value NaN.
        q: Between 0 and 1: how little wrong labels weigh.
        axis: Axis of the classes.

    Source: ``categorical_generalized_cross_entropy`` of Keras 3.10 (Zhang and Sabuncu 2018).

    >>> categorical_generalized_cross_entropy(torch.tensor([[0.64, 0.36]]), torch.tensor([1]))
    tensor([0.8000])
    """
    y_pred = at_least_float32(y_pred)
    known, labels = _known(y_true, y_pred, axis)
    at_label = y_pred.gather(axis, labels).squeeze(axis)
    return _or_nan(known, (1 - power(at_label, q)) / q)


def kl_divergence(y_pred: Tensor, y_true: Tensor, *, axis: Axis = -1, epsilon: float = 1e-7) -> Tensor:
    """sum(y ln(y / p)) over ``axis``, both clipped to [epsilon, 1] and not normalised.

    Args:
        y_pred, y_true: (N, .., C): probabilities.
        axis: Axis of the classes.
        epsilon: The least that a probability counts as.

    Source: ``kullback_leibler_divergence`` of Keras 2, ``kl_divergence`` of Keras 3: one formula.

    >>> kl_divergence(torch.tensor([[0.25, 0.75]]), torch.tensor([[0.5, 0.5]]))
    tensor([0.1438])
    """
    y_pred, y_true = same_dtype(y_pred, y_true)
    y_pred, y_true = y_pred.clamp(epsilon, 1), y_true.clamp(epsilon, 1)
    return (y_true * (y_true / y_pred).log()).sum(axis)
