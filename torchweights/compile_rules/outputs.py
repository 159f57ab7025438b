"""The outputs of a model: their names, how they are nested, and finding in an argument what belongs to each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

Path = tuple[str | int, ...]


def leaves(structure: Any) -> list[Any]:
    """What lists, tuples and dicts hold, in their order.

    >>> leaves({"first": ["a", "b"], "second": "c"})
    ['a', 'b', 'c']
    """
    if isinstance(structure, Mapping):
        return [leaf for value in structure.values() for leaf in leaves(value)]
    if isinstance(structure, (list, tuple)):
        return [leaf for value in structure for leaf in leaves(value)]
    return [structure]


def walk(structure: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each leaf with the keys and places that lead to it."""
    if isinstance(structure, Mapping):
        for key, value in structure.items():
            yield from walk(value, (*path, key))
    elif isinstance(structure, (list, tuple)):
        for place, value in enumerate(structure):
            yield from walk(value, (*path, place))
    else:
        yield path, structure


class Outputs:
    """The outputs of a model, named.

    Args:
        structure: Names in a list, as a model with a list of outputs has them; in a dict (or nested) as its outputs are.
    """

    def __init__(self, structure: Sequence[Any] | Mapping[str, Any]) -> None:
        self.structure = structure
        self.paths = [path for path, _ in walk(structure)]
        self.names: list[str] = leaves(structure)
        if not self.names or not all(isinstance(name, str) for name in self.names):
            raise TypeError(f"output_names expected names, one for each output; received {structure!r}.")
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"output_names expected a name of its own for each output; received {structure!r}.")
        #: whether the model returns a dict
        self.in_dict = isinstance(structure, Mapping)
        self.nested = max(map(len, self.paths)) > 1

    @property
    def log_names(self) -> list[str]:
        """What Keras 3 calls them in its logs: the keys that lead to an output, and the name of one that stands in a list."""
        return ["/".join(self._log_name(path, name)) for path, name in zip(self.paths, self.names, strict=True)]

    def _log_name(self, path: Path, name: str) -> list[str]:
        keys = [key for key in path if isinstance(key, str)]
        return keys if isinstance(path[-1], str) else [*keys, name]

    def __len__(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        return ", ".join(self.names)

    def known(self, argument: str, given: Mapping[str, Any], among: Sequence[str] | None = None) -> None:
        """Raises for a key that is the name of no output."""
        expected = self.names if among is None else among
        unknown = [name for name in given if name not in expected]
        if unknown:
            raise ValueError(
                f"{argument} expected names of outputs, {', '.join(expected)}; received {', '.join(map(repr, unknown))}."
            )

    def each(self, argument: str, given: Any, *, lacking: str = "refuse") -> list[Any]:
        """One of ``given`` for each output; ``lacking`` (refuse, None) says what an output without an entry gets."""
        if given is None:
            return [None] * len(self)
        if isinstance(given, Tensor) or not isinstance(given, (Mapping, list, tuple)):
            if len(self) > 1:
                raise ValueError(
                    f"{argument} expected one tensor for each of {self}; received a single one. Give a list or a dict, or "
                    "output_names= as the model nests its outputs."
                )
            return [given]
        if isinstance(given, Mapping) and not (self.nested and set(given) == set(_keys(self.structure))):
            self.known(argument, given)
            without = [name for name in self.names if name not in given]
            if without and lacking == "refuse":
                raise ValueError(f"{argument} expected an entry for {', '.join(without)}; received {', '.join(given)}.")
            return [given.get(name) for name in self.names]
        found = dict(walk(given))
        if set(found) != set(self.paths):
            expected = (
                f"{len(self)} entries, one for each of {self}"
                if not self.nested
                else f"what is nested as {self.structure}"
            )
            raise ValueError(
                f"{argument} expected {expected}; received {len(found)}{'' if not self.nested else ' nested otherwise'}."
            )
        return [found[path] for path in self.paths]


def _keys(structure: Any) -> list[str]:
    return list(structure) if isinstance(structure, Mapping) else []


def names_of(loss: Any) -> list[str]:
    """Names for outputs that were given none."""
    if isinstance(loss, (Mapping, list, tuple)) and not loss:
        raise ValueError(
            f"loss expected one for each output; received {loss!r}. Write {{'output': 'mse'}}, or ['mse']."
        )
    if isinstance(loss, Mapping):
        return list(loss)
    count = len(loss) if isinstance(loss, (list, tuple)) else 1
    return [f"output_{place}" for place in range(1, count + 1)]
