"""torch itself: ``torch.nn.functional``, with the classes on axis 1."""

import _run
import torch.nn.functional as F
import torch_mode

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
        return torch_mode.ask_loss(lambda t, p, w: loss_of(item, p, t, w), item, dtype, set_mask=None)

    return ask


if __name__ == "__main__":
    torch_mode.single_thread()
    _run.main(_run.arguments(), prepare, torch_mode.RELEASES, NOTES)
