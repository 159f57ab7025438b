"""Every criterion on an accelerator, pretended where there is none: nothing mixes devices, nothing waits, no bit differs.

The device is ``tests/pretend_device.py``; that it notices what it should is tested in ``tests/test_pretend_device.py``.
"""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import torchweights as tw
from tests import tf1_samples
from tests.device_cells import Given, bits, cells, class_weights, fresh, loss_and_gradients, outcome
from tests.hazards.catalogue import INPUTS, N, batch
from tests.pretend_device import NAME, watch, without
from tests.samples import BY_NAME, Sample
from torchweights import precision

#: one of each kind of arithmetic: ours, torch's, and Keras's from oldest to newest
ROWS = ["torchweights", "torch", "keras2.2.4", "tf1.12", "tf2.2", "keras3.15"]
CRITERIA = [
    kind
    for name, kind in vars(tw).items()
    if inspect.isclass(kind) and issubclass(kind, tw.WeightedLoss) and kind is not tw.WeightedLoss and name[0] != "_"
]
EVERY = pytest.mark.parametrize("sample", INPUTS, ids=str)
trap = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")


@pytest.mark.parametrize("kind", CRITERIA, ids=lambda kind: kind.__name__)
def test_every_criterion_has_inputs_here(kind: type[tw.WeightedLoss]) -> None:
    known = any(sample.kind is kind for sample in INPUTS)
    assert known, (
        f"class {kind.__name__} has no inputs here: add a Sample to tests/samples.py, or to MORE in tests/device_cells.py"
    )


def test_criteria_are_found() -> None:
    assert len(CRITERIA) > 20


#: waits that are known: those of torch's own kernel, which reads the lengths of labels on the host
KNOWN_WAITS = {tw.CTC: {"copy to cpu", "_ctc_loss"}}


@EVERY
@pytest.mark.parametrize("row", ROWS)
@trap
def test_no_bit_differs_and_nothing_waits(sample: Sample, row: str, pretend: torch.device) -> None:
    wrong, computed, warm = [], 0, None
    for name, criterion, given in cells(sample, row):
        expected = outcome(criterion, fresh(given, "cpu"))
        if warm is not criterion:
            outcome(criterion, fresh(given, pretend))  # tables of class weights travel once
            warm = criterion
        moved = fresh(given, pretend)
        with watch() as seen:
            found = outcome(criterion, moved)
        computed += isinstance(expected, list)
        if found != expected:
            wrong.append(f"{name}: {found} where the CPU has {expected}")
        known = KNOWN_WAITS.get(sample.kind, set()) if isinstance(expected, list) else set()
        if set(seen.waits) != known or seen.uploads:
            wrong.append(f"{name}: waits for {seen.waits}, copies {seen.uploads}")
    assert not wrong, f"{len(wrong)} wrong:\n" + "\n".join(wrong[:8])
    assert computed


@EVERY
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_floats_differ_in_no_bit_either(sample: Sample, dtype: torch.dtype, pretend: torch.device) -> None:
    y_pred, y_true = batch(sample, {}, dtype)
    given = (y_pred, y_true, torch.tensor([0.5, 2.0, 0.0, 1.0]), torch.tensor([True, True, True, False]))
    criterion, moved = sample.criterion(), fresh(given, pretend)
    outcome(criterion, fresh(given, pretend))  # tables travel once
    with watch() as seen:
        assert outcome(criterion, moved) == outcome(criterion, fresh(given, "cpu"))
    assert not seen.uploads and set(seen.waits) == KNOWN_WAITS.get(sample.kind, set())


@EVERY
def test_under_autocast_nothing_is_left_to_it(sample: Sample, pretend: torch.device) -> None:
    given = (*batch(sample, {}), torch.tensor([0.5, 2.0, 0.0, 1.0]), None)
    criterion, moved = sample.criterion(), fresh(given, pretend)
    expected = bits([criterion(*fresh(given, "cpu"))])
    with torch.autocast(pretend.type, dtype=torch.bfloat16), watch() as seen:
        assert bits([criterion(*moved)]) == expected
    assert not seen.autocast


# --------------------------------------------------------------------------------------------------------- what stays behind

SPARSE = BY_NAME["sparse logits"]
WEIGHT, MASK = torch.tensor([0.5, 2.0, 0.0, 1.0]), torch.tensor([True, True, True, False])


def sparse_batch(weight: Any = WEIGHT, mask: Any = MASK) -> Given:
    return (*batch(SPARSE, {}), weight, mask)


CLASS_WEIGHTS: list[Any] = [
    pytest.param(lambda device: {0: 1.0, 1: 2.0, 2: 0.1}, id="dict"),
    pytest.param(lambda device: [1.0, 2.0, 0.1], id="list"),
    pytest.param(lambda device: torch.tensor([1.0, 2.0, 0.1]), id="tensor on the CPU"),
    pytest.param(lambda device: torch.tensor([1.0, 2.0, 0.1]).to(device), id="tensor on the device"),
]


@pytest.mark.parametrize("make", CLASS_WEIGHTS)
@pytest.mark.parametrize("row", ["torchweights", "torch"])
@pytest.mark.parametrize("moves", [False, True])
def test_class_weights_follow_whether_the_criterion_moves_or_not(
    make: Any, row: str, moves: bool, pretend: torch.device
) -> None:
    expected = outcome(SPARSE.criterion(semantics=row, class_weight=make("cpu")), fresh(sparse_batch(), "cpu"))
    criterion = SPARSE.criterion(semantics=row, class_weight=make(pretend))
    if moves:
        criterion = criterion.to(pretend)
        assert all(buffer.device == pretend for buffer in criterion.buffers())
    first, second = fresh(sparse_batch(), pretend), fresh(sparse_batch(), pretend)
    with watch() as seen:
        assert outcome(criterion, first) == expected
    assert not seen.waits and len(seen.uploads) == (0 if moves else 2)
    with watch() as seen:
        assert outcome(criterion, second) == expected
    assert not (seen.waits or seen.uploads), "tables travel once"
    assert outcome(criterion.cpu(), fresh(sparse_batch(), "cpu")) == expected


