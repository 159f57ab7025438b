"""The plan: what is trained on, and that every release was given the same."""

import ast
import unittest
from pathlib import Path

import numpy as np
import pytest
from parameterized import parameterized

from torchweights.demo import plan


class VoidPixels(unittest.TestCase):
    """Where two instances meet, nothing is learnt."""

    @parameterized.expand(
        [
            ("touching", [[1, 1, 2, 2]], [[0, 1, 1, 0]]),
            ("one pixel between", [[1, 0, 2, 2]], [[0, 1, 0, 0]]),
            ("two pixels between", [[1, 0, 0, 2]], [[0, 0, 0, 0]]),
            ("corner to corner", [[1, 0], [0, 2]], [[1, 1], [1, 1]]),
            ("one instance alone", [[0, 1, 1], [0, 1, 0]], [[0, 0, 0], [0, 0, 0]]),
            ("nothing", [[0, 0]], [[0, 0]]),
            ("no wrap around the edge", [[1, 0, 0, 2], [1, 0, 0, 2]], [[0, 0, 0, 0], [0, 0, 0, 0]]),
        ]
    )
    def test_void(self, name: str, instances: list[list[int]], expected: list[list[int]]) -> None:
        found = plan.void_pixels(np.array(instances, dtype=np.uint8))
        np.testing.assert_array_equal(found, np.array(expected, dtype=bool), err_msg=name)


class Tiles(unittest.TestCase):
    """What the trainings read."""

    def setUp(self) -> None:
        self.tiles = plan.training_tiles()

    def test_labels_targets_and_weights_say_the_same(self) -> None:
        labels, targets, weights = self.tiles.labels, self.tiles.targets, self.tiles.weights
        assert set(np.unique(labels)) == {plan.BACKGROUND, plan.NUCLEUS, plan.VOID}
        for label in (plan.BACKGROUND, plan.NUCLEUS):
            np.testing.assert_array_equal(targets[..., label] == 1, labels == label)
            np.testing.assert_array_equal(weights[labels == label], np.float32(plan.CLASS_WEIGHT[label]))
        np.testing.assert_array_equal(weights == 0, labels == plan.VOID)

    def test_images_are_float32_within_0_and_1(self) -> None:
        assert self.tiles.images.dtype == np.float32
        assert self.tiles.images.min() >= 0
        assert self.tiles.images.max() <= 1

    def test_tiles_lie_where_they_were_cut(self) -> None:
        image, instances = plan.read_nuclei()
        top, columns = plan.HELD_OUT_ROWS * plan.TILE, image.shape[1] // plan.TILE
        second_row = image[top + plan.TILE : top + 2 * plan.TILE, : plan.TILE]
        np.testing.assert_array_equal(np.rint(self.tiles.images[columns, ..., 0] * 255), second_row)
        labels = plan.label_pixels(instances)
        np.testing.assert_array_equal(self.tiles.labels[1].reshape(64, 64), labels[top : top + 64, 64:128])

    def test_held_out_tiles_are_the_rest(self) -> None:
        image, _ = plan.read_nuclei()
        assert len(self.tiles.images) + len(plan.held_out_tiles().images) == image.size // plan.TILE**2

    def test_the_class_weight_is_what_the_frequencies_ask_for(self) -> None:
        share = [(self.tiles.labels == label).mean() for label in range(plan.CLASSES)]
        ratio = plan.CLASS_WEIGHT[plan.NUCLEUS] / plan.CLASS_WEIGHT[plan.BACKGROUND]
        assert ratio == pytest.approx(share[plan.BACKGROUND] / share[plan.NUCLEUS], abs=0.2)


class OrderAndStart(unittest.TestCase):
    """The same batches and first weights for all."""

    def test_every_tile_comes_once_before_any_comes_again(self) -> None:
        order = plan.batch_order(48).reshape(-1)
        assert order.shape == (plan.STEPS * plan.BATCH,)
        for epoch in range(len(order) // 48):
            assert sorted(order[epoch * 48 : (epoch + 1) * 48]) == list(range(48))

    def test_first_weights_are_small_and_differ(self) -> None:
        for (size, channels_in, channels_out), (kernel, bias) in zip(plan.LAYERS, plan.initial_weights(), strict=True):
            assert kernel.shape == (size, size, channels_in, channels_out)
            assert kernel.dtype == np.float32
            assert len(np.unique(kernel)) > 0.99 * kernel.size
            assert not bias.any()

    def test_digest_notices_another_learning_rate(self) -> None:
        before, rate = plan.digest(), plan.LEARNING_RATE["sgd"]
        self.addCleanup(plan.LEARNING_RATE.update, sgd=rate)
        plan.LEARNING_RATE["sgd"] = rate * 2
        assert plan.digest() != before


class Portable(unittest.TestCase):
    """The plan runs inside releases as old as Python 3.6, which has numpy and not torch."""

    def test_python_3_6_can_read_it(self) -> None:
        source = Path(plan.__file__).read_text(encoding="utf-8")
        ast.parse(source, feature_version=(3, 6))

    def test_it_imports_numpy_and_the_standard_library_alone(self) -> None:
        tree = ast.parse(Path(plan.__file__).read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert names == {"hashlib", "os", "typing", "numpy", "numpy.typing"}
