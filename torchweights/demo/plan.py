"""The training that Keras was recorded doing and PyTorch repeats: data, weights, first weights, batch order.

This file is read by two worlds: the installed demo, and the recorders in ``parity_tests/training`` that run inside old
releases. It therefore imports numpy alone and keeps to what Python 3.6 understands. Everything here is a pure function
of the image and a seed, and `digest` pins it: a recording says which plan it followed.
"""

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float32]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]
    ByteArray = NDArray[np.uint8]

DATA_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "nuclei.npz")

SEED = 20181
TILE = 64
HELD_OUT_ROWS = 2  # of tiles, at the top of the image: never trained on
BATCH = 4
STEPS = 100
KEPT_WEIGHTS = 64

BACKGROUND, NUCLEUS, VOID = 0, 1, 255
CLASSES = 2
CLASS_WEIGHT = {BACKGROUND: 1.0, NUCLEUS: 4.0}  # the nuclei cover about a fifth of the image: one to four

# (kernel size, channels in, channels out) of each convolution; tanh follows all but the last. Odd kernels and stride 1,
# so that "same" pads alike in Keras and in PyTorch.
LAYERS = ((3, 1, 8), (3, 8, 16), (3, 16, 12), (1, 12, CLASSES))

LEARNING_RATE = {"sgd": 0.03125, "adam": 0.003}
ADAM_BETAS = (0.9, 0.999)
KERAS_EPSILON = 1e-7


class Tiles(NamedTuple):
    """Square pieces of the image, one row each; pixels of a tile are flattened row by row in all but `images`."""

    images: "FloatArray"  # (N, TILE, TILE, 1) in [0, 1]
    labels: "ByteArray"  # (N, TILE * TILE), BACKGROUND, NUCLEUS or VOID
    targets: "FloatArray"  # (N, TILE * TILE, CLASSES): one-hot; a void pixel's row is all zero
    weights: "FloatArray"  # (N, TILE * TILE): the class weight of each pixel, 0 where void


def read_nuclei() -> "tuple[ByteArray, ByteArray]":
    """Return the image and its instance mask, both (512, 512) uint8."""
    with np.load(DATA_FILE, allow_pickle=False) as archive:
        return archive["image"], archive["instances"]


def void_pixels(instances: "ByteArray") -> "BoolArray":
    """Return which pixels have two different instances in their 3 by 3 neighbourhood, themselves included.

    That is the one-pixel rim on each side where two nuclei touch, and the single pixels of background that are all that
    separates two nuclei: where one ends and the next begins is the annotator's guess, so nothing is learnt from them.
    """
    padded = np.pad(instances.astype(np.int64), 1, mode="constant")
    height, width = instances.shape
    around = np.stack([padded[y : y + height, x : x + width] for y in range(3) for x in range(3)])
    largest = around.max(axis=0)
    smallest = np.where(around > 0, around, np.iinfo(np.int64).max).min(axis=0)
    return np.asarray((largest > 0) & (smallest < largest))


def label_pixels(instances: "ByteArray") -> "ByteArray":
    """Return the class of every pixel: BACKGROUND, NUCLEUS or VOID."""
    labels = np.where(instances > 0, NUCLEUS, BACKGROUND)
    return np.where(void_pixels(instances), VOID, labels).astype(np.uint8)


def _cut(picture: "ByteArray") -> "ByteArray":
    rows, columns = picture.shape[0] // TILE, picture.shape[1] // TILE
    return picture.reshape(rows, TILE, columns, TILE).transpose(0, 2, 1, 3).reshape(-1, TILE, TILE)


def _tiles(image: "ByteArray", labels: "ByteArray") -> Tiles:
    pieces, flat = _cut(image), _cut(labels).reshape(-1, TILE * TILE)
    weights = sum(np.float32(weight) * (flat == label) for label, weight in CLASS_WEIGHT.items())
    return Tiles(
        # One float32 division, which IEEE 754 fixes to the last bit: the same image in every numpy.
        images=(pieces.astype(np.float32) / np.float32(255))[..., None],
        labels=flat,
        targets=np.stack([flat == label for label in range(CLASSES)], axis=-1).astype(np.float32),
        weights=np.asarray(weights, dtype=np.float32),
    )


def training_tiles() -> Tiles:
    """Return the tiles that are trained on."""
    image, instances = read_nuclei()
    below = HELD_OUT_ROWS * TILE
    return _tiles(image[below:], label_pixels(instances)[below:])


def held_out_tiles() -> Tiles:
    """Return the tiles that no training sees."""
    image, instances = read_nuclei()
    below = HELD_OUT_ROWS * TILE
    return _tiles(image[:below], label_pixels(instances)[:below])


def initial_weights() -> "list[tuple[FloatArray, FloatArray]]":
    """Return (kernel, bias) of each layer, kernels in Keras's order (height, width, in, out).

    Uniform as in Glorot and Bengio, out of `random_sample`, which every numpy gives alike; rounded to float32, so that
    the float32 and float64 trainings start from the same numbers.
    """
    random = np.random.RandomState(SEED)
    layers = []
    for size, channels_in, channels_out in LAYERS:
        limit = np.sqrt(6.0 / (size * size * (channels_in + channels_out)))
        kernel = (2.0 * random.random_sample((size, size, channels_in, channels_out)) - 1.0) * limit
        layers.append((kernel.astype(np.float32), np.zeros(channels_out, dtype=np.float32)))
    return layers


def batch_order(tiles: int) -> "IntArray":
    """Return which tiles each step sees, (STEPS, BATCH): every tile once before any comes again."""
    random = np.random.RandomState(SEED + 1)
    epochs = -(-STEPS * BATCH // tiles)
    order = np.concatenate([np.argsort(random.random_sample(tiles), kind="mergesort") for _ in range(epochs)])
    return order[: STEPS * BATCH].reshape(STEPS, BATCH)


def kept_weights(count: int) -> "IntArray":
    """Return which of all the final weights, laid end to end, a recording keeps: enough to tell two ends apart."""
    return np.linspace(0, count - 1, KEPT_WEIGHTS).round().astype(np.int64)


def digest() -> str:
    """Return the SHA-256 of everything a training reads, so that a recording of another plan is noticed."""
    tiles = training_tiles()
    numbers = [LEARNING_RATE["sgd"], LEARNING_RATE["adam"], ADAM_BETAS[0], ADAM_BETAS[1], KERAS_EPSILON]
    arrays: list[NDArray[np.generic]] = [*tiles]
    arrays += [array for layer in initial_weights() for array in layer]
    arrays += [batch_order(len(tiles.images)), np.array(numbers, dtype=np.float64)]
    sha = hashlib.sha256()
    for array in arrays:
        little_endian = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        sha.update(repr((array.dtype.kind, array.dtype.itemsize, array.shape)).encode())
        sha.update(little_endian.tobytes())
    return sha.hexdigest()
