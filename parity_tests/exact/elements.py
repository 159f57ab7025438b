"""Losses that are a mean over elements: regression, hinge, binary cross-entropy and its focal form."""

from __future__ import annotations

from typing import Any

from mpmath import mp, mpf

from parity_tests.exact.terms import Terms, clip, mean_of

Both = tuple[Terms, Terms]


def squared(p: Any, y: Any) -> Both:
    return [(p - y) ** 2], [2 * (p - y)]


def absolute(p: Any, y: Any) -> Both:
    return [abs(p - y)], [mp.sign(p - y)]


def percentage(p: Any, y: Any, *, low: Any, high: Any) -> Both:
    unit = 100 / max(abs(y), low)
    return [abs(p - y) * unit], [mp.sign(p - y) * unit]


def logarithmic(p: Any, y: Any, *, low: Any, high: Any) -> Both:
    a, b = mp.log1p(max(p, low)), mp.log1p(max(y, low))
    slope = int(p >= low) / (1 + max(p, low))
    return [a * a, -2 * a * b, b * b], [2 * a * slope, -2 * b * slope]


def huber(p: Any, y: Any, *, delta: float = 1.0) -> Both:
    e, d = p - y, mpf(delta)
    if abs(e) <= d:
        return [e * e / 2], [e]
    return [d * abs(e), -d * d / 2], [d * mp.sign(e)]


def log_cosh(p: Any, y: Any) -> Both:
    e = p - y
    return [e, mp.log1p(mp.exp(-2 * e)), -mp.log(2)], [mpf(1), -2 / (1 + mp.exp(2 * e))]


def poisson(p: Any, y: Any, *, low: Any, high: Any) -> Both:
    return [p, -y * mp.log(p + low)], [mpf(1), -y / (p + low)]


def hinge(p: Any, y: Any) -> Both:
    return ([mpf(1), -y * p], [-y]) if y * p < 1 else ([], [])


def squared_hinge(p: Any, y: Any) -> Both:
    return ([mpf(1), -2 * y * p, (y * p) ** 2], [-2 * y, 2 * y * y * p]) if y * p < 1 else ([], [])


def _smoothed(y: Any, smoothing: float) -> tuple[Any, Any]:
    """(y, 1 - y) after smoothing."""
    a = mpf(smoothing)
    return y * (1 - a) + a / 2, (1 - y) * (1 - a) + a / 2


def _halves(p: Any, from_logits: bool) -> tuple[Any, Any]:
    """(probability, its rest)."""
    return (1 / (1 + mp.exp(-p)), 1 / (1 + mp.exp(p))) if from_logits else (p, 1 - p)


def binary(p: Any, y: Any, *, low: Any, high: Any, from_logits: bool, label_smoothing: float = 0.0) -> Both:
    y, rest = _smoothed(y, label_smoothing)
    if from_logits:
        one, other = _halves(p, True)
        return [-y * mp.log(one), -rest * mp.log(other)], [rest * one, -y * other]
    q, slope = clip(p, low, high)
    return [-y * mp.log(q), -rest * mp.log(1 - q)], [-y * slope / q, rest * slope / (1 - q)]


def binary_focal(
    p: Any,
    y: Any,
    *,
    low: Any,
    high: Any,
    from_logits: bool,
    gamma: float,
    label_smoothing: float = 0.0,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
) -> Both:
    (value, derivative) = binary(p, y, low=low, high=high, from_logits=from_logits, label_smoothing=label_smoothing)
    y, rest = _smoothed(y, label_smoothing)
    one, other = _halves(p, from_logits)
    slope = one * other if from_logits else mpf(1)
    weight = (y * mpf(alpha) + rest * (1 - mpf(alpha))) if apply_class_balancing else mpf(1)
    left, g = y * other + rest * one, mpf(gamma)
    factor = weight * left**g
    by_left = weight * g * left ** (g - 1) * mp.fsum(value) * slope if g else mpf(0)
    return [factor * v for v in value], [factor * d for d in derivative] + [rest * by_left, -y * by_left]


def _binary_scales(p: Any, y: Any, *, low: Any, from_logits: bool, gamma: float = 0.0, **rest: Any) -> tuple[Any, Any]:
    """1 - p is rounded before its logarithm and its power are taken: their terms are those of p itself."""
    if from_logits:
        return None, None
    value, derivative = binary(p, y, low=low, from_logits=False, high=rest["high"])
    return max(mpf(1), *map(abs, value)), max(map(abs, derivative)) * max(1, gamma) * max(mpf(1), *map(abs, value))


ELEMENTS = {
    "mean_squared_error": mean_of(squared),
    "mean_absolute_error": mean_of(absolute),
    "mean_absolute_percentage_error": mean_of(percentage),
    "mean_squared_logarithmic_error": mean_of(logarithmic),
    "huber": mean_of(huber),
    "log_cosh": mean_of(log_cosh),
    "poisson": mean_of(poisson),
    "hinge": mean_of(hinge),
    "squared_hinge": mean_of(squared_hinge),
    "binary_crossentropy": mean_of(binary, _binary_scales),
    "binary_focal_crossentropy": mean_of(binary_focal, _binary_scales),
}
