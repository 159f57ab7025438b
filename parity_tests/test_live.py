"""Beside the recordings: generated cases, asked of the Keras and TensorFlow that are installed here."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from torchweights.parity import cases, comparison, recordings

pytestmark = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")

keras = pytest.importorskip("keras", reason='the live tests need Keras: pip install -e ".[test]"')
pytest.importorskip("tensorflow", reason='the live tests need TensorFlow: pip install -e ".[test]"')

#: The row that stands for what is installed; another release must be recorded first.
ROW = "keras3.15"
COUNT = 400


@pytest.fixture(scope="module")
def ask() -> Iterator[Callable[[dict[str, Any], str], Any]]:
    """The oracle of Keras 3, in this process, in float64."""
    if not keras.__version__.startswith("3.15.") or keras.backend.backend() != "tensorflow":
        pytest.skip(
            f"row {ROW} was recorded from Keras 3.15 on TensorFlow; here is {keras.__version__} on {keras.backend.backend()}"
        )
    folder = str(Path(__file__).parent / "oracles")
    sys.path.insert(0, folder)
    try:
        import keras3

        yield keras3.prepare("float64")
    finally:
        sys.path.remove(folder)
        keras.config.set_floatx("float32")


def generated(number: int) -> dict[str, Any]:
    """Case ``number``: loss, shape, weight, mask, reduction and options drawn at random, alike on every machine."""
    draw = random.Random(20_260_000 + number)
    loss = draw.choice(cases.LOSSES[:7])
    shape = tuple(draw.randint(1, 5) for _ in range(draw.randint(1, 4)))
    reduction = draw.choice(cases.KERAS3_REDUCTIONS)
    options: dict[str, Any] = {}
    if loss.endswith("crossentropy") and draw.random() < 0.5:
        options["from_logits"] = True
    if loss in ("binary_crossentropy", "categorical_crossentropy") and draw.random() < 0.3:
        options["label_smoothing"] = draw.choice([0.125, 0.25])
    seed = f"live{number}"
    y_true, y_pred = cases.targets_and_predictions(loss, seed, shape, bool(options.get("from_logits")))
    if loss == "sparse_categorical_crossentropy" and draw.random() < 0.3:
        options["ignore_class"] = draw.randint(0, 2)
    weight = cases.sample_weight(draw.choice(cases.WEIGHTS), shape, seed)
    mask = cases.mask_of(draw.choice(cases.MASKS), shape, seed)
    return cases.case(
        f"live {number}", "loss", loss, y_true, y_pred, weight=weight, mask=mask, reduction=reduction, options=options
    )


@pytest.mark.parametrize("part", range(8))
def test_generated_cases_agree_with_the_keras_that_is_here(
    part: int, ask: Callable[[dict[str, Any], str], Any]
) -> None:
    wrong, compared, worst = [], 0, 0.0
    for number in range(part, COUNT, 8):
        item = generated(number)
        try:
            value, gradient = (np.asarray(part_) for part_ in ask(item, "float64"))
        except Exception as error:  # whatever Keras raises is its refusal
            cell = recordings.Cell(None, None, (type(error).__name__, str(error)[:80]))
        else:
            # Keras lets a trailing 1 of the weights change the shape of what reduction none returns; the numbers count.
            values = item["y_pred"].shape[:-1]
            value = value.reshape(values) if value.ndim and value.size == np.prod(values) else value
            cell = recordings.Cell(value, gradient, None)
        result = comparison.compare_cell(item, cell, ROW, "float64", "float64")
        left = [kind for kind in result.wrong if not _known(item, kind)]
        wrong += [f"{item['id']} {item['reduction']} {item['options']}: {kind}: {result.detail}" for kind in left]
        compared += not result.wrong and cell.refusal is None
        worst = max(worst, 0.0 if result.wrong else result.value_error, 0.0 if result.wrong else result.gradient_error)
    assert not wrong, "\n".join(wrong)
    assert compared > COUNT / 8 / 3
    assert worst <= comparison.TOLERANCES["float64"]


def _known(item: dict[str, Any], kind: str) -> bool:
    """The one divergence that generated cases can meet, listed for the recordings too: outer products are refused."""
    shapes = [item[name].shape for name in ("sample_weight", "mask") if item[name] is not None]
    values = item["y_pred"].shape[:-1]
    return kind == "we refuse" and any(_enlarges(shape, values) for shape in [*shapes, _together(shapes)])


def _together(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    try:
        return tuple(np.broadcast_shapes(*shapes))
    except ValueError:
        return ()


def _enlarges(shape: tuple[int, ...], values: tuple[int, ...]) -> bool:
    """Whether a weight of this shape makes an outer product with the values."""
    try:
        return tuple(np.broadcast_shapes(shape, values)) != values
    except ValueError:
        return False
