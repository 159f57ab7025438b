"""Booleans as numbers, the quick way and the slow one alike."""

from __future__ import annotations

import pytest
import torch

from torchweights import flags

FLAGS = torch.tensor([[True, False, True], [False, False, True]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
@pytest.mark.parametrize("given", [FLAGS, FLAGS.t(), FLAGS[:, ::2], FLAGS[:0], FLAGS.to(torch.int32)], ids=str)
def test_numbers_are_those_of_a_conversion(given: torch.Tensor, dtype: torch.dtype) -> None:
    assert torch.equal(flags.as_numbers(given, dtype), given.to(dtype))


def test_numbers_are_those_of_a_conversion_where_nobody_can_look(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = flags.as_numbers(FLAGS, torch.float32), flags.count(FLAGS), flags.where(FLAGS, torch.arange(6).view(2, 3))
    monkeypatch.setattr("torchweights.validation.can_look", lambda tensor: False)
    slow = flags.as_numbers(FLAGS, torch.float32), flags.count(FLAGS), flags.where(FLAGS, torch.arange(6).view(2, 3))
    assert all(map(torch.equal, quick, slow))


def test_all_true_and_none() -> None:
    assert flags.all_true(FLAGS[:, 2]) and flags.all_true(FLAGS[:0]) and not flags.all_true(FLAGS)


@pytest.mark.parametrize("poison", [torch.nan, torch.inf, -torch.inf])
def test_what_is_left_out_may_be_anything(poison: float) -> None:
    numbers = torch.where(FLAGS, 2.0, poison)
    assert torch.equal(flags.where(FLAGS, numbers), FLAGS * 2.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_times_keeps_the_numbers_given_and_their_gradient(dtype: torch.dtype) -> None:
    numbers, chosen = torch.tensor([2.0, 3.0, 4.0], dtype=dtype), torch.tensor([True, False, True])
    assert flags.times(chosen, numbers).tolist() == [2.0, 0.0, 4.0] and numbers.tolist() == [2.0, 3.0, 4.0]
    learned = numbers.clone().requires_grad_()
    flags.times(chosen, learned).sum().backward()
    assert learned.grad is not None and learned.grad.tolist() == [1.0, 0.0, 1.0]
    column = numbers[:, None]
    assert flags.times(chosen, column).tolist() == [[2.0, 0.0, 2.0], [3.0, 0.0, 3.0], [4.0, 0.0, 4.0]]
    assert column.tolist() == [[2.0], [3.0], [4.0]]
    ones = torch.tensor([1.0, 0.0, 1.0], dtype=dtype)
    assert flags.times(ones, numbers).tolist() == [2.0, 0.0, 4.0] and ones.tolist() == [1.0, 0.0, 1.0], (
        "numbers that are flags stay"
    )
