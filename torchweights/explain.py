"""Where the number comes from: the way of a loss from predictions to total, and who pays for it."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from torchweights import tf1
from torchweights.compiled import CompiledLoss
from torchweights.explanation import text
from torchweights.explanation.findings import findings_of
from torchweights.explanation.parts import Part, explain_part
from torchweights.losses import WeightedLoss

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class UnderRow:
    """The loss of the same inputs under one row; None and the reason where that row refuses them."""

    row: str
    loss: float | None
    ratio: float | None
    how: str


@dataclass(frozen=True)
class SideBySide:
    """The same inputs under several rows: what ``Explanation.same_under`` returns; it prints as a table."""

    rows: tuple[UnderRow, ...]

    def __str__(self) -> str:
        return "\n".join(text.lines_side_by_side(self))

    def to_dict(self) -> list[dict[str, Any]]:
        """For machines: what JSON takes."""
        return [asdict(row) for row in self.rows]


@dataclass(frozen=True)
class Explanation:
    """What ``explain`` returns: plain numbers. ``print`` it, ``.plot()``, ``.to_html()``, ``.to_dict()``, ``.same_under(..)``."""

    total: float
    semantics: str
    parts: tuple[Part, ...]
    penalties: tuple[tuple[str, float], ...]
    findings: tuple[str, ...]
    #: the inputs, for as long as somebody else keeps them
    _call: Any = field(repr=False, compare=False, default=None)

    @property
    def gradient(self) -> float:
        """sum |d total / d y_pred| over all outputs."""
        return sum(abs(part.loss_weight) * part.gradient for part in self.parts)

    @property
    def contributions(self) -> tuple[float, ...]:
        """What everything brings to the total: by output, loss and class, then the penalties. They add up to ``total``."""
        by_loss = (part.loss_weight * one for part in self.parts for one in part.contributions)
        return (*by_loss, *(value for _, value in self.penalties))

    def share(self, value: float) -> float:
        """A part of the total, as a share of it."""
        return value / self.total if self.total else 0.0

    def __str__(self) -> str:
        return "\n".join(text.lines_of(self))

    def __rich__(self) -> Any:
        """For ``rich.print``: the same text, its headings bold and its findings in colour."""
        from rich.text import Text

        shown = Text(str(self), no_wrap=True)
        shown.highlight_regex(r"(?m)^\S.*$", "bold")
        shown.highlight_regex(r"(?m)^  \* .*$(\n    \S.*$)*", "yellow")
        return shown

    def to_dict(self) -> dict[str, Any]:
        """For machines: what JSON takes."""
        found = {"total": self.total, "semantics": self.semantics, "parts": [asdict(part) for part in self.parts]}
        return {**found, "penalties": [list(one) for one in self.penalties], "findings": list(self.findings)}

    def same_under(self, *rows: str) -> SideBySide:
        """The same inputs under other rows.

        Args:
            rows: Names of rows or releases, as ``semantics_for`` takes them.

        Raises:
            ValueError: where the inputs are gone: an explanation does not keep them alive.
        """
        criterion, given, call = self._call[0], *(_alive(one) for one in self._call[1:])
        return SideBySide(tuple(_under(criterion, row, given, call, self.total) for row in rows))

    def plot(self) -> Figure:
        """A picture of who pays: shares by class of each loss and, for images, the map of the weighted loss (extra ``[plot]``)."""
        from torchweights.explanation.picture import draw

        return draw(self)

    def to_html(self, path: str | Path | None = None) -> str:
        """One page that holds everything, pictures too; written to ``path`` where one is given."""
        from torchweights.explanation.page import page_of

        page = page_of(self)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page


def explain(
    criterion: WeightedLoss | CompiledLoss | tf1.Criterion,
    y_pred: Any,
    y_true: Any,
    sample_weight: Any = None,
    mask: Any = None,
    *,
    denominator: Any = None,
) -> Explanation:
    """Where the loss comes from: every stage with its shape and sum, who pays for it, and what stands out.

    Args:
        criterion: A criterion (those of ``tw.tf1`` too), or a ``CompiledLoss``.
        y_pred, y_true, sample_weight, mask, denominator: As in its call. Nothing is trained: gradients are of copies.

    Raises:
        TypeError: for what is no criterion of this library; ``tw.from_function`` makes one of any function.

    Costs about as much as a forward and a backward with some sums; keeps nothing that grows with the batch.

    >>> import torchweights as tw
    >>> criterion = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight={0: 1.0, 1: 3.0})
    >>> found = explain(criterion, torch.zeros(4, 2), torch.tensor([0, 0, 0, 1]))
    >>> found.parts[0].classes[1].loss
    0.5
    >>> print(found)  # doctest: +ELLIPSIS
    loss 1.03972  (row torchweights)
    ...
    """
    call = {"sample_weight": sample_weight, "mask": mask, "denominator": denominator}
    if isinstance(criterion, CompiledLoss):
        parts, penalties = _compiled(criterion, y_pred, y_true, call)
        semantics = criterion.rules.name
    elif isinstance(criterion, (WeightedLoss, tf1.Criterion)):
        parts, penalties = (explain_part("output_1", criterion, y_pred, y_true, 1.0, call),), ()
        semantics = criterion.semantics if isinstance(criterion, tf1.Criterion) else criterion.semantics.name
    else:
        raise TypeError(
            f"criterion expected a criterion or a CompiledLoss; received {type(criterion).__name__}. {_made_of(criterion)}"
        )
    total = sum(part.weighted for part in parts) + sum(value for _, value in penalties)
    several = len(parts) > 1
    findings = tuple(f"{part.output}: {one}" if several else one for part in parts for one in findings_of(part))
    return Explanation(total, semantics, parts, penalties, findings, (criterion, _weak((y_pred, y_true)), _weak(call)))


def _made_of(given: object) -> str:
    """How something that is no criterion becomes one."""
    if isinstance(given, type):
        return f"Build it: {given.__name__}(..)."
    return f"Write tw.get({given!r})." if isinstance(given, str) else "Wrap a function with tw.from_function."


def _compiled(criterion: CompiledLoss, y_pred: Any, y_true: Any, call: dict[str, Any]) -> tuple[Any, Any]:
    parts = tuple(
        explain_part(one.output, one.criterion, one.y_pred, one.y_true, one.loss_weight, one.call)
        for one in criterion.calls(y_pred, y_true, **call)
    )
    with torch.no_grad():
        values = criterion.penalty_values(y_pred, call.get("denominator"), peek=True)
    return parts, tuple((_named(one), float(value)) for one, value in zip(criterion.penalties, values, strict=True))


def _named(penalty: Any) -> str:
    return getattr(penalty, "__name__", None) or repr(penalty)


def _under(criterion: Any, row: str, given: tuple[Any, Any], call: dict[str, Any], whole: float) -> UnderRow:
    try:
        found = explain(criterion.in_row(row), *given, **call)
    except (ValueError, TypeError) as problem:
        return UnderRow(row, None, None, " ".join(str(problem).split())[:200])
    how = [stage.how for part in found.parts for stage in part.stages if stage.name == "denominator D"]
    return UnderRow(row, found.total, found.total / whole if whole else None, "; ".join(dict.fromkeys(how)))


def _weak(given: Any) -> Any:
    """The same, with weak references in place of tensors."""
    if isinstance(given, Tensor):
        return weakref.ref(given)
    if isinstance(given, Mapping):
        return {name: _weak(one) for name, one in given.items()}
    return type(given)(_weak(one) for one in given) if isinstance(given, (list, tuple)) else given


def _alive(given: Any) -> Any:
    if isinstance(given, weakref.ref):
        found = given()
        if found is None:
            raise ValueError(
                "same_under() expected the tensors that were explained to be there still; received word that they are gone. Keep them in "
                "variables until you have asked."
            )
        return found
    if isinstance(given, Mapping):
        return {name: _alive(one) for name, one in given.items()}
    return type(given)(_alive(one) for one in given) if isinstance(given, (list, tuple)) else given
