"""The default row against 50 digits: the promised bounds, the formulas' own derivatives, and that all of it can fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from mpmath import mp, mpf
from torch import Tensor

import torchweights as tw
from parity_tests import accuracy
from parity_tests.accuracy import CASES, GRADIENT_ULP, TERM_EPS, VALUE_ULP, Case, Worst, batches, exact_of, worst_of
from parity_tests.exact import EXACT
from torchweights.parity.replay import CRITERIA

F = tw.functional
ROWS = 2
EVERY = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.make.__name__}-{case.says}")


def broken(worst: Worst, promised: bool) -> list[str]:
    """The bounds that do not hold."""
    bounds = {"value_term": TERM_EPS, "gradient_term": TERM_EPS}
    if promised:
        bounds |= {"value": VALUE_ULP, "gradient": GRADIENT_ULP}
    return [
        f"{part}: {getattr(worst, part):.3g}" for part, bound in bounds.items() if not getattr(worst, part) <= bound
    ]


@EVERY
def test_the_default_row_keeps_its_bounds_in_float32(case: Case) -> None:
    worst = worst_of(case, torch.float32, ROWS)
    assert worst.samples and not broken(worst, case.promised)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.promised][::9], ids=lambda case: f"{case.name}-{case.says}"
)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_as_exact_and_its_gradient_is_rounded_once_more(case: Case, dtype: torch.dtype) -> None:
    worst = worst_of(case, dtype, ROWS)
    assert worst.value <= VALUE_ULP and worst.gradient <= 0.51


def test_sparse_crossentropy_keeps_its_bounds_in_float64() -> None:
    assert not broken(worst_of(CASES[0], torch.float64, ROWS), True)


def test_every_loss_of_keras_has_a_formula_and_a_case() -> None:
    assert {case.name for case in CASES} == set(EXACT)
    assert {case.kind for case in CASES} == set(CRITERIA.values())


# ------------------------------------------------------------------------------------------- the formulas' own derivatives


@EVERY
def test_derivatives_are_those_of_the_value(case: Case) -> None:
    """By 50-digit differences, so that value and derivative cannot be wrong apart."""
    y_pred, y_true = next(batches(case, ROWS))
    y_pred = y_pred[:1] if case.kind is not tw.Circle else y_pred
    y_true = y_true[:1] if case.kind is not tw.Circle else y_true
    _, derivatives, _ = exact_of(case, y_pred, y_true)
    for place in range(min(y_pred.numel(), 6)):
        at = mpf(y_pred.flatten()[place].item())

        def value(moved: Any, place: int = place) -> Any:
            with mp.workdps(50):
                return mp.fsum(one.value for one in exact_at(case, y_pred, y_true, place, moved))

        step = mpf(10) ** -15
        slope = (value(at + step) - value(at - step)) / (2 * step)
        assert abs(slope - derivatives[place]) <= mpf(10) ** -20 * (1 + abs(slope))


def exact_at(case: Case, y_pred: Tensor, y_true: Tensor, place: int, moved: Any) -> Any:
    """The exact values with one prediction moved to a number that no tensor holds."""
    seen: list[int] = []

    def numbers(tensor: Tensor) -> Any:
        def deep(one: Any) -> Any:
            if isinstance(one, list):
                return [deep(part) for part in one]
            seen.append(0)
            return moved if tensor is y_pred and len(seen) - 1 == place else mpf(one)

        seen.clear()
        return deep(tensor.double().tolist())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accuracy, "_numbers", numbers)
        return exact_of(case, y_pred, y_true)[0]


# ------------------------------------------------------------------------------------------------------------- it can fail


def _by_log_softmax(y_pred: Tensor, y_true: Tensor) -> Tensor:
    return F.sparse_categorical_crossentropy(y_pred, y_true, from_logits=True)


def _expanded_square(y_pred: Tensor, y_true: Tensor) -> Tensor:
    return (y_pred.square() - 2 * y_pred * y_true + y_true.square()).mean(-1)


def _focal_in_float32(y_pred: Tensor, y_true: Tensor) -> Tensor:
    return F.binary_focal_crossentropy(y_pred, y_true, from_logits=True, gamma=5.0)


def _wrong_by_a_hair(y_pred: Tensor, y_true: Tensor) -> Tensor:
    return F.log_cosh(y_pred, y_true) * (1 + 1e-5)


def _wrong_gradient(y_pred: Tensor, y_true: Tensor) -> Tensor:
    values = F.mean_absolute_error(y_pred, y_true, precise=True)
    return values + 1e-5 * (y_pred - y_pred.detach()).mean(-1)


def _nan(y_pred: Tensor, y_true: Tensor) -> Tensor:
    return F.poisson(y_pred, y_true) * torch.nan


def _case(kind: type, **options: Any) -> Case:
    return next(case for case in CASES if case.kind is kind and options.items() <= case.options.items())


@pytest.mark.parametrize(
    ("case", "spoiled"),
    [
        (CASES[0], _by_log_softmax), (_case(tw.MeanSquaredError), _expanded_square),
        (_case(tw.BinaryFocalCrossentropy, gamma=5.0), _focal_in_float32), (_case(tw.LogCosh), _wrong_by_a_hair),
        (_case(tw.MeanAbsoluteError), _wrong_gradient), (_case(tw.Poisson), _nan),
    ],
)  # fmt: skip
def test_a_worse_formula_is_noticed(case: Case, spoiled: Callable[..., Tensor]) -> None:
    assert broken(worst_of(case, torch.float32, 8, spoiled), case.promised)


# ------------------------------------------------------------------------------------------------------------ the document


def test_the_document_is_what_the_command_writes() -> None:
    text = accuracy.DOCUMENT.read_text()
    assert text.startswith(accuracy.INTRODUCTION)
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")][2:]
    said = [(row[0].strip("*"), row[2], row[3]) for row in rows]
    asked = [(case, str(dtype).removeprefix("torch.")) for case in CASES for dtype in accuracy.float_types(case)]
    assert said == [(case.name, accuracy.says(case), name) for case, name in asked]
    for row, (case, name) in zip(rows, asked, strict=True):
        worst = Worst(*(float(row[column]) for column in (5, 7, 6, 8)), samples=int(row[4]))
        assert name != "float32" or not broken(worst, case.promised), row
