"""Figures for a table of reliability: each function asks the catalogue far more often than the tests do, and returns what failed.

>>> waits(rows=["torchweights"]).failures
[]
"""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import json
import pickle
import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

import torchweights as tw
from tests.device_cells import ROWS as KINDS_OF_ARITHMETIC
from tests.device_cells import class_weights, fresh, outcome, variants
from tests.hazards.catalogue import (
    INPUTS,
    PER_SAMPLE,
    N,
    batch,
    built,
    given,
    given_total,
    on_path,
    slope,
    total,
    unchecked,
    unchecked_total,
)
from tests.hazards.poison import BAD_LABELS, EXCLUSIONS, ONLY_GRADIENT, OUT, POISON, REDUCTIONS, TRANSFORMS, changed
from tests.hazards.test_h06_half_precision import a_million_pixels, off_by
from tests.samples import DIVIDING, ROWS, SAMPLES, Sample, beside
from tests.watching import HALVES, Waits


@dataclass
class Measure:
    """How many cases were asked, what those that failed are called, and the worst error where errors have a size."""

    cases: int = 0
    failures: list[str] = field(default_factory=list)
    worst: float | None = None

    def note(self, name: str, wrong: bool, cases: int = 1) -> None:
        self.cases += cases
        self.failures += [name] if wrong else []


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """One thread, for tensors are tiny; traps of the rows are known."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_num_threads(threads)


def shuffled(*choices: Any, seed: int = 0) -> list[tuple[Any, ...]]:
    """All combinations, so that the first of them say something about all."""
    found = list(itertools.product(*choices))
    random.Random(seed).shuffle(found)
    return found


def poisons(at_least: int) -> Measure:
    """H1: losses x reductions x exclusions x transformations x poisons, on batches drawn anew in every round; bits that changed."""
    measure, pairs = Measure(), list(zip(POISON, BAD_LABELS, strict=True))
    with quietly():
        for seed in itertools.count():
            for sample, reduction, how, transform in shuffled(
                PER_SAMPLE, REDUCTIONS, EXCLUSIONS, TRANSFORMS, seed=seed
            ):
                if measure.cases >= at_least:
                    return measure
                if transform != "gradient" and sample.name in ONLY_GRADIENT:
                    continue
                criterion = unchecked(sample, reduction=reduction)
                found = changed(criterion, *given(sample, seed=seed), EXCLUSIONS[how], transform, pairs)
                measure.cases += len(pairs)
                measure.failures += [f"{sample}, {reduction}, {how}, {transform}, batch {seed}: {one}" for one in found]
    raise AssertionError("batches never end")


# ------------------------------------------------------------------------------------------------------------- nothing left

#: what is beside a batch of which nothing is left, for values of a shape
NOTHING: dict[str, Callable[[Tensor], dict[str, Tensor]]] = {
    "all masked": lambda values: {"mask": torch.zeros(N, dtype=torch.bool)},
    "all weights 0": lambda values: {"sample_weight": torch.zeros(N)},
    "every value masked": lambda values: {"mask": torch.zeros(values.shape, dtype=torch.bool)},
    "every weight 0": lambda values: {"sample_weight": torch.zeros(values.shape)},
    "some masked, the others of weight 0": lambda values: {"mask": OUT, "sample_weight": OUT.logical_not().float()},
    "an empty batch": lambda values: {},
}
TYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def _options(sample: Sample) -> list[dict[str, Any]]:
    """What else a criterion is built with: nothing, and class weights where it takes them."""
    return [{}, {"class_weight": class_weights(sample)}] if sample in SAMPLES and sample.takes_class_weight else [{}]


def nothing_left() -> Measure:
    """H2: losses x class weights x reductions x what leaves nothing x float types; losses that are not 0, gradients None or not 0."""
    measure = Measure()
    with quietly():
        for sample, reduction, dtype in itertools.product(PER_SAMPLE, DIVIDING, TYPES):
            y_pred, y_true = given(sample, dtype)
            values = built(sample, reduction="none")(y_pred, y_true)
            for options, nothing in itertools.product(_options(sample), NOTHING):
                rows = 0 if nothing == "an empty batch" else N
                p = y_pred.detach()[:rows].requires_grad_()
                loss = built(sample, reduction=reduction, **options)(p, y_true[:rows], **NOTHING[nothing](values))
                measure.note(f"{sample}, {[*options]}, {reduction}, {nothing}, {dtype}", something_left(loss, p))
        for nothing in ("all masked", "all weights 0"):
            y, t = given_total()
            beside = {name: {"a": one, "b": one} for name, one in NOTHING[nothing](torch.zeros(N)).items()}
            loss = total(penalties=[])(y, t, **beside)
            measure.note(f"a total, {nothing}", any(something_left(loss, p) for p in y.values()))
    return measure


def something_left(loss: Tensor, y_pred: Tensor) -> bool:
    """A loss that is not 0, or no gradient of zeros."""
    (found,) = torch.autograd.grad(loss, y_pred, retain_graph=True, allow_unused=True)
    return bool(loss != 0) or found is None or not torch.equal(found, torch.zeros_like(found))


# -------------------------------------------------------------------------------------------------------- state and copies


def _stored(criterion: Any) -> Any:
    file = io.BytesIO()
    torch.save(criterion, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


#: where a criterion goes, and what comes back
ROUND_TRIPS: dict[str, Callable[[Any], Any]] = {
    **{f"pickle, protocol {p}": lambda one, p=p: pickle.loads(pickle.dumps(one, p)) for p in (2, 3, 4, 5)},
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "JSON": lambda one: on_path(type(one).from_config(json.loads(json.dumps(one.get_config())))),
    "torch.save": _stored,
    **{cast: lambda one, cast=cast: getattr(copy.deepcopy(one), cast)() for cast in ("half", "bfloat16", "double")},
    "half, then float": lambda one: copy.deepcopy(one).half().float(),
}


def state_round_trips(at_least: int) -> Measure:
    """H8, H18, H19: losses x rows x options x round trips; a changed bit of loss or gradient, another text, or a state_dict()."""
    measure = Measure()
    named = [one for one in INPUTS if one.name != "function"]
    with quietly():
        for seed in itertools.count():
            for sample, row in shuffled(named, KINDS_OF_ARITHMETIC, seed=seed):
                for options in variants(sample, row):
                    if measure.cases >= at_least:
                        return measure
                    with contextlib.suppress(ValueError, TypeError):  # options that the row refuses
                        _round_trips(measure, sample, row, options, seed)
    raise AssertionError("batches never end")


def _round_trips(measure: Measure, sample: Sample, row: str, options: dict[str, Any], seed: int) -> None:
    criterion = built(sample, semantics=row, **options)
    call = (*batch(sample, options, seed=seed), None, None)
    expected, text = outcome(criterion, fresh(call, "cpu")), repr(criterion)
    for name, round_trip in ROUND_TRIPS.items():
        other = round_trip(criterion)
        same = outcome(other, fresh(call, "cpu")) == expected and repr(other) == text and other.state_dict() == {}
        measure.note(f"{sample}, {row}, {options}, {name}", not same)


# ---------------------------------------------------------------------------------------------------------- waits, autocast


def waits(rows: list[str] = ROWS) -> Measure:
    """H23: losses x rows, forward and backward, weighed and masked; the operators for whose answer the host waits."""
    measure = Measure()
    with quietly():
        for sample, row in itertools.product(INPUTS, rows):
            criterion = unchecked(sample, semantics=row)
            y_pred, y_true = given(sample)
            more = beside(criterion, y_pred) if sample in PER_SAMPLE else {}
            with Waits() as seen:
                try:
                    slope(criterion(y_pred, y_true, **more), y_pred)
                except (ValueError, TypeError):
                    continue  # that row refuses the call
            measure.note(f"{sample}, {row}: {seen.seen}", bool(seen.seen))
        y, t = given_total()
        criterion = unchecked_total()
        with Waits() as seen:
            torch.autograd.grad(criterion(y, t), list(y.values()))
        measure.note(f"a total: {seen.seen}", bool(seen.seen))
    return measure


def autocast_bits() -> Measure:
    """H6, H7: losses x half types, inside and outside of autocast, values and gradients; ``worst`` in ulp of float32 over 2^20 pixels."""
    measure = Measure(worst=0.0)
    with quietly():
        for sample, half, dtype in itertools.product(INPUTS, HALVES, [torch.float32, *HALVES]):
            y_pred, y_true = given(sample, dtype)
            criterion = built(sample) if dtype == torch.float32 else unchecked(sample)
            outside = criterion(y_pred, y_true)
            with torch.autocast("cpu", dtype=half):
                inside = criterion(y_pred, y_true)
            same = torch.equal(inside, outside) and torch.equal(slope(inside, y_pred), slope(outside, y_pred))
            measure.note(f"{sample}, {dtype}, autocast to {half}", not same)
    for half in HALVES:
        y_pred, y_true = a_million_pixels(half)
        criterion = built(tw.SparseCategoricalCrossentropy, from_logits=True)
        off = off_by(criterion(y_pred, y_true), criterion(y_pred.double(), y_true))
        measure.worst = max(measure.worst or 0.0, off / torch.finfo(torch.float32).eps)
    return measure
