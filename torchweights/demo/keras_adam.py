"""Adam as Keras computes it, release by release, down to the rounding of its constants.

`torch.optim.Adam` puts its epsilon (1e-8) under the corrected root: ``lr * m_hat / (sqrt(v_hat) + eps)``. Keras adds a
larger one (1e-7) to the uncorrected root, which early in a training weighs far more::

    lr_t = lr * sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t)
    p   -= lr_t * m / (sqrt(v) + eps)

Giving torch's Adam Keras's epsilon does not close that gap. The releases agree on the formula and differ in how they
round the constants they feed it, which moves a loss curve by more than float32 does; so they are kept apart here.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple, overload

import torch
from torch import Tensor


class _Constants(NamedTuple):
    """What one step of one release multiplies by, already rounded as that release rounds it."""

    step_size: float
    betas: tuple[float, float]  # what is kept of the old moments
    gains: tuple[float, float]  # what is taken of the new gradient


def _round(value: float, dtype: torch.dtype) -> float:
    return float(torch.tensor(value, dtype=torch.float64).to(dtype))


@lru_cache(maxsize=8)  # asked once per parameter, the same for all of a step
def _keras_2_2_4(lr: float, betas: tuple[float, float], step: int, dtype: torch.dtype) -> _Constants:
    """Everything is a variable in floatx, so ``1 - beta_2`` is the difference of two rounded numbers."""

    def r(value: float) -> float:
        return _round(value, dtype)

    beta_1, beta_2 = r(betas[0]), r(betas[1])
    numerator = r(r(1.0 - r(beta_2**step)) ** 0.5)
    step_size = r(r(lr) * r(numerator / r(1.0 - r(beta_1**step))))
    return _Constants(step_size, (beta_1, beta_2), (r(1.0 - beta_1), r(1.0 - beta_2)))


@lru_cache(maxsize=8)
def _keras_3(lr: float, betas: tuple[float, float], step: int, dtype: torch.dtype) -> _Constants:
    """The moments use Python's doubles, the correction betas that TensorFlow's cast takes through float32, always.

    So in float64 the two disagree: moments decay by 0.999, the correction believes in float32(0.999).
    """

    def r(value: float) -> float:
        return _round(value, dtype)

    power_1, power_2 = (r(r(_round(beta, torch.float32)) ** step) for beta in betas)
    step_size = r(r(r(lr) * r(r(1.0 - power_2) ** 0.5)) / r(1.0 - power_1))
    return _Constants(step_size, betas, (r(1.0 - betas[0]), r(1.0 - betas[1])))


def _decay_and_add(moment: Tensor, new: Tensor, beta: float, gain: float) -> None:
    moment.mul_(beta).add_(new * gain)


def _move_towards(moment: Tensor, new: Tensor, beta: float, gain: float) -> None:
    del beta  # Keras 3 writes ``m += (new - m) * (1 - beta)``: the same up to rounding, and never says beta
    moment.add_((new - moment) * gain)


_RELEASES: dict[str, tuple[Callable[..., _Constants], Callable[..., None]]] = {
    "keras2.2.4": (_keras_2_2_4, _decay_and_add),
    "keras3.15": (_keras_3, _move_towards),
}


class KerasAdam(torch.optim.Optimizer):
    """Adam with the update, the epsilon and the rounding of a release of Keras on TensorFlow.

    Args:
        params: the parameters, or groups of them, as for any optimizer of torch.
        lr: Keras's `lr` or `learning_rate`.
        betas: Keras's `beta_1` and `beta_2`.
        eps: Keras's `epsilon`; None in Keras 2 means 1e-7 too.
        semantics: "keras2.2.4" or "keras3.15".

    Example:
        >>> weight = torch.nn.Parameter(torch.ones(3))
        >>> optimizer = KerasAdam([weight], lr=0.01, semantics="keras3.15")
        >>> weight.square().sum().backward()
        >>> optimizer.step()
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        *,
        semantics: str,
    ) -> None:
        """Check the options and keep them, a group's own before the common ones."""
        if semantics not in _RELEASES:
            raise ValueError(f"semantics must be one of {', '.join(_RELEASES)}; got {semantics!r}")
        if lr < 0 or eps < 0:
            raise ValueError(f"lr and eps must not be negative; got lr={lr}, eps={eps}")
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas must lie in [0, 1); got {betas}")
        self._constants, self._blend = _RELEASES[semantics]
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient; return what `closure` returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state.update(step=0, m=torch.zeros_like(parameter), v=torch.zeros_like(parameter))
        state["step"] += 1
        constants = self._constants(group["lr"], group["betas"], state["step"], parameter.dtype)
        for moment, new, beta, gain in zip(
            (state["m"], state["v"]), (gradient, gradient.square()), constants.betas, constants.gains, strict=True
        ):
            self._blend(moment, new, beta, gain)
        parameter.sub_((state["m"] * constants.step_size) / (state["v"].sqrt() + group["eps"]))
