"""The closed form of a whole batch, or of large pieces, compiled by torch into one pass: C++ on a CPU, Triton on CUDA."""

from __future__ import annotations

import sys
import time
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor

from torchweights.closed_form.pages import in_large_pages
from torchweights.closed_form.pieces import BLOCK, SHORT, Batch, Piece
from torchweights.closed_form.weighing import repeated

if TYPE_CHECKING:
    from torchweights.closed_form.function import ClosedForm

#: classes on a last axis below which pieces are turned for the compiler
TURNED = 8

Step = Callable[..., Any]
_said: set[str] = set()


class Expected(NamedTuple):
    """What numbers are taken to be in a compiled pass, whose loss is NaN where they are not."""

    #: predictions in [0, 1]
    probabilities: bool = False
    targets: Literal["any", "in [0, 1]", "0 or 1"] = "any"


ANYTHING = Expected()

Options = dict[str, str | int | bool | Callable[..., Any]]


def or_nan(expected: Expected, piece: Piece) -> Piece:
    """NaN for what is not as expected: a minimum and a maximum would be passes of their own."""
    p, y = piece.y_pred, piece.y_true
    if expected.probabilities:
        p = torch.where(p == p.clamp(0, 1), p, torch.nan)
    if expected.targets != "any":
        fine = y == y.clamp(0, 1) if expected.targets == "in [0, 1]" else y - y * y == 0
        y = torch.where(fine, y, torch.nan)
    return replace(piece, y_pred=p, y_true=y)


def _step(of_whole: Callable[[Piece], Tensor], harmless: float, hides: bool, expected: Expected, y_pred: Tensor, y_true: Tensor,
          coefficient: Tensor, columns: Tensor | None, gradient: Tensor | None) -> Tensor:  # fmt: skip
    """Loss of a whole batch, its gradient into the buffer; what must not show is hidden on the way, which costs nothing here."""
    # What weighs 0 is what does not count; booleans would be loaded one by one.
    shown = coefficient != 0 if hides else None
    if columns is not None:
        shown = columns != 0 if shown is None else (columns != 0) & shown
    piece = Piece(y_pred, y_true, coefficient, shown, torch.empty_like(y_pred) if gradient is None else gradient)
    return of_whole(or_nan(expected, piece if shown is None else piece.hidden(shown, harmless)))


def _of_its_own(function: Step) -> Step:
    """A copy with code of its own: torch counts recompilations by code, and every criterion has its formula."""
    return types.FunctionType(
        function.__code__.replace(),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )


@dataclass
class Compiled:
    """Compiled steps of one criterion; ``broken`` once there turned out to be no compiler, not ``hard`` once labels came between 0 and 1."""

    name: str
    broken: bool = False
    hard: bool = True
    _steps: dict[str, Step] = field(default_factory=dict)
    _known: set[Any] = field(default_factory=set)

    def __reduce__(self) -> tuple[Any, ...]:
        # What was compiled stays in its process.
        return Compiled, (self.name,)

    def __call__(self, function: Step, *arguments: Any, options: Options | None = None) -> Any:
        """The function of its arguments, compiled; None where there is no compiler, which is said once, and while it steps aside."""
        # torch compiles nothing while a TorchDispatchMode watches the operators.
        if self.broken or torch._C._len_torch_dispatch_stack():
            return None
        key = f"{function.__name__} {options}"
        if key not in self._steps:
            self._steps[key] = torch.compile(_of_its_own(function), fullgraph=True, options=options)
        shapes = (key, *(tuple(one.shape) for one in arguments if isinstance(one, Tensor)))
        began = time.perf_counter()
        try:
            found = self._steps[key](*arguments)
        except Exception as problem:
            self._without_compiler(problem)
            return None
        if shapes not in self._known:
            self._known.add(shapes)
            self._say(time.perf_counter() - began)
        return found

    def _without_compiler(self, problem: Exception) -> None:
        self.broken = True
        if "no compiler" not in _said:
            _said.add("no compiler")
            reason = (str(problem).strip() or type(problem).__name__).splitlines()[0][:200]
            warnings.warn(
                f"tw.fuse expected a compiler that torch.compile can use; {self.name} is computed without one: {reason}. "
                "Install a C++ compiler (g++), or leave fuse() out.",
                UserWarning,
                stacklevel=2,
            )

    def _say(self, seconds: float) -> None:
        """How long it took, once for each criterion."""
        if self.name not in _said and seconds > 0.5:
            _said.add(self.name)
            print(
                f"torchweights: {self.name} compiled in {seconds:.1f} s; kept for later processes by torch",
                file=sys.stderr,
            )


