"""A class that hides: four of five classes are easy, the fifth is rare and wrong, and the loss is tiny all the same.

Run it: python examples/hidden_class.py [--page PAGE.html] [--picture PICTURE.png]

The masks are real: nuclei of a microscope image (torchweights/demo/data). Four classes are ground, near ground, border and
inside; the fifth is small nuclei, which a network trained with the loss in circulation never learns. That loss is
w (BCE - (1 + dice)), its weights are a dict that is iterated itself, so its keys weigh. ``tw.explain`` says so, in figures; then
each way to mend it, and what it changes.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import torchweights as tw

DATA = Path(tw.__file__).parent / "demo" / "data" / "nuclei.npz"
NAMES = ("ground", "near ground", "border", "inside", "small nuclei")
#: what was meant: the fifth class weighs a thousand
MEANT = {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0, 4: 1000.0}
SMALL = 120


def masks() -> Tensor:
    """(4, 256, 256) labels 0 to 4, from the instances of the image."""
    instances = torch.from_numpy(np.load(DATA)["instances"].astype("int64"))
    around = instances.float()[None, None]
    largest, smallest = F.max_pool2d(around, 3, 1, 1), -F.max_pool2d(-around, 3, 1, 1)
    near = F.max_pool2d((instances > 0).float()[None, None], 9, 1, 4)[0, 0] > 0
    labels = torch.where(near, 1, 0)
    labels = torch.where(instances > 0, 3, labels)
    labels = torch.where((largest != smallest)[0, 0] & (instances > 0), 2, labels)
    sizes = torch.bincount(instances.reshape(-1))
    small = (sizes[instances] < SMALL) & (instances > 0)
    labels = torch.where(small, 4, labels)
    return labels.unfold(0, 256, 256).unfold(1, 256, 256).reshape(-1, 256, 256)


def network(labels: Tensor) -> Tensor:
    """Probabilities (4, 256, 256, 5) as a sigmoid gives them: sure of four classes, and blind for three of four small nuclei."""
    generator = torch.Generator().manual_seed(0)
    seen = torch.where((labels == 4) & (torch.rand(labels.shape, generator=generator) < 0.75), 3, labels)
    logits = 10 * F.one_hot(seen, 5).float() - 5
    return (logits + 0.5 * torch.randn(logits.shape, generator=generator)).sigmoid()


def iou(labels: Tensor, p: Tensor) -> list[float]:
    """Intersection over union of each class."""
    found = p.argmax(-1)
    return [
        float(((labels == c) & (found == c)).sum() / ((labels == c) | (found == c)).sum().clamp(min=1))
        for c in range(5)
    ]


def said(explanation: tw.Explanation, label: int = 4) -> str:
    """A line: the loss, and what the fifth class has of it."""
    one = explanation.parts[0].classes[label]
    return f"loss {explanation.total:9.4f}; {NAMES[label]}: {100 * one.loss:6.2f} % of the loss, {100 * one.gradient:6.2f} % of the gradient"


def main() -> None:
    """Explain the loss as it was written, then the three ways to mend it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, help="write the explanation as a page")
    parser.add_argument("--picture", type=Path, help="draw the explanation")
    options = parser.parse_args()
    labels = masks()
    y_true, y_pred = F.one_hot(labels, 5).float(), network(labels)
    print("IoU:", ", ".join(f"{name} {one:.2f}" for name, one in zip(NAMES, iou(labels, y_pred), strict=True)), "\n")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.KerasTrapWarning)  # that keys act as weights: the explanation says it too
        written = tw.BinaryCrossentropyDice(
            from_logits=False,
            axis=-1,
            form="as_written",
            class_weight=MEANT,
            class_weight_read="keys",
            semantics="keras2.2.4",
        )
    explanation = tw.explain(written, y_pred, y_true)
    print(explanation)
    if options.page:
        explanation.to_html(options.page)
    if options.picture:
        explanation.plot().savefig(options.picture, dpi=110)

    print("\nThree ways to mend it")
    shared = {"from_logits": False, "axis": -1, "semantics": "keras2.2.4"}
    sign = tw.BinaryCrossentropyDice(**shared)
    print(f"  the sign, 1 - dice            {said(tw.explain(sign, y_pred, y_true))}")
    values = tw.BinaryCrossentropyDice(**shared, class_weight=MEANT)
    print(f"  and the values as weights     {said(tw.explain(values, y_pred, y_true))}")
    by_class = tw.ClassDice(axis=-1, activation="none")
    found = tw.explain(by_class, y_pred, y_true)
    print(
        f"  a dice of its own per class   loss {found.total:9.4f}; {NAMES[4]}: {100 * found.parts[0].classes[4].gradient:6.2f} % of the gradient"
    )


if __name__ == "__main__":
    main()
