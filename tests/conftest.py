"""What every test of this folder shares."""

from __future__ import annotations

import pytest

import torchweights.messages


@pytest.fixture(autouse=True)
def traps_are_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """Warnings that are said once for each process are said once for each test."""
    monkeypatch.setattr(torchweights.messages, "_said", set())
