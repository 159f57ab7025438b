"""Many outputs, not all of the same worth: weighted root-mean-square on scikit-learn's digits.

Run it: python examples/many_outputs.py [PICTURE]

A network draws the whole digit, every pixel of an enlarged 10 x 10 picture, out of a 4 x 4 one: one hundred outputs. The middle of
the picture is what is read, so it weighs more; weights are given once, per feature.
"""

from __future__ import annotations

import sys

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

import torchweights as tw

MIDDLE = 20.0


def read() -> tuple[Tensor, Tensor]:
    """(1797, 16) and (1797, 100): digits made small and made large."""
    images = torch.from_numpy(load_digits().images).float().unsqueeze(1) / 16
    small = F.interpolate(images, (4, 4), mode="area")
    large = F.interpolate(images, (10, 10), mode="bilinear", align_corners=False)
    return small.flatten(1), large.flatten(1)


def main() -> None:
    """Train with and without weights; print the errors in the middle and around it, and draw them."""
    torch.set_num_threads(1)
    x, t = read()
    weights = torch.ones(10, 10)
    weights[2:8, 3:7] = MIDDLE
    middle = weights.flatten() == MIDDLE
    seen, held = slice(0, 1400), slice(1400, None)
    errors = {}
    print("root-mean-square error on 397 held-out digits     middle   around")
    for name, criterion in {
        "all outputs alike": tw.WeightedRootMeanSquaredError(),
        "the middle weighs 20 times": tw.WeightedRootMeanSquaredError(weights.flatten()),
    }.items():
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, 100))
        optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
        for _ in range(400):
            optimizer.zero_grad()
            criterion(network(x[seen]), t[seen]).backward()
            optimizer.step()
        with torch.no_grad():
            off = (network(x[held]) - t[held]).square()
        errors[name] = off.mean(0).sqrt().reshape(10, 10)
        print(f"  {name:<46} {off[:, middle].mean().sqrt():7.4f}  {off[:, ~middle].mean().sqrt():7.4f}")
    draw(errors, sys.argv[1] if len(sys.argv) > 1 else "many_outputs.png")


def draw(errors: dict[str, Tensor], path: str) -> None:
    """The error of each output."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(errors), figsize=(6, 3), layout="constrained")
    largest = max(float(one.max()) for one in errors.values())
    for panel, (name, one) in zip(axes, errors.items(), strict=True):
        drawn = panel.imshow(one, cmap="magma", vmin=0, vmax=largest)
        panel.set_title(name, fontsize=9)
        panel.set_axis_off()
    figure.colorbar(drawn, ax=axes, label="root-mean-square error")
    figure.savefig(path, dpi=120)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
