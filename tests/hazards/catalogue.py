"""Every public criterion with a batch it likes, and a total loss of several: what each promise is asked of."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import torchweights as tw
from tests.device_cells import INPUTS, batch
from tests.samples import Sample

N = 4

#: losses whose values are per sample, so that weights and masks exclude samples
PER_SAMPLE = [
    one
    for one in INPUTS
    if one.kind not in (tw.Circle, tw.Dice, tw.Tversky, tw.ClassDice, tw.ClassTversky, tw.BinaryCrossentropyDice)
]
#: the others: a value that the whole batch makes
WHOLE_BATCH = [one for one in INPUTS if one not in PER_SAMPLE]


def given(sample: Sample, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Predictions that require grad, and targets."""
    y_pred, y_true = batch(sample, {}, dtype)
    return y_pred.to(dtype).requires_grad_(), y_true


def unchecked(sample: Sample, **options: Any) -> Any:
    """The criterion as it is off the CPU, where numbers are not looked at."""
    criterion = sample.criterion(**options)
    criterion.validate = False
    return criterion


def slope(loss: Tensor, y_pred: Tensor) -> Tensor:
    """d loss / d y_pred."""
    (found,) = torch.autograd.grad(loss.sum(), y_pred)
    return found


def total(**options: Any) -> tw.CompiledLoss:
    """Two outputs, one with two losses, and a penalty."""
    return tw.CompiledLoss(
        {"a": [tw.BinaryCrossentropy(from_logits=True, axis=-1), "mse"], "b": tw.SparseCategoricalCrossentropy(from_logits=True)},
        loss_weights={"a": [1.0, 0.5], "b": 0.25},
        penalties=[tw.l2([torch.tensor([3.0])], 0.1)],
        **options,
    )  # fmt: skip


def given_total(dtype: torch.dtype = torch.float32) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What ``total()`` is called with."""
    generator = torch.Generator().manual_seed(3)
    y = {name: torch.randn(N, 3, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for name in "ab"}
    t = {"a": torch.randint(2, (N, 3), generator=generator).to(dtype), "b": torch.randint(3, (N,), generator=generator)}
    return y, t
