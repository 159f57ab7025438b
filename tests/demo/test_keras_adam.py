"""KerasAdam: the formula, the constants of each release, and the manners of an optimizer."""

import copy
import unittest

import numpy as np
import pytest
import torch
from parameterized import parameterized

from torchweights.demo.keras_adam import KerasAdam, _keras_2_2_4, _keras_3

RELEASES = [("keras2.2.4",), ("keras3.15",)]
BETAS = (0.9, 0.999)


def _walk(optimizer: torch.optim.Optimizer, weight: torch.nn.Parameter, steps: int = 5) -> None:
    for step in range(steps):
        optimizer.zero_grad()
        (weight.square() * (step + 1)).sum().backward()
        optimizer.step()


class Update(unittest.TestCase):
    """The values it computes."""

    def test_float64_follows_the_formula_of_keras_2_2_4(self) -> None:
        weight = torch.nn.Parameter(torch.tensor([1.0, -0.5, 1e-6], dtype=torch.float64))
        p, m, v = weight.detach().numpy().copy(), np.zeros(3), np.zeros(3)
        for t in range(1, 6):
            g = 2 * t * p
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            p = p - 0.01 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-7)
        _walk(KerasAdam([weight], lr=0.01, semantics="keras2.2.4"), weight)
        np.testing.assert_allclose(weight.detach().numpy(), p, rtol=1e-13)

    def test_epsilon_meets_the_uncorrected_root(self) -> None:
        moved = {}
        for kind, options in ((KerasAdam, {"semantics": "keras3.15"}), (torch.optim.Adam, {"eps": 1e-7})):
            weight = torch.nn.Parameter(torch.tensor([1e-6], dtype=torch.float64))
            _walk(kind([weight], lr=0.01, **options), weight, steps=1)
            moved[kind] = (1e-6 - weight.item()) / 0.01
        # The gradient is 2e-6. The corrected root is as large; the uncorrected one is below the epsilon.
        assert moved[torch.optim.Adam] == pytest.approx(2e-6 / (2e-6 + 1e-7), abs=1e-4)
        assert moved[KerasAdam] == pytest.approx(2e-6 / (2e-6 + 1e-7 / np.sqrt(0.001)), abs=1e-4)

    def test_the_releases_round_their_constants_differently(self) -> None:
        old, new = _keras_2_2_4(0.01, BETAS, 1, torch.float32), _keras_3(0.01, BETAS, 1, torch.float32)
        assert old.gains[1] == float(np.float32(1) - np.float32(0.999))
        assert new.gains[1] == float(np.float32(0.001))
        assert old.gains[1] != new.gains[1]

    def test_keras_3_corrects_by_float32_betas_in_float64_too(self) -> None:
        constants = _keras_3(1.0, BETAS, 3, torch.float64)
        beta_1, beta_2 = (np.float64(np.float32(beta)) for beta in BETAS)
        assert constants.step_size == pytest.approx(np.sqrt(1 - beta_2**3) / (1 - beta_1**3), rel=0, abs=1e-15)
        assert abs(constants.step_size - _keras_2_2_4(1.0, BETAS, 3, torch.float64).step_size) > 1e-07

    @parameterized.expand(RELEASES)
    def test_float32_stays_float32(self, semantics: str) -> None:
        weight = torch.nn.Parameter(torch.ones(3))
        optimizer = KerasAdam([weight], semantics=semantics)
        _walk(optimizer, weight)
        assert {t.dtype for t in (weight, optimizer.state[weight]["m"])} == {torch.float32}


class Manners(unittest.TestCase):
    """What every optimizer of torch does."""

    @parameterized.expand(RELEASES)
    def test_continues_from_a_state_dict(self, semantics: str) -> None:
        weight = torch.nn.Parameter(torch.ones(3))
        optimizer = KerasAdam([weight], semantics=semantics)
        _walk(optimizer, weight)
        other = torch.nn.Parameter(weight.detach().clone())
        resumed = KerasAdam([other], semantics=semantics)
        resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        _walk(optimizer, weight)
        _walk(resumed, other)
        assert torch.equal(weight, other)

    def test_returns_what_the_closure_returned(self) -> None:
        weight = torch.nn.Parameter(torch.ones(1))

        def closure() -> float:
            weight.square().sum().backward()
            return 7.0

        assert KerasAdam([weight], semantics="keras3.15").step(closure) == 7.0
        assert weight.item() < 1

    def test_leaves_parameters_without_gradient_alone(self) -> None:
        weight = torch.nn.Parameter(torch.ones(1))
        KerasAdam([weight], semantics="keras3.15").step()
        assert weight.item() == 1

    def test_groups_have_their_own_rate(self) -> None:
        fast, still = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.ones(1))
        optimizer = KerasAdam([{"params": [fast]}, {"params": [still], "lr": 0.0}], semantics="keras2.2.4")
        (fast + still).sum().backward()
        optimizer.step()
        assert fast.item() < 1
        assert still.item() == 1

    @parameterized.expand(
        [
            ({"semantics": "keras9"}, "semantics must be one of keras2.2.4, keras3.15; got 'keras9'"),
            ({"semantics": "keras3.15", "lr": -1.0}, "must not be negative; got lr=-1.0"),
            ({"semantics": "keras3.15", "eps": -1.0}, "must not be negative; got .* eps=-1.0"),
            ({"semantics": "keras3.15", "betas": (0.9, 1.0)}, r"betas must lie in \[0, 1\); got \(0.9, 1.0\)"),
        ]
    )
    def test_refuses(self, options: dict[str, object], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            KerasAdam([torch.nn.Parameter(torch.ones(1))], **options)
