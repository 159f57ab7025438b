"""Keras 2.3 and tf.keras 1.14 and 1.15, graph mode: the loss is the loss class."""

import _run
import catalogue
import graph_mode
import loss_classes

OPTIONS = _run.arguments()
keras, RELEASES = graph_mode.library(OPTIONS.engine)
LOSSES = catalogue.defining(keras.losses)


def objective(item):
    """``f(y_true, y_pred, weight, mask)`` as the case words it."""
    function = loss_classes.objective(LOSSES, item)
    return lambda t, p, w, m: function(t, p, w)


if __name__ == "__main__":
    prepare = graph_mode.preparer(keras, LOSSES, objective, remembers=OPTIONS.engine.startswith("tf"))
    _run.main(OPTIONS, prepare, RELEASES, graph_mode.NOTES, LOSSES)
