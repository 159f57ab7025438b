"""What is asked of every criterion on two devices: the cells of options, weights and masks, and their bits."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

import torchweights as tw
from tests.hazards.catalogue import N, batch, built
from tests.pretend_device import numbers
from tests.samples import Sample

#: one of each kind of arithmetic: ours, torch's, and Keras's from oldest to newest
ROWS = ["torchweights", "torch", "keras2.2.4", "tf1.12", "tf2.2", "keras3.15"]
#: waits that are known: those of torch's own kernel, which reads the lengths of labels on the host
KNOWN_WAITS = {tw.CTC: {"copy to cpu", "_ctc_loss"}}

Given = tuple[Tensor, Tensor, Any, Any]


def fresh(given: Given, device: torch.device | str) -> Given:
    """Leaves on the device; what is floating point requires grad, but for the targets."""
    y_pred, y_true, weight, mask = (one.detach().to(device) if isinstance(one, Tensor) else one for one in given)
    if isinstance(weight, Tensor) and weight.is_floating_point():
        weight.requires_grad_()
    return y_pred.requires_grad_(), y_true, weight, mask


def loss_and_gradients(criterion: Any, given: Given, **more: Any) -> list[Tensor | None]:
    """The loss, and its derivatives to predictions and sample weights."""
    loss = criterion(*given, **more)
    leaves = [one for one in given if isinstance(one, Tensor) and one.requires_grad]
    found = torch.autograd.grad(loss, leaves, loss.detach() + 1, allow_unused=True)
    assert found[0] is not None
    return [loss, *found]


def bits(tensors: list[Tensor | None]) -> list[Any]:
    """Numbers to the last bit, NaN equal to itself."""
    shown = [
        t.detach() if t is None or t.device.type == "cpu" else numbers(t.detach()) for t in tensors if t is not None
    ]
    return [(t is None) for t in tensors] + [(t.dtype, tuple(t.shape), repr(t.tolist())) for t in shown]


def outcome(criterion: Any, given: Given) -> Any:
    """Bits, or how it refuses."""
    try:
        return bits(loss_and_gradients(criterion, given))
    except (ValueError, TypeError) as error:
        return type(error), str(error)


def weights(values: Tensor) -> Iterator[tuple[str, Tensor | None]]:
    yield "no weight", None
    yield "per sample", torch.tensor([0.5, 2.0, 0.0, 1.0])
    if values.ndim != 1:
        yield "full", torch.arange(values.numel()).reshape(values.shape) % 5 / 4


def masks(values: Tensor) -> Iterator[tuple[str, Tensor | None]]:
    yield "no mask", None
    yield "per sample", torch.tensor([True, True, True, False])
    yield "full, of integers", (torch.arange(values.numel()).reshape(values.shape) + 1) % 4


def class_weights(sample: Sample) -> dict[int, float]:
    """A weight for each label there is; nothing for targets that are no labels."""
    _, y_true = sample.batch(N)
    if "ategorical" in sample.kind.__name__:
        return {label: 1 / (label + 3) for label in range(3)}
    labels = y_true.unique().tolist()
    return {int(label): 1 / (label + 3) for label in labels} if set(labels) <= {-1, 0, 1} else {}


def variants(sample: Sample, row: str) -> Iterator[dict[str, Any]]:
    """Options: reductions x class weights in the default row, all else one at a time."""
    takes = inspect.signature(sample.kind).parameters
    table = class_weights(sample) if "class_weight" in takes else {}
    reductions = ["sum_over_batch_size", "mean_with_sample_weight", "sum", "none"]
    if row == "torchweights":
        for reduction, given in itertools.product(reductions, [None, table] if table else [None]):
            yield {"reduction": reduction, **({"class_weight": given} if given else {})}
    else:
        yield from ({"reduction": reduction} for reduction in reductions[:2])
        yield from [{"class_weight": table}] if table and "from_logits" not in takes else []
    if "from_logits" in takes:
        yield from ({"from_logits": value, "class_weight": table or None} for value in (True, False, "rescued"))
    for name, value in (("label_smoothing", 0.1), ("ignore_class", 1), ("axis", ())):
        if name in takes:
            yield {name: value, "class_weight": table} if table else {name: value}
    flags = [name for name, one in takes.items() if isinstance(one.default, bool)]
    yield from ({name: not takes[name].default} for name in flags)


def cells(sample: Sample, row: str) -> Iterator[tuple[str, tw.WeightedLoss, Given]]:
    """Every cell that this row lets a criterion be built for: what it is called, the criterion, what it is given."""
    for options in variants(sample, row):
        try:
            criterion = built(sample, semantics=row, **options)
            plain = built(sample, semantics=row, **{**options, "reduction": "none"})
            y_pred, y_true = batch(sample, options)
            values = plain(y_pred, y_true)
        except (ValueError, TypeError):
            continue
        for (weight_name, weight), (mask_name, mask) in itertools.product(weights(values), masks(values)):
            yield f"{options}, weight {weight_name}, mask {mask_name}", criterion, (y_pred, y_true, weight, mask)


def answered(sample: Sample, row: str) -> list[tuple[str, tw.WeightedLoss, Given, Any]]:
    """Every cell beside its outcome on the CPU; computed once for all tests that want it."""
    if (sample.name, row) not in _answered:
        found = [(*cell, outcome(cell[1], fresh(cell[2], "cpu"))) for cell in cells(sample, row)]
        _answered[sample.name, row] = found
    return _answered[sample.name, row]


_answered: dict[tuple[str, str], list[tuple[str, tw.WeightedLoss, Given, Any]]] = {}
