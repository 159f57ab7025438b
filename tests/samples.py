"""Every loss with a batch it likes: what the tests of this folder are parametrized over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

import torchweights as tw

#: the rows as compile and fit run them
ROWS = [name for name in tw.SEMANTICS if ":" not in name]
KERAS_ROWS = [name for name in ROWS if name not in ("torch", "torchweights")]
#: rows in which the mean is the sum of weights, so that weights of nothing are a different nothing
DIVIDING = ["sum_over_batch_size", "mean_with_sample_weight", "sum"]
CLASSES = 3


def _probabilities(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=torch.float64) * 0.8 + 0.1


def _numbers(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _softmax(axis: int) -> Callable[[tuple[int, ...], torch.Generator], Tensor]:
    return lambda shape, generator: _numbers(shape, generator).softmax(axis)


def _bits(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(2, shape, generator=generator).double()


def _positive(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=torch.float64) * 3 + 0.1


def _signs(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return 2 * _bits(shape, generator) - 1


def _labels(axis: int) -> Callable[[tuple[int, ...], torch.Generator], Tensor]:
    def made(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        without = [size for i, size in enumerate(shape) if i != axis % len(shape)]
        return torch.randint(shape[axis], without, generator=generator)

    return made


def _one_hot(axis: int) -> Callable[[tuple[int, ...], torch.Generator], Tensor]:
    def made(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        labels = _labels(axis)(shape, generator)
        return torch.nn.functional.one_hot(labels, shape[axis]).double().movedim(-1, axis)

    return made


@dataclass(frozen=True)
class Sample:
    """A loss, the options it needs in every row, and how its batches are made."""

    name: str
    kind: type[tw.WeightedLoss]
    shape: tuple[int, ...]
    predictions: Callable[[tuple[int, ...], torch.Generator], Tensor]
    targets: Callable[[tuple[int, ...], torch.Generator], Tensor]
    options: dict[str, Any] = field(default_factory=dict)

    def criterion(self, **options: Any) -> tw.WeightedLoss:
        return self.kind(**{**self.options, **options})

    def batch(
        self, size: int = 4, seed: int = 0, dtype: torch.dtype = torch.float64, device: str = "cpu"
    ) -> tuple[Tensor, Tensor]:
        """(y_pred, y_true); y_pred requires grad."""
        generator = torch.Generator().manual_seed(seed)
        shape = (size, *self.shape)
        y_pred = self.predictions(shape, generator).to(device, dtype).requires_grad_()
        y_true = self.targets(shape, generator).to(device)
        return y_pred, y_true.to(dtype) if y_true.is_floating_point() else y_true

    def values_shape(self, size: int = 4) -> tuple[int, ...]:
        shape = (size, *self.shape)
        gone = self.options.get("axis", -1) % len(shape)
        return tuple(n for i, n in enumerate(shape) if i != gone)

    @property
    def pred_axis(self) -> int:
        return self.options.get("axis", -1)

    @property
    def sparse(self) -> bool:
        return issubclass(self.kind, tw.SparseCategoricalCrossentropy) or self.name == "expected cost"

    @property
    def takes_class_weight(self) -> bool:
        if self.kind is tw.WeightedCategoricalCrossentropy:
            return False  # its matrix is there for that
        return "rossentropy" in self.kind.__name__ or self.kind is tw.CategoricalGeneralizedCrossEntropy

    def __str__(self) -> str:
        return self.name


#: mistakes cost 2 to 4, and what is right 1
COSTS: dict[str, Any] = {"cost_matrix": [[1.0, 2.0, 3.0], [2.0, 1.0, 4.0], [3.0, 2.0, 1.0]], "indexing": "true_pred"}
_LOGITS, _PROBABILITIES = {"from_logits": True}, {"from_logits": False}
SAMPLES = [
    Sample("mse", tw.MeanSquaredError, (2,), _numbers, _numbers),
    Sample("mse per step", tw.MeanSquaredError, (3, 2), _numbers, _numbers),
    Sample("mae", tw.MeanAbsoluteError, (2,), _numbers, _numbers),
    Sample("hinge", tw.Hinge, (2,), _numbers, _signs),
    Sample("squared hinge", tw.SquaredHinge, (2,), _numbers, _bits),
    Sample("categorical hinge", tw.CategoricalHinge, (CLASSES,), _numbers, _one_hot(-1)),
    Sample("mape", tw.MeanAbsolutePercentageError, (2,), _numbers, _numbers),
    Sample("msle", tw.MeanSquaredLogarithmicError, (2,), _positive, _positive),
    Sample("huber", tw.Huber, (2,), _numbers, _numbers),
    Sample("log cosh", tw.LogCosh, (2,), _numbers, _numbers),
    Sample("poisson", tw.Poisson, (2,), _positive, _positive),
    Sample("cosine", tw.CosineSimilarity, (3,), _numbers, _numbers),
    Sample("kl divergence", tw.KLDivergence, (CLASSES,), _softmax(-1), _softmax(-1)),
    Sample("binary focal logits", tw.BinaryFocalCrossentropy, (2,), _numbers, _bits, {"from_logits": True}),
    Sample(
        "binary focal", tw.BinaryFocalCrossentropy, (2,), _probabilities, _bits, {"from_logits": False, "gamma": 0.5}
    ),
    Sample(
        "categorical focal", tw.CategoricalFocalCrossentropy, (CLASSES,), _numbers, _one_hot(-1), {"from_logits": True}
    ),
    Sample("generalized", tw.CategoricalGeneralizedCrossEntropy, (CLASSES,), _softmax(-1), _labels(-1)),
    Sample("dice per sample", tw.Dice, (3,), _probabilities, _bits, {"axis": -1}),
    Sample("tversky per sample", tw.Tversky, (3,), _probabilities, _bits, {"axis": -1}),
    Sample("binary", tw.BinaryCrossentropy, (1,), _probabilities, _bits, _PROBABILITIES),
    Sample("binary logits", tw.BinaryCrossentropy, (2,), _numbers, _bits, _LOGITS),
    Sample("categorical", tw.CategoricalCrossentropy, (CLASSES,), _softmax(-1), _one_hot(-1), _PROBABILITIES),
    Sample(
        "categorical logits per pixel",
        tw.CategoricalCrossentropy,
        (CLASSES, 2, 2),
        _numbers,
        _one_hot(1),
        {"from_logits": True, "axis": 1},
    ),
    Sample("sparse", tw.SparseCategoricalCrossentropy, (CLASSES,), _softmax(-1), _labels(-1), _PROBABILITIES),
    Sample("sparse logits", tw.SparseCategoricalCrossentropy, (CLASSES,), _numbers, _labels(-1), _LOGITS),
    Sample(
        "sparse logits per pixel",
        tw.SparseCategoricalCrossentropy,
        (2, 2, CLASSES),
        _numbers,
        _labels(-1),
        {"from_logits": True, "axis": -1},
    ),
    Sample("expected cost", tw.ExpectedCost, (CLASSES,), _numbers, _labels(-1), {**COSTS, **_LOGITS}),
    Sample(
        "expected cost, log",
        tw.ExpectedCost,
        (CLASSES,),
        _softmax(-1),
        _one_hot(-1),
        {**COSTS, **_PROBABILITIES, "form": "log"},
    ),
    Sample("weighted mse", tw.WeightedMeanSquaredError, (2,), _numbers, _numbers, {"feature_weight": [1.0, 3.0]}),
    Sample("weighted mae", tw.WeightedMeanAbsoluteError, (2,), _numbers, _numbers, {"feature_weight": [1.0, 3.0]}),
    Sample("weighted rmse", tw.WeightedRootMeanSquaredError, (2,), _numbers, _numbers, {"feature_weight": [1.0, 3.0]}),
]
BY_NAME = {sample.name: sample for sample in SAMPLES}
FLAT = [sample for sample in SAMPLES if len(sample.shape) == 1]

#: weights and a mask per sample, for batches of 4
WEIGHT, MASK = torch.tensor([0.5, 2.0, 0.0, 1.0]), torch.tensor([True, True, True, False])


def full_options(sample: Sample, **more: Any) -> dict[str, Any]:
    """Everything on that this loss takes, for ``sample.criterion``."""
    options: dict[str, Any] = {"reduction": "mean_with_sample_weight"}
    keras_pixels = more.get("semantics") in KERAS_ROWS and len(sample.shape) > 1
    if sample.takes_class_weight and not keras_pixels:
        options["class_weight"] = {c: 1 / (c + 3) for c in range(3 if "binary" not in sample.name else 2)}
    if sample.sparse:
        options["ignore_class"] = 255
    return {**options, **more}


def beside(criterion: tw.WeightedLoss, y_pred: Tensor) -> dict[str, Tensor]:
    """The weights and masks that this row takes: all in ours, and what Keras 3 or pixels allow in those of Keras."""
    ours = criterion.semantics.name in ("torchweights", "torch")
    if not ours and (y_pred.ndim > 2 or getattr(criterion, "class_weight", None) is not None):
        return {}
    return {"sample_weight": WEIGHT.to(y_pred.device), "mask": MASK.to(y_pred.device)}


def gradient(loss: Tensor, y_pred: Tensor) -> Tensor:
    """d loss / d y_pred, and a failure where there is none."""
    (found,) = torch.autograd.grad(loss, y_pred)
    return found


def split(tensor: Tensor | None, sizes: list[int]) -> list[Tensor | None]:
    """A batch cut into micro-batches; a scalar and nothing go to each."""
    if tensor is None or tensor.ndim == 0:
        return [tensor] * len(sizes)
    return list(torch.split(tensor, sizes))
