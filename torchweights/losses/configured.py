"""A criterion as text: its options as JSON and back, and as it is printed."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import Self

from torchweights.messages import shown
from torchweights.options import explained
from torchweights.semantics import Semantics

#: options that may be dicts, lists, tensors or learned tensors
_TABLES = {"class_weight", "cost_matrix", "feature_weight"}


class Configured(nn.Module):
    """Options are the arguments of ``__init__``, kept as attributes of the same names."""

    semantics: Semantics

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        if "__init__" in vars(cls):
            cls.__init__ = explained(cls.__init__)  # type: ignore[method-assign]

    def get_config(self) -> dict[str, Any]:
        """The options as JSON: ``type(self).from_config(config)`` builds the same criterion."""
        config = {name: getattr(self, name) for name in _options(type(self))}
        config["semantics"] = self.semantics.name
        for name in _TABLES & config.keys():
            config[name] = None if config[name] is None else _described(config[name])
        return {name: list(value) if isinstance(value, tuple) else value for name, value in config.items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The criterion that ``get_config`` described."""
        if not isinstance(config, Mapping):
            raise TypeError(
                f"config expected a dict, as get_config() returns it; received {type(config).__name__} {shown(config)}. "
                f"Write {cls.__name__}.from_config(criterion.get_config())."
            )
        options = dict(config)
        if isinstance(options.get("axis"), list):
            options["axis"] = tuple(options["axis"])
        for name in _TABLES & options.keys():
            options[name] = None if options[name] is None else _built(name, options[name])
        return cls(**options)

    def in_row(self, semantics: str | Semantics) -> Self:
        """The same criterion, built in another row."""
        options = {name: getattr(self, name) for name in _options(type(self))}
        if options.get("rest_in_eval") == (not self.semantics.class_weights.eval_too):
            options["rest_in_eval"] = None
        return type(self)(**{**options, "semantics": semantics}).train(self.training)

    def extra_repr(self) -> str:
        parts = []
        for name, default in _options(type(self)).items():
            value = getattr(self, name)
            untouched = not self.semantics.class_weights.eval_too if name == "rest_in_eval" else default
            if isinstance(value, Tensor) or _plain(value) != untouched:
                parts.append(f"{name}={_printed(_plain(value))}")
        return ", ".join(parts)


def _options(criterion: type) -> dict[str, Any]:
    """The arguments of a criterion and their defaults."""
    signature = inspect.signature(criterion.__init__)  # type: ignore[misc]
    return {name: one.default for name, one in signature.parameters.items() if name != "self"}


def _plain(value: Any) -> Any:
    return value.name if isinstance(value, Semantics) else value


def _printed(value: Any) -> str:
    """As it is written in code; tensors with all their digits."""
    if not isinstance(value, Tensor):
        return repr(value)
    text = f"torch.tensor({value.detach().tolist()}, dtype={value.dtype})"
    return f"Parameter({text})" if isinstance(value, nn.Parameter) else text


def _described(given: Any) -> dict[str, Any]:
    """A table as JSON that says what it was: a dict, a list or tuple, a tensor, a learned tensor."""
    if isinstance(given, Mapping):
        return {"kind": "dict", "classes": list(given), "weights": list(given.values())}
    if isinstance(given, Tensor):
        kind = "parameter" if isinstance(given, nn.Parameter) else "tensor"
        return {"kind": kind, "weights": given.detach().tolist(), "dtype": str(given.dtype).removeprefix("torch.")}
    return given if isinstance(given, str) else {"kind": "list", "weights": list(given)}  # type: ignore[return-value]


def _built(name: str, described: Any) -> Any:
    """The table that ``_described`` told of."""
    if isinstance(described, str):
        return described
    if not isinstance(described, Mapping) or not {"kind", "weights"} <= described.keys():
        raise TypeError(
            f"{name} expected in a config as get_config() writes it, {{'kind': 'list', 'weights': [..]}}; received {shown(described)}. "
            "Give it to the criterion itself, and take the config of that."
        )
    weights = described["weights"]
    if described["kind"] == "dict":
        return dict(zip(described["classes"], weights, strict=True))
    if described["kind"] == "list":
        return weights
    tensor = torch.tensor(weights, dtype=getattr(torch, described["dtype"]))
    return nn.Parameter(tensor) if described["kind"] == "parameter" else tensor
