"""Figures 5, 8 and 9: derivatives, graphs and devices, loss by loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter
from torch._subclasses.fake_tensor import FakeTensorMode

import torchweights as tw
from tests import pretend_device
from tests.hazards.catalogue import INPUTS, N, given, given_total, slope, total, unchecked
from tests.pretend_device import numbers
from tests.samples import Sample
from tests.scoreboard.figures import Measured, counted

#: what torch itself cannot do, by loss
EXCEPTIONS = {
    ("ctc", "gradgradcheck"): "torch has no second derivative of CTC",
    ("ctc", "forward mode"): "torch has no forward mode of CTC",
    ("ctc", "vmap"): "torch cannot map CTC",
    ("ctc", "export"): "lengths are read on the host by torch's CTC",
    ("ctc", "graphs"): "lengths are read on the host by torch's CTC",
    ("ctc", "meta"): "torch's CTC has no meta kernel",
    ("ctc", "fake"): "torch's CTC has no meta kernel",
    ("function", "graphs"): "a user's function is not ours to compile",
    ("function", "export"): "a user's function is not ours to export",
    ("circle", "export"): "pairs of samples: the batch size is part of the graph",
}

Cell = Callable[[Sample], bool]


def _derivative(**options: Any) -> Cell:
    def holds(sample: Sample) -> bool:
        y_pred, y_true = given(sample, torch.float64)
        criterion = unchecked(sample)
        return torch.autograd.gradcheck(lambda p: criterion(p, y_true), y_pred, **options)

    return holds


def _second(sample: Sample) -> bool:
    y_pred, y_true = given(sample, torch.float64)
    criterion = unchecked(sample)
    return torch.autograd.gradgradcheck(lambda p: criterion(p, y_true), y_pred)


DERIVATIVES: dict[str, Cell] = {
    "gradcheck": _derivative(),
    "gradgradcheck": _second,
    "forward mode": _derivative(check_forward_ad=True, check_backward_ad=False),
    "vmap": _derivative(check_batched_grad=True),
}


def _few_graphs(sample: Sample) -> bool:
    torch._dynamo.reset()
    counter = CompileCounter()
    compiled = torch.compile(unchecked(sample), backend=counter, fullgraph=True)
    y_pred, y_true = (one.detach() for one in given(sample))
    for size in (2, 3, 5, 8, 13, 21, 34, 64):
        times = -(-size // N)
        compiled(torch.cat([y_pred] * times)[:size], torch.cat([y_true] * times)[:size])
    return counter.frame_count <= 2


def _exports(sample: Sample) -> bool:
    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.criterion = unchecked(sample)

        def forward(self, y_pred: Any, y_true: Any) -> Any:
            return self.criterion(y_pred, y_true)

    y_pred, y_true = (one.detach() for one in given(sample))
    size = torch.export.Dim("size", min=2, max=64)
    p, t = torch.cat([y_pred] * 2), torch.cat([y_true] * 2)
    expected = unchecked(sample)(p, t)
    for strict in (True, False):
        shapes = ({0: size}, {0: size})
        program = torch.export.export(Step(), (y_pred, y_true), dynamic_shapes=shapes, strict=strict)
        torch.testing.assert_close(program.module()(p, t), expected, rtol=1e-6, atol=1e-7)
    return True


COMPILATION: dict[str, Cell] = {"graphs": _few_graphs, "export": _exports}


def _on_the_cpu(sample: Sample) -> bool:
    y_pred, y_true = given(sample)
    loss = unchecked(sample)(y_pred, y_true)
    return bool(loss.isfinite() and slope(loss, y_pred).isfinite().all())


def _on_meta(sample: Sample) -> bool:
    y_pred, y_true = (one.detach().to("meta") for one in given(sample))
    y_pred.requires_grad_()
    return slope(unchecked(sample)(y_pred, y_true), y_pred).shape == y_pred.shape


def _as_fakes(sample: Sample) -> bool:
    y_pred, y_true = (one.detach() for one in given(sample))
    criterion = unchecked(sample)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        p, t = mode.from_tensor(y_pred).requires_grad_(), mode.from_tensor(y_true)
        return slope(criterion(p, t), p).shape == y_pred.shape


def _on_the_pretend_device(sample: Sample) -> bool:
    y_pred, y_true = given(sample)
    place = pretend_device.device()
    p = y_pred.detach().to(place).requires_grad_()
    loss, expected = unchecked(sample)(p, y_true.to(place)), unchecked(sample)(y_pred, y_true)
    gradient: Tensor = numbers(slope(loss, p).detach())
    return torch.equal(numbers(loss.detach()), expected) and torch.equal(gradient, slope(expected, y_pred))


def _in_a_device_context(sample: Sample) -> bool:
    y_pred, y_true = given(sample)
    criterion = unchecked(sample)
    with torch.device("meta"):
        loss = criterion(y_pred, y_true)
    return loss.device.type == "cpu" and torch.equal(loss, unchecked(sample)(y_pred, y_true))


def _on_cuda(sample: Sample) -> bool:
    y_pred, y_true = (one.detach().cuda() for one in given(sample))
    y_pred.requires_grad_()
    loss = unchecked(sample)(y_pred, y_true)
    return bool(slope(loss, y_pred).isfinite().all())


DEVICES: dict[str, Cell] = {
    "cpu": _on_the_cpu,
    "meta": _on_meta,
    "fake": _as_fakes,
    "pretend": _on_the_pretend_device,
    "device context": _in_a_device_context,
}


def _matrix(cells: dict[str, Cell], samples: list[Sample]) -> tuple[list[tuple[str, ...]], int, int, int]:
    """A table, how many cells held, failed, and are listed as exceptions."""
    table, held, failed, listed = [("loss", *cells)], 0, 0, 0
    for sample in samples:
        row = [sample.name]
        for name, holds in cells.items():
            if (sample.name, name) in EXCEPTIONS:
                listed += 1
                row.append(EXCEPTIONS[sample.name, name])
                continue
            try:
                held_here = holds(sample)
                row.append("yes" if held_here else "NO")
            except Exception as error:
                held_here = False
                row.append(f"NO: {type(error).__name__}")
            held, failed = held + held_here, failed + (not held_here)
        table.append(tuple(row))
    return table, held, failed, listed


def _measured(cells: dict[str, Cell], samples: list[Sample], more: str = "", ok: bool = True) -> Measured:
    table, held, failed, listed = _matrix(cells, samples)
    figure = f"{held:,} of {held + failed:,} cells, {listed} exceptions listed by name{more}"
    return Measured(figure, not failed and ok, table)


def derivatives(full: bool) -> Measured:
    """Every loss: first and second derivatives, forward mode, batched gradients."""
    return _measured(DERIVATIVES, INPUTS if full else INPUTS[::3])


def graphs(full: bool) -> Measured:
    """Graphs for any batch size, for changed weights, and exports."""
    extra = _extra_graphs_of_weights()
    return _measured(
        COMPILATION, INPUTS if full else INPUTS[::5], f"; {extra} extra graphs for changed weights", not extra
    )


def _extra_graphs_of_weights() -> int:
    torch._dynamo.reset()
    counter = CompileCounter()
    criterion, (y, t) = total(), given_total()
    weighted = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight=nn.Parameter(torch.ones(3)))
    compiled, compiled_weighted = torch.compile(criterion, backend=counter), torch.compile(weighted, backend=counter)
    compiled(y, t), compiled_weighted(y["b"], t["b"])
    before = counter.frame_count
    for weight in (0.1, 0.7, 3.0):
        criterion.set_loss_weights({"a": [1.0, weight], "b": 0.25})
        with torch.no_grad():
            weighted.get_parameter("class_weight").fill_(weight)
        torch.testing.assert_close(compiled(y, t), criterion(y, t))
        torch.testing.assert_close(compiled_weighted(y["b"], t["b"]), weighted(y["b"], t["b"]))
    return counter.frame_count - before


def devices(full: bool) -> Measured:
    """The same loss on every kind of device there is, pretended ones too."""
    cuda = f"; cuda: written {len(INPUTS)}, skipped {len(INPUTS)} (no CUDA device here)"
    if torch.cuda.is_available():
        _, held, failed, _ = _matrix({"cuda": _on_cuda}, INPUTS)
        cuda = f"; cuda: {counted(failed, held + failed, 'failed')}"
    return _measured(DEVICES, INPUTS, cuda)
