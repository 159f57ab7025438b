"""How the library's answers compare with each release's, a line for each: ``python -m parity_tests.compiled.compare``."""

from __future__ import annotations

import sys

from parity_tests.compiled import cases
from parity_tests.compiled.replay import DOORS, RECORDINGS, differs, errors, expected_divergence, quiet, recorded


def main() -> int:
    """Print a line for each release; 1 where something differs that is not listed."""
    print(f"{'release':<18}answers  alike  refused alike  known to diverge  differ  worst value  worst gradient  float")
    whole, bad = 0, 0
    for path in RECORDINGS:
        release = path.stem
        counts = dict.fromkeys(("alike", "refused", "known", "differ"), 0)
        worst = {"value": 0.0, "gradient": 0.0}
        questions = [question for question in recorded(release) if question != "made_by"]
        for question in questions:
            answer, problem = recorded(release)[question], differs(question, release)
            kind = "refused" if "refused" in answer else "alike"
            if problem is not None:
                kind = "known" if expected_divergence(release, question) else "differ"
            counts[kind] += 1
            if kind == "alike":
                name, door = question.split(" | ")
                with quiet():
                    found = DOORS[door](cases.CASES[name], release)
                for part, (error, _) in errors(found, answer, cases.CASES[name], release).items():
                    worst[part] = max(worst[part], error)
        whole, bad = whole + len(questions), bad + counts["differ"]
        made_in = recorded(release)["made_by"]["in"]
        print(
            f"{release:<18}{len(questions):>7}{counts['alike']:>7}{counts['refused']:>15}{counts['known']:>18}{counts['differ']:>8}"
            f"{worst['value']:>13.1e}{worst['gradient']:>16.1e}  {made_in}"
        )
    print(f"{len(RECORDINGS)} releases, {whole} answers, {bad} differ")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
