"""The recipes of docs/distributed.md, run by torchrun on two ranks with the real libraries."""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]
FOLDER = HERE / "examples" / "distributed"
RECIPES = sorted(path for path in FOLDER.glob("*.py") if path.name != "task.py")
LINE = re.compile(r"largest difference from the gradient of the whole batch: (\S+)")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def library_of(path: Path) -> str | None:
    return path.stem.partition("with_")[2] or None


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_gives_the_gradient_of_the_whole_batch(path: Path) -> None:
    library = library_of(path)
    if library and importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed: pip install {library}")
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc_per_node",
        "2",
        "--master-port",
        str(free_port()),
    ]
    # PYTHONPATH: the checkout, where the library is not installed; one thread, as torchrun itself would set.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*command, str(path)], capture_output=True, text=True, timeout=180, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = LINE.findall(done.stdout)
    assert found and float(found[0]) < 1e-12


def test_every_recipe_is_in_the_docs() -> None:
    text = (HERE / "docs" / "distributed.md").read_text()
    for path in RECIPES:
        assert f"examples/distributed/{path.name}" in text
