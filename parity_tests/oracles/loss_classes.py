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

    Before Keras 3, what is neither weighed nor reduced is asked of the bare function: the class for sparse labels has
    no ``axis``, and the classes of TensorFlow 1.15 and 2.2 cast float64 to float32.
    """
    options = item["options"]
    bare = item["reduction"] == "none" and item["sample_weight"] is None and item["mask"] is None
    if bare and not sparse_takes_axis and "ignore_class" not in options:
        return lambda t, p, w: getattr(losses, item["loss"])(t, p, **options)
    return getattr(losses, CLASSES[item["loss"]])(reduction=item["reduction"], **options)
