"""Real processes with a gloo group, started once for the whole session, and a watchdog for those that wait for ever."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: seconds that any one call may take before its ranks are taken for dead
LIMIT = 240.0


class Deadlock(Exception):
    """Some ranks did not answer in time."""


class RankFailed(Exception):
    """A rank raised; its traceback is the message."""


def _serve(rank: int, world: int, meeting_point: str, connection: Any) -> None:
    """What every rank does: call what it is sent, answer with what comes back."""
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting_point}", rank=rank, world_size=world)
    while True:
        task = connection.recv()
        if task is None:
            break
        function, arguments = task
        try:
            connection.send((True, function(*arguments)))
        except Exception:
            connection.send((False, traceback.format_exc()))
    dist.destroy_process_group()


class Pool:
    """``world`` processes; ``run`` calls a function on each. After a deadlock the next call starts new ones."""

    def __init__(self, world: int) -> None:
        self.world = world
        self._processes: list[Any] = []
        self._connections: list[Any] = []

    def run(self, function: Callable[..., Any], *arguments: Any, limit: float = LIMIT) -> list[Any]:
        """What every rank returned, by rank."""
        if not self._processes:
            self._start()
        for connection in self._connections:
            connection.send((function, arguments))
        end, answers, late = time.monotonic() + limit, [], []
        for rank, connection in enumerate(self._connections):
            if connection.poll(max(0.0, end - time.monotonic())):
                answers.append(connection.recv())
            else:
                late.append(rank)
        if late:
            self.kill()
        failed = [answer for ok, answer in answers if not ok]
        if failed:
            raise RankFailed(failed[0])
        if late:
            raise Deadlock(f"{function.__name__}: ranks {late} of {self.world} did not answer in {limit} s")
        return [answer for _, answer in answers]

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._folder = tempfile.TemporaryDirectory()
        meeting_point = str(Path(self._folder.name) / "store")
        for rank in range(self.world):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(rank, self.world, meeting_point, theirs), daemon=True)
            process.start()
            self._processes.append(process)
            self._connections.append(ours)

    def close(self) -> None:
        """Let the ranks end."""
        for connection in self._connections:
            connection.send(None)
        for process in self._processes:
            process.join(10)
        self.kill()

    def kill(self) -> None:
        """End the ranks, whatever they wait for."""
        for process in self._processes:
            process.kill()
            process.join()
        self._processes, self._connections = [], []
