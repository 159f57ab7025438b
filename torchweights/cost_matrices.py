"""Cost matrices made from what is known: an order of classes, prices of mistakes, class weights.

Each is M[true class, predicted class]: pass it with ``indexing="true_pred"``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from torchweights.class_weight import ClassWeightsLike, read_class_weight
from torchweights.messages import shown
from torchweights.options import number, whole
from torchweights.semantics import semantics_for


def ordinal_costs(num_classes: int, *, power: float = 1.0, correct: float = 0.0) -> Tensor:
    """correct + |true - predicted|^power: mistakes between ordered classes cost by their distance.

    Args:
        num_classes: C, of classes in their order.
        power: 1 for the distance (as the absolute error), 2 for its square (as quadratic weighted kappa).
        correct: What every cell has besides: 1 so that right predictions keep their cross-entropy.

    Returns:
        (C, C) in float64.

    >>> ordinal_costs(3, correct=1.0)
    tensor([[1., 2., 3.],
            [2., 1., 2.],
            [3., 2., 1.]], dtype=torch.float64)
    """
    whole("num_classes", num_classes, 2)
    number("power", power, "a number above 0", lambda one: 0 < one < math.inf)
    number("correct", correct)
    places = torch.arange(num_classes, dtype=torch.float64, device="cpu")
    return correct + (places.unsqueeze(1) - places).abs() ** power


def business_costs(
    costs: Mapping[tuple[int, int], float], num_classes: int, *, default: float = 1.0, correct: float = 0.0
) -> Tensor:
    """Prices of single mistakes, {(true, predicted): cost}, in a matrix of all.

    Args:
        costs: Cost by pair; a pair of equal classes prices a right prediction.
        num_classes: C.
        default: What a mistake costs that is not priced.
        correct: What a right prediction costs that is not priced: 1 so that it keeps its cross-entropy.

    Returns:
        (C, C) in float64.

    Raises:
        ValueError: for a pair that is not two classes.

    >>> business_costs({(1, 0): 5.0}, 2)
    tensor([[0., 1.],
            [5., 0.]], dtype=torch.float64)
    """
    whole("num_classes", num_classes, 2)
    number("default", default), number("correct", correct)
    if not isinstance(costs, Mapping):
        raise TypeError(
            f"costs expected a dict {{(true, predicted): cost}}; received {type(costs).__name__} {shown(costs)}. A whole matrix needs no business_costs."
        )
    matrix = torch.full((num_classes, num_classes), float(default), dtype=torch.float64, device="cpu").fill_diagonal_(
        float(correct)
    )
    for pair, cost in costs.items():
        if not (isinstance(pair, tuple) and len(pair) == 2 and all(one in range(num_classes) for one in pair)):
            raise ValueError(
                f"costs expected keys (true class, predicted class) from 0 to {num_classes - 1}; received {shown(pair)}. "
                "Write {(0, 1): 5.0}."
            )
        matrix[pair] = number("costs", cost, "a finite number for each pair")
    return matrix


def costs_from_class_weight(class_weight: ClassWeightsLike, *, correct: float | None = None) -> Tensor:
    """M[t, j] = weight of class t: the matrix that weighs as class weights do.

    Args:
        class_weight: A dict over 0 to C-1, or a list or tensor of C.
        correct: What right predictions cost instead, 0 for an expected cost; None for their class's weight too.

    Returns:
        (C, C) in float64.

    Raises:
        ValueError: for class weights with gaps.

    >>> costs_from_class_weight({0: 1.0, 1: 5.0}, correct=0.0)
    tensor([[0., 1.],
            [5., 0.]], dtype=torch.float64)
    """
    table = read_class_weight(class_weight, semantics_for("torchweights").class_weights)
    assert table is not None  # the default row ignores nothing
    if len(table.weights) < 2:
        raise ValueError(
            f"class_weight expected weights of two classes or more; received {len(table.weights)}. One class has no mistakes to cost."
        )
    matrix = table.weights.double().unsqueeze(1).repeat(1, len(table.weights))
    return matrix if correct is None else matrix.fill_diagonal_(number("correct", correct))
