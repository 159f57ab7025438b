"""The Kerases that are installed, all asked in this one process: Keras 3 on TensorFlow, Keras 3 on torch, and tf_keras.

The backend of Keras 3 is chosen once, when it is imported. So Keras is imported twice, and each time its modules are
put aside; while one of them is asked, its own modules stand in ``sys.modules``, for the imports inside functions.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from torchweights.parity import cases, comparison, recordings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # every refusal is a line of TensorFlow's otherwise

ORACLES = str(Path(__file__).parent / "oracles")
#: the row that stands for each of them -> what must be installed for it, and the backend
ROWS = {
    "keras3.15": ("keras", "3.15.", "tensorflow"),
    "keras3.15-torch": ("keras", "3.15.", "torch"),
    "tf_keras2.21": ("tf_keras", "2.21.", "tensorflow"),
}

Item = dict[str, Any]
Answer = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


class NotHere(Exception):
    """What is installed is not what the row was recorded from."""


@dataclass
class Engine:
    """One Keras: its losses, how its tensors are made and its gradients taken, and the float type that it keeps."""

    row: str
    keras: Any
    modules: dict[str, ModuleType]
    take: Callable[[Any, Item, str, Callable[[Any, Any], None]], Answer]
    bare_functions: bool
    weighing_dtype: dict[str, str] = field(default_factory=dict)

    def ask(self, item: Item, dtype: str) -> Answer:
        """Value and gradient of a case; raises whatever Keras raises, and ``NotOffered``."""
        with self.in_place(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            before = self.keras.backend.floatx()
            self.keras.backend.set_floatx(dtype)
            try:
                classes = oracle("loss_classes")
                objective = classes.objective(self.keras.losses, item, bare_functions=self.bare_functions)
                return self.take(objective, item, dtype, self._set_mask)
            finally:
                self.keras.backend.set_floatx(before)

    def cell(self, item: Item, dtype: str) -> recordings.Cell | None:
        """The answer as a recording would hold it; None where this Keras has not got what the case asks for."""
        try:
            value, gradient = self.ask(item, dtype)
        except oracle("_run").NotOffered:
            return None
        except (NameError, ImportError):
            raise  # a mistake of ours, not an answer
        except Exception as error:  # whatever Keras raises is its refusal
            return recordings.Cell(None, None, (type(error).__name__, oracle("_run").first_line(error)))
        return recordings.Cell(value.astype(dtype), gradient.astype(dtype), None)

    def precision(self, item: Item, dtype: str) -> str:
        """The precision that this Keras kept in a case, as probed."""
        return comparison.precision_of({"weighing_dtype": self.weighing_dtype}, item, dtype)

    def _set_mask(self, tensor: Any, mask: Any) -> None:
        if self.row.startswith("tf_keras"):
            tensor._keras_mask = mask
        else:
            self.keras.src.backend.set_keras_mask(tensor, mask)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """This Keras as the one that ``import keras`` finds."""
        aside = _put_aside("keras") if self.modules else {}
        sys.modules.update(self.modules)
        try:
            yield
        finally:
            if self.modules:
                self.modules.update(_put_aside("keras"))
            sys.modules.update(aside)


def _put_aside(package: str) -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name == package or name.startswith(package + ".")]
    return {name: sys.modules.pop(name) for name in names}


@cache
def oracle(name: str) -> Any:
    """A module of the oracles, which import each other by bare name."""
    sys.path.insert(0, ORACLES)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(ORACLES)


def _own_keras(backend: str) -> tuple[Any, dict[str, ModuleType]]:
    """A Keras 3 of its own on a backend, and its modules; what was imported before stays as it was."""
    aside = _put_aside("keras")
    environment = {name: os.environ.get(name) for name in ("KERAS_BACKEND", "KERAS_TORCH_DEVICE")}
    os.environ.update(KERAS_BACKEND=backend, KERAS_TORCH_DEVICE="cpu")
    try:
        keras = importlib.import_module("keras")
        assert keras.backend.backend() == backend
        return keras, _put_aside("keras")
    finally:
        for name, value in environment.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        _put_aside("keras")
        sys.modules.update(aside)


def _on_tensorflow(objective: Any, item: Item, dtype: str, set_mask: Callable[[Any, Any], None]) -> Answer:
    import tensorflow as tf

    y_true, y_pred, weight = _arrays(item, dtype)
    y_pred, weight = tf.constant(y_pred), None if weight is None else tf.constant(weight)
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        if item["mask"] is not None:
            set_mask(y_pred, tf.constant(item["mask"]))
        value = objective(tf.constant(y_true), y_pred, weight)
        total = tf.reduce_sum(value)
    return value.numpy(), tape.gradient(total, y_pred).numpy()


def _on_torch(objective: Any, item: Item, dtype: str, set_mask: Callable[[Any, Any], None]) -> Answer:
    import torch

    y_true, y_pred, weight = _arrays(item, dtype)
    y_pred, weight = torch.from_numpy(y_pred).requires_grad_(), None if weight is None else torch.as_tensor(weight)
    if item["mask"] is not None:
        set_mask(y_pred, torch.from_numpy(item["mask"]))
    value = objective(torch.from_numpy(y_true), y_pred, weight)
    (gradient,) = torch.autograd.grad(value.sum(), y_pred)
    return value.detach().numpy(), gradient.numpy()


def _arrays(item: Item, dtype: str) -> tuple[Any, Any, Any]:
    """Targets, predictions and weights; whole numbers stay whole numbers."""

    def cast(array: Any) -> Any:
        return array if array is None else array.astype(array.dtype if array.dtype.kind in "iu" else dtype, order="C")

    return cast(item["y_true"]), item["y_pred"].astype(dtype, order="C"), cast(item["sample_weight"])


@cache
def engine(row: str) -> Engine:
    """The Keras of a row; raises ``NotHere`` where another one is installed, or none."""
    package, version, backend = ROWS[row]
    try:
        importlib.import_module("tensorflow")
        if package == "keras":
            keras, modules = _own_keras(backend)
        else:
            keras, modules = importlib.import_module(package), {}
    except ImportError as error:
        raise NotHere(f"row {row} needs {package} {version}x: {error}") from error
    if not keras.__version__.startswith(version):
        raise NotHere(f"row {row} was recorded from {package} {version}x; here is {keras.__version__}")
    found = Engine(row, keras, modules, _on_torch if backend == "torch" else _on_tensorflow, package != "keras")
    found.weighing_dtype = oracle("_run").weighing_dtype(cases, lambda dtype: found.ask, _probes())
    return found


def _probes() -> list[Item]:
    """A case of every reduction, for what the probe of the oracles asks about."""
    one = np.ones((1, 1))
    return [
        cases.case("probe", "loss", "mean_squared_error", one, one, reduction=reduction)  # type: ignore[no-untyped-call]
        for reduction in cases.KERAS3_REDUCTIONS
    ]


def engines(rows: tuple[str, ...] = tuple(ROWS)) -> list[Engine]:
    """The Kerases of rows that are installed here."""
    here = []
    for row in rows:
        with contextlib.suppress(NotHere):
            here.append(engine(row))
    return here
