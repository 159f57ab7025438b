"""Formulas of whole sequences and of whole batches: CTC and circle."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from torchweights.functional.shared import at_least_float32, check_tensors


def ctc(y_pred: Tensor, y_true: Tensor, *, padding: bool = True) -> Tensor:
    """-ln P(labels | log_softmax(y_pred)): connectionist temporal classification, one value per sequence.

    Args:
        y_pred: (N, T, C) logits; class 0 is the blank.
        y_true: (N, L) integer labels, padded with 0: the label of a sequence is as long as it has numbers that are not 0.
        padding: False where zeros at the end are labels too, as in Keras 3.0 to 3.3.

    Source: ``ctc`` of Keras 3 (Graves et al. 2006).

    >>> ctc(torch.zeros(1, 2, 2), torch.tensor([[1]]))
    tensor([0.2877])
    """
    check_tensors(y_pred=y_pred, y_true=y_true)
    if y_pred.ndim != 3 or y_true.ndim != 2:
        raise ValueError(
            f"y_pred expected shape (N, T, C) beside labels (N, L); received {tuple(y_pred.shape)} and {tuple(y_true.shape)}. Keep the batch first."
        )
    y_pred = at_least_float32(y_pred)
    batch, steps, _ = y_pred.shape
    if not batch:
        return y_pred.sum((1, 2))  # F.ctc_loss takes no empty batch
    log_probabilities = F.log_softmax(y_pred, -1).transpose(0, 1)
    labels = y_true.long()
    lengths = torch.full((batch,), steps, dtype=torch.long, device=y_pred.device)
    counted = labels != 0 if padding else torch.ones_like(labels)
    return F.ctc_loss(log_probabilities, labels, lengths, counted.sum(-1), reduction="none")


def circle(
    y_pred: Tensor, y_true: Tensor, *, gamma: float = 80.0, margin: float = 0.4, remove_diagonal: bool = True
) -> Tensor:
    """softplus(P + Q) of each embedding among all, with d = max(1 - p . p', 0) to every other.

    P = logsumexp over embeddings of the same label of gamma max(d + margin, 0) (d - margin), Q over those of another
    label of gamma max(1 + margin - d, 0) (1 - margin - d). 0 where one of both has nobody.

    Args:
        y_pred: (N, D) embeddings, of length 1 as Keras expects them and does not see to it.
        y_true: (N,) or (N, 1) integer labels.
        gamma: Scale.
        margin: How much closer the same label must be.
        remove_diagonal: Whether an embedding is no neighbour of itself.

    Source: ``circle`` of Keras 3.7 to 3.15 (Sun et al. 2020).

    >>> circle(torch.eye(2), torch.tensor([0, 1])), circle(torch.ones(2, 2) / 2**0.5, torch.tensor([0, 0]))
    (tensor([0., 0.]), tensor([0., 0.]))
    """
    check_tensors(y_pred=y_pred, y_true=y_true)
    labels = y_true.reshape(-1)
    if y_pred.ndim != 2 or len(labels) != len(y_pred):
        raise ValueError(
            f"y_pred expected embeddings (N, D) beside labels (N,); received {tuple(y_pred.shape)} and {tuple(y_true.shape)}. Flatten the embeddings, "
            "and give one label for each."
        )
    y_pred = at_least_float32(y_pred)
    distance = (1 - y_pred @ y_pred.T).clamp(min=0)
    same = labels.unsqueeze(1) == labels
    other = ~same
    if remove_diagonal:
        same = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    near = gamma * (distance + margin).clamp(min=0) * (distance - margin)
    far = gamma * (1 + margin - distance).clamp(min=0) * (1 - margin - distance)
    total = _logsumexp(near, same) + _logsumexp(far, other)
    both = same.any(-1) & other.any(-1)
    return torch.where(both, F.softplus(total, threshold=50), torch.zeros_like(total))


def _logsumexp(values: Tensor, chosen: Tensor) -> Tensor:
    """Over the last axis, of what is chosen; 0 where nothing is, with a gradient of 0."""
    values = torch.where(chosen, values, torch.full((), -torch.inf, dtype=values.dtype, device=values.device))
    nothing = ~chosen.any(-1, keepdim=True)
    return torch.logsumexp(torch.where(nothing, torch.zeros_like(values), values), -1)
