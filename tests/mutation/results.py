"""What the last run of each module found: result.json."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("result.json")
#: the least score that passes, in percent
LEAST = 95.0


def measured() -> dict[str, Any]:
    """Score and counts per module and in total, survivors with reasons; date, commit and seconds of the last run, and of that of each module."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def counted(verdicts: Sequence[str]) -> dict[str, float]:
    """Mutants, how many were killed, survived or took too long, and the percentage killed."""
    count = Counter(verdicts)
    return {
        "mutants": len(verdicts),
        "killed": count["killed"],
        "survived": count["survived"],
        "timeouts": count["timeout"],
        "score": round(100 * count["killed"] / max(len(verdicts), 1), 2),
    }


def table(by_module: Mapping[str, Mapping[str, float]]) -> str:
    """The counts as lines of text."""
    heads = ("mutants", "killed", "survived", "timeouts", "score")
    lines = [f"{'module':<16}" + "".join(f"{head:>10}" for head in heads)]
    for name, counts in by_module.items():
        lines.append(
            f"{name:<16}" + "".join(f"{counts[head]:>10g}" for head in heads[:-1]) + f"{counts['score']:>9.1f}%"
        )
    return "\n".join(lines)


def write(by_module: Mapping[str, Mapping[str, float]], survivors: Mapping[str, str], seconds: float) -> None:
    """Keep what a run found of its modules; of the others stays what the last run found."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=FILE.parent, capture_output=True, text=True, check=False)
    run = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "seconds": round(seconds),
    }
    before = measured() if FILE.exists() else {"modules": {}, "survivors": []}
    modules = {
        **before["modules"],
        **{name: {**counts, **run} for name, counts in by_module.items() if name != "total"},
    }
    kept = {one["mutant"]: one["reason"] for one in before["survivors"] if module_of(one["mutant"]) not in by_module}
    whole = [sum(int(one[count]) for one in modules.values()) for count in COUNTS]
    found = {
        **run,
        "total": {**dict(zip(COUNTS, whole, strict=True)), "score": round(100 * whole[1] / max(whole[0], 1), 2)},
        "modules": modules,
        "survivors": [{"mutant": key, "reason": reason} for key, reason in sorted({**kept, **survivors}.items())],
    }
    FILE.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


COUNTS = ("mutants", "killed", "survived", "timeouts")


def module_of(key: str) -> str:
    """Where a mutant is: cells of tables begin with the name of their table and a bracket."""
    return "tables" if "[" in key.partition(".")[0] else key.partition(".")[0]
