"""What weighs a batch before there are values: a plain number where shapes decide D, what is hidden, and where counts live."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import torchweights as tw
from tests.samples import ROWS
from torchweights.alignment import by_rank
from torchweights.reduction import Weighed, coefficients, reduce, weigh

T = torch.tensor
CPU = torch.device("cpu")


def weighed(
    weight: Tensor | None = None, mask: Tensor | None = None, row: str = "torchweights", device: torch.device = CPU
) -> Weighed:
    """Two samples of two values each, in float32."""
    return weigh((2, 2), weight, mask, tw.semantics_for(row, door="loss"), torch.float32, device)


@pytest.mark.parametrize(
    ("row", "weight"),
    [("torchweights", None), ("torchweights", T([1.0, 3.0])), ("keras2.2.4", None), ("torch", None), ("tf1.12", None)],
)
def test_d_is_a_plain_number_where_shapes_alone_decide_it(row: str, weight: Tensor | None) -> None:
    """A tensor would have to be looked at, and that waits."""
    divisor = weighed(weight, row=row).divisor("sum_over_batch_size")
    assert isinstance(divisor, int) and divisor == 4


@pytest.mark.parametrize("row", ["keras2.2.4", "tf1.12"])
def test_d_is_counted_where_an_era_counts_weights(row: str) -> None:
    divisor = weighed(T([0.0, 3.0]), row=row).divisor("sum_over_batch_size")
    assert isinstance(divisor, Tensor) and divisor.item() == (2 if row == "keras2.2.4" else 6)


def test_nothing_is_hidden_where_no_weight_is_0() -> None:
    assert weighed(T([-1.0, 2.0])).included is None
    assert weighed(T([0.5, 2.0])).included is None
    hidden = weighed(T([-1.0, 0.0])).included
    assert hidden is not None and hidden.flatten().tolist() == [True, False]


@pytest.mark.parametrize("stand_in", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("tensor", [T([[3.0, 4.0], [5.0, 6.0]]), T([[3, 4], [5, 6]])], ids=["numbers", "labels"])
def test_what_is_hidden_becomes_the_harmless_number_that_was_asked_for(tensor: Tensor, stand_in: float) -> None:
    found = weighed(mask=T([[True, False], [False, True]])).hide(tensor, stand_in=stand_in)
    expected = stand_in if tensor.is_floating_point() else 0  # which is a class
    assert found.dtype == tensor.dtype and found.tolist() == [[3, expected], [expected, 6]]


def test_a_weight_beside_one_number_is_that_of_its_one_sample() -> None:
    met = by_rank((), T([3.0]), None)
    assert met.weight is not None and met.weight.tolist() == [3.0]
    with pytest.raises(ValueError, match=r"two ways|expected 1 samples"):
        by_rank((), T([3.0, 4.0]), None)


@pytest.mark.parametrize("row", ["torchweights", "keras2.2.5", "keras3.0"])
def test_counts_live_where_the_values_do(row: str, pretend: torch.device) -> None:
    weight, mask = T([[1.0], [3.0]], device=pretend), T([[True, False], [True, True]], device=pretend)
    for given in ({}, {"weight": weight}, {"mask": mask}, {"weight": weight, "mask": mask}):
        counts = weighed(**given, row=row, device=pretend).counts()
        assert {one.device.type for one in counts.each()} == {pretend.type}


def test_a_share_lives_where_the_values_do(pretend: torch.device) -> None:
    each = coefficients(weighed(device=pretend), "sum_over_batch_size", None, torch.float32)
    assert each is not None and each.device.type == pretend.type and each.cpu() == 0.25


def test_a_denominator_may_live_elsewhere(pretend: torch.device) -> None:
    far = T(8.0, device=pretend)
    each = coefficients(weighed(), "sum_over_batch_size", far, torch.float32)
    assert each is not None and each.device.type == "cpu" and each.item() == 0.125
    loss = reduce(torch.ones(2, 2), weighed(), "sum_over_batch_size", far)
    assert loss.device.type == "cpu" and loss.item() == 0.5


@pytest.mark.parametrize("given", [0.5, 8.0])
def test_where_nobody_can_look_a_denominator_is_divided_by_as_elsewhere(
    given: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torchweights.validation.can_look", lambda tensor: False)
    each = coefficients(weighed(), "sum_over_batch_size", T(given, dtype=torch.float64), torch.float32)
    assert each is not None and each.dtype == torch.float32 and each.item() == 1 / given


@pytest.mark.parametrize("float64", [True, False], ids=["with float64", "without float64"])
def test_weights_are_added_up_in_what_their_device_has(
    float64: bool, pretend: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torchweights.precision.WITHOUT_FLOAT64", set() if float64 else {pretend.type})
    found = {row: weighed(T([[1.0], [3.0]], device=pretend), row=row, device=pretend).weights for row in ROWS}
    assert {one.dtype for one in found.values()} == {torch.float64 if float64 else torch.float32}


def test_weights_per_sample_count_for_all_that_tensorflow_1_14_averages_to_meet_them() -> None:
    bare = tw.semantics_for("tf1.14", door="loss")
    given: dict[str, Any] = {"sample_weight": T([1.0, 3.0]), "semantics": bare, "reduction": "mean_with_sample_weight"}
    assert tw.reduce_weighted_values(torch.ones(2, 3, 4), **given).item() == 1


@pytest.mark.parametrize("row", ["tf1.12:loss", "tf1.14"])
def test_ignored_pixels_beside_a_mask_of_samples_where_values_are_averaged_to_meet_it(row: str) -> None:
    labels, mask = T([[[0, 255], [1, 1]], [[0, 1], [1, 255]]]), T([True, False])
    options: dict[str, Any] = {"from_logits": True, "ignore_class": 255, "reduction": "sum"}
    found = tw.SparseCategoricalCrossentropy(**options, semantics=row)(torch.zeros(2, 2, 2, 2), labels, mask=mask)
    assert found.item() == pytest.approx(3 * math.log(2))


def test_a_mask_of_one_place_that_hides_it_divides_by_something_in_keras_2_2_5() -> None:
    nothing: dict[str, Any] = {"sample_weight": torch.ones(1), "mask": T([False])}
    assert tw.reduce_weighted_values(torch.ones(1), **nothing, semantics="keras2.2.5").item() == 0
    assert tw.reduce_weighted_values(torch.ones(1), **nothing, semantics="keras2.2.4").isnan()
