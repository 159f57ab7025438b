"""Under which names a release prints losses, and how it makes one number for an epoch of those of its batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

#: what ``CompiledLoss.detailed`` returns, a floor above
Parts = Any


def each_output(parts: Parts) -> dict[str, Tensor]:
    """the loss of each output, before its loss weight"""
    if len(parts.names) == 1:
        return {}
    return {f"{name}_loss": value for name, value in parts.outputs.items()}


def none(parts: Parts) -> dict[str, Tensor]:
    """nothing beside the total"""
    return {}


def each_loss(parts: Parts) -> dict[str, Tensor]:
    """each loss, before its loss weight; the last one where several are on one output"""
    if len(parts.terms) == 1:
        return {}
    return {f"{term.log_name}_loss": term.value for term in parts.terms}


def each_weighed_loss(parts: Parts) -> dict[str, Tensor]:
    """each loss times its loss weight; the last one where several are on one output"""
    if parts.losses == 1:
        return {}
    return {f"{term.log_name}_loss": term.weighted for term in parts.terms}


@dataclass(frozen=True)
class Epochs:
    """Over what a release averages for an epoch: "samples" (a batch counts by its size) or "batches" (all count alike).

    ``loss`` and ``outputs`` are for arrays, ``loss_of_steps`` and ``outputs_of_steps`` for data that comes in batches (tf.data, iterators).
    """

    loss: str
    outputs: str
    loss_of_steps: str
    outputs_of_steps: str
    #: over what penalties are averaged where no output has a loss
    penalties_alone: str = "samples"
