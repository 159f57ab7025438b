"""An explanation as a picture: who pays, and where on the heaviest image (matplotlib, extra ``[plot]``)."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from torchweights.explanation.parts import Part

#: what ``tw.explain`` returns, a floor above
Explanation = Any

_COLOURS = {"elements": "#57606a", "errors": "#a40e26", "weight": "#6e5494", "loss": "#0550ae", "gradient": "#1a7f37"}


def draw(explanation: Explanation) -> Figure:
    """A row for each loss: shares by class, and the map of the weighted loss where values are pixels."""
    parts = [part for part in explanation.parts if part.classes or part.map] or list(explanation.parts)
    columns = 2 if any(part.map for part in parts) else 1
    figure = Figure(figsize=(6.4 * columns, 3.6 * len(parts)), layout="constrained")
    axes = figure.subplots(len(parts), columns, squeeze=False)
    for row, part in zip(axes, parts, strict=True):
        _shares(row[0], part)
        if columns == 2:
            _map(figure, row[1], part)
    return figure


def _shares(axes: Any, part: Part) -> None:
    axes.set_title(f"{part.output}: shares by class", fontsize=10)
    if not part.classes:
        axes.text(0.5, 0.5, "no classes", ha="center")
        axes.set_axis_off()
        return
    shown = [name for name in _COLOURS if getattr(part.classes[0], name) is not None]
    width = 0.8 / len(shown)
    for place, name in enumerate(shown):
        shares = [100 * getattr(one, name) for one in part.classes]
        at = [one.label + (place - (len(shown) - 1) / 2) * width for one in part.classes]
        axes.bar(at, shares, width, label=name, color=_COLOURS[name])
    axes.set_xticks([one.label for one in part.classes])
    axes.set_xlabel("class")
    axes.set_ylabel("percent of all")
    axes.legend(fontsize=8)


def _map(figure: Figure, axes: Any, part: Part) -> None:
    axes.set_axis_off()
    if part.map is None:
        return
    axes.set_title("weighted loss of the heaviest image", fontsize=10)
    figure.colorbar(axes.imshow(part.map, cmap="magma"), ax=axes, shrink=0.8)
