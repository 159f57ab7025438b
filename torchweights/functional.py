"""Loss formulas, one pure function each: unreduced values, no era, no weight, no mask.

Every function takes ``(y_pred, y_true)`` and averages or sums its ``axis`` away; ``axis=()`` leaves a value per element
where that means something. What eras disagree about is an argument. Half precision is computed in float32.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from torchweights.messages import choose

Axis = int | tuple[int, ...]

BINARY_FORMS = ("clip", "clip, add", "clip, add, graph", "clip, logits", "clamp log")
SPARSE_FORMS = ("clip first", "normalise first")


def at_least_float32(tensor: Tensor) -> Tensor:
    """float64 stays float64, float32 stays float32, everything smaller becomes float32."""
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def _same_dtype(y_pred: Tensor, y_true: Tensor) -> tuple[Tensor, Tensor]:
    y_pred = at_least_float32(y_pred)
    return y_pred, y_true.to(y_pred.dtype)


def _mean(values: Tensor, axis: Axis) -> Tensor:
    return values if axis == () else values.mean(axis)


def mean_squared_error(y_pred: Tensor, y_true: Tensor, *, axis: Axis = -1) -> Tensor:
    """mean((y_pred - y_true)^2) over ``axis``.

    Args:
        y_pred, y_true: (N, .., D).
        axis: Axis or axes to average; () for none.

    Source: ``mean_squared_error``, alike in every Keras.

    >>> mean_squared_error(torch.tensor([[1.0, 3.0], [0.5, 0.0]]), torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([2.5000, 0.1250])
    """
    y_pred, y_true = _same_dtype(y_pred, y_true)
    return _mean((y_pred - y_true).square(), axis)


def mean_absolute_error(y_pred: Tensor, y_true: Tensor, *, axis: Axis = -1) -> Tensor:
    """mean(|y_pred - y_true|) over ``axis``.

    Args:
        y_pred, y_true: (N, .., D).
        axis: Axis or axes to average; () for none.

    Source: ``mean_absolute_error``, alike in every Keras.

    >>> mean_absolute_error(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 1.0]]))
    tensor([1.5000])
    """
    y_pred, y_true = _same_dtype(y_pred, y_true)
    return _mean((y_pred - y_true).abs(), axis)


def hinge(y_pred: Tensor, y_true: Tensor, *, axis: Axis = -1) -> Tensor:
    """mean(max(1 - y_true * y_pred, 0)) over ``axis``, for labels -1 and 1.

    Args:
        y_pred, y_true: (N, .., D); labels 0 and 1 go through ``signed_labels`` first.
        axis: Axis or axes to average; () for none.

    Source: ``hinge``, alike in every Keras but for the labels.

    >>> hinge(torch.tensor([[0.6, -0.4]]), torch.tensor([[-1.0, 1.0]]))
    tensor([1.5000])
    """
    y_pred, y_true = _same_dtype(y_pred, y_true)
    return _mean((1 - y_true * y_pred).clamp(min=0), axis)


def squared_hinge(y_pred: Tensor, y_true: Tensor, *, axis: Axis = -1) -> Tensor:
    """mean(max(1 - y_true * y_pred, 0)^2) over ``axis``, for labels -1 and 1.

    Args:
        y_pred, y_true: (N, .., D); labels 0 and 1 go through ``signed_labels`` first.
        axis: Axis or axes to average; () for none.

    Source: ``squared_hinge``, alike in every Keras but for the labels.

    >>> squared_hinge(torch.tensor([[0.6, -0.4]]), torch.tensor([[-1.0, 1.0]]))
    tensor([2.2600])
    """
    y_pred, y_true = _same_dtype(y_pred, y_true)
    return _mean((1 - y_true * y_pred).clamp(min=0).square(), axis)


def signed_labels(y_true: Tensor, judged: Tensor | None = None) -> Tensor:
    """2 * y_true - 1 if every label is 0 or 1, else y_true as it is: Keras's rule for hinge since 2.3.

    Args:
        y_true: Labels of any shape.
        judged: True where a label takes part in the judgement; None for all.

    >>> signed_labels(torch.tensor([0.0, 1.0])), signed_labels(torch.tensor([0.0, 0.5]))
    (tensor([-1.,  1.]), tensor([0.0000, 0.5000]))
    """
    binary = (y_true == 0) | (y_true == 1)
    if judged is not None:
        binary = binary | ~judged
    return torch.where(binary.all(), 2 * y_true - 1, y_true)


def _sigmoid_crossentropy(logits: Tensor, y_true: Tensor) -> Tensor:
    """max(z, 0) - z y + ln(1 + e^-|z|), whose gradient is sigmoid(z) - y everywhere, at z = 0 too."""
    positive = logits >= 0
    # One factor, so that 1 - y is exact before autograd adds the small rest; where() because |z| has no gradient at 0.
    return logits * (positive.to(logits.dtype) - y_true) + torch.where(positive, -logits, logits).exp().log1p()


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

    Raises:
        ValueError: for an unknown form.

    Source: ``binary_crossentropy`` of the releases named.

    >>> binary_crossentropy(torch.tensor([[0.6, 0.4]]), torch.tensor([[1.0, 0.0]]))
    tensor([0.5108])
    """
    choose("form", form, BINARY_FORMS)
    y_pred, y_true = _same_dtype(y_pred, y_true)
    if label_smoothing:
        y_true = y_true * (1 - label_smoothing) + label_smoothing / 2
    if from_logits:
        return _mean(_sigmoid_crossentropy(y_pred, y_true), axis)
    if form == "clamp log":
        log_p, log_rest = _clamped(torch.log, y_pred, y_pred == 0), _clamped(torch.log1p, -y_pred, y_pred == 1)
        return _mean(-(y_true * log_p + (1 - y_true) * log_rest), axis)
    q = y_pred.clamp(epsilon, 1 - epsilon)
    if form == "clip, logits":
        return _mean(_sigmoid_crossentropy((q / (1 - q)).log(), y_true), axis)
    added = epsilon if form.startswith("clip, add") else 0.0
    rest = (1 + added) - q if form == "clip, add, graph" else (1 - q) + added
    return _mean(-(y_true * (q + added).log() + (1 - y_true) * rest.log()), axis)


