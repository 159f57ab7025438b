"""What the library answers to the cases of ``cases.py``, and how that differs from what a release answered."""

from __future__ import annotations

import contextlib
import json
import math
import re
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import torchweights as tw
from parity_tests.compiled import cases
from parity_tests.compiled.divergences import DIVERGENCES
from torchweights.parity.comparison import TOLERANCES

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.json"))
X, Y, WEIGHT = cases.arrays()


@cache
def recorded(release: str) -> dict[str, Any]:
    path = Path(__file__).parent / "recordings" / f"{release}.json"
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def squares(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return ((y_true - y_pred) ** 2).mean(-1)


def absolutes(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return (y_true - y_pred).abs().mean(-1)


FUNCTIONS = {"squares": squares, "absolutes": absolutes}
_SOFTMAX = {"categorical_crossentropy": tw.CategoricalCrossentropy, "binary_crossentropy": tw.BinaryCrossentropy}


class Model:
    """What the oracle builds: a kernel for each output, penalties on those of the first, and the total loss of it all."""

    def __init__(self, case: dict[str, Any], release: str) -> None:
        self.case, self.release, self.outputs = case, release, case["outputs"]
        kind = recorded(release)["made_by"]["in"]
        self.dtype: torch.dtype = getattr(torch, kind)
        self.kernels = {
            name: torch.eye(cases.SIZES[name], dtype=self.dtype).requires_grad_(name not in case.get("frozen", ""))
            for name in self.outputs
        }
        if "add_loss" in case:
            self.before = torch.eye(cases.SIZES[self.outputs[0]], dtype=self.dtype).requires_grad_()
            self.kernels[self.outputs[0]].requires_grad_(False)
        self.layer = nn.Identity()
        structure = {"dict": {name: name for name in self.outputs}, "nested": {"first": ["a", "b"], "second": "c"}}
        options = {"loss_weights": self.given(case["loss_weights"])} if "loss_weights" in case else {}
        self.total = tw.CompiledLoss(
            self.losses(case["loss"]),
            class_weight=case.get("class_weight"),
            penalties=list(self.penalties()),
            output_names=structure.get(case.get("structure", ""), list(self.outputs)),
            semantics=release,
            **options,
        )

    def losses(self, loss: Any) -> Any:
        """Losses as the case gives them; where a release may find logits behind an activation, with the model's logits."""
        if "activation" in self.case:
            activations = [self.case["activation"][name] for name in self.outputs]
            return [
                _SOFTMAX[name](from_logits=f"rescued {activation}", semantics=self.release)
                for name, activation in zip(loss, activations, strict=True)
            ]
        return self.given(loss)

    def given(self, argument: Any) -> Any:
        if isinstance(argument, cases.function):
            return FUNCTIONS[argument]
        if isinstance(argument, cases.array):
            return np.array(argument)
        if isinstance(argument, dict):
            return {key: self.given(value) for key, value in argument.items()}
        if isinstance(argument, (list, tuple)):
            return type(argument)(self.given(value) for value in argument)
        return argument

    def penalties(self) -> Any:
        first = self.outputs[0]
        if "kernel" in self.case:
            kind, factor = self.case["kernel"]
            yield getattr(tw, kind)(self.kernels[first], factor)
        if "activity" in self.case:
            kind, factor = self.case["activity"]
            yield getattr(tw, f"activity_{kind}")(self.layer, factor)
        if "add_loss" in self.case:
            summed = self.case["add_loss"] == "number"
            yield (
                lambda: (
                    cases.ADDED * (self.hidden**2).sum(-1).sum() if summed else cases.ADDED * (self.hidden**2).sum(-1)
                )
            )

    def call(self, rows: slice) -> tw.Parts:
        outputs = {}
        for name in self.outputs:
            x = torch.tensor(self.case.get("scale", 1.0) * X[name][rows], dtype=self.dtype)
            if name == self.outputs[0] and "add_loss" in self.case:
                x = self.hidden = x @ self.before
            outputs[name] = x @ self.kernels[name]
        self.layer(outputs[self.outputs[0]])
        targets = {name: torch.tensor(Y[name][rows], dtype=self.dtype) for name in self.outputs}
        return self.total.detailed(self.nested(outputs), self.nested(targets), self.weights(rows))

    def nested(self, by_name: dict[str, Tensor]) -> Any:
        if self.case.get("structure") == "dict":
            return by_name
        if self.case.get("structure") == "nested":
            return {"first": [by_name["a"], by_name["b"]], "second": by_name["c"]}
        return list(by_name.values()) if len(by_name) > 1 else by_name[self.outputs]

    def weights(self, rows: slice) -> Any:
        def tensor(name: str | None) -> Tensor | None:
            return None if name is None else torch.tensor(WEIGHT[name][rows], dtype=self.dtype)

        given = self.case.get("sample_weight")
        if isinstance(given, dict):
            return {key: tensor(name) for key, name in given.items()}
        return [tensor(name) for name in given] if isinstance(given, list) else tensor(given)


def floats(log: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in log.items()}


def train(case: dict[str, Any], release: str) -> dict[str, Any]:
    model = Model(case, release)
    parts = model.call(slice(None))
    if parts.total.requires_grad:
        parts.total.backward()
    named = {name: kernel.grad for name, kernel in model.kernels.items() if kernel.requires_grad}
    if "add_loss" in case:
        named["before"] = model.before.grad
    return {
        "value": floats(parts.log_dict()),
        "gradient": {name: None if g is None else g.numpy() for name, g in named.items()},
    }


def epoch(model: Model, rows: range, **steps: bool) -> tw.EpochLoss:
    found = tw.EpochLoss(model.release, **steps)
    for start in range(rows.start, rows.stop, cases.BATCH):
        here = slice(start, min(start + cases.BATCH, rows.stop))
        found.update(model.call(here), samples=here.stop - here.start)
    return found


def fit(case: dict[str, Any], release: str, **steps: bool) -> dict[str, Any]:
    model = Model(case, release)
    split = round(cases.N * (1 - case.get("validation_split", 0.0)))
    found = epoch(model, range(split), **steps).compute()
    if split < cases.N:
        model.total.eval(validation_split=True)
        found.update(epoch(model, range(split, cases.N)).compute("val_"))
    return {"value": found}


def steps(case: dict[str, Any], release: str) -> dict[str, Any]:
    return fit(case, release, steps=True)


def evaluate(case: dict[str, Any], release: str) -> dict[str, Any]:
    model = Model({name: given for name, given in case.items() if name != "class_weight"}, release)
    model.total.eval()
    return {"value": epoch(model, range(cases.N)).compute()}


DOORS = {"train": train, "fit": fit, "steps": steps, "evaluate": evaluate}


def expected_divergence(release: str, question: str) -> str | None:
    return next((why for pattern, why in DIVERGENCES if re.fullmatch(pattern, f"{release} | {question}")), None)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of traps, which the cases are full of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def differs(question: str, release: str) -> str | None:
    """How the library's answer differs from the release's; None where it does not."""
    name, door = question.split(" | ")
    answer = recorded(release)[question]
    with quiet():
        try:
            found = DOORS[door](cases.CASES[name], release)
        except (ValueError, TypeError) as problem:
            return None if "refused" in answer else f"refused here alone: {problem}"
    if "refused" in answer:
        return f"refused by the release alone: {answer['said']}"
    if found["value"].keys() != answer["value"].keys():
        return f"prints {sorted(found['value'])}, expected {sorted(answer['value'])}"
    beyond = {
        part: error
        for part, (error, limit) in errors(found, answer, cases.CASES[name], release).items()
        if error > limit
    }
    return None if not beyond else f"differs by {beyond}: {found['value']}, expected {answer['value']}"


def errors(
    found: dict[str, Any], answer: dict[str, Any], case: dict[str, Any], release: str
) -> dict[str, tuple[float, float]]:
    """Scaled error and its limit, of what is printed and of the gradients."""
    limit = TOLERANCES[recorded(release)["made_by"]["in"]]
    # Logarithms of clipped probabilities are terms of up to 16; the gradient was read off kernels of ones and zeros.
    scale = -math.log(1e-7) if "scale" in case else 1.0
    value = max(_scaled(found["value"][name], there, scale) for name, there in answer["value"].items())
    slopes = [
        _scaled(0.0 if found["gradient"][name] is None else found["gradient"][name], there, case.get("scale", 1.0))
        for name, there in answer.get("gradient", {}).items()
    ]
    return {"value": (value, limit), "gradient": (max(slopes, default=0.0), limit)}


def _scaled(here: Any, there: Any, scale: float) -> float:
    there = np.asarray(there, dtype=float)
    return float(np.max(np.abs(np.asarray(here, dtype=float) - there)) / max(scale, np.abs(there).max()))
