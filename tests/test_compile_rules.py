"""The traps of the compile rules say so, and the default row refuses them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import torchweights as tw
from torchweights.compile_rules import COMPILE_RULES, Outputs, compile_rules_for
from torchweights.semantics import ROW_OF

ORDER = ["c", "a", "b"]
BY_NAME = dict.fromkeys(sorted(ORDER), "mse")

#: semantics, arguments, what the warning says, and what the default row says to the same
TRAPS: list[tuple[str, dict[str, Any], str, str]] = [
    ("tf_keras2.21", {"loss": ["mse"], "output_names": ["a", "b"]}, "not trained", "loss expected 2 entries"),
    ("tf_keras2.21", {"loss": ["mse", "mae"], "loss_weights": [0.5]}, "not trained", "loss_weights expected 2 numbers"),
    (
        "keras3.15", {"loss": ["mse"] * 3, "output_names": ORDER, "loss_weights": {"c": 1.0, "a": 2.0, "b": 3.0}}, "sorted keys", "",
    ),
    ("keras3.15", {"loss": ["mse", "mae"], "output_names": ["a"]}, "first one acts alone", "loss expected 1 entries"),
    ("keras3.6", {"loss": BY_NAME, "output_names": ORDER}, "meet other outputs", ""),
    ("keras3.4", {"loss": [None, "mse"]}, "None is left out", ""),
    ("tf1.14", {"loss": ["mse"] * 2, "class_weight": [None, {0: 1.0}]}, "those after it are lost", ""),
    ("keras2.2.4", {"loss": ["mse"] * 2, "class_weight": {0: 1.0}}, "ignored without a word", "class_weight expected names"),
    ("keras3.15", {"loss": "categorical_crossentropy", "output_names": ["a"], "class_weight": {"a": {0: 1.0}}}, "ignored", ""),
]  # fmt: skip


@pytest.mark.parametrize(("semantics", "arguments", "words", "refused"), TRAPS)
def test_a_trap_is_said_and_the_default_row_has_none(
    semantics: str, arguments: dict[str, Any], words: str, refused: str
) -> None:
    with pytest.warns(tw.KerasTrapWarning, match=words):
        tw.CompiledLoss(**arguments, semantics=semantics)
    if refused:
        with pytest.raises(ValueError, match=refused):
            tw.CompiledLoss(**arguments)


def test_weights_that_a_release_loses_are_lost_and_said() -> None:
    p, t = torch.ones(2, 1), torch.zeros(2, 1)
    old = tw.CompiledLoss(["mse", "mse"], semantics="tf1.14")
    with pytest.warns(tw.KerasTrapWarning, match="sample_weight expected for every output"):
        parts = old.detailed([p, p], [t, t], sample_weight=[None, torch.full((2,), 3.0)])
    assert float(parts.outputs["output_2"]) == 1.0
    zipped = tw.CompiledLoss(["mse", "mse"], semantics="tf_keras2.21")
    with pytest.warns(tw.KerasTrapWarning, match="sample_weight expected 2 entries"):
        parts = zipped.detailed([p, p], [t, t], sample_weight=[torch.full((2,), 3.0)])
    assert [float(one) for one in parts.outputs.values()] == [3.0, 0.0]


def test_sorted_names_give_other_weights_than_names() -> None:
    """What is silently wrong in Keras 3: a dict of loss weights beside a list of losses."""
    outputs = {name: torch.full((1, 1), size) for name, size in zip(ORDER, (1.0, 10.0, 100.0), strict=True)}
    nothing = {name: torch.zeros(1, 1) for name in ORDER}
    weights = {"c": 1.0, "a": 0.0, "b": 0.0}
    meant = tw.CompiledLoss(["mse"] * 3, weights, output_names=ORDER)
    assert float(meant(outputs, nothing)) == 1.0
    with pytest.warns(tw.KerasTrapWarning, match="sorted keys"):
        keras = tw.CompiledLoss(["mse"] * 3, weights, output_names=ORDER, semantics="keras3.15")
    assert float(keras(outputs, nothing)) == 10000.0


def test_every_release_has_rules() -> None:
    for release in ROW_OF:
        assert compile_rules_for(release).name in COMPILE_RULES
    assert compile_rules_for(tw.semantics_for("keras2.2.4")).name == "keras2.2.4"
    assert compile_rules_for("tensorflow==2.6.0").name == "tf_keras2.21"
    assert [compile_rules_for(f"keras==3.{minor}.0").name for minor in (1, 4, 6, 13, 15)] == [
        "keras3.0", "keras3.4", "keras3.6", "keras3.13", "keras3.15",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="semantics expected one of"):
        compile_rules_for("keras4")


def test_outputs_are_named_as_keras_3_logs_them() -> None:
    nested = Outputs({"first": ["a", "b"], "second": "c"})
    assert nested.names == ["a", "b", "c"]
    assert nested.log_names == ["first/a", "first/b", "second"]
    with pytest.raises(TypeError, match="output_names expected names"):
        Outputs([1, 2])
    with pytest.raises(ValueError, match="names of outputs, a, b; received 'c'"):
        Outputs(["a", "b"]).each("mask", {"c": None})
