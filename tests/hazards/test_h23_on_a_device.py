"""H23 on a device: denominators, functions, totals and the losses of TensorFlow 1 wait for nothing, and differ in no bit (P23)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests import tf1_samples
from tests.device_cells import KNOWN_WAITS, ROWS, bits, fresh, loss_and_gradients, outcome
from tests.hazards.catalogue import INPUTS, N, batch, built
from tests.pretend_device import watch
from tests.samples import BY_NAME, MASK, WEIGHT, Sample

EVERY = pytest.mark.parametrize("sample", INPUTS, ids=str)
trap = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")


def with_denominator(sample: Sample, row: str, weight: Any, mask: Any, place: torch.device | str) -> Any:
    criterion = built(sample, semantics=row)
    outcome(criterion, fresh((*batch(sample, {}), weight, mask), place))  # tables travel once
    y_pred, y_true, weight, mask = fresh((*batch(sample, {}), weight, mask), place)
    with watch() as seen:
        try:
            part = criterion.denominator(y_true, weight, mask, y_pred_shape=y_pred.shape)
            found = loss_and_gradients(criterion, (y_pred, y_true, weight, mask), denominator=part + part)
        except (ValueError, TypeError) as error:
            return str(error)
    assert not seen.uploads
    assert set(seen.waits) == (KNOWN_WAITS.get(sample.kind, set()) if seen.operations else set())
    return bits(found)


@EVERY
@pytest.mark.parametrize("row", ROWS)
@trap
def test_a_denominator_does_not_wait_either(sample: Sample, row: str, pretend: torch.device) -> None:
    expected = with_denominator(sample, row, WEIGHT, MASK, "cpu")
    assert with_denominator(sample, row, WEIGHT, MASK, pretend) == expected


@EVERY
@pytest.mark.parametrize("row", ROWS)
@trap
def test_a_denominator_of_targets_alone_does_not_wait_either(sample: Sample, row: str, pretend: torch.device) -> None:
    expected = with_denominator(sample, row, None, None, "cpu")
    assert with_denominator(sample, row, None, None, pretend) == expected


@trap
def test_functions_do_not_wait(pretend: torch.device) -> None:
    values, weight, mask = torch.rand(N, 2), WEIGHT, MASK
    p, t = torch.rand(2, 2, 2, 3), torch.tensor([[[0, 1], [255, 2]], [[2, 2], [1, 255]]])
    moved = [one.to(pretend) for one in (values, weight, mask, p, t)]

    def all_of(values: Tensor, weight: Tensor, mask: Tensor, p: Tensor, t: Tensor) -> list[Tensor | None]:
        found: list[Tensor | None] = [
            tw.reduce_weighted_values(values, weight, mask),
            tw.reduce_weighted_values(values, weight, semantics="keras2.2.4"),
        ]
        return [*found, *tw.blank_pixels(p, t, void=255), tw.labelled_pixels(t, 255)]

    with watch() as seen:
        found = all_of(*moved)
    assert not (seen.waits or seen.uploads)
    assert bits(found) == bits(all_of(values, weight, mask, p, t))
    labels = torch.tensor([0, 1, 2])
    assert bits([tw.class_weight_to_sample_weights(labels.to(pretend), [1.0, 2.0, 3.0])]) == bits(
        [tw.class_weight_to_sample_weights(labels, [1.0, 2.0, 3.0])]
    )
    with watch() as seen:
        assert bits(list(tw.mask_pixels(*moved[3:], void=255))) == bits(list(tw.mask_pixels(p, t, void=255)))
    assert seen.waits, "mask_pixels says that it waits"


@pytest.mark.parametrize("row", ["tf.losses1.12", "tf.losses1.15", "tf.losses2.0:eager"])
@pytest.mark.parametrize("name", tf1_samples.ALL)
def test_the_losses_of_tf1_do_neither(name: str, row: str, pretend: torch.device) -> None:
    def both(place: torch.device | str, **options: Any) -> Any:
        y_pred, y_true = tf1_samples.batch(name, torch.float32)
        y_pred, y_true = y_pred.detach().to(place).requires_grad_(), y_true.to(place)
        options = {key: one.to(place) if isinstance(one, Tensor) else one for key, one in options.items()}
        with watch() as seen:
            loss = tf1_samples.call(name, y_pred, y_true, semantics=row, **options)
            (gradient,) = torch.autograd.grad(loss.sum(), y_pred)
        assert not (seen.waits or seen.uploads), options
        return bits([loss, gradient])

    reductions = (
        [{}]
        if name == tf1_samples.PAIRWISE
        else [{"reduction": r} for r in ("weighted_mean", "none", "sum_by_nonzero_weights")]
    )
    for reduction in reductions:
        for weights in ({}, {"weights": 2.5}, {"weights": tf1_samples.per_sample(name).float()}):
            assert both(pretend, **reduction, **weights) == both("cpu", **reduction, **weights)


def test_a_total_loss_waits_for_nothing(pretend: torch.device) -> None:
    criterion = built(tw.CompiledLoss, ["mse", built(BY_NAME["sparse logits"])], [0.5, 2.0])
    p, t = batch(BY_NAME["sparse logits"], {})
    squares = torch.tensor([[1.0, -2.0], [0.5, 3.0], [0.0, 1.0], [2.0, 2.0]])

    def total(place: torch.device | str) -> list[Any]:
        leaves = [squares.to(place).requires_grad_(), p.detach().to(place).requires_grad_()]
        loss = criterion(leaves, [torch.zeros_like(leaves[0]).detach(), t.to(place)])
        return bits([loss, *torch.autograd.grad(loss, leaves)])

    expected = total("cpu")
    total(pretend)  # loss weights travel once
    with watch() as seen:
        found = total(pretend)
    assert found == expected
    assert not seen.waits
    given = [squares, p.detach()], [torch.zeros_like(squares), t]
    moved = [[one.to(pretend) for one in several] for several in given]
    assert tw.explain(criterion, *moved).total == pytest.approx(float(criterion(*given).detach()))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@EVERY
def test_nothing_waits_on_cuda(sample: Sample) -> None:
    given = fresh((*batch(sample, {}), WEIGHT, MASK), "cuda")
    criterion = built(sample)
    outcome(criterion, given)  # tables travel once
    torch.cuda.set_sync_debug_mode("error")
    try:
        loss_and_gradients(criterion, given)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.negative_control
def test_what_waits_on_a_device_is_seen(pretend: torch.device) -> None:
    values = torch.tensor([1.0, torch.nan]).to(pretend)
    with watch() as seen:
        values[values.isnan()] = 0.0
        float(values.sum())
        torch.ones(2).to(pretend)
    assert len(seen.waits) >= 2 and len(seen.uploads) == 1
