"""How the ranks of weights and masks meet those of the loss values: one named function per era, nothing else.

Every function takes the shape of the values, the sample weights and the mask (each may be None), and returns a
``Met``. All of them work on shapes alone, so nothing waits for a device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from torchweights.messages import warn_of_trap


@dataclass(frozen=True)
class Met:
    """Weights and mask after they met the values; each broadcasts to the values from the right.

    ``weight`` holds the mask as well where the era multiplies them (``absorbed``). ``counted`` is what the era adds up
    when it asks for the sum of weights. ``averaged`` is how many last axes of the values the era averages before it
    weighs them.
    """

    weight: Tensor | None
    mask: Tensor | None
    counted: Tensor | None
    absorbed: bool = False
    averaged: int = 0


Shape = Sequence[int]


def shape_text(shape: Shape) -> str:
    """A shape as people write it: ``(2, 3)``."""
    return str(tuple(shape))


def refuse(name: str, shape: Shape, values: Shape, expected: str) -> ValueError:
    """The error for a weight or mask that does not meet the values."""
    return ValueError(
        f"{name} of shape {shape_text(shape)} does not meet loss values of shape {shape_text(values)}: expected {expected}."
    )


def _fits(shape: Shape, values: Shape) -> bool:
    return len(shape) == len(values) and all(size in (1, whole) for size, whole in zip(shape, values, strict=True))


def _append_ones(tensor: Tensor, rank: int) -> Tensor:
    return tensor.reshape(*tensor.shape, *[1] * (rank - tensor.ndim))


def from_left(tensor: Tensor, values: Shape, name: str) -> Tensor:
    """Axis 0 is the batch; missing axes are appended on the right."""
    if tensor.ndim > len(values) or not _fits((*tensor.shape, *[1] * (len(values) - tensor.ndim)), values):
        raise refuse(name, tensor.shape, values, f"the leading axes of {shape_text(values)}, each whole or 1")
    return _append_ones(tensor, len(values))


def from_right(tensor: Tensor, values: Shape, name: str) -> Tensor:
    """numpy broadcasting, as long as it does not enlarge the values."""
    if 0 < tensor.ndim < len(values) and tensor.shape[0] == values[0] and values[-1] == tensor.shape[-1]:
        warn_of_trap(
            f"{name} on the last axes",
            f"{name} of shape {shape_text(tensor.shape)} lands on the last axes of loss values of shape {shape_text(values)} in this release, not "
            f"on the batch. Pass it as {shape_text((*tensor.shape, *[1] * (len(values) - tensor.ndim)))} to weigh samples.",
        )
    if tensor.ndim > len(values) or not _fits((*[1] * (len(values) - tensor.ndim), *tensor.shape), values):
        raise refuse(name, tensor.shape, values, f"the trailing axes of {shape_text(values)}, each whole or 1")
    return tensor


def one_more_or_less(tensor: Tensor, rank: int, values: Shape, name: str) -> Tensor:
    """tf.keras's first step: a last axis more is squeezed, a last axis less is appended, a scalar stays."""
    if tensor.ndim == 0:
        return tensor
    if tensor.ndim == rank + 1:
        if tensor.shape[-1] != 1:
            raise refuse(name, tensor.shape, values, "the same rank, or a last axis of size 1 that can be dropped")
        return tensor.squeeze(-1)
    return tensor.unsqueeze(-1) if tensor.ndim == rank - 1 else tensor


def trailing_one(tensor: Tensor, values: Shape) -> Tensor:
    """Keras 3's step towards the values: a rank one off is mended only where the longer of both ends in a 1."""
    if tensor.ndim == len(values) + 1 and tensor.shape[-1] == 1:
        return tensor.squeeze(-1)
    if 0 < tensor.ndim == len(values) - 1 and values[-1] == 1:
        return tensor.unsqueeze(-1)
    return tensor


