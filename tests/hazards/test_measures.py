"""The figures count what they say, find nothing wrong in a little of it, and find what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.hazards import measures
from tests.hazards.catalogue import PER_SAMPLE
from tests.samples import BY_NAME


def wrong(p: Tensor, t: Tensor, sample_weight: Any = None, mask: Any = None) -> Tensor:
    """A mean of squares that multiplies by its mask, divides by nothing, waits, and leaves its precision to autocast."""
    weight = torch.ones(len(p)) if sample_weight is None else sample_weight
    weight = weight if mask is None else weight * mask
    float(p.detach().sum())
    values = torch.matmul(p - t, (p - t).T).diagonal()
    return (values * weight).sum() / weight.sum()


def test_few_poisons() -> None:
    found = measures.poisons(300)
    assert found.cases == 300 and not found.failures


def test_all_that_leaves_nothing() -> None:
    found = measures.nothing_left()
    assert found.cases > 3000 and not found.failures


def test_few_round_trips() -> None:
    found = measures.state_round_trips(300)
    assert 300 <= found.cases < 300 + len(measures.ROUND_TRIPS) and not found.failures


def test_waits_of_two_rows() -> None:
    found = measures.waits(["torchweights", "keras3.15"])
    assert found.cases > 2 * len(PER_SAMPLE) and not found.failures


def test_autocast_and_a_million_pixels() -> None:
    found = measures.autocast_bits()
    assert found.cases > 200 and not found.failures
    assert found.worst is not None and 0 < found.worst <= 2


@pytest.mark.negative_control
def test_what_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = BY_NAME["mse"]
    for name in ("PER_SAMPLE", "INPUTS"):
        monkeypatch.setattr(measures, name, [sample])
    for name in ("built", "unchecked"):
        monkeypatch.setattr(measures, name, lambda kind, **options: wrong)
    monkeypatch.setattr(measures, "beside", lambda criterion, y_pred: {})
    monkeypatch.setattr(measures, "off_by", lambda found, expected: 1.0)
    monkeypatch.setattr(measures, "a_million_pixels", lambda half: (torch.ones(2, 3), torch.ones(2, 3)))
    assert measures.poisons(20).failures
    assert [one for one in measures.nothing_left().failures if "mse" in one]
    assert measures.waits(["torchweights"]).failures
    autocast = measures.autocast_bits()
    assert autocast.failures and autocast.worst is not None and autocast.worst > 2


@pytest.mark.negative_control
def test_what_comes_back_changed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    trips = {"with another reduction": lambda one: type(one)(reduction="sum"), "as it was": lambda one: one}
    monkeypatch.setattr(measures, "ROUND_TRIPS", trips)
    monkeypatch.setattr(measures, "INPUTS", [BY_NAME["mse"]])
    found = measures.state_round_trips(20)
    assert found.failures and all("with another reduction" in one for one in found.failures)
