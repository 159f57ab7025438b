"""The proof: PyTorch repeats what the real releases of Keras recorded, and only with the right row."""

import functools
import json
import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from parameterized import parameterized

from torchweights.demo import plan, recordings, replay
from torchweights.demo.comparison import FLOAT32_LIMIT, FLOAT64_LIMIT, Results, relative_difference, train_all
from torchweights.demo.keras_adam import KerasAdam
from torchweights.demo.recordings import DTYPES, OPTIMIZERS, ROWS

TRAININGS = [(row, optimizer, dtype) for row in ROWS for optimizer in OPTIMIZERS for dtype in DTYPES]


@functools.cache
def results() -> Results:
    """Return all trainings, run once for all tests."""
    return train_all()


class FollowsKeras(unittest.TestCase):
    """Every recorded training, step by step."""

    @parameterized.expand([(row, optimizer) for row in ROWS for optimizer in OPTIMIZERS])
    def test_float64_to_the_end(self, row: str, optimizer: str) -> None:
        difference = results().of(row, optimizer, "float64").difference
        assert len(difference) == 100
        assert difference.max() <= 1e-12

    @parameterized.expand([(row, optimizer) for row in ROWS for optimizer in OPTIMIZERS])
    def test_float32(self, row: str, optimizer: str) -> None:
        difference = results().of(row, optimizer, "float32").difference
        promised = 100 if optimizer == "sgd" else 50
        assert difference[:promised].max() <= 1e-05

    @parameterized.expand(TRAININGS)
    def test_ends_at_the_same_weights(self, row: str, optimizer: str, dtype: str) -> None:
        final = results().of(row, optimizer, dtype).replayed.network.keras_weights().double().numpy()
        recorded = recordings.load(row).weights[optimizer, dtype]
        limit = {"float32": 1e-5, "float64": 1e-12}[dtype]
        np.testing.assert_allclose(final[plan.kept_weights(final.size)], recorded, rtol=0, atol=limit)

    @parameterized.expand(TRAININGS)
    def test_comparison_says_it_holds(self, row: str, optimizer: str, dtype: str) -> None:
        assert results().of(row, optimizer, dtype).holds


class TellsApart(unittest.TestCase):
    """What is not Keras's training is seen not to be."""

    @parameterized.expand(OPTIMIZERS)
    def test_the_other_release(self, optimizer: str) -> None:
        first, second = (results().of(row, optimizer, "float64") for row in ROWS)
        for ours, theirs in ((first, second), (second, first)):
            assert relative_difference(ours.replayed.losses, theirs.keras).max() > 0.001

    @parameterized.expand([(row, dtype) for row in ROWS for dtype in DTYPES])
    def test_the_other_releases_adam(self, row: str, dtype: str) -> None:
        other = next(candidate for candidate in ROWS if candidate != row)
        limit = {"float32": FLOAT32_LIMIT, "float64": FLOAT64_LIMIT}[dtype]
        assert self._with_adam(row, dtype, semantics=other).max() > limit

    def test_torch_adam_even_with_the_epsilon_of_keras(self) -> None:
        with mock.patch.object(replay, "KerasAdam", lambda p, semantics, **options: torch.optim.Adam(p, **options)):
            difference = self._difference("keras3.15", "float32")
        assert difference.max() > 10 * FLOAT32_LIMIT

    @parameterized.expand(OPTIMIZERS)
    def test_plain_cross_entropy(self, optimizer: str) -> None:
        assert results().plain_difference(optimizer)[0] > 0.3

    @parameterized.expand(["keras2.2.4", "keras3.15"])
    def test_a_spoiled_loss(self, row: str) -> None:
        comparison = results().of(row, "sgd", "float64")
        spoiled = comparison.keras.copy()
        spoiled[42] *= 1 + 1e-10
        assert not comparison._replace(keras=spoiled).holds

    def _with_adam(self, row: str, dtype: str, semantics: str) -> np.ndarray:
        def other(parameters: object, **options: object) -> KerasAdam:
            return KerasAdam(parameters, **{**options, "semantics": semantics})

        with mock.patch.object(replay, "KerasAdam", other):
            return self._difference(row, dtype)

    @staticmethod
    def _difference(row: str, dtype: str, steps: int = 20) -> np.ndarray:
        recorded = recordings.load(row).losses["adam", dtype][:steps]
        return relative_difference(replay.replay(row, "adam", dtype, steps).losses, recorded)


class PlainTorch(unittest.TestCase):
    """The training one would have written without this library."""

    def test_divides_by_the_sum_of_weights(self) -> None:
        tiles = replay.as_batch(plan.training_tiles(), torch.float32)
        first = torch.from_numpy(plan.batch_order(len(tiles.images))[0])
        logits = replay.Network(torch.float32)(tiles.images[first])
        values = -(logits.log_softmax(-1) * tiles.targets[first]).sum(-1) * tiles.weights[first]
        expected = values.sum() / tiles.weights[first].sum()
        assert results().plain["sgd"].losses[0] == pytest.approx(expected.item(), abs=1e-6)

    @parameterized.expand(OPTIMIZERS)
    def test_everybody_learns(self, optimizer: str) -> None:
        for trained in (results().plain[optimizer], results().of("keras3.15", optimizer, "float32").replayed):
            assert trained.losses[-10:].mean() < 0.5 * trained.losses[:10].mean()
            assert replay.nuclei_found(trained.network) > 0.6


class Recordings(unittest.TestCase):
    """The files beside the demo."""

    @parameterized.expand(ROWS)
    def test_say_what_made_them(self, row: str) -> None:
        made_by = recordings.load(row).made_by
        assert made_by["keras"].startswith(row.removeprefix("keras"))
        assert set(made_by) == {"keras", "tensorflow", "python", "numpy"}

    def test_are_small(self) -> None:
        assert sum(file.stat().st_size for file in recordings.FOLDER.iterdir()) < 50000

    def test_of_another_plan_are_refused(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copytree(recordings.FOLDER, folder, dirs_exist_ok=True)
            about = json.loads((folder / "keras3.15.json").read_text(encoding="utf-8"))
            (folder / "keras3.15.json").write_text(json.dumps({**about, "plan": "f" * 64}), encoding="utf-8")
            with pytest.raises(ValueError, match=r"followed the plan f{12}.*parity_tests.training.record keras3.15"):
                recordings.load("keras3.15", folder)
