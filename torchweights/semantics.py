"""The eras: what a weight means in each release of Keras, as rows of three small tables.

``Weighing`` says how ranks and masks meet and what the mean divides by, ``Formulas`` which small quirks the values
have, ``ClassWeights`` what ``fit(class_weight=...)`` does. A release (``Semantics``) points into each. A row is the
release as ``compile`` and ``fit`` run it with arrays; the bare loss object, where it differs, is ``door="loss"``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from torchweights import alignment
from torchweights.messages import choose


class AdditiveCounts(Protocol):
    """What a denominator may be made of."""

    @property
    def elements(self) -> Tensor: ...
    @property
    def unmasked(self) -> Tensor: ...
    @property
    def nonzero(self) -> Tensor: ...
    @property
    def weights(self) -> Tensor: ...


# ------------------------------------------------------------------------------------ what the mean divides by: D of counts


def elements(counts: AdditiveCounts) -> Tensor:
    """All elements."""
    return counts.elements


def unmasked(counts: AdditiveCounts) -> Tensor:
    """Unmasked elements."""
    return counts.unmasked


def nonzero_weights(counts: AdditiveCounts) -> Tensor:
    """Unmasked elements x share of weights that are not 0."""
    return counts.unmasked * counts.nonzero / counts.elements


def sum_of_class_weights(counts: AdditiveCounts) -> Tensor:
    """Sum of class weights, or unmasked elements."""
    return counts.weights


def weights_or_nan(counts: AdditiveCounts) -> Tensor:
    """Sum of weights.

    Times the share unmasked where the mask could not be multiplied in; NaN where that leaves nothing.
    """
    share = counts.unmasked / counts.elements
    shared = counts.weights * torch.where(share > 0, share, torch.nan)
    return torch.where(counts.weights > 0, shared, counts.weights)


# ------------------------------------------------------------------------------- what "the sum of weights" adds up


def as_given(counted: Tensor, mask: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    """The weights in the shape they came in: (N, 1) beside (N, T) counts each sample once."""
    return counted.to(torch.float64).sum()


def over_elements(counted: Tensor, mask: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    """The weight of every unmasked element."""
    whole = counted.to(torch.float64).expand(shape)
    return whole.sum() if mask is None else torch.where(mask, whole, torch.zeros_like(whole)).sum()


# -------------------------------------------------------------------------------- when a model's logits are used instead


def never(activation: str, rank: int) -> bool:
    """The loss sees probabilities, whatever made them."""
    return False


def up_to_rank_2(activation: str, rank: int) -> bool:
    """Logits are found behind a sigmoid of any rank, behind a softmax only up to predictions of rank 2."""
    return activation == "sigmoid" or rank <= 2


def always(activation: str, rank: int) -> bool:
    """Logits are found behind every softmax and sigmoid."""
    return True


@dataclass(frozen=True)
class Weighing:
    """How ranks and masks meet, what the mean divides by, what 0 / 0 is ("zero", "nan", "zero, negative too").

    ``feed`` is what compile and fit do to sample weights before the loss sees them.
    """

    meet: Callable[[alignment.Shape, Tensor | None, Tensor | None], alignment.Met]
    denominator: Callable[[AdditiveCounts], Tensor]
    empty: str = "zero"
    sum_of_weights: Callable[[Tensor, Tensor | None, tuple[int, ...]], Tensor] = over_elements
    feed: Callable[..., Tensor | None] = alignment.unfed
    counts_class_weights_alone: bool = False

    def divides_by_weights_as_given(self, reduction: str) -> bool:
        """Whether D adds up weights in the shape they came in, which is no sum over samples for every shape."""
        by_weights = reduction == "mean_with_sample_weight" or self.denominator is weights_or_nan
        return by_weights and self.sum_of_weights is as_given


@dataclass(frozen=True)
class Formulas:
    """The quirks of the values, as the functions in ``torchweights.functional`` take them.

    ``logits_behind`` says when a rescue finds logits, ``per_element`` whether no axis is averaged, ``explicit`` whether
    from_logits and axis must be given and numbers are checked by default. ``cosine`` is the sign of the similarity and
    the least length of a vector, ``huber`` whether its last axis is averaged ("mean", "per element"), ``focal`` which
    focal loss takes logits as they are ("both", "binary", "neither"); the rest make them probabilities first, and the
    categorical one then smooths over the last axis.
    """

    binary: str = "clip"
    sparse: str = "clip first"
    smoothing_classes: str = "axis"
    hinge_labels: str = "whole batch"
    logits_behind: Callable[[str, int], bool] = never
    cosine: tuple[int, float] = (-1, 1e-7)
    huber: str = "mean"
    focal: str = "both"
    per_element: bool = False
    explicit: bool = False


@dataclass(frozen=True)
class ClassWeights:
    """What ``fit(class_weight=...)`` does.

    ``beside``: what happens with a ``sample_weight`` ("multiply", "sample_weight wins", "refuse"). ``missing``: a class
    without a weight ("refuse", or the weight it has then). ``keys``: "any", "0 to K-1" (no gaps), "0 to C-1" (one for
    each class of y_pred). ``others``: what is no dict ("ignore", "refuse", "by class"). ``ranks``: largest rank of the
    targets. ``labels``: how label values are read ("exact", "truncate", "round"). ``empty``: what {} does ("ignore",
    "refuse", "weigh 1"). ``labels_end_in_one``: fit() wants labels (N, T, 1), so labels (N, T) count as of that rank.
    """

    beside: str
    missing: str | float = "refuse"
    keys: str = "any"
    others: str = "refuse"
    ranks: int | None = 2
    labels: str = "exact"
    empty: str = "ignore"
    cast_to_sample_weight: bool = False
    labels_end_in_one: bool = False
    eval_too: bool = False


@dataclass(frozen=True)
class Semantics:
    """One row: a release, or ``torch``, or the default ``torchweights``."""

    name: str
    weighing: Weighing
    formulas: Formulas
    class_weights: ClassWeights

    def __reduce__(self) -> tuple[Any, ...]:
        # By name: a pickled criterion gets the row of the library that loads it.
        return semantics_for, (self.name,)


# fmt: off
_at, _no = alignment, "zero, negative too"
WEIGHING = {
    #                          ranks and masks meet  the mean divides by  0 / 0 is  sum of weights  the training loop feeds
    "torchweights":   Weighing(_at.by_rank,          unmasked),
    "torch":          Weighing(_at.by_rank,          sum_of_class_weights, "nan",   counts_class_weights_alone=True),
    "keras2.2":       Weighing(_at.keras_2_2,        nonzero_weights,     "nan",    over_elements,  _at.per_sample_or_step),
    "tf1.12":         Weighing(_at.tf_1_12,          weights_or_nan,      _no,      as_given,       _at.or_a_single_one),
    "keras2.3":       Weighing(_at.keras_2_3,        elements,            "nan",    over_elements,  _at.or_ones),
    "tf1.15":         Weighing(_at.tf_1_15,          elements,            "zero",   over_elements,  _at.per_sample_or_step),
    "tf2.2":          Weighing(_at.tf_2,             elements,            "zero",   over_elements,  _at.always_a_column),
    "tf_keras":       Weighing(_at.tf_keras,         unmasked,            "nan",    over_elements,  _at.a_column_beside_rank_2),
    "keras3":         Weighing(_at.keras_3,          unmasked,            "zero",   as_given),
    "keras3-torch":   Weighing(_at.keras_3_torch,    unmasked,            "zero",   as_given),
}
FORMULAS = {
    #                          binary               sparse              smoothing  0/1 for hinge   logits behind   cosine       huber          focal
    "torchweights":   Formulas("clip",              "normalise first",  "axis",    "included",     always,         (-1, 1e-7),  "mean",        "both",    explicit=True),
    "torch":          Formulas("clamp log",         "normalise first",  "axis",    "as given",     always,         (-1, 1e-7),  "mean",        "both",    explicit=True, per_element=True),
    "keras2.2":       Formulas("clip, logits",      "clip first",       "axis",    "as given",     never,          (-1, 1e-6)),
    "keras2.3":       Formulas("clip, add, graph",  "clip first",       "axis 1",  "whole batch",  up_to_rank_2,   (-1, 1e-6),  "per element"),
    "tf1.15":         Formulas("clip, add, graph",  "clip first",       "axis 1",  "whole batch",  up_to_rank_2,   (+1, 1e-6),  "per element"),
    "tf2.2":          Formulas("clip, add, graph",  "clip first",       "axis 1",  "whole batch",  up_to_rank_2,   (-1, 1e-6)),
    "tf2.2:loss":     Formulas("clip, add",         "clip first",       "axis 1",  "whole batch",  up_to_rank_2,   (-1, 1e-6)),
    "tf_keras":       Formulas("clip, add, graph",  "clip first",       "axis",    "whole batch",  always,         (-1, 1e-6),  "mean",        "binary"),
    "tf_keras:loss":  Formulas("clip, add",         "clip first",       "axis",    "whole batch",  always,         (-1, 1e-6),  "mean",        "binary"),
    "keras3":         Formulas("clip",              "clip first",       "last",    "whole batch",  always,         (-1, 1e-7),  "mean",        "binary"),
    "keras3-torch":   Formulas("clip",              "normalise first",  "last",    "whole batch",  never,          (-1, 1e-7),  "mean",        "neither"),
}
CLASS_WEIGHTS = {
    #                              beside sample_weight     missing   keys        no dict     ranks  labels      {}
    "torchweights":   ClassWeights("multiply",              "refuse", "0 to C-1", "by class", None,  "exact",    "refuse", eval_too=True),
    "torch":          ClassWeights("multiply",              "refuse", "0 to C-1", "by class", None,  "exact",    "refuse", eval_too=True),
    "keras2.2":       ClassWeights("sample_weight wins",    "refuse", "any",      "ignore",   2,     "exact",    "ignore", labels_end_in_one=True),
    "tf1.12":         ClassWeights("sample_weight wins",    "refuse", "any",      "ignore",   2,     "exact",    "refuse", labels_end_in_one=True),
    "keras2.3":       ClassWeights("multiply",              "refuse", "any",      "ignore",   2,     "exact",    "ignore", labels_end_in_one=True),
    "tf1.15":         ClassWeights("multiply",              "refuse", "any",      "ignore",   2,     "exact",    "refuse"),
    "tf2.2":          ClassWeights("multiply",              "refuse", "0 to K-1", "refuse",   2,     "truncate", "ignore", cast_to_sample_weight=True),
    "tf_keras":       ClassWeights("multiply",              "refuse", "0 to K-1", "refuse",   None,  "round",    "ignore", cast_to_sample_weight=True),
    "keras3":         ClassWeights("refuse",                1.0,      "any",      "refuse",   2,     "round",    "weigh 1"),
}
#: release -> (weighing, formulas, class weights)
_RELEASES = {
    "torchweights":    ("torchweights", "torchweights", "torchweights"),
    "torch":           ("torch",        "torch",        "torch"),
    "keras2.2.4":      ("keras2.2",     "keras2.2",     "keras2.2"),
    "tf1.12":          ("tf1.12",       "keras2.2",     "tf1.12"),
    "keras2.3.1":      ("keras2.3",     "keras2.3",     "keras2.3"),
    "tf1.15":          ("tf1.15",       "tf1.15",       "tf1.15"),
    "tf2.2":           ("tf2.2",        "tf2.2",        "tf2.2"),
    "tf_keras2.21":    ("tf_keras",     "tf_keras",     "tf_keras"),
    "keras3.15":       ("keras3",       "keras3",       "keras3"),
    "keras3.15-torch": ("keras3-torch", "keras3-torch", "keras3"),
}
# fmt: on


def _rows() -> dict[str, Semantics]:
    rows = {}
    for name, (weighing, formulas, class_weights) in _RELEASES.items():
        rows[name] = Semantics(name, WEIGHING[weighing], FORMULAS[formulas], CLASS_WEIGHTS[class_weights])
        bare = replace(WEIGHING[weighing], feed=alignment.unfed), FORMULAS.get(f"{formulas}:loss", FORMULAS[formulas])
        if bare != (WEIGHING[weighing], FORMULAS[formulas]):
            rows[f"{name}:loss"] = Semantics(f"{name}:loss", *bare, CLASS_WEIGHTS[class_weights])
    return rows


#: every row by name; ``NAME:loss`` is the bare loss object of a release where it differs from the model
SEMANTICS = _rows()

#: package -> pattern of the version -> row; tensorflow from 2.16 on is two Kerases and is asked about
_VERSIONS = {
    "keras": {r"2\.2\.4": "keras2.2.4", r"2\.3\.1": "keras2.3.1", r"3\.15(\.\d+)?": "keras3.15"},
    "tensorflow": {r"1\.12(\.\d+)?": "tf1.12", r"1\.15(\.\d+)?": "tf1.15", r"2\.2(\.\d+)?": "tf2.2"},
    "tf_keras": {r"2\.21(\.\d+)?": "tf_keras2.21"},
    "torch": {r".*": "torch"},
}


def semantics_for(release: str | Semantics, door: str = "model") -> Semantics:
    """The row of a release.

    Args:
        release: A row's name ("keras2.2.4"), a requirement ("tensorflow==1.12.0"), or a row.
        door: "model" for what compile and fit compute, "loss" for the bare loss object called by hand.

    Raises:
        ValueError: for a release that was not recorded, with the list and the closest name; for a TensorFlow whose
            Keras must be named.

    >>> semantics_for("tensorflow==1.12.0").name
    'tf1.12'
    >>> semantics_for("tensorflow==2.2.0", door="loss").name
    'tf2.2:loss'
    """
    choose("door", door, ("model", "loss"))
    row = release if isinstance(release, Semantics) else SEMANTICS[_row_name(release)]
    return SEMANTICS.get(f"{row.name}:loss", row) if door == "loss" else row


def _row_name(release: object) -> str:
    if not isinstance(release, str):
        raise TypeError(
            f"semantics expected a row's name or a Semantics, received {type(release).__name__}. Write semantics='keras3.15'."
        )
    if "==" not in release:
        return choose("semantics", release, SEMANTICS)
    package, version = (part.strip() for part in release.split("==", 1))
    package = {"tf-keras": "tf_keras", "tensorflow-cpu": "tensorflow", "tf": "tensorflow"}.get(package, package)
    choose("the package of semantics", package, _VERSIONS)
    if package == "tensorflow" and re.fullmatch(r"2\.(1[6-9]|[2-9]\d)(\..*)?", version):
        raise ValueError(
            f"tensorflow {version} runs two Kerases: expected to be told which, received {release!r}. tf.keras is Keras 3 there: write "
            "'keras==<its version>'; with TF_USE_LEGACY_KERAS=1 it is tf_keras: write 'tf_keras==<its version>'."
        )
    for pattern, name in _VERSIONS[package].items():
        if re.fullmatch(pattern, version):
            return name
    recorded = [name for name in SEMANTICS if ":" not in name]
    raise ValueError(
        f"semantics expected a recorded release, received {release!r}, which was not recorded. Recorded are "
        f"{', '.join(recorded)}: name the one whose numbers your release has. "
        f"Did you mean {_closest(version, _VERSIONS[package].values())!r}?"
    )


def _closest(version: str, rows: Iterable[str]) -> str:
    """The row whose version is nearest, counted by major, minor and patch."""

    def number(text: str) -> int:
        major, minor, patch = ([int(part) for part in re.findall(r"\d+", text)] + [0, 0, 0])[:3]
        return major * 10**6 + minor * 10**3 + patch

    return min(rows, key=lambda row: abs(number(row) - number(version)))
