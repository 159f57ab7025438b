"""Asking a loss on torch tensors, the gradient by autograd."""

import torch

RELEASES = {"torch": torch.__version__}


def single_thread():
    torch.set_num_threads(1)


def ask_loss(objective, item, dtype, set_mask):
    """Value and gradient of ``objective(y_true, y_pred, sample_weight)`` on torch tensors."""
    y_true, y_pred, weight = item["y_true"], item["y_pred"], item["sample_weight"]
    y_true = torch.from_numpy(y_true if y_true.dtype.kind in "iu" else y_true.astype(dtype))
    y_pred = torch.from_numpy(y_pred.astype(dtype)).requires_grad_()
    weight = None if weight is None else torch.from_numpy(weight.astype(dtype))
    if item["mask"] is not None:
        set_mask(y_pred, torch.from_numpy(item["mask"]))
    value = objective(y_true, y_pred, weight)
    (gradient,) = torch.autograd.grad(value.sum(), y_pred)
    return value.detach().numpy(), gradient.numpy()
