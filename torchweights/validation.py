"""What is checked before a loss is computed: kinds of tensors always, their numbers where looking costs no wait."""

from __future__ import annotations

import torch
from torch import Tensor


def can_look(tensor: Tensor) -> bool:
    """True for plain CPU tensors; False on accelerators, under torch.compile, torch.func, fake and meta tensors."""
    if tensor.device.type != "cpu" or torch.compiler.is_compiling():
        return False
    if type(tensor) not in (Tensor, torch.nn.Parameter):
        return False
    return not torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def check_kinds(y_pred: object, y_true: object) -> None:
    """Predictions are floating point; targets in the place of predictions are noticed.

    Raises TypeError, which states the order of the arguments.
    """
    for name, tensor in (("y_pred", y_pred), ("y_true", y_true)):
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"{name} expected a torch.Tensor; received {type(tensor).__name__}. Write torch.as_tensor({name})."
            )
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


def check_labels(labels: Tensor, num_classes: int, judged: Tensor | None) -> None:
    """Labels lie in [0, C); raises ValueError with the first that does not, and where it is."""
    bad = (labels < 0) | (labels >= num_classes)
    where = _first(bad, judged)
    if where is not None:
        raise ValueError(
            f"y_true expected labels from 0 to {num_classes - 1}, for the {num_classes} classes of y_pred; received {labels[where].item()} at "
            f"{where}{_and_others(bad, judged)}. Pass ignore_class={labels[where].item()} if it means 'no label', or check the axis of the classes."
        )


def check_probabilities(name: str, tensor: Tensor, judged: Tensor | None, way_out: str) -> None:
    """Numbers lie in [0, 1]; raises ValueError with the first that does not, and where it is. NaN is let through."""
    bad = (tensor < 0) | (tensor > 1)
    where = _first(bad, judged)
    if where is not None:
        raise ValueError(
            f"{name} expected probabilities in [0, 1]; received {tensor[where].item():.6g} at {where}{_and_others(bad, judged)}. {way_out}"
        )


def _first(bad: Tensor, judged: Tensor | None) -> tuple[int, ...] | None:
    bad = bad if judged is None else bad & judged
    return tuple(torch.nonzero(bad)[0].tolist()) if bool(bad.any()) else None


def _and_others(bad: Tensor, judged: Tensor | None) -> str:
    others = int((bad if judged is None else bad & judged).sum()) - 1
    return f" (and {others} more)" if others else ""
