"""``python -m parity_tests.accuracy``: how far the default row is from 50 digits, loss by loss; writes docs/accuracy.md.

An error is judged against the exact result of the very numbers that the float type holds:

- in ulp of the exact result, where what is added up does not cancel (no term is larger than twice the result), for
  losses above 0.001; a derivative too, unless it is less than 2^-24 of the largest in its sample;
- in eps of the largest term everywhere else, of 2^-24 where that is larger.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from mpmath import mpf
from torch import Tensor

import torchweights as tw
from parity_tests import accuracy_inputs as inputs
from parity_tests.exact import EXACT, Exact
from torchweights.losses.base import function_name

SEED = 20240607
SMALL = 1e-3
#: a value or derivative smaller than this, alone or beside the largest derivative of its sample, is judged as if of this size
FLOOR = 2.0**-24
#: what was promised: ulp of the value, ulp of the derivative, eps of the largest term of either
VALUE_ULP, GRADIENT_ULP, TERM_EPS = 4.0, 8.0, 4.0
DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "accuracy.md"


@dataclass(frozen=True)
class Case:
    """A loss with options, the batches it is asked, and whether the bounds in ulp were promised for it in float32."""

    kind: type[tw.WeightedLoss]
    make: inputs.Maker
    options: dict[str, Any] = field(default_factory=dict)
    sizes: tuple[int, ...] = (1, 2, 3, 10)
    promised: bool = False
    clips: bool = False

    @property
    def name(self) -> str:
        return {tw.KLDivergence: "kl_divergence"}.get(self.kind, function_name(self.kind))

    @property
    def says(self) -> str:
        return ", ".join(f"{key}={value}" for key, value in self.options.items() if key not in ("from_logits", "axis"))

    @property
    def criterion(self) -> tw.WeightedLoss:
        return self.kind(reduction="none", **self.options)


LOGITS, PROBABILITIES = {"from_logits": True}, {"from_logits": False}
CLASSES = (2, 3, 10, 100, 1000)
GAMMAS = (0.0, 0.5, 1.0, 2.0, 5.0)
CASES = [
    Case(tw.SparseCategoricalCrossentropy, inputs.logits_and_labels, LOGITS, CLASSES, True, True),
    Case(tw.SparseCategoricalCrossentropy, inputs.logits_and_labels, {**LOGITS, "label_smoothing": 0.1}, CLASSES, True, True),
    Case(tw.CategoricalCrossentropy, inputs.logits_and_one_hot, LOGITS, CLASSES, True, True),
    Case(tw.CategoricalCrossentropy, inputs.logits_and_soft, LOGITS, CLASSES, True, True),
    Case(tw.CategoricalCrossentropy, inputs.logits_and_one_hot, {**LOGITS, "label_smoothing": 0.1}, CLASSES, True, True),
    Case(tw.BinaryCrossentropy, inputs.logits_and_bits, LOGITS, (1, 2, 10, 1000), True, True),
    Case(tw.BinaryCrossentropy, inputs.logits_and_bits, {**LOGITS, "label_smoothing": 0.1}, (1, 2, 10, 1000), True, True),
    *[Case(tw.BinaryFocalCrossentropy, inputs.logits_and_bits, {**LOGITS, "gamma": g}, (1, 2, 10), True, True) for g in GAMMAS],
    *[Case(tw.CategoricalFocalCrossentropy, inputs.logits_and_one_hot, {**LOGITS, "gamma": g}, (2, 3, 10, 100), True, True) for g in GAMMAS],
    Case(tw.MeanSquaredError, inputs.numbers, {}, (1, 2, 3, 10, 1000), True),
    Case(tw.MeanAbsoluteError, inputs.numbers, {}, (1, 2, 3, 10, 1000), True),
    Case(tw.Huber, inputs.numbers, {}, (1, 2, 3, 10, 1000), True),
    Case(tw.Huber, inputs.numbers, {"delta": 0.7}, (1, 2, 3, 10, 1000), True),
    Case(tw.SparseCategoricalCrossentropy, inputs.distributions_and_labels, PROBABILITIES, (2, 3, 10), clips=True),
    Case(tw.CategoricalCrossentropy, inputs.distributions_and_one_hot, PROBABILITIES, (2, 3, 10), clips=True),
    Case(tw.BinaryCrossentropy, inputs.probabilities_and_bits, PROBABILITIES, (1, 2, 3), clips=True),
    Case(tw.BinaryFocalCrossentropy, inputs.probabilities_and_bits, {**PROBABILITIES, "gamma": 2.0}, (1, 2, 3), clips=True),
    Case(tw.CategoricalFocalCrossentropy, inputs.distributions_and_one_hot, {**PROBABILITIES, "gamma": 2.0}, (2, 3, 10), clips=True),
    Case(tw.CategoricalGeneralizedCrossEntropy, inputs.distributions_and_labels, {}, (2, 3, 10)),
    Case(tw.KLDivergence, inputs.distributions, {}, (2, 3, 10), clips=True),
    Case(tw.MeanAbsolutePercentageError, inputs.numbers, {}, clips=True),
    Case(tw.MeanSquaredLogarithmicError, inputs.counts, {}, clips=True),
    Case(tw.LogCosh, inputs.numbers, {}),
    Case(tw.Poisson, inputs.counts, {}, clips=True),
    Case(tw.Hinge, inputs.numbers_and_signs, {}),
    Case(tw.SquaredHinge, inputs.numbers_and_signs, {}),
    Case(tw.CategoricalHinge, inputs.numbers_and_one_hot, {}, (2, 3, 10)),
    Case(tw.CosineSimilarity, inputs.numbers, {}, (2, 3, 10)),
    Case(tw.Dice, inputs.probabilities_and_bits, {"axis": -1}, (2, 3, 10), clips=True),
    Case(tw.Tversky, inputs.probabilities_and_bits, {"axis": -1, "alpha": 0.3, "beta": 0.7}, (2, 3, 10), clips=True),
    Case(tw.CTC, inputs.sequences, {}, (4,)),
    Case(tw.Circle, inputs.embeddings, {}, (3, 8)),
]  # fmt: skip

# ------------------------------------------------------------------------------------------------------------ one batch


def ulp(number: float, dtype: torch.dtype) -> float:
    """The distance of floats at a number of that size."""
    info = torch.finfo(dtype)
    return info.eps * 2.0 ** (math.frexp(max(abs(number), info.tiny))[1] - 1)


@dataclass
class Worst:
    """The largest errors of a case: ``value`` and ``gradient`` in ulp, the others in eps of the largest term."""

    value: float = 0.0
    gradient: float = 0.0
    value_term: float = 0.0
    gradient_term: float = 0.0
    samples: int = 0

    def note(self, part: str, found: float, exact: Any, scale: Any, sharp: bool, dtype: torch.dtype) -> None:
        error = abs(mpf(found) - exact) if math.isfinite(found) else math.inf
        info = torch.finfo(dtype)
        if sharp:
            setattr(self, part, max(getattr(self, part), float(error / ulp(float(exact), dtype))))
        else:
            unit = info.eps * max(float(scale), FLOOR)
            setattr(self, f"{part}_term", max(getattr(self, f"{part}_term"), float(error / unit)))


def _numbers(tensor: Tensor) -> Any:
    def deep(one: Any) -> Any:
        return [deep(part) for part in one] if isinstance(one, list) else mpf(one)

    return deep(tensor.double().tolist())


def exact_of(case: Case, y_pred: Tensor, y_true: Tensor) -> tuple[list[Exact], list[Any], list[Any]]:
    """The exact values of a batch, its derivatives and their largest terms, flat."""
    # A clip is part of the definition, and stands where the float type can put it.
    edges = {"low": 1e-7, "high": 1 - 1e-7} if case.clips else {}
    edges = {
        key: mpf(torch.tensor(edge, dtype=tw.functional.at_least_float32(y_pred).dtype).item())
        for key, edge in edges.items()
    }
    options = {key: value for key, value in case.options.items() if key != "axis"}
    targets = _numbers(y_true) if y_true.is_floating_point() else y_true.tolist()
    formula = EXACT[case.name]
    if case.kind is tw.Circle:
        values = formula(_numbers(y_pred), targets, **options)
        parts = [[one.derivatives[k] for one in values] for k in range(y_pred.numel())]
        return (
            values,
            [sum(part) for part in parts],
            [max(one.scales[k] for one in values) for k in range(y_pred.numel())],
        )
    values = [formula(p, t, **options, **edges) for p, t in zip(_numbers(y_pred), targets, strict=True)]
    return values, [d for one in values for d in one.derivatives], [s for one in values for s in one.scales]


def measure(
    case: Case, batch: inputs.Batch, dtype: torch.dtype, worst: Worst, criterion: Callable[..., Tensor] | None = None
) -> None:
    """Add the errors of a batch to the worst so far."""
    y_pred = batch[0].to(dtype).clone().requires_grad_()
    y_true = batch[1].to(tw.functional.at_least_float32(y_pred).dtype) if batch[1].is_floating_point() else batch[1]
    values = (criterion or case.criterion)(y_pred, y_true)
    (gradient,) = torch.autograd.grad(values.sum(), y_pred)
    exact, derivatives, scales = exact_of(case, y_pred.detach(), y_true)
    found = gradient.double().flatten().tolist()
    per_sample = y_pred.numel() // len(exact)
    biggest_of_all = max((abs(d) for d in derivatives), default=mpf(0))
    for row, (value, one) in enumerate(zip(values.detach().double().tolist(), exact, strict=True)):
        loses = abs(one.value) > SMALL
        worst.note("value", value, one.value, one.scale, bool(loses and one.scale <= 2 * abs(one.value)), values.dtype)
        mine = slice(row * per_sample, (row + 1) * per_sample)
        biggest = biggest_of_all if case.kind is tw.Circle else max(abs(d) for d in derivatives[mine])
        for f, d, s in zip(found[mine], derivatives[mine], scales[mine], strict=True):
            scale = max(s, biggest * FLOOR)
            worst.note("gradient", f, d, scale, bool(loses and d and scale <= 2 * abs(d)), dtype)
        worst.samples += 1


def batches(case: Case, rows: int, seed: int = SEED) -> Iterator[inputs.Batch]:
    """The same numbers for every float type."""
    generator = torch.Generator().manual_seed(seed)
    for size in case.sizes:
        yield from case.make(max(rows // max(size // 4, 1), 2), size, generator)


def worst_of(case: Case, dtype: torch.dtype, rows: int, criterion: Callable[..., Tensor] | None = None) -> Worst:
    """The worst of a case over all its batches."""
    worst = Worst()
    for batch in batches(case, rows):
        measure(case, batch, dtype, worst, criterion)
    return worst


# ------------------------------------------------------------------------------------------------------------ the table

COLUMNS = ("loss", "predictions", "options", "float type", "samples", "value, ulp", "value, eps of largest term", "gradient, ulp", "gradient, eps of largest term")  # fmt: skip
INTRODUCTION = """# How exact the default row is

