"""The README says what the library does: its table is generated, its example runs, its commands are there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from torchweights.eras import compile_table, weighing_table

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_eras_is_the_one_that_the_rows_give() -> None:
    held = README.split("<!-- eras: begin -->")[1].split("<!-- eras: end -->")[0].strip()
    assert held == weighing_table(), "write the output of `torchweights eras` between the eras comments of README.md"


def test_the_table_of_compile_rules_is_the_one_that_the_rows_give() -> None:
    text = (ROOT / "docs" / "total_loss.md").read_text(encoding="utf-8")
    held = text.split("this -->")[1].split("<!-- end -->")[0].strip()
    assert held == compile_table(), "write the compile table of `torchweights eras` into docs/total_loss.md"


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_the_examples_run(code: str) -> None:
    exec(compile(code, "README.md", "exec"), {})


def test_the_two_commands_stand_on_a_line_each() -> None:
    assert len(re.findall(r"^pip install .* && .*$", README, re.MULTILINE)) == 2


@pytest.mark.parametrize("command", ["demo", "eras", "explain", "selftest", "check"])
def test_every_command_explains_itself(command: str) -> None:
    asked = ["--help"] if command != "eras" else []
    done = subprocess.run(
        [sys.executable, "-m", "torchweights", command, *asked], capture_output=True, text=True, check=True
    )
    assert done.stdout


def test_an_unknown_command_says_which_there_are() -> None:
    done = subprocess.run([sys.executable, "-m", "torchweights", "dmo"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "received 'dmo'" in done.stderr
    assert "demo" in done.stderr
