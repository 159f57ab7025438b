"""H5: predictions are real numbers, targets that are NaN show, weights may be negative but are finite where they are stored (P5)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from tests.hazards.catalogue import INPUTS, PER_SAMPLE, built, given, given_total, slope, total, unchecked
from tests.samples import SAMPLES, Sample

NO_REALS = [torch.int64, torch.uint8, torch.bool, torch.complex64]


@pytest.mark.parametrize("kind", NO_REALS, ids=str)
@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_predictions_that_are_no_real_numbers_are_refused(sample: Sample, kind: torch.dtype) -> None:
    y_pred, y_true = given(sample)
    with pytest.raises(TypeError, match="y_pred expected floating point"):
        built(sample)(y_pred.detach().to(kind), y_true)


@pytest.mark.parametrize("kind", NO_REALS, ids=str)
def test_in_a_total_too(kind: torch.dtype) -> None:
    y, t = given_total()
    with pytest.raises(TypeError, match="y_pred expected floating point"):
        total()({**y, "b": y["b"].detach().to(kind)}, t)


@pytest.mark.parametrize("name", ["y_true", "sample_weight", "mask"])
@pytest.mark.parametrize("sample", PER_SAMPLE, ids=str)
def test_complex_numbers_are_refused_by_name(sample: Sample, name: str) -> None:
    y_pred, y_true = given(sample)
    call = {
        "y_true": y_true,
        name: torch.ones(y_true.shape if name == "y_true" else len(y_pred), dtype=torch.complex64),
    }
    with pytest.raises(TypeError, match=f"{name} expected real"):
        built(sample)(y_pred, **call)


@pytest.mark.parametrize("sample", [one for one in INPUTS if given(one)[1].is_floating_point()], ids=str)
def test_a_target_that_is_nan_and_included_shows(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    spoiled = y_true.clone()
    spoiled[0] = torch.nan
    for criterion in (built(sample), unchecked(sample)):
        assert criterion(y_pred, spoiled).isnan()


@pytest.mark.parametrize("sample", PER_SAMPLE, ids=str)
def test_a_negative_weight_pushes_the_other_way(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    criterion, weight = built(sample), torch.tensor([0.5, 2.0, 0.0, 1.0])
    loss, opposite = criterion(y_pred, y_true, weight), criterion(y_pred, y_true, -weight)
    assert torch.equal(opposite, -loss)
    assert torch.equal(slope(opposite, y_pred), -slope(loss, y_pred))


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -float("inf"), 10**400])
@pytest.mark.parametrize("sample", [one for one in SAMPLES if one.takes_class_weight], ids=str)
def test_stored_weights_that_are_not_finite_are_refused_where_they_are_given(sample: Sample, weight: float) -> None:
    for table in ([1.0, weight, 1.0], {0: 1.0, 1: weight, 2: 1.0}):
        with pytest.raises(ValueError, match="class_weight expected finite weights"):
            built(sample, class_weight=table)


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_loss_weights_that_are_not_finite_are_refused_where_they_are_given(weight: float) -> None:
    with pytest.raises(TypeError, match="loss_weights expected finite numbers"):
        total(loss_weights={"a": [1.0, 0.5], "b": weight})


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
@pytest.mark.parametrize("sample", PER_SAMPLE, ids=str)
def test_a_weight_that_is_given_with_the_call_shows(sample: Sample, weight: float) -> None:
    assert not built(sample)(*given(sample), torch.tensor([1.0, weight, 1.0, 1.0])).isfinite()


@pytest.mark.negative_control
def test_torch_fails_this() -> None:
    """A type it cannot compute is refused somewhere deep inside, a weight that is not finite nowhere, and NaN becomes a class."""
    wrong: Any = torch.ones(2, 3, dtype=torch.complex64)
    with pytest.raises((NotImplementedError, RuntimeError)) as refusal:
        F.mse_loss(wrong, wrong)
    assert "input" not in str(refusal.value) and "target" not in str(refusal.value)
    torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, torch.nan]))
    assert torch.tensor([torch.nan]).long() == -(2**63)
