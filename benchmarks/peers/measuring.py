"""Processes that measure: one for each backend, whose losses run in turns; and one for each loss whose memory is asked."""

from __future__ import annotations

import ctypes
import gc
import json
import math
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers import libraries, losses, on_tensorflow
from benchmarks.peers.workloads import WORKLOADS
from benchmarks.timing import handover

THREADS = 2
LIMIT = "copy limit"
#: Steps before a sample, at most: until one takes no longer than the quickest so far did, and a tenth of that. What the loss before
#: left in the caches and the heap is not this one's; and memory that a virtual machine gave back to its host meanwhile comes again
#: slowly, for steps on end.
WARM = 8
#: what a call must take for its sample to be trusted
SAMPLE = 0.02
#: how much longer than the shortest of all a handover may take beside a sample that counts
CALM = 1.2
Step = Callable[[], Any]


def torch_steps(
    name: str, only: str | None = None, device: str = "cpu"
) -> tuple[dict[str, Step], dict[str, str], list[str]]:
    """Forward with backward of every loss on torch, what is said of each, and which libraries are absent."""
    data = WORKLOADS[name].data(device)
    y_pred = data["y_pred"].clone().requires_grad_()
    waits = torch.cuda.synchronize if device == "cuda" else lambda: None
    peers = losses.FAMILIES[losses.family_of(name)](data)
    others, absent = libraries.peers(name, data)
    peers |= others

    def step(loss: losses.Loss) -> Step:
        def both() -> Any:
            y_pred.grad = None
            value = loss(y_pred)
            value.backward()
            waits()
            return value.detach(), y_pred.grad

        return both

    def copied() -> Any:
        found = y_pred.detach().clone()
        waits()
        return found

    steps = {key: step(one.loss) for key, one in peers.items() if only in (None, key)}
    return {**steps, LIMIT: copied}, {key: one.says for key, one in peers.items()}, absent


def _signature(found: Any) -> tuple[float, float, float]:
    value, gradient = found
    flat = torch.as_tensor(gradient).cpu().double().flatten()
    return float(value), float(flat.norm()), float((flat[:: max(1, len(flat) // 10000)] * 0.37).sum())


def serve(backend: str, name: str, device: str, connection: Any) -> None:
    """A process that answers what it is asked: the seconds of so many steps of a loss, and of a handover before or after them."""
    torch.set_num_threads(THREADS)
    if backend == "torch":
        steps, says, absent = torch_steps(name, device=device)
    else:
        x, compiled = on_tensorflow.steps(name, WORKLOADS[name].data())
        steps = {key: (lambda one=one: one(x)) for key, one in compiled.items()}  # type: ignore[misc]
        says, absent = {}, []
    first: dict[str, Any] = {}
    quickest: dict[str, float] = {}
    for key, step in list(steps.items()):
        began = time.perf_counter()
        try:
            found = step()
            found = found if key == LIMIT else [one.numpy() if backend != "torch" else one for one in found]
            seconds = time.perf_counter() - began
            step()
            began = time.perf_counter()
            step()
            each = time.perf_counter() - began
            first[key] = {"first": seconds, "each": each, "signature": None if key == LIMIT else _signature(found)}
        except Exception as error:
            first[key] = {"error": f"{type(error).__name__}: {str(error)[:100]}"}
            del steps[key]
        gc.collect()
    connection.send((first, says, absent))
    while (asked := connection.recv()) is not None:
        key, times = asked
        quickest[key] = _warmed(steps[key], quickest.get(key, math.inf))
        before, began = handover(), time.perf_counter()
        for _ in range(times):
            steps[key]()
        seconds = (time.perf_counter() - began) / times
        connection.send((seconds, max(before, handover())))


def _warmed(step: Step, quickest: float) -> float:
    """The seconds of the quickest step, after steps that are not counted."""
    for _ in range(WARM):
        began = time.perf_counter()
        step()
        took = time.perf_counter() - began
        if took <= 1.1 * quickest:
            return min(took, quickest)
        quickest = min(took, quickest)
    return quickest


def timed(
    name: str, rounds: int, seconds: float, device: str = "cpu", shortest: float = math.inf
) -> tuple[dict[str, Any], float]:
    """Median seconds of every loss, and the shortest handover; all are visited in every round, in random order.

    Samples in which the machine was disturbed do not count, and are made up for while there is time; only where a loss has no
    other do they stand for it.
    """
    context = multiprocessing.get_context("spawn")
    connections, where, found, absent = {}, {}, {}, []
    for backend in ("torch", "tensorflow") if device == "cpu" else ("torch",):
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(backend, name, device, theirs), daemon=True)
        process.start()
        try:
            first, says, lacking = ours.recv()
        except EOFError:
            absent.append(f"keras on {backend}")
            continue
        absent += lacking
        connections[backend] = ours
        for key, one in first.items():
            found[key] = {**one, "says": says.get(key, ""), "samples": []}
            where[key] = backend
    keys = [key for key, one in found.items() if "error" not in one]
    end = time.monotonic() + seconds
    while keys:
        random.shuffle(keys)
        for key in keys:
            times = max(1, int(SAMPLE / max(found[key]["each"], 1e-6)))
            connections[where[key]].send((key, times))
            found[key]["samples"].append(connections[where[key]].recv())
            shortest = min(shortest, found[key]["samples"][-1][1])
        if time.monotonic() > end or all(len(calm(found[key]["samples"], shortest)) >= rounds for key in keys):
            break
    for connection in connections.values():
        connection.send(None)
    for key in keys:
        counted, samples = calm(found[key]["samples"], shortest), found[key]["samples"]
        found[key]["disturbed"] = not counted
        found[key]["seconds"] = statistics.median(counted or [one for one, _ in samples])
    return {"losses": found, "absent": absent}, shortest


def calm(samples: list[tuple[float, float]], shortest: float) -> list[float]:
    """Seconds of the samples beside which a handover took no longer than it should."""
    return [seconds for seconds, beside in samples if beside <= CALM * shortest]


# --------------------------------------------------------------------------------------------------------------------- memory


def _resident(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    raise ValueError(key)


def peak_of(name: str, key: str) -> None:
    """Print the peak of memory that one step takes, in multiples of the predictions: for a process of its own."""
    torch.set_num_threads(THREADS)
    size = WORKLOADS[name].data()["y_pred"].numel() * 4
    steps, _, _ = torch_steps(name, key)
    for _ in range(2):
        steps[key]()
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = _resident("VmRSS")
    steps[key]()
    # The gradient of the last step is given back at the beginning of this one.
    print("PEAK", json.dumps((_resident("VmHWM") - before) / size + 1.0))


def peaks(name: str, keys: list[str]) -> dict[str, float]:
    """Peak extra memory of losses on torch, in multiples of the predictions."""
    found = {}
    # Every block goes back at once, so that what is not needed does not count.
    settings = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0", "OMP_NUM_THREADS": str(THREADS)}
    for key in keys:
        command = [sys.executable, "-m", "benchmarks.peers", "--peak", name, key]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **settings})
        printed = [line for line in done.stdout.splitlines() if line.startswith("PEAK ")]
        if printed:
            found[key] = float(printed[0].removeprefix("PEAK "))
    return found
