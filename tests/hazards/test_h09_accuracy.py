"""H9: losses and gradients are exact to a few ulp against 50 digits, confident predictions included (P9).

Measured in full by ``python -m parity_tests.accuracy`` and held case by case in ``parity_tests/test_accuracy.py``.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import torchweights as tw
from tests.hazards.catalogue import built

mpmath = pytest.importorskip("mpmath")
from parity_tests.accuracy import CASES, GRADIENT_ULP, TERM_EPS, VALUE_ULP, Case, Worst, measure, worst_of  # noqa: E402


def held(case: Case, worst: Worst) -> bool:
    """What was promised: ulp where they say something, eps of the largest term for all."""
    in_ulp = not case.promised or (worst.value <= VALUE_ULP and worst.gradient <= GRADIENT_ULP)
    return in_ulp and worst.value_term <= TERM_EPS and worst.gradient_term <= TERM_EPS


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.make.__name__}-{case.says}")
def test_hard_inputs_within_the_promised_ulp(case: Case) -> None:
    few = replace(case, sizes=tuple(size for size in case.sizes if size <= 10))
    worst = worst_of(few, torch.float32, 1, built(case.kind, reduction="none", **case.options))
    assert worst.samples and held(case, worst)


def confident() -> tuple[Tensor, Tensor]:
    """Logits so sure of the right class that the loss is the difference of two numbers around 10, or nearly nothing."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (64,), generator=generator)
    logits = torch.randn(64, 3, generator=generator) + torch.linspace(4, 40, 64)[:, None] * F.one_hot(labels, 3)
    return logits, labels


def worst_ulp(losses: Tensor, logits: Tensor, labels: Tensor) -> float:
    """The largest relative error, in ulp of the exact loss, however small that is."""
    mpmath.mp.dps = 50
    worst = 0.0
    for loss, row, label in zip(losses.tolist(), logits.tolist(), labels.tolist(), strict=True):
        exact = mpmath.log1p(sum(mpmath.exp(mpmath.mpf(z) - row[label]) for j, z in enumerate(row) if j != label))
        worst = max(worst, float(abs(loss - exact) / exact) / torch.finfo(torch.float32).eps)
    return worst


def test_confident_logits_keep_their_digits() -> None:
    logits, labels = confident()
    losses = built(tw.SparseCategoricalCrossentropy, from_logits=True, reduction="none")(logits, labels)
    assert worst_ulp(losses, logits, labels) <= 20, (
        "a difference of logits is rounded at 40, half an ulp of it is 20 of the loss"
    )


def test_a_total_keeps_them_too() -> None:
    logits, labels = confident()
    sparse = built(tw.SparseCategoricalCrossentropy, from_logits=True)
    total = built(tw.CompiledLoss, {"a": sparse, "b": sparse}, loss_weights={"a": 0.5, "b": 0.5})
    one, label = logits[:1], labels[:1]
    assert worst_ulp(total({"a": one, "b": one}, {"a": label, "b": label})[None], one, label) <= 20


@pytest.mark.negative_control
def test_cross_entropy_of_torch_fails_this() -> None:
    logits, labels = confident()
    assert worst_ulp(F.cross_entropy(logits, labels, reduction="none"), logits, labels) > 1e6


@pytest.mark.negative_control
def test_a_formula_of_one_clip_fails_this() -> None:
    """The bounds in ulp see a loss that is computed from probabilities."""
    case = CASES[0]
    worst = Worst()
    logits, labels = confident()
    measure(case, (logits, labels), torch.float32, worst, lambda p, t: F.nll_loss(p.softmax(-1).log(), t, reduction="none"))  # fmt: skip
    assert not held(case, worst)
