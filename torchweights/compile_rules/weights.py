"""Which sample weights and class weights each output has: what each era makes of ``fit(sample_weight=, class_weight=)``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from torchweights.compile_rules.outputs import Outputs
from torchweights.messages import warn_of_trap

# ------------------------------------------------------- sample weights: one for each output, fewer where the rest is dropped


def one_each_names_unchecked(given: Any, outputs: Outputs) -> list[Any]:
    """one for each output, by name or in a list; names of no output are ignored"""
    if isinstance(given, Mapping):
        unknown = [name for name in given if name not in outputs.names]
        if unknown:
            _ignored("sample_weight", unknown, outputs)
        given = {name: weight for name, weight in given.items() if name not in unknown}
    return one_each(given, outputs)


def one_each(given: Any, outputs: Outputs) -> list[Any]:
    """one for each output, by name or in a list"""
    if isinstance(given, Tensor) and len(outputs) > 1:
        raise TypeError(
            f"sample_weight expected one for each of {outputs}; received a single tensor. Give a list (None for an output without) or "
            "a dict by name."
        )
    return outputs.each("sample_weight", given, lacking="None")


def one_each_until_one_lacks(given: Any, outputs: Outputs) -> list[Any]:
    """one for each output; those after the first output without weights are lost"""
    found = one_each(given, outputs)
    lacking = found.index(None) if given is not None and None in found else len(found)
    if any(one is not None for one in found[lacking:]):
        _lost("sample_weight", outputs.names[lacking])
    return [one if place < lacking else None for place, one in enumerate(found)]


def shared_or_in_order(given: Any, outputs: Outputs) -> list[Any]:
    """one for all outputs, by name, or a list by order; outputs beyond the list are dropped"""
    if isinstance(given, Tensor):
        return [given] * len(outputs)
    if isinstance(given, (list, tuple)) and len(given) < len(outputs) and not outputs.nested:
        warn_of_trap(
            "compile: sample_weight too short",
            f"sample_weight expected {len(outputs)} entries, one for each of {outputs}; received {len(given)}. As in the release, outputs "
            "beyond the list are not trained and their loss is 0. Write None for an output without.",
        )
        return list(given)
    return outputs.each("sample_weight", given, lacking="None")


def shared_or_like_targets(given: Any, outputs: Outputs) -> list[Any]:
    """one per sample for all outputs, or nested as the outputs are"""
    if isinstance(given, Tensor) and len(outputs) > 1:
        if given.ndim > 2 or (given.ndim == 2 and given.shape[1] != 1):
            raise ValueError(
                f"sample_weight expected shape (N,) or (N, 1) where one is for all of {outputs}; received {tuple(given.shape)}. Give one for each."
            )
        return [given] * len(outputs)
    if isinstance(given, Mapping) and not outputs.in_dict and len(outputs) > 1:
        raise ValueError(
            f"sample_weight expected a list, as the outputs {outputs} are, in this row; received a dict. Write [weights[name] for name in ...], or build "
            "with output_names in a dict if the model returns one."
        )
    return outputs.each("sample_weight", given)


def strictly_one_each(given: Any, outputs: Outputs) -> list[Any]:
    """one for each output that has weights, by name or in a list with None for the others"""
    return outputs.each("sample_weight", given, lacking="None")


# --------------------------------------------------------------------------------- class weights: output -> its class weights

ByOutput = dict[str, Any]


def by_output_or_ignored(given: Any, outputs: Outputs) -> ByOutput:
    """by name or in a list; whatever names no output is ignored"""
    if given is None or (len(outputs) == 1 and not _is_by_output(given)):
        return _of_all(given, outputs)
    if isinstance(given, Mapping):
        unknown = [name for name in given if name not in outputs.names]
        if unknown:
            _ignored("class_weight", unknown, outputs)
        return {name: weights for name, weights in given.items() if name not in unknown and weights is not None}
    return _listed(given, outputs)


def by_output(given: Any, outputs: Outputs) -> ByOutput:
    """by name or in a list"""
    if given is None or (len(outputs) == 1 and not _is_by_output(given)):
        return _of_all(given, outputs)
    if isinstance(given, Mapping):
        outputs.known("class_weight", given)
        return {name: weights for name, weights in given.items() if weights is not None}
    return _listed(given, outputs)


def by_output_until_one_lacks(given: Any, outputs: Outputs) -> ByOutput:
    """by name or in a list; those after the first output without weights are lost"""
    found = by_output(given, outputs)
    lacking = next((name for name in outputs.names if name not in found), None)
    kept = outputs.names if lacking is None else outputs.names[: outputs.names.index(lacking)]
    if lacking is not None and any(name not in kept for name in found):
        _lost("class_weight", lacking)
    return {name: weights for name, weights in found.items() if name in kept}


def of_one_output(given: Any, outputs: Outputs) -> ByOutput:
    """for a model with one output; by name for several, which the release refuses"""
    if given is None:
        return {}
    if len(outputs) == 1:
        if _is_by_output(given):
            raise ValueError(
                f"class_weight expected weights by class, {{0: 1.0, 1: 5.0}}, in this row; received {given!r:.60}. Leave the output's name out."
            )
        return _of_all(given, outputs)
    if not (isinstance(given, Mapping) and _is_by_output(given)):
        raise ValueError(
            f"class_weight expected a dict by output, of {outputs}; received {given!r:.60}. The release itself takes class weights for models with one "
            "output only; here each output may have its own."
        )
    return by_output(given, outputs)


def of_one_output_names_ignored(given: Any, outputs: Outputs) -> ByOutput:
    """for a model with one output, where weights by name are ignored; by name for several, which the release refuses"""
    if given is not None and len(outputs) == 1 and _is_by_output(given):
        _ignored("class_weight", list(given) if isinstance(given, Mapping) else given, outputs)
        return {}
    return of_one_output(given, outputs)


def _is_by_output(given: Any) -> bool:
    """Whether ``given`` holds class weights of outputs, and not weights of classes."""
    if isinstance(given, Mapping):
        return bool(given) and all(isinstance(key, str) for key in given)
    return isinstance(given, (list, tuple)) and any(isinstance(one, (Mapping, list, tuple)) for one in given)


def _of_all(given: Any, outputs: Outputs) -> ByOutput:
    return {} if given is None else dict.fromkeys(outputs.names, given)


def _listed(given: Any, outputs: Outputs) -> ByOutput:
    if not isinstance(given, (list, tuple)):
        raise TypeError(f"class_weight expected a dict by output, of {outputs}, or a list; received {given!r:.60}.")
    if len(given) != len(outputs):
        raise ValueError(
            f"class_weight expected {len(outputs)} entries, one for each of {outputs}; received {len(given)}. Write None for an output without."
        )
    return {name: weights for name, weights in zip(outputs.names, given, strict=True) if weights is not None}


def _lost(argument: str, lacking: str) -> None:
    warn_of_trap(
        f"compile: {argument} lost",
        f"{argument} expected for every output up to the last one that has some; received none for {lacking!r}. As in the release, those after it are lost. "
        "Give ones.",
    )


def _ignored(argument: str, unknown: list[Any], outputs: Outputs) -> None:
    warn_of_trap(
        f"compile: {argument} ignored",
        f"{argument} expected names of outputs, {outputs}; received {', '.join(map(repr, unknown))}. As in the release, that is ignored without a word.",
    )
