"""What is checked before a loss is computed: kinds of tensors always, their numbers where looking costs no wait."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from torchweights.messages import shown


def is_ordinary(tensor: Tensor) -> bool:
    """True for tensors with numbers of their own; False under torch.compile, torch.func, for fake and meta tensors."""
    if (
        torch.compiler.is_compiling()
        or tensor.device.type == "meta"
        or type(tensor) not in (Tensor, torch.nn.Parameter)
    ):
        return False
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    return not (wrapped or torch._C._functorch.is_legacy_batchedtensor(tensor))


def can_look(tensor: Tensor) -> bool:
    """True for ordinary tensors on the CPU, where looking costs no wait."""
    return tensor.device.type == "cpu" and is_ordinary(tensor)


def check_tensor(name: str, given: object) -> None:
    """A dense tensor; raises TypeError."""
    if not isinstance(given, Tensor):
        raise TypeError(
            f"{name} expected a torch.Tensor; received {type(given).__name__}. {_way_to_a_tensor(name, given)}"
        )
    if given.layout is not torch.strided or given.is_nested:
        raise TypeError(
            f"{name} expected a dense tensor; received {'a nested one' if given.is_nested else given.layout}. Write {name}.to_dense(), or pad what is nested and "
            "give mask=."
        )


def _way_to_a_tensor(name: str, given: object) -> str:
    if given is None:
        return f"Pass {name}: None is what a function without return gives."
    if isinstance(given, Mapping) or (
        isinstance(given, (list, tuple)) and any(isinstance(one, Tensor) for one in given)
    ):
        return "Pass the tensor in it; tw.CompiledLoss takes several outputs."
    return f"Write torch.as_tensor({name})."


def check_kinds(y_pred: object, y_true: object) -> None:
    """Predictions are floating point; targets in the place of predictions are noticed.

    Raises TypeError, which states the order of the arguments; ValueError for targets on another device.
    """
    check_tensor("y_pred", y_pred)
    check_tensor("y_true", y_true)
    assert isinstance(y_pred, Tensor) and isinstance(y_true, Tensor)
    order = "The order is criterion(y_pred, y_true), as in torch.nn; Keras's order needs keywords: criterion(y_true=.., y_pred=..)."
    if not y_pred.is_floating_point():
        raise TypeError(
            f"y_pred expected floating point predictions; received {y_pred.dtype} of shape {tuple(y_pred.shape)}. {order}"
        )
    if y_true.is_complex():
        raise TypeError(f"y_true expected real targets; received {y_true.dtype} of shape {tuple(y_true.shape)}.")
    if y_true.requires_grad and not y_pred.requires_grad:
        raise TypeError(f"y_true requires grad and y_pred does not: they look swapped. {order}")
    if y_true.device != y_pred.device:
        raise ValueError(
            f"y_true expected on the device of y_pred, {y_pred.device}; received one on {y_true.device}. Write y_true.to(y_pred.device)."
        )


def check_labels(labels: Tensor, num_classes: int, judged: Tensor | None) -> None:
    """Labels lie in [0, C); raises ValueError with the first that does not, and where it is."""
    if within(labels, 0, num_classes - 1):
        return
    bad = (labels < 0) | (labels >= num_classes)
    where = _first(bad, judged)
    if where is not None:
        raise ValueError(
            f"y_true expected labels from 0 to {num_classes - 1}, for the {num_classes} classes of y_pred; received {labels[where].item()} at "
            f"{where}{_and_others(bad, judged)}. Pass ignore_class={labels[where].item()} if it means 'no label', or check the axis of the classes."
        )


def check_probabilities(name: str, tensor: Tensor, judged: Tensor | None, way_out: str) -> None:
    """Numbers lie in [0, 1]; raises ValueError with the first that does not, and where it is. NaN is let through."""
    if within(tensor, 0.0, 1.0):
        return
    bad = (tensor < 0) | (tensor > 1)
    where = _first(bad, judged)
    if where is not None:
        raise ValueError(
            f"{name} expected probabilities in [0, 1]; received {tensor[where].item():.6g} at {where}{_and_others(bad, judged)}. {way_out}"
        )


def check_rows(y_pred: Tensor, axis: int, judged: Tensor | None) -> None:
    """Probabilities are not all 0 along ``axis``: nothing makes those add up to 1; raises ValueError with the first such row."""
    if can_look(y_pred) and y_pred.numel() and float(y_pred.detach().sum(axis).amin()) > 0:
        return
    bad = (y_pred == 0).all(axis)
    where = _first(bad, judged)
    if where is not None:
        raise ValueError(
            f"y_pred expected probabilities that add up to 1 over axis {axis}; received a row of zeros at {where}"
            f"{_and_others(bad, judged)}. Leave it out with mask=, or pass the logits with from_logits=True."
        )


def check_signs(y_true: Tensor, judged: Tensor | None) -> None:
    """Labels are -1 and 1, or 0 and 1; raises ValueError with the first that is neither, and where it is."""
    signs, binary = (y_true == -1) | (y_true == 1), (y_true == 0) | (y_true == 1)
    if judged is not None:
        signs, binary = signs | ~judged, binary | ~judged
    if not bool(signs.all() | binary.all() | y_true.isnan().any()):
        where = _first(~signs, None)
        assert where is not None
        raise ValueError(
            f"y_true expected labels -1 and 1, or 0 and 1, all of one kind; received {y_true[where].item():g} at {where}"
            f"{_and_others(~signs, None)}. Convert them: 2 * y_true - 1 turns 0 and 1 into -1 and 1."
        )


def within(tensor: Tensor, least: float, most: float) -> bool:
    """Whether all numbers are, in one pass; False beside a NaN."""
    if not tensor.numel():
        return True
    lowest, highest = torch.aminmax(tensor.detach())
    return bool(least <= lowest.item() and highest.item() <= most)


def _first(bad: Tensor, judged: Tensor | None) -> tuple[int, ...] | None:
    bad = bad if judged is None else bad & judged
    return tuple(torch.nonzero(bad)[0].tolist()) if bool(bad.any()) else None


def _and_others(bad: Tensor, judged: Tensor | None) -> str:
    others = int((bad if judged is None else bad & judged).sum()) - 1
    return f" (and {others} more)" if others else ""


def as_weight(name: str, given: object, device: torch.device) -> Tensor | None:
    """A weight or mask as a real tensor on the device of the predictions, or None."""
    if given is None:
        return None
    if not isinstance(given, (Tensor, int, float)):
        kind = type(given).__name__
        raise TypeError(f"{name} expected a torch.Tensor or a number; received {kind}. Write torch.as_tensor({name}).")
    if isinstance(given, bool):
        raise TypeError(
            f"{name} expected a torch.Tensor or a number; received {given}. Leave it out, or give a value for each sample."
        )
    # A number is written on the device; as_tensor would make it here and copy.
    tensor = given.to(device) if isinstance(given, Tensor) else torch.full((), given, device=device)
    if tensor.is_complex():
        raise TypeError(f"{name} expected real numbers; received {tensor.dtype} of shape {tuple(tensor.shape)}.")
    return tensor


def as_mask(given: object, device: torch.device, validate: bool | None = None) -> Tensor | None:
    """A mask as booleans: True, or any whole number but 0, stays."""
    mask = as_weight("mask", given, device)
    if mask is None or mask.dtype == torch.bool:
        return mask
    look = can_look(mask) if validate is None else validate
    if look and mask.is_floating_point() and not bool(((mask == 0) | (mask == 1)).all()):
        where = _first((mask != 0) & (mask != 1), None)
        raise ValueError(
            f"mask expected True and False, or 1 and 0; received {mask[where].item()} at {where}. "
            "Fractions are weights: pass them as sample_weight."
        )
    return mask != 0


def check_denominator(denominator: object) -> None:
    """One number, and not a negative one."""
    if isinstance(denominator, bool) or not isinstance(denominator, (Tensor, int, float)):
        raise TypeError(
            f"denominator expected what denominator() returns, or one number; received {type(denominator).__name__}. "
            f"{_way_to_a_denominator(denominator)}"
        )
    if isinstance(denominator, Tensor):
        # A tensor is taken as it is: looking at its number would wait for the device.
        if denominator.numel() != 1:
            raise ValueError(
                f"denominator expected one number; received shape {tuple(denominator.shape)}. Add up what it counts: .sum()."
            )
        if denominator.is_complex() or denominator.dtype == torch.bool:
            raise TypeError(
                f"denominator expected a real number; received {denominator.dtype}. Give a count as float64."
            )
    elif not math.isfinite(denominator):
        raise ValueError(
            f"denominator expected a finite number; received {denominator}. Count what is divided by: criterion.denominator(y_true)."
        )
    elif denominator < 0:
        raise ValueError(f"denominator expected a positive number, or 0 for nothing; received {denominator}.")


def _way_to_a_denominator(given: object) -> str:
    if isinstance(given, (list, tuple)):
        return "Add those of several batches: sum(denominators), or tw.global_denominator(denominators)."
    if isinstance(given, Mapping):
        return "Pass the entry of this output; a dict goes to the CompiledLoss that made it."
    return "Write criterion.denominator(y_true)."


def check_targets(y_true: object) -> None:
    """Targets that a denominator can be counted from; raises TypeError and ValueError."""
    check_tensor("y_true", y_true)
    assert isinstance(y_true, Tensor)
    if not y_true.ndim:
        raise ValueError(
            "y_true expected at least one axis, (N,) or (N, ..); received a tensor of rank 0. Write y_true.reshape(1)."
        )


def as_shape(given: object) -> tuple[int, ...]:
    """``y_pred_shape`` as sizes; raises TypeError and ValueError."""
    if isinstance(given, Tensor):
        raise TypeError(
            f"y_pred_shape expected a shape; received a tensor of shape {tuple(given.shape)}. Write y_pred.shape."
        )
    sizes = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else None
    if sizes is None or any(isinstance(size, (str, float, bool, Tensor)) for size in sizes):
        raise TypeError(
            f"y_pred_shape expected whole numbers, (N, .., C); received {type(given).__name__} {shown(given)}. Write y_pred.shape."
        )
    if not sizes or any(size < 0 for size in sizes):
        raise ValueError(
            f"y_pred_shape expected sizes, 0 or more, for at least one axis; received {shown(given)}. Write y_pred.shape."
        )
    return sizes
