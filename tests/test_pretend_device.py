"""The pretend device is a device, refuses what CUDA refuses, and sees every wait: wrong losses are caught."""

from __future__ import annotations

import copy
import gc
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import torchweights as tw
from tests import pretend_device
from tests.device_cells import bits, fresh, loss_and_gradients
from tests.pretend_device import is_pretend, numbers, watch

T = torch.tensor
N = 4


# ---------------------------------------------------------------------------------------------------------- it is a device


def same(found: Tensor, expected: Tensor) -> None:
    assert is_pretend(found)
    assert (found.shape, found.stride(), found.dtype) == (expected.shape, expected.stride(), expected.dtype)
    assert torch.equal(numbers(found), expected)


ROUND_TRIPS: dict[str, Any] = {
    "transpose": lambda x: x.t(),
    "step": lambda x: x[1:, ::2],
    "expand": lambda x: x[:1].expand(5, 3),
    "reshape of expanded": lambda x: x[:, :1].expand(4, 3).reshape(2, 6),
    "movedim": lambda x: x.reshape(2, 2, 3).movedim(-1, 0),
    "squeeze": lambda x: x.unsqueeze(1).squeeze(),
    "select": lambda x: x.select(0, 2),
    "split": lambda x: x.split([1, 3])[1],
    "cat": lambda x: torch.cat([x, x.flip(0)], 1),
    "channels_last": lambda x: x.reshape(1, 4, 3, 1).to(memory_format=torch.channels_last),
    "new_ones": lambda x: x.new_ones(2, 2) + x.new_zeros(()),
    "full_like": lambda x: torch.full_like(x, 2.5),
    "clone of transposed": lambda x: x.t().clone(),
    "gather": lambda x: x.gather(1, (x > 0).long()),
    "where": lambda x: torch.where(x > 0, x, -1.0),
    "a number from the CPU": lambda x: torch.where(x > 0, x, T(2.0)) * T(3.0),
    "logsumexp": lambda x: x.logsumexp(-1),
    "matmul": lambda x: x @ x.t(),
    "sort": lambda x: x.sort(-1)[0],
    "max": lambda x: x.max(-1)[1],
    "searchsorted": lambda x: torch.searchsorted(x.sort(-1)[0], x),
    "index": lambda x: x[T([2, 0], device=x.device), T([1, 1], device=x.device)],
    "half and back": lambda x: x.half().float(),
    "one_hot": lambda x: F.one_hot((x > 0).long(), 3),
    "in place": lambda x: x.clone().add_(1).mul_(x),
    "in place on a view": lambda x: _written(x.clone()),
    "in place by index": lambda x: x.clone().index_put_((T([1], device=x.device),), x[0]),
    "in place by mask": lambda x: x.clone().masked_fill_(x > 0, 7.0),
    "out of another size": lambda x: torch.add(x, x, out=torch.empty(0, device=x.device)),
    "out that is transposed": lambda x: torch.add(x, x, out=torch.empty(3, 4, device=x.device).t()),
    "resize": lambda x: x.clone().resize_(2, 3),
    "transposed in place": lambda x: x.clone().t_(),
    "foreach": lambda x: torch._foreach_add([x, x], 1.0)[1],
    "rand": lambda x: torch.rand(2, device=x.device) * 0,
}


def _written(x: Tensor) -> Tensor:
    x[1:, ::2] = 5
    x.t()[0].zero_()
    return x


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_operations_are_those_of_the_cpu_down_to_the_strides(name: str, pretend: torch.device) -> None:
    x = torch.randn(4, 3)
    same(ROUND_TRIPS[name](x.to(pretend)), ROUND_TRIPS[name](x))


@pytest.mark.parametrize(
    "name", ["transpose", "step", "expand", "gather", "where", "logsumexp", "cat", "in place on a view"]
)
def test_gradients_are_those_of_the_cpu(name: str, pretend: torch.device) -> None:
    x = torch.randn(4, 3)
    one, other = x.clone().requires_grad_(), x.to(pretend).requires_grad_()
    for leaf in (one, other):
        ROUND_TRIPS[name](leaf * leaf.exp()).square().sum().backward()
    assert one.grad is not None and other.grad is not None
    same(other.grad, one.grad)


