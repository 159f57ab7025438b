"""Tables that a criterion holds: exact through every cast, on whichever device they are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from typing_extensions import Self

from torchweights.class_weight import ClassWeightsLike, Table, read_class_weight
from torchweights.precision import moved
from torchweights.semantics import ClassWeights, Semantics


class HoldsTables(nn.Module):
    """Keeps numbers as buffers that no state_dict shows and no cast rounds; an ``nn.Parameter`` is registered and learned."""

    def __init__(self) -> None:
        super().__init__()
        # The masters stay in float64 on the CPU: .half() must not round them, and to(device) starts from them.
        self._master: dict[str, Tensor] = {}
        self._copies: dict[tuple[str, torch.device], Tensor] = {}
        #: those that are parameters; torch.func may put plain tensors in their place
        self._learned: set[str] = set()

    def _hold(self, name: str, given: Any, values: Tensor) -> None:
        """Keep ``given`` as the attribute ``name``, and its ``values`` exactly."""
        if isinstance(given, nn.Parameter):
            self._learned.add(name)
            setattr(self, name, given)
            return
        # Past nn.Module's __setattr__: a tensor given here is a setting, not a buffer.
        self.__dict__[name] = _plain(given)
        self._keep(f"{name}_values", values.double())

    def _keep(self, name: str, values: Tensor) -> None:
        self._master[name] = values.detach().cpu()
        self.register_buffer(name, self._master[name], persistent=False)

    def _change(self, name: str, given: Any, values: Tensor) -> None:
        """Other values for what is held as ``name``: in place, so that what was compiled stays valid."""
        if name in self._learned:
            with torch.no_grad():
                cast(Tensor, getattr(self, name)).copy_(values)
            return
        self.__dict__[name] = _plain(given)
        key = f"{name}_values"
        copies = [copy for (held, _), copy in self._copies.items() if held == key]
        for tensor in (self._master[key], cast(Tensor, getattr(self, key)), *copies):
            tensor.copy_(values)

    def _held(self, name: str, device: torch.device) -> Tensor:
        """The values of ``name`` on the device of the predictions, wherever the criterion is."""
        if name in self._learned:
            return cast(Tensor, getattr(self, name)).to(device)
        return self._copy(f"{name}_values", device)

    def _copy(self, name: str, device: torch.device) -> Tensor:
        held = cast(Tensor, getattr(self, name))
        if held.device == device:
            return held
        if (name, device) not in self._copies:
            self._copies[name, device] = moved(held, device)
        return self._copies[name, device]

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        for name, master in self._master.items():
            setattr(self, name, master.float())  # every device takes float32
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._copies.clear()
        for name, master in self._master.items():
            setattr(self, name, moved(master, cast(Tensor, getattr(self, name)).device))
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_copies": {}}


class HoldsClassWeights(HoldsTables):
    """Keeps ``class_weight`` as it was given, its classes and its weights."""

    semantics: Semantics
    rest_in_eval: bool

    def _class_weight_rule(self) -> ClassWeights:
        return self.semantics.class_weights

    def _store_class_weight(self, given: ClassWeightsLike | None) -> None:
        self._has_class_weight = False
        self.__dict__["class_weight"] = None
        table = None if given is None else read_class_weight(given, self._class_weight_rule())
        if table is None:
            self.__dict__["class_weight"] = _plain(given)
            return
        del self.__dict__["class_weight"]
        self._has_class_weight = True
        self._classes_are_dense = table.classes.tolist() == list(range(len(table.classes)))
        self._keep("class_weight_classes", table.classes)
        self._hold("class_weight", given, table.weights)

    def _table(self, device: torch.device, num_classes: int | None) -> Table:
        """The table on the device of the predictions, wherever the criterion is; checked against their classes."""
        rule, classes = self._class_weight_rule(), cast(Tensor, self.class_weight_classes)
        if num_classes is not None and rule.keys == "0 to C-1" and len(classes) != num_classes:
            read_class_weight(self.class_weight, rule, num_classes)
        held = self._held("class_weight", device)
        return Table(self._copy("class_weight_classes", device), held, self._classes_are_dense)

    def _class_weights_act(self) -> bool:
        return self._has_class_weight and (self.training or not self.rest_in_eval)


def _plain(given: Any) -> Any:
    """Class weights of Python's own numbers, which JSON and print() take; a copy of what may change."""
    if isinstance(given, Mapping):
        return {_number(key): _number(weight) for key, weight in given.items()}
    if hasattr(given, "__array__") and not isinstance(given, Tensor):
        return given.tolist()
    return list(map(_number, given)) if isinstance(given, (list, tuple)) else given


def _number(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
