"""The engines that can be recorded: which environment, which oracle, how equal a repetition must be."""

from __future__ import annotations

from dataclasses import dataclass

#: How far a repetition may be from its recording, in units of the float type's eps times the cell's scale.
TOLERATED_EPS = 4.0


@dataclass(frozen=True)
class Engine:
    """One release as it is asked."""

    name: str
    environment: str
    oracle: str
    keras_backend: str = "tensorflow"
    #: True where a repetition must give the very same bits.
    exact: bool = False

    @property
    def tolerated_eps(self) -> float | None:
        return None if self.exact else TOLERATED_EPS


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("keras2.2.4", "keras2.2.4", "keras2_2_4", exact=True),
        Engine("tf1.12", "keras2.2.4", "tf1_12", exact=True),
        Engine("keras2.3.1", "keras2.3.1", "keras2_3_1"),
        Engine("tf1.15", "keras2.3.1", "tf1_15"),
        Engine("tf2.2", "tf2.2", "tf2_2"),
        Engine("tf_keras2.21", "modern", "tf_keras2_21"),
        Engine("keras3.15", "modern", "keras3_15"),
        Engine("keras3.15-torch", "modern", "keras3_15_torch", keras_backend="torch"),
        Engine("torch", "modern", "torch_nn", keras_backend="torch"),
    )
}