def test_tensors_come_and_go_in_every_usual_way(pretend: torch.device) -> None:
    x = torch.arange(6.0).reshape(2, 3)
    for made in (
        x.to(pretend),
        x.to("pretend"),
        torch.as_tensor(x, device=pretend),
        torch.empty_like(x, device=pretend).copy_(x),
    ):
        same(made, x)
        assert torch.equal(made.cpu(), x) and made.tolist() == x.tolist()
    same(T([[0.0, 1, 2], [3, 4, 5]], device=pretend), x)
    with torch.device(pretend):
        same(torch.ones(2), torch.ones(2, device="cpu"))
    module = nn.Linear(3, 2)
    moved = copy.deepcopy(module).to(pretend)
    same(moved(x.to(pretend)).detach(), module(x).detach())
    assert [str(one.device) for one in moved.parameters()] == ["pretend:0"] * 2
    assert "device='pretend:0'" in repr(x.to(pretend))


def test_a_module_is_trained_on_it(pretend: torch.device) -> None:
    module, x = nn.Linear(3, 2), torch.randn(5, 3)
    moved = copy.deepcopy(module).to(pretend)
    for one, data in ((module, x), (moved, x.to(pretend))):
        optimizer = torch.optim.SGD(one.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            one(data).square().mean().backward()
            optimizer.step()
    assert torch.equal(numbers(moved.weight.detach()), module.weight)


def test_nothing_is_left_when_tensors_go(pretend: torch.device) -> None:
    gc.collect()
    before = pretend_device.held()
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True)
    for _ in range(200):
        y_pred = torch.randn(3, 2).to(pretend).requires_grad_()
        criterion(y_pred, T([0, 1, 1]).to(pretend)).backward()
    view = y_pred.detach()[1:]
    del y_pred
    gc.collect()
    assert pretend_device.held() == before + 1, "the storage of the view"
    assert view.shape == (2, 2) and numbers(view).isfinite().all()
    del view
    assert pretend_device.held() == before


# ------------------------------------------------------------------------------------------- it refuses and sees what CUDA does

CPU = torch.ones(4)
MIXED: dict[str, Any] = {
    "add": lambda x: x + CPU,
    "add, CPU first": lambda x: CPU + x,
    "where": lambda x: torch.where(CPU > 0, x, x),
    "cat": lambda x: torch.cat([x, CPU]),
    "stack of a number": lambda x: torch.stack([x[0], T(1.0)]),
    "gather": lambda x: x.gather(0, torch.arange(4)),
    "out": lambda x: torch.add(x, x, out=torch.empty(4)),
    "matmul": lambda x: x @ CPU,
    "in place": lambda x: x.clone().mul_(CPU),
    "CPU in place": lambda x: CPU.clone().mul_(x),
    "CPU weight by device label": lambda x: CPU[x.long()],
    "meta": lambda x: x + torch.empty(4, device="meta"),
    "cross_entropy": lambda x: F.cross_entropy(x[None], T([1])),
}


@pytest.mark.parametrize("name", MIXED)
def test_tensors_of_two_devices_do_not_meet(name: str, pretend: torch.device) -> None:
    with pytest.raises(RuntimeError, match="on the same device|either on|not on the expected device"):
        MIXED[name](torch.zeros(4).to(pretend))


WAITS: dict[str, Any] = {
    "item": lambda x: x.sum().item(),
    "float": lambda x: float(x[0]),
    "if": lambda x: 1 if x.any() else 2,
    "max(1, n)": lambda x: max(1, x.sum()),
    "tolist": lambda x: x.tolist(),
    "cpu": lambda x: x.cpu(),
    "to cpu": lambda x: x.to("cpu"),
    "copied into a CPU tensor": lambda x: torch.empty(4).copy_(x),
    "repr": repr,
    "nonzero": lambda x: x.nonzero(),
    "where of one argument": lambda x: torch.where(x > 0),
    "masked_select": lambda x: x.masked_select(x > 0),
    "index by booleans": lambda x: x[x > 0],
    "write by booleans": lambda x: x.clone().index_put_((x > 0,), x[:1]),
    "set by booleans": lambda x: x.clone().__setitem__(x > 0, x[0]),
    "masked_fill with a tensor": lambda x: x.masked_fill(x > 0, x[0]),
    "unique": lambda x: x.unique(),
    "bincount": lambda x: x.long().bincount(),
    "equal": lambda x: torch.equal(x, x),
    "allclose": lambda x: torch.allclose(x, x),
    "repeat_interleave": lambda x: x.repeat_interleave(x.long()),
    "one_hot without classes": lambda x: F.one_hot(x.long()),
    "arange up to a tensor": lambda x: torch.arange(x[1], device=x.device),
    "in": lambda x: 1.0 in x,
    "gaussian_nll_loss": lambda x: F.gaussian_nll_loss(x, x, x),
}
UPLOADS: dict[str, Any] = {
    "to": lambda x: CPU.to(x.device),
    "as_tensor of a number": lambda x: torch.as_tensor(2.0, device=x.device),
    "tensor of a list": lambda x: T([1.0, 2.0], device=x.device),
    "index by a CPU tensor": lambda x: x[T([0, 1])],
    "write by a CPU index": lambda x: x.clone().index_put_((T([0]),), x[:1]),
}
QUIET: dict[str, Any] = {
    "full": lambda x: torch.full((), 2.0, device=x.device),
    "arithmetic with numbers": lambda x: (x * 2 + 1 > 3).float().masked_fill(x > 0, 1.0),
    "one_hot": lambda x: F.one_hot(x.long(), 5),
    "nan_to_num": lambda x: x.nan_to_num(),
    "shape": lambda x: x.reshape(2, -1).sum(0).numel(),
    "index": lambda x: x[x.long() % 4],
}


