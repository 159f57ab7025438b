"""Seconds and memory of cross-entropy with void labels as maps grow: ``python -m benchmarks.scaling``; a process for each point."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.peers import losses
from benchmarks.peers.measuring import THREADS, _resident

#: what grows: (samples, classes, height, width)
POINTS = {
    "pixels": [(2, 19, 128, 256), (2, 19, 256, 512), (2, 19, 512, 1024), (2, 19, 1024, 2048)],
    "classes": [(2, 2, 512, 512), (2, 5, 512, 512), (2, 21, 512, 512), (2, 150, 512, 512)],
    "batch": [(1, 19, 1024, 2048), (4, 19, 1024, 2048), (16, 19, 1024, 2048)],
}
#: memory beside the predictions that each takes at the most, in multiples of them, by ``benchmarks.counting``
TAKES = {losses.CLOSED: 1.4, losses.FUSED: 1.4, losses.NATIVE: 3.2, "naive": 5.0, losses.PLAIN: 6.0}
MOST = 16e9


def _data(shape: tuple[int, ...]) -> dict[str, object]:
    samples, classes, height, width = shape
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(classes, (samples, height, width), generator=generator)
    labels[torch.rand(samples, height, width, generator=generator) < 0.1] = 255
    return {
        "y_pred": torch.randn(shape, generator=generator),
        "y_true": labels,
        "axis": 1,
        "class_weight": torch.rand(classes) + 0.5,
    }


def point(shape: tuple[int, ...], key: str, count: int) -> None:
    """Print seconds and peak memory of one loss at one point."""
    torch.set_num_threads(THREADS)
    data = _data(shape)
    y_pred: Tensor = data["y_pred"].requires_grad_()  # type: ignore[attr-defined]
    loss: Callable[[Tensor], Tensor] = losses.labelled(data)[key].loss

    def step() -> None:
        y_pred.grad = None
        loss(y_pred).backward()

    step()
    y_pred.grad = None
    Path("/proc/self/clear_refs").write_text("5")
    before, taken = _resident("VmRSS"), []
    for _ in range(count):
        began = time.perf_counter()
        step()
        taken.append(time.perf_counter() - began)
    print("POINT", json.dumps([sorted(taken)[len(taken) // 2], (_resident("VmHWM") - before) / (y_pred.numel() * 4)]))


def measured(shape: tuple[int, ...], key: str, count: int) -> str:
    """Milliseconds and multiples of the predictions, or why it was not run."""
    size = 4 * torch.Size(shape).numel()
    if size * (1 + TAKES[key]) > MOST:
        return "not run: above 16 GB"
    command = [
        sys.executable,
        "-m",
        "benchmarks.scaling",
        "--point",
        *map(str, shape),
        "--loss",
        key,
        "--rounds",
        str(count),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": str(THREADS)}
    )
    for line in done.stdout.splitlines():
        if line.startswith("POINT "):
            seconds, peak = json.loads(line.removeprefix("POINT "))
            return f"{seconds * 1e3:.0f} ms, {peak:.2f}x"
    return f"failed: {(done.stderr.strip().splitlines() or ['?'])[-1][:60]}"


def main(arguments: Sequence[str] | None = None) -> int:
    """A table for each thing that grows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--point", type=int, nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--loss", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.point:
        point(tuple(chosen.point), chosen.loss, chosen.rounds)
        return 0
    for grows, shapes in POINTS.items():
        print(f"\n| {grows} | predictions | {' | '.join(TAKES)} |\n|---|--:|" + "--:|" * len(TAKES))
        for shape in shapes:
            cells = [measured(shape, key, chosen.rounds) for key in TAKES]
            print(
                f"| {'x'.join(map(str, shape))} | {4 * torch.Size(shape).numel() / 1e6:.0f} MB | {' | '.join(cells)} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
