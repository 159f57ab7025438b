"""How formulas of logits keep the digits of small losses: what the default row computes with.

-ln p through log_softmax is a difference of numbers near the largest logit: a loss of 0.001 keeps four digits of float32,
and its gradient 1 - p as many. With labels a small loss is ln(1 + a small sum) instead, and autograd finds 1 - p as that
sum too; with targets for every class, and where a power multiplies errors, float64 has the digits.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from torchweights import precision, validation
from torchweights.functional.shared import total

#: Up to this size exponentials of logits, and products of two, are far from overflow and underflow in float32. Unshifted,
#: they are exact in their argument: z - max(z) rounds, and the exponential makes a relative error of an absolute one.
SAFE = 40.0


def widened(tensor: Tensor) -> Tensor:
    """In float64, where the device has it."""
    return tensor if tensor.device.type in precision.WITHOUT_FLOAT64 else tensor.double()


def log_probabilities(logits: Tensor, axis: int) -> Tensor:
    """ln softmax with the digits of small losses, in float64 where the device has it: for who rounds once afterwards.

    >>> log_probabilities(torch.tensor([[50.0, 0.0]], dtype=torch.float64), -1)[0, 0]
    tensor(-1.9287e-22, dtype=torch.float64)
    """
    if logits.dtype != torch.float64:
        return F.log_softmax(widened(logits), axis)
    # float64 has no wider type: ln p_j = (z_j - z_m) - ln(1 + sum of e^(z_k - z_m) over the others than the largest, m).
    place = logits.detach().argmax(axis, keepdim=True)
    # That of the largest is 0 without a gradient: autograd would add and subtract a 1 beside which 1 - p vanishes.
    behind = (logits - logits.gather(axis, place)).scatter(axis, place, 0.0)
    others = total(behind.scatter(axis, place, -torch.inf).exp(), axis)
    return behind - others.log1p()


def crossentropy_at(logits: Tensor, labels: Tensor, axis: int) -> Tensor:
    """ln(1 + sum of e^(z_j - z_y) over the other classes j), y the label.

    Args:
        logits: (N, .., C) with the classes on ``axis``.
        labels: Integers in [0, C), the shape of the logits with 1 on ``axis``, which the result has not.
        axis: Axis of the classes.

    >>> crossentropy_at(torch.tensor([[20.0, 0.0]]), torch.tensor([[0]]), -1)
    tensor([2.0612e-09])
    """
    largest = logits.detach().amax(axis, keepdim=True)
    shift = torch.where(largest.abs() <= SAFE, 0.0, largest)
    others = total(_without(logits - shift, labels, axis).exp_(), axis)
    at_label = logits.gather(axis, labels)
    far = largest - at_label.detach() > SAFE
    none_is_far = validation.can_look(far) and not far.any()
    return log_of_sum(others, shift - at_label, None if none_is_far else far).squeeze(axis)


def _without(fresh: Tensor, labels: Tensor, axis: int) -> Tensor:
    """Numbers that nobody else holds with -inf at the labels; autograd need not know, as their exponential has no derivative."""
    if not (validation.is_ordinary(fresh) and validation.is_ordinary(labels)):
        return fresh.scatter(axis, labels, -torch.inf)
    fresh.detach().scatter_(axis, labels, -torch.inf)
    return fresh


def log_of_sum(others: Tensor, behind: Tensor, far: Tensor | None) -> Tensor:
    """ln(1 + others x e^behind); where it is ``far`` behind the product overflows, and the 1 has long gone."""
    if far is None:
        return (others * behind.exp()).log1p()
    # Each branch is finite in the other's place.
    near_value = (others * torch.where(far, 0.0, behind).exp()).log1p()
    return torch.where(far, behind + torch.where(far, others, 1.0).log(), near_value)


def turned(logits: Tensor, y_true: Tensor) -> tuple[Tensor, Tensor | None]:
    """t, logits z or -z that speak against the nearer label, and d, how far it is; None for d where all are known to be labels.

    >>> turned(torch.tensor([2.0, 2.0]), torch.tensor([1.0, 0.25]))
    (tensor([-2.,  2.]), tensor([-0.0000, 0.2500]))
    """
    if has_no_derivative(y_true):
        turn = torch.rsub(y_true, 1, alpha=2)
        if validation.within(turn.abs(), 1.0, 1.0):
            return logits * turn, None
    nearer = y_true.detach().clamp(0, 1).round()
    turn = torch.rsub(nearer, 1, alpha=2)
    return logits * turn, (y_true - nearer) * turn


def turned_crossentropy(t: Tensor, away: Tensor | None, smoothing: float = 0.0) -> Tensor:
    """ln(1 + e^t) - d t, ``away`` is d, of smoothed labels: where it is small, nothing is subtracted from it."""
    values = softplus(t)
    if smoothing:
        values = torch.sub(values, t, alpha=smoothing / 2)
    return values if away is None else torch.addcmul(values, away, t, value=smoothing - 1)


def softplus(x: Tensor) -> Tensor:
    """ln(1 + e^x); torch's own turns into x from 20 on, which float64 sees."""
    return F.softplus(x, threshold=50)


def has_no_derivative(tensor: Tensor) -> bool:
    """Whether a tensor is but numbers that may be looked at: nothing is differentiated by it."""
    return validation.can_look(tensor) and not tensor.requires_grad and torch.autograd.forward_ad._current_level < 0
