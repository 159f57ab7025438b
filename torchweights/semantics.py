"""The eras: what a weight means in each release of Keras, as rows of three small tables.

``Weighing`` says how ranks and masks meet and what the mean divides by, ``Formulas`` which small quirks the values
have, ``ClassWeights`` what ``fit(class_weight=...)`` does. A release (``Semantics``) points into each. A row is the
release as ``compile`` and ``fit`` run it with arrays; the bare loss object, where it differs, is ``door="loss"``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from torchweights import alignment, releases
from torchweights.denominators import (
    AdditiveCounts,
    as_given,
    elements,
    nonzero_weights,
    nonzero_weights_and_epsilon,
    not_ignored,
    over_elements,
    sum_of_class_weights,
    unmasked,
    unmasked_and_epsilon,
    weights_or_nan,
)
from torchweights.messages import choose

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

    ``feed`` is what compile and fit do to sample weights before the loss sees them; ``weighs_scalars`` whether weights of
    samples may meet a loss that is one number.
    """

    meet: Callable[[alignment.Shape, Tensor | None, Tensor | None], alignment.Met]
    denominator: Callable[[AdditiveCounts], Tensor]
    empty: str = "zero"
    sum_of_weights: Callable[[Tensor, Tensor | None, tuple[int, ...]], Tensor] = over_elements
    feed: Callable[..., Tensor | None] = alignment.unfed
    counts_class_weights_alone: bool = False
    weighs_scalars: bool = True

    def divides_by_weights_as_given(self, reduction: str) -> bool:
        """Whether D adds up weights in the shape they came in, which is no sum over samples for every shape."""
        by_weights = reduction == "mean_with_sample_weight" or self.denominator is weights_or_nan
        return by_weights and self.sum_of_weights is as_given

    def counts_weights(self, reduction: str) -> bool:
        """Whether D changes with the weights, their sum or which of them are 0."""
        if reduction in ("sum", "none"):
            return False
        shapes_alone = (elements, unmasked, not_ignored, unmasked_and_epsilon, sum_of_class_weights)
        return reduction == "mean_with_sample_weight" or self.denominator not in shapes_alone

    def counts_any_weights(self, reduction: str) -> bool:
        """Whether D changes with sample weights or class weights."""
        return self.denominator is sum_of_class_weights or self.counts_weights(reduction)


