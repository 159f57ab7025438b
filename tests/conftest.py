"""What every test of this folder shares."""

from __future__ import annotations

import pytest
import torch

import torchweights.messages
from tests import pretend_device


@pytest.fixture(autouse=True)
def traps_are_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """Warnings that are said once for each process are said once for each test."""
    monkeypatch.setattr(torchweights.messages, "_said", set())


@pytest.fixture(scope="session")
def pretend() -> torch.device:
    """An accelerator where there is none; registered by the first test that asks for it."""
    reason = pretend_device.why_not()
    if reason is not None:
        pytest.skip(f"no pretend device: {reason}")
    return pretend_device.device()
