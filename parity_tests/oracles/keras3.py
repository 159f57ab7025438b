"""Keras 3 on TensorFlow and on torch: the loss is the loss class, called eagerly."""

import _run
import keras
import loss_classes
import models
import numpy as np

if keras.backend.backend() == "torch":
    import torch_mode as backend_mode
else:
    import eager_mode as backend_mode

NOTES = ("gradient through the loss: the backend's, of the sum of what the loss returned; through the model: one SGD "
         "step of rate 1 on a layer that adds its zero weights to the predictions; run_eagerly is off and jit_compile "
         "its default")  # fmt: skip


class Predictions(keras.layers.Layer):
    """Adds its weights, all zero, to the predictions it is fed; a second input becomes the mask of its output."""

    def __init__(self, whole_shape, mask_rank, **options):
        super().__init__(**options)
        self.whole_shape, self.mask_rank, self.supports_masking = whole_shape, mask_rank, True
        self.masked = mask_rank is not None

    def build(self, *_):
        self.offset = self.add_weight(name="offset", shape=self.whole_shape, initializer="zeros", trainable=True)

    def call(self, inputs):
        given = inputs[0] if self.masked else inputs
        # The batch stays unknown to the graph, as it is in every real model.
        offset = self.offset if self.whole_shape[0] == 1 else keras.ops.reshape(self.offset, keras.ops.shape(given))
        return given + offset

    def compute_output_spec(self, inputs):
        given = inputs[0] if self.masked else inputs
        return keras.KerasTensor(given.shape, dtype=self.compute_dtype)

    def compute_mask(self, inputs, previous_mask=None):
        if not self.masked:
            return None
        kept = keras.ops.not_equal(inputs[1], 0)
        return kept[:, 0] if self.mask_rank == 1 else kept


class Door:
    """The model door: ``train_on_batch`` or ``evaluate`` of a compiled functional model."""

    def __init__(self):
        self.kept = models.Kept(keras.backend.clear_session)

    def ask(self, item, dtype):
        key = models.signature(item) + (dtype,)
        return self.kept.ask(key, lambda: build(item, dtype), lambda held: step(held, item, dtype))


def step(held, item, dtype):
    """Value and gradient from a compiled model."""
    (model, layer), (inputs, targets, weight) = held, models.arrays(item, dtype)
    inputs = inputs if len(inputs) > 1 else inputs[0]
    layer.offset.assign(np.zeros(layer.offset.shape, dtype))
    model.reset_metrics()
    if item["step"] == "evaluate":
        value = model.evaluate(inputs, targets, sample_weight=weight, verbose=0, batch_size=models.batch_size(item))
        return np.asarray(value, dtype), None
    value = model.train_on_batch(inputs, targets, sample_weight=weight, class_weight=item["class_weight"])
    return np.asarray(value, dtype), -keras.ops.convert_to_numpy(layer.offset)


def build(item, dtype):
    """A compiled model and its layer of predictions."""
    loss = loss_classes.loss_argument(keras.losses, item, keras.ops.mean, keras.ops.convert_to_tensor)
    inputs = models.arrays(item, dtype)[0]
    entries = [keras.Input(shape=i.shape[1:]) for i in inputs]
    mask = item["mask"]
    layer = Predictions(models.offset_shape(item), None if mask is None else mask.ndim)
    output = layer(entries if len(entries) > 1 else entries[0])
    if item["activation"]:
        output = keras.layers.Activation(item["activation"])(output)
    model = keras.Model(entries if len(entries) > 1 else entries[0], output)
    model.compile(loss=loss, optimizer=keras.optimizers.SGD(1.0))
    return model, layer


def set_mask(tensor, mask):
    if hasattr(keras.src.backend, "set_keras_mask"):
        keras.src.backend.set_keras_mask(tensor, mask)
    else:  # before Keras 3.6
        tensor._keras_mask = mask


def prepare(dtype):
    keras.backend.clear_session()
    keras.backend.set_floatx(dtype)
    door = Door()

    def ask(item, dtype):
        if item["door"] == "model":
            return door.ask(item, dtype)
        objective = loss_classes.objective(keras.losses, item, bare_functions=False)
        return backend_mode.ask_loss(objective, item, dtype, set_mask)

    return ask


if __name__ == "__main__":
    options = _run.arguments()
    assert (keras.backend.backend() == "torch") == options.engine.endswith("-torch")
    backend_mode.single_thread()
    _run.main(options, prepare, dict(backend_mode.RELEASES, keras=keras.__version__), NOTES, keras.losses)
