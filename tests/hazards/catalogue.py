"""Every public criterion with a batch it likes, and a total loss of several: what each promise is asked of.

Every test of a hazard makes its criterion here, by ``built`` or ``total``: how it is computed can be chosen in one place.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import torchweights as tw
from tests.samples import COSTS, SAMPLES, Sample, full_options
from torchweights.messages import choose

N = 4


def _numbers(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator)


def _two_labels(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(1, shape[-1], (shape[0], 2), generator=generator)


def _groups(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.arange(shape[0]) % 2


def _bits(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(2, shape, generator=generator).float()


def _labels(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(shape[-1], shape[:-1], generator=generator)


def _shares(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator).softmax(-1)


def _absolute(**options: Any) -> tw.WeightedLoss:
    return tw.from_function(lambda y_true, y_pred: (y_true - y_pred).abs().mean(-1), **options)


#: what ``tests/samples.py`` has not, because its tests want a value per sample and weights that act on it alone
MORE = [
    Sample("ctc", tw.CTC, (6, 4), _numbers, _two_labels),
    Sample("circle", tw.Circle, (3,), _numbers, _groups),
    Sample("dice of all", tw.Dice, (2, 3), _numbers, _bits),
    Sample("tversky of all", tw.Tversky, (2, 3), _numbers, _bits),
    Sample("cost matrix", tw.WeightedCategoricalCrossentropy, (3,), _numbers, _labels, {**COSTS, "from_logits": True}),
    Sample(
        "cost matrix one-hot", tw.WeightedCategoricalCrossentropy, (3,), _numbers, _bits, {**COSTS, "from_logits": True}
    ),
    Sample(
        "cost matrix of probabilities",
        tw.WeightedCategoricalCrossentropy,
        (3,),
        _shares,
        _labels,
        {**COSTS, "from_logits": False},
    ),
    Sample(
        "expected cost, log, logits",
        tw.ExpectedCost,
        (3,),
        _numbers,
        _bits,
        {**COSTS, "from_logits": True, "form": "log"},
    ),
    Sample("class dice", tw.ClassDice, (3,), _numbers, _labels, {"activation": "softmax"}),
    Sample(
        "class tversky", tw.ClassTversky, (3,), _numbers, _bits, {"activation": "sigmoid", "alpha": 0.7, "beta": 0.3}
    ),
    Sample("bce dice", tw.BinaryCrossentropyDice, (3,), _numbers, _bits, {"from_logits": True}),
    Sample("class dice of all", tw.ClassDice, (3,), _numbers, _bits, {"activation": "sigmoid", "over": "everything"}),
    Sample("function", _absolute, (3,), _numbers, _numbers),
    Sample("hinge on one label", tw.Hinge, (1,), _numbers, _bits),
]
INPUTS = [*SAMPLES, *MORE]


def batch(
    sample: Sample, options: dict[str, Any], dtype: torch.dtype = torch.float32, seed: int = 0
) -> tuple[Tensor, Tensor]:
    y_pred, y_true = sample.batch(N, seed, dtype)
    y_pred = y_pred.detach()
    if options.get("from_logits", sample.options.get("from_logits")) is False and (y_pred < 0).any():
        y_pred = y_pred.sigmoid()
    return y_pred, y_true


#: a value that the whole batch makes, so that weights and masks exclude no sample
WHOLE_BATCH = [
    one
    for one in INPUTS
    if one.kind in (tw.Circle, tw.ClassDice, tw.ClassTversky, tw.BinaryCrossentropyDice) or one.name.endswith("of all")
]
#: the others: values per sample
PER_SAMPLE = [one for one in INPUTS if one not in WHOLE_BATCH]


#: how criteria compute here: "by themselves" (plain, for batches this small), "closed" form or "fused"
PATH = os.environ.get("TORCHWEIGHTS_PATH", "by themselves")


def on_path(criterion: Any) -> Any:
    """The criterion on the path chosen; losses that have no other than the plain path stay on it."""
    choose("TORCHWEIGHTS_PATH", PATH, ("by themselves", "closed", "fused"))
    if PATH != "by themselves" and getattr(criterion, "_closes_from", None) is not None:
        criterion = criterion.fused(0) if PATH == "fused" else criterion
        criterion._closes_from = 0
    return criterion


def plainly(criterion: Any) -> Any:
    """The criterion on the plain path."""
    return copy.copy(criterion).plain()


def given(sample: Sample, dtype: torch.dtype = torch.float32, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Predictions that require grad, and targets."""
    y_pred, y_true = batch(sample, {}, dtype, seed)
    return y_pred.to(dtype).requires_grad_(), y_true


def built(kind: Sample | Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The criterion of a sample, or of a class, with options, on the path that was chosen: where every test of a hazard gets it from."""
    return on_path(kind.criterion(**options) if isinstance(kind, Sample) else kind(*arguments, **options))


def unchecked(kind: Sample | Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The criterion as it is off the CPU, where numbers are not looked at."""
    criterion = built(kind, *arguments, **options)
    criterion.validate = False
    return criterion


def full(sample: Sample, **options: Any) -> Any:
    """The criterion with everything on that this loss takes."""
    return built(sample, **full_options(sample, **options))


def slope(loss: Tensor, y_pred: Tensor) -> Tensor:
    """d loss / d y_pred."""
    (found,) = torch.autograd.grad(loss.sum(), y_pred)
    return found


def total(**options: Any) -> tw.CompiledLoss:
    """Two outputs, one with two losses, and a penalty."""
    binary = built(tw.BinaryCrossentropy, from_logits=True, axis=-1)
    sparse = built(tw.SparseCategoricalCrossentropy, from_logits=True)
    given = {"loss_weights": {"a": [1.0, 0.5], "b": 0.25}, "penalties": [tw.l2([torch.tensor([3.0])], 0.1)]}
    return built(tw.CompiledLoss, {"a": [binary, "mse"], "b": sparse}, **{**given, **options})


def unchecked_total(**options: Any) -> tw.CompiledLoss:
    """The total as it is off the CPU."""
    criterion = total(**options)
    for one in criterion.losses:
        one.validate = False
    return criterion


def given_total(dtype: torch.dtype = torch.float32) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What ``total()`` is called with."""
    generator = torch.Generator().manual_seed(3)
    y = {name: torch.randn(N, 3, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for name in "ab"}
    t = {"a": torch.randint(2, (N, 3), generator=generator).to(dtype), "b": torch.randint(3, (N,), generator=generator)}
    return y, t
