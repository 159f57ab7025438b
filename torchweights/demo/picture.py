"""The picture: the image and what was learnt, the loss curves, and how far each is from Keras."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchweights.demo import plan
from torchweights.demo.comparison import Results
from torchweights.demo.recordings import OPTIMIZERS, ROWS
from torchweights.demo.replay import predicted_classes
from torchweights.demo.report import NAMES

# Okabe and Ito's palette: told apart by colour-blind eyes, and in grey by the line style.
BLUE, ORANGE, RED, GREY = "#56B4E9", "#E69F00", "#D55E00", "#555555"
COLOURS = dict(zip(ROWS, (BLUE, ORANGE), strict=True))
MARKERS = dict(zip(ROWS, ("o", "x"), strict=True))
WIDTHS = dict(zip(ROWS, (3.6, 1.4), strict=True))  # the older release shows on both sides of the newer
FLOOR = 1e-17  # where an exact match is drawn on the logarithmic axis
SHOWN_COLUMNS = 320


def save_picture(results: Results, path: Path) -> None:
    """Draw everything into one PNG; raises ImportError where matplotlib is missing."""
    figure_module = importlib.import_module("matplotlib.figure")
    figure = figure_module.Figure(figsize=(11, 10.4), dpi=130, layout="constrained")
    figure.suptitle("One segmentation training, recorded in real Keras and repeated in PyTorch", fontsize=15)
    top, bottom = figure.subfigures(2, 1, height_ratios=(0.8, 4))
    _draw_images(top.subplots(1, 3), results)
    axes = bottom.subplots(2, 2, sharex=True, sharey="row", height_ratios=(1, 1.05))
    for column, optimizer in enumerate(OPTIMIZERS):
        _draw_losses(axes[0, column], results, optimizer)
        _draw_differences(axes[1, column], results, optimizer)
    _label(axes)
    figure.savefig(path)


def _label(axes: Any) -> None:
    axes[0, 0].set_ylabel("loss of the batch")
    axes[1, 0].set_ylabel("relative difference of the loss")
    axes[0, 0].legend(fontsize=8.5, loc="upper right")
    axes[1, 0].legend(fontsize=8.5, loc="center", bbox_to_anchor=(0.5, 0.33), ncols=2)
    for axis in axes[1]:
        axis.set_xlabel("step")
    for axis in axes.flat:
        axis.grid(alpha=0.25)


def _draw_losses(axis: Any, results: Results, optimizer: str) -> None:
    steps = _steps(results, optimizer)
    for row in ROWS:
        shown = results.of(row, optimizer, "float32")
        axis.plot(steps, shown.keras, color=COLOURS[row], linewidth=WIDTHS[row], label=f"{shown.release}, recorded")
    for row in ROWS:
        losses = results.of(row, optimizer, "float32").replayed.losses
        every = slice(ROWS.index(row), None, 4)  # the two releases' marks take turns, so that neither hides the other
        axis.plot(
            steps[every],
            losses[every],
            MARKERS[row],
            color="black",
            markersize=5,
            markerfacecolor="none",
            label=f'PyTorch, semantics="{row}"',
        )
    axis.plot(steps, results.plain[optimizer].losses, "--", color=RED, linewidth=1.4, label="F.cross_entropy(weight=)")
    axis.set_title(f"{NAMES[optimizer]}: what each of them lost")
    axis.set_ylim(bottom=0)


def _draw_differences(axis: Any, results: Results, optimizer: str) -> None:
    steps = _steps(results, optimizer)
    newest = results.recordings[ROWS[-1]].release
    axis.plot(
        steps,
        results.plain_difference(optimizer),
        "--",
        color=RED,
        linewidth=1.4,
        label=f"F.cross_entropy to {newest}",
    )
    apart = results.between_releases(optimizer)
    axis.plot(steps, apart, ":", color=GREY, linewidth=1.6, label="one Keras release to the other")
    for dtype, size in (("float32", 5), ("float64", 3)):
        for row in ROWS:
            shown = results.of(row, optimizer, dtype)
            axis.plot(
                steps,
                np.maximum(shown.difference, FLOOR),
                MARKERS[row],
                color=COLOURS[row],
                markersize=size,
                alpha=0.9,
                markerfacecolor="none",
                label=f"PyTorch to {shown.release}, {dtype}",
            )
    axis.set_yscale("log")
    axis.set_ylim(bottom=FLOOR / 30)
    across, up = 0.5, FLOOR / 2  # the one in parts of the axis, the other in its own unit
    where = axis.get_yaxis_transform()
    axis.text(across, up, "equal to the last bit", transform=where, fontsize=8.5, color=GREY, ha="center", va="top")
    axis.set_title(f"{NAMES[optimizer]}: how far apart they are")


def _steps(results: Results, optimizer: str) -> NDArray[np.int64]:
    return np.arange(1, len(results.plain[optimizer].losses) + 1)


def _draw_images(axes: Any, results: Results) -> None:
    tiles = plan.held_out_tiles()
    network = results.of(ROWS[-1], "adam", "float32").replayed.network
    pictures = {
        "held-out part of the image": _glue(tiles.images[..., 0]),
        "annotation (void in orange)": _painted(_glue(tiles.labels)),
        "what the network learnt (Adam)": _painted(_glue(predicted_classes(network).numpy().astype(np.uint8))),
    }
    for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
        axis.imshow(picture[:, :SHOWN_COLUMNS], cmap="gray", interpolation="nearest")
        axis.set_title(title, fontsize=10)
        axis.set_axis_off()


def _glue(tiles: NDArray[Any]) -> NDArray[Any]:
    """Lay the held-out tiles beside and above each other again."""
    rows = tiles.reshape(plan.HELD_OUT_ROWS, -1, plan.TILE, plan.TILE)
    return rows.transpose(0, 2, 1, 3).reshape(plan.HELD_OUT_ROWS * plan.TILE, -1)


def _painted(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an RGB picture: background dark, nuclei blue, void orange."""
    colours = {plan.BACKGROUND: (25, 25, 35), plan.NUCLEUS: (86, 180, 233), plan.VOID: (230, 159, 0)}
    picture = np.zeros((*labels.shape, 3), dtype=np.uint8)
    for label, colour in colours.items():
        picture[labels == label] = colour
    return picture
