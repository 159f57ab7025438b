"""The command: what it prints, draws, answers and refuses."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

import pytest

from torchweights.demo import command, comparison, plan, progress


def _run(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = command.run([*arguments])
    return code, out.getvalue(), err.getvalue()


class Output(unittest.TestCase):
    """A short run."""

    def test_prints_what_each_lost_and_what_it_means(self) -> None:
        code, out, err = _run("--steps", "2", "--no-picture")
        assert (code, err) == (0, "")
        for expected in (
            "Recorded: Keras 2.2.4 on TensorFlow 1.12.0",
            "Recorded: Keras 3.15.1 on TensorFlow",
            "SGD, float64",
            'PyTorch, semantics="keras2.2.4"',
            "F.cross_entropy(weight=) lost",
            "How to read this.",
        ):
            assert expected in out
        assert "step 10" not in out
        assert "Picture" not in out

    @unittest.skipUnless(find_spec("matplotlib"), "matplotlib is not installed")
    def test_draws_the_picture_where_it_says(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "curves.png")
            code, out, _ = _run("--steps", "2", "--picture", str(path))
            assert code == 0
            assert f"Picture: {path.resolve()}" in out
            assert path.read_bytes().startswith(b"\x89PNG")

    @unittest.skipUnless(find_spec("matplotlib"), "matplotlib is not installed")
    def test_says_where_it_could_not_draw(self) -> None:
        code, out, _ = _run("--steps", "1", "--picture", "/nowhere/at/all.png")
        assert code == 0
        assert "/nowhere/at/all.png could not be written (No such file or directory)" in out

    def test_does_without_matplotlib_and_tqdm(self) -> None:
        with mock.patch.dict(sys.modules, {"matplotlib": None, "matplotlib.figure": None, "tqdm": None}):
            code, out, _ = _run("--steps", "1")
        assert code == 0
        assert "is not installed. Install it: pip install matplotlib" in out

    def test_answers_1_and_says_so_when_a_promise_is_broken(self) -> None:
        with mock.patch.object(comparison, "FLOAT64_LIMIT", -1.0):
            code, _, err = _run("--steps", "1", "--no-picture")
        assert code == 1
        assert "OUT OF BOUNDS: Keras 2.2.4, sgd, float64: expected a relative difference of at most -1" in err

    def test_refuses_more_steps_than_were_recorded(self) -> None:
        err = io.StringIO()
        with contextlib.redirect_stderr(err), pytest.raises(SystemExit):
            command.run(["--steps", "101"])
        assert f"expected 1 to {plan.STEPS}, which is what was recorded; got '101'" in err.getvalue()


class ProgressBar(unittest.TestCase):
    """Seen on a terminal, silent elsewhere."""

    def test_counts_on_a_terminal_without_tqdm(self) -> None:
        screen = io.StringIO()
        screen.isatty = lambda: True  # type: ignore[method-assign]
        with (
            mock.patch.dict(sys.modules, {"tqdm": None}),
            contextlib.redirect_stderr(screen),
            progress.progress_bar(2) as advance,
        ):
            advance()
        assert "training: step 1 of 2" in screen.getvalue()

    def test_is_silent_in_a_pipe(self) -> None:
        pipe = io.StringIO()
        with contextlib.redirect_stderr(pipe), progress.progress_bar(2) as advance:
            advance()
        assert pipe.getvalue() == ""


class Imports(unittest.TestCase):
    """Importing the demo brings nothing heavy."""

    def test_import_is_light(self) -> None:
        heavy = {"matplotlib", "keras", "tensorflow", "pytest"}
        program = f"import sys, torchweights.demo; print(sorted({heavy} & set(sys.modules)))"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        output = subprocess.check_output([sys.executable, "-c", program], env=environment, text=True)
        assert output.strip() == "[]"
