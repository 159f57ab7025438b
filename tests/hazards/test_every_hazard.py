"""Every hazard has tests named after it, with a negative control in each file; every public criterion is asked."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import torchweights as tw
from tests.hazards.catalogue import INPUTS

FOLDER = Path(__file__).parent
#: H1 to H33; H32 is about a reader of files that is not there
NAMED = [number for number in range(1, 34) if number != 32]
CRITERIA = [
    kind
    for name, kind in vars(tw).items()
    if inspect.isclass(kind) and issubclass(kind, tw.WeightedLoss) and kind is not tw.WeightedLoss and name[0] != "_"
]


def files_of(number: int) -> list[Path]:
    """The files that are named after a hazard."""
    return sorted(FOLDER.glob(f"test_h{number:02d}_*.py"))


def promises_of(source: str) -> dict[str, bool]:
    """The tests of a file, and whether each is a negative control."""
    functions = [one for one in ast.parse(source).body if isinstance(one, ast.FunctionDef)]
    return {
        one.name: any("negative_control" in ast.unparse(decorator) for decorator in one.decorator_list)
        for one in functions
        if one.name.startswith("test_")
    }


def holds(source: str) -> bool:
    """A promise is held by a test, and by a negative control beside it."""
    return {True, False} <= set(promises_of(source).values())


def covered() -> list[int]:
    """The hazards that have files, all of which hold a promise."""
    return [n for n in NAMED if files_of(n) and all(holds(path.read_text()) for path in files_of(n))]


@pytest.mark.parametrize("number", NAMED)
def test_a_hazard_has_tests_and_a_negative_control(number: int) -> None:
    assert files_of(number), f"H{number} has no file test_h{number:02d}_*.py"
    for path in files_of(number):
        assert holds(path.read_text()), f"{path.name} lacks a test, or one marked negative_control"
        assert f"H{number}" in (ast.get_docstring(ast.parse(path.read_text())) or ""), path.name


def test_no_file_is_named_after_two_or_none() -> None:
    named = [path for number in NAMED for path in files_of(number)]
    assert sorted(FOLDER.glob("test_h*.py")) == sorted(named)
    assert covered() == NAMED
    print(f"{len(covered())} hazards of {len(NAMED)} covered, in {len(named)} files")


@pytest.mark.negative_control
@pytest.mark.parametrize("source", ["", "def test_one(): ...", "@pytest.mark.negative_control\ndef test_one(): ..."])
def test_a_file_without_either_is_noticed(source: str) -> None:
    assert not holds(source)


@pytest.mark.parametrize("kind", CRITERIA, ids=lambda kind: kind.__name__)
def test_every_criterion_has_inputs_here(kind: type[tw.WeightedLoss]) -> None:
    known = any(sample.kind is kind for sample in INPUTS)
    assert known, (
        f"class {kind.__name__} has no inputs here: add a Sample to tests/samples.py, or to MORE in tests/hazards/catalogue.py"
    )


def test_criteria_are_found() -> None:
    assert len(CRITERIA) > 20
