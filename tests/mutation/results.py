"""What the last whole run found: result.json."""

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
    """Score and counts per module and in total, survivors with reasons, date, commit and seconds of the last whole run."""
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
    """Keep a whole run; ``by_module`` has a line ``total``."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=FILE.parent, capture_output=True, text=True, check=False)
    found = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "seconds": round(seconds),
        "total": by_module["total"],
        "modules": {name: counts for name, counts in by_module.items() if name != "total"},
        "survivors": [{"mutant": key, "reason": reason} for key, reason in sorted(survivors.items())],
    }
    FILE.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
