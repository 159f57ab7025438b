"""Modes that watch the operators of a forward and a backward, on tensors of any machine: what waits, how large, in which precision."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from torchweights import validation

HALVES = [torch.bfloat16, torch.float16]


class Waits(TorchDispatchMode):
    """The operators inside for whose answer the host would have to wait for a device: tensors are taken for those of one.

    On a CPU looking costs no wait, and losses do look there; inside, nothing is looked at.
    """

    WAITS = (
        "_local_scalar_dense", "nonzero", "masked_select", "equal", "unique", "_unique2", "is_nonzero", "allclose", "item",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._looks = validation.can_look

    def __enter__(self) -> Any:
        validation.can_look = lambda tensor: False
        return super().__enter__()

    def __exit__(self, *problem: Any) -> None:
        validation.can_look = self._looks
        super().__exit__(*problem)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        by_bool = name in ("index", "index_put", "index_put_") and any(
            t is not None and t.dtype in (torch.bool, torch.uint8) for t in args[1]
        )
        if name in self.WAITS or by_bool:
            self.note(name)
        return func(*args, **(kwargs or {}))

    def note(self, name: str) -> None:
        self.seen.append(name)


class NothingWaits(Waits):
    """Raises at the first of them."""

    def note(self, name: str) -> None:
        raise AssertionError(f"{name} waits for the device")


class Operators(TorchDispatchMode):
    """The operators that run inside, those of them that compute in half precision, the types of results, and the largest."""

    #: what moves numbers and computes none
    MOVES = frozenset({
        "_to_copy", "where", "view", "_unsafe_view", "expand", "clone", "detach", "slice", "unsqueeze", "squeeze", "zeros", "zeros_like",
        "full", "full_like", "empty", "empty_like", "select", "transpose", "permute", "t", "alias", "ones", "ones_like", "copy", "copy_",
        "new_zeros", "select_backward", "slice_backward", "as_strided",
    })  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.in_half: set[str] = set()
        self.types: set[torch.dtype] = set()
        self.largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        self.names.add(name)
        if isinstance(found, Tensor):
            self.types.add(found.dtype)
            self.largest = max(self.largest, found.numel())
            if found.dtype in HALVES and name not in self.MOVES:
                self.in_half.add(name)
        return found
