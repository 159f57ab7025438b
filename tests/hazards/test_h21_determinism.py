"""H21: no operator that has no deterministic kernel runs, and runs repeat to the bit whatever the threads (P21)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F

import torchweights as tw
from tests.hazards.catalogue import INPUTS, built, given, given_total, slope, total
from tests.samples import Sample
from tests.watching import Operators

#: what torch.use_deterministic_algorithms(True) refuses on CUDA, by its documentation. scatter_add, the backward of gather, has a
#: deterministic implementation, and no row of labels names a place twice.
REFUSED = {
    "bincount", "cumsum", "put_", "histc", "kthvalue", "median", "nll_loss_forward", "nll_loss2d_forward", "nll_loss2d_backward",
    "nll_loss_backward", "_ctc_loss", "_ctc_loss_backward", "scatter_reduce", "resize_",
}  # fmt: skip


@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_no_nondeterministic_operator_runs(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    with Operators() as operators:
        slope(built(sample)(y_pred, y_true), y_pred)
    found = operators.names & REFUSED
    assert found <= ({"_ctc_loss", "_ctc_loss_backward"} if sample.name == "ctc" else set())


def test_none_runs_in_a_total() -> None:
    y, t = given_total()
    with Operators() as operators:
        torch.autograd.grad(total()(y, t), list(y.values()))
    assert not operators.names & REFUSED


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_it_trains_where_only_deterministic_algorithms_may_run(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    expected = slope(built(sample)(y_pred, y_true), y_pred)
    with deterministic():
        assert torch.equal(slope(built(sample)(y_pred, y_true), y_pred), expected)


@pytest.mark.parametrize("sample", INPUTS, ids=str)
def test_one_thread_or_two_and_again(sample: Sample) -> None:
    y_pred, y_true = given(sample)
    criterion, threads = built(sample), torch.get_num_threads()
    found = []
    for count in (1, 2, 1):
        torch.set_num_threads(count)
        found.append(criterion(y_pred, y_true))
    torch.set_num_threads(threads)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


@pytest.mark.parametrize(
    "kind", [tw.MeanSquaredError, tw.SparseCategoricalCrossentropy], ids=lambda kind: kind.__name__
)
def test_sums_that_threads_share_repeat_to_the_bit(kind: type[tw.WeightedLoss]) -> None:
    """More values than one thread takes."""
    generator, labelled = torch.Generator().manual_seed(0), kind is tw.SparseCategoricalCrossentropy
    y_pred = torch.randn(200_000, 3, generator=generator).requires_grad_()
    y_true = torch.randint(3, (200_000,), generator=generator) if labelled else torch.zeros_like(y_pred).detach()
    criterion, threads = built(kind, **({"from_logits": True} if labelled else {})), torch.get_num_threads()
    found = []
    for count in (1, 2, 1):
        torch.set_num_threads(count)
        loss = criterion(y_pred, y_true)
        found.append((loss.detach(), slope(loss, y_pred)))
    torch.set_num_threads(threads)
    assert all(map(torch.equal, found[0], found[1])) and all(map(torch.equal, found[0], found[2]))


@pytest.mark.negative_control
def test_cross_entropy_of_torch_fails_this() -> None:
    p = torch.randn(2, 3, 4, 4, requires_grad=True)
    with Operators() as operators:
        slope(F.cross_entropy(p, torch.zeros(2, 4, 4, dtype=torch.long)), p)
    assert operators.names & REFUSED


@pytest.mark.negative_control
def test_sums_in_another_order_fail_this() -> None:
    """Why threads matter: float32 does not add up the same way round."""
    large, one = torch.tensor(1e8), torch.tensor(1.0)
    assert not torch.equal(large + one - large, large - large + one)
