"""Losses over classes: cross-entropies, focal, generalized, KL divergence, categorical hinge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mpmath import mp, mpf

from parity_tests.exact.terms import Exact, Terms, clip, largest

List = Sequence[Any]


def _one_hot(label: int, classes: int) -> list[Any]:
    return [mpf(int(one == label)) for one in range(classes)]


def _smoothed(y: List, smoothing: float) -> list[Any]:
    a = mpf(smoothing)
    return [one * (1 - a) + a / len(y) for one in y]


def _without_each(values: List) -> list[Any]:
    """For each number the sum of the others, which does not cancel at 50 digits and more."""
    with mp.workdps(400):
        whole = mp.fsum(values)
        return [whole - one for one in values]


def _softmax(z: List) -> tuple[list[Any], list[Any], list[Any]]:
    """(p, 1 - p, -ln p)."""
    top = max(z)
    e = [mp.exp(one - top) for one in z]
    whole = mp.fsum(e)
    rests = [one / whole for one in _without_each(e)]
    p = [one / whole for one in e]
    return (
        p,
        rests,
        [-mp.log1p(-rest) if rest < 0.5 else mp.log(whole) - (one - top) for one, rest in zip(z, rests, strict=True)],
    )


#: of -ln r as (ln r, 1 - r, r), for each class: (value, derivative by r) beside the factor y
Outer = Callable[[int, Any, Any, Any], tuple[Any, Any]]


def _plain(_: int, minus_ln: Any, rest: Any, r: Any) -> tuple[Any, Any]:
    return minus_ln, -1 / r


def _focal(gamma: float, alpha: float | Sequence[float]) -> Outer:
    g = mpf(gamma)

    def outer(place: int, minus_ln: Any, rest: Any, r: Any) -> tuple[Any, Any]:
        weight = mpf(alpha if isinstance(alpha, float) else alpha[place])
        by_power = g * rest ** (g - 1) * minus_ln if g else mpf(0)
        return weight * rest**g * minus_ln, -weight * (rest**g / r + by_power)

    return outer


def _of_logits(z: List, y: List, outer: Outer) -> Exact:
    p, rests, minus_ln = _softmax(z)
    found = [outer(i, *one) for i, one in enumerate(zip(minus_ln, rests, p, strict=True))]
    values = [y_j * value for y_j, (value, _) in zip(y, found, strict=True)]
    pulls = [y_j * slope * p_j for y_j, p_j, (_, slope) in zip(y, p, found, strict=True)]
    others = _without_each(pulls)
    return Exact(
        values, [[pull * rest, -p_j * other] for pull, rest, p_j, other in zip(pulls, rests, p, others, strict=True)]
    )


def _of_probabilities(p: List, y: List, low: Any, high: Any, outer: Outer, scale: float) -> Exact:
    whole = mp.fsum(p)
    values: Terms = []
    pulls: Terms = []
    weights: Terms = []
    for place, (p_j, y_j) in enumerate(zip(p, y, strict=True)):
        r, slope = clip(p_j / whole, low, high)
        value, by_r = outer(place, -mp.log(r), 1 - r, r)
        values.append(y_j * value)
        pulls.append(y_j * by_r * slope)
        weights.append(max(mpf(1), 1 - mp.log(r)) * outer(place, mpf(1), mpf(1), mpf(1))[0] * scale)
    common = -mp.fsum(pull * p_j for pull, p_j in zip(pulls, p, strict=True)) / whole**2
    # r is rounded before its logarithm is taken, and before it is subtracted from 1.
    inside = max((y_j * weight for y_j, weight in zip(y, weights, strict=True)), default=mpf(0))
    gradient = [[pull / whole, common] for pull in pulls]
    return Exact(values, gradient, inside, [largest([*terms, inside / whole]) for terms in gradient])


def _crossentropy(
    p: List, y: List, outer: Outer, low: Any, high: Any, from_logits: bool, smoothing: float, scale: float = 1.0
) -> Exact:
    y = _smoothed(y, smoothing)
    return _of_logits(p, y, outer) if from_logits else _of_probabilities(p, y, low, high, outer, scale)


def categorical(p: List, y: List, *, low: Any, high: Any, from_logits: bool, label_smoothing: float = 0.0) -> Exact:
    return _crossentropy(p, y, _plain, low, high, from_logits, label_smoothing)


def sparse(p: List, y: int, **options: Any) -> Exact:
    return categorical(p, _one_hot(y, len(p)), **options)


def categorical_focal(
    p: List,
    y: List,
    *,
    low: Any,
    high: Any,
    from_logits: bool,
    gamma: float,
    alpha: float | Sequence[float] = 0.25,
    label_smoothing: float = 0.0,
) -> Exact:
    return _crossentropy(p, y, _focal(gamma, alpha), low, high, from_logits, label_smoothing, 1 + gamma)


def generalized(p: List, y: int, *, q: float = 0.5) -> Exact:
    power = mpf(q)
    gradient = [[-(p_j ** (power - 1))] if place == y else [] for place, p_j in enumerate(p)]
    return Exact([1 / power, -(p[y] ** power) / power], gradient)


def kl_divergence(p: List, y: List, *, low: Any, high: Any) -> Exact:
    terms, gradient, inside = [], [], mpf(0)
    for p_j, y_j in zip(p, y, strict=True):
        r, slope = clip(p_j, low, mpf(1))
        t, _ = clip(y_j, low, mpf(1))
        terms.append(t * mp.log(t / r))
        gradient.append([-t * slope / r])
        # t / r is rounded before its logarithm is taken.
        inside = max(inside, t * max(mpf(1), abs(mp.log(t / r))))
    return Exact(terms, gradient, inside)


def categorical_hinge(p: List, y: List) -> Exact:
    right, wrongs = (
        mp.fsum(p_j * y_j for p_j, y_j in zip(p, y, strict=True)),
        [(1 - y_j) * p_j for p_j, y_j in zip(p, y, strict=True)],
    )
    best = max(range(len(p)), key=lambda one: wrongs[one])
    if 1 + wrongs[best] - right <= 0:
        return Exact([], [[] for _ in p])
    gradient = [[(1 - y_j) * int(place == best), -y_j] for place, y_j in enumerate(y)]
    return Exact([mpf(1), wrongs[best], -right], gradient)


CLASSES = {
    "categorical_crossentropy": categorical,
    "sparse_categorical_crossentropy": sparse,
    "categorical_focal_crossentropy": categorical_focal,
    "categorical_generalized_cross_entropy": generalized,
    "kl_divergence": kl_divergence,
    "categorical_hinge": categorical_hinge,
}
