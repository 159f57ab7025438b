"""Nuclei in a microscope image: BCE-Dice with a weight per class, and borders that have no label.

Run it: python examples/nuclei.py [PICTURE]

Where a nucleus ends the image does not tell. Those borders are void: they leave the loss, numerator and denominator, and the
metric.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import torchweights as tw
from torchweights import metrics

VOID = 255
DATA = Path(tw.__file__).parent / "demo" / "data" / "nuclei.npz"


def read() -> tuple[Tensor, Tensor]:
    """(1, 1, 512, 512) and labels (1, 512, 512): 0 ground, 1 nucleus, VOID on borders between instances."""
    data = np.load(DATA)
    image = torch.from_numpy(data["image"]).float() / 255
    instances = torch.from_numpy(data["instances"].astype("int64"))
    around = instances.float()[None, None]
    largest, smallest = F.max_pool2d(around, 3, 1, 1), -F.max_pool2d(-around, 3, 1, 1)
    border = (largest != smallest)[0, 0]
    labels = (instances > 0).long().masked_fill(border, VOID)
    return image[None, None], labels[None]


def tiles(image: Tensor, labels: Tensor, columns: slice) -> tuple[Tensor, Tensor]:
    """Tiles of 64 x 64 out of some columns of the image."""
    x = image[..., columns].unfold(2, 64, 64).unfold(3, 64, 64).reshape(-1, 1, 64, 64)
    y = labels[..., columns].unfold(1, 64, 64).unfold(2, 64, 64).reshape(-1, 64, 64)
    return x, y


def network() -> nn.Module:
    """Four small convolutions, to two channels of logits."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 12, 5, padding=2), nn.ReLU(), nn.Conv2d(12, 12, 3, padding=2, dilation=2), nn.ReLU(),
        nn.Conv2d(12, 12, 3, padding=4, dilation=4), nn.ReLU(), nn.Conv2d(12, 2, 1),
    )  # fmt: skip


def main() -> None:
    """Train with three losses; print the IoU on tiles that none has seen, and draw what they found."""
    torch.set_num_threads(2)
    image, labels = read()
    (x, y), (unseen, truth) = tiles(image, labels, slice(0, 384)), tiles(image, labels, slice(384, 512))
    class_weight = tw.capped(tw.balanced(tw.ClassCounts.of(y, 2, void=VOID)), largest=4.0)
    void = y == VOID
    one_hot = F.one_hot(y.masked_fill(void, 0), 2).movedim(-1, 1).float()
    bce_dice = tw.BinaryCrossentropyDice(from_logits=True, axis=1, class_weight=class_weight)
    dice = tw.ClassDice(activation="softmax", over="batch", axis=1, ignore_class=VOID)
    crossentropy = tw.SparseCategoricalCrossentropy(
        from_logits=True, axis=1, ignore_class=VOID, class_weight=class_weight
    )
    losses = {
        "cross-entropy": lambda logits: crossentropy(logits, y),
        "dice": lambda logits: dice(logits, y),
        "BCE-dice": lambda logits: bce_dice(logits, one_hot, mask=~void),
    }
    print(
        f"class weights {class_weight[0]:.2f} and {class_weight[1]:.2f}; {float(void.float().mean()):.1%} of the pixels are void"
    )
    found = {}
    for name, loss in losses.items():
        model = network()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(40):
            optimizer.zero_grad()
            loss(model(x)).backward()
            optimizer.step()
        with torch.no_grad():
            predicted = model(unseen).argmax(1)
        iou = metrics.IoU(2, ignore_class=VOID)
        iou.update(predicted, truth)
        ground, nuclei = iou.compute().tolist()
        print(f"  {name:<14} IoU of ground {ground:.3f}, of nuclei {nuclei:.3f}")
        found[name] = predicted
    draw(unseen, truth, found, sys.argv[1] if len(sys.argv) > 1 else "nuclei.png")


def draw(unseen: Tensor, truth: Tensor, found: dict[str, Tensor], path: str) -> None:
    """Four tiles: the image, the labels, what each loss led to."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = {"image": unseen[:, 0], "labels (void grey)": torch.where(truth == VOID, 0.5, truth.float()), **found}
    figure, axes = plt.subplots(len(rows), 4, figsize=(6, 1.5 * len(rows)), layout="constrained")
    for line, (name, one) in zip(axes, rows.items(), strict=True):
        for panel, tile in zip(line, one[[2, 4, 8, 10]], strict=True):
            panel.imshow(tile, cmap="gray")
            panel.set_axis_off()
        line[0].set_title(name, loc="left", fontsize=8)
    figure.savefig(path, dpi=120)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
