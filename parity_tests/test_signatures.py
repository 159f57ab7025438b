"""Criteria and functions take the arguments of Keras's classes and functions, by name and with the same defaults."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import torchweights as tw
from parity_tests import catalogues
from parity_tests.catalogues import NO_LOSSES, SINCE
from torchweights.parity.replay import CRITERIA

#: (class or function, argument) -> why there is no such argument here; "*" is every class
WITHOUT = {
    ("*", "name"): "a label for Keras's logs: nothing is computed with it, and torch's modules have no names",
    ("*", "dtype"): "the precision is that of y_pred, at least float32",
    ("sparse_categorical_crossentropy", "ignore_class"): "formulas know no mask: SparseCategoricalCrossentropy has it",
    ("circle", "ref_labels"): "a reference set beside the batch, which Keras's own class cannot be given either",
    ("circle", "ref_embeddings"): "as ref_labels",
}
#: word of a release -> the same, as all rows say it
SAME = {("reduction", "auto"): "sum_over_batch_size"}
CLASSES = {**{kind.__name__: kind for kind in CRITERIA.values()}, "Loss": tw.WeightedLoss}

Signature = list[list[Any]]


def today(name: str) -> str | None:
    """What a class or function is called now; None for what is no loss."""
    return None if name in NO_LOSSES and name not in CLASSES else SINCE.get(name, name)


def compared(name: str, signature: Signature) -> Iterator[tuple[str, str | None]]:
    """The arguments that must be here, with the text of their default; None where they have none."""
    for argument, default in signature:
        if (name, argument) not in WITHOUT and not (name in CLASSES and ("*", argument) in WITHOUT):
            yield argument, default


def class_differences(kind: Callable[..., Any], name: str, signature: Signature, **fixed: Any) -> Iterator[str]:
    """What a criterion does not take as a class of Keras takes it."""
    for argument, default in compared(name, signature):
        if argument not in inspect.signature(kind).parameters:
            yield f"{name} lacks {argument}={default}"
            continue
        theirs = ast.literal_eval(str(default))
        theirs = SAME.get((argument, theirs), theirs)
        left_out, given = kind(**fixed), kind(**{**fixed, argument: theirs})
        for ours in (getattr(left_out, argument), getattr(given, argument)):
            if ours != theirs:
                yield f"{name} has {argument}={ours!r}, expected {theirs!r}"


def function_differences(name: str, signature: Signature) -> Iterator[str]:
    """What a function does not take as that of Keras takes it."""
    ours = inspect.signature(getattr(tw.functional, name)).parameters
    for argument, default in compared(name, signature):
        if argument not in ours:
            yield f"{name}() lacks {argument}={default}"
        elif default is not None and ours[argument].default != ast.literal_eval(default):
            yield f"{name}() has {argument}={ours[argument].default!r}, expected {default}"


def differences(signatures: dict[str, Signature], release: str) -> list[str]:
    """All that criteria of a release's row and functions do not take as the release does."""
    found: list[str] = []
    for recorded, signature in signatures.items():
        name = today(recorded)
        if name in CLASSES:
            found += class_differences(CLASSES[name], name, signature, semantics=release)
        elif name is not None:
            found += function_differences(name, signature)
    return found


@pytest.mark.parametrize("engine", catalogues.ENGINES)
def test_every_recorded_argument(engine: str) -> None:
    assert not differences(catalogues.of(engine, "signatures"), engine)


def test_the_default_row_differs_where_silence_would_be_a_guess() -> None:
    signatures, found = catalogues.of("keras3.15", "signatures"), []
    for name, kind in CLASSES.items():
        explicit = {"from_logits": True} if "from_logits" in inspect.signature(kind).parameters else {}
        found += class_differences(kind, name, signatures[name], **explicit)
    crossentropies = [name for name in CLASSES if name.endswith("Crossentropy")]
    assert sorted(found) == sorted(
        [f"{name} has axis=None, expected -1" for name in crossentropies]
        + [f"{name} has from_logits=True, expected False" for name in crossentropies]
    )
    for name in crossentropies:
        with pytest.raises(TypeError, match="expected from_logits"):
            CLASSES[name]()


def test_every_loss_of_the_newest_keras_is_here() -> None:
    assert {today(name) for name in catalogues.of("keras3.15", "signatures")} == {*CRITERIA, *CLASSES}


def test_options_cannot_be_mistaken_for_one_another() -> None:
    """Keras's order of arguments changed between releases; here each has to be named."""
    for kind in CLASSES.values():
        options = inspect.signature(kind).parameters.values()
        assert {option.kind for option in options} == {inspect.Parameter.KEYWORD_ONLY}
    for name in CRITERIA:
        first, second, *options = inspect.signature(getattr(tw.functional, name)).parameters.values()
        assert (first.name, second.name) == ("y_pred", "y_true")
        assert {option.kind for option in options} <= {inspect.Parameter.KEYWORD_ONLY}


def test_every_exception_is_needed() -> None:
    recorded = {
        (name, argument)
        for engine in catalogues.ENGINES
        for name, signature in catalogues.of(engine, "signatures").items()
        for argument, _ in signature
    }
    for name, argument in WITHOUT:
        owners = CLASSES if name == "*" else [name]
        assert any((owner, argument) in recorded for owner in owners)
        for owner in owners:
            ours = CLASSES.get(owner) or getattr(tw.functional, owner)
            assert argument not in inspect.signature(ours).parameters


@pytest.mark.parametrize(
    ("name", "argument", "default", "expected"),
    [
        ("Huber", "delta", "2.0", "Huber has delta=1.0, expected 2.0"),
        ("Huber", "scale", "1.0", "Huber lacks scale=1.0"),
        ("huber", "delta", "2.0", "huber() has delta=1.0, expected 2.0"),
        ("huber", "scale", "1.0", "huber() lacks scale=1.0"),
        ("BinaryCrossentropy", "from_logits", "True", "BinaryCrossentropy has from_logits=False, expected True"),
        (
            "MeanSquaredError",
            "reduction",
            "'sum'",
            "MeanSquaredError has reduction='sum_over_batch_size', expected 'sum'",
        ),
    ],
)
def test_a_spoiled_signature_fails(name: str, argument: str, default: str, expected: str) -> None:
    signatures = catalogues.of("keras3.15", "signatures")
    others = [one for one in signatures[name] if one[0] != argument]
    assert differences({**signatures, name: [*others, [argument, default]]}, "keras3.15") == [expected]