def _normalised(y_pred: Tensor, axis: int) -> Tensor:
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
) -> Tensor:
    """-sum(y ln clip(p / sum(p))) over ``axis``; on logits, -sum(y log_softmax(z)).

    Args:
        y_pred, y_true: (N, .., C) with the C classes on ``axis``: probabilities or logits, and one-hot or soft targets.
        from_logits: Whether y_pred are logits.
        label_smoothing: a in y (1 - a) + a / C.
        smoothing_classes: The C of the smoothing, where an era counts another axis; None for the size of ``axis``.
        axis: Axis of the classes.
        epsilon: Where normalised probabilities are clipped.

    Source: ``categorical_crossentropy``, alike in every Keras but for the classes that smoothing counts.

    >>> categorical_crossentropy(torch.tensor([[0.7, 0.2, 0.1]]), torch.tensor([[1.0, 0.0, 0.0]]))
    tensor([0.3567])
    """
    y_pred, y_true = _same_dtype(y_pred, y_true)
    if label_smoothing:
        y_true = y_true * (1 - label_smoothing) + label_smoothing / (smoothing_classes or y_pred.shape[axis])
    if from_logits:
        return -(y_true * F.log_softmax(y_pred, axis)).sum(axis)
    return -(y_true * _normalised(y_pred, axis).clamp(epsilon, 1 - epsilon).log()).sum(axis)


def sparse_categorical_crossentropy(
    y_pred: Tensor,
    y_true: Tensor,
    *,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
    epsilon: float = 1e-7,
    form: str = "clip first",
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

    Raises:
        ValueError: for an unknown form.

    Source: ``sparse_categorical_crossentropy`` of Keras on TensorFlow and on torch.

    >>> sparse_categorical_crossentropy(torch.tensor([[0.7, 0.2, 0.1]]), torch.tensor([0]))
    tensor([0.3567])
    """
    choose("form", form, SPARSE_FORMS)
    y_pred = at_least_float32(y_pred)
    if from_logits:
        log_probabilities = F.log_softmax(y_pred, axis)
    elif form == "clip first":
        log_probabilities = F.log_softmax(y_pred.clamp(epsilon, 1 - epsilon).log(), axis)
    else:
        log_probabilities = _normalised(y_pred, axis).clamp(epsilon, 1 - epsilon).log()
    labels = y_true.long()
    known = (labels >= 0) & (labels < y_pred.shape[axis])
    at_label = log_probabilities.gather(axis, torch.where(known, labels, 0).unsqueeze(axis)).squeeze(axis)
    if label_smoothing:
        at_label = at_label * (1 - label_smoothing) + log_probabilities.mean(axis) * label_smoothing
    return torch.where(known, -at_label, torch.full((), torch.nan, dtype=at_label.dtype, device=at_label.device))
