"""The only place that weighs and reduces: a weighted loss is ``S / D``.

``S = sum(weight * values)``; ``D`` is a function of a few counts that add up over ranks and micro-batches. Which
function, and how ranks and masks meet, is the row's business (``torchweights.semantics``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from torchweights import flags, tracing, validation
from torchweights.alignment import Met
from torchweights.counts import Counts, Denominator, divisor_of
from torchweights.messages import choose
from torchweights.precision import exact
from torchweights.semantics import Semantics, semantics_for

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none")


def standard_reduction(reduction: str | None) -> str:
    """The one spelling of a reduction: None is ``none``, ``mean`` is ``sum_over_batch_size``.

    >>> standard_reduction("mean"), standard_reduction(None)
    ('sum_over_batch_size', 'none')
    """
    chosen = choose("reduction", "none" if reduction is None else reduction, REDUCTIONS)
    return "sum_over_batch_size" if chosen == "mean" else chosen


@dataclass(frozen=True)
class Weighed:
    """Weights, mask and what they leave, ready for values of ``shape``.

    ``weight`` is 0 where the mask hides; ``included`` is False wherever an element must not show (None: all do).
    """

    shape: tuple[int, ...]
    weight: Tensor | None
    included: Tensor | None
    met: Met
    row: Semantics
    device: torch.device | None = None

    # The counts one by one, so that a row pays only for those that its denominator asks for; in float64 they are exact
    # up to 2**53 elements.

    @property
    def elements(self) -> Tensor:
        return torch.full((), math.prod(self.shape), dtype=exact(self.device), device=self.device)

    @property
    def unmasked(self) -> Tensor:
        mask = self.met.mask
        return self.elements if mask is None else _count(mask) * (math.prod(self.shape) / max(mask.numel(), 1))

    @property
    def masks(self) -> Tensor:
        mask = self.met.mask
        size = 0 if mask is None else mask.numel()
        return torch.full((), size, dtype=exact(self.device), device=self.device)

    @property
    def nonzero(self) -> Tensor:
        weight = self.met.weight
        return (
            self.elements if weight is None else _count(weight != 0) * (math.prod(self.shape) / max(weight.numel(), 1))
        )

    @property
    def weights(self) -> Tensor:
        if self.met.counted is None:
            return self.unmasked
        mask = None if self.met.absorbed else self.met.mask
        return self.row.weighing.sum_of_weights(self.met.counted, mask, self.shape)

    def adds_up(self, reduction: str) -> bool:
        """Whether the counts of batches like this one may be added: weights that are not per sample are no sum."""
        counted = self.met.counted
        if reduction == "sum" and self.met.averaged:
            return False
        if counted is None or not self.row.weighing.divides_by_weights_as_given(reduction):
            return True
        return counted.ndim == len(self.shape) and counted.shape[0] == self.shape[0]

    def counts(self) -> Counts:
        """The counts of this batch."""
        samples = self.shape[0] if self.shape else 1
        plain = [torch.full_like(self.elements, number) for number in (samples, 1)]
        return Counts(self.elements, self.unmasked, self.nonzero, self.weights, self.masks, *plain)

    def divisor(self, reduction: str) -> Tensor | float:
        """D of this batch; a plain number where shapes alone decide it."""
        if reduction == "sum":
            return math.prod(self.shape[len(self.shape) - self.met.averaged :])
        weighs = self.met.weight is not None or self.met.counted is not None
        if self.met.mask is None and not (weighs and self.row.weighing.counts_any_weights(reduction)):
            return math.prod(self.shape)
        return divisor_of(self, self.row, reduction)

    def included_like(self, axes: Sequence[int] = ()) -> Tensor | None:
        """``included`` for a tensor that has ``axes`` (ascending) more than the values."""
        included = self.included
        if included is None or not axes:
            return included
        included = included.expand(self.shape)
        for axis in axes:
            included = included.unsqueeze(axis)
        return included

    def hide(self, tensor: Tensor, axes: Sequence[int] = (), stand_in: float = 0.0) -> Tensor:
        """``tensor`` with a harmless number where nothing must show; ``axes`` are those that the values lack.

        Chosen before the formula: a NaN times zero is NaN, in the gradient as well.
        """
        included = self.included_like(axes)
        if included is None:
            return tensor
        # Labels become 0, which is a class.
        return torch.where(included, tensor, stand_in) if tensor.is_floating_point() else flags.where(included, tensor)

    def times(self, values: Tensor) -> Tensor:
        """weight * values."""
        return values if self.weight is None else values * self.weight


def _where_not_0(weight: Tensor) -> Tensor | None:
    """Where a weight is not 0; None where that is everywhere, as far as it can be seen without waiting."""
    included = weight != 0
    return None if validation.can_look(weight) and flags.all_true(included) else included


def _all_count(weight: Tensor) -> bool:
    """Whether all weights are above 0 and finite, as far as it can be seen without waiting."""
    if not (validation.can_look(weight) and weight.numel()):
        return False
    least, most = torch.aminmax(weight)
    return float(least) > 0 and math.isfinite(most)


def _count(chosen: Tensor) -> Tensor:
    return flags.count(chosen).to(exact(chosen.device))


def weigh(
    shape: Sequence[int],
    sample_weight: Tensor | None,
    mask: Tensor | None,
    row: Semantics,
    dtype: torch.dtype,
    device: torch.device,
) -> Weighed:
    """Weights and mask become one weight tensor for loss values of ``shape``, as the row says."""
    shape = tuple(shape)
    met = row.weighing.meet(shape, row.weighing.feed(sample_weight, shape, mask, device), mask)
    weight = None if met.weight is None else flags.as_numbers(met.weight, dtype)
    plain = weight is None or _all_count(weight.detach())
    included = None if plain or weight is None else _where_not_0(weight.detach())
    if met.mask is not None and not met.absorbed:
        included = met.mask if included is None else included & met.mask
        if weight is not None:
            # A product is quicker, and would make NaN of 0 x infinity.
            weight = flags.times(met.mask, weight) if plain else flags.where(met.mask, weight)
    return Weighed(shape, weight, included, met, row, device)


def reduce(
    values: Tensor, weighed: Weighed, reduction: str, denominator: Tensor | Denominator | float | None = None
) -> Tensor:
    """S / D of values that were weighed: the numerator over this batch's denominator, or over the one given."""
    values = weighed.hide(values)
    weighted = weighed.times(values)
    tracing.note("values", values=values, weighted=weighted, weighed=weighed, reduction=reduction)
    if reduction == "none":
        if denominator is not None:
            raise ValueError(
                "denominator expected only where something is divided, received one with reduction='none'. "
                "Leave it out, or build the criterion with reduction='sum_over_batch_size'."
            )
        averaged = weighed.met.averaged
        tracing.note("divisor", divisor=math.prod(weighed.shape[len(weighed.shape) - averaged :]))
        return weighted.flatten(-averaged).mean(-1) if averaged else weighted
    return divide(weighted.sum(), _divisor(weighed, reduction, denominator), weighed.row)


