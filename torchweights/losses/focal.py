"""Focal cross-entropies: criteria."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from torchweights import class_weight as class_weights
from torchweights import functional
from torchweights.closed_form import ClosedForm, Piece, crossentropies, elements
from torchweights.losses.categorical import CategoricalCrossentropy
from torchweights.losses.crossentropy import BinaryCrossentropy
from torchweights.messages import shown
from torchweights.options import flag


def _checked(name: str, given: Any, expected: str, allowed: Callable[[float], bool]) -> Any:
    """One number, or a list of one for each class; a list of its own, so that it prints and copies as JSON."""
    if isinstance(given, Tensor) or hasattr(given, "__array__"):
        given = given.tolist()
    numbers = list(given) if isinstance(given, (list, tuple)) else [given]
    if not numbers or any(isinstance(one, bool) or not isinstance(one, (int, float)) for one in numbers):
        raise TypeError(f"{name} expected a number, or a list of one for each class; received {shown(given)}.")
    if not all(map(allowed, numbers)):
        raise ValueError(f"{name} expected {expected}; received {shown(given)}.")
    return numbers if isinstance(given, (list, tuple)) else given


class BinaryFocalCrossentropy(BinaryCrossentropy):
    """Binary focal cross-entropy, averaged over labels: ``functional.binary_focal_crossentropy``, weighed.

    Args:
        apply_class_balancing: Whether label 1 weighs ``alpha`` and label 0 weighs 1 - alpha.
        alpha: That weight, or one for each label column; without balancing it is not used.
        gamma: How much less counts what is already right; 0 for cross-entropy. One number, or one for each column.
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
        alpha: float | Sequence[float] = 0.25,
        gamma: float | Sequence[float] = 2.0,
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
        self.apply_class_balancing = flag("apply_class_balancing", apply_class_balancing)
        self.alpha = _checked(
            "alpha", alpha, "a number from 0 to 1, as label 0 weighs 1 - alpha", lambda one: 0 <= one <= 1
        )
        self.gamma = _checked("gamma", gamma, "a number, 0 or more", lambda one: one >= 0)
        if self.alpha != 0.25 and not apply_class_balancing and self.semantics.formulas.explicit:
            raise ValueError(
                f"alpha expected beside apply_class_balancing=True; received {shown(alpha)} without, where it weighs nothing. Write "
                "apply_class_balancing=True, or leave alpha out."
            )

    _takes_all_logits = True

    def _formula(self, y_pred: Tensor, y_true: Tensor, **options: Any) -> Tensor:
        if options["from_logits"] and self.semantics.formulas.focal == "neither":
            y_pred, options = y_pred.sigmoid(), {**options, "from_logits": False}
        if isinstance(self.alpha, list) or isinstance(self.gamma, list):
            return self._by_label(y_pred, y_true, options)
        return self._focal(y_pred, y_true, self.alpha, self.gamma, options)

    def _by_label(self, y_pred: Tensor, y_true: Tensor, options: dict[str, Any]) -> Tensor:
        """With numbers of their own for each label: labels last, so that ``axis`` may be several or none."""
        labels = self._label_axis(y_pred.ndim)
        values = self._focal(
            y_pred.movedim(labels, -1), y_true.movedim(labels, -1), self.alpha, self.gamma, {**options, "axis": ()}
        ).movedim(-1, labels)
        return values if options["axis"] == () else values.mean(options["axis"])

    def _focal(self, y_pred: Tensor, y_true: Tensor, alpha: Any, gamma: Any, options: dict[str, Any]) -> Tensor:
        rest = "direct" if self.semantics.formulas.focal == "both" else "1 - p_t"
        return functional.binary_focal_crossentropy(
            y_pred, y_true, rest=rest, apply_class_balancing=self.apply_class_balancing, alpha=alpha, gamma=gamma,
            **options,
        )  # fmt: skip

    _closes_from = 2**14

    def _element(self, of_logits: bool, hard: bool = False) -> elements.Element | None:
        focal, form = self.semantics.formulas.focal, self.semantics.formulas.binary
        if isinstance(self.alpha, list) or isinstance(self.gamma, list) or self.gamma == 0 or focal == "neither":
            return None
        shared = {
            "gamma": self.gamma,
            "alpha": self.alpha if self.apply_class_balancing else None,
            "smoothing": self.label_smoothing,
            "hard": hard,
        }
        if of_logits:
            return functools.partial(elements.focal_of_logits, **shared)
        if form not in ("clip", "clip, add", "clip, add, graph"):
            return None
        return functools.partial(elements.focal_of_probabilities, **shared, epsilon=self.epsilon, form=form)


class CategoricalFocalCrossentropy(CategoricalCrossentropy):
    """Categorical focal cross-entropy: ``functional.categorical_focal_crossentropy``, weighed.

    Args:
        alpha: One weight for every class, or one for each.
        gamma: How much less counts what is already right; 0 for cross-entropy. One number, or one for each class.
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
        gamma: float | Sequence[float] = 2.0,
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
        self.alpha = _checked("alpha", alpha, "finite weights", math.isfinite)
        self.gamma = _checked("gamma", gamma, "a number, 0 or more", lambda one: one >= 0)

    _of_labels_too = False

    def _inside(self) -> bool:
        return False  # torch has no focal loss whose way this would be

    def _smoothing_classes(self, y_pred: Tensor) -> int | None:
        return None if self.semantics.formulas.focal == "both" else y_pred.shape[-1]

    _takes_all_logits = True

    def _formula(self, y_pred: Tensor, y_true: Tensor, **options: Any) -> Tensor:
        form = "logits" if self.semantics.formulas.focal == "both" else "clip"
        return functional.categorical_focal_crossentropy(
            y_pred, y_true, alpha=self.alpha, gamma=self.gamma, form=form, **options
        )

    def _of_piece(self, like: Tensor, of_logits: bool, smoothing: dict[str, Any]) -> Callable[[Piece], Tensor]:
        def numbers(given: float | list[float]) -> float | Tensor:
            return like.new_tensor(given).reshape(1, 1, -1, 1) if isinstance(given, list) else given

        shared = {"alpha": numbers(self.alpha), "gamma": numbers(self.gamma), **smoothing}
        if of_logits and self.semantics.formulas.focal == "both":
            return functools.partial(crossentropies.focal_of_targets, **shared)
        return functools.partial(
            crossentropies.focal_of_probabilities, **shared, epsilon=self.epsilon, of_logits=of_logits
        )

    def _closed_form(self, y_pred: Tensor, y_true: Tensor) -> ClosedForm | None:
        gammas = self.gamma if isinstance(self.gamma, list) else [self.gamma]
        return super()._closed_form(y_pred, y_true) if min(gammas) > 0 else None
