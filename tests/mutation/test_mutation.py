"""That the mutation run can report a survivor and a kill, that its files agree, and a sample of the spoiled tables."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("mutmut")

from mutmut.configuration import config

from tests.mutation import killing, mutants, noticing, results, survivors, tables

SOURCE = """
class Counts:
    @property
    def elements(self):
        return self.size * 2

    def other(self):
        return 1


class Asked(Protocol):
    @property
    def elements(self): ...
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[mutants.Mutant], Path]:
    """The mutants of the two functions that both tests below reach, every second of them, in a folder of their own."""
    folder = tmp_path_factory.mktemp("mutants")
    reached = tuple(f".x_{name}" for name in ("unmasked_and_epsilon", "nonzero_weights_and_epsilon"))
    written = mutants.write(["denominators"], folder / "copy")
    return [one for one in written if one.reached_by.endswith(reached)][::2], folder / "copy"


def test_tests_that_look_at_nothing_kill_no_mutant(made: tuple[list[mutants.Mutant], Path]) -> None:
    asked, folder = made
    found, failing = killing.killed_by(asked, ["tests/mutation/toothless.py"], folder)
    assert found == {mutant.key: "survived" for mutant in asked}
    assert not failing
    assert results.counted(list(found.values()))["score"] == 0
    assert len(survivors.disagreements(found, [], [], whole=False)) == len(asked) > 5


def test_tests_that_look_kill_mutants(made: tuple[list[mutants.Mutant], Path]) -> None:
    asked, folder = made
    looking = [
        "test_two_eras_add_to_a_mask_and_to_nothing_else",
        "test_a_denominator_keeps_its_digits_whatever_the_weights_are",
    ]
    found, _ = killing.killed_by(asked, [f"tests/test_denominators.py::{test}" for test in looking], folder)
    assert results.counted(list(found.values()))["killed"] > len(asked) / 2


def test_properties_become_methods_that_mutmut_changes() -> None:
    plain = mutants.with_plain_methods(SOURCE)
    assert "    elements = property(elements)\n" in plain
    assert plain.count("@property") == 1, "protocols have nothing to change"
    names: dict[str, type] = {"Protocol": object}
    exec(plain, names)
    counts = names["Counts"]()
    counts.size = 3
    assert counts.elements == 6


def test_mutants_are_told_apart_by_what_they_change(made: tuple[list[mutants.Mutant], Path]) -> None:
    asked, _ = made
    assert len({mutant.key for mutant in asked}) == len(asked)
    for mutant in asked:
        head, *lines = mutant.key.splitlines()
        assert head.startswith("denominators.")
        assert {line[0] for line in lines} <= {"-", "+"}
        assert "mutmut" not in mutant.key


def test_a_reason_holds_for_all_below_it() -> None:
    listed = survivors.listed(
        "= why\nmodule.f\n- a\n+ b\n\nmodule.g\n- c\n+ d\n\n= another\nTABLE[row, other].column = x, y\n"
    )
    assert listed == {
        "module.f\n- a\n+ b": "why",
        "module.g\n- c\n+ d": "why",
        "TABLE[row].column = x, y": "another",
        "TABLE[other].column = x, y": "another",
    }
    for text, words in (("module.f\n- a\n+ b\n", "expected '= reason'"), ("= why\nf\n- a\n\nf\n- a\n", "twice")):
        with pytest.raises(ValueError, match=words):
            survivors.listed(text)


def test_who_is_listed_must_survive_and_who_survives_must_be_listed() -> None:
    assert survivors.disagreements(["a"], ["b"], ["a"], whole=True) == []
    assert "survives, and is not listed" in survivors.disagreements(["a"], ["b"], [], whole=True)[0]
    assert "and was killed" in survivors.disagreements([], ["b"], ["b"], whole=True)[0]
    assert "there is no such mutant" in survivors.disagreements([], ["b"], ["c"], whole=True)[0]
    assert survivors.disagreements([], ["b"], ["c"], whole=False) == []


def test_the_last_whole_run_was_good_enough_and_gave_every_reason() -> None:
    found = results.measured()
    assert list(found["modules"]) == [*mutants.modules(), "tables"]
    assert min(one["score"] for one in (found["total"], *found["modules"].values())) >= results.LEAST
    assert {one["mutant"]: one["reason"] for one in found["survivors"]} == survivors.listed()


def test_the_tests_that_setup_cfg_names_are_there() -> None:
    assert all((mutants.ROOT / path).is_file() for path in config().pytest_add_cli_args_test_selection)


#: columns that no recorded case asks about in the rows below, which tests/test_library_rows.py and tests/test_class_weight.py do: digits
#: that every release loses; a function that returns one number, which recordings ask of the weighing itself; evaluate() with
#: class weights; class weights beside sample weights of whole numbers
UNASKED = {
    ("FORMULAS", "precise"), ("WEIGHING", "weighs_scalars"), ("CLASS_WEIGHTS", "eval_too"), ("CLASS_WEIGHTS", "cast_to_sample_weight"),
}  # fmt: skip


@pytest.mark.parametrize("table", [*tables.TABLES, "_ROWS", "_OBJECTS"])
def test_a_spoiled_cell_of_every_column_is_noticed(table: str) -> None:
    columns: dict[str, list[tables.Cell]] = {}
    for cell in tables.cells():
        if cell.table == table and cell.line.partition(":")[0] in (
            "keras2.2",
            "keras3",
            "tf2.2",
            "tf2.4",
            "tf1.13",
            "keras3.15",
        ):
            columns.setdefault(cell.column, []).append(cell)
    with noticing.quiet():
        blind = [column for column, own in columns.items() if not any(map(noticing.noticing, own))]
    assert {(table, column) for column in blind} <= UNASKED