def pays(batch: Batch, turned: bool) -> bool:
    """False where one loop is known to lose: along a last axis of few classes, and where values repeat over one."""
    _, _, classes, behind = batch.layout.sizes
    short = behind == 1 and 1 < classes < SHORT
    return not (short and (turned or batch.layout.of_values(batch.coefficient).shape[1] > 1))


def whole(batch: Batch, gradient: Tensor | None = None) -> Piece:
    """All of a batch as one piece."""
    viewed, of_values = batch.layout.viewed, batch.layout.of_values
    y = batch.y_true
    return Piece(
        viewed(batch.y_pred), viewed(y) if y.ndim == batch.y_pred.ndim else of_values(y), of_values(batch.coefficient),
        None if batch.included is None else of_values(batch.included), batch.y_pred if gradient is None else viewed(gradient),
    )  # fmt: skip


def _keeping(reads: int) -> Options:
    """What is made of so many tensors and used twice comes first, so that all that is made of it goes into its loop; else inductor makes two."""
    return {"realize_reads_threshold": reads - 1}


def fused(
    form: ClosedForm, batch: Batch, wants_gradient: bool, compiled: Compiled, expected: Expected = ANYTHING
) -> tuple[Tensor, Tensor | None] | None:
    """Loss and gradient, laid out as the predictions are; None where there is no compiler, or where it would lose."""
    in_one_loop = pays(batch, form.turned)
    if not in_one_loop and not (batch.y_pred.device.type == "cpu" and _pays_in_pieces(form, batch)):
        return None
    gradient = in_large_pages(torch.empty_like(batch.y_pred)) if wants_gradient else None
    of_hard = form.of_hard if expected.targets == "0 or 1" else None
    of_whole, hides = of_hard or form.of_whole or form.of_piece, batch.included is not None

    def pass_over(piece: Piece) -> Tensor | None:
        arguments = (
            of_whole, form.harmless, hides, expected, piece.y_pred, piece.y_true, piece.coefficient, form.columns,
            piece.gradient if wants_gradient else None,
        )  # fmt: skip
        if not in_one_loop and piece.y_pred.numel() < BLOCK * piece.y_pred.shape[2]:
            return _step(*arguments)  # What is left of the last blocks is not worth a compilation.
        options = None if form.keeps_from is None else _keeping(form.keeps_from)
        return compiled(_step, *arguments, options=options)  # type: ignore[no-any-return]

    with torch.no_grad():
        pieces = iter([whole(batch, gradient)]) if in_one_loop else _dense_pieces(form, batch, gradient)
        loss = _total(map(pass_over, pieces))
    return None if loss is None else (loss, gradient)


def _by_element(form: ClosedForm, batch: Batch) -> bool:
    """Whether each element has a loss and a weight of its own."""
    return not form.turned and batch.y_true.ndim == batch.y_pred.ndim and form.columns is None


def _pays_in_pieces(form: ClosedForm, batch: Batch) -> bool:
    """False where turning predictions and gradient takes more than the compiler gains."""
    return _by_element(form, batch) or batch.layout.sizes[2] < TURNED


def _dense_pieces(form: ClosedForm, batch: Batch, gradient: Tensor | None) -> Iterator[Piece]:
    """Pieces in which the compiler finds numbers side by side that are computed alike: turned, or with a weight for each element."""
    by_element = _by_element(form, batch)
    for piece in batch.pieces(gradient, turned=not by_element, parts=form.parts):
        yield replace(piece, coefficient=repeated(piece.coefficient, piece.y_pred.shape[2])) if by_element else piece


def _total(parts: Iterator[Tensor | None]) -> Tensor | None:
    """The sum, in float64 if there are several; None as soon as one is missing."""
    first = total = next(parts)
    for part in parts:
        if total is None or part is None:
            return None
        total = total.double() + part
    return None if first is None or total is None else total.to(first.dtype)
