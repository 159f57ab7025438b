"""Any loss function of one's own, weighed as an era weighs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, cast

import torch
from torch import Tensor, nn

from torchweights import class_weight as class_weights
from torchweights import reduction, tracing, validation
from torchweights.functional import at_least_float32
from torchweights.losses.base import WeightedLoss
from torchweights.messages import choose, shown, warn_of_trap
from torchweights.options import one_axis, takes
from torchweights.reduction import Weighed

LossFunction = Callable[[Any, Any], Tensor]


class FunctionLoss(WeightedLoss):
    """What ``from_function`` returns: the values of a function, weighed and reduced."""

    axis: int
    _undecomposable = (
        "expected values whose shape is known before the predictions; received a function of the user's. Use partial_sums() "
        "and from_sums(), or count what its values count, and pass that number as denominator=."
    )
    decomposable = False

    def __init__(
        self,
        fn: LossFunction,
        *,
        order: str = "keras",
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        class_weight: class_weights.ClassWeightsLike | None = None,
        semantics: Any = "torchweights",
        rest_in_eval: bool | None = None,
        validate: bool | None = None,
    ) -> None:
        super().__init__(
            reduction=reduction, class_weight=class_weight, semantics=semantics, rest_in_eval=rest_in_eval, validate=validate
        )  # fmt: skip
        choose("order", order, ("keras", "torch"))
        _check_function(fn, order)
        self.fn, self.order = fn, order
        self.axis = one_axis("axis", axis)

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """What the function returns."""
        values = self.fn(y_true, y_pred) if self.order == "keras" else self.fn(y_pred, y_true)
        if not isinstance(values, Tensor) or values.is_complex() or values.dtype == torch.bool:
            kind = values.dtype if isinstance(values, Tensor) else type(values).__name__
            raise TypeError(
                f"fn expected to return a real torch.Tensor; {self._called()} returned {kind}. Compute with torch."
            )
        return at_least_float32(values)

    def _weighed_values(
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Weighed]:
        # A view, so that the hook below is this call's alone.
        seen = y_pred.view_as(y_pred)
        values = self.values(seen, y_true)
        weight = validation.as_weight("sample_weight", sample_weight, y_pred.device)
        if self._class_weights_act():
            given = weight
            weight = class_weights.class_weight_to_sample_weights(
                y_true, cast(Any, self.class_weight), sample_weight=weight, semantics=self.semantics, axis=self.axis
            )
            if given is None:
                tracing.note("weights", class_weight=weight, prediction=None, kept=None)
        mask = validation.as_mask(mask, y_pred.device, self.validate)
        if values.ndim == 0 and (weight is not None or mask is not None):
            self._scalar_with_weights()
        values, weighed = reduction.met_by(values, weight, mask, self.semantics)
        _stop_gradients(seen, weighed)
        return values, weighed

    def _numerator_and_counts(
        self, values: Tensor, weighed: Weighed, sample_weight: Tensor | None
    ) -> dict[str, Tensor]:
        if not weighed.shape:
            raise ValueError(
                f"partial_sums() expected a function that returns a value per sample; {self._called()} returned one number for the "
                "whole batch, which does not split. Leave out the last mean."
            )
        return super()._numerator_and_counts(values, weighed, sample_weight)

    def _called(self) -> str:
        return getattr(self.fn, "__name__", type(self.fn).__name__)

    def _scalar_with_weights(self) -> None:
        if not self.semantics.weighing.weighs_scalars:
            raise ValueError(
                f"fn expected to return a value per sample where weights or a mask are given; {self._called()} returned one number for "
                "the whole batch, at which this release fails. Leave out the last mean, or use another row."
            )
        warn_of_trap(
            "weights of a scalar loss",
            f"{self._called()} returns one number for the whole batch, so weights and masks cannot act per sample: they scale it. "
            "Return a value per sample or pixel (leave out the last mean) to have them act.",
        )

    def get_config(self) -> NoReturn:
        raise TypeError(
            f"get_config() expected options that JSON can hold; received the function {self._called()}. "
            "Build the criterion again with tw.from_function, or pickle it."
        )


def _check_function(fn: object, order: str) -> None:
    """A function of two tensors, in this order. Raises TypeError and ValueError."""
    if not callable(fn):
        raise TypeError(
            f"fn expected a function of two tensors; received {type(fn).__name__} {shown(fn)}. Write tw.get({shown(fn)}) for a loss by its name."
        )
    if isinstance(fn, type):
        raise TypeError(
            f"fn expected a function of two tensors; received the class {fn.__name__}. Build it: {fn.__name__}(..)."
        )
    if isinstance(fn, WeightedLoss):
        raise TypeError(
            f"fn expected a function of values; received the criterion {shown(fn, 40)}, which weighs by itself. Use it as it is, or tw.functional."
        )
    if isinstance(fn, nn.modules.loss._Loss) and order == "keras":
        raise ValueError(
            f"order expected 'torch' for a loss of torch.nn, which takes (y_pred, y_true); received 'keras' with {type(fn).__name__}. Write "
            f"tw.from_function(nn.{type(fn).__name__}(reduction='none'), order='torch')."
        )
    takes("fn", fn, ("y_true", "y_pred") if order == "keras" else ("y_pred", "y_true"))


def _stop_gradients(y_pred: Tensor, weighed: Weighed) -> None:
    """No gradient where an element is left out, whatever the function computed there: 0 times NaN is NaN."""
    shape, included = weighed.shape, weighed.included
    if included is None or not y_pred.requires_grad or tuple(y_pred.shape[: len(shape)]) != shape:
        return
    kept = included.expand(shape).reshape(*shape, *[1] * (y_pred.ndim - len(shape)))
    y_pred.register_hook(  # type: ignore[no-untyped-call]
        lambda gradient: None if gradient is None else torch.where(kept, gradient, torch.zeros_like(gradient))
    )


def from_function(fn: LossFunction, order: str = "keras", **options: Any) -> FunctionLoss:
    """A criterion out of any function: its values, weighed by S / D as the row weighs.

    Args:
        fn: ``fn(y_true, y_pred)``, computing with torch, that returns values of any rank: one per sample (N,), per step
            (N, T), per pixel (N, H, W), or one scalar, which weights can only scale (a warning says so).
        order: "keras" for ``fn(y_true, y_pred)``, "torch" for ``fn(y_pred, y_true)``. The criterion itself is called in
            PyTorch's order.
        options: ``axis`` (of the classes of one-hot targets, for class weights; -1), and reduction, class_weight, semantics,
            rest_in_eval, validate as in ``WeightedLoss``.

    Raises:
        TypeError: for what is no function, or does not return a tensor.

    Source: ``weighted_masked_objective`` of Keras 2.2, ``LossFunctionWrapper`` since.

    >>> def absolute(y_true, y_pred):
    ...     return (y_true - y_pred).abs().mean(-1)
    >>> criterion = from_function(absolute, semantics="keras2.2.4")  # weighted_masked_objective(absolute)
    >>> criterion(torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1), sample_weight=torch.tensor([2.0, 0.0]))
    tensor(2.)
    """
    return FunctionLoss(fn, order=order, **options)
