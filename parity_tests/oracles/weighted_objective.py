"""Keras 2.0 to 2.2 and tf.keras 1.12 and 1.13: ``compile`` wraps the loss function in ``weighted_masked_objective``.

tf.keras 1.13 has the first loss classes, and ``compile`` takes one of them for mean squared error alone: there the loss
is the class where there is one, and the wrapped function elsewhere.
"""

import _run
import catalogue
import graph_mode
import loss_classes

OPTIONS = _run.arguments()
keras, RELEASES = graph_mode.library(OPTIONS.engine)
LOSSES = catalogue.defining(keras.losses)


def wrapper():
    """The function that weighs and masks, wherever the release keeps it."""
    if OPTIONS.engine.startswith("tf"):
        from tensorflow.python.keras.engine.training_utils import weighted_masked_objective
    elif keras.__version__.startswith(("2.0.", "2.1.")):
        from keras.engine.training import _weighted_masked_objective as weighted_masked_objective
    else:
        from keras.engine.training_utils import weighted_masked_objective
    return weighted_masked_objective


def has_class(item):
    try:
        loss_classes.class_of(LOSSES, item["loss"])
    except _run.NotOffered:
        return False
    return True


def objective(item):
    """``f(y_true, y_pred, weight, mask)`` as the case words it."""
    if has_class(item):
        function = loss_classes.objective(LOSSES, item)
        return lambda t, p, w, m: function(t, p, w)
    return loss_classes.old_objective(LOSSES, wrapper(), item)


if __name__ == "__main__":
    prepare = graph_mode.preparer(keras, LOSSES, objective)
    _run.main(OPTIONS, prepare, RELEASES, graph_mode.NOTES, LOSSES)