def _divisor(weighed: Weighed, reduction: str, denominator: Tensor | Denominator | float | None) -> Tensor | float:
    """D of this batch, or the one given."""
    if denominator is None:
        return weighed.divisor(reduction)
    if isinstance(denominator, Denominator):
        expected = (weighed.row.name, reduction)
        if (denominator.semantics, denominator.reduction) != expected:
            raise ValueError(
                f"denominator expected from a criterion with semantics={expected[0]!r} and reduction={expected[1]!r}, received "
                f"one made with semantics={denominator.semantics!r} and reduction={denominator.reduction!r}. "
                "Make it with this criterion's own denominator()."
            )
        denominator = denominator.value()
    validation.check_denominator(denominator)
    return denominator


def coefficients(
    weighed: Weighed, reduction: str, denominator: Tensor | Denominator | float | None, dtype: torch.dtype
) -> Tensor | None:
    """weight / D: what each value weighs in the loss, 0 where it does not count, for who computes a gradient together with it.

    None where D is not above 0 as far as that can be seen without waiting; elsewhere the row's answer to division by nothing
    is in the numbers.
    """
    divisor = _divisor(weighed, reduction, denominator)
    if isinstance(divisor, Tensor) and divisor.requires_grad:
        return None
    weight = weighed.weight
    if weight is None:
        one = torch.ones((), dtype=dtype, device=weighed.device)
        weight = one if weighed.included is None else flags.as_numbers(weighed.included, dtype)
    if isinstance(divisor, Tensor) and not validation.can_look(divisor):
        divisor = divisor.to(weight.device)
        safe = divisor if weighed.row.weighing.empty == "nan" else torch.where(divisor > 0, divisor, torch.inf)
        return weight / safe.to(weight.dtype)
    return weight / float(divisor) if float(divisor) > 0 else None