@dataclass(frozen=True)
class Formulas:
    """The quirks of the values, as the functions in ``torchweights.functional`` take them.

    ``logits_behind`` says when a rescue finds logits, ``per_element`` whether no axis is averaged, ``explicit`` whether
    from_logits and axis must be given and numbers are checked by default. ``cosine`` is the sign of the similarity and
    the least length of a vector, ``huber`` whether its last axis is averaged ("mean", "per element"), ``focal`` which
    focal loss takes logits as they are ("both", "binary", "neither"); the rest make them probabilities first, and the
    categorical one then smooths over the last axis. ``ctc_padding`` is False where CTC takes padding for labels,
    ``log_cosh_overflows`` True where the logarithm of cosh is of cosh itself, ``precise`` True where formulas of logits and
    means keep digits that every release loses.
    """

    binary: str = "clip"
    sparse: str = "clip first"
    smoothing_classes: str = "axis"
    hinge_labels: str = "whole batch"
    logits_behind: Callable[[str, int], bool] = never
    cosine: tuple[int, float] = (-1, 1e-7)
    huber: str = "mean"
    focal: str = "both"
    ctc_padding: bool = True
    log_cosh_overflows: bool = False
    per_element: bool = False
    explicit: bool = False
    precise: bool = False

    def finds_logits(self, activation: str, expected: str, rank: int) -> bool:
        """Whether a loss that expects ``expected`` before it computes with the logits behind ``activation``.

        Releases that know an activation by the type of its op do not take one for the other; those that mark tensors do.
        """
        return self.logits_behind(activation, rank) and (activation == expected or self.logits_behind is always)


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
    """One row: a release, or ``torch``, or the default ``torchweights``.

    ``releases`` are those that were recorded and have these numbers, the oldest first.
    """

    name: str
    weighing: Weighing
    formulas: Formulas
    class_weights: ClassWeights
    releases: tuple[str, ...] = ()

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
    "keras2.2.5":     Weighing(_at.keras_2_2,        nonzero_weights_and_epsilon, "nan",    over_elements,  _at.per_sample_or_step),
    "tf1.12":         Weighing(_at.tf_1_12,          weights_or_nan,      _no,      as_given,       _at.or_a_single_one, weighs_scalars=False),
    "keras2.3":       Weighing(_at.keras_2_3,        elements,            "nan",    over_elements,  _at.or_ones),
    "tf1.14":         Weighing(_at.tf_1_14,          elements,            "zero",   over_elements,  _at.per_sample_or_step, weighs_scalars=False),
    "tf1.15":         Weighing(_at.tf_1_15,          elements,            "zero",   over_elements,  _at.per_sample_or_step, weighs_scalars=False),
    "tf2.2":          Weighing(_at.tf_2,             elements,            "zero",   over_elements,  _at.always_a_column),
    "tf2.7":          Weighing(_at.tf_2,             not_ignored,         "nan",    over_elements,  _at.a_column_beside_rank_2),
    "tf_keras":       Weighing(_at.tf_keras,         unmasked,            "nan",    over_elements,  _at.a_column_beside_rank_2),
    "keras3.0":       Weighing(_at.keras_3,          unmasked_and_epsilon, "zero",   as_given),
    "keras3":         Weighing(_at.keras_3,          unmasked,            "zero",   as_given),
    "keras3.0-torch": Weighing(_at.keras_3_torch,    unmasked_and_epsilon, "zero",   as_given),
    "keras3-torch":   Weighing(_at.keras_3_torch,    unmasked,            "zero",   as_given),
}
FORMULAS = {
    #                          binary               sparse              smoothing  0/1 for hinge   logits behind   cosine       huber          focal
    "torchweights":   Formulas("clip",              "normalise first",  "axis",    "included",     always,         (-1, 1e-7),  "mean",        "both",    explicit=True, precise=True),
    "torch":          Formulas("clamp log",         "normalise first",  "axis",    "as given",     always,         (-1, 1e-7),  "mean",        "both",    explicit=True, per_element=True),
    "keras2.2":       Formulas("clip, logits",      "clip first",       "axis",    "as given",     never,          (-1, 1e-6)),
    "keras2.0":       Formulas("clip, logits",      "clip first",       "axis",    "as given",     never,          (-1, 1e-6),  log_cosh_overflows=True),
    "keras2.3.0":     Formulas("clip, add",         "clip first",       "axis 1",  "whole batch",  up_to_rank_2,   (-1, 1e-6),  "per element"),
    "keras2.3.1":     Formulas("clip, add, graph",  "clip first",       "axis 1",  "whole batch",  up_to_rank_2,   (-1, 1e-6),  "per element"),
    "tf1.14":         Formulas("clip, add",         "clip first",       "axis 1",  "whole batch",  up_to_rank_2,   (+1, 1e-6),  "per element"),
    "tf1.15":         Formulas("clip, add, graph",  "clip first",       "axis 1",  "whole batch",  up_to_rank_2,   (+1, 1e-6),  "per element"),
    "tf2.0":          Formulas("clip, add",         "clip first",       "axis 1",  "whole batch",  never,          (-1, 1e-6),  "per element"),
    "tf2.1":          Formulas("clip, add, graph",  "clip first",       "axis 1",  "whole batch",  up_to_rank_2,   (-1, 1e-6),  "per element"),
    "tf2.1:loss":     Formulas("clip, add",         "clip first",       "axis 1",  "whole batch",  up_to_rank_2,   (-1, 1e-6),  "per element"),
    "tf2.2":          Formulas("clip, add, graph",  "clip first",       "axis 1",  "whole batch",  up_to_rank_2,   (-1, 1e-6)),
    "tf2.2:loss":     Formulas("clip, add",         "clip first",       "axis 1",  "whole batch",  up_to_rank_2,   (-1, 1e-6)),
    "tf2.3":          Formulas("clip, add, graph",  "clip first",       "last",    "whole batch",  up_to_rank_2,   (-1, 1e-6)),
    "tf2.3:loss":     Formulas("clip, add",         "clip first",       "last",    "whole batch",  up_to_rank_2,   (-1, 1e-6)),
    "tf2.4":          Formulas("clip, add, graph",  "clip first",       "last",    "whole batch",  always,         (-1, 1e-6),  "mean",        "binary"),
    "tf2.4:loss":     Formulas("clip, add",         "clip first",       "last",    "whole batch",  always,         (-1, 1e-6),  "mean",        "binary"),
    "tf_keras":       Formulas("clip, add, graph",  "clip first",       "axis",    "whole batch",  always,         (-1, 1e-6),  "mean",        "binary"),
    "tf_keras:loss":  Formulas("clip, add",         "clip first",       "axis",    "whole batch",  always,         (-1, 1e-6),  "mean",        "binary"),
    "keras3.0":       Formulas("clip",              "clip first",       "last",    "whole batch",  always,         (-1, 1e-7),  "mean",        "binary",  ctc_padding=False),
    "keras3":         Formulas("clip",              "clip first",       "last",    "whole batch",  always,         (-1, 1e-7),  "mean",        "binary"),
    "keras3.0-torch": Formulas("clip",              "normalise first",  "last",    "whole batch",  never,          (-1, 1e-7),  "mean",        "neither", ctc_padding=False),
    "keras3-torch":   Formulas("clip",              "normalise first",  "last",    "whole batch",  never,          (-1, 1e-7),  "mean",        "neither"),
}
CLASS_WEIGHTS = {
    #                              beside sample_weight     missing   keys        no dict     ranks  labels      {}
    "torchweights":   ClassWeights("multiply",              "refuse", "0 to C-1", "by class", None,  "exact",    "refuse", eval_too=True),
    "torch":          ClassWeights("multiply",              "refuse", "0 to C-1", "by class", None,  "exact",    "refuse", eval_too=True),
    "keras2.2":       ClassWeights("sample_weight wins",    "refuse", "any",      "ignore",   2,     "exact",    "ignore", labels_end_in_one=True),
    "tf1.12":         ClassWeights("sample_weight wins",    "refuse", "any",      "ignore",   2,     "exact",    "refuse", labels_end_in_one=True),
    "tf1.13":         ClassWeights("sample_weight wins",    "refuse", "any",      "ignore",   2,     "exact",    "refuse"),
    "keras2.3":       ClassWeights("multiply",              "refuse", "any",      "ignore",   2,     "exact",    "ignore", labels_end_in_one=True),
    "tf1.15":         ClassWeights("multiply",              "refuse", "any",      "ignore",   2,     "exact",    "refuse"),
    "tf2.2":          ClassWeights("multiply",              "refuse", "0 to K-1", "refuse",   2,     "truncate", "ignore", cast_to_sample_weight=True),
    "tf_keras":       ClassWeights("multiply",              "refuse", "0 to K-1", "refuse",   None,  "round",    "ignore", cast_to_sample_weight=True),
    "keras3":         ClassWeights("refuse",                1.0,      "any",      "refuse",   2,     "round",    "weigh 1"),
}
#: row -> (weighing, formulas, class weights, the recorded releases that have these numbers)
_ROWS = {
    "torchweights":    ("torchweights", "torchweights", "torchweights", ""),
    "torch":           ("torch",        "torch",        "torch",        "torch"),
    "keras2.0.9":      ("keras2.2",     "keras2.0",     "keras2.2",     "keras2.0.9"),
    "keras2.2.4":      ("keras2.2",     "keras2.2",     "keras2.2",     "keras2.1.6 keras2.2.0-4"),
    "keras2.2.5":      ("keras2.2.5",   "keras2.2",     "keras2.3",     "keras2.2.5"),
    "tf1.12":          ("tf1.12",       "keras2.2",     "tf1.12",       "tf1.12"),
    "tf1.13":          ("tf1.12",       "keras2.2",     "tf1.13",       "tf1.13"),
    "tf1.13:object":   ("tf1.14",       "keras2.2",     "tf1.13",       ""),
    "keras2.3.0":      ("keras2.3",     "keras2.3.0",   "keras2.3",     "keras2.3.0"),
    "keras2.3.1":      ("keras2.3",     "keras2.3.1",   "keras2.3",     "keras2.3.1"),
    "tf1.14":          ("tf1.14",       "tf1.14",       "tf1.15",       "tf1.14"),
    "tf1.15":          ("tf1.15",       "tf1.15",       "tf1.15",       "tf1.15"),
    "tf2.0":           ("tf1.15",       "tf2.0",        "tf1.15",       "tf2.0"),
    "tf2.1":           ("tf1.15",       "tf2.1",        "tf1.15",       "tf2.1"),
    "tf2.2":           ("tf2.2",        "tf2.2",        "tf2.2",        "tf2.2"),
    "tf2.3":           ("tf2.2",        "tf2.3",        "tf2.2",        "tf2.3"),
    "tf2.4":           ("tf2.2",        "tf2.4",        "tf2.2",        "tf2.4-6"),
    "tf2.7":           ("tf2.7",        "tf2.4",        "tf2.2",        "tf2.7-10"),
    "tf2.11":          ("tf_keras",     "tf2.4",        "tf2.2",        "tf2.11-12"),
    "tf2.13":          ("tf_keras",     "tf2.4",        "tf_keras",     "tf2.13"),
    "tf_keras2.21":    ("tf_keras",     "tf_keras",     "tf_keras",     "tf2.14-15 tf_keras2.15-21"),
    "keras3.0":        ("keras3.0",     "keras3.0",     "keras3",       "keras3.0-3"),
    "keras3.4":        ("keras3.0",     "keras3",       "keras3",       "keras3.4-12"),
    "keras3.15":       ("keras3",       "keras3",       "keras3",       "keras3.13-15"),
    "keras3.0-torch":  ("keras3.0-torch", "keras3.0-torch", "keras3",   "keras3.0-torch"),
    "keras3.6-torch":  ("keras3.0-torch", "keras3-torch", "keras3",     "keras3.6-torch keras3.12-torch"),
    "keras3.15-torch": ("keras3-torch", "keras3-torch", "keras3",       "keras3.15-torch"),
}
#: (row, door) -> the losses that compile, or whoever calls by hand, meets as an object of another row: NAME:object
_OBJECTS = {
    ("tf1.13", "model"): ("mean_squared_error",),
    ("tf1.13", "loss"): ("mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error",
                         "mean_squared_logarithmic_error", "binary_crossentropy", "categorical_crossentropy"),
}
# fmt: on


