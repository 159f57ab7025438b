"""H11: a label out of range is refused by name where looking costs no wait, and makes its row NaN elsewhere; it is no other class (P11)."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import torchweights as tw
from tests.devices import DEVICES
from tests.hazards.catalogue import built, given, given_total, slope, total, unchecked, unchecked_total
from tests.pretend_device import numbers, watch
from tests.samples import BY_NAME, Sample
from tests.watching import NothingWaits

BAD = [-(2**63), -101, -1, 3, 4, 2**63 - 1]
Y = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
CRITERIA: dict[str, Any] = {
    "crossentropy": lambda **more: built(tw.SparseCategoricalCrossentropy, from_logits=True, **more),
    "weighted by class": lambda **more: built(tw.SparseCategoricalCrossentropy, from_logits=True, class_weight=[1.0, 2.0, 3.0], **more),
    "expected cost": lambda **more: built(tw.ExpectedCost, 1 - torch.eye(3), indexing="true_pred", from_logits=True, **more),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", CRITERIA)
def test_a_label_out_of_range_is_refused_and_named(name: str, bad: int) -> None:
    with pytest.raises(ValueError, match=rf"y_true expected .*; received {bad} at \(2,\)"):
        CRITERIA[name]()(Y, torch.tensor([0, 1, bad, 2]))


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", CRITERIA)
def test_unchecked_its_row_is_nan_and_no_other(name: str, bad: int) -> None:
    """TensorFlow's contract for GPUs: no assert that kills the context, no class at the other end, no waiting."""
    criterion, labels = CRITERIA[name](validate=False, reduction="none"), torch.tensor([0, 1, bad, 2])
    with NothingWaits():
        found = criterion(Y, labels)
    assert found.isnan().tolist() == [False, False, True, False]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", CRITERIA)
def test_unless_it_is_left_out(name: str, bad: int) -> None:
    criterion, mask = CRITERIA[name](), torch.tensor([True, True, False, True])
    assert criterion(Y, torch.tensor([0, 1, bad, 2]), mask=mask) == criterion(Y, torch.tensor([0, 1, 0, 2]), mask=mask)


WITH_LABELS = [BY_NAME[name] for name in ("generalized", "sparse", "sparse logits", "sparse logits per pixel", "expected cost")]  # fmt: skip
#: labels that the types of the pretend device and of compilers hold
LABELS = pytest.mark.parametrize("bad", BAD)


@LABELS
@pytest.mark.parametrize("sample", WITH_LABELS, ids=str)
def test_every_loss_of_labels_refuses_it_or_makes_it_nan(sample: Sample, bad: int) -> None:
    y_pred, y_true = given(sample)
    y_true[2] = bad
    with pytest.raises(ValueError, match=rf"y_true expected .*; received {bad} at"):
        built(sample)(y_pred, y_true)
    found = unchecked(sample, reduction="none")(y_pred, y_true)
    assert found[[0, 1, 3]].isfinite().all() and found[2].isnan().all()
    assert slope(found[[0, 1, 3]].sum(), y_pred)[[0, 1, 3]].isfinite().all()


@LABELS
@pytest.mark.parametrize("name", CRITERIA)
def test_compiled_its_row_is_nan(name: str, bad: int) -> None:
    """Without ``validate``, which looks on the CPU alone and never in what is compiled."""
    torch._dynamo.reset()
    compiled = torch.compile(CRITERIA[name](reduction="none"), backend="eager", fullgraph=True)
    found = compiled(Y, torch.tensor([0, 1, bad, 2]))
    assert found.isnan().tolist() == [False, False, True, False]


@LABELS
@pytest.mark.parametrize("name", CRITERIA)
def test_on_a_device_its_row_is_nan(name: str, bad: int, pretend: torch.device) -> None:
    criterion, moved = CRITERIA[name](reduction="none"), (Y.to(pretend), torch.tensor([0, 1, bad, 2]).to(pretend))
    criterion(*moved)  # tables travel once
    with watch() as seen:
        found = criterion(*moved)
    assert not (seen.waits or seen.uploads)
    assert numbers(found).isnan().tolist() == [False, False, True, False]


@LABELS
@pytest.mark.parametrize("device", DEVICES[1:])
@pytest.mark.parametrize("name", CRITERIA)
def test_on_cuda_its_row_is_nan(name: str, device: str, bad: int) -> None:
    found = CRITERIA[name](reduction="none")(Y.to(device), torch.tensor([0, 1, bad, 2], device=device))
    assert found.isnan().tolist() == [False, False, True, False]


@LABELS
def test_a_total_refuses_it_or_is_nan(bad: int) -> None:
    y, t = given_total()
    t["b"][2] = bad
    with pytest.raises(ValueError, match=rf"y_true expected .*; received {bad} at \(2,\)"):
        total()(y, t)
    with NothingWaits():
        found = unchecked_total()(y, t)
    assert found.isnan()
    assert total()(y, t, mask={"a": None, "b": torch.tensor([True, True, False, True])}).isfinite()


@pytest.mark.negative_control
def test_an_index_by_a_raw_label_fails_this() -> None:
    """-1 is the last class to an index."""
    assert torch.tensor([1.0, 2.0, 3.0])[torch.tensor([-1])] == 3.0
