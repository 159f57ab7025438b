"""H20, H21 and H22: default types and devices, deterministic operators, layouts (P20, P21, P22)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.hazards.catalogue import INPUTS, given, slope
from tests.samples import Sample
from tests.watching import Operators as Ops

#: what torch.use_deterministic_algorithms(True) refuses on CUDA, by its documentation. scatter_add, the backward of gather, has a
#: deterministic implementation, and no row of labels names a place twice.
REFUSED = {
    "bincount", "cumsum", "put_", "histc", "kthvalue", "median", "nll_loss_forward", "nll_loss2d_forward", "nll_loss2d_backward",
    "nll_loss_backward", "_ctc_loss", "_ctc_loss_backward", "scatter_reduce", "resize_",
}  # fmt: skip


@contextlib.contextmanager
def default_float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


STATES = {"float64 by default": default_float64, "meta by default": lambda: torch.device("meta"), "no grad": torch.no_grad, "inference": torch.inference_mode}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_global_state_changes_nothing(sample: Sample, state: str) -> None:
    y_pred, y_true = given(sample)
    criterion = sample.criterion()
    expected = criterion(y_pred, y_true)
    weight = torch.ones(len(y_pred))
    with STATES[state]():
        found = criterion(y_pred, y_true)
        made_inside = criterion(y_pred, y_true, weight) if sample.kind.__name__ != "Circle" else found
    assert torch.equal(found, expected) and found.dtype == expected.dtype and found.device == expected.device
    assert made_inside.device.type == "cpu"


def test_a_factory_call_fails_this() -> None:
    """The negative control."""
    with torch.device("meta"), pytest.raises(RuntimeError):
        torch.where(torch.tensor([True], device="cpu"), torch.ones(1, device="cpu"), torch.zeros(1))


@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_no_nondeterministic_operator_runs(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    with Ops() as ops:
        slope(sample.criterion()(y_pred, y_true), y_pred)
    found = ops.names & REFUSED
    assert found <= ({"_ctc_loss", "_ctc_loss_backward"} if sample.name == "ctc" else set())


def test_cross_entropy_of_torch_fails_this() -> None:
    """The negative control, and H10: the 32-bit kernel of images."""
    p = torch.randn(2, 3, 4, 4, requires_grad=True)
    with Ops() as ops:
        slope(F.cross_entropy(p, torch.zeros(2, 4, 4, dtype=torch.long)), p)
    assert ops.names & REFUSED


@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_one_thread_or_two_and_again(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    criterion, threads = sample.criterion(), torch.get_num_threads()
    found = []
    for count in (1, 2, 1):
        torch.set_num_threads(count)
        found.append(criterion(y_pred, y_true))
    torch.set_num_threads(threads)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


def layouts(tensor: Tensor) -> Iterator[Tensor]:
    """The same numbers, laid out otherwise."""
    yield tensor.transpose(0, -1).contiguous().transpose(0, -1)
    spread = tensor.new_zeros([2 * size for size in tensor.shape])
    every_other = tuple(slice(None, None, 2) for _ in tensor.shape)
    spread[every_other] = tensor
    yield spread[every_other]
    yield torch.cat([tensor.new_zeros(3), tensor.reshape(-1)])[3:].reshape(tensor.shape)
    if tensor.ndim == 4:
        yield tensor.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_layouts_change_nothing_but_rounding(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    criterion = sample.criterion()
    loss = criterion(y_pred, y_true)
    expected = slope(loss, y_pred)
    eps = torch.finfo(torch.float32).eps
    for p in layouts(y_pred.detach()):
        for t in layouts(y_true):
            p = p.detach().requires_grad_()
            found = criterion(p, t)
            assert abs(found - loss) <= 2 * eps * max(abs(float(loss)), 1e-3)
            torch.testing.assert_close(slope(found, p), expected, rtol=0, atol=2 * eps * float(expected.abs().max()))
