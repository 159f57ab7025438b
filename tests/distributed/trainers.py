"""Those who train over ranks: each runs one step and returns the gradient that the optimizer would see."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

import torchweights as tw
from tests.distributed.cells import CLASSES, SPLITS, Batch, Cell, micro_batches_of, model_of, predicted


def losses_of_step(cell: Cell, model: nn.Module, plain: nn.Module, batches: list[Batch], averaged_by: Any) -> Any:
    """For each micro-batch a function that computes its loss: by a denominator where one splits the loss, else by sums."""
    criterion = cell.criterion()(plain)

    def beside(batch: Batch) -> Batch:
        return {name: one for name, one in batch.items() if name != "x"}

    def predict(batch: Batch) -> Any:
        return predicted(cell, model(batch["x"]))

    if not criterion.decomposable:
        with torch.no_grad():
            sums = [criterion.partial_sums(predict(batch), **beside(batch)) for batch in batches]
        whole = tw.global_sums(sums, None, averaged_by)
        return [
            lambda batch=batch: criterion.from_sums(criterion.partial_sums(predict(batch), **beside(batch)), whole)
            for batch in batches
        ]
    counted = []
    for batch in batches:
        shape = (*batch["x"].shape[:-1], CLASSES)
        shapes = {"a": shape, "b": shape} if isinstance(batch["y_true"], dict) else shape
        counted.append(criterion.denominator(**beside(batch), y_pred_shape=shapes))
    d = tw.global_denominator(counted, None, averaged_by)
    return [lambda batch=batch: criterion(predict(batch), **beside(batch), denominator=d) for batch in batches]


def _ddp(
    cell: Cell, batches: list[Batch], *, no_sync: bool, hook: Any = None, averaged_by: Any = "ddp", divided: int = 1
) -> list[Tensor]:
    plain = model_of(cell.dtype)
    model = DistributedDataParallel(plain)
    if hook is not None:
        model.register_comm_hook(None, hook)
    steps = losses_of_step(cell, model, plain, batches, averaged_by)
    for place, loss in enumerate(steps):
        last = place == len(steps) - 1
        with model.no_sync() if no_sync and not last else contextlib.nullcontext():
            (loss() / divided).backward()
    return [parameter.grad for parameter in plain.parameters() if parameter.grad is not None]


def ddp(cell: Cell, batches: list[Batch]) -> list[Tensor]:
    """DDP, which averages after every backward."""
    return _ddp(cell, batches, no_sync=False)


def ddp_no_sync(cell: Cell, batches: list[Batch]) -> list[Tensor]:
    """DDP that accumulates locally and averages once."""
    return _ddp(cell, batches, no_sync=True)


def _sum_hook(_, bucket):  # type: ignore[no-untyped-def]
    # Without annotations: DDP reads them, and takes none that are text.
    work = dist.all_reduce(bucket.buffer(), async_op=True)
    return work.get_future().then(lambda future: future.value()[0])


def ddp_sum(cell: Cell, batches: list[Batch]) -> list[Tensor]:
    """DDP with a hook that adds and does not average."""
    return _ddp(cell, batches, no_sync=True, hook=_sum_hook, averaged_by="sum")


def lightning(cell: Cell, batches: list[Batch]) -> list[Tensor]:
    """What Lightning and Accelerate do: every loss divided by the number of micro-batches, then DDP."""
    k = len(batches)
    return _ddp(cell, batches, no_sync=True, averaged_by=("lightning", k), divided=k)


def _fsdp(cell: Cell, batches: list[Batch], averaged_by: str) -> list[Tensor]:
    model = model_of(cell.dtype)
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    for layer in (model[0], model[2]):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    if averaged_by == "sum":
        for layer in (model[0], model[2], model):
            layer.set_gradient_divide_factor(1.0)
            layer.set_force_sum_reduction_for_comms(True)
    steps = losses_of_step(cell, model, model, batches, averaged_by)
    for place, loss in enumerate(steps):
        model.set_requires_gradient_sync(place == len(steps) - 1)
        loss().backward()
    return [parameter.grad.full_tensor() for parameter in model.parameters() if parameter.grad is not None]


def fsdp(cell: Cell, batches: list[Batch]) -> list[Tensor]:
    """FSDP2, which averages."""
    return _fsdp(cell, batches, "fsdp")


def fsdp_sum(cell: Cell, batches: list[Batch]) -> list[Tensor]:
    """FSDP2 told to add, as torchtitan has it."""
    return _fsdp(cell, batches, "sum")


def accumulation(cell: Cell, batches: list[Batch]) -> list[Tensor]:
    """One process and no group."""
    model = model_of(cell.dtype)
    for loss in losses_of_step(cell, model, model, batches, "ddp"):
        loss().backward()
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]


TRAINERS: dict[str, Callable[[Cell, list[Batch]], list[Tensor]]] = {
    "DDP, no_sync": ddp_no_sync,
    "DDP": ddp,
    "DDP that adds": ddp_sum,
    "Lightning's division": lightning,
    "FSDP2": fsdp,
    "FSDP2 that adds": fsdp_sum,
}


def steps_of_rank(asked: list[Cell]) -> list[list[Tensor]]:
    """Each cell on this rank: its gradients."""
    rank, world = dist.get_rank(), dist.get_world_size()
    return [
        [
            one.detach().clone()
            for one in TRAINERS[cell.trainer](cell, micro_batches_of(cell, SPLITS[world][cell.split], rank))
        ]
        for cell in asked
    ]


def error(found: list[Tensor], expected: list[Tensor]) -> float:
    """max |difference| / max |expected|, over all parameters."""
    assert len(found) == len(expected)
    flat, true = torch.cat([one.reshape(-1) for one in found]), torch.cat([one.reshape(-1) for one in expected])
    scale = true.abs().max()
    assert scale > 0, "a gradient of nothing proves nothing"
    return float((flat - true).abs().max() / scale)
