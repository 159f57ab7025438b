"""The origins: what each release answered, value and gradient, is what the calls of ``examples/origins.py`` compute."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import torchweights as tw

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "examples"))
import origins  # noqa: E402
from recordings import beside  # noqa: E402

#: releases whose objects and models weigh float64 values in float32 (the headers of their cell recordings say so)
IN_FLOAT32 = ("tf1.14", "tf1.15", "tf2.0", "tf2.1", "tf2.2", "keras2.3.1")
#: what has a reason of its own to be further away than float64 is precise
REASONS = {
    "O14": "the closure clips p before it takes 1 - p_t, Keras and this library only in the logarithm",
    "O5": "TensorFlow's graph folds (1 - q) + e into (1 + e) - q, which float64 holds to 1e-9",
    "O7": "as O5",
    "O6": "the penalty of Keras 3 is computed in float32",
    "O23": "as O6",
    "O3": "tf.losses compute in float32",
    "O9": "metrics of Keras compute in float32",
}
CASES = [
    pytest.param(name, asked, release, call, id=f"{name} {asked} {release}".replace("  ", " "))
    for name, asked, releases, call in origins.ROWS
    for release in releases
]
GIVEN = beside.arrays()


def limit(name: str, release: str, answer: dict[str, Any]) -> float:
    """How far apart numbers may be: float64 decides meaning wherever a release can be asked in it."""
    if (name in REASONS and release not in ("keras2.2.4", "keras3.15")) or name in ("O3", "O6", "O9", "O14", "O23"):
        return 1e-6
    return 1e-6 if answer.get("in") == "float32" or release.partition(":")[0] in IN_FLOAT32 else 1e-12


def leaves() -> dict[str, torch.Tensor]:
    """The arrays, those of predictions as leaves that require grad."""
    predictions = ("p", "five", "logits", "p100", "small_p", "steps_p", "pixels_p", "binary_p", "request_p")
    return {name: one.clone().requires_grad_() if name in predictions else one for name, one in GIVEN.items()}


def behind_softmax(p: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """What reaches the logits: Keras's focal loss makes p add up to 1 and a closure does not, which no softmax notices."""
    return p * (gradient - (gradient * p).sum(-1, keepdim=True))


def mistakes(
    answer: dict[str, Any], found: Any, given: dict[str, torch.Tensor], allowed: float, name: str = ""
) -> list[str]:
    """What differs between an answer and what was computed."""
    if "refused" in answer or isinstance(found, Exception):
        return [] if "refused" in answer and isinstance(found, Exception) else [f"{answer} beside {found!r}"]
    wrong = []
    if not (apart := beside.difference(answer["value"], found.detach())) <= allowed:
        wrong.append(f"value {apart:.1e} apart")
    if "gradient" in answer:
        wanted = [one for one in given.values() if one.requires_grad]
        gradients = torch.autograd.grad(found.sum(), wanted, allow_unused=True)
        (mine,) = [one for one in gradients if one is not None]
        theirs = torch.tensor(answer["gradient"], dtype=torch.float64)
        if name == "O15":
            mine, theirs = (behind_softmax(given["p"].detach(), one) for one in (mine, theirs))
        scale = theirs.abs().max()
        if mine.shape != theirs.shape or not bool(((mine - theirs).abs() <= allowed * 10 * scale).all()):
            wrong.append("gradient")
    return wrong


@pytest.mark.parametrize(("name", "asked", "release", "call"), CASES)
@pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")
def test_every_origin(name: str, asked: str, release: str, call: Any) -> None:
    answer, given = beside.recorded(name, asked, release), leaves()
    assert not mistakes(answer, beside.computed(call, given, release), given, limit(name, release, answer), name)


def test_every_origin_is_there() -> None:
    assert {name for name, *_ in origins.ROWS} == {f"O{n}" for n in range(1, 24)}


def test_the_gradient_of_the_binary_focal_loss() -> None:
    answer, p = beside.recorded("O14", "", "keras2.2.4"), GIVEN["binary_p"].clone().requires_grad_()
    criterion = tw.BinaryFocalCrossentropy(apply_class_balancing=True, from_logits=False, axis=(), reduction="sum")
    (mine,) = torch.autograd.grad(criterion(p, GIVEN["binary_t"]), p)
    theirs = torch.tensor(answer["gradient"], dtype=torch.float64)
    inside = (p > 1e-6) & (p < 1 - 1e-6)  # where clipping ends, the closure has no gradient
    torch.testing.assert_close(mine[inside], theirs[inside], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("part", ["value", "gradient", "refused"])
def test_a_spoiled_answer_fails(part: str) -> None:
    call = next(call for name, asked, _, call in origins.ROWS if (name, asked) == ("O10", ""))
    given = leaves()
    answer = dict(json.loads(json.dumps(beside.recorded("O10", "", "keras3.15"))))
    found = beside.computed(call, given, "keras3.15")
    assert not mistakes(answer, found, given, 1e-12)
    if part == "refused":
        answer = {"refused": "ValueError"}
    elif part == "value":
        answer["value"][1] *= 1 + 1e-9
    else:
        answer["gradient"][0][0] += 1e-6
    assert len(mistakes(answer, beside.computed(call, given, "keras3.15"), given, 1e-12)) == 1


def test_every_recording_says_what_made_it() -> None:
    for path in beside.RECORDINGS.glob("*.json"):
        if path.stem != "inputs":
            made_by = json.loads(path.read_text())["made_by"]
            assert (
                path.stem.removeprefix("tf_").startswith(("keras", "tf"))
                and made_by["tensorflow"]
                and made_by["python"]
            )


def test_the_page_of_origins_is_what_the_example_prints(capsys: pytest.CaptureFixture[str]) -> None:
    beside.show(origins.ROWS, origins.TITLES, markdown=True)
    page = (ROOT / "docs" / "origins.md").read_text(encoding="utf-8")

    def settled(text: str) -> str:
        # The last digits shown may differ from one processor to the next.
        return re.sub(r"(\d\.\d{7})\d+", r"\1", text)

    assert settled(page) == settled(capsys.readouterr().out), "python examples/origins.py --markdown > docs/origins.md"
