"""What a failed call must leave as it was: criteria, inputs, and the state of torch."""

from __future__ import annotations

import copy
import dataclasses
import random
import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import torchweights as tw
from tests.misuse.case import EYE, IMAGE, LABELS, PIXELS, THIRDS, Misuse

GENERATORS = {"torch": torch.get_rng_state, "random": random.getstate, "numpy": np.random.get_state}


def of_torch() -> dict[str, Any]:
    """The global state of torch and of generators of random numbers."""
    return {
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "gradients": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "autocast": [torch.is_autocast_enabled(kind) for kind in ("cpu", "cuda")],
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "matmul": torch.get_float32_matmul_precision(),
        "anomaly": torch.is_anomaly_enabled(),
        "filters of warnings": list(warnings.filters),
        **{name: of(read()) for name, read in GENERATORS.items()},
    }


def of_tensor(tensor: Tensor) -> Any:
    """All bits, and what autograd keeps: the version counts every write, even of the same bits."""
    if tensor.is_nested:
        return of_tensor(tensor.values()), of_tensor(tensor.offsets())
    if tensor.is_sparse:
        return of_tensor(tensor._values()), of_tensor(tensor._indices())
    kept = tensor.dtype, tuple(tensor.shape), tensor.requires_grad, tensor.grad is None, tensor._version
    if tensor.device.type == "meta":
        return kept
    return (*kept, tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")


def of(thing: Any, seen: frozenset[int] = frozenset()) -> Any:
    """Whatever can be seen of a thing: what lists, dicts, modules and objects of this library hold."""
    if id(thing) in seen:
        return "seen"
    seen = seen | {id(thing)}
    if isinstance(thing, Tensor):
        return of_tensor(thing)
    if isinstance(thing, np.ndarray):
        return thing.dtype, thing.shape, thing.tobytes()
    if isinstance(thing, partial):
        return of([thing.func, thing.args, thing.keywords], seen)
    if isinstance(thing, Mapping):
        return [(repr(key), of(one, seen)) for key, one in thing.items()]
    if isinstance(thing, (list, tuple)):
        return [type(thing), *(of(one, seen) for one in thing)]
    if isinstance(thing, tw.Semantics):
        return thing.name
    if hasattr(thing, "__self__"):
        return thing.__name__, of(thing.__self__, seen)
    if isinstance(thing, nn.Module):
        return repr(thing), of(thing.state_dict(), seen), of(vars(thing), seen)
    if dataclasses.is_dataclass(thing) or type(thing).__module__.startswith("torchweights"):
        return of(vars(thing), seen)
    return thing if isinstance(thing, (str, bytes, int, bool, type(None))) else repr(thing)


# --------------------------------------------------------------------------------------- the criterion afterwards

#: batches of which every criterion of the tables takes one
GOOD: tuple[tuple[Any, Any], ...] = (
    (THIRDS, EYE),
    (THIRDS, LABELS),
    (THIRDS, LABELS * 0),
    (THIRDS[:, :1], EYE[:, :1]),
    (THIRDS[:, :1], 2 * EYE[:, :1] - 1),
    (THIRDS[:, :2], EYE[:, :2]),
    (THIRDS[:, :2], LABELS),
    (IMAGE, PIXELS),
    (IMAGE.movedim(1, -1), PIXELS),
    (IMAGE, IMAGE),
    (IMAGE.reshape(2, 1, 4, 4, 3), IMAGE.reshape(2, 1, 4, 4, 3).argmax(-1)),
    (torch.ones(1, 4) / 4, torch.tensor([0])),
    (torch.zeros(1, 4, 3), torch.tensor([[1]])),
    ({"a": THIRDS, "b": THIRDS}, {"a": EYE, "b": EYE}),
    ({"a": THIRDS}, {"a": LABELS}),
    ([THIRDS, THIRDS, THIRDS], [EYE, EYE, EYE]),
    ([THIRDS, THIRDS], [EYE, EYE]),
    ([THIRDS], [EYE]),
)


def criterion_of(misuse: Misuse) -> nn.Module | None:
    """The criterion that is called, or whose method is; None where a call has none."""
    called = getattr(misuse.call, "func", None)
    owner = getattr(called, "__self__", called)
    return owner if isinstance(owner, (tw.WeightedLoss, tw.CompiledLoss, tw.tf1.Criterion)) else None


def good_loss(criterion: nn.Module) -> Any:
    """The bits of the loss of the first batch that a criterion takes; None if it takes none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for y_pred, y_true in GOOD:
            try:
                return of_tensor(criterion(y_pred, y_true))
            except (TypeError, ValueError):
                continue
    return None


@dataclasses.dataclass(frozen=True)
class Before:
    """Everything as it was before a call."""

    inputs: Any
    torch: dict[str, Any]
    fresh: nn.Module | None

    @classmethod
    def the(cls, misuse: Misuse) -> Before:
        return cls(of(misuse.call), of_torch(), copy.deepcopy(criterion_of(misuse)))

    def changes(self, misuse: Misuse) -> list[str]:
        """What is no longer as it was."""
        found = [f"torch: {name}" for name, now in of_torch().items() if now != self.torch[name]]
        if of(misuse.call) != self.inputs:
            found.append("the criterion or its inputs")
        criterion = criterion_of(misuse)
        if criterion is not None and self.fresh is not None and good_loss(criterion) != good_loss(self.fresh):
            found.append("what the criterion computes")
        return found
