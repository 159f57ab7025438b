"""The losses of a release by the name of the case: the function, the class, and what either of them takes.

What a release has not got is not offered, found out by looking at names and signatures. Whatever it raises once it is
asked is its answer.
"""

from __future__ import absolute_import, division, print_function

import inspect

import numpy as np
from _run import NotOffered

#: Keras 3's name of a function -> the names that releases gave it, the newest first
_OLD_NAMES = {
    "kl_divergence": ("kl_divergence", "kullback_leibler_divergence"),
    "log_cosh": ("log_cosh", "logcosh"),
    "huber": ("huber", "huber_loss"),
    "cosine_similarity": ("cosine_similarity", "cosine_proximity"),
}
#: the classes whose name is not that of the function in capitals
_CLASSES = {"kl_divergence": "KLDivergence", "ctc": "CTC"}
_REDUCTIONS_OF_OLD = ("sum_over_batch_size", "sum", "none")


def name_of(losses, loss):
    """The name of a loss function in the module ``losses``."""
    for name in _OLD_NAMES.get(loss, (loss,)):
        if callable(getattr(losses, name, None)):
            return name
    raise NotOffered("no function " + loss)


def function_of(losses, item):
    """``f(y_true, y_pred)`` of a case, with its options."""
    name, options = name_of(losses, item["loss"]), item["options"]
    function = getattr(losses, name)
    _require(function, options, "function " + item["loss"])
    return (lambda t, p: function(t, p, **options)) if options else function


def class_of(losses, loss):
    """The class of a loss."""
    name = _CLASSES.get(loss) or "".join(part.capitalize() for part in loss.split("_"))
    found = getattr(losses, name, None)
    if not inspect.isclass(found):
        raise NotOffered("no class " + name)
    return found


def _require(called, options, what):
    """Every option must be an argument by name."""
    arguments = inspect.signature(called).parameters
    for option in sorted(options):
        if option not in arguments:
            raise NotOffered("no argument %s of %s" % (option, what))


def takes_mask(losses):
    """Whether a loss object looks for the Keras mask of the predictions."""
    # TensorFlow 2.10 and 2.11 look for the mask of their own values alone.
    return "in_mask" in inspect.getsource(inspect.unwrap(losses.Loss.__call__))


def _offers_reduction(losses, reduction):
    """Whether the loss classes know a reduction: those of Keras 3 grew."""
    if reduction in _REDUCTIONS_OF_OLD:
        return True
    nothing = np.zeros((1, 1), "float32")
    try:
        losses.MeanSquaredError(reduction=reduction)(nothing, nothing)  # some look at it when they are called
    except ValueError:
        return False
    return True


def objective(losses, item, bare_functions=True):
    """``f(y_true, y_pred, sample_weight)`` out of the module ``losses``, as the case words it.

    Before Keras 3, what is neither weighed nor reduced is asked of the bare function: the class for sparse labels has
    no ``axis``, and the classes of TensorFlow 1.15 and 2.2 cast float64 to float32.
    """
    options = item["options"]
    bare = item["reduction"] == "none" and item["sample_weight"] is None and item["mask"] is None
    if bare and bare_functions and "ignore_class" not in options:
        function = function_of(losses, item)
        return lambda t, p, w: function(t, p)
    made = class_of(losses, item["loss"])
    _require(made.__init__, options, "class " + made.__name__)
    if not _offers_reduction(losses, item["reduction"]):
        raise NotOffered("no reduction " + item["reduction"])
    if item["mask"] is not None and not takes_mask(losses):
        raise NotOffered("no mask at the loss")
    return made(reduction=item["reduction"], **options)


def old_objective(losses, weighted_masked_objective, item):
    """``f(y_true, y_pred, sample_weight, mask)`` of a release without loss classes: weighed means, or bare values."""
    function = function_of(losses, item)
    if item["reduction"] == "none":
        if item["sample_weight"] is not None or item["mask"] is not None:
            raise NotOffered("no reduction none")
        return lambda t, p, w, m: function(t, p)
    if item["reduction"] != "sum_over_batch_size":
        raise NotOffered("no reduction " + item["reduction"])
    return weighted_masked_objective(function)


def loss_argument(losses, item, mean, as_tensor=lambda y_true: y_true):
    """What compile is given: the name of a loss, a custom loss that returns one scalar, or one with its own call."""
    if item["loss"] == "overridden_call":
        if not hasattr(losses, "Loss"):
            raise NotOffered("no loss classes")

        class OverriddenCall(losses.Loss):
            """Seven times what ``call`` returns."""

            def call(self, y_true, y_pred):
                return mean((y_pred - y_true) ** 2)

            def __call__(self, y_true, y_pred, sample_weight=None):
                return 7 * mean((y_pred - as_tensor(y_true)) ** 2)

        return OverriddenCall()
    if item["loss"] != "scalar_squared_error":
        return name_of(losses, item["loss"])

    def scalar_squared_error(y_true, y_pred):
        return mean((y_pred - y_true) ** 2)

    return scalar_squared_error
