"""Keras 3.15 on torch."""

import _run
import keras
import keras3
import torch


def ask_loss(objective, item, dtype):
    """Value and gradient of ``objective(y_true, y_pred, sample_weight)`` on torch tensors."""
    y_true = torch.from_numpy(item["y_true"] if item["y_true"].dtype.kind in "iu" else item["y_true"].astype(dtype))
    y_pred = torch.from_numpy(item["y_pred"].astype(dtype)).requires_grad_()
    weight = item["sample_weight"]
    weight = None if weight is None else torch.from_numpy(weight.astype(dtype))
    if item["mask"] is not None:
        keras.src.backend.set_keras_mask(y_pred, torch.from_numpy(item["mask"]))
    value = objective(y_true, y_pred, weight)
    (gradient,) = torch.autograd.grad(value.sum(), y_pred)
    return value.detach().numpy(), gradient.numpy()


if __name__ == "__main__":
    assert keras.backend.backend() == "torch"
    torch.set_num_threads(1)
    releases = {"keras": keras.__version__, "torch": torch.__version__}
    _run.main("keras3.15-torch", keras3.preparer(ask_loss), releases, keras3.NOTES)
