"""H1's instrument: what is excluded is overwritten, and every bit of every answer is compared with that of the clean batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from tests.hazards.catalogue import slope

T = torch.tensor
#: the samples, of 4, that are excluded
OUT = T([False, True, False, True])
KEPT = ~OUT
POISON = [torch.nan, torch.inf, -torch.inf, 3e38, -3e38]
BAD_LABELS = [-(2**63), -1, 3, 255, 2**63 - 1]
REDUCTIONS = ["sum_over_batch_size", "mean_with_sample_weight", "sum", "none"]

Beside = dict[str, Tensor]
Loss = Callable[..., Tensor]

#: how samples are excluded; the last has a poisoned weight under its mask
EXCLUSIONS: dict[str, Beside] = {
    "mask": {"mask": KEPT},
    "weight": {"sample_weight": T([0.5, 0.0, 2.0, 0.0])},
    "each": {"mask": T([True, False, True, True]), "sample_weight": T([0.5, 1.0, 2.0, 0.0])},
    "both": {"mask": KEPT, "sample_weight": T([0.5, 0.0, 2.0, 0.0])},
    "spoiled weight": {"mask": KEPT, "sample_weight": T([0.5, torch.nan, 2.0, torch.inf])},
}


def poisoned(y_pred: Tensor, y_true: Tensor, poison: float, label: int) -> tuple[Tensor, Tensor]:
    """The batch with everything excluded overwritten: predictions, and targets too."""
    p, t = y_pred.detach().clone(), y_true.clone()
    p[OUT], t[OUT] = poison, poison if t.is_floating_point() else label
    return p.requires_grad_(), t


# ------------------------------------------------------------------------------------------- what a loss is asked, by transformation


def _gradient(loss: Loss, p: Tensor, t: Tensor, beside: Beside) -> list[Tensor]:
    value = loss(p, t, **beside)
    return [value.detach(), slope(value, p)]


def _second_derivative(loss: Loss, p: Tensor, t: Tensor, beside: Beside) -> list[Tensor]:
    (first,) = torch.autograd.grad(loss(p, t, **beside).sum(), p, create_graph=True)
    second = torch.autograd.grad(first.square().sum(), p)[0] if first.requires_grad else torch.zeros_like(p)
    return [first.detach(), second]


def _forward_mode(loss: Loss, p: Tensor, t: Tensor, beside: Beside) -> list[Tensor]:
    return list(torch.func.jvp(lambda q: loss(q, t, **beside), (p.detach(),), (torch.ones_like(p),)))


def _vmap_of_grad(loss: Loss, p: Tensor, t: Tensor, beside: Beside) -> list[Tensor]:
    def one(p: Tensor, t: Tensor, *more: Tensor) -> Tensor:
        return loss(p[None], t[None], **{name: given[None] for name, given in zip(beside, more, strict=True)}).sum()

    return [torch.func.vmap(torch.func.grad(one))(p.detach(), t, *beside.values())]


def compiled(loss: Loss) -> Loss:
    """The loss as the compiler traces it, backward included, anew."""
    torch._dynamo.reset()
    return torch.compile(loss, backend="aot_eager", fullgraph=True)


TRANSFORMS: dict[str, Callable[[Loss, Tensor, Tensor, Beside], list[Tensor]]] = {
    "gradient": _gradient,
    "second derivative": _second_derivative,
    "forward mode": _forward_mode,
    "vmap of grad": _vmap_of_grad,
}
#: what torch's own kernel has no second derivative, no forward mode and no vmap for
ONLY_GRADIENT = {"ctc"}


def changed(
    loss: Loss,
    y_pred: Tensor,
    y_true: Tensor,
    beside: Beside,
    transform: str = "gradient",
    poisons: Iterable[tuple[float, int]] = tuple(zip(POISON, BAD_LABELS, strict=True)),
) -> list[Any]:
    """The poisons that change a bit of what the transformation gives, or get a derivative themselves."""
    asked = TRANSFORMS[transform]
    clean = asked(loss, y_pred, y_true, beside)
    found = []
    for poison, label in poisons:
        p, t = poisoned(y_pred, y_true, poison, label)
        answers = asked(loss, p, t, beside)
        hidden = [not one[OUT].any() for one in answers if one.shape == p.shape]
        if not (all(map(torch.equal, answers, clean)) and all(hidden)):
            found.append(poison)
    return found
