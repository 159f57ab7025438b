"""H17 in every cell: on an accelerator, pretended where there is none, no bit differs, nothing mixes devices and nothing waits.

The device is ``tests/pretend_device.py``; that it notices what it should is tested in ``tests/test_pretend_device.py``.
"""

from __future__ import annotations

import pytest
import torch

import torchweights as tw
from tests.device_cells import KNOWN_WAITS, ROWS, answered, fresh, outcome
from tests.hazards.catalogue import INPUTS, batch, built
from tests.pretend_device import NAME, watch, without
from tests.samples import Sample
from torchweights import precision

EVERY = pytest.mark.parametrize("sample", INPUTS, ids=str)
trap = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")


@EVERY
@pytest.mark.parametrize("row", ROWS)
@trap
def test_no_bit_differs_and_nothing_waits(sample: Sample, row: str, pretend: torch.device) -> None:
    wrong, computed, warm = [], 0, None
    for name, criterion, given, expected in answered(sample, row):
        if warm is not criterion:
            outcome(criterion, fresh(given, pretend))  # tables of class weights travel once
            warm = criterion
        moved = fresh(given, pretend)
        with watch() as seen:
            found = outcome(criterion, moved)
        computed += isinstance(expected, list)
        if found != expected:
            wrong.append(f"{name}: {found} where the CPU has {expected}")
        known = KNOWN_WAITS.get(sample.kind, set()) if isinstance(expected, list) else set()
        if set(seen.waits) != known or seen.uploads:
            wrong.append(f"{name}: waits for {seen.waits}, copies {seen.uploads}")
    assert not wrong, f"{len(wrong)} wrong:\n" + "\n".join(wrong[:8])
    assert computed


@EVERY
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_floats_differ_in_no_bit_either(sample: Sample, dtype: torch.dtype, pretend: torch.device) -> None:
    y_pred, y_true = batch(sample, {}, dtype)
    given = (y_pred, y_true, torch.tensor([0.5, 2.0, 0.0, 1.0]), torch.tensor([True, True, True, False]))
    criterion, moved = built(sample), fresh(given, pretend)
    outcome(criterion, fresh(given, pretend))  # tables travel once
    with watch() as seen:
        assert outcome(criterion, moved) == outcome(criterion, fresh(given, "cpu"))
    assert not seen.uploads and set(seen.waits) == KNOWN_WAITS.get(sample.kind, set())


# ------------------------------------------------------------------------------------------------ devices without float64


@EVERY
@pytest.mark.parametrize("row", ROWS)
@trap
def test_a_device_without_float64_will_do(
    sample: Sample, row: str, pretend: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "WITHOUT_FLOAT64", {NAME})
    for name, criterion, given, expected in answered(sample, row):
        criterion.cpu()  # forgets what it brought to the device before that lost a type
        with without(torch.float64):
            found = outcome(criterion, fresh(given, pretend))
        criterion.cpu()  # and what it brought while the type lacked: other tests share it
        assert isinstance(found, list) == isinstance(expected, list), f"{name}: {found}, on the CPU {expected}"


def test_a_criterion_moves_to_a_device_without_float64_and_back(
    pretend: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "WITHOUT_FLOAT64", {NAME})
    criterion = built(tw.SparseCategoricalCrossentropy, from_logits=True, class_weight={0: 0.1, 1: 0.7})
    with without(torch.float64):
        criterion.to(pretend)
        criterion(torch.zeros(2, 2, device=pretend), torch.tensor([0, 1], device=pretend))
    assert criterion.cpu().class_weight_values.tolist() == [0.1, 0.7]


@pytest.mark.negative_control
def test_arithmetic_in_float64_fails_where_there_is_none(pretend: torch.device) -> None:
    with without(torch.float64), pytest.raises(NotImplementedError, match="has no torch.float64"):
        torch.ones(2, device=pretend).double()
