"""``CompiledLoss`` and ``EpochLoss`` against what releases answered for models of several outputs: values, gradients, refusals."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from parity_tests.compiled import cases, replay
from parity_tests.compiled.divergences import DIVERGENCES
from parity_tests.compiled.replay import RECORDINGS, differs, expected_divergence, recorded
from torchweights.compile_rules import COMPILE_RULES


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_every_answer_of_a_release(path: Path) -> None:
    release = path.stem
    problems = []
    for question in recorded(release):
        if question == "made_by":
            continue
        problem, why = differs(question, release), expected_divergence(release, question)
        if problem is not None and why is None:
            problems.append(f"{question}: {problem}")
        elif problem is None and why is not None:
            problems.append(f"{question}: listed as a divergence ({why}), and does not diverge")
    assert not problems, f"{len(problems)} of {len(recorded(release)) - 1} answers:\n" + "\n".join(problems)


def test_a_spoiled_recording_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    release, question = "keras3.15", "weights: list | train"
    assert differs(question, release) is None
    spoiled = json.loads(json.dumps(recorded(release)))
    spoiled[question]["value"]["loss"] += 1e-9
    monkeypatch.setattr(replay, "recorded", lambda _: spoiled)
    assert "differs by" in (differs(question, release) or "")
    spoiled[question] = {"refused": "ValueError", "said": "no"}
    assert "refused by the release alone" in (differs(question, release) or "")
    spoiled["loss: list too long | train"] = {"value": {"loss": 1.0}, "gradient": {}}
    assert "refused here alone" in (differs("loss: list too long | train", release) or "")


def test_every_recording_says_what_made_it() -> None:
    for path in RECORDINGS:
        made_by = recorded(path.stem)["made_by"]
        assert path.stem.removesuffix("-torch") in made_by["release"], path
        assert ("torch" in path.stem) == (made_by["backend"] == "torch")


def test_every_case_is_recorded_and_every_divergence_is_of_some_release() -> None:
    asked = {question.split(" | ")[0] for path in RECORDINGS for question in recorded(path.stem)} - {"made_by"}
    assert asked >= cases.CASES.keys()
    questions = [f"{path.stem} | {question}" for path in RECORDINGS for question in recorded(path.stem)]
    for pattern, why in DIVERGENCES:
        assert why.endswith(".")
        assert any(re.fullmatch(pattern, one) for one in questions), f"{pattern} is of nothing that was recorded"


def test_every_two_rows_of_rules_are_told_apart() -> None:
    """Two rows with the same rules would be one."""
    rules = [
        tuple(getattr(row, field.name) for field in dataclasses.fields(row) if field.name not in ("name", "releases"))
        for name, row in COMPILE_RULES.items()
        if name not in ("torch", "torchweights")
    ]
    assert len(set(rules)) == len(rules)


#: cases whose answers tell most, in a release that is installed here
LIVE = "^(loss: (list|several on each|list with None, three outputs)|weights: (dict, outputs not .*|nested.*)|sample_weight: list, three outputs|penalty: (activity l2|kernel l1), one output|activations: certain|outputs: nested)$"


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_the_installed_release_answers_as_its_row(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorflow", reason='the live cases need TensorFlow: pip install -e ".[test]"')
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed (CI installs tf_keras without its dependencies)")
    oracle, answers = Path(replay.__file__).parent / "oracle.py", tmp_path / "answers.json"
    beside = {**os.environ, "KERAS_BACKEND": "tensorflow", "KERAS_HOME": str(tmp_path)}
    subprocess.run(
        [sys.executable, str(oracle), package, str(answers), LIVE], env=beside, check=True, capture_output=True
    )
    fresh = json.loads(answers.read_text())
    version = fresh["made_by"]["release"].removeprefix(package)
    monkeypatch.setattr(replay, "recorded", lambda _: {"made_by": fresh["made_by"], **fresh["answers"]})
    release = package + ".".join(version.split(".")[:2])
    assert len(fresh["answers"]) > 20
    for question in fresh["answers"]:
        assert (differs(question, release) is None) == (expected_divergence(release, question) is None), question
