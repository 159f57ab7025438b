"""The loss classes of the releases that have them, by the name of their function."""

from __future__ import absolute_import, division, print_function

CLASSES = {
    "mean_squared_error": "MeanSquaredError", "mean_absolute_error": "MeanAbsoluteError", "hinge": "Hinge",
    "squared_hinge": "SquaredHinge", "binary_crossentropy": "BinaryCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
}  # fmt: skip


def objective(losses, item, sparse_takes_axis=False):
    """``f(y_true, y_pred, sample_weight)`` out of the module ``losses``, as the case words it.

    Before Keras 3 the class for sparse labels has no ``axis``; its function has, so those cases ask the function.
    """
    options = item["options"]
    if item["loss"] == "sparse_categorical_crossentropy" and "axis" in options and not sparse_takes_axis:
        assert item["sample_weight"] is None and item["reduction"] == "none", item["id"]
        return lambda t, p, w: losses.sparse_categorical_crossentropy(t, p, **options)
    return getattr(losses, CLASSES[item["loss"]])(reduction=item["reduction"], **options)
