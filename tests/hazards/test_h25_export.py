"""H25: every criterion exports with any batch size and computes the same; ONNX where its exporter is installed (P25)."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
import torch
from torch import nn

from tests.hazards.catalogue import INPUTS, N, given, given_total, unchecked, unchecked_total
from tests.samples import Sample


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("sample", [one for one in INPUTS if one.name not in ("ctc", "function", "circle")], ids=str)
def test_exported_with_any_batch_size(sample: Sample, strict: bool) -> None:
    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.criterion = unchecked(sample)

        def forward(self, y_pred: Any, y_true: Any) -> Any:
            return self.criterion(y_pred, y_true)

    y_pred, y_true = given(sample)
    size = torch.export.Dim("size", min=2, max=64)
    program = torch.export.export(
        Step(), (y_pred.detach(), y_true), dynamic_shapes=({0: size}, {0: size}), strict=strict
    )
    p, t = torch.cat([y_pred.detach()] * 2), torch.cat([y_true] * 2)
    torch.testing.assert_close(program.module()(p, t), unchecked(sample)(p, t), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("strict", [True, False])
def test_a_total_exports_with_any_batch_size(strict: bool) -> None:
    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.criterion = unchecked_total()

        def forward(self, y_pred: Any, y_true: Any) -> Any:
            return self.criterion(y_pred, y_true)

    y, t = given_total()
    y = {name: one.detach() for name, one in y.items()}
    size = torch.export.Dim("size", min=2, max=64)
    sizes = {name: {0: size} for name in "ab"}
    program = torch.export.export(Step(), (y, t), dynamic_shapes=(sizes, sizes), strict=strict)
    twice = [{name: torch.cat([one] * 2) for name, one in given.items()} for given in (y, t)]
    torch.testing.assert_close(program.module()(*twice), unchecked_total()(*twice), rtol=1e-6, atol=1e-7)


@pytest.mark.skipif(importlib.util.find_spec("onnxscript") is None, reason="onnxscript is not installed")
@pytest.mark.parametrize("sample", [one for one in INPUTS if one.name not in ("ctc", "function", "circle")], ids=str)
def test_onnx_takes_it(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    assert torch.onnx.export(unchecked(sample), (y_pred.detach(), y_true), dynamo=True) is not None


@pytest.mark.negative_control
@pytest.mark.parametrize("strict", [True, False])
def test_what_looks_at_numbers_fails_this(strict: bool) -> None:
    class Looks(nn.Module):
        def forward(self, p: Any, mask: Any) -> Any:
            return (p * mask).sum() / mask.sum() if mask.any() else p.sum() * 0

    with pytest.raises(Exception, match=r"(?i)data-dependent|control.?flow"):
        torch.export.export(Looks(), (torch.ones(N), torch.ones(N)), strict=strict)
