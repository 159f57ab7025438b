"""H6 and H7: half precision counts and computes in float32; the same bits inside and outside autocast (P6, P7)."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

import torchweights as tw
from tests.hazards.catalogue import INPUTS, given, slope, unchecked
from tests.samples import Sample

HALVES = [torch.bfloat16, torch.float16]


class Ops(TorchDispatchMode):
    """The operators that run inside, and those of them that compute in half precision."""

    #: what moves numbers and computes none
    MOVES = frozenset(
        [
            "_to_copy",
            "where",
            "view",
            "_unsafe_view",
            "expand",
            "clone",
            "detach",
            "slice",
            "unsqueeze",
            "squeeze",
            "zeros",
            "zeros_like",
            "full",
            "full_like",
            "empty",
            "empty_like",
            "select",
            "transpose",
            "permute",
            "t",
            "alias",
            "ones",
            "ones_like",
            "copy",
            "copy_",
            "new_zeros",
            "select_backward",
            "slice_backward",
            "as_strided",
        ]
    )

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.in_half: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        found = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        self.names.add(name)
        if isinstance(found, torch.Tensor) and found.dtype in HALVES and name not in self.MOVES:
            self.in_half.add(name)
        return found


@pytest.mark.parametrize("half", HALVES, ids=str)
@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_the_same_bits_inside_and_outside_autocast(sample: Sample, half: torch.dtype) -> None:
    y_pred, y_true = given(sample)
    criterion = sample.criterion()
    outside = criterion(y_pred, y_true)
    with torch.autocast("cpu", dtype=half):
        inside = criterion(y_pred, y_true)
    assert torch.equal(inside, outside)
    assert torch.equal(slope(inside, y_pred), slope(outside, y_pred))


@pytest.mark.parametrize("half", HALVES, ids=str)
@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_half_precision_is_computed_in_float32(sample: Sample, half: torch.dtype) -> None:
    y_pred, y_true = given(sample)
    low = y_pred.detach().to(half).requires_grad_()
    with Ops() as ops:
        loss = unchecked(sample)(low, y_true)
    exact = unchecked(sample)(low.detach().float().requires_grad_(), y_true)
    assert loss.dtype == torch.float32 and torch.equal(loss, exact)
    assert not ops.in_half
    assert "binary_cross_entropy" not in ops.names
    assert slope(loss, low).dtype == half


def test_the_trace_sees_what_computes_in_half() -> None:
    """The negative control."""
    with Ops() as ops, torch.autocast("cpu", dtype=torch.bfloat16):
        (torch.randn(2, 3, dtype=torch.bfloat16) * 2).sum()
        F.binary_cross_entropy(torch.rand(3), torch.ones(3))
    assert {"mul", "sum"} <= ops.in_half and "binary_cross_entropy" in ops.names


@pytest.mark.parametrize("half", HALVES, ids=str)
def test_a_million_pixels_in_half_precision(half: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    y_pred = torch.randn(2**20, 3, generator=generator).to(half)
    y_true = torch.randint(3, (2**20,), generator=generator)
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True)
    expected = criterion(y_pred.double(), y_true)
    off = abs(float(criterion(y_pred, y_true)) - float(expected)) / float(expected)
    assert off <= 2 * torch.finfo(torch.float32).eps
    naive = F.cross_entropy(y_pred, y_true, reduction="none").to(half).sum() / 2**20
    assert not abs(float(naive) - float(expected)) / float(expected) < 1e-4, "the negative control"


def test_counts_are_exact_past_what_float32_counts() -> None:
    mask = torch.ones(2**24 + 1, dtype=torch.bool)
    mask[0] = False
    criterion = tw.MeanSquaredError()
    assert criterion.denominator(torch.zeros(()).expand(2**24 + 1, 1), mask=mask).value() == 2**24
    assert float(torch.tensor(2.0**24) + 1) == 2**24, "the negative control: float32 loses the last pixel"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_the_same_bits_inside_and_outside_autocast_on_cuda(sample: Sample) -> None:
    y_pred, y_true = (one.detach().cuda() for one in given(sample))
    criterion = sample.criterion()
    outside = criterion(y_pred, y_true)
    with torch.autocast("cuda"):
        assert torch.equal(criterion(y_pred, y_true), outside)
