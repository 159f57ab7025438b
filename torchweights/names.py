"""Losses by name: what ``keras.losses.get`` knew, release by release, as criteria of this library."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Mapping
from typing import Any

from torchweights import losses, releases
from torchweights.losses.base import WeightedLoss
from torchweights.semantics import ROW_OF, SEMANTICS, Semantics, semantics_for

# fmt: off
#: names of one loss -> its criterion, and the releases of multi-backend Keras, of tf.keras (and tf_keras) and of Keras 3
#: whose ``losses.get`` knows them: "all", "none", a first and a last one, either of which may be left out
_NAMES: tuple[tuple[str, type[WeightedLoss], str, str, str], ...] = (
    #  names                                     criterion                                   Keras 2   tf.keras     Keras 3
    ("mean_squared_error mse MSE",               losses.MeanSquaredError,                    "all",    "all",       "all"),
    ("MeanSquaredError",                         losses.MeanSquaredError,                    "2.3.0-", "1.13-",     "all"),
    ("mean_absolute_error mae MAE",              losses.MeanAbsoluteError,                   "all",    "all",       "all"),
    ("MeanAbsoluteError",                        losses.MeanAbsoluteError,                   "2.3.0-", "1.13-",     "all"),
    ("mean_absolute_percentage_error mape MAPE", losses.MeanAbsolutePercentageError,         "all",    "all",       "all"),
    ("MeanAbsolutePercentageError",              losses.MeanAbsolutePercentageError,         "2.3.0-", "1.13-",     "all"),
    ("mean_squared_logarithmic_error msle MSLE", losses.MeanSquaredLogarithmicError,         "all",    "all",       "all"),
    ("MeanSquaredLogarithmicError",              losses.MeanSquaredLogarithmicError,         "2.3.0-", "1.13-",     "all"),
    ("cosine_similarity",                        losses.CosineSimilarity,                    "2.3.0-", "1.14-",     "all"),
    ("CosineSimilarity",                         losses.CosineSimilarity,                    "none",   "1.14-",     "all"),
    ("cosine_proximity",                         losses.CosineSimilarity,                    "all",    "-1.15",     "none"),
    ("cosine",                                   losses.CosineSimilarity,                    "all",    "-1.13",     "none"),
    ("CosineProximity",                          losses.CosineSimilarity,                    "none",   "1.13-1.13", "none"),
    ("huber",                                    losses.Huber,                               "none",   "2.3-",      "all"),
    ("huber_loss",                               losses.Huber,                               "2.3.0-", "1.14-",     "none"),
    ("Huber",                                    losses.Huber,                               "2.3.0-", "1.14-",     "all"),
    ("log_cosh",                                 losses.LogCosh,                             "none",   "2.3-",      "all"),
    ("logcosh",                                  losses.LogCosh,                             "all",    "all",       "none"),
    ("LogCosh",                                  losses.LogCosh,                             "2.3.0-", "1.14-",     "all"),
    ("poisson",                                  losses.Poisson,                             "all",    "all",       "all"),
    ("Poisson",                                  losses.Poisson,                             "2.3.0-", "1.14-",     "all"),
    ("kl_divergence",                            losses.KLDivergence,                        "none",   "2.3-",      "all"),
    ("kullback_leibler_divergence",              losses.KLDivergence,                        "all",    "all",       "none"),
    ("kld KLD",                                  losses.KLDivergence,                        "all",    "all",       "all"),
    ("KLDivergence",                             losses.KLDivergence,                        "2.3.0-", "1.14-",     "all"),
    ("hinge",                                    losses.Hinge,                               "all",    "all",       "all"),
    ("Hinge",                                    losses.Hinge,                               "2.3.0-", "1.14-",     "all"),
    ("squared_hinge",                            losses.SquaredHinge,                        "all",    "all",       "all"),
    ("SquaredHinge",                             losses.SquaredHinge,                        "2.3.0-", "1.14-",     "all"),
    ("categorical_hinge",                        losses.CategoricalHinge,                    "all",    "all",       "all"),
    ("CategoricalHinge",                         losses.CategoricalHinge,                    "2.3.0-", "1.14-",     "all"),
    ("binary_crossentropy",                      losses.BinaryCrossentropy,                  "all",    "all",       "all"),
    ("bce BCE",                                  losses.BinaryCrossentropy,                  "none",   "2.1-",      "all"),
    ("BinaryCrossentropy",                       losses.BinaryCrossentropy,                  "2.3.0-", "1.13-",     "all"),
    ("categorical_crossentropy",                 losses.CategoricalCrossentropy,             "all",    "all",       "all"),
    ("CategoricalCrossentropy",                  losses.CategoricalCrossentropy,             "2.3.0-", "1.13-",     "all"),
    ("sparse_categorical_crossentropy",          losses.SparseCategoricalCrossentropy,       "all",    "all",       "all"),
    ("SparseCategoricalCrossentropy",            losses.SparseCategoricalCrossentropy,       "2.3.0-", "1.14-",     "all"),
    ("binary_focal_crossentropy BinaryFocalCrossentropy",
                                                 losses.BinaryFocalCrossentropy,             "none",   "2.8-",      "3.2-"),
    ("categorical_focal_crossentropy CategoricalFocalCrossentropy",
                                                 losses.CategoricalFocalCrossentropy,        "none",   "2.13-",     "3.2-"),
    ("dice Dice",                                losses.Dice,                                "none",   "none",      "3.2-"),
    ("tversky Tversky",                          losses.Tversky,                             "none",   "none",      "3.3-"),
    ("ctc CTC",                                  losses.CTC,                                 "none",   "none",      "3.4-"),
    ("circle Circle",                            losses.Circle,                              "none",   "none",      "3.7-"),
    # Keras 3.10 and later have the loss, and their losses.get does not find it.
    ("categorical_generalized_cross_entropy CategoricalGeneralizedCrossEntropy",
                                                 losses.CategoricalGeneralizedCrossEntropy,  "none",   "none",      "none"),
)
# fmt: on
#: name -> its criterion, and the releases by column of the table
_KNOWN = {name: (kind, spans) for names, kind, *spans in _NAMES for name in names.split()}
#: the rows that are no Keras: they know every name
_ALL_NAMES = ("torchweights", "torch")
#: what Keras 3's ``compile`` makes one of three losses, by the shapes of the batch
_BY_SHAPE = ("crossentropy", "ce")
#: what a configuration of Keras says and no number depends on
_LABELS = ("name", "fn")


def get(
    name: str | Mapping[str, Any] | WeightedLoss, semantics: str | Semantics = "torchweights", **options: Any
) -> WeightedLoss:
    """The criterion that a name means, as ``keras.losses.get`` of a release would find it.

    Args:
        name: A name ("mse", "huber_loss", "MeanSquaredError"), what ``keras.losses.serialize`` makes of a loss
            ({"class_name": .., "config": {..}}), or a criterion, which is returned as it is.
        semantics: The release that must know the name, and whose numbers are computed. The rows ``torchweights`` and
            ``torch`` know the names of every release.
        options: What the criterion takes besides.

    Raises:
        ValueError: for a name that the release does not know, with those that do and what it calls the loss instead.
        TypeError: for anything else, functions too: they leave no place for weights.

    Source: ``losses.get`` of the releases recorded, asked for every name. Their sign of ``cosine`` comes with the row.

    >>> get("kld"), get("huber_loss", semantics="keras2.3.1", delta=0.5)
    (KLDivergence(), Huber(delta=0.5, semantics='keras2.3.1'))
    >>> get("log_cosh", semantics="keras2.2.4")
    Traceback (most recent call last):
    ValueError: name expected a loss that 'keras2.2.4' knows; received 'log_cosh', which tf2.3-15, tf_keras2.15-21,
    keras3.0-15 know. In 'keras2.2.4' it is 'logcosh'.
    """
    if isinstance(name, str):
        return _criterion_of(name, semantics)(semantics=semantics, **options)
    if isinstance(name, Mapping):
        return _configured(name, semantics, options)
    if isinstance(name, WeightedLoss):
        other_row = semantics != "torchweights" and _row_of(semantics_for(semantics)) != _row_of(name.semantics)
        if options or other_row:
            raise ValueError(
                f"name expected a string where semantics or options are given; received the finished criterion {name!r}, "
                "which has its own. Give them where it is built."
            )
        return name
    raise TypeError(_way_out(name))


def _criterion_of(name: str, semantics: str | Semantics) -> type[WeightedLoss]:
    """The class behind a name that the release knows."""
    asked = _releases_of(semantics)
    if name in _KNOWN and (not asked or any(_knows(release, name) for release in asked)):
        return _KNOWN[name][0]
    if name in _BY_SHAPE:
        raise ValueError(
            f"name expected one loss; received {name!r}, which Keras 3's compile makes one of three by the shapes of the "
            "batch. Write 'binary_crossentropy', 'categorical_crossentropy' or 'sparse_categorical_crossentropy'."
        )
    shown = repr(semantics.name if isinstance(semantics, Semantics) else semantics)
    known = [word for word in _KNOWN if not asked or any(_knows(release, word) for release in asked)]
    if name not in _KNOWN:
        near = difflib.get_close_matches(name, known, n=2)
        words = list(reversed({_KNOWN[word][0]: word for word in reversed(known)}.values()))
        way_out = f"Did you mean {' or '.join(map(repr, near))}?" if near else "torchweights.losses has them all."
        raise ValueError(
            f"name expected one of {', '.join(words[:6])} and {len(words) - 6} more that {shown} knows; received {name!r}. {way_out}"
        )
    kind = _KNOWN[name][0]
    knowing = [release for release in ROW_OF if not release.endswith("torch") and _knows(release, name)]
    others = [other for other in known if _KNOWN[other][0] is kind]
    raise ValueError(
        f"name expected a loss that {shown} knows; received {name!r}, which "
        + (f"{releases.spans(knowing)} know. " if knowing else "no release finds by its name. ")
        + (
            f"In {shown} it is {' or '.join(map(repr, others))}."
            if others
            else f"Write tw.{kind.__name__}(semantics={shown})."
        )
    )


def _releases_of(semantics: str | Semantics) -> tuple[str, ...]:
    """The recorded releases whose names count; none where every name does."""
    if not isinstance(semantics, str):
        row = semantics_for(semantics)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the criterion itself warns of a neighbour that stands for a release
            # As if each release had a row of its own: the answer is the release.
            found = releases.row_of(semantics, {release: release for release in ROW_OF}, SEMANTICS)
        if found in ROW_OF and found not in _ALL_NAMES:
            return (found,)
        row = SEMANTICS[found]
    row = SEMANTICS.get(_row_of(row), row)
    return () if row.name in _ALL_NAMES else row.releases


def _row_of(semantics: Semantics) -> str:
    """The name of the release's row, whichever door was asked for."""
    return semantics.name.partition(":")[0]


