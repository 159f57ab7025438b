"""What every test of this folder shares."""

from __future__ import annotations

import os

import pytest
import torch

import torchweights.messages
from tests import pretend_device

# Each process of ``pytest -n`` has a core for itself: more threads than cores wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)

#: Why there is no pretend accelerator, or None. It is registered here, for autograd makes its threads at the first
#: backward of the process, one for each device that it knows then.
NO_PRETEND = pretend_device.why_not()
if NO_PRETEND is None:
    pretend_device.device()


@pytest.fixture(autouse=True)
def traps_are_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """Warnings that are said once for each process are said once for each test."""
    monkeypatch.setattr(torchweights.messages, "_said", set())


@pytest.fixture(scope="session")
def pretend() -> torch.device:
    """An accelerator where there is none."""
    if NO_PRETEND is not None:
        pytest.skip(f"no pretend device: {NO_PRETEND}")
    return pretend_device.device()
