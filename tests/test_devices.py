"""Every criterion on an accelerator, pretended where there is none: nothing mixes devices, nothing waits, no bit differs.

The device is ``tests/pretend_device.py``; that it notices what it should is tested in ``tests/test_pretend_device.py``.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import torchweights as tw
from tests import pretend_device
from tests.pretend_device import numbers, watch
from tests.samples import BY_NAME, SAMPLES, Sample

N = 4
#: one of each kind of arithmetic: ours, torch's, and Keras's from oldest to newest
ROWS = ["torchweights", "torch", "keras2.2.4", "tf1.12", "tf2.2", "keras3.15"]
CRITERIA = [
    kind
    for name, kind in vars(tw).items()
    if inspect.isclass(kind) and issubclass(kind, tw.WeightedLoss) and kind is not tw.WeightedLoss and name[0] != "_"
]


def _numbers(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator)


def _two_labels(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(1, shape[-1], (shape[0], 2), generator=generator)


def _groups(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.arange(shape[0]) % 2


def _bits(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(2, shape, generator=generator).float()


#: what ``tests/samples.py`` has not, because its tests want a value per sample and weights that act on it alone
MORE = [
    Sample("ctc", tw.CTC, (6, 4), _numbers, _two_labels),
    Sample("circle", tw.Circle, (3,), _numbers, _groups),
    Sample("dice of all", tw.Dice, (2, 3), _numbers, _bits),
    Sample("tversky of all", tw.Tversky, (2, 3), _numbers, _bits),
]
INPUTS = [*SAMPLES, *MORE]
EVERY = pytest.mark.parametrize("sample", INPUTS, ids=str)
trap = pytest.mark.filterwarnings("ignore::torchweights.KerasTrapWarning")


@pytest.fixture(scope="module")
def device() -> torch.device:
    reason = pretend_device.why_not()
    if reason is not None:
        pytest.skip(f"no pretend device: {reason}")
    return pretend_device.device()


@pytest.mark.parametrize("kind", CRITERIA, ids=lambda kind: kind.__name__)
def test_every_criterion_has_inputs_here(kind: type[tw.WeightedLoss]) -> None:
    known = any(sample.kind is kind for sample in INPUTS)
    assert known, f"class {kind.__name__} has no inputs here: add a Sample to tests/samples.py, or to MORE in this file"


def test_criteria_are_found() -> None:
    assert len(CRITERIA) > 20


# ------------------------------------------------------------------------------------------------------ one loss, both devices


def batch(sample: Sample, options: dict[str, Any], dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    y_pred, y_true = sample.batch(N, dtype=dtype)
    y_pred = y_pred.detach()
    if options.get("from_logits", sample.options.get("from_logits")) is False and (y_pred < 0).any():
        y_pred = y_pred.sigmoid()
    return y_pred, y_true


Given = tuple[Tensor, Tensor, Any, Any]


def fresh(given: Given, device: torch.device | str) -> Given:
    """Leaves on the device; what is floating point requires grad, but for the targets."""
    y_pred, y_true, weight, mask = (one.detach().to(device) if isinstance(one, Tensor) else one for one in given)
    if isinstance(weight, Tensor) and weight.is_floating_point():
        weight.requires_grad_()
    return y_pred.requires_grad_(), y_true, weight, mask


def loss_and_gradients(criterion: Any, given: Given, **more: Any) -> list[Tensor | None]:
    """The loss, and its derivatives to predictions and sample weights."""
    loss = criterion(*given, **more)
    leaves = [one for one in given if isinstance(one, Tensor) and one.requires_grad]
    found = torch.autograd.grad(loss, leaves, loss.detach() + 1, allow_unused=True)
    assert found[0] is not None
    return [loss, *found]


def bits(tensors: list[Tensor | None]) -> list[Any]:
    """Numbers to the last bit, NaN equal to itself."""
    shown = [
        t.detach() if t is None or t.device.type == "cpu" else numbers(t.detach()) for t in tensors if t is not None
    ]
    return [(t is None) for t in tensors] + [(t.dtype, tuple(t.shape), t.tolist().__repr__()) for t in shown]


def outcome(criterion: Any, given: Given) -> Any:
    """Bits, or how it refuses."""
    try:
        return bits(loss_and_gradients(criterion, given))
    except (ValueError, TypeError) as error:
        return type(error), str(error)


def weights(values: Tensor) -> Iterator[tuple[str, Tensor | None]]:
    yield "no weight", None
    yield "per sample", torch.tensor([0.5, 2.0, 0.0, 1.0])
    if values.ndim != 1:
        yield "full", torch.arange(values.numel()).reshape(values.shape) % 5 / 4


def masks(values: Tensor) -> Iterator[tuple[str, Tensor | None]]:
    yield "no mask", None
    yield "per sample", torch.tensor([True, True, True, False])
    yield "full, of integers", (torch.arange(values.numel()).reshape(values.shape) + 1) % 4


def class_weights(sample: Sample) -> dict[int, float]:
    """A weight for each label there is; nothing for targets that are no labels."""
    _, y_true = sample.batch(N)
    if "ategorical" in sample.kind.__name__:
        return {label: 1 / (label + 3) for label in range(3)}
    labels = y_true.unique().tolist()
    return {int(label): 1 / (label + 3) for label in labels} if set(labels) <= {-1, 0, 1} else {}


def variants(sample: Sample, row: str) -> Iterator[dict[str, Any]]:
    """Options: reductions x class weights in the default row, all else one at a time."""
    takes = inspect.signature(sample.kind).parameters
    table = class_weights(sample) if "class_weight" in takes else {}
    reductions = ["sum_over_batch_size", "mean_with_sample_weight", "sum", "none"]
    if row == "torchweights":
        for reduction, given in itertools.product(reductions, [None, table] if table else [None]):
            yield {"reduction": reduction, **({"class_weight": given} if given else {})}
    else:
        yield from ({"reduction": reduction} for reduction in reductions[:2])
        yield from [{"class_weight": table}] if table and "from_logits" not in takes else []
    if "from_logits" in takes:
        yield from ({"from_logits": value, "class_weight": table or None} for value in (True, False, "rescued"))
    for name, value in (("label_smoothing", 0.1), ("ignore_class", 1), ("axis", ())):
        if name in takes:
            yield {name: value, "class_weight": table} if table else {name: value}
    flags = [name for name, one in takes.items() if isinstance(one.default, bool)]
    yield from ({name: not takes[name].default} for name in flags)


def cells(sample: Sample, row: str) -> Iterator[tuple[str, tw.WeightedLoss, Given]]:
    """Every cell that this row lets a criterion be built for: what it is called, the criterion, what it is given."""
    for options in variants(sample, row):
        try:
            criterion = sample.criterion(semantics=row, **options)
            plain = sample.criterion(semantics=row, **{**options, "reduction": "none"})
            y_pred, y_true = batch(sample, options)
            values = plain(y_pred, y_true)
        except (ValueError, TypeError):
            continue
        for (weight_name, weight), (mask_name, mask) in itertools.product(weights(values), masks(values)):
            yield f"{options}, weight {weight_name}, mask {mask_name}", criterion, (y_pred, y_true, weight, mask)


#: waits that are known: those of torch's own kernel, which reads the lengths of labels on the host
KNOWN_WAITS = {tw.CTC: {"copy to cpu", "_ctc_loss"}}


@EVERY
@pytest.mark.parametrize("row", ROWS)
@trap
def test_no_bit_differs_and_nothing_waits(sample: Sample, row: str, device: torch.device) -> None:
    wrong, computed, warm = [], 0, None
    for name, criterion, given in cells(sample, row):
        expected = outcome(criterion, fresh(given, "cpu"))
        if warm is not criterion:
            outcome(criterion, fresh(given, device))  # tables of class weights travel once
            warm = criterion
        moved = fresh(given, device)
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
def test_other_floats_differ_in_no_bit_either(sample: Sample, dtype: torch.dtype, device: torch.device) -> None:
    y_pred, y_true = batch(sample, {}, dtype)
    given = (y_pred, y_true, torch.tensor([0.5, 2.0, 0.0, 1.0]), torch.tensor([True, True, True, False]))
    criterion, moved = sample.criterion(), fresh(given, device)
    with watch() as seen:
        assert outcome(criterion, moved) == outcome(criterion, fresh(given, "cpu"))
    assert not seen.uploads and set(seen.waits) == KNOWN_WAITS.get(sample.kind, set())


@EVERY
def test_under_autocast_nothing_is_left_to_it(sample: Sample, device: torch.device) -> None:
    given = (*batch(sample, {}), torch.tensor([0.5, 2.0, 0.0, 1.0]), None)
    criterion, moved = sample.criterion(), fresh(given, device)
    expected = bits([criterion(*fresh(given, "cpu"))])
    with torch.autocast(device.type, dtype=torch.bfloat16), watch() as seen:
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
    make: Any, row: str, moves: bool, device: torch.device
) -> None:
    expected = outcome(SPARSE.criterion(semantics=row, class_weight=make("cpu")), fresh(sparse_batch(), "cpu"))
    criterion = SPARSE.criterion(semantics=row, class_weight=make(device))
    if moves:
        criterion = criterion.to(device)
        assert all(buffer.device == device for buffer in criterion.buffers())
    first, second = fresh(sparse_batch(), device), fresh(sparse_batch(), device)
    with watch() as seen:
        assert outcome(criterion, first) == expected
    assert not seen.waits and len(seen.uploads) == (0 if moves else 2)
    with watch() as seen:
        assert outcome(criterion, second) == expected
    assert not (seen.waits or seen.uploads), "tables travel once"
    assert outcome(criterion.cpu(), fresh(sparse_batch(), "cpu")) == expected


@pytest.mark.parametrize("name", ["binary logits", "binary", "categorical", "hinge on one label"])
def test_class_weights_of_other_kinds_follow(name: str, device: torch.device) -> None:
    sample = BY_NAME.get(name) or Sample(name, tw.Hinge, (1,), _numbers, _bits)
    criterion = sample.criterion(class_weight=class_weights(sample))
    given = (*batch(sample, {}), WEIGHT, MASK)
    assert outcome(criterion, fresh(given, device)) == outcome(criterion, fresh(given, "cpu"))
    assert outcome(criterion.to(device), fresh(given, device)) == outcome(criterion.cpu(), fresh(given, "cpu"))


@pytest.mark.parametrize("row", ["torchweights", "torch"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_learned_class_weights_learn_on_the_device(row: str, smoothing: float, device: torch.device) -> None:
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

    assert learned(device) == learned("cpu")


def test_learned_class_weights_left_on_the_cpu_get_their_gradient_there(device: torch.device) -> None:
    table = nn.Parameter(torch.tensor([1.0, 2.0, 0.1]))
    SPARSE.criterion(class_weight=table)(*fresh(sparse_batch(), device)).backward()
    assert table.grad is not None and table.grad.device.type == "cpu" and table.grad.any()


@EVERY
def test_a_number_for_all_is_no_tensor_to_copy(sample: Sample, device: torch.device) -> None:
    given = (*batch(sample, {}), 2.5, None)
    criterion, moved = sample.criterion(), fresh(given, device)
    with watch() as seen:
        assert outcome(criterion, moved) == outcome(criterion, fresh(given, "cpu"))
    assert not seen.uploads and set(seen.waits) == KNOWN_WAITS.get(sample.kind, set())


@EVERY
@pytest.mark.parametrize("moved", ["weight", "mask", "neither"])
def test_weights_and_masks_left_on_the_cpu_are_brought(sample: Sample, moved: str, device: torch.device) -> None:
    y_pred, y_true = batch(sample, {})
    criterion = sample.criterion()
    weight, mask = (WEIGHT.to(device) if moved == "weight" else WEIGHT), (MASK.to(device) if moved == "mask" else MASK)
    found = criterion(y_pred.to(device), y_true.to(device), weight, mask)
    assert bits([found]) == bits([criterion(y_pred, y_true, WEIGHT, MASK)])


@pytest.mark.parametrize(
    "sample", [one for one in INPUTS if one.kind is not tw.CTC], ids=str
)  # torch brings those itself
def test_targets_left_on_the_cpu_are_refused_as_torch_refuses_them(sample: Sample, device: torch.device) -> None:
    y_pred, y_true = batch(sample, {})
    with pytest.raises(RuntimeError, match="same device"):
        sample.criterion()(y_pred.to(device), y_true)


# ------------------------------------------------------------------------------------------------ denominators and functions


def with_denominator(sample: Sample, row: str, weight: Any, mask: Any, place: torch.device | str) -> Any:
    criterion = sample.criterion(semantics=row)
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
def test_a_denominator_does_not_wait_either(sample: Sample, row: str, device: torch.device) -> None:
    expected = with_denominator(sample, row, WEIGHT, MASK, "cpu")
    assert with_denominator(sample, row, WEIGHT, MASK, device) == expected


@EVERY
@pytest.mark.parametrize("row", ROWS)
@trap
def test_a_denominator_of_targets_alone_does_not_wait_either(sample: Sample, row: str, device: torch.device) -> None:
    expected = with_denominator(sample, row, None, None, "cpu")
    assert with_denominator(sample, row, None, None, device) == expected


@trap
def test_functions_do_not_wait(device: torch.device) -> None:
    values, weight, mask = torch.rand(N, 2), WEIGHT, MASK
    p, t = torch.rand(2, 2, 2, 3), torch.tensor([[[0, 1], [255, 2]], [[2, 2], [1, 255]]])
    moved = [one.to(device) for one in (values, weight, mask, p, t)]

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
    assert bits([tw.class_weight_to_sample_weights(labels.to(device), [1.0, 2.0, 3.0])]) == bits(
        [tw.class_weight_to_sample_weights(labels, [1.0, 2.0, 3.0])]
    )
    with watch() as seen:
        assert bits(list(tw.mask_pixels(*moved[3:], void=255))) == bits(list(tw.mask_pixels(p, t, void=255)))
    assert seen.waits, "mask_pixels says that it waits"
