"""``python -m benchmarks.peers [WORKLOAD ..]``: seconds and memory of a training step's loss, beside others, in one run."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.peers import measuring, report
from benchmarks.peers.losses import CLOSED, COMPILED, FUSED, NATIVE, PLAIN
from benchmarks.peers.workloads import WORKLOADS


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the workloads named, or all of them; print tables, and write them where ``--into`` says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("workload", nargs="*", help=f"of {', '.join(WORKLOADS)}; all if none is named")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=120, help="the most that the rounds of one workload may take")
    parser.add_argument("--memory", action="store_true", help="also peak memory, a process for each loss")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--into", type=Path, help="folder for peers.md, peers.json and peers.png")
    parser.add_argument("--peak", nargs=2, metavar=("WORKLOAD", "LOSS"), help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.peak:
        measuring.peak_of(*chosen.peak)
        return 0
    names = chosen.workload or list(WORKLOADS)
    unknown = set(names) - set(WORKLOADS)
    if unknown:
        parser.error(f"workload expected of {', '.join(WORKLOADS)}; received {', '.join(sorted(unknown))}")
    lines, results, shortest = [f"{date.today().isoformat()}, {report.machine()}\n"], {}, math.inf
    for name in names:
        results[name], shortest = measuring.timed(name, chosen.rounds, chosen.seconds, chosen.device, shortest)
        if chosen.memory and chosen.device == "cpu":
            here = [key for key in results[name]["losses"] if key in (PLAIN, CLOSED, FUSED, NATIVE, COMPILED, "naive")]
            results[name]["peaks"] = measuring.peaks(name, here)
        part = list(report.table(name, results[name]))
        lines += part
        print(*part, sep="\n", flush=True)
    lines += report.summary(results)
    print(*report.summary(results), sep="\n")
    if chosen.into:
        chosen.into.mkdir(parents=True, exist_ok=True)
        (chosen.into / "peers.md").write_text("\n".join(lines) + "\n")
        (chosen.into / "peers.json").write_text(
            json.dumps({"machine": report.machine(), "workloads": results}, indent=1)
        )
        report.picture(results, chosen.into / "peers.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