def same_rank(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Keras 3's step between two tensors one rank apart, the longer ending in 1: rank 1 grows, else the longer shrinks."""
    if one.ndim > other.ndim:
        return same_rank(other, one)[::-1]
    if one.ndim + 1 == other.ndim and other.shape[-1] == 1:
        return (one[:, None], other) if one.ndim == 1 else (one, other.squeeze(-1))
    return one, other


def _whose(weight: Tensor | None) -> str:
    """What a refusal names where weights and mask become one: what was given."""
    return "mask" if weight is None else "sample_weight"


def _times_mask(weight: Tensor | None, mask: Tensor, values: Shape) -> Tensor:
    """The weight where the mask is True and 0 elsewhere, by numpy's broadcasting; the mask itself where there is no weight."""
    if weight is None:
        return mask
    try:
        torch.broadcast_shapes(weight.shape, mask.shape)  # type: ignore[no-untyped-call]
    except RuntimeError:
        raise refuse(
            "sample_weight", weight.shape, values, f"a shape that broadcasts with the mask, {shape_text(mask.shape)}"
        ) from None
    # where, not a product: a weight that the mask hides may hold anything.
    return torch.where(mask, weight, weight.new_zeros(()))


# --------------------------------------------------------------------------------------------- Keras 2.2.4 and TF 1.12


def keras_2_2(values: Shape, weight: Tensor | None, mask: Tensor | None) -> Met:
    """Weights from the left, mask from the right."""
    weight = None if weight is None else from_left(weight, values, "sample_weight")
    return Met(weight, None if mask is None else from_right(mask, values, "mask"), weight)


def tf_1_12(values: Shape, weight: Tensor | None, mask: Tensor | None) -> Met:
    """Mask times weights, then a last axis more or less; where that fails, each alone, from the left."""
    beside, name = None, _whose(weight)
    if mask is not None:
        if weight is None:
            weight = _times_mask(None, mask, values)
        else:
            grown = one_more_or_less(weight, mask.ndim, values, "sample_weight")
            if grown.ndim == 0 or _fits(grown.shape, mask.shape):
                weight = _times_mask(grown, mask, values)
            else:
                weight, beside = grown, from_right(mask, values, "mask")
    if weight is None:
        return Met(None, None, None)
    weight = one_more_or_less(weight, len(values), values, name)
    if weight.ndim and not _fits(weight.shape, values):
        # The fallback averages the values down to the rank of the weights; the sum of weights is not broadcast.
        if weight.ndim > len(values):
            raise refuse(name, weight.shape, values, "at most the rank of the values")
        averaged = from_left(weight, values, name)
        return Met(averaged, beside, averaged.expand(*weight.shape, *values[weight.ndim :]), absorbed=beside is None)
    return Met(weight, beside, weight.expand(tuple(values)), absorbed=beside is None)


# ------------------------------------------------------------------------------------------ Keras 2.3 to TF 2.21 to Keras 3


def _folded(values: Shape, weight: Tensor | None, mask: Tensor | None) -> Tensor | None:
    """Mask times weights, numpy's way, before and after a last axis more or less."""
    name = _whose(weight)
    if mask is not None:
        weight = None if weight is None else one_more_or_less(weight, mask.ndim, values, "sample_weight")
        weight = _times_mask(weight, mask, values)
    return None if weight is None else one_more_or_less(weight, len(values), values, name)


def keras_2_3(values: Shape, weight: Tensor | None, mask: Tensor | None) -> Met:
    """Mask times weights, then from the left."""
    folded = _folded(values, weight, mask)
    folded = None if folded is None else from_left(folded, values, _whose(weight))
    return Met(folded, None, folded, absorbed=True)


def tf_1_14(values: Shape, weight: Tensor | None, mask: Tensor | None) -> Met:
    """Mask times weights, then a last axis more or less; where that fails, the values are averaged to meet the weights."""
    name, weight = _whose(weight), _folded(values, weight, mask)
    if weight is None or weight.ndim == 0 or _fits(weight.shape, values):
        return Met(weight, None, weight, absorbed=True)
    leading = tuple(values[: weight.ndim])
    if tuple(weight.shape) != leading:
        raise refuse(name, weight.shape, values, f"the rank of the values, or {shape_text(leading)}")
    whole = _append_ones(weight, len(values))
    return Met(whole, None, whole, absorbed=True, averaged=len(values) - weight.ndim)


def tf_1_15(values: Shape, weight: Tensor | None, mask: Tensor | None) -> Met:
    """Mask times weights, then a last axis more or less to the very rank of the values."""
    name, weight = _whose(weight), _folded(values, weight, mask)
    if weight is not None and weight.ndim and not _fits(weight.shape, values):
        raise refuse(name, weight.shape, values, "the rank of the values, one more or one less, each axis whole or 1")
    return Met(weight, None, weight, absorbed=True)


def tf_2(values: Shape, weight: Tensor | None, mask: Tensor | None) -> Met:
    """Mask times weights, then a last axis more or less, then from the right."""
    folded = _folded(values, weight, mask)
    folded = None if folded is None else from_right(folded, values, _whose(weight))
    return Met(folded, None, folded, absorbed=True)


def tf_keras(values: Shape, weight: Tensor | None, mask: Tensor | None) -> Met:
    """Mask times weights, then a last axis more or less, then from the right."""
    met = tf_2(values, weight, mask)
    return Met(met.weight, mask, met.counted, absorbed=True)


def keras_3(values: Shape, weight: Tensor | None, mask: Tensor | None) -> Met:
    """Mask times weights; a trailing 1 is mended, all else from the right."""
    name = _whose(weight)
    if mask is not None:
        grown = mask
        if weight is not None:
            weight, grown = same_rank(weight, mask)
        weight = _times_mask(weight, grown, values)
    if weight is None:
        return Met(None, None, None)
    weight = from_right(trailing_one(weight, values), values, name)
    return Met(weight, mask, weight, absorbed=True)


def keras_3_torch(values: Shape, weight: Tensor | None, mask: Tensor | None) -> Met:
    """As keras3.15, and the mask must not enlarge the weights."""
    met = keras_3(values, weight, mask)
    if weight is not None and mask is not None:
        given, grown = same_rank(weight, mask)
        if torch.broadcast_shapes(given.shape, grown.shape) != given.shape:  # type: ignore[no-untyped-call]
            whole = f"weights as large as the mask, {shape_text(mask.shape)} (this release multiplies in place)"
            raise refuse("sample_weight", weight.shape, values, whole)
    return met


# ------------------------------------------------------------------------------------------- the default row and torch


def by_rank(values: Shape, weight: Tensor | None, mask: Tensor | None) -> Met:
    """(N,) and (N,1,..) per sample, the full shape per element, nothing else."""
    weight = None if weight is None else _by_rank(weight, values, "sample_weight")
    mask = None if mask is None else _by_rank(mask, values, "mask")
    return Met(weight, mask, weight)


def _by_rank(tensor: Tensor, values: Shape, name: str) -> Tensor:
    batch, shape = values[0] if values else 1, tuple(tensor.shape)
    if tensor.ndim == 0 or shape == tuple(values):
        return tensor
    if shape[0] == batch and all(size == 1 for size in shape[1:]):
        return _append_ones(tensor.reshape(batch), len(values))
    per_sample = shape_text((batch,))
    if shape[0] not in (1, *values):
        raise ValueError(
            f"{name} expected {batch} samples, as loss values of shape {shape_text(values)} have; received shape {shape_text(shape)}. "
            f"Give {per_sample}, one for each sample{'' if len(values) == 1 else f', or {shape_text(values)}, one for each loss value'}."
        )
    if tensor.ndim == len(values) + 1 and shape[:-1] == tuple(values):
        raise ValueError(
            f"{name} of shape {shape_text(shape)} can be read in two ways beside loss values of shape {shape_text(values)}, which have an "
            f"axis less than y_pred: per sample it would be {per_sample}, per element it would be {shape_text(values)}. Write {name}.expand(..) "
            f"for one of these, or build a loss that averages no axis with axis=() to weigh every prediction."
        )
    raise ValueError(
        f"{name} of shape {shape_text(shape)} can be read in two ways beside loss values of shape {shape_text(values)}: "
        f"per sample it would be {per_sample} or {shape_text((batch, *[1] * (len(values) - 1)))}, per element it would be "
        f"{shape_text(values)}; expected one of these. Write {name}.expand({shape_text(values)}) or reshape it to {per_sample}, "
        "whichever you mean."
    )


# ------------------------------------------------------------------------------ how the training loop feeds sample weights


def unfed(weight: Tensor | None, values: Shape, mask: Tensor | None, device: torch.device) -> Tensor | None:
    """Weights as they come."""
    return weight


def per_sample_or_step(
    weight: Tensor | None, values: Shape, mask: Tensor | None, device: torch.device
) -> Tensor | None:
    """Weights must be (N,) or (N, T)."""
    if weight is None:
        return None
    rank = weight.ndim
    if rank not in (1, 2) or rank > len(values) or tuple(weight.shape) != tuple(values[:rank]):
        steps = f" or {shape_text(values[:2])} (one per time step)" if len(values) > 1 else ""
        expected = f"{shape_text(values[:1])} (one per sample){steps}, as fit() of this release took them"
        raise refuse("sample_weight", weight.shape, values, expected)
    return weight


def or_a_single_one(weight: Tensor | None, values: Shape, mask: Tensor | None, device: torch.device) -> Tensor | None:
    """Weights must be (N,) or (N, T); none is a single 1, whatever the batch."""
    if weight is not None or (len(values) < 3 and mask is None):
        return per_sample_or_step(weight, values, mask, device)
    if len(values) > 2:
        warn_of_trap(
            "tf1.12 batch size",
            f"without sample_weight, loss values of shape {shape_text(values)} are summed over the batch by TensorFlow "
            "1.12: the loss is batch size x mean. Pass sample_weight=torch.ones(batch) for the mean.",
        )
    return torch.ones(1, device=device)


def or_ones(weight: Tensor | None, values: Shape, mask: Tensor | None, device: torch.device) -> Tensor | None:
    """Weights must be (N,) or (N, T); none is ones (N,)."""
    if weight is None and mask is not None:
        return torch.ones(tuple(values[:1]), device=device)
    return per_sample_or_step(weight, values, mask, device)


def always_a_column(weight: Tensor | None, values: Shape, mask: Tensor | None, device: torch.device) -> Tensor | None:
    """(N,) becomes (N, 1)."""
    return weight[:, None] if weight is not None and weight.ndim == 1 else weight


def a_column_beside_rank_2(
    weight: Tensor | None, values: Shape, mask: Tensor | None, device: torch.device
) -> Tensor | None:
    """(N,) becomes (N, 1) beside predictions of rank 2."""
    return always_a_column(weight, values, mask, device) if len(values) == 1 else weight
