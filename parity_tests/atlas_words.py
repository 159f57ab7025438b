"""The words of the atlas: which releases follow each other, what is looked at, and what changed at each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torchweights.releases import expand


@dataclass(frozen=True)
class Lineage:
    """Releases of one kind, the oldest first."""

    title: str
    releases: tuple[str, ...]
    tabled: bool = True


@dataclass(frozen=True)
class Behaviour:
    """A question, the cell that answers it, and for each answer in a word the releases that are known to give it."""

    title: str
    question: str
    cell: str
    words: Mapping[str, str | tuple[str, ...]]


LINEAGES = (
    Lineage("Multi-backend Keras on TensorFlow", tuple(expand("keras2.0.9 keras2.1.6 keras2.2.0-5 keras2.3.0-1"))),
    Lineage("tf.keras, and tf_keras after it", tuple(expand("tf1.12-15 tf2.0-15 tf_keras2.15-21"))),
    Lineage("Keras 3 on TensorFlow", tuple(expand("keras3.0-15"))),
    Lineage("Keras 3 on torch", ("keras3.0-torch", "keras3.6-torch", "keras3.12-torch", "keras3.15-torch")),
    Lineage("tf.losses, tf.compat.v1.losses", tuple(expand("tf.losses1.12-15 tf.losses2.0-21")), tabled=False),
)

_MEAN = "sum_over_batch_size"
BEHAVIOURS = (
    Behaviour("mse ÷", "what the mean of a weighed mean squared error divides by.",
              f"model/mean_squared_error/r1 weight=some zero mask=no {_MEAN}",
              {"non-zero weights": "keras2.2.4", "sum of weights": "tf1.12", "elements": "keras2.3.1"}),
    Behaviour("mae ÷", "the same for mean absolute error.", f"model/mean_absolute_error/r1 weight=some zero mask=no {_MEAN}",
              {"non-zero weights": "keras2.2.4", "sum of weights": "tf1.12", "elements": "keras2.3.1"}),
    Behaviour("masked", "whether what a layer masks counts in that mean.", f"model/mean_squared_error/r1 weight=no mask=some {_MEAN}",
              {"out": "keras2.2.4", "counts": "keras2.3.1"}),
    Behaviour("all masked", "the loss of a batch in which everything is masked.",
              f"model/mean_squared_error/r1 weight=no mask=all masked {_MEAN}", {"NaN": "keras2.2.4", "0": "keras2.3.1"}),
    Behaviour("weights 0", "the loss of a batch whose weights are all 0.",
              f"model/mean_squared_error/r1 weight=zeros mask=no {_MEAN}", {"NaN": "keras2.2.4", "0": "keras2.3.1"}),
    Behaviour("(N,) on rank 3", "which axis weights (N,) meet where the loss has values (N, H, N).",
              f"model/mean_squared_error/square3 weight=(B,) mask=no {_MEAN}",
              {"first": ("keras2.2.4", "tf1.12"), "last": "keras3.15"}),
    Behaviour("class × sample", "class weights beside sample weights.",
              "model/categorical_crossentropy/class_weight one-hot with sample_weight (B,)",
              {"sample wins": ("keras2.2.4", "tf1.12"), "product": ("keras2.3.1", "keras2.2.5")}),
    Behaviour("class missing", "a class that the class weights lack.",
              "model/categorical_crossentropy/class_weight one-hot missing class", {"weighs 1": "keras3.15"}),
    Behaviour("per pixel", "class weights for one-hot targets of rank 3.",
              "model/categorical_crossentropy/class_weight per pixel one-hot r2", {"works": "tf_keras2.21"}),
    Behaviour("logits r2", "whether a softmax as last layer is undone, predictions of rank 2.",
              "model/categorical_crossentropy/rescued r1 saturated", {"undone": "keras3.15", "no": "keras2.2.4"}),
    Behaviour("logits r3", "the same, predictions of rank 3.",
              "model/categorical_crossentropy/rescued r2 saturated", {"undone": "keras3.15", "no": "keras2.2.4"}),
    Behaviour("smoothing", "the axis whose size label smoothing divides by, predictions of rank 3.",
              "loss/categorical_crossentropy/formula r2 probabilities smoothed", {"last": "keras3.15", "second": "keras2.3.1"}),
    Behaviour("cosine", "the sign of cosine similarity as a loss.", "loss/cosine_similarity/formula r1",
              {"−": "keras3.15", "+": "tf1.15"}),
    Behaviour("Huber", "whether Huber averages its last axis.", "loss/huber/formula r1", {"mean": "keras3.15", "no": "tf1.15"}),
    Behaviour("own call", "whether a loss object's own `__call__` is called.", "model/overridden_call/weight=no",
              {"called": "keras3.15", "bypassed": "tf1.14"}),
    Behaviour("evaluate", "how evaluate averages uneven batches.",
              "model/mean_squared_error/probe weight=no in batches of 3",
              {"by size": "keras2.2.4", "as they come": "keras3.0"}),
    Behaviour("CTC padding", "whether zeros at the end of a label count.", "loss/ctc/formula labels",
              {"left out": "keras3.15", "labels": ("keras3.0", "keras3.0-torch")}),
)  # fmt: skip

#: what changed between two releases, in words
WORDS: dict[tuple[str, str], str] = {
    ("keras2.0.9", "keras2.1.6"):
        "log_cosh no longer overflows, and no longer computes in float64. Sparse labels of outputs of rank 4 can be trained on.",
    ("keras2.2.4", "keras2.2.5"):
        "The share that a mask leaves gets an epsilon (1e-7), so a batch that is masked altogether has loss 0 and not "
        "NaN. Class weights and sample weights multiply, where sample weights alone won before.",
    ("keras2.2.5", "keras2.3.0"):
        "Loss classes. The mean divides by the number of elements, where it divided by unmasked elements times the share of weights "
        "that are not 0; masks multiply into the weights and no longer leave the mean. Logits are found behind a softmax "
        "(predictions of rank 2) or a sigmoid. Binary cross-entropy adds epsilon after it clips. hinge makes -1 of 0.",
    ("keras2.3.0", "keras2.3.1"):
        "Binary cross-entropy at its edges alone, and not by Keras: 2.3.0 was asked on TensorFlow 1.14 and 2.3.1 on 1.15, whose "
        "graphs fold (1 - q) + epsilon into (1 + epsilon) - q.",
    ("tf1.12", "tf1.13"):
        "The first loss classes. compile makes an object of mean squared error alone: its mean divides by the number of elements, "
        "every other loss still by the sum of weights.",
    ("tf1.13", "tf1.14"):
        "compile makes objects of all losses: every mean divides by the number of elements. Logits are found behind softmax and "
        "sigmoid. Class weights multiply with sample weights. Cosine similarity becomes positive as vectors align. hinge makes -1 "
        "of 0, Huber averages no axis, binary cross-entropy adds epsilon. A loss object's own `__call__` is bypassed.",
    ("tf1.14", "tf1.15"):
        "Weights and masks (N,) beside values of rank 3 and more are refused; 1.14 averaged the values until they met. Graphs fold "
        "(1 - q) + epsilon.",
    ("tf1.15", "tf2.0"):
        "Cosine similarity is negative again. Eager functions: nothing is folded, and logits are not found behind an activation.",
    ("tf2.0", "tf2.1"):
        "Logits are found again behind softmax (predictions of rank 2) and sigmoid.",
    ("tf2.1", "tf2.2"):
        "A new training loop. Sample weights (N,) become (N, 1), so shapes that were refused meet from the left. Class weights need "
        "keys 0 to K-1 and become a lookup. Huber averages its last axis. A loss object's own `__call__` is called.",
    ("tf2.2", "tf2.3"):
        "Label smoothing divides by the size of the last axis, where it divided by the second. Huber and categorical hinge take float64.",
    ("tf2.3", "tf2.4"):
        "Logits are found behind softmax and sigmoid of any rank, and behind the wrong one of both too: the tensor carries them.",
    ("tf2.5", "tf2.6"): "Cross-entropies have an axis.",
    ("tf2.6", "tf2.7"):
        "Sample weights (N,) become (N, 1) beside predictions of rank 2 alone: beside values of rank 3 and more they meet the last "
        "axis, or are refused.",
    ("tf2.7", "tf2.8"): "Binary focal cross-entropy.",
    ("tf2.8", "tf2.9"): "Losses of float64 are weighed in float64; before, every weight went through float32.",
    ("tf2.9", "tf2.10"): "ignore_class, and class balancing of binary focal cross-entropy.",
    ("tf2.10", "tf2.11"):
        "What a layer masks leaves the mean: the loss object takes the mask of the predictions and divides by what it leaves. "
        "A batch that is masked altogether has loss NaN.",
    ("tf2.12", "tf2.13"):
        "Class weights of targets of rank 3 and more (per pixel). Labels that are no whole numbers are rounded, where they were "
        "cut off. Categorical focal cross-entropy.",
    ("tf2.13", "tf2.14"): "Label smoothing divides by the size of the axis of the classes, where it divided by that of the last.",
    ("keras3.1", "keras3.2"):
        "evaluate weighs batches by their size; before, it averaged them as they came. compile knows the focal losses by name. Dice.",
    ("keras3.2", "keras3.3"): "Tversky.",
    ("keras3.3", "keras3.4"):
        "CTC leaves padding out of the labels. ignore_class works beside labels (N, 1). Huber and Poisson take float64. "
        "compile knows ctc by name. Dice has an axis.",
    ("keras3.5", "keras3.6"): "Rounding: vectors shorter than 1e-7 in cosine similarity.",
    ("keras3.6", "keras3.7"): "The reductions mean and mean_with_sample_weight. Circle. Dice takes weights per sample along an axis.",
    ("keras3.7", "keras3.8"): "Tversky has an axis.",
    ("keras3.9", "keras3.10"): "Generalised cross-entropy.",
    ("keras3.12", "keras3.13"): "The mean divides by what a mask leaves; before, by that plus 1e-7.",
    ("keras3.0-torch", "keras3.6-torch"):
        "As on TensorFlow: padding of CTC, ignore_class beside labels (N, 1), names of the focal losses, batches weighed by size.",
    ("keras3.6-torch", "keras3.12-torch"):
        "As on TensorFlow: reductions, Circle, generalised cross-entropy. Means of float64 are computed in float32 when nothing "
        "weighs them.",
    ("keras3.12-torch", "keras3.15-torch"):
        "Sparse labels of outputs of rank 4 can no longer be trained on (their gradient must be contiguous). float64 goes through "
        "float32 elsewhere than before.",
    ("tf.losses1.12", "tf.losses1.13"): "A sum of weights below 0 divides, where it gave 0.",
    ("tf.losses1.13", "tf.losses1.14"): "Label smoothing divides by the size of the last axis, where it divided by the second.",
    ("tf.losses1.14", "tf.losses1.15"): "Graphs fold (1 - p) + epsilon in log_loss.",
    ("tf.losses1.15", "tf.losses2.0"): "Graphs no longer fold it. Losses can be called eagerly.",
    ("tf.losses2.0", "tf.losses2.1"): "Graphs fold it again.",
    ("tf.losses2.2", "tf.losses2.3"): "Rounding.",
    ("tf.losses2.4", "tf.losses2.5"): "Rounding.",
    ("tf.losses2.7", "tf.losses2.8"): "Rounding.",
    ("tf.losses2.8", "tf.losses2.9"): "Rounding.",
    ("tf.losses2.20", "tf.losses2.21"): "Rounding.",
}  # fmt: skip

#: what the recordings say about guesses in ../shared/reference/keras-semantics.md
SETTLED: tuple[str, ...] = (
    'When the layer mask left the mean (section 4: "rescaling from 2.10 on"): in tf.keras **2.11**. 2.10 divides by what '
    "`ignore_class` leaves, inside the loss object, and still counts what a layer masks.",
    "Keras 3.0 to 3.12 divide by the unmasked elements + 1e-7, 3.13 and later by the unmasked elements: as the tag said. Keras "
    "2.2.5 adds 1e-7 too, but to the *share* that the mask leaves.",
    "When the sum of weights became the number of elements: tf.keras 1.13 for mean squared error alone, 1.14 for all; "
    "multi-backend Keras never had the sum of weights, it left non-zero weights for elements in 2.3.0.",
    "The positive cosine similarity is that of tf.keras 1.14 and 1.15 alone; 2.0 is negative again.",
    "When logits began to be reused: tf.keras 1.14 and Keras 2.3.0 (predictions of rank 2), lost in 2.0 (eager functions), back in "
    "2.1, for every rank and behind either activation from 2.4 on. Keras 3 on torch never reuses them.",
    "Whether a loss class that overrides `__call__` is bypassed: in tf.keras 1.14 to 2.1 it is; Keras 2.3, 1.13 and 2.2 and later call it.",
    "Smoothing divided by the size of the second axis until tf.keras 2.2, by the last from 2.3 to 2.13 (the tag said 2.6), by the "
    "axis of the classes from 2.14. Keras 3 divides by the last.",
    "Class weights for targets of rank 3 and more: tf.keras 2.13, as the tag said.",
    "float64 losses are weighed in float64 from tf.keras 2.9 on (the tag: float32 until 2.8).",
    "Multi-backend Keras let sample weights win over class weights until 2.2.4, and multiplies from 2.2.5 on, as the tag said.",
    "Keras 3.0 and 3.1 average batches as they come in evaluate, 3.2 and later by their size, as the tag said.",
    "Dice and Tversky: without an axis until Keras 3.3 (Dice) and 3.7 (Tversky), as the tag said for Dice.",
    "The binary cross-entropy of 15.333239 at y = 0, p = 1 is that of eager functions and of graphs before TensorFlow 1.15; later "
    "graphs fold (1 - q) + epsilon into (1 + epsilon) - q and give 15.249238 in float32.",
)
