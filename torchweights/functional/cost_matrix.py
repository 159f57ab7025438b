"""Cost matrices: how much the mistake made weighs, and what a prediction is expected to cost."""

from __future__ import annotations

import torch
from torch import Tensor

from torchweights.functional.precise import widened
from torchweights.functional.shared import at_least_float32, check_tensors
from torchweights.messages import choose

INDEXINGS = ("true_pred", "pred_true")
COST_FORMS = ("cost", "log")


def costs_by_true_class(cost_matrix: Tensor, indexing: str) -> Tensor:
    """The matrix with a row for each true class."""
    return cost_matrix if choose("indexing", indexing, INDEXINGS) == "true_pred" else cost_matrix.T


def cost_weight(y_pred: Tensor, y_true: Tensor, cost_matrix: Tensor, *, indexing: str, axis: int = -1) -> Tensor:
    """sum_c y_c M[c, argmax(y_pred)]: the weight of the mistake that the most likely class would be.

    Args:
        y_pred: (N, .., C) scores, classes on ``axis``; of equal ones the first is the prediction.
        y_true: One-hot or soft targets like y_pred (floating point), or integer labels without ``axis``. A label that is no
            class has weight 1.
        cost_matrix: (C, C).
        indexing: "true_pred" for M[true class, predicted class], "pred_true" for M[predicted class, true class].
        axis: Axis of the classes.

    Source: closures of Keras projects after keras-team/keras issue 2115; recorded in ``examples/recordings``.

    >>> costs = torch.tensor([[1.0, 1.0], [5.0, 1.0]])
    >>> cost_weight(torch.tensor([[0.9, 0.1]]), torch.tensor([1]), costs, indexing="true_pred")
    tensor([5.])
    """
    by_true = _by_true_class(y_pred, cost_matrix, indexing, axis)
    predicted, dtype = _most_likely(y_pred, axis), at_least_float32(y_pred).dtype
    if y_true.is_floating_point():
        # A row of the transposed matrix for each prediction: never a matrix for each.
        return (by_true.to(dtype).T[predicted].movedim(-1, axis) * y_true).sum(axis)
    known, labels = _known(y_true, len(by_true))
    return torch.where(known, by_true[labels, predicted].to(dtype), 1.0)


#: classes that are looked through at once
BLOCK = 128


def _most_likely(y_pred: Tensor, axis: int) -> Tensor:
    """argmax, of equal ones the first; along long rows block by block, for torch finds places one number at a time, values many."""
    classes, last = y_pred.shape[axis], axis % y_pred.ndim == y_pred.ndim - 1
    blocks = [size for size in range(4, BLOCK + 1, 4) if classes % size == 0] if last and classes > BLOCK else []
    if not blocks or y_pred.device.type != "cpu" or torch.compiler.is_compiling():
        return y_pred.argmax(axis)
    count, size = classes // blocks[-1], blocks[-1]
    rows = y_pred.reshape(-1, count, size)
    block = rows.amax(2).argmax(1)
    places = torch.arange(len(rows), device=rows.device).mul_(count).add_(block)
    inside = rows.view(-1, size).index_select(0, places).argmax(1)
    return (block * size + inside).view(y_pred.shape[:-1])


def expected_cost(
    y_pred: Tensor,
    y_true: Tensor,
    cost_matrix: Tensor,
    *,
    indexing: str,
    from_logits: bool = False,
    axis: int = -1,
    epsilon: float = 1e-7,
    form: str = "cost",
) -> Tensor:
    """sum_j C[t, j] p_j over ``axis``, or its log form -sum_j C[t, j] ln(1 - p_j).

    The log form bounds the cost from above, is 0 where the cost is, and for two classes it is the cross-entropy weighted
    by the cost of missing each class.

    Args:
        y_pred: (N, .., C) probabilities or logits, classes on ``axis``.
        y_true: One-hot or soft targets like y_pred (floating point), or integer labels without ``axis``; a label that is no
            class costs NaN.
        cost_matrix: (C, C), differentiable too.
        indexing: "true_pred" for C[true class, predicted class], "pred_true" for C[predicted class, true class].
        from_logits: Whether y_pred are logits.
        axis: Axis of the classes.
        epsilon: Where 1 - p is clipped, for probabilities in the log form.
        form: "cost" or "log".

    Raises:
        ValueError: for an unknown indexing or form.

    Source: the expected cost of decision theory (Elkan 2001).

    >>> costs = torch.tensor([[0.0, 1.0], [5.0, 0.0]])
    >>> expected_cost(torch.tensor([[0.75, 0.25]]), torch.tensor([1]), costs, indexing="true_pred")
    tensor([3.7500])
    >>> expected_cost(torch.tensor([[0.75, 0.25]]), torch.tensor([1]), costs, indexing="true_pred", form="log")
    tensor([6.9315])
    """
    y_pred = at_least_float32(y_pred)
    by_true = _by_true_class(y_pred, cost_matrix, indexing, axis).to(y_pred.dtype)
    if y_true.is_floating_point():
        costs = (y_true.to(y_pred.dtype).movedim(axis, -1) @ by_true).movedim(-1, axis)
    else:
        known, labels = _known(y_true, len(by_true))
        costs = torch.where(known.unsqueeze(-1), by_true[labels], torch.nan).movedim(-1, axis)
    if choose("form", form, COST_FORMS) == "cost":
        return (costs * (y_pred.softmax(axis) if from_logits else y_pred)).sum(axis)
    # In float64 no difference of float32 logits overflows.
    rest = _log_rest_of_logits(widened(y_pred), axis) if from_logits else (1 - y_pred).clamp(epsilon, 1 - epsilon).log()
    # What costs nothing stays 0 beside a probability of 1, whose ln(1 - p) may be minus infinity.
    return -(costs * torch.where(costs == 0, torch.zeros_like(rest), rest)).sum(axis).to(y_pred.dtype)


def _by_true_class(y_pred: Tensor, cost_matrix: Tensor, indexing: str, axis: int) -> Tensor:
    """The matrix with a row for each true class, beside predictions of as many classes."""
    check_tensors(y_pred=y_pred, cost_matrix=cost_matrix)
    classes = y_pred.shape[axis]
    if tuple(cost_matrix.shape) != (classes, classes):
        raise ValueError(
            f"cost_matrix expected shape {(classes, classes)}, for the {classes} classes of y_pred on axis {axis}; received "
            f"{tuple(cost_matrix.shape)}. Say where the classes are with axis=."
        )
    by_true = costs_by_true_class(cost_matrix, indexing)
    # On its way to another device in a type that it has; else what is taken out of it is converted, which is less.
    return by_true if by_true.device == y_pred.device else by_true.to(y_pred.device, at_least_float32(y_pred).dtype)


def _known(y_true: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Whether each label is a class, and the label, 0 where it is none."""
    labels = y_true.long()
    known = (labels >= 0) & (labels < num_classes)
    return known, torch.where(known, labels, 0)


def _log_rest_of_logits(logits: Tensor, axis: int) -> Tensor:
    """ln(1 - p_j) of the softmax; that of the largest from the sum of the others, where 1 - p has no digits left."""
    shifted = logits - logits.detach().amax(axis, keepdim=True)
    largest = torch.zeros_like(shifted, dtype=torch.bool).scatter(axis, shifted.argmax(axis, keepdim=True), True)
    others = shifted.masked_fill(largest, -torch.inf).logsumexp(axis, keepdim=True)
    p = shifted.softmax(axis).masked_fill(largest, 0.0)
    return torch.where(largest, others - shifted.logsumexp(axis, keepdim=True), torch.log1p(-p))
