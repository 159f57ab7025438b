"""The engines that can be recorded: which environment, which oracle, and which release came before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

#: How far a repetition may be from its recording, in units of the float type's eps times the cell's scale. The cells
#: that a release answers as the one before it are stored once, and these are so close.
TOLERATED_EPS = 4.0


@dataclass(frozen=True)
class Engine:
    """One release as it is asked."""

    name: str
    environment: str
    oracle: str
    #: The release before it: its recording holds the cells that this one answers alike.
    base: str | None = None
    keras_backend: str = "tensorflow"


#: Releases that share the environment of another one.
_SHARED = {
    "tf.losses1.12": "keras2.2.4", "tf.losses1.13": "tf1.13", "tf.losses1.14": "keras2.3.0", "tf.losses1.15": "keras2.3.1",
    **{f"tf.losses2.{minor}": f"tf2.{minor}" for minor in range(15)},
    **{f"tf.losses2.{minor}": f"tf_keras2.{minor}" for minor in range(15, 21)}, "tf.losses2.21": "modern",
    "tf1.12": "keras2.2.4", "tf1.14": "keras2.3.0", "tf1.15": "keras2.3.1", "tf2.15": "tf_keras2.15",
    "tf_keras2.21": "modern", "keras3.15": "modern", "keras3.15-torch": "modern", "torch": "modern",
}  # fmt: skip


def _lineage(oracle: str, *names: str, after: str | None = None, **rest: str) -> Iterator[Engine]:
    """Releases of one kind, each after the one before it."""
    for name in names:
        yield Engine(name, _SHARED.get(name, name), oracle, after, **rest)
        after = name


def _releases(prefix: str, first: int, last: int) -> list[str]:
    return [f"{prefix}.{minor}" for minor in range(first, last + 1)]


_MULTI_BACKEND = ("2.0.9", "2.1.6", "2.2.0", "2.2.1", "2.2.2", "2.2.3", "2.2.4", "2.2.5")
_ON_TORCH = ("3.0", "3.6", "3.12", "3.15")

ENGINES = {
    engine.name: engine
    for engine in (
        *_lineage("weighted_objective", *(f"keras{release}" for release in _MULTI_BACKEND)),
        *_lineage("weighted_objective", "tf1.12", "tf1.13"),
        *_lineage("graph_classes", "keras2.3.0", "keras2.3.1", after="keras2.2.5"),
        *_lineage("graph_classes", "tf1.14", "tf1.15", after="tf1.13"),
        *_lineage("tf2", *_releases("tf2", 0, 15), *_releases("tf_keras2", 15, 21), after="tf1.15"),
        *_lineage("keras3", *_releases("keras3", 0, 15)),
        *_lineage(
            "keras3", *(f"keras{release}-torch" for release in _ON_TORCH), after="keras3.0", keras_backend="torch"
        ),
        *_lineage("tf1_losses", *_releases("tf.losses1", 12, 15), *_releases("tf.losses2", 0, 21)),
        Engine("torch", "modern", "torch_nn", keras_backend="torch"),
    )
}


def by_environment(names: Iterable[str]) -> list[str]:
    """The engines in an order that leaves an environment late, and asks no release before the one it comes after."""
    left, ordered = list(names), []
    while left:
        ready = [name for name in left if ENGINES[name].base not in left]
        here = ENGINES[ordered[-1]].environment if ordered else None
        following = next((name for name in ready if ENGINES[name].environment == here), ready[0])
        left.remove(following)
        ordered.append(following)
    return ordered