def _rows() -> dict[str, Semantics]:
    rows = {}
    for name, (weighing, formulas, class_weights, covered) in _ROWS.items():
        listed, rest = tuple(releases.expand(covered)), CLASS_WEIGHTS[class_weights]
        rows[name] = Semantics(name, WEIGHING[weighing], FORMULAS[formulas], rest, listed)
        bare = replace(WEIGHING[weighing], feed=alignment.unfed), FORMULAS.get(f"{formulas}:loss", FORMULAS[formulas])
        if bare != (WEIGHING[weighing], FORMULAS[formulas]):
            rows[f"{name}:loss"] = Semantics(f"{name}:loss", *bare, rest, listed)
    return rows


#: every row by name; ``NAME:loss`` is the bare loss object of a release where it differs from the model
SEMANTICS = _rows()
#: recorded release -> its row
ROW_OF = {release: name for name, row in SEMANTICS.items() if ":" not in name for release in row.releases}


def semantics_for(release: str | Semantics, door: str = "model", loss: str | None = None) -> Semantics:
    """The row of a release.

    Args:
        release: A recorded release ("keras2.2.3", "tf2.7"), a requirement ("tensorflow==1.12.0"), a row's name, or a
            row. For a version that was not recorded a warning says which neighbour's row is used.
        door: "model" for what compile and fit compute, "loss" for the bare loss object called by hand.
        loss: Keras's name of a loss, for a release that does not weigh all losses alike (TensorFlow 1.13).

    Raises:
        ValueError: for an unknown name, with the list and the closest; for a package that runs another one's Keras.

    >>> semantics_for("tensorflow==1.12.0").name
    'tf1.12'
    >>> semantics_for("tensorflow==2.2.0", door="loss").name
    'tf2.2:loss'
    >>> semantics_for("tf2.5").releases
    ('tf2.4', 'tf2.5', 'tf2.6')
    """
    choose("door", door, ("model", "loss"))
    if isinstance(release, Semantics):
        row = release
    elif isinstance(release, str):
        row = SEMANTICS[releases.row_of(release, ROW_OF, SEMANTICS)]
    else:
        raise TypeError(
            f"semantics expected a row's name or a Semantics, received {type(release).__name__}. Write semantics='keras3.15'."
        )
    if door == "loss":
        row = SEMANTICS.get(f"{row.name}:loss", row)
    return row if loss is None else _for_loss(row, loss)


def _for_loss(row: Semantics, loss: str) -> Semantics:
    name, _, door = row.name.partition(":")
    if loss not in _OBJECTS.get((name, door or "model"), ()):
        return row
    return SEMANTICS[f"{name}:object{':loss' if door else ''}"]