def _knows(release: str, name: str) -> bool:
    """Whether ``losses.get`` of a release knows a name."""
    version = releases.numbers(release)
    column = 1 if release.startswith("tf") else 0 if version < (3,) else 2
    span = _KNOWN[name][1][column]
    if span in ("all", "none"):
        return span == "all"
    first, _, last = span.partition("-")
    return releases.numbers(first) <= version and (not last or version <= releases.numbers(last))


def _configured(given: Mapping[str, Any], semantics: str | Semantics, options: Mapping[str, Any]) -> WeightedLoss:
    """The criterion of a serialised loss, Keras's or this library's."""
    kind, config = given.get("class_name"), given.get("config")
    if kind == "function" and isinstance(config, str):
        return get(config, semantics, **options)
    if not isinstance(kind, str) or not isinstance(config, Mapping):
        raise TypeError(
            f"name expected {{'class_name': .., 'config': {{..}}}}; received a dict of {', '.join(map(repr, given)) or 'nothing'}."
        )
    criterion = _criterion_of(kind, "torchweights")
    own = config.get("fn")
    if own is not None and (own not in _KNOWN or _KNOWN[own][0] is not criterion):
        raise ValueError(
            f"config['fn'] expected the function of {kind}; received {own!r}. A loss function of one's own is weighed by "
            "tw.reduce_weighted_values."
        )
    settings = {name: value for name, value in config.items() if name not in _LABELS}
    if settings.get("reduction") == "auto":
        settings["reduction"] = "sum_over_batch_size"  # what it means outside of a distribution strategy
    if semantics != "torchweights" or "semantics" not in settings:
        settings["semantics"] = semantics
    return criterion.from_config({**settings, **options})


def _way_out(name: object) -> str:
    """What to write instead of something that names no loss."""
    expected = "name expected a string, {'class_name': .., 'config': {..}} or a criterion; received "
    if name is None:
        return expected + "None. Leave out an output that has no loss."
    if isinstance(name, type) and issubclass(name, WeightedLoss):
        return expected + f"the class {name.__name__}. Build it: tw.{name.__name__}(..)."
    called = getattr(name, "__name__", type(name).__name__)
    if called in _KNOWN:
        return expected + f"{type(name).__name__} {called}. Write tw.get({called!r}, ..)."
    if callable(name):
        return (
            expected
            + f"{type(name).__name__} {called}. Weigh the values that it returns with tw.reduce_weighted_values."
        )
    return expected + f"{type(name).__name__} {name!r:.60}."
