"""The cross-entropies of ``tf.losses``: all of them take logits."""

from __future__ import annotations

import torch
from torch import Tensor

from torchweights import functional, validation
from torchweights.alignment import shape_text
from torchweights.messages import warn_of_trap
from torchweights.options import number
from torchweights.tf1.rows import DEFAULT, LATEST, ROWS, check_pair, check_shapes, given, reduce, row_name, weigh


def _check_smoothing(label_smoothing: float) -> None:
    number("label_smoothing", label_smoothing)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(
            f"label_smoothing expected a share from 0 to 1; received {label_smoothing!r}. tf.losses ignores what is below 0: "
            "leave it out."
        )


def sigmoid_cross_entropy(
    logits: Tensor,
    multi_class_labels: Tensor,
    weights: Tensor | float = 1.0,
    *,
    label_smoothing: float = 0.0,
    reduction: str | None = DEFAULT,
    semantics: str = LATEST,
) -> Tensor:
    """max(z, 0) - z y + ln(1 + e^-|z|) of logits z, weighed: ``tf.losses.sigmoid_cross_entropy``.

    Args:
        logits, multi_class_labels: Of one shape; labels y in [0, 1].
        label_smoothing: a in y (1 - a) + a / 2.
        weights, reduction, semantics: As in ``compute_weighted_loss``.

    Raises:
        ValueError, TypeError: for shapes that do not meet; for labels in the place of logits.

    >>> sigmoid_cross_entropy(torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 1.0]]))
    tensor(0.4100)
    """
    names = ("logits", "multi_class_labels")
    check_pair(logits, multi_class_labels, names)
    check_shapes(logits, multi_class_labels, names)
    _check_smoothing(label_smoothing)
    weighed = weigh(logits.shape, weights, reduction, semantics, logits)
    values = functional.binary_crossentropy(
        weighed.hide(logits),
        weighed.hide(multi_class_labels),
        from_logits=True,
        label_smoothing=label_smoothing,
        axis=(),
    )
    return reduce(values, weighed, reduction)


def softmax_cross_entropy(
    logits: Tensor,
    onehot_labels: Tensor,
    weights: Tensor | float = 1.0,
    *,
    label_smoothing: float = 0.0,
    reduction: str | None = DEFAULT,
    semantics: str = LATEST,
) -> Tensor:
    """-sum(y log_softmax(z)) over the last axis of logits z, weighed: ``tf.losses.softmax_cross_entropy``.

    Args:
        logits, onehot_labels: (N, .., C) alike. No gradient flows to the labels.
        label_smoothing: a in y (1 - a) + a / C. TensorFlow up to 1.13 takes for C the size of axis 1, at every rank.
        weights: A number or scalar, or of the rank of (N, ..).
        reduction, semantics: As in ``compute_weighted_loss``.

    Raises:
        ValueError, TypeError: for shapes that do not meet; for labels in the place of logits.

    >>> softmax_cross_entropy(torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    tensor(0.7201)
    """
    names = ("logits", "onehot_labels")
    check_pair(logits, onehot_labels, names)
    check_shapes(logits, onehot_labels, names)
    _check_smoothing(label_smoothing)
    if not logits.ndim:
        raise ValueError("logits expected (N, .., C) with the classes last; received (). Write logits.reshape(1, -1).")
    counted = ROWS[row_name(semantics)].smoothing if logits.ndim > 1 else -1
    if label_smoothing and counted != -1 and logits.shape[counted] != logits.shape[-1]:
        warn_of_trap(
            "tf.losses smoothing",
            f"label_smoothing counts {logits.shape[counted]} classes in this release, the size of axis {counted}, not the "
            f"{logits.shape[-1]} of the last axis. Name a later release: semantics={LATEST!r}.",
        )
    weighed = weigh(logits.shape[:-1], weights, reduction, semantics, logits)
    values = functional.categorical_crossentropy(
        weighed.hide(logits, (logits.ndim - 1,)),
        weighed.hide(onehot_labels.detach(), (logits.ndim - 1,)),
        from_logits=True,
        label_smoothing=label_smoothing,
        smoothing_classes=logits.shape[counted],
    )
    return reduce(values, weighed, reduction)


def sparse_softmax_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weights: Tensor | float = 1.0,
    *,
    reduction: str | None = DEFAULT,
    semantics: str = LATEST,
    validate: bool | None = None,
) -> Tensor:
    """-log_softmax(z) at the label, weighed: ``tf.losses.sparse_softmax_cross_entropy``.

    Args:
        logits: (N, .., C).
        labels: Integers in [0, C), (N, ..) or (N, .., 1). Labels of weight 0 may be anything.
        weights: A number or scalar, or of the rank of (N, ..); a last axis of 1 more is dropped.
        reduction, semantics: As in ``compute_weighted_loss``.
        validate: Whether labels are checked; None checks on the CPU alone. Unchecked, a label outside is NaN.

    Raises:
        ValueError, TypeError: for shapes that do not meet and labels outside; for labels that are no integers.

    >>> sparse_softmax_cross_entropy(torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0]))
    tensor(0.7201)
    """
    check_pair(logits, labels, ("logits", "labels"))
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise TypeError(
            f"labels expected integers; received {labels.dtype}. One-hot labels go to softmax_cross_entropy."
        )
    logits, labels = sparse_shapes(logits, labels)
    tensor = given(weights, logits)
    if tensor is not None and tensor.ndim == labels.ndim + 1 and tensor.shape[-1] == 1:
        tensor = tensor.squeeze(-1)
    weighed = weigh(labels.shape, 1.0 if tensor is None else tensor, reduction, semantics, logits)
    if validation.can_look(labels) if validate is None else validate:
        _check_labels(labels, logits.shape[-1], weighed.included)
    values = functional.sparse_categorical_crossentropy(
        weighed.hide(logits, (logits.ndim - 1,)), weighed.hide(labels), from_logits=True
    )
    return reduce(values, weighed, reduction)


def sparse_shapes(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (N, .., C) and labels (N, ..): a last axis of 1 that one of them has too many is dropped."""
    missing = logits.ndim - labels.ndim
    if missing == 0 and labels.ndim and labels.shape[-1] == 1:
        labels = labels.squeeze(-1)
    if missing == 2 and logits.shape[-1] == 1:
        logits = logits.squeeze(-1)
    if not logits.ndim or logits.shape[:-1] != labels.shape:
        raise ValueError(
            f"labels expected {shape_text(logits.shape[:-1])}, the shape of the logits without their classes; received "
            f"{shape_text(labels.shape)}. One-hot labels go to softmax_cross_entropy."
        )
    return logits, labels


def _check_labels(labels: Tensor, num_classes: int, included: Tensor | None) -> None:
    bad = (labels < 0) | (labels >= num_classes)
    bad = bad if included is None else bad & included
    if bool(bad.any()):
        where = tuple(torch.nonzero(bad)[0].tolist())
        raise ValueError(
            f"labels expected 0 to {num_classes - 1}, for the {num_classes} classes of the logits; received "
            f"{labels[where].item()} at {where}. Give it weight 0 if it means 'no label'."
        )
