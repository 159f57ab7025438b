"""What a step costs that no noise changes: operators, bytes they move, the most memory alive, waits: ``python -m benchmarks.counting``."""

from __future__ import annotations

import argparse
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.peers.losses import CLOSED, FAMILIES, NATIVE, PLAIN, family_of
from benchmarks.peers.workloads import WORKLOADS

#: what makes a view, and what makes a tensor; neither moves anything
_VIEWS = {
    "view", "_unsafe_view", "reshape", "expand", "permute", "transpose", "t", "unsqueeze", "squeeze", "slice", "select", "detach", "alias", "as_strided",
    "lift_fresh", "unbind", "split",
}  # fmt: skip
_MADE = {"empty_like", "empty", "new_empty", "empty_strided"}
_WAITS = {"_local_scalar_dense", "nonzero", "equal", "is_nonzero"}


class Costs(TorchDispatchMode):
    """Counts what runs inside; memory is that of storages made inside, while they are alive."""

    def __init__(self) -> None:
        super().__init__()
        self.operators = self.moved = self.alive = self.peak = self.waits = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        self.waits += name in _WAITS
        made = [one for one in (found if isinstance(found, (tuple, list)) else [found]) if isinstance(one, Tensor)]
        if name not in _VIEWS | _MADE:
            self.operators += 1
            flat = [
                one
                for one in [*args, *(kwargs or {}).values()]
                for one in (one if isinstance(one, (list, tuple)) else [one])
            ]
            given = [one for one in flat if isinstance(one, Tensor)]
            self.moved += sum(one.numel() * one.element_size() for one in [*given, *made])
        if name not in _VIEWS:
            for one in made:
                self._watch(one)
        return found

    def _watch(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._seen:
            return
        self._seen.add(key)
        size = storage.nbytes()
        self.alive += size
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._gone, key, size)

    def _gone(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.alive -= size


def costs(step: Callable[[], object]) -> Costs:
    """The costs of a step, after one that makes what is made once."""
    step()
    with Costs() as found:
        step()
    return found


def steps(name: str) -> tuple[int, dict[str, Callable[[], object]]]:
    """Bytes of the predictions, and forward with backward of ours and torch's own."""
    data = WORKLOADS[name].data()
    y_pred = data["y_pred"].requires_grad_()

    def step(loss: Callable[[Tensor], Tensor]) -> Callable[[], object]:
        return lambda: torch.autograd.grad(loss(y_pred), y_pred)[0].shape

    peers = FAMILIES[family_of(name)](data)
    return y_pred.numel() * 4, {key: step(peers[key].loss) for key in (PLAIN, CLOSED, NATIVE)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each workload and loss."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.counting", description=__doc__)
    parser.add_argument("workload", nargs="*", default=list(WORKLOADS))
    print("| workload | loss | operators | bytes moved, x predictions | most memory alive, x predictions | waits |")
    print("|---|---|--:|--:|--:|--:|")
    for name in parser.parse_args(arguments).workload:
        size, by_loss = steps(name)
        for key, step in by_loss.items():
            found = costs(step)
            print(
                f"| {name} | {key} | {found.operators} | {found.moved / size:.1f} | {found.peak / size:.2f} | {found.waits} |"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