def numerator(values: Tensor, weighed: Weighed) -> Tensor:
    """S = sum(weight * values), of what counts."""
    return weighed.times(weighed.hide(values)).sum()


def weighted_mean(values: Tensor, weight: Tensor, axis: int | tuple[int, ...]) -> Tensor:
    """mean(weight * values) over ``axis``; what has weight 0 must not show, whatever it is."""
    weighted = torch.where(weight != 0, values, torch.zeros_like(values)) * weight
    return weighted if axis == () else weighted.mean(axis)


def divide(total: Tensor, divisor: Tensor | float, row: Semantics) -> Tensor:
    """total / divisor, with the row's answer to division by nothing."""
    tracing.note("divisor", divisor=divisor)
    rule = row.weighing
    if not isinstance(divisor, Tensor):
        if divisor:
            return total / divisor
        divisor = total.new_zeros(())
    divisor = divisor.to(device=total.device, dtype=total.dtype)
    if rule.empty == "nan":
        return total / divisor
    nothing = divisor <= 0 if rule.empty == "zero, negative too" else divisor == 0
    # Both branches stay finite, so the gradient of the branch not taken is 0 and not NaN.
    return torch.where(
        nothing, torch.zeros_like(total), total / torch.where(nothing, torch.ones_like(divisor), divisor)
    )


def reduce_weighted_values(
    values: Tensor,
    sample_weight: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    reduction: str | None = "sum_over_batch_size",
    semantics: str | Semantics = "torchweights",
) -> Tensor:
    """Weigh unreduced loss values and reduce them: ``sum(weight * values) / D``.

    Args:
        values: Loss values, one per sample (N,), per step (N, T) or per pixel (N, H, W). A scalar (the value of a
            custom loss that reduces by itself) is scaled by the weights.
        sample_weight: Weights; which shapes meet the values is the row's business. The default row takes (N,),
            (N, 1, ..), the shape of the values, or a scalar.
        mask: True (or non-zero) where a value counts.
        reduction: sum_over_batch_size, mean, mean_with_sample_weight, sum, none or None.
        semantics: The row, by name or as ``semantics_for`` gives it.

    Returns:
        A scalar; with ``none``, the weighted values.

    Raises:
        ValueError: for an unknown reduction or row, and for shapes that do not meet.

    Source: ``weighted_masked_objective`` of Keras 2.2, ``compute_weighted_loss`` of Keras 2.3 to TensorFlow 2.15,
    ``reduce_weighted_values`` of Keras 3; recorded in ``torchweights/parity/recordings``.

    >>> values = torch.tensor([2.5, 0.125, 5.0])
    >>> weight = torch.tensor([1.0, 0.0, 2.0])
    >>> for row in ("keras2.2.4", "tf1.12", "keras3.15"):
    ...     print(row, round(reduce_weighted_values(values, weight, semantics=row).item(), 4))
    keras2.2.4 6.25
    tf1.12 4.1667
    keras3.15 4.1667
    """
    row = semantics_for(semantics)
    chosen = standard_reduction(reduction)
    if not isinstance(values, Tensor):
        raise TypeError(
            f"values expected a torch.Tensor; received {type(values).__name__}. Write torch.as_tensor(values)."
        )
    if values.is_complex() or values.dtype == torch.bool:
        raise TypeError(
            f"values expected real loss values; received {values.dtype} of shape {tuple(values.shape)}. Pass unreduced losses, as tw.functional computes."
        )
    sample_weight = validation.as_weight("sample_weight", sample_weight, values.device)
    mask = validation.as_mask(mask, values.device)
    return reduce(*met_by(values, sample_weight, mask, row), chosen)


def met_by(values: Tensor, sample_weight: Tensor | None, mask: Tensor | None, row: Semantics) -> tuple[Tensor, Weighed]:
    """Values and what weighs them; a scalar is repeated as often as there are weights, which can only scale it."""
    if values.ndim == 0 and (sample_weight is not None or mask is not None):
        values = values.expand(max((one.shape for one in (sample_weight, mask) if one is not None), key=len))
    dtype = values.dtype if values.dtype == torch.float64 else torch.float32
    return values.to(dtype), weigh(values.shape, sample_weight, mask, row, dtype, values.device)
