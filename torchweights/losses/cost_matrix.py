"""Losses by cost matrix: cross-entropy weighted by the mistake made, and the cost a prediction is expected to have."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from torchweights import functional
from torchweights.closed_form import ClosedForm, Expected, Piece, crossentropies, one_hot
from torchweights.functional.cost_matrix import COST_FORMS, INDEXINGS, costs_by_true_class
from torchweights.losses.categorical import CategoricalCrossentropy, SparseCategoricalCrossentropy
from torchweights.losses.crossentropy import Crossentropy
from torchweights.messages import choose, frames_inside, shown
from torchweights.reduction import Weighed, standard_reduction
from torchweights.semantics import semantics_for
from torchweights.validation import can_look

CostMatrixLike = Sequence[Sequence[float]] | Tensor


def read_cost_matrix(cost_matrix: object, indexing: str) -> Tensor:
    """A cost matrix as a (C, C) tensor, checked; warns where being right costs more than any mistake.

    Raises:
        TypeError: for what is no matrix of numbers. ValueError: unless it is square, of two classes or more, and finite.
    """
    choose("indexing", indexing, INDEXINGS)
    if isinstance(cost_matrix, Tensor):
        matrix = cost_matrix
    else:
        try:
            matrix = torch.as_tensor(cost_matrix, dtype=torch.float64, device="cpu")
        except (TypeError, ValueError) as problem:
            raise TypeError(
                f"cost_matrix expected a (C, C) tensor, array or list of rows; received {type(cost_matrix).__name__} {shown(cost_matrix)}. "
                "Write [[..], ..] with M[true, predicted], or see tw.business_costs."
            ) from problem
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2 or matrix.is_complex():
        raise ValueError(
            "cost_matrix expected a square matrix (C, C), a row and a column for each of two classes or more; received shape "
            f"{tuple(matrix.shape)}. For one weight per class use class_weight, or tw.costs_from_class_weight."
        )
    if can_look(matrix):
        _look_at(matrix.detach().double(), indexing)
    return matrix


def _look_at(matrix: Tensor, indexing: str) -> None:
    finite = torch.isfinite(matrix)
    if not bool(finite.all()):
        row, column = (int(place) for place in (~finite).nonzero()[0])
        raise ValueError(
            f"cost_matrix expected finite costs; received {matrix[row, column].item()} at [{row}, {column}]. "
            "Give what must never happen a large cost."
        )
    heavy = _right_outweighs(matrix, indexing)
    if heavy:
        other = "pred_true" if indexing == "true_pred" else "true_pred"
        swapped = "" if _right_outweighs(matrix, other) else f" Read as indexing={other!r} none does: is it transposed?"
        warnings.warn(
            f"cost_matrix with indexing={indexing!r}: for true class {', '.join(map(str, heavy[:8]))} being right costs more than "
            f"any mistake.{swapped}",
            UserWarning,
            stacklevel=frames_inside(),
        )


def _right_outweighs(matrix: Tensor, indexing: str) -> list[int]:
    """The true classes for which the right prediction costs more than every wrong one."""
    by_true = costs_by_true_class(matrix, indexing)
    mistakes = by_true.masked_fill(torch.eye(len(by_true), dtype=torch.bool, device=by_true.device), -torch.inf).amax(1)
    return (by_true.diagonal() > mistakes).nonzero().flatten().tolist()


class _ByCostMatrix(Crossentropy):
    """A cost matrix, and targets of both kinds: floating point means one-hot or soft, integers mean labels."""

    _activation = "softmax"
    _averages = False

    def __init__(
        self,
        cost_matrix: CostMatrixLike,
        indexing: str,
        from_logits: bool | str | None,
        axis: int | None,
        ignore_class: int | None,
        label_smoothing: float,
        epsilon: float,
        reduction: str | None,
        semantics: Any,
        validate: bool | None,
    ) -> None:
        # The matrix acts as a sample weight given to the loss object: there fit() is not in between.
        row = semantics_for(semantics, door="loss")
        super().__init__(
            from_logits, axis, label_smoothing, epsilon, reduction=reduction, semantics=row, validate=validate
        )
        matrix = read_cost_matrix(cost_matrix, indexing)
        self._hold("cost_matrix", cost_matrix, matrix)
        self.indexing, self.ignore_class = indexing, ignore_class
        self.num_classes = len(matrix)
        shared: dict[str, Any] = {
            "from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis, "epsilon": epsilon,
            "semantics": row, "validate": validate,
        }  # fmt: skip
        # Past nn.Module's __setattr__: they hold nothing of their own.
        self.__dict__["_for_labels"] = SparseCategoricalCrossentropy(ignore_class=ignore_class, **shared)
        self.__dict__["_for_one_hot"] = CategoricalCrossentropy(**shared)

    def _kind(self, y_true: Tensor) -> CategoricalCrossentropy | SparseCategoricalCrossentropy:
        kind = self._for_one_hot if y_true.is_floating_point() else self._for_labels
        assert isinstance(kind, (CategoricalCrossentropy, SparseCategoricalCrossentropy))
        return kind

    def _meet(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        classes = y_pred.shape[self._class_axis(y_pred.ndim)]
        if classes != self.num_classes:
            raise ValueError(
                f"y_pred expected {self.num_classes} classes, one for each row of cost_matrix, on axis {self._class_axis(y_pred.ndim)}; "
                f"received {classes} in shape {tuple(y_pred.shape)}. Say where the classes are with axis=."
            )
        if self.ignore_class is not None and y_true.is_floating_point():
            raise ValueError(
                f"ignore_class expected integer labels beside it; received one-hot or soft targets of shape {tuple(y_true.shape)}. Pass mask= instead."
            )
        return self._kind(y_true)._meet(y_pred, y_true)

    def _kept(self, y_true: Tensor) -> Tensor | None:
        return self._kind(y_true)._kept(y_true)

    def _expected(self, y_pred: Tensor, y_true: Tensor) -> Expected | None:
        return self._kind(y_true)._expected(y_pred, y_true)

    def _check_numbers(self, y_pred: Tensor, y_true: Tensor, weighed: Weighed) -> None:
        self._kind(y_true)._check_numbers(y_pred, y_true, weighed)

    def _shape_from_targets(self, y_true: Tensor) -> tuple[int, ...]:
        return self._kind(y_true)._shape_from_targets(y_true)

    def _costs(self, y_pred: Tensor) -> Tensor:
        return self._held("cost_matrix", y_pred.device)

    _closes_from = 2**14

    def _closed_targets(self, y_pred: Tensor, y_true: Tensor, weighed: Weighed) -> Tensor | None:
        if self._compiled is not None and y_true.is_floating_point():
            return y_true
        return self._kind(y_true)._closed_targets(y_pred, y_true, weighed)


class WeightedCategoricalCrossentropy(_ByCostMatrix):
    """Cross-entropy times the cost of the mistake: sum_c y_c M[c, argmax p] CE(y, p).

    Args:
        cost_matrix: (C, C): a list of rows, array or tensor; an ``nn.Parameter`` is registered and learned. A right
            prediction weighs what stands on the diagonal: 0 there leaves it out of the loss.
        indexing: "true_pred" for M[true class, predicted class], "pred_true" for M[predicted class, true class]. No default:
            a transposed matrix is the classic mistake.
        from_logits, label_smoothing, axis, epsilon: As in ``CategoricalCrossentropy``.
        ignore_class: The label that means "no label": its values count nowhere.
        reduction, semantics, validate: As in ``WeightedLoss``. The costs are sample weights given to the loss object of the
            row: they multiply ``sample_weight``, and where the row divides by weights they are among them.

    Shapes: y_pred (N, .., C), classes on ``axis``; y_true one-hot or soft like it (floating point), or integer labels.

    Raises:
        ValueError: for a matrix that is not square or finite, or has other classes than y_pred.

    Source: keras-team/keras issue 2115; a loss class over TF 1.14's CategoricalCrossentropy and closures of TF 2, recorded.

    >>> import torch
    >>> costs = [[1.0, 1.0, 1.0], [1.0, 1.0, 1.2], [1.0, 1.0, 1.0]]
    >>> criterion = WeightedCategoricalCrossentropy(costs, indexing="true_pred", from_logits=False, reduction="none")
    >>> criterion(torch.tensor([[0.5, 0.4, 0.1], [0.1, 0.4, 0.5]]), torch.tensor([1, 1]))
    tensor([0.9163, 1.0995])
    """

    _undecomposable: ClassVar[str] = (
        "expected a mean that does not depend on the predictions; received a row or reduction that divides by weights, "
        "which the costs of the mistakes made are (decomposable is False). Use reduction='sum' and divide, or the default row."
    )

    def __init__(
        self,
        cost_matrix: CostMatrixLike,
        *,
        indexing: str,
        from_logits: bool | str | None = None,
        ignore_class: int | None = None,
        label_smoothing: float = 0.0,
        axis: int | None = None,
        epsilon: float = 1e-7,
        reduction: str | None = "sum_over_batch_size",
        semantics: Any = "torchweights",
        validate: bool | None = None,
    ) -> None:
        super().__init__(
            cost_matrix, indexing, from_logits, axis, ignore_class, label_smoothing, epsilon, reduction, semantics, validate
        )  # fmt: skip
        diagonal = self._held("cost_matrix", torch.device("cpu")).detach().diagonal()
        if can_look(diagonal) and bool((diagonal == 0).any()):
            warnings.warn(
                "cost_matrix has 0 on its diagonal, so right predictions weigh nothing and teach nothing. Add 1 to the diagonal "
                "to keep their cross-entropy, or use tw.ExpectedCost, which wants 0 there.",
                UserWarning,
                stacklevel=frames_inside(),
            )

    @property
    def decomposable(self) -> bool:  # type: ignore[override]
        """Whether the counts of batches add up before the predictions are known."""
        return not self.semantics.weighing.counts_weights(standard_reduction(self.reduction))

    def _weight_of_prediction(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        axis = self._class_axis(y_pred.ndim)
        labels = one_hot.labels_of(y_true, axis) if y_true.is_floating_point() else None
        targets = y_true if labels is None else labels
        return functional.cost_weight(y_pred, targets, self._costs(y_pred), indexing=self.indexing, axis=axis)

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One cross-entropy per sample or pixel; the costs weigh it afterwards."""
        return self._kind(y_true).values(y_pred, y_true)

    def _closed_form(self, y_pred: Tensor, y_true: Tensor) -> ClosedForm | None:
        return self._kind(y_true)._closed_form(y_pred, y_true)

    def _in_short(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        # Labels for one-hot targets, where both kinds have one formula.
        alike = self.semantics.formulas.sparse == "normalise first" and not self.label_smoothing
        meet = y_true.is_floating_point() and y_true.shape == y_pred.shape and self.ignore_class is None
        if not (alike and meet):
            return y_true
        labels = one_hot.labels_of(y_true, self._class_axis(y_pred.ndim), self._compiled)
        return y_true if labels is None else labels


class ExpectedCost(_ByCostMatrix):
    """What a prediction is expected to cost: ``functional.expected_cost``, weighed.

    Unlike the weight of the most likely mistake it changes with every probability, so that gradients know the costs.

    Args:
        cost_matrix: (C, C): a list of rows, array or tensor; an ``nn.Parameter`` is registered and learned.
        indexing: "true_pred" for C[true class, predicted class], "pred_true" for C[predicted class, true class].
        form: "cost" for sum_j C[t, j] p_j, "log" for -sum_j C[t, j] ln(1 - p_j).
        from_logits: True for logits, False for probabilities.
        ignore_class: The label that means "no label": its values count nowhere.
        axis: Axis of the classes; wanted from rank 3 on.
        epsilon: Where 1 - p is clipped, for probabilities in the log form.
        reduction, semantics, validate: As in ``WeightedLoss``.

    Shapes: y_pred (N, .., C), classes on ``axis``; y_true one-hot or soft like it (floating point), or integer labels.

    Raises:
        ValueError: for a matrix that is not square or finite, or has other classes than y_pred.

    Source: Elkan, "The foundations of cost-sensitive learning" (2001).

    >>> import torch
    >>> criterion = ExpectedCost([[0.0, 1.0], [5.0, 0.0]], indexing="true_pred", from_logits=True)
    >>> criterion(torch.zeros(1, 2), torch.tensor([1]))
    tensor(2.5000)
    """

    def __init__(
        self,
        cost_matrix: CostMatrixLike,
        *,
        indexing: str,
        form: str = "cost",
        from_logits: bool | None = None,
        ignore_class: int | None = None,
        axis: int | None = None,
        epsilon: float = 1e-7,
        reduction: str | None = "sum_over_batch_size",
        semantics: Any = "torchweights",
        validate: bool | None = None,
    ) -> None:
        choose("form", form, COST_FORMS)
        if isinstance(from_logits, str):
            raise ValueError(
                f"from_logits expected True or False; received {from_logits!r}. No release has this loss to rescue: pass the logits with True."
            )
        if form == "cost" and epsilon != 1e-7:
            raise ValueError(
                f"epsilon expected to be left out with form='cost', which clips nothing; received {epsilon!r}."
            )
        super().__init__(
            cost_matrix, indexing, from_logits, axis, ignore_class, 0.0, epsilon, reduction, semantics, validate
        )
        self.form = form

    def _expected(self, y_pred: Tensor, y_true: Tensor) -> Expected | None:
        # Labels look up a row of the matrix, and one that is no class must not come so far.
        return super()._expected(y_pred, y_true) if y_true.is_floating_point() else None

    def values(self, y_pred: Tensor, y_true: Tensor) -> Tensor:
        """One expected cost per sample or pixel."""
        return functional.expected_cost(
            y_pred, y_true, self._costs(y_pred), indexing=self.indexing, from_logits=bool(self.from_logits),
            axis=self._class_axis(y_pred.ndim), epsilon=self.epsilon, form=self.form,
        )  # fmt: skip

    def _closed_form(self, y_pred: Tensor, y_true: Tensor) -> ClosedForm | None:
        by_true = costs_by_true_class(self._costs(y_pred), self.indexing).detach().to(y_pred.dtype)
        of_piece: Callable[[Piece], Tensor]
        options: dict[str, Any] = {"by_true": by_true, "of_logits": bool(self.from_logits)}
        of_piece = functools.partial(crossentropies.expected_cost, **options)
        if self.form == "log":
            of_piece = functools.partial(crossentropies.logarithmic_cost, **options, epsilon=self.epsilon)
        return ClosedForm(of_piece, (self._class_axis(y_pred.ndim),), turned=True)
