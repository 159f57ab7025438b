"""What formulas share: their precision, the mean over an axis, and pieces that stay in the cache."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from torchweights import precision, validation

Axis = int | tuple[int, ...]

#: Of more numbers than the first a formula goes piece by piece on a CPU, of about the second or a sample each: fresh memory of megabytes is fetched from the
#: system at every step, which takes longer than to compute in it.
LARGE, PIECE = 2**19, 2**17


def at_least_float32(tensor: Tensor) -> Tensor:
    """float64 stays float64, float32 stays float32, everything smaller becomes float32."""
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def check_tensors(**given: object) -> None:
    """Raises TypeError for what is no tensor."""
    for name, one in given.items():
        if not isinstance(one, Tensor):
            raise TypeError(
                f"{name} expected a torch.Tensor in a formula; received {type(one).__name__}. Write torch.as_tensor({name})."
            )


def same_dtype(y_pred: Tensor, y_true: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the precision that the loss is computed in; of one shape, for what broadcasts here is a mistake.

    Raises TypeError for what is no tensor, ValueError for shapes that differ.
    """
    check_tensors(y_pred=y_pred, y_true=y_true)
    if y_pred.shape != y_true.shape:
        raise ValueError(
            f"y_true expected the shape of y_pred, {tuple(y_pred.shape)}, in a formula; received {tuple(y_true.shape)}. Reshape one of them; "
            "labels go to sparse formulas."
        )
    y_pred = at_least_float32(y_pred)
    return y_pred, y_true.to(y_pred.dtype)


def mean_of(
    function: Callable[..., Tensor], axis: Axis, *tensors: Tensor, precise: bool = False, whole: Axis = ()
) -> Tensor:
    """The mean over ``axis`` of function(*tensors), element by element; for () the values themselves. Precise: of their ``total``.

    ``whole`` are axes along which the function itself has numbers.
    """
    axes, kept = _axes(axis), _axes(whole)

    def of_piece(*some: Tensor) -> Tensor:
        values = function(*some)
        if not axes:
            return values
        if not precise:
            return values.mean(axes)
        return total(values, axes).squeeze(axes) / math.prod([values.shape[one] for one in axes])

    return in_pieces(of_piece, tuple({*axes, *kept}), *tensors, lost=axes)


def total(values: Tensor, axis: Axis) -> Tensor:
    """The sum over ``axis``, which stays with size 1, with the digits of its terms: of float32 added up in float64, else in pairs."""
    axes = _axes(axis)
    if values.dtype == torch.float32 and values.device.type not in precision.WITHOUT_FLOAT64:
        return in_pieces(lambda some: some.sum(axes, keepdim=True, dtype=torch.float64).to(some.dtype), axes, values)
    plain, paired = values.sum(axes, keepdim=True), values.detach()
    if math.prod([values.shape[one] for one in axes]) <= 2:
        return plain
    for one in axes:
        paired = _paired(paired, one)
    # The plain sum has the gradient, and what it lacks is added; nothing where it is not finite.
    return plain + (paired - plain.detach()).nan_to_num(0.0, 0.0, 0.0)


def in_pieces(function: Callable[..., Tensor], axis: Axis, *tensors: Tensor, lost: Axis = ()) -> Tensor:
    """function(*tensors), of tensors alike but along ``axis``: no result sees further than along it; the results lack the axes ``lost``."""
    first = tensors[0]
    if not validation.can_look(first) or first.numel() <= LARGE:
        return function(*tensors)
    whole, gone = ({one % first.ndim for one in _axes(given)} for given in (axis, lost))
    others = [one for one in range(first.ndim) if one not in whole]
    if not others:
        return function(*tensors)
    # Samples are put together quickest, as they lie.
    along = (
        others[0] if first.shape[others[0]] * LARGE >= first.numel() else max(others, key=lambda one: first.shape[one])
    )
    size = max(1, first.shape[along] * PIECE // first.numel())
    parts = zip(*(torch.split(one, size, along) for one in tensors), strict=True)
    return torch.cat([function(*some) for some in parts], along - sum(one < along for one in gone))


def _axes(axis: Axis) -> tuple[int, ...]:
    return axis if isinstance(axis, tuple) else (axis,)


def _paired(values: Tensor, axis: int) -> Tensor:
    odd = None
    while (size := values.shape[axis]) > 1:
        half = size // 2
        if size % 2:
            last = values.narrow(axis, size - 1, 1)
            odd = last if odd is None else odd + last
        values = values.narrow(axis, 0, half) + values.narrow(axis, half, half)
    return values if odd is None else values + odd


def power(base: Tensor, exponent: float | Tensor) -> Tensor:
    """base^exponent of a base that is not negative; at 0 the gradient is 0 where that of the power is infinite."""
    if not isinstance(exponent, Tensor):
        if not 0 < exponent < 1:
            return base**exponent
        zero = base == 0
    else:
        zero = (base == 0) & (exponent > 0) & (exponent < 1)
    return torch.where(zero, torch.zeros_like(base), torch.where(zero, torch.ones_like(base), base) ** exponent)


def along(
    numbers: float | Sequence[float] | Tensor, name: str, like: Tensor, axis: int, *, wide: bool = False
) -> Tensor | float:
    """One number, or one for each class, shaped to meet ``like`` along ``axis``; ``wide`` in float64, where the device has it."""
    if isinstance(numbers, (int, float)):
        return numbers
    weights = torch.as_tensor(numbers, dtype=precision.exact(like.device) if wide else like.dtype, device=like.device)
    if weights.ndim == 0:
        return weights
    if weights.shape != (like.shape[axis],):
        raise ValueError(
            f"{name} expected one number, or one for each of the {like.shape[axis]} classes; received shape {tuple(weights.shape)}."
        )
    return weights.reshape([-1 if place == axis % like.ndim else 1 for place in range(like.ndim)])
