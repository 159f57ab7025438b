"""H7: the same bits inside and outside autocast, and nothing that CUDA's autocast bans (P7)."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from tests.device_cells import bits, fresh
from tests.devices import DEVICES
from tests.hazards.catalogue import INPUTS, batch, built, given, given_total, slope, total, unchecked
from tests.pretend_device import watch
from tests.samples import Sample
from tests.watching import HALVES, Operators

#: what runs in half precision under some autocast, by PyTorch's documentation
CAST = {"mm", "addmm", "bmm", "matmul", "linear", "einsum", "dot", "mv", "addmv", "baddbmm", "prelu", "log_softmax", "softmax", "mean"}  # fmt: skip


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("half", HALVES, ids=str)
@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_the_same_bits_inside_and_outside_autocast(sample: Sample, half: torch.dtype, device: str) -> None:
    y_pred, y_true = (one.detach().to(device) for one in given(sample))
    y_pred.requires_grad_()
    criterion = built(sample)
    outside = criterion(y_pred, y_true)
    with torch.autocast(device, dtype=half):
        inside = criterion(y_pred, y_true)
    assert torch.equal(inside, outside)
    assert torch.equal(slope(inside, y_pred), slope(outside, y_pred))


@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_under_autocast_nothing_is_left_to_it(sample: Sample, pretend: torch.device) -> None:
    given = (*batch(sample, {}), torch.tensor([0.5, 2.0, 0.0, 1.0]), None)
    criterion, moved = built(sample), fresh(given, pretend)
    expected = bits([criterion(*fresh(given, "cpu"))])
    with torch.autocast(pretend.type, dtype=torch.bfloat16), watch() as seen:
        assert bits([criterion(*moved)]) == expected
    assert not seen.autocast


@pytest.mark.parametrize("half", HALVES, ids=str)
def test_a_total_has_the_same_bits_under_autocast(half: torch.dtype, pretend: torch.device) -> None:
    criterion, (y, t) = total(), given_total()
    outside = criterion(y, t)
    with torch.autocast("cpu", dtype=half):
        assert torch.equal(criterion(y, t), outside)
    moved, targets = ({name: one.detach().to(pretend) for name, one in each.items()} for each in (y, t))
    with torch.autocast(pretend.type, dtype=half), watch() as seen:
        assert bits([criterion(moved, targets)]) == bits([outside])
    assert not set(seen.autocast) & CAST, "loss weights are multiplied, values added: autocast has no say in those"


@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_what_autocast_bans_on_cuda_is_never_called(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    with Operators() as operators, torch.autocast("cpu", dtype=torch.bfloat16):
        slope(unchecked(sample)(y_pred, y_true), y_pred)
    assert "binary_cross_entropy" not in operators.names


@pytest.mark.negative_control
def test_torch_fails_this() -> None:
    y_pred, y_true = torch.rand(4, 3), torch.ones(4, 3)
    outside = torch.log_softmax(y_pred, -1)
    with Operators() as operators, torch.autocast("cpu", dtype=torch.bfloat16):
        assert not torch.equal(torch.log_softmax(y_pred.bfloat16(), -1).float(), outside)
        F.binary_cross_entropy(y_pred, y_true)
    assert "binary_cross_entropy" in operators.names


@pytest.mark.negative_control
def test_the_pretend_device_sees_what_is_left_to_autocast(pretend: torch.device) -> None:
    with torch.autocast(pretend.type, dtype=torch.bfloat16), watch() as seen:
        F.softplus(torch.ones(2).to(pretend)).sum()
    assert seen.autocast