Written by `python -m parity_tests.accuracy`, which measures the row `torchweights` on a CPU against formulas written a second
time in 50 digits (`parity_tests/exact`, mpmath, no torch). Rows of Keras are not here: they are judged against Keras.

Each figure is the largest error over random and hard inputs (saturated, tied, tiny, near 0 and 1, up to 1000 classes), at
exactly the numbers that the float type holds; options are the numbers as given, but the clip of probabilities stands
where the float type can put it. An error counts

- in **ulp** of the exact result, for losses above 0.001, where what is added up does not cancel: no term is larger than
  twice the result. A derivative is left out that is less than 2^-24 of the largest of its sample;
- in **eps of the largest term** (2^-23 of it in float32) everywhere else: small losses, and differences of large terms; of
  2^-24 where that is larger.

Promised for float32: cross-entropies and focals from logits, mse, mae and huber (bold) at most 4 ulp in the value and 8 ulp in
the gradient, all else within 4 eps of the largest term. Half precision is computed in float32, so that its values are as
exact; its gradients are rounded to half once more. float64 is held to no bound in ulp where the digits come from float64.

For this the default row has better formulas than the releases (`precise=True` in `torchweights.functional`): cross-entropy at
a label is ln(1 + the sum of the other classes' e^(z_j - z_y)), a binary one ln(1 + e^t), t the logit as it speaks against the
nearer label; categorical cross-entropy and focal losses, their label smoothing, the power in binary focal losses and cosine
similarity are computed in float64 and rounded once, but on devices without float64 (mps), where they keep what digits float32
has; means are of sums added up in float64, else in pairs.
"""


def float_types(case: Case) -> list[torch.dtype]:
    """Half precision only where it says more than float32: it is computed in it."""
    return [torch.float32, torch.float64, *([torch.bfloat16] if case.promised else [])]


def says(case: Case) -> str:
    """What tells a case from the others of its loss."""
    return "soft targets" if case.make is inputs.logits_and_soft else case.says


def _cells(case: Case, dtype: torch.dtype, worst: Worst) -> tuple[str, ...]:
    name = f"**{case.name}**" if case.promised else case.name
    kind = {True: "logits", False: "probabilities", None: ""}[case.options.get("from_logits")]
    errors = (worst.value, worst.value_term, worst.gradient, worst.gradient_term)
    return (
        name,
        kind,
        says(case),
        str(dtype).removeprefix("torch."),
        str(worst.samples),
        *(f"{e:.2f}" for e in errors),
    )


def table(rows: int, cases: Sequence[Case] = CASES) -> Iterator[str]:
    """The table as Markdown, line by line."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|" + "---|" * len(COLUMNS)
    for case in cases:
        for dtype in float_types(case):
            yield f"| {' | '.join(_cells(case, dtype, worst_of(case, dtype, rows)))} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write docs/accuracy.md."""
    parser = argparse.ArgumentParser(prog="python -m parity_tests.accuracy", description=__doc__)
    parser.add_argument("--rows", type=int, default=60, help="samples of each kind of input and size (60)")
    parser.add_argument("--print-only", action="store_true", help="leave docs/accuracy.md as it is")
    chosen = parser.parse_args(arguments)
    lines = []
    for line in table(chosen.rows):
        lines.append(line)
        print(line)
        sys.stdout.flush()
    if not chosen.print_only:
        DOCUMENT.write_text(INTRODUCTION + "\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
