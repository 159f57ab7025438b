"""Hypothesis strategies that draw cases: losses x options x ranks x weights x masks x float types x kinds of inputs.

What is drawn is the plain dict that ``torchweights.parity.cases.case`` makes, through the door "loss", for
``replay.ask`` and ``comparison.compare_cell``. Hypothesis draws a few small choices and one seed; numpy makes the arrays of
them, so a case costs little and still shrinks: to fewer axes, to shorter ones, to no weight and no mask.

It needs hypothesis, which nothing else in the package imports: ``pip install "torchweights[test]"``.

>>> from hypothesis import given
>>> @given(cases(losses=["huber"], ranks=[2]))
... def agrees(item):
...     assert item["loss"] == "huber" and item["y_pred"].ndim == 2
>>> agrees()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from torchweights.parity import inputs
from torchweights.parity.cases import KERAS3_REDUCTIONS, case

Draw = Callable[[st.SearchStrategy[Any]], Any]
Case = dict[str, Any]

RANKS = (1, 2, 3, 4, 5)
DTYPES = ("float64", "float32")
#: Losses whose predictions have one rank alone.
_RANK_OF = {"circle": 2, "ctc": 3}
#: Losses with classes: their predictions have at least two axes.
_CLASSIFIERS = tuple(loss for loss, kind in inputs.PREDICTIONS.items() if kind in ("rows", "embeddings", "logits")) + (
    "categorical_hinge",
)
_OVERLAPS = ("dice", "tversky")
_SEEDS = st.integers(0, 2**32 - 1)
_MOST_ELEMENTS = 256


@st.composite
def cases(
    draw: Draw,
    losses: Sequence[str] = inputs.LOSSES,
    ranks: Sequence[int] = RANKS,
    reductions: Sequence[str] = KERAS3_REDUCTIONS,
    weights: Sequence[str] = inputs.WEIGHTS,
    fills: Sequence[str] = inputs.FILLS,
    masks: Sequence[str] = inputs.MASKS,
    kinds: Sequence[str] = inputs.INPUTS,
    dtypes: Sequence[str] = DTYPES,
) -> Case:
    """Cases of the losses named, for predictions of the ranks named; each argument says what may be drawn.

    Args:
        losses: Names as Keras's functions have them, "mean_squared_error" to "ctc".
        ranks: Ranks of the predictions; a loss that takes one rank alone keeps to that one.
        reductions: Keras 3's words.
        weights, fills: Shapes of sample weights, and what their numbers are: ``inputs.WEIGHTS``, ``inputs.FILLS``.
        masks: Shapes of Keras masks: ``inputs.MASKS``.
        kinds: Kinds of targets and predictions: ``inputs.INPUTS``.
        dtypes: Float types; each case is of one.
    """
    loss = draw(st.sampled_from(losses))
    shape = draw(shapes(loss, ranks))
    options = draw(options_of(loss, len(shape)))
    kind = draw(st.sampled_from(kinds))
    weight, mask = draw(st.sampled_from(weights)), draw(st.sampled_from(masks))
    fill = "ordinary" if weight == "none" else draw(st.sampled_from(fills))
    reduction, dtype = draw(st.sampled_from(reductions)), draw(st.sampled_from(dtypes))
    target = draw(st.sampled_from(targets_of(loss)))
    seed = draw(_SEEDS)
    stream = np.random.RandomState(seed)
    axis = class_axis(loss, options)
    y_pred = inputs.predictions(loss, _kind_of_predictions(loss, options), kind, shape, axis, stream)
    y_true = _targets(loss, target, kind, y_pred, axis, options, stream)
    values = values_shape(loss, options, shape)
    name = f"rank={len(shape)} inputs={kind} targets={target} weight={weight} fill={fill} mask={mask} seed={seed}"
    made: Case = case(  # type: ignore[no-untyped-call]
        name, "loss", loss, y_true, y_pred,
        weight=inputs.sample_weight(weight, fill, values, stream), mask=inputs.mask(mask, values, stream),
        reduction=reduction, options=options, dtypes=(dtype,),
    )  # fmt: skip
    return made


def words_of(item: Case) -> dict[str, str]:
    """What was drawn, by word: rank, inputs, targets, weight, fill, mask, seed.

    >>> words_of({"id": "loss/huber/rank=2 weight=(B,) fill=zeros"})
    {'rank': '2', 'weight': '(B,)', 'fill': 'zeros'}
    """
    return dict(word.split("=", 1) for word in item["id"].split("/", 2)[2].split(" "))


# -------------------------------------------------------------------------------------------------------------- shapes


@st.composite
def shapes(draw: Draw, loss: str, ranks: Sequence[int]) -> tuple[int, ...]:
    """The shape of predictions; short axes, so that the batch is often as long as another axis."""
    if loss in _RANK_OF:
        rank = _RANK_OF[loss]
    else:
        least = 2 if loss in _CLASSIFIERS else 1
        rank = draw(st.sampled_from([rank for rank in ranks if rank >= least] or [least]))
    sizes = [draw(st.integers(1, 5)), *(draw(st.integers(1, 4)) for _ in range(rank - 1))]
    if loss == "ctc":  # steps enough for most labels, and a class beside the blank
        sizes[1:] = [sizes[1] + 3, sizes[2] + 1]
    while np.prod(sizes) > _MOST_ELEMENTS:
        sizes[int(np.argmax(sizes))] -= 1
    return tuple(sizes)


def class_axis(loss: str, options: Case) -> int:
    """The axis of the predictions that a value of the loss takes together."""
    axis = options.get("axis", -1)
    return axis if isinstance(axis, int) and loss not in _OVERLAPS else -1


def values_shape(loss: str, options: Case, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of unreduced values."""
    if loss == "ctc":
        return shape[:1]
    axes: Any = options.get("axis", None if loss in _OVERLAPS else -1)
    if axes is None:
        return ()
    shape = shape if len(shape) > 1 else (*shape, 1)  # (N,) is (N, 1), as fit makes it
    gone = {axis % len(shape) for axis in (axes if isinstance(axes, tuple) else (axes,))}
    return tuple(size for place, size in enumerate(shape) if place not in gone)