@pytest.mark.parametrize("name", WAITS)
def test_a_wait_is_seen(name: str, pretend: torch.device) -> None:
    x = torch.arange(4.0).to(pretend) + 1
    with watch() as seen:
        WAITS[name](x)
    assert seen.waits


@pytest.mark.parametrize("name", UPLOADS)
def test_a_copy_to_the_device_is_seen_and_is_no_wait_for_an_answer(name: str, pretend: torch.device) -> None:
    x = torch.arange(4.0).to(pretend)
    with watch() as seen:
        UPLOADS[name](x)
    assert seen.uploads and not seen.waits


@pytest.mark.parametrize("name", QUIET)
def test_what_does_not_wait_is_not_accused(name: str, pretend: torch.device) -> None:
    x = torch.arange(4.0).to(pretend)
    with watch() as seen:
        QUIET[name](x)
    assert not (seen.waits or seen.uploads)
    assert not seen.autocast
    with torch.autocast("pretend", dtype=torch.bfloat16), watch() as seen:
        x + x
    assert seen.autocast


# ------------------------------------------------------------------------------------------------------- wrong losses are caught


class _WaitsInBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return values.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * gradient.sum().item() / gradient.sum().item()


def _good(values: Tensor) -> Tensor:
    return values


WRONG: dict[str, tuple[Any, str]] = {
    "nothing wrong": (_good, ""),
    "ones on the CPU": (lambda v: v * torch.ones(v.shape), "same device"),
    "a table on the CPU": (lambda v: v * torch.ones(3)[v.long().clamp(0, 2)], "either on"),
    "item": (lambda v: v / max(v.detach().sum().item(), 1e-9), "waits"),
    "if": (lambda v: v if v.sum() > 0 else v * 1, "waits"),
    "a boolean index": (lambda v: v[v > -1], "waits"),
    "waits in backward": (_WaitsInBackward.apply, "waits"),
    "a list made a tensor": (lambda v: v * T([1.0] * N, device=v.device), "copies"),
    "other numbers on accelerators": (lambda v: v if v.device.type == "cpu" else v * (1 + 2**-23), "differs"),
    "other gradients on accelerators": (lambda v: v if v.device.type == "cpu" else (v + v.detach()) / 2, "differs"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_loss_is_caught(name: str, pretend: torch.device) -> None:
    spoil, how = WRONG[name]

    class Wrong(tw.MeanSquaredError):
        def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
            return spoil(super().values(y_pred, y_true))

    given = (torch.rand(N, 2) + 1, torch.zeros(N, 2), None, None)
    expected, moved = bits(loss_and_gradients(Wrong(), fresh(given, "cpu"))), fresh(given, pretend)
    if how in ("same device", "either on"):
        with pytest.raises(RuntimeError, match=how):
            loss_and_gradients(Wrong(), moved)
        return
    with watch() as seen:
        found = bits(loss_and_gradients(Wrong(), moved))
    caught = {"waits": bool(seen.waits), "copies": bool(seen.uploads), "differs": found != expected}
    assert caught == {each: each == how for each in caught}


def test_a_process_without_the_private_interface_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.utils import backend_registration

    monkeypatch.delattr(backend_registration, "_setup_privateuseone_for_python_backend", raising=False)
    assert "no private-use backend" in (pretend_device.why_not() or "")
