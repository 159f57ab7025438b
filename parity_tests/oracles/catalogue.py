"""What a release calls its losses: the strings that ``losses.get`` takes, and the arguments of functions and classes."""

from __future__ import absolute_import, division, print_function

import inspect
import re
import sys

_STRINGS = (
    "mse MSE mae MAE mape MAPE msle MSLE bce BCE kld KLD ce crossentropy cosine cosine_proximity cosine_similarity "
    "kullback_leibler_divergence kl_divergence logcosh log_cosh huber huber_loss hinge squared_hinge categorical_hinge "
    "poisson mean_squared_error mean_absolute_error mean_absolute_percentage_error mean_squared_logarithmic_error "
    "binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy binary_focal_crossentropy "
    "categorical_focal_crossentropy dice tversky circle ctc categorical_generalized_cross_entropy "
    "MeanSquaredError MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredLogarithmicError BinaryCrossentropy "
    "CategoricalCrossentropy SparseCategoricalCrossentropy BinaryFocalCrossentropy CategoricalFocalCrossentropy "
    "CosineSimilarity CosineProximity Hinge SquaredHinge CategoricalHinge Huber KLDivergence LogCosh Poisson Dice "
    "Tversky Circle CTC CategoricalGeneralizedCrossEntropy"
)
STRINGS = _STRINGS.split()


def defining(losses):
    """The module that defines the losses: tf.keras makes fewer of them public than ``losses.get`` takes."""
    return sys.modules[inspect.unwrap(losses.mean_squared_error).__module__]


def arguments(found):
    """[argument, repr of its default or None] of a function, or of the ``__init__`` of a class."""
    target = found.__init__ if inspect.isclass(found) else found
    marks = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    listed = []
    for parameter in inspect.signature(target).parameters.values():
        default = None if parameter.default is inspect.Parameter.empty else repr(parameter.default)
        listed.append([marks.get(parameter.kind, "") + parameter.name,
                       default and re.sub(r" at 0x[0-9a-f]+", "", default)])  # fmt: skip
    return listed[1:] if inspect.isclass(found) else listed


def is_loss(name, found):
    """Whether a public attribute of the losses module is a loss of its own, no alias and nothing imported."""
    if name.startswith("_") or name in ("get", "serialize", "deserialize"):
        return False
    if not (inspect.isclass(found) or inspect.isfunction(found)):
        return False
    inner = inspect.unwrap(found)
    return inner.__name__ == name and "loss" in inner.__module__


def described(losses, string):
    """The name of the function or class that a string stands for; None where there is none."""
    try:
        found = losses.get(string)
    except ValueError:
        return None
    except Exception as error:  # noqa: BLE001  whatever the release raises is its answer
        return "raises " + type(error).__name__
    return getattr(found, "__name__", type(found).__name__)


def of(losses):
    """The catalogue of a release, for the header of its recording."""
    public = {name: getattr(losses, name) for name in dir(losses)}
    own = {name: found for name, found in public.items() if is_loss(name, found)}
    names = {string: described(losses, string) for string in sorted(set(STRINGS).union(own))}
    return {"names": names, "signatures": {name: arguments(found) for name, found in own.items()}}