# ------------------------------------------------------------------------------------------------------------- options


def _maybe(**options: st.SearchStrategy[Any]) -> st.SearchStrategy[Case]:
    """Each option given or left out."""
    return st.fixed_dictionaries({}, optional=options)


_SMOOTHING = st.sampled_from((0.125, 0.1, 1.0))
_GAMMA = st.sampled_from((0.0, 0.5, 1.0, 2.0, 3.5))
_SHARE = st.sampled_from((0.0, 0.25, 0.7, 1.0))
_LOGITS = st.booleans()
_PLAIN = {
    "huber": _maybe(delta=st.sampled_from((1e-3, 0.25, 1.0, 2.0, 50.0))),
    "categorical_generalized_cross_entropy": _maybe(q=st.sampled_from((0.1, 0.5, 0.7, 0.99))),
    "circle": _maybe(gamma=st.sampled_from((1.0, 16.0, 80.0)), margin=st.sampled_from((0.0, 0.25, 0.4)),
                     remove_diagonal=st.booleans()),
}  # fmt: skip


def options_of(loss: str, rank: int) -> st.SearchStrategy[Case]:
    """The options that Keras 3.15 gives a loss, for predictions of a rank."""
    if loss in _PLAIN:
        return _PLAIN[loss]
    axis = st.integers(-rank, rank - 1)
    if loss == "cosine_similarity":
        return _maybe(axis=axis)
    if loss in ("binary_crossentropy", "categorical_crossentropy"):
        return _maybe(from_logits=_LOGITS, label_smoothing=_SMOOTHING, axis=axis)
    if loss == "sparse_categorical_crossentropy":
        return _maybe(from_logits=_LOGITS, ignore_class=st.sampled_from((-1, 255, 0, 1)), axis=axis)
    if loss == "binary_focal_crossentropy":
        return _maybe(from_logits=_LOGITS, label_smoothing=_SMOOTHING, axis=axis, gamma=_GAMMA, alpha=_SHARE,
                      apply_class_balancing=st.booleans())  # fmt: skip
    if loss == "categorical_focal_crossentropy":
        return _maybe(from_logits=_LOGITS, label_smoothing=_SMOOTHING, axis=axis, gamma=_GAMMA, alpha=_SHARE)
    axes = st.one_of(axis, st.lists(st.integers(0, rank - 1), min_size=1, max_size=rank, unique=True).map(tuple))
    if loss == "dice":
        return _maybe(axis=axes)
    return _maybe(axis=axes, alpha=_SHARE, beta=_SHARE) if loss == "tversky" else st.just({})


# ------------------------------------------------------------------------------------------------------------- targets

_TARGETS = {
    "one-hot": ("one-hot", "soft"),
    "labels": ("labels", "labels,1"),
    "binary": ("binary", "shares"),
    "signs": ("signs", "binary", "others"),
}
_TARGETS_OF = {
    "kl_divergence": ("soft", "one-hot"), "hinge": _TARGETS["signs"], "squared_hinge": _TARGETS["signs"],
    "categorical_hinge": ("one-hot", "soft"), "binary_crossentropy": _TARGETS["binary"],
    "binary_focal_crossentropy": _TARGETS["binary"], "categorical_crossentropy": _TARGETS["one-hot"],
    "categorical_focal_crossentropy": _TARGETS["one-hot"], "sparse_categorical_crossentropy": _TARGETS["labels"],
    "categorical_generalized_cross_entropy": ("labels",), "dice": _TARGETS["binary"], "tversky": _TARGETS["binary"],
    "circle": _TARGETS["labels"], "ctc": ("labels",),
}  # fmt: skip


def targets_of(loss: str) -> tuple[str, ...]:
    """The kinds of targets that a loss takes."""
    return _TARGETS_OF.get(loss) or (inputs.PREDICTIONS[loss],)


def _kind_of_predictions(loss: str, options: Case) -> str:
    return "logits" if options.get("from_logits") else inputs.PREDICTIONS[loss]


def _targets(
    loss: str, kind: str, of: str, y_pred: np.ndarray[Any, Any], axis: int, options: Case, stream: np.random.RandomState
) -> np.ndarray[Any, Any]:
    if loss == "ctc":
        batch, steps, classes = y_pred.shape
        labels = stream.randint(1, classes, (batch, stream.randint(1, steps + 1)))
        labels[np.arange(labels.shape[1]) >= stream.randint(0, labels.shape[1] + 1, (batch, 1))] = 0
        return labels.astype("int64")
    y_true = inputs.targets(kind.partition(",")[0], of, y_pred, axis, stream)
    if loss == "circle":
        y_true = stream.randint(0, 3, len(y_pred)).astype("int64")
    ignored = options.get("ignore_class")
    if ignored is not None and not 0 <= ignored < y_pred.shape[axis]:
        y_true[stream.random_sample(y_true.shape) < 0.3] = ignored
    return np.expand_dims(y_true, axis) if kind == "labels,1" else y_true
