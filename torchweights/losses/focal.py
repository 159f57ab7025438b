"""Focal cross-entropies: criteria."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from torchweights import class_weight as class_weights
from torchweights import functional
from torchweights.losses.categorical import CategoricalCrossentropy
from torchweights.losses.crossentropy import BinaryCrossentropy


def _check_gamma(gamma: object) -> None:
    if isinstance(gamma, bool) or not isinstance(gamma, (int, float)) or not gamma >= 0:
        raise ValueError(f"gamma expected a number, 0 or more; received {gamma!r}.")


class BinaryFocalCrossentropy(BinaryCrossentropy):
    """Binary focal cross-entropy, averaged over labels: ``functional.binary_focal_crossentropy``, weighed.

    Args:
        apply_class_balancing: Whether label 1 weighs ``alpha`` and label 0 weighs 1 - alpha.
        alpha: That weight; without balancing it is not used.
        gamma: How much less counts what is already right; 0 for cross-entropy.
        from_logits, label_smoothing, axis, epsilon, reduction, class_weight, semantics, rest_in_eval, validate: As in
            ``BinaryCrossentropy``.

    Shapes: y_pred and y_true (N, .., L) alike; (N,) is (N, 1); a trailing 1 may lack in y_true.

    >>> import torch
    >>> BinaryFocalCrossentropy(gamma=1.0, from_logits=False)(torch.tensor([[0.75]]), torch.tensor([[1.0]]))
    tensor(0.0719)
    """

    def __init__(
        self,
        *,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool | str | None = None,
        label_smoothing: float = 0.0,
        axis: int | tuple[int, ...] | None = None,
        epsilon: float = 1e-7,
        reduction: str | None = "sum_over_batch_size",
        class_weight: class_weights.ClassWeightsLike | None = None,
        semantics: Any = "torchweights",
        rest_in_eval: bool | None = None,
        validate: bool | None = None,
    ) -> None:
        super().__init__(
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis, epsilon=epsilon, reduction=reduction,
            class_weight=class_weight, semantics=semantics, rest_in_eval=rest_in_eval, validate=validate,
        )  # fmt: skip
        _check_gamma(gamma)
        if isinstance(alpha, bool) or not isinstance(alpha, (int, float)):
            raise TypeError(f"alpha expected a number; received {type(alpha).__name__} {alpha!r}.")
        self.apply_class_balancing, self.alpha, self.gamma = apply_class_balancing, alpha, gamma

    def _formula(self, y_pred: Tensor, y_true: Tensor, **options: Any) -> Tensor:
        if options["from_logits"] and self.semantics.formulas.focal == "neither":
            y_pred, options = y_pred.sigmoid(), {**options, "from_logits": False}
        rest = "direct" if self.semantics.formulas.focal == "both" else "1 - p_t"
        return functional.binary_focal_crossentropy(
            y_pred, y_true, rest=rest, apply_class_balancing=self.apply_class_balancing, alpha=self.alpha, gamma=self.gamma,
            **options,
        )  # fmt: skip


class CategoricalFocalCrossentropy(CategoricalCrossentropy):
    """Categorical focal cross-entropy: ``functional.categorical_focal_crossentropy``, weighed.

    Args:
        alpha: One weight for every class, or one for each.
        gamma: How much less counts what is already right; 0 for cross-entropy.
        from_logits, label_smoothing, axis, epsilon, reduction, class_weight, semantics, rest_in_eval, validate: As in
            ``CategoricalCrossentropy``. Rows of Keras make logits probabilities and clip those; the default row does not.

    Shapes: y_pred and y_true (N, .., C) alike, classes on ``axis``.

    >>> import torch
    >>> criterion = CategoricalFocalCrossentropy(alpha=[0.25, 0.75], from_logits=False)
    >>> criterion(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]))
    tensor(0.0433)
    """

    def __init__(
        self,
        *,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool | str | None = None,
        label_smoothing: float = 0.0,
        axis: int | None = None,
        epsilon: float = 1e-7,
        reduction: str | None = "sum_over_batch_size",
        class_weight: class_weights.ClassWeightsLike | None = None,
        semantics: Any = "torchweights",
        rest_in_eval: bool | None = None,
        validate: bool | None = None,
    ) -> None:
        super().__init__(
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis, epsilon=epsilon, reduction=reduction,
            class_weight=class_weight, semantics=semantics, rest_in_eval=rest_in_eval, validate=validate,
        )  # fmt: skip
        _check_gamma(gamma)
        self.alpha, self.gamma = list(alpha) if isinstance(alpha, tuple) else alpha, gamma

    def _inside(self) -> bool:
        return False  # torch has no focal loss whose way this would be

    def _smoothing_classes(self, y_pred: Tensor) -> int | None:
        return None if self.semantics.formulas.focal == "both" else y_pred.shape[-1]

    def _formula(self, y_pred: Tensor, y_true: Tensor, **options: Any) -> Tensor:
        form = "logits" if self.semantics.formulas.focal == "both" else "clip"
        return functional.categorical_focal_crossentropy(
            y_pred, y_true, alpha=self.alpha, gamma=self.gamma, form=form, **options
        )
