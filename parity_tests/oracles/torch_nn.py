"""torch itself: ``torch.nn.functional``, with the classes on axis 1."""

import _run
import torch
import torch.nn.functional as F

NOTES = "gradient: autograd, of the sum of what the function returned"


def loss_of(item, y_pred, y_true, weight):
    """The unweighted or weighted loss of ``torch.nn.functional`` that the case names."""
    options, reduction = item["options"], item["reduction"]
    if item["loss"] == "mean_squared_error":
        return F.mse_loss(y_pred, y_true, reduction=reduction)
    if item["loss"] == "mean_absolute_error":
        return F.l1_loss(y_pred, y_true, reduction=reduction)
    if item["loss"] == "binary_crossentropy":
        logits = options.get("from_logits")
        function = F.binary_cross_entropy_with_logits if logits else F.binary_cross_entropy
        return function(y_pred, y_true, weight=weight, reduction=reduction)
    assert options["from_logits"] and options["axis"] == 1
    classes = item["class_weight"]
    given = {} if "ignore_class" not in options else {"ignore_index": options["ignore_class"]}
    return F.cross_entropy(
        y_pred, y_true, weight=None if classes is None else y_pred.new_tensor(classes), reduction=reduction,
        label_smoothing=options.get("label_smoothing", 0.0), **given)  # fmt: skip


def prepare(_):
    def ask(item, dtype):
        y_true, y_pred, weight = item["y_true"], item["y_pred"], item["sample_weight"]
        y_true = torch.from_numpy(y_true if y_true.dtype.kind in "iu" else y_true.astype(dtype))
        y_pred = torch.from_numpy(y_pred.astype(dtype)).requires_grad_()
        weight = None if weight is None else torch.from_numpy(weight.astype(dtype))
        value = loss_of(item, y_pred, y_true, weight)
        (gradient,) = torch.autograd.grad(value.sum(), y_pred)
        return value.detach().numpy(), gradient.numpy()

    return ask


if __name__ == "__main__":
    torch.set_num_threads(1)
    _run.main("torch", prepare, {"torch": torch.__version__}, NOTES, weighs=False)
