"""``torchweights.parity``'s cases and recordings, loaded by path: the recorder runs where there is no torch."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).resolve().parent.parent / "torchweights" / "parity"


def load(name: str) -> ModuleType:
    """A module or package of ``torchweights.parity`` that imports numpy alone."""
    path = FOLDER / f"{name}.py"
    return load_file(path if path.is_file() else FOLDER / name / "__init__.py", f"torchweights_parity_{name}")


def load_file(path: Path, full_name: str) -> ModuleType:
    """The module or package in a file, under a name of its own."""
    if full_name not in sys.modules:
        inside = [str(path.parent)] if path.name == "__init__.py" else None
        spec = importlib.util.spec_from_file_location(full_name, path, submodule_search_locations=inside)
        assert spec is not None and spec.loader is not None
        sys.modules[full_name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full_name])
    return sys.modules[full_name]


cases = load("cases")
recordings = load("recordings")
