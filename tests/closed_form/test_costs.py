"""What a training step's loss costs and no noise changes: memory, operators, bytes moved, waits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import torchweights as tw
from benchmarks.counting import costs, steps
from benchmarks.peers.losses import CLOSED, NATIVE, PLAIN
from tests.closed_form.paths import CLOSED as WITH_CLOSED_FORM
from tests.closed_form.paths import in_closed_form
from tests.hazards.catalogue import given
from tests.samples import Sample

#: workload -> the most memory beside the predictions, in multiples of them, the gradient among it
MEMORY = {
    "W1L_cf": 1.25,
    "W1s_cf": 1.85,
    "W1s_cl": 1.85,
    "W2p": 1.25,
    "W2l": 1.15,
    "W2lm": 1.4,
    "W3bl": 1.4,
    "W3cl": 1.4,
    "W4": 1.2,
    "W6": 1.05,
}


@pytest.mark.parametrize("name", MEMORY)
def test_the_closed_form_needs_little_beside_the_gradient(name: str) -> None:
    size, by_loss = steps(name)
    peaks = {key: costs(by_loss[key]).peak / size for key in (CLOSED, NATIVE)}
    assert peaks[CLOSED] <= MEMORY[name]
    assert peaks[CLOSED] < peaks[NATIVE], "the negative control: torch's own"


def test_a_small_call_takes_few_operators() -> None:
    _, by_loss = steps("W7")
    found = {key: costs(by_loss[key]) for key in (PLAIN, NATIVE)}
    assert found[PLAIN].operators <= 2.3 * found[NATIVE].operators


@pytest.mark.parametrize("sample", WITH_CLOSED_FORM, ids=str)
def test_no_gradient_is_held_where_none_is_wanted(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    criterion = in_closed_form(sample.criterion())

    def step() -> object:
        with torch.no_grad():
            return criterion(y_pred, y_true).shape

    def with_gradient() -> object:
        return torch.autograd.grad(criterion(y_pred, y_true), y_pred)[0].shape

    assert costs(step).operators < costs(with_gradient).operators


def _large(size: int) -> Callable[[], object]:
    y_pred = torch.randn(size, 8, requires_grad=True)
    labels = torch.randint(8, (size,))
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True)
    return lambda: torch.autograd.grad(criterion(y_pred, labels), y_pred)[0].shape


def test_the_counter_sees_memory_that_comes_and_goes() -> None:
    """The negative control: a step that makes two copies and drops one."""

    def step() -> object:
        one = torch.zeros(1000).clone()
        two = one + 1
        del one
        return (two * 2).shape

    found = costs(step)
    assert found.peak == 3 * 4000 - 4000 and found.alive <= 4000
    assert found.operators == 4 and found.moved > 4 * 4000


def test_memory_grows_as_the_batch_does() -> None:
    small, large = (costs(_large(size)).peak for size in (2**18, 2**20))
    assert 3.3 < large / small < 4.5
