"""The losses of ``tf.losses`` on predictions, and its reducer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torchweights import functional
from torchweights.messages import warn_of_trap
from torchweights.options import not_negative, number
from torchweights.tf1 import formulas
from torchweights.tf1.rows import DEFAULT, LATEST, ROWS, check_pair, check_shapes, reduce, row_name, weigh, without

_PREDICTIONS, _LOGITS = ("predictions", "labels"), ("logits", "labels")


def compute_weighted_loss(
    losses: Tensor, weights: Tensor | float = 1.0, *, reduction: str | None = DEFAULT, semantics: str = LATEST
) -> Tensor:
    """sum(weights * losses) / D, or the products themselves.

    D is the number of weights that are not 0 (``sum_by_nonzero_weights``), the sum of the weights (``mean``), the number
    of elements (``sum_over_batch_size``) or 1 (``sum``); weights count as often as they are broadcast. D = 0 gives 0.

    Args:
        losses: Values of any shape.
        weights: A number or scalar, or a tensor of the rank of the losses, each axis whole or 1. What has weight 0 shows
            neither in the loss nor in the gradient.
        reduction: none, sum, mean, sum_over_batch_size, sum_by_nonzero_weights (sum_over_nonzero_weights), or
            TensorFlow's strings, ``weighted_sum`` and so on.
        semantics: The row (``tw.tf1.ROWS``) or the release, ``tensorflow==1.12.0``.

    Raises:
        ValueError: for weights that do not meet the losses, an unknown reduction or row.
        TypeError: for losses that are no floating point tensor.

    Source: ``compute_weighted_loss`` of TensorFlow 1.12 to 2.21, which computes in float32; here float64 stays float64 and
    half precision gives float32.

    >>> losses = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> weights = torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]])
    >>> compute_weighted_loss(losses, weights), compute_weighted_loss(losses, weights, reduction="weighted_mean")
    (tensor(8.3333), tensor(4.1667))
    """
    check_pair(losses, losses, ("losses", "weights"))
    weighed = weigh(losses.shape, weights, reduction, semantics, losses)
    return reduce(functional.at_least_float32(losses), weighed, reduction)


def _elementwise(
    formula: Callable[..., Tensor],
    names: tuple[str, str],
    pair: tuple[Tensor, Tensor],
    weights: Tensor | float,
    reduction: str | None,
    semantics: str,
    stand_in: float = 0.0,
    **options: Any,
) -> Tensor:
    """A formula of two tensors of one shape, with a value per element."""
    check_pair(*pair, names)
    check_shapes(*pair, names)
    weighed = weigh(pair[0].shape, weights, reduction, semantics, pair[0])
    predictions, labels = (weighed.hide(tensor, stand_in=stand_in) for tensor in pair)
    return reduce(formula(predictions, labels, **options), weighed, reduction)


def absolute_difference(
    predictions: Tensor,
    labels: Tensor,
    weights: Tensor | float = 1.0,
    *,
    reduction: str | None = DEFAULT,
    semantics: str = LATEST,
) -> Tensor:
    """|predictions - labels|, weighed: ``tf.losses.absolute_difference``.

    Args:
        predictions, labels: Of one shape.
        weights, reduction, semantics: As in ``compute_weighted_loss``.

    Raises:
        ValueError, TypeError: for shapes that do not meet; for labels in the place of predictions.

    >>> absolute_difference(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 1.0]]))
    tensor(1.5000)
    """
    formula, pair = functional.mean_absolute_error, (predictions, labels)
    return _elementwise(formula, _PREDICTIONS, pair, weights, reduction, semantics, axis=())


def mean_squared_error(
    predictions: Tensor,
    labels: Tensor,
    weights: Tensor | float = 1.0,
    *,
    reduction: str | None = DEFAULT,
    semantics: str = LATEST,
) -> Tensor:
    """(predictions - labels)^2, weighed: ``tf.losses.mean_squared_error``.

    Args:
        predictions, labels: Of one shape.
        weights, reduction, semantics: As in ``compute_weighted_loss``.

    Raises:
        ValueError, TypeError: for shapes that do not meet; for labels in the place of predictions.

    >>> mean_squared_error(torch.tensor([[1.0, 3.0], [5.0, 5.0]]), torch.zeros(2, 2), weights=torch.tensor([[1.0], [0.0]]))
    tensor(5.)
    """
    formula, pair = functional.mean_squared_error, (predictions, labels)
    return _elementwise(formula, _PREDICTIONS, pair, weights, reduction, semantics, axis=())


def hinge_loss(
    logits: Tensor,
    labels: Tensor,
    weights: Tensor | float = 1.0,
    *,
    reduction: str | None = DEFAULT,
    semantics: str = LATEST,
) -> Tensor:
    """max(1 - (2 * labels - 1) * logits, 0), weighed: ``tf.losses.hinge_loss``.

    Args:
        logits, labels: Of one shape; labels 0 and 1, whatever they hold.
        weights, reduction, semantics: As in ``compute_weighted_loss``.

    Raises:
        ValueError, TypeError: for shapes that do not meet; for labels in the place of logits.

    >>> hinge_loss(torch.tensor([0.6, -0.4]), torch.tensor([0.0, 1.0]))
    tensor(1.5000)
    """
    return _elementwise(formulas.hinge_loss, _LOGITS, (logits, labels), weights, reduction, semantics)


def huber_loss(
    predictions: Tensor,
    labels: Tensor,
    weights: Tensor | float = 1.0,
    *,
    delta: float = 1.0,
    reduction: str | None = DEFAULT,
    semantics: str = LATEST,
) -> Tensor:
    """d^2 / 2 up to |d| = delta, then delta * |d| - delta^2 / 2, weighed: ``tf.losses.huber_loss``.

    Args:
        predictions, labels: Of one shape; d is their difference.
        delta: Where the square ends.
        weights, reduction, semantics: As in ``compute_weighted_loss``.

    Raises:
        ValueError, TypeError: for shapes that do not meet; for labels in the place of predictions.

    >>> huber_loss(torch.tensor([0.5, 3.0]), torch.tensor([0.0, 0.0]), reduction="sum")
    tensor(2.6250)
    """
    formula, pair = formulas.huber_loss, (predictions, labels)
    not_negative("delta", delta)  # 0 is recorded: there nothing is squared
    return _elementwise(formula, _PREDICTIONS, pair, weights, reduction, semantics, delta=delta)


def log_loss(
    predictions: Tensor,
    labels: Tensor,
    weights: Tensor | float = 1.0,
    *,
    epsilon: float = 1e-7,
    reduction: str | None = DEFAULT,
    semantics: str = LATEST,
) -> Tensor:
    """-y ln(p + epsilon) - (1 - y) ln(1 - p + epsilon), weighed: ``tf.losses.log_loss``.

    Args:
        predictions, labels: Probabilities p and labels y of one shape; nothing is clipped.
        epsilon: What is added before each logarithm.
        weights, reduction, semantics: As in ``compute_weighted_loss``.

    Raises:
        ValueError, TypeError: for shapes that do not meet; for labels in the place of predictions.

    >>> log_loss(torch.tensor([0.5, 0.25]), torch.tensor([1.0, 0.0]))
    tensor(0.4904)
    """
    pair, folded = (predictions, labels), ROWS[row_name(semantics)].folded
    number("epsilon", epsilon)
    return _elementwise(
        formulas.log_loss, _PREDICTIONS, pair, weights, reduction, semantics, 0.5, epsilon=epsilon, folded=folded
    )


def cosine_distance(
    predictions: Tensor,
    labels: Tensor,
    weights: Tensor | float = 1.0,
    *,
    axis: int,
    reduction: str | None = DEFAULT,
    semantics: str = LATEST,
) -> Tensor:
    """1 - sum(predictions * labels) over ``axis``, weighed: ``tf.losses.cosine_distance``.

    Args:
        predictions, labels: Of one shape; not normalised here, and taken as they are.
        axis: The axis that is summed. It stays, with size 1, and weights must have it.
        weights, reduction, semantics: As in ``compute_weighted_loss``.

    Raises:
        ValueError, TypeError: for shapes that do not meet; for labels in the place of predictions.

    >>> cosine_distance(torch.tensor([[0.6, 0.8]]), torch.tensor([[1.0, 0.0]]), axis=1)
    tensor(0.4000)
    """
    pair = (predictions, labels)
    check_pair(*pair, _PREDICTIONS)
    check_shapes(*pair, _PREDICTIONS)
    weighed = weigh(without(predictions.shape, axis), weights, reduction, semantics, predictions)
    predictions, labels = (weighed.hide(tensor) for tensor in pair)
    return reduce(formulas.cosine_distance(predictions, labels, axis=axis), weighed, reduction)


def mean_pairwise_squared_error(
    predictions: Tensor, labels: Tensor, weights: Tensor | float = 1.0, *, semantics: str = LATEST
) -> Tensor:
    """2 (sum(d^2) / (n - 1) - sum(d)^2 / (n (n - 1))) of each sample, times its weight, summed over the batch.

    It is ``tf.losses.mean_pairwise_squared_error``: n counts the weights of the sample that are not 0. With one number for a
    weight, TensorFlow 2 outside of graphs counts the elements of the whole batch (row ``tf.losses2.0:eager``).

    Args:
        predictions, labels: (N, ..) of one shape; d is their difference.
        weights: A number or scalar, or of the rank of the predictions. Weights per sample, (N, 1, ..), are what makes
            sense: others are each multiplied with the value of their whole sample, and a weight of 0 takes its element
            out of n but not out of the sums.
        semantics: As in ``compute_weighted_loss``. There is no reduction to choose.

    Raises:
        ValueError, TypeError: for shapes that do not meet; for labels in the place of predictions.

    >>> mean_pairwise_squared_error(torch.tensor([[1.0, 3.0], [2.0, 2.0]]), torch.zeros(2, 2))
    tensor(4.)
    """
    pair = (predictions, labels)
    check_pair(*pair, _PREDICTIONS)
    check_shapes(*pair, _PREDICTIONS)
    if not predictions.ndim:
        raise ValueError(
            "predictions expected (N, ..), one sample per row; received (). Write predictions.reshape(1, 1)."
        )
    weighed = weigh(predictions.shape, weights, "sum", semantics, predictions)
    count = _pairs(predictions, weighed.weight, ROWS[row_name(semantics)].pairs)
    # Not weighed.hide: within a sample that counts, an element of weight 0 counts too.
    predictions, labels = (torch.where(count > 0, tensor, torch.zeros_like(tensor)) for tensor in pair)
    return reduce(formulas.mean_pairwise_squared_error(predictions, labels, count), weighed, "sum")


def _pairs(predictions: Tensor, weight: Tensor | None, counted: str) -> Tensor:
    """n, by sample: how many elements have a weight that is not 0."""
    samples = (len(predictions), *[1] * (predictions.ndim - 1))
    if weight is not None and weight.ndim:
        if weight[:1].numel() > 1:
            warn_of_trap(
                "mean_pairwise_squared_error per element",
                "weights per element are multiplied with the value of the whole sample by tf.losses, and a weight of 0 does "
                f"not take its element out of the sums. Pass weights of shape {samples} to weigh samples.",
            )
        present = (weight.detach() != 0).expand(predictions.shape).reshape(len(predictions), -1)
        return present.sum(1).reshape(samples)
    whole = predictions.numel() if counted == "batch" else predictions[:1].numel()
    count = torch.full(samples, whole, device=predictions.device)
    return count if weight is None else torch.where(weight.detach() != 0, count, 0)
