"""Class weights that a criterion holds: exact through every cast, on whichever device they are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from typing_extensions import Self

from torchweights.class_weight import ClassWeightsLike, Table, read_class_weight
from torchweights.precision import moved
from torchweights.semantics import ClassWeights, Semantics


class HoldsClassWeights(nn.Module):
    """Keeps ``class_weight`` as it was given, and as two buffers that no state_dict shows and no cast rounds."""

    semantics: Semantics
    rest_in_eval: bool

    def _class_weight_rule(self) -> ClassWeights:
        return self.semantics.class_weights

    def _store_class_weight(self, given: ClassWeightsLike | None) -> None:
        self._tables: dict[torch.device, Table] = {}
        if isinstance(given, nn.Parameter):
            self.class_weight = given
        else:
            # Past nn.Module's __setattr__: a tensor given here is a setting, not a buffer.
            self.__dict__["class_weight"] = _plain(given)
        table = None if given is None else read_class_weight(given, self._class_weight_rule())
        # The master stays in float64 on the CPU: .half() must not round it, and to(device) starts from it.
        self._master: dict[str, Tensor] = {}
        if table is not None:
            self._master["class_weight_classes"] = table.classes.detach().cpu()
            if not isinstance(given, nn.Parameter):
                self._master["class_weight_values"] = table.weights.detach().double().cpu()
        for name, master in self._master.items():
            self.register_buffer(name, master, persistent=False)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        for name, master in self._master.items():
            setattr(self, name, master.float())  # every device takes float32
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._tables.clear()
        for name, master in self._master.items():
            setattr(self, name, moved(master, cast(Tensor, getattr(self, name)).device))
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_tables": {}}

    def _table(self, device: torch.device, num_classes: int | None) -> Table:
        """The table on the device of the predictions, wherever the criterion is; checked against their classes."""
        rule, classes = self._class_weight_rule(), cast(Tensor, self.class_weight_classes)
        if num_classes is not None and rule.keys == "0 to C-1" and len(classes) != num_classes:
            read_class_weight(self.class_weight, rule, num_classes)
        if isinstance(self.class_weight, nn.Parameter):
            return Table(moved(classes, device), self.class_weight.to(device))
        if device not in self._tables:
            values = cast(Tensor, self.class_weight_values)
            self._tables[device] = Table(moved(classes, device), moved(values, device))
        return self._tables[device]

    def _class_weights_act(self) -> bool:
        return bool(self._master) and (self.training or not self.rest_in_eval)


def _plain(given: Any) -> Any:
    """Class weights of Python's own numbers, which JSON and print() take; a copy of what may change."""
    if isinstance(given, Mapping):
        return {_number(key): _number(weight) for key, weight in given.items()}
    if hasattr(given, "__array__") and not isinstance(given, Tensor):
        return given.tolist()
    return list(map(_number, given)) if isinstance(given, (list, tuple)) else given


def _number(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
