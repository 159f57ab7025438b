"""What a formula returns: the terms of its value and of its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mpmath import mp, mpf

Terms = list[Any]


@dataclass(frozen=True)
class Exact:
    """A loss of one sample and its derivatives, as lists of what is added up.

    ``value_scale`` and ``gradient_scale`` stand in where a formula subtracts inside an exponential, a power or a logarithm.
    """

    terms: Terms
    gradient: list[Terms]
    value_scale: Any = None
    gradient_scale: Terms | None = None

    @property
    def value(self) -> Any:
        return mp.fsum(self.terms)

    @property
    def scale(self) -> Any:
        """The largest term of the value; the value itself where many small ones add up to more."""
        return max(largest(self.terms) if self.value_scale is None else self.value_scale, abs(self.value))

    @property
    def derivatives(self) -> list[Any]:
        return [mp.fsum(terms) for terms in self.gradient]

    @property
    def scales(self) -> list[Any]:
        """The largest term of each derivative, or the derivative itself."""
        scales = [largest(terms) for terms in self.gradient] if self.gradient_scale is None else self.gradient_scale
        return [max(scale, abs(one)) for scale, one in zip(scales, self.derivatives, strict=True)]


def largest(terms: Terms) -> Any:
    return max((abs(one) for one in terms), default=mpf(0))


def clip(p: Any, low: Any, high: Any) -> tuple[Any, int]:
    """p between both, and its derivative by p."""
    return min(max(p, low), high), int(low <= p <= high)


Element = Callable[..., tuple[Terms, Terms]]
#: (the largest term of the value, of the derivative) of an element where they are not among the terms
Scales = Callable[..., tuple[Any, Any]]


def mean_of(element: Element, scales: Scales | None = None) -> Callable[..., Exact]:
    """The mean over elements of a formula of one prediction and one target, ``(terms, terms of the derivative)``."""

    def whole(y_pred: Sequence[Any], y_true: Sequence[Any], **options: Any) -> Exact:
        size, terms, gradient = len(y_pred), [], []
        for p, y in zip(y_pred, y_true, strict=True):
            value, derivative = element(p, y, **options)
            terms += [one / size for one in value]
            gradient.append([one / size for one in derivative])
        inside = [scales(p, y, **options) for p, y in zip(y_pred, y_true, strict=True)] if scales else [(None, None)]
        if inside[0][0] is None:
            return Exact(terms, gradient)
        return Exact(terms, gradient, max(v for v, _ in inside) / size, [g / size for _, g in inside])

    return whole
