"""How ``tf.losses`` weighs and reduces, release by release; the sums themselves are ``torchweights.reduction``'s."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from torchweights import reduction as reducer
from torchweights import validation
from torchweights.alignment import Met, Shape, refuse, shape_text
from torchweights.counts import divisor_of
from torchweights.denominators import AdditiveCounts, elements
from torchweights.functional import at_least_float32
from torchweights.messages import choose
from torchweights.reduction import Weighed
from torchweights.semantics import Semantics, Weighing, semantics_for


@dataclass(frozen=True)
class Row:
    """What differs between the releases of ``tf.losses``.

    ``empty`` is what a division by nothing gives, as in ``torchweights.semantics.Weighing``. ``smoothing`` is the axis
    whose size counts the classes. ``folded`` says whether ``log_loss`` subtracts from 1 + epsilon. ``pairs`` is what the n
    of ``mean_pairwise_squared_error`` counts beside a weight that is one number.
    """

    empty: str = "zero"
    smoothing: int = -1
    folded: bool = False
    pairs: str = "sample"


# fmt: off
#: every row by name: the first release that computes so in graph mode; ``:eager`` is TensorFlow 2 outside of graphs
ROWS = {
    #                         0 / 0                 smoothing  log_loss      n counts
    "tf.losses1.12":      Row("zero, negative too", 1,         folded=False, pairs="sample"),
    "tf.losses1.13":      Row("zero",               1,         folded=False, pairs="sample"),
    "tf.losses1.14":      Row("zero",               -1,        folded=False, pairs="sample"),
    "tf.losses1.15":      Row("zero",               -1,        folded=True,  pairs="sample"),
    "tf.losses2.0:eager": Row("zero",               -1,        folded=False, pairs="batch"),
}
# fmt: on
LATEST = "tf.losses1.15"
_VERSIONS = {
    r"1\.12(\.\d+)?": "tf.losses1.12",
    r"1\.13(\.\d+)?": "tf.losses1.13",
    # 2.0 is as 1.14, and 2.1 as 1.15 again: whether a graph reorders the arithmetic of log_loss.
    r"(1\.14|2\.0)(\.\d+)?": "tf.losses1.14",
    r"(1\.15|2\.([1-9]|1[0-9]|2[01]))(\.\d+)?": LATEST,
}

#: The five ways to reduce. ``tf.losses`` calls the second to the fifth ``weighted_sum`` and so on.
REDUCTIONS = ("none", "sum", "mean", "sum_over_batch_size", "sum_by_nonzero_weights")
DEFAULT = REDUCTIONS[-1]
_ALIASES = {f"weighted_{name}": name for name in REDUCTIONS[1:]} | {"sum_over_nonzero_weights": DEFAULT}


def nonzero(counts: AdditiveCounts) -> Tensor:
    """Elements whose weight is not 0."""
    return counts.nonzero


def as_they_are(values: Shape, weight: Tensor | None, mask: Tensor | None) -> Met:
    """A scalar, or the rank of the values."""
    return Met(weight, None, weight)


def _semantics(name: str, row: Row) -> dict[str, Semantics]:
    """The row as the reducer knows rows, by reduction: they differ in what is divided by."""
    rest = replace(semantics_for("torchweights"), name=name)
    means = {DEFAULT: nonzero}
    return {
        reduction: replace(rest, weighing=Weighing(as_they_are, means.get(reduction, elements), row.empty))
        for reduction in REDUCTIONS
    }


_SEMANTICS = {name: _semantics(name, row) for name, row in ROWS.items()}
#: what the reducer calls each reduction
_WORDS = {"none": "none", "sum": "sum", "mean": "mean_with_sample_weight"}


def standard_reduction(reduction: str | None) -> str:
    """The one spelling of a reduction: None is ``none``, TensorFlow's strings lose their ``weighted_``.

    >>> standard_reduction("weighted_mean"), standard_reduction("sum_over_nonzero_weights")
    ('mean', 'sum_by_nonzero_weights')
    """
    named = "none" if reduction is None else _ALIASES.get(reduction, reduction)
    return choose("reduction", named, REDUCTIONS)


def row_name(semantics: str) -> str:
    """The name of a row: itself, or that of a release (``tensorflow==1.13.1``).

    >>> row_name("tensorflow==2.4.0")
    'tf.losses1.15'
    """
    if not isinstance(semantics, str):
        raise TypeError(
            f"semantics expected a row's name; received {type(semantics).__name__}. Write semantics={LATEST!r}."
        )
    package, separator, version = semantics.partition("==")
    if not separator:
        return choose("semantics", semantics, ROWS)
    if package.strip() in ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tf"):
        for pattern, name in _VERSIONS.items():
            if re.fullmatch(pattern, version.strip()):
                return name
    raise ValueError(
        f"semantics expected a recorded release of tensorflow, 1.12 to 2.21; received {semantics!r}. "
        f"Name the one whose numbers yours has, of {', '.join(ROWS)}."
    )


def met(weights: Tensor, values: Shape, name: str) -> Tensor:
    """``weights``, if they are a scalar or of the rank of the values, each axis whole or 1; else a ValueError."""
    same = weights.ndim == len(values)
    if weights.ndim and not (same and all(n in (1, whole) for n, whole in zip(weights.shape, values, strict=True))):
        per_sample = (*values[:1], *[1] * (len(values) - 1))
        way_out = f"; one weight per sample is {name}.reshape({shape_text(per_sample)})" if values else ""
        expected = f"a scalar, or {len(values)} axes, each whole or 1, as tf.losses wants them{way_out}"
        raise refuse(name, weights.shape, values, expected)
    return weights


def given(weights: object, values: Tensor, name: str = "weights") -> Tensor | None:
    """Weights as a tensor beside ``values``; None where they are the number 1."""
    if weights is None:
        raise ValueError(f"{name} expected a number or a torch.Tensor; received None. Leave it out for weights of 1.")
    if isinstance(weights, (int, float)):
        dtype = at_least_float32(values).dtype
        return None if weights == 1 else torch.full((), weights, dtype=dtype, device=values.device)
    return validation.as_weight(name, weights, values.device)


def weigh(shape: Sequence[int], weights: object, reduction: str | None, semantics: str, values: Tensor) -> Weighed:
    """Weights that met loss values of ``shape``, of the type and on the device of ``values``."""
    tensor = given(weights, values)
    if tensor is not None:
        tensor = met(tensor, shape, "weights")
    row = _SEMANTICS[row_name(semantics)][standard_reduction(reduction)]
    return reducer.weigh(shape, tensor, None, row, at_least_float32(values).dtype, values.device)


def reduce(values: Tensor, weighed: Weighed, reduction: str | None) -> Tensor:
    """The values under their weights, reduced."""
    return reducer.reduce(values, weighed, _WORDS.get(standard_reduction(reduction), "sum_over_batch_size"))


def without(shape: Sequence[int], axis: object) -> tuple[int, ...]:
    """``shape`` with size 1 at ``axis``."""
    if not isinstance(axis, int) or not -len(shape) <= axis < len(shape):
        raise ValueError(f"axis expected one of the {len(shape)} axes of {shape_text(shape)}; received {axis!r}.")
    return tuple(1 if place == axis % len(shape) else size for place, size in enumerate(shape))


def divisor(weighed: Weighed, reduction: str) -> Tensor:
    """What ``reduce`` divides by, in float64: those of several batches add up."""
    return divisor_of(weighed.counts(), weighed.row, _WORDS.get(reduction, "sum_over_batch_size"))


def check_pair(predictions: object, labels: object, names: tuple[str, str]) -> None:
    """Predictions are floating point; labels in the place of predictions are noticed. Raises TypeError."""
    for name, tensor in zip(names, (predictions, labels), strict=True):
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"{name} expected a torch.Tensor; received {type(tensor).__name__}. Write torch.as_tensor({name})."
            )
        if tensor.is_complex():
            raise TypeError(f"{name} expected real numbers; received {tensor.dtype}.")
    assert isinstance(predictions, Tensor) and isinstance(labels, Tensor)
    order = (
        f"The order is ({names[0]}, {names[1]}), as in torch.nn; TensorFlow's order needs keywords: "
        f"{names[1]}=.., {names[0]}=..."
    )
    if not predictions.is_floating_point():
        raise TypeError(f"{names[0]} expected floating point; received {predictions.dtype}. {order}")
    if labels.requires_grad and not predictions.requires_grad:
        raise TypeError(f"{names[1]} requires grad and {names[0]} does not: they look swapped. {order}")


def check_shapes(predictions: Tensor, labels: Tensor, names: tuple[str, str]) -> None:
    """Labels have the shape of the predictions; ValueError otherwise."""
    if predictions.shape != labels.shape:
        raise ValueError(
            f"{names[1]} expected the shape of {names[0]}, {shape_text(predictions.shape)}; received "
            f"{shape_text(labels.shape)}. Reshape one of them: tf.losses broadcasts neither."
        )
