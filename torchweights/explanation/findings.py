"""What stands out in an explained loss, in words: one small function for each thing that can."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from torchweights.explanation.parts import Part

#: a class hides where its share of the errors is this many times its share of the loss
HIDDEN = 2.0


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def hidden_classes(part: Part) -> Iterator[str]:
    """A class with many of the errors and little of the loss, and why."""
    for one in part.classes:
        if one.errors is None or one.loss is None or one.errors < 0.2 or one.errors <= HIDDEN * abs(one.loss):
            continue
        yield (
            f"class {one.label} holds {_percent(one.errors)} of the errors but {_percent(one.loss)} of the loss: it is {_percent(one.elements)} of the elements "
            f"and has {_percent(one.weight or 0.0)} of the weight."
        )


def drowned_classes(part: Part) -> Iterator[str]:
    """A rare class that a mean over all elements drowns."""
    for one in part.classes:
        if one.errors is None or one.weight is None or one.loss is None or not 0 < one.elements < 0.05:
            continue
        if one.errors > 4 * one.elements and max(one.weight, abs(one.loss)) < one.errors / HIDDEN:
            yield (
                f"the mean over all elements drowns class {one.label}: {_percent(one.elements)} of the elements, {_percent(one.errors)} of the errors, and no more "
                f"than {_percent(one.weight)} of the weight. A weight of {(1 - one.elements) / one.elements / max(len(part.classes) - 1, 1):.3g} would give it as much as the others have on average."
            )


def weights_are_class_numbers(part: Part) -> Iterator[str]:
    """Every value weighs the number of its class: the keys of a dict acted."""
    if part.facts.get("weight_is_number"):
        yield (
            "each class weighs its own number (class 0 nothing, class 1 one, ..): the keys of a dict act as weights, its values never do. "
            "Iterate its .values(), or pass it as class_weight."
        )


def negative_values(part: Part) -> Iterator[str]:
    """Values below 0 where a loss has none."""
    negative = part.facts.get("negative", 0.0)
    if negative > 0 and not part.criterion.startswith(
        ("CosineSimilarity", "Poisson", "KLDivergence", "CategoricalGeneralized")
    ):
        yield (
            f"{_percent(negative)} of the values are negative, so larger weights make the loss smaller: look at the sign of its terms. A dice in "
            "the loss is 1 - dice, not -(1 + dice)."
        )


def weights_that_cancel(part: Part) -> Iterator[str]:
    """Weights that are all alike, over a denominator that counts them."""
    if part.facts.get("divides_by_weights") and part.facts.get("one_weight") not in (None, 1.0):
        yield (
            f"every weight is {part.facts['one_weight']:.4g} and the denominator counts weights: they cancel, and the loss is that without weights."
        )


def scale_that_cancels(part: Part) -> Iterator[str]:
    """Weights whose scale does not matter."""
    if part.facts.get("weighed") and part.facts.get("divides_by_weights") and part.facts.get("one_weight") is None:
        yield "the denominator is the sum of the weights: only their ratios act, ten times as large they give the same loss."


def scalar_losses(part: Part) -> Iterator[str]:
    """A loss that is one number before any weight could act."""
    if not part.facts.get("scalar"):
        return
    yield (
        "the loss is one number for the whole batch before weights meet it: sample weights and masks cannot reach single samples, they "
        "only scale it. Return a value per sample or pixel to have them act."
    )


def saturated(part: Part) -> Iterator[str]:
    """Probabilities past the clip, where the gradient ends."""
    share = part.facts.get("saturated", 0.0)
    if share > 0:
        yield (
            f"{_percent(share)} of the probabilities are past the clip, at 0 or 1: their loss stops growing there and their gradient is 0. Pass logits "
            "with from_logits=True."
        )


def absent_classes(part: Part) -> Iterator[str]:
    """Classes that this batch does not hold."""
    absent = [str(one.label) for one in part.classes if one.elements == 0]
    if absent and len(absent) < len(part.classes) and part.facts.get("labelled"):
        yield f"no element of class {', '.join(absent)} counts in this batch: its weight does nothing here."


def much_ignored(part: Part) -> Iterator[str]:
    """What masks, ignored labels and zero weights left out."""
    if part.ignored >= 1:
        yield "nothing counts: masks, ignored labels and zero weights leave out every value."
    elif part.ignored > 0:
        yield f"{_percent(part.ignored)} of the values are left out by masks, ignored labels or zero weights."


def few_pay(part: Part) -> Iterator[str]:
    """A handful of values that make up most of the loss."""
    share = sum(one.share for one in part.heaviest)
    if len(part.heaviest) == 5 and share > 0.5 and part.facts.get("elements", 0) > 50:
        yield f"{len(part.heaviest)} of {part.facts['elements']} values make up {_percent(share)} of the loss."


def not_a_number(part: Part) -> Iterator[str]:
    """A loss that is NaN or infinite."""
    if not math.isfinite(part.loss):
        yield f"the loss is {part.loss}: look for the first stage whose sum is, and for a denominator of 0."


FINDINGS: tuple[Callable[[Part], Iterator[str]], ...] = (
    not_a_number, hidden_classes, drowned_classes, weights_are_class_numbers, negative_values, weights_that_cancel, scale_that_cancels,
    scalar_losses, saturated, absent_classes, much_ignored, few_pay,
)  # fmt: skip


def findings_of(part: Part) -> tuple[str, ...]:
    """Everything that stands out in one loss."""
    return tuple(text for find in FINDINGS for text in find(part))
