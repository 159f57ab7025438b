"""Dice and Tversky by class: over an image, a batch or everything, without the pixels that do not count."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from torchweights import class_weight as class_weights
from torchweights import closed_form, functional, reduction, validation
from torchweights.closed_form import sums
from torchweights.functional.class_overlap import OVERLAP_OVER, OverlapSums
from torchweights.losses.base import WeightedLoss
from torchweights.messages import choose
from torchweights.options import label, not_negative, one_axis
from torchweights.reduction import Weighed
from torchweights.semantics import semantics_for

ACTIVATIONS = ("softmax", "sigmoid", "none")
ABSENT = ("count", "skip")
NORMALISATIONS = ("weights", "classes", "none")


class ClassTversky(WeightedLoss):
    """sum_c w_c (1 - Tversky_c) / normalisation: ``functional.class_overlap``, averaged over classes.

    Args:
        activation: What y_pred still needs: "softmax" or "sigmoid" for logits, "none" for probabilities. It is applied first;
            what mask and ignore_class leave out is left out after it, of the numerator and the denominator.
        alpha: Weight of missed positives. beta: Weight of false alarms.
        over: "image": a score per image and class, a value per image. "batch": a score per class over the whole batch.
            "everything": one score over all classes too, in which class weights act as weights of pixels.
        smooth: Added above and below.
        absent: What a class without a labelled pixel does: "count" (its false alarms cost) or "skip" (it leaves the average).
        class_weight: w_c, a dict, list or tensor over all classes.
        normalisation: What divides the sum over classes: "weights", sum(w_c) of the classes that take part; "classes", how
            many those are; "none".
        ignore_class: The label that means "no label": its pixels leave every sum.
        axis: Axis of the classes; wanted from rank 3 on.
        reduction, semantics, rest_in_eval, validate: As in ``WeightedLoss``.

    Shapes: y_pred (N, C, ..) with the classes on ``axis``; y_true like it (floating point), or integer labels without
    ``axis``. mask: per pixel or per image. sample_weight: per image, or per pixel (a weight in every sum); with
    ``over="batch"`` or "everything" a weight per image is that of its pixels.

    Source: Salehi et al. 2017.

    >>> import torch
    >>> criterion = ClassTversky(activation="none", alpha=1.0, beta=0.0, smooth=0.0)
    >>> criterion(torch.tensor([[0.5, 0.5]]), torch.tensor([0]))
    tensor(0.2500)
    """

    _averages = False

    def __init__(
        self,
        *,
        activation: str,
        alpha: float = 0.5,
        beta: float = 0.5,
        over: str = "image",
        smooth: float = 0.5,
        absent: str = "count",
        class_weight: class_weights.ClassWeightsLike | None = None,
        normalisation: str = "weights",
        ignore_class: int | None = None,
        axis: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        semantics: Any = "torchweights",
        rest_in_eval: bool | None = None,
        validate: bool | None = None,
    ) -> None:
        super().__init__(
            reduction=reduction, class_weight=class_weight, semantics=semantics, rest_in_eval=rest_in_eval, validate=validate
        )  # fmt: skip
        self.activation = choose("activation", activation, ACTIVATIONS)
        self.over, self.absent = choose("over", over, OVERLAP_OVER), choose("absent", absent, ABSENT)
        self.normalisation = choose("normalisation", normalisation, NORMALISATIONS)
        for name, given, default in (("absent", absent, "count"), ("normalisation", normalisation, "weights")):
            if over == "everything" and given != default:
                raise ValueError(
                    f"{name} expected to be left out with over='everything', one score over all classes; received {given!r}. Use "
                    "over='image' or over='batch'."
                )
        self.alpha, self.beta = not_negative("alpha", alpha), not_negative("beta", beta)
        self.smooth, self.ignore_class = not_negative("smooth", smooth), label("ignore_class", ignore_class)
        self.axis = None if axis is None else one_axis("axis", axis)
        self.decomposable = over == "image"

    axis: int | None
    _undecomposable = (
        "expected a value per image; received over='batch' or 'everything', one scalar that does not split (decomposable is "
        "False). Use over='image', or partial_sums() and from_sums()."
    )

    def _class_axis(self, rank: int) -> int:
        if self.axis is None and rank > 2:
            raise ValueError(
                f"axis expected for y_pred of rank {rank}, received nothing. Write axis=1 if the classes are on the second axis "
                "(N, C, ..), axis=-1 if they are on the last (N, .., C)."
            )
        if rank < 2:
            raise ValueError(
                f"y_pred expected shape (N, C, ..), a score for each class; received one of rank {rank}. Write y_pred.unsqueeze(0) for one sample."
            )
        axis = 1 if self.axis is None else self.axis
        if not -rank <= axis < rank or axis % rank == 0:
            raise ValueError(f"axis expected from 1 to {rank - 1} for y_pred of rank {rank}; received {axis}.")
        return axis % rank

    def _values_axes(self, rank: int) -> tuple[int, ...]:
        return tuple(range(1, rank))

    def _meet(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        axis = self._class_axis(y_pred.ndim)
        if self.ignore_class is not None and y_true.is_floating_point():
            raise ValueError(
                f"ignore_class expected integer labels beside it; received one-hot or soft targets of shape {tuple(y_true.shape)}. Pass mask= instead."
            )
        pixels = (*y_pred.shape[:axis], *y_pred.shape[axis + 1 :])
        expected = tuple(y_pred.shape) if y_true.is_floating_point() else pixels
        if tuple(y_true.shape) != expected:
            kind = "one-hot or soft targets" if y_true.is_floating_point() else "labels"
            raise ValueError(
                f"y_true expected shape {expected} ({kind} beside y_pred of shape {tuple(y_pred.shape)} with the classes on axis {axis}); "
                f"received {tuple(y_true.shape)}. Say where the classes are with axis=."
            )
        return y_true if y_true.is_floating_point() else y_true.long()  # torch compares no unsigned labels

    def _check_labels(self, y_pred: Tensor, y_true: Tensor, axis: int, judged: Tensor | None) -> None:
        labels = not y_true.is_floating_point()
        if labels and (validation.can_look(y_pred) if self.validate is None else self.validate):
            validation.check_labels(y_true, y_pred.shape[axis], None if judged is None else judged.expand(y_true.shape))

    def _one_hot(self, y_pred: Tensor, y_true: Tensor, axis: int) -> Tensor:
        """Targets for each class."""
        if y_true.is_floating_point():
            return y_true.to(y_pred.dtype)
        classes = torch.arange(y_pred.shape[axis], device=y_pred.device)
        return (y_true.unsqueeze(-1) == classes).movedim(-1, axis).to(y_pred.dtype)

    def _activated(self, y_pred: Tensor, axis: int) -> Tensor:
        if self.activation == "none":
            return y_pred
        return y_pred.softmax(axis) if self.activation == "softmax" else y_pred.sigmoid()

    def _check_denominator(self, y_pred: Tensor) -> None:
        if self.over != "image":
            raise ValueError(
                f"denominator expected only with over='image'; received one with over={self.over!r}, one scalar over the batch. "
                "Use partial_sums() and from_sums()."
            )

    def _weighed_values(
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Weighed]:
        overlap, by_image = self._overlap(y_pred, y_true, sample_weight, mask)
        values = self._over_classes(overlap)
        return values, reduction.weigh(values.shape, by_image, None, self.semantics, values.dtype, values.device)

    def _weigh(
        self,
        y_pred_shape: Sequence[int],
        y_true: Tensor,
        met: Tensor,
        sample_weight: Tensor | None,
        mask: Tensor | None,
        device: torch.device,
        dtype: torch.dtype,
        chosen: Tensor | None = None,
        kept: Tensor | None = None,
    ) -> Weighed:
        """What weighs images, for a denominator: masks and weights of pixels act inside of their values, and leave out no image."""
        weight = validation.as_weight("sample_weight", sample_weight, device)
        by_image = self._weight_of_images(weight)
        return reduction.weigh(y_pred_shape[:1], by_image, None, self.semantics, dtype, device)

    def _weight_of_images(self, weight: Tensor | None) -> Tensor | None:
        if self.over != "image" or weight is None or not (weight.ndim <= 1 or weight.numel() == weight.shape[0]):
            return None
        return weight.reshape(-1) if weight.ndim else weight

    def _overlap(
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None, mask: Tensor | None
    ) -> tuple[OverlapSums, Tensor | None]:
        """Sums by image and class, by class or over everything; and weights of images, which meet their values."""
        axis = self._class_axis(y_pred.ndim)
        y_true = self._meet(y_pred, y_true)
        by_image, pixels = self._pixels(y_pred, y_true, axis, sample_weight, mask)
        self._check_labels(y_pred, y_true, axis, pixels.included)
        weight = pixels.weight if pixels.weight is not None else pixels.included
        weight = None if weight is None else weight.to(y_pred.dtype)
        by_class = self._weights_of_classes(y_pred, y_pred.shape[axis]) if self.over == "everything" else None

        def through_autograd(y_pred: Tensor, over: str) -> OverlapSums:
            # Whole pixels are hidden, so that activation sees every class of those that count.
            shown, targets = (pixels.hide(one, (axis,)) for one in (y_pred, self._one_hot(y_pred, y_true, axis)))
            each = None if weight is None else weight.expand(pixels.shape)
            if by_class is not None:
                spread = by_class.reshape([-1 if place == axis else 1 for place in range(y_pred.ndim)])
                each = spread.expand(y_pred.shape) if each is None else each.unsqueeze(axis) * spread
            return functional.overlap_sums(self._activated(shown, axis), targets, axis=axis, over=over, weight=each)

        found = None
        if self._closes(y_pred) and not closed_form.steps_aside(y_pred, [y_true, weight, by_class]):
            found = self._closed_overlap(y_pred, y_true, weight, pixels, by_class, through_autograd)
        return through_autograd(y_pred, self.over) if found is None else found, by_image

    _closes_from = 2**22
    _loss_closes = False

    def _closed_overlap(
        self,
        y_pred: Tensor,
        y_true: Tensor,
        weight: Tensor | None,
        pixels: Weighed,
        by_class: Tensor | None,
        through_autograd: Callable[[Tensor, str], OverlapSums],
    ) -> OverlapSums | None:
        axis = self._class_axis(y_pred.ndim)
        columns = None if by_class is None else by_class.reshape(1, 1, -1, 1)
        options: dict[str, Any] = {"activation": self.activation, "columns": columns}
        form = sums.Sums(
            functools.partial(sums.overlap_of_piece, **options),
            functools.partial(sums.overlap_slope, **options),
            (axis,),
            turned=self.activation == "softmax",
        )
        targets = y_true.to(y_pred.dtype) if y_true.is_floating_point() else pixels.hide(y_true).long()
        labels = [] if y_true.is_floating_point() else [int(one) for one in torch.aminmax(targets)]
        if labels and not (labels[0] >= 0 and labels[1] < y_pred.shape[axis]):
            return None
        ones = y_pred.new_ones(())
        given = closed_form.Given(y_pred, targets, ones if weight is None else weight, pixels.included)
        found = closed_form.closed_sums(
            form, given, lambda p: torch.stack(through_autograd(p, "image")), self._compiled
        )
        if found is None:
            return None
        over = {"image": (), "batch": (1,), "everything": (1, 2)}[self.over]
        return OverlapSums(*(found.sum(over) if over else found))

    def _sums(  # type: ignore[override]
        self, y_pred: Tensor, y_true: Tensor, sample_weight: Tensor | None, mask: Tensor | None
    ) -> dict[str, Tensor]:
        if self.over == "image":
            return super()._sums(y_pred, y_true, sample_weight, mask)
        return self._overlap(y_pred, y_true, sample_weight, mask)[0]._asdict()

    def _loss_of(self, sums: dict[str, Tensor]) -> Tensor:
        return super()._loss_of(sums) if self.over == "image" else self._over_classes(OverlapSums(**sums))

    def _pixels(
        self, y_pred: Tensor, y_true: Tensor, axis: int, sample_weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor | None, Weighed]:
        """Weights of images, which meet values, and what weighs pixels: the rest."""
        shape = (*y_pred.shape[:axis], *y_pred.shape[axis + 1 :])
        weight = validation.as_weight("sample_weight", sample_weight, y_pred.device)
        mask = validation.as_mask(mask, y_pred.device, self.validate)
        row, labels = semantics_for("torchweights"), not y_true.is_floating_point()
        if labels and self.ignore_class is not None:
            kept = y_true != self.ignore_class
            mask = kept if mask is None else kept & self._mask_of_pixels(mask, shape, y_pred)
        by_image = self._weight_of_images(weight)
        if by_image is not None and weight is not None:
            # Images that weigh nothing are hidden like any pixel that is left out.
            weight = (weight.detach() != 0).to(y_pred.dtype)
        return by_image, reduction.weigh(shape, weight, mask, row, y_pred.dtype, y_pred.device)

    def _mask_of_pixels(self, mask: Tensor, shape: tuple[int, ...], y_pred: Tensor) -> Tensor:
        met = reduction.weigh(shape, None, mask, semantics_for("torchweights"), y_pred.dtype, y_pred.device).included
        assert met is not None
        return met.expand(shape)

    def _over_classes(self, overlap: OverlapSums) -> Tensor:
        """One value per image, or one for the batch."""
        score = functional.overlap_score(overlap, alpha=self.alpha, beta=self.beta, smooth=self._smooth())
        if self.over == "everything":
            return 1 - score
        taking_part = torch.ones_like(score) if self.absent == "count" else (overlap.labelled != 0).to(score.dtype)
        by_class = self._weights_of_classes(score, score.shape[-1])
        weights = taking_part if by_class is None else taking_part * by_class
        total = (weights * (1 - score)).sum(-1)
        if self.normalisation == "none":
            return total
        divisor = (weights if self.normalisation == "weights" else taking_part).sum(-1)
        nothing = divisor == 0
        return torch.where(
            nothing, torch.zeros_like(total), total / torch.where(nothing, torch.ones_like(divisor), divisor)
        )

    def _smooth(self) -> float:
        return self.smooth

    def _weights_of_classes(self, like: Tensor, num_classes: int) -> Tensor | None:
        if not self._class_weights_act():
            return None
        table, classes = self._table(like.device, num_classes), torch.arange(num_classes, device=like.device)
        return class_weights.look_up(classes, table, self._class_weight_rule(), None, self.validate).to(like.dtype)


class ClassDice(ClassTversky):
    """sum_c w_c (1 - Dice_c) / normalisation, Dice_c = (2 sum(y p) + s) / (sum(y) + sum(p) + s).

    Args:
        activation, over, absent, class_weight, normalisation, ignore_class, axis, reduction, semantics, rest_in_eval,
            validate: As in ``ClassTversky``.
        smooth: s.

    Shapes: as ``ClassTversky``.

    Source: Milletari et al. 2016; the smoothing that Keras projects add.

    >>> import torch
    >>> criterion = ClassDice(activation="none", smooth=0.0)
    >>> criterion(torch.tensor([[0.5, 0.5]]), torch.tensor([0]))
    tensor(0.6667)
    """

    def __init__(
        self,
        *,
        activation: str,
        over: str = "image",
        smooth: float = 1.0,
        absent: str = "count",
        class_weight: class_weights.ClassWeightsLike | None = None,
        normalisation: str = "weights",
        ignore_class: int | None = None,
        axis: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        semantics: Any = "torchweights",
        rest_in_eval: bool | None = None,
        validate: bool | None = None,
    ) -> None:
        super().__init__(
            activation=activation, over=over, smooth=smooth, absent=absent, class_weight=class_weight,
            normalisation=normalisation, ignore_class=ignore_class, axis=axis, reduction=reduction, semantics=semantics,
            rest_in_eval=rest_in_eval, validate=validate,
        )  # fmt: skip

    def _smooth(self) -> float:
        # Dice is Tversky with 0.5 and 0.5, both halves of its fraction halved.
        return self.smooth / 2
