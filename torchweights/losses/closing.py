"""How a criterion computes its gradient together with its loss: for large batches on a CPU, by itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import Self

from torchweights import closed_form, reduction
from torchweights.closed_form import Check, ClosedForm, Compiled, Expected
from torchweights.counts import Denominator
from torchweights.losses.splitting import autocast_off
from torchweights.reduction import Weighed, standard_reduction

#: methods that decide what a loss is, and those that say the same in closed form
_COMPUTES = ("forward", "values", "_formula", "_meet", "_targets", "_weighed_values", "_shown_values", "_weigh")
_IN_CLOSED_FORM = (
    "_closed_form",
    "_closed_loss",
    "_closed_overlap",
    "_closed_errors",
    "_element",
    "_of_piece",
    "_of_overlap",
)


class Closes(nn.Module):
    """Offers losses in closed form, and ``plain()`` for who wants none."""

    reduction: str | None

    #: from how many predictions on the gradient is computed together with the loss, by ``benchmarks.crossover``; None for losses that
    #: have no such form
    _closes_from: int | None = None

    #: what ``tw.fuse`` compiles
    _compiled: Compiled | None = None

    #: whether every logit that is not out of all bounds has a finite value and derivative
    _takes_all_logits: ClassVar[bool] = False

    #: False where the sums that a loss is made of have a closed form, and the loss has not
    _loss_closes: ClassVar[bool] = True

    def __init_subclass__(cls, **more: Any) -> None:
        """A subclass that computes something else has to say how in closed form too, or it has none."""
        super().__init_subclass__(**more)
        own, said = vars(cls), (*_IN_CLOSED_FORM, "_closes_from")
        computes = any(name in own for name in _COMPUTES)
        if computes and not any(name in own for name in said):
            cls._closes_from = None
        if computes and "_takes_all_logits" not in own:
            cls._takes_all_logits = False
        if "_check_numbers" in own and "_expected" not in own:
            cls._expected = Closes._expected  # type: ignore[method-assign]

    def plain(self) -> Self:
        """This criterion, computing every gradient through autograd from now on, however large the batch is."""
        self._closes_from = self._compiled = None
        return self

    def fused(self, from_size: int = 2**14) -> Self:
        """This criterion, computing loss and gradient in one compiled pass for batches of ``from_size`` predictions or more."""
        if self._closes_from is not None:
            self._closes_from, self._compiled = from_size, Compiled(type(self).__name__)
        return self

    def warm_up(self, shape: Sequence[int], y_true: Tensor | None = None, **beside: Tensor | None) -> Self:
        """Compile for predictions of a shape before they come.

        Args:
            shape: Of y_pred.
            y_true: Targets of the right kind and shape; None for labels 0, or zeros like the predictions where labels are none.
            beside: Whether weights or masks will be given, and of which shape: ``sample_weight=torch.ones(8)``.
        """
        y_pred = torch.full(tuple(shape), 0.5, requires_grad=True)
        if y_true is None:
            y_true = self._any_targets(y_pred.detach())
        self(y_pred, y_true, **beside)
        return self

    def _any_targets(self, y_pred: Tensor) -> Tensor:
        return torch.zeros_like(y_pred)

    def _closes(self, y_pred: Tensor) -> bool:
        return (
            self._closes_from is not None
            and y_pred.numel() >= max(self._closes_from, 1)
            and self.reduction not in ("none", None)
        )

    def _closed_form(self, y_pred: Tensor, y_true: Tensor) -> ClosedForm | None:
        """How values and gradients of a piece are computed; None where these options have no such form."""
        return None

    def _expected(self, y_pred: Tensor, y_true: Tensor) -> Expected | None:
        """What ``_check_numbers`` wants, if a compiled pass can tell, or all else makes the loss NaN; None if not."""
        return None

    def _checked_on_the_way(self, y_pred: Tensor, y_true: Tensor) -> Expected | None:
        """What a compiled pass tells on its way of the numbers it takes; None where they are looked at before."""
        return self._expected(y_pred, y_true) if self._compiled is not None and self._looks(y_pred) else None

    def _later(self, expected: Expected | None, y_pred: Tensor, y_true: Tensor, weighed: Weighed) -> Check | None:
        """The check that was left to a compiled pass."""
        return None if expected is None else Check(expected, partial(self._check_numbers, y_pred, y_true, weighed))

    def _in_short(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """Targets that mean the same and are less to look at, where there are such."""
        return y_true

    def _closed_targets(self, y_pred: Tensor, y_true: Tensor, weighed: Weighed) -> Tensor | None:
        """Targets as the closed form wants them; None where only the plain path says what comes out."""
        targets: Tensor = self._targets(y_true, weighed)
        return targets

    def _closed_loss(
        self,
        y_pred: Tensor,
        y_true: Tensor,
        sample_weight: Tensor | None,
        mask: Tensor | None,
        denominator: Tensor | Denominator | float | None,
    ) -> Tensor | None:
        """The loss with its gradient in closed form; None where the plain path is needed."""
        anywhere = self._compiled is not None
        if closed_form.steps_aside(y_pred, [y_true, *self.parameters()], anywhere):
            return None
        if sample_weight is None and mask is None:  # what is left out must not decide how the rest is computed
            y_true = self._in_short(y_pred, y_true)
        expected = self._checked_on_the_way(y_pred, y_true)
        predictions, met, weighed = self._prepared(y_pred, y_true, sample_weight, mask, checked=expected is None)
        check = self._later(expected, predictions, met, weighed)
        form, chosen = self._closed_form(predictions, met), standard_reduction(self.reduction)
        if form is None or closed_form.steps_aside(predictions, [weighed.weight], anywhere):
            return None
        coefficients = reduction.coefficients(weighed, chosen, denominator, predictions.dtype)
        if coefficients is None:
            return None
        targets = self._closed_targets(predictions, met, weighed)
        if targets is None:
            return None
        given = closed_form.Given(predictions, targets, coefficients, weighed.included)
        del weighed, met, coefficients, targets  # what they hold beside is large where there are few classes

        def plain(p: Tensor) -> Tensor:
            with autocast_off(p.device):
                values, weighed = self._weighed_values(p, y_true, sample_weight, mask)
                return reduction.reduce(values, weighed, chosen, denominator)

        return closed_form.closed_loss(form, given, plain, self._compiled, check)

    # What a criterion has beside: see ``WeightedLoss``.
    _looks: Any
    _check_numbers: Any
    _prepared: Any
    _targets: Any
    _weighed_values: Any
