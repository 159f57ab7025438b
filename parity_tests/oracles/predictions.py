"""The layer that stands for a network: it adds its weights, all zero, to the predictions it is fed.

After one step of SGD of rate 1 its weights are the negative gradient of the loss with respect to the predictions, to
the last bit. A second input becomes the Keras mask of its output.
"""

from __future__ import absolute_import, division, print_function

import models


def predictions_layer(keras):
    """The class of that layer for a Keras before Keras 3."""
    backend = keras.backend

    class Predictions(keras.layers.Layer):
        def __init__(self, whole_shape, mask_rank, **options):
            super(Predictions, self).__init__(**options)
            self.whole_shape, self.mask_rank, self.supports_masking = whole_shape, mask_rank, True
            self.masked = mask_rank is not None

        def build(self, input_shape):
            self.offset = self.add_weight(name="offset", shape=self.whole_shape, initializer="zeros", trainable=True)
            super(Predictions, self).build(input_shape)

        def call(self, inputs, mask=None):
            given = inputs[0] if self.masked else inputs
            # The batch stays unknown to the graph, as it is in every real model.
            offset = self.offset if self.whole_shape[0] == 1 else backend.reshape(self.offset, backend.shape(given))
            moved = given + offset
            moved.set_shape(given.shape)
            return moved

        def compute_mask(self, inputs, mask=None):
            if not self.masked:
                return None
            kept = backend.not_equal(inputs[1], 0)
            return kept[:, 0] if self.mask_rank == 1 else kept

        def compute_output_shape(self, input_shape):
            return input_shape[0] if self.masked else input_shape

    return Predictions


def model(keras, item, dtype):
    """The functional model of a case, not yet compiled, and its layer of predictions; for a Keras before Keras 3."""
    inputs = models.arrays(item, dtype)[0]
    entries = [keras.layers.Input(shape=i.shape[1:]) for i in inputs]
    mask = item["mask"]
    layer = predictions_layer(keras)(models.offset_shape(item), mask_rank=None if mask is None else mask.ndim)
    output = layer(entries if len(entries) > 1 else entries[0])
    if item["activation"]:
        output = keras.layers.Activation(item["activation"])(output)
    return keras.models.Model(entries, output), layer
