"""docs/atlas.md is what the recordings say, and every change has its words."""

from __future__ import annotations

import pytest

from parity_tests import atlas
from parity_tests.atlas_words import BEHAVIOURS, LINEAGES, WORDS, Behaviour
from torchweights.parity import recordings


def test_the_page_is_the_one_that_the_recordings_give() -> None:
    assert atlas.PAGE.read_text(encoding="utf-8") == atlas.page(), "run python -m parity_tests.atlas"


def test_every_recorded_release_is_on_the_page() -> None:
    listed = [release for lineage in LINEAGES for release in lineage.releases]
    assert sorted([*listed, "torch"]) == recordings.available()


def test_every_step_that_changed_something_has_words_and_no_other() -> None:
    assert {step for step in atlas.steps() if atlas.changes(*step)} == set(WORDS)


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.title)
def test_every_release_has_a_word_and_every_word_a_release(behaviour: Behaviour) -> None:
    releases = [release for lineage in LINEAGES if lineage.tabled for release in lineage.releases]
    found = {atlas.word_for(behaviour, release) for release in releases}
    assert found - {"refused", "–"} == set(behaviour.words)


def test_a_release_that_does_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    behaviour = BEHAVIOURS[0]
    cells = dict(atlas.cells_of("tf2.4"))
    cell = cells[behaviour.cell, "float64"]
    cells[behaviour.cell, "float64"] = recordings.Cell(cell.value * 1.5, cell.gradient, None)  # type: ignore[operator]
    read = atlas.cells_of
    monkeypatch.setattr(atlas, "cells_of", lambda release: cells if release == "tf2.4" else read(release))
    assert atlas.word_for(behaviour, "tf2.4") == "?"
    assert "other numbers" in atlas.changes("tf2.3", "tf2.4") and "other numbers" in atlas.changes("tf2.4", "tf2.5")
