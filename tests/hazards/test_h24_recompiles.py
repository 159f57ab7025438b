"""H24: one graph, at most two for any batch size, and none more for weights that change (P24)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter

import torchweights as tw
from tests.hazards.catalogue import INPUTS, N, full, given, given_total, plainly, total, unchecked, unchecked_total
from tests.samples import MASK, SAMPLES, WEIGHT, Sample, gradient


def counted(criterion: nn.Module) -> tuple[Any, CompileCounter]:
    torch._dynamo.reset()
    counter = CompileCounter()
    return torch.compile(criterion, backend=counter, fullgraph=True), counter


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
@pytest.mark.parametrize("validate", [False, None])
def test_a_criterion_compiles_into_one_graph(sample: Sample, validate: bool | None) -> None:
    torch._dynamo.reset()
    options = {"validate": validate} if sample.takes_class_weight else {}
    criterion = full(sample, **options)
    y_pred, y_true = sample.batch(N)
    compiled = torch.compile(criterion, fullgraph=True, backend="eager")
    # The compiler has a path of its own through what is plain.
    found, expected = compiled(y_pred, y_true, WEIGHT, MASK), plainly(criterion)(y_pred, y_true, WEIGHT, MASK)
    assert torch.equal(found, expected)
    assert torch.equal(gradient(found, y_pred), gradient(expected, y_pred))


@pytest.mark.parametrize("sample", [one for one in INPUTS if one.name not in ("ctc", "function")], ids=str)
def test_at_most_two_graphs_for_any_batch_size(sample: Sample) -> None:
    torch._dynamo.reset()
    counter = CompileCounter()
    compiled = torch.compile(unchecked(sample), backend=counter, fullgraph=True)
    y_pred, y_true = given(sample)
    for size in (4, 3, 2):
        compiled(y_pred.detach()[:size], y_true[:size])
    for times in (2, 3, 4):
        compiled(torch.cat([y_pred.detach()] * times), torch.cat([y_true] * times))
    assert counter.frame_count <= 2


def test_at_most_two_graphs_of_a_total_for_any_batch_size() -> None:
    compiled, counter = counted(unchecked_total())
    y, t = given_total()
    for size in (4, 3, 2):
        compiled(*({name: one[:size].detach() for name, one in given.items()} for given in (y, t)))
    for times in (2, 3, 4):
        compiled(*({name: torch.cat([one.detach()] * times) for name, one in given.items()} for given in (y, t)))
    assert counter.frame_count <= 2


def test_weights_that_change_compile_nothing() -> None:
    torch._dynamo.reset()
    counter = CompileCounter()
    criterion = total()
    compiled = torch.compile(criterion, backend=counter)
    y, t = given_total()
    compiled(y, t)
    before = counter.frame_count
    for weight in (0.1, 0.7, 3.0):
        criterion.set_loss_weights({"a": [1.0, weight], "b": 0.25})
        torch.testing.assert_close(compiled(y, t), criterion(y, t))
    assert counter.frame_count == before


LEARNED = [one for one in SAMPLES if one.takes_class_weight and one.shape == (3,)]


@pytest.mark.parametrize("sample", LEARNED, ids=str)
def test_class_weights_that_learn_compile_nothing(sample: Sample) -> None:
    table = nn.Parameter(torch.ones(3))
    criterion, (y_pred, y_true) = unchecked(sample, class_weight=table), given(sample)
    compiled, counter = counted(criterion)
    found = []
    for weights in ([1.0, 1.0, 1.0], [0.1, 2.0, 3.0], [5.0, 0.0, 1.0]):
        with torch.no_grad():
            table.copy_(torch.tensor(weights))
        found.append(compiled(y_pred, y_true))
        torch.testing.assert_close(found[-1], criterion(y_pred, y_true))
    assert counter.frame_count == 1 and not torch.equal(found[0], found[1])


@pytest.mark.parametrize("sample", LEARNED, ids=str)
def test_class_weights_written_in_place_compile_nothing(sample: Sample) -> None:
    """They lie in buffers: another table of the same criterion is no other graph."""
    criterion, (y_pred, y_true) = unchecked(sample, class_weight=[1.0, 2.0, 3.0]), given(sample)
    compiled, counter = counted(criterion)
    before = compiled(y_pred, y_true)
    criterion.class_weight_values.copy_(torch.tensor([3.0, 0.5, 2.0]))
    after = compiled(y_pred, y_true)
    torch.testing.assert_close(after, unchecked(sample, class_weight=[3.0, 0.5, 2.0])(y_pred, y_true))
    assert counter.frame_count == 1 and not torch.equal(before, after)


def test_sample_weights_and_masks_that_change_compile_nothing() -> None:
    criterion, (y, t) = total(), given_total()
    compiled, counter = counted(criterion)
    for seed in range(4):
        generator = torch.Generator().manual_seed(seed)
        weight = {name: torch.rand(N, generator=generator) for name in "ab"}
        mask = {name: torch.rand(N, generator=generator) > 0.4 for name in "ab"}
        torch.testing.assert_close(compiled(y, t, weight, mask), criterion(y, t, weight, mask))
    assert counter.frame_count == 1


def test_a_gamma_costs_one_graph_at_most() -> None:
    gammas = (0.5, 2.0, 5.0)
    torch._dynamo.reset()
    counter = CompileCounter()
    p, t = torch.randn(N, 3), torch.ones(N, 3)
    for gamma in gammas:
        criterion = unchecked(tw.BinaryFocalCrossentropy, from_logits=True, axis=-1, gamma=gamma)
        compiled = torch.compile(criterion, backend=counter, fullgraph=True)
        for _ in range(3):
            torch.testing.assert_close(compiled(p, t), criterion(p, t))
    assert counter.frame_count <= len(gammas)


@pytest.mark.negative_control
def test_a_python_number_that_changes_fails_this() -> None:
    torch._dynamo.reset()
    counter = CompileCounter()

    class Plain(nn.Module):
        weight = 1.0

        def forward(self, p: Any) -> Any:
            return p * self.weight

    plain = Plain()
    compiled = torch.compile(plain, backend=counter)
    for weight in (1.0, 2.0, 3.0):
        plain.weight = weight
        compiled(torch.ones(2))
    assert counter.frame_count > 1
