"""``torchweights.parity``'s cases and recordings, loaded by path: the recorder runs where there is no torch."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).resolve().parent.parent / "torchweights" / "parity"


def load(name: str) -> ModuleType:
    """A module of ``torchweights.parity`` that imports numpy alone."""
    full_name = f"torchweights_parity_{name}"
    if full_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(full_name, FOLDER / f"{name}.py")
        assert spec is not None and spec.loader is not None
        sys.modules[full_name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full_name])
    return sys.modules[full_name]


cases = load("cases")
recordings = load("recordings")
