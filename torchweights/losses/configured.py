"""A criterion as text: its options as JSON and back, and as it is printed."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from typing_extensions import Self

from torchweights.semantics import Semantics


class Configured(nn.Module):
    """Options are the arguments of ``__init__``, kept as attributes of the same names."""

    semantics: Semantics

    def get_config(self) -> dict[str, Any]:
        """The options as JSON: ``type(self).from_config(config)`` builds the same criterion."""
        config = {
            name: getattr(self, name) for name in inspect.signature(type(self).__init__).parameters if name != "self"
        }
        config["semantics"] = self.semantics.name
        given = config.get("class_weight")
        if isinstance(given, Mapping):
            config["class_weight"] = {"classes": list(given), "weights": [float(w) for w in given.values()]}
        elif isinstance(given, Tensor):
            config["class_weight"] = given.detach().double().tolist()
        elif given is not None:
            config["class_weight"] = [float(w) for w in given]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in config.items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The criterion that ``get_config`` described."""
        options = {
            name: tuple(value) if name == "axis" and isinstance(value, list) else value
            for name, value in config.items()
        }
        given = options.get("class_weight")
        if isinstance(given, Mapping):
            options["class_weight"] = dict(zip(given["classes"], given["weights"], strict=True))
        return cls(**options)

    def extra_repr(self) -> str:
        parts = []
        for name, parameter in inspect.signature(type(self).__init__).parameters.items():
            if name == "self":
                continue
            value = getattr(self, name)
            value = value.name if isinstance(value, Semantics) else value
            untouched = not self.semantics.class_weights.eval_too if name == "rest_in_eval" else parameter.default
            if isinstance(value, Tensor) or value != untouched:
                parts.append(f"{name}={value!r}")
        return ", ".join(parts)
