"""Losses of whole vectors, sequences and batches: cosine, Dice, Tversky, CTC, circle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mpmath import mp, mpf

from parity_tests.exact.terms import Exact, largest

List = Sequence[Any]


def cosine_similarity(p: List, y: List) -> Exact:
    """Vectors longer than the least length, 1e-7."""
    a, b = (mp.sqrt(mp.fsum(one * one for one in v)) for v in (p, y))
    products = [-p_j * y_j / (a * b) for p_j, y_j in zip(p, y, strict=True)]
    return Exact(
        products, [[-y_j / (a * b), *(-one * p_j / a**2 for one in products)] for p_j, y_j in zip(p, y, strict=True)]
    )


def _overlap(p: List, y: List, alpha: float, beta: float, low: Any) -> Exact:
    """1 - I / (I + alpha sum(y (1 - p)) + beta sum((1 - y) p) + low), I = sum(y p)."""
    missed, alarms = mpf(alpha), mpf(beta)
    both = mp.fsum(p_j * y_j for p_j, y_j in zip(p, y, strict=True))
    whole = both + low
    whole += mp.fsum(missed * y_j * (1 - p_j) + alarms * (1 - y_j) * p_j for p_j, y_j in zip(p, y, strict=True))
    gradient = [[-y_j / whole, both * y_j * (1 - missed) / whole**2, both * alarms * (1 - y_j) / whole**2] for y_j in y]
    return Exact([mpf(1), -both / whole], gradient)


def dice(p: List, y: List, *, low: Any, high: Any) -> Exact:
    # 2 I / (sum(y) + sum(p) + low) is that with halves of each, and of low.
    return _overlap(p, y, 0.5, 0.5, low / 2)


def tversky(p: List, y: List, *, low: Any, high: Any, alpha: float = 0.5, beta: float = 0.5) -> Exact:
    return _overlap(p, y, alpha, beta, low)


def _of_path(terms: List, size: int) -> tuple[Any, list[Any]]:
    """Logarithms of probabilities are added up along a path, and become exponents."""
    whole = mp.fsum(abs(one) for one in terms)
    return whole, [1 + whole] * size


def ctc(z: Sequence[List], labels: Sequence[int]) -> Exact:
    """-ln of the probability of all paths, by the products themselves: 50 digits need no logarithms."""
    steps = [[mp.exp(one) for one in step] for step in z]
    wholes = [mp.fsum(step) for step in steps]
    path = [0]
    for label in (one for one in labels if one):
        path += [label, 0]
    size = len(path)

    def reached(step_order: Sequence[int], path: Sequence[int]) -> list[list[Any]]:
        found = []
        now = [mpf(int(one < 2)) for one in range(size)]
        for t in step_order:
            now = [one * steps[t][path[s]] for s, one in enumerate(now)]
            found.append(now)
            now = [
                now[s] + (now[s - 1] if s else 0) + (now[s - 2] if s > 1 and path[s] and path[s] != path[s - 2] else 0)
                for s in range(size)
            ]
        return found

    count = len(z)
    forward = reached(range(count), path)
    backward = reached(range(count - 1, -1, -1), path[::-1])[::-1]
    paths = mp.fsum(forward[-1][-2:])
    terms = [mp.log(whole) for whole in wholes] + [-mp.log(paths)]
    gradient = []
    for t in range(count):
        for k, e in enumerate(steps[t]):
            through = mp.fsum(forward[t][s] * backward[t][size - 1 - s] for s in range(size) if path[s] == k) / e
            gradient.append([e / wholes[t], -through / paths])
    return Exact(terms, gradient, *_of_path(terms, len(gradient)))


def circle(p: Sequence[List], labels: Sequence[int], *, gamma: float = 80.0, margin: float = 0.4) -> list[Exact]:
    """One value for each embedding; each with its derivatives by all of them, row by row."""
    scale, m, count = mpf(gamma), mpf(margin), len(p)
    found = []
    for i in range(count):
        near, far, largest_exponent = [], [], mpf(0)
        for j in range(count):
            if i == j:
                continue
            d = max(1 - mp.fsum(a * b for a, b in zip(p[i], p[j], strict=True)), mpf(0))
            same = labels[i] == labels[j]
            weight = scale * max(d + m, 0) if same else scale * max(1 + m - d, 0)
            exponent = weight * ((d - m) if same else (1 - m - d))
            slope = (
                (scale * (d - m) * int(d + m > 0) + weight)
                if same
                else -(scale * (1 - m - d) * int(1 + m - d > 0) + weight)
            )
            largest_exponent = max(largest_exponent, weight * (1 + d))
            (near if same else far).append((exponent, slope * int(d > 0), j))
        gradient = [[] for _ in range(count * len(p[0]))]
        if not (near and far):
            found.append(Exact([], gradient))
            continue
        sums = [mp.fsum(mp.exp(one[0]) for one in side) for side in (near, far)]
        total = mp.log(sums[0]) + mp.log(sums[1])
        outer = 1 / (1 + mp.exp(-total))
        for side, whole in zip((near, far), sums, strict=True):
            for exponent, slope, j in side:
                pull = -outer * mp.exp(exponent) / whole * slope
                for k, (a, b) in enumerate(zip(p[i], p[j], strict=True)):
                    gradient[i * len(p[0]) + k].append(pull * b)
                    gradient[j * len(p[0]) + k].append(pull * a)
        biggest = largest([one for terms in gradient for one in terms])
        found.append(
            Exact(
                [mp.log1p(mp.exp(total))],
                gradient,
                largest_exponent,
                [biggest * (1 + largest_exponent)] * len(gradient),
            )
        )
    return found


WHOLES = {"cosine_similarity": cosine_similarity, "dice": dice, "tversky": tversky, "ctc": ctc, "circle": circle}