@pytest.mark.parametrize("name", ["binary logits", "binary", "categorical", "hinge on one label"])
def test_class_weights_of_other_kinds_follow(name: str, pretend: torch.device) -> None:
    (sample,) = (one for one in INPUTS if one.name == name)
    criterion = sample.criterion(class_weight=class_weights(sample))
    given = (*batch(sample, {}), WEIGHT, MASK)
    assert outcome(criterion, fresh(given, pretend)) == outcome(criterion, fresh(given, "cpu"))
    assert outcome(criterion.to(pretend), fresh(given, pretend)) == outcome(criterion.cpu(), fresh(given, "cpu"))


@pytest.mark.parametrize("row", ["torchweights", "torch"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_learned_class_weights_learn_on_the_device(row: str, smoothing: float, pretend: torch.device) -> None:
    def learned(place: torch.device | str) -> Any:
        table = nn.Parameter(torch.tensor([1.0, 2.0, 0.1]))
        criterion = SPARSE.criterion(semantics=row, class_weight=table, label_smoothing=smoothing).to(place)
        assert [one.device.type for one in criterion.parameters()] == [torch.device(place).type]
        given = fresh(sparse_batch(), place)
        with watch() as seen:
            loss = criterion(*given)
            loss.backward()
        assert not (seen.waits or seen.uploads)
        return bits([loss, given[0].grad, given[2].grad, *(one.grad for one in criterion.parameters())])

    assert learned(pretend) == learned("cpu")


def test_learned_class_weights_left_on_the_cpu_get_their_gradient_there(pretend: torch.device) -> None:
    table = nn.Parameter(torch.tensor([1.0, 2.0, 0.1]))
    SPARSE.criterion(class_weight=table)(*fresh(sparse_batch(), pretend)).backward()
    assert table.grad is not None and table.grad.device.type == "cpu" and table.grad.any()


@EVERY
def test_a_number_for_all_is_no_tensor_to_copy(sample: Sample, pretend: torch.device) -> None:
    given = (*batch(sample, {}), 2.5, None)
    criterion, moved = sample.criterion(), fresh(given, pretend)
    outcome(criterion, fresh(given, pretend))  # tables travel once
    with watch() as seen:
        assert outcome(criterion, moved) == outcome(criterion, fresh(given, "cpu"))
    assert not seen.uploads and set(seen.waits) == KNOWN_WAITS.get(sample.kind, set())


@EVERY
@pytest.mark.parametrize("moved", ["weight", "mask", "neither"])
def test_weights_and_masks_left_on_the_cpu_are_brought(sample: Sample, moved: str, pretend: torch.device) -> None:
    y_pred, y_true = batch(sample, {})
    criterion = sample.criterion()
    weight, mask = (
        (WEIGHT.to(pretend) if moved == "weight" else WEIGHT),
        (MASK.to(pretend) if moved == "mask" else MASK),
    )
    found = criterion(y_pred.to(pretend), y_true.to(pretend), weight, mask)
    assert bits([found]) == bits([criterion(y_pred, y_true, WEIGHT, MASK)])


@pytest.mark.parametrize(
    "sample", [one for one in INPUTS if one.kind is not tw.CTC], ids=str
)  # torch brings those itself
def test_targets_left_on_the_cpu_are_refused_as_torch_refuses_them(sample: Sample, pretend: torch.device) -> None:
    y_pred, y_true = batch(sample, {})
    with pytest.raises(RuntimeError, match="same device"):
        sample.criterion()(y_pred.to(pretend), y_true)


# ------------------------------------------------------------------------------------------------ denominators and functions


def with_denominator(sample: Sample, row: str, weight: Any, mask: Any, place: torch.device | str) -> Any:
    criterion = sample.criterion(semantics=row)
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


# ------------------------------------------------------------------------------------------------ devices without float64


@EVERY
@pytest.mark.parametrize("row", ROWS)
@trap
def test_a_device_without_float64_will_do(
    sample: Sample, row: str, pretend: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "WITHOUT_FLOAT64", {NAME})
    for name, criterion, given in cells(sample, row):
        with without(torch.float64):
            found = outcome(criterion, fresh(given, pretend))
        expected = outcome(criterion, fresh(given, "cpu"))
        assert isinstance(found, list) == isinstance(expected, list), f"{name}: {found}, on the CPU {expected}"


def test_a_criterion_moves_to_a_device_without_float64_and_back(
    pretend: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "WITHOUT_FLOAT64", {NAME})
    criterion = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight={0: 0.1, 1: 0.7})
    with without(torch.float64):
        criterion.to(pretend)
        criterion(torch.zeros(2, 2, device=pretend), torch.tensor([0, 1], device=pretend))
    assert criterion.cpu().class_weight_values.tolist() == [0.1, 0.7]


def test_a_total_loss_waits_for_nothing(pretend: torch.device) -> None:
    criterion = tw.CompiledLoss(["mse", SPARSE.criterion()], [0.5, 2.0])
    p, t = sparse_batch()[:2]
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
