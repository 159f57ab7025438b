"""A misuse is a typed error of one line that names the argument and the way out, and changes no state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest
import torch
from torch.nn import functional as F

import torchweights as tw
from tests.misuse.case import EYE, LABELS, ONES, ZEROS, Misuse, call
from tests.misuse.catalogue import AGAIN, CASES
from tests.misuse.judgement import MEDIAN, cause_told, faults, raised
from tests.misuse.measure import measured
from tests.misuse.state import Before, criterion_of, good_loss, of

EVERY = [pytest.param(misuse, id=misuse.cause) for misuse in (*CASES, *AGAIN)]


@pytest.mark.parametrize("misuse", EVERY)
def test_a_misuse_is_a_typed_error_that_names_the_argument_and_the_way_out(misuse: Misuse) -> None:
    assert not faults(misuse, raised(misuse))


@pytest.mark.parametrize("misuse", EVERY)
def test_a_misuse_changes_no_state(misuse: Misuse) -> None:
    before = Before.the(misuse)
    assert raised(misuse) is not None
    assert not before.changes(misuse)


def test_what_a_criterion_computes_afterwards_is_asked_of_all_that_compute() -> None:
    called = {misuse.cause: criterion_of(misuse) for misuse in (*CASES, *AGAIN)}
    criteria = {cause: one for cause, one in called.items() if one is not None}
    assert len(criteria) > 130
    never = {cause for cause, one in criteria.items() if good_loss(one) is None}
    assert never == {
        "a function that returns nothing",
        "the batch as axis of the classes",
        "a loss without a reduction",
        "a penalty without a return",
        "a penalty of many numbers",
        "outputs nested otherwise",
    }


def told(misuse: Misuse) -> tuple[str, str]:
    return cause_told(misuse.argument, str(raised(misuse)))


def test_no_two_misuses_have_one_cause() -> None:
    by_cause = defaultdict(list)
    for misuse in CASES:
        by_cause[told(misuse)].append(misuse.cause)
    assert {cause: names for cause, names in by_cause.items() if len(names) > 1} == {}


def test_what_is_misused_again_has_a_cause_that_is_counted() -> None:
    counted = {told(misuse) for misuse in CASES}
    assert not [misuse.cause for misuse in AGAIN if told(misuse) not in counted]
    names = [misuse.cause for misuse in (*CASES, *AGAIN)]
    assert len(set(names)) == len(names)


def test_there_are_enough_of_them_and_their_messages_are_short() -> None:
    found = measured()
    assert found.cases == found.causes == found.detected == found.helpful == len(CASES) >= 200
    assert found.changed_state == 0
    assert found.median_length == median(len(str(raised(misuse))) for misuse in CASES) <= MEDIAN


# ----------------------------------------------------------------------------------------------- the checks can fail


def refusing(message: str, kind: type[Exception] = ValueError) -> Callable[..., None]:
    def refuse(*given: Any) -> None:
        raise kind(message)

    return refuse


GOOD = "weight expected 2 numbers; received 3. Give one for each class."


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("invalid argument, of which nothing is said", "does not name weight"),
        (GOOD.replace("weight", "class_weight"), "does not name weight"),
        (GOOD.replace("received 3", "that is wrong"), "does not say what came"),
        (GOOD.replace("Give", "Use"), "lacks 'Give one"),
        (GOOD.replace("2 numbers", "some"), "lacks '2 numbers'"),
        (GOOD.replace(". ", ".\n"), "is more than one line"),
        (GOOD + " " * 400, "has 463 characters"),
    ],
)
def test_a_vague_message_is_found(message: str, fault: str) -> None:
    misuse = Misuse("vague", call(refusing(message)), ValueError, "weight", "Give one for each class", ("2 numbers",))
    assert any(one.startswith(fault) for one in faults(misuse, raised(misuse)))
    assert not faults(misuse, ValueError(GOOD))


@pytest.mark.parametrize("kind", [RuntimeError, TypeError, UnicodeError, None])
def test_an_error_of_another_type_is_found_and_silence_too(kind: type[Exception] | None) -> None:
    # UnicodeError is a ValueError, and still another type.
    misuse = Misuse("typed", call(refusing(GOOD, kind)) if kind else list, ValueError, "weight", "Give")
    assert faults(misuse, raised(misuse))[0].startswith("expected ValueError, received")


#: what torch itself says of misuses that are among the cases
OF_TORCH: dict[str, Callable[[], Any]] = {
    "a label too large": lambda: F.cross_entropy(ZEROS, torch.tensor([1, 7])),
    "binary logits as probabilities": lambda: F.binary_cross_entropy(3 * ONES[:1, :1], ONES[:1, :1]),
    "targets of another shape": lambda: F.mse_loss(ONES, ONES.T),
    "a list too short": lambda: F.cross_entropy(ZEROS, LABELS, weight=torch.ones(2)),
    "one-hot targets of another batch": lambda: F.cross_entropy(ZEROS, torch.eye(3)),
    "a list of targets": lambda: F.mse_loss(ONES, [1, 2]),
    "text as label_smoothing": lambda: F.cross_entropy(ZEROS, LABELS, label_smoothing="0.1"),
}


@pytest.mark.parametrize("cause", OF_TORCH)
def test_the_errors_of_torch_do_not_do(cause: str) -> None:
    (misuse,) = (one for one in CASES if one.cause == cause)
    theirs = Misuse(cause, OF_TORCH[cause], misuse.error, misuse.argument, misuse.way_out)
    error = raised(theirs)
    assert error is not None
    assert faults(theirs, error)
    # Nor would they if their type were right.
    assert faults(theirs, misuse.error(str(error)))


def spoiling(spoil: Callable[[tw.MeanSquaredError, torch.Tensor], object]) -> Misuse:
    def spoiled(self: torch.nn.Module, *given: Any) -> None:
        spoil(self, given[0])  # type: ignore[arg-type]
        raise ValueError(GOOD)

    criterion = type("Spoiled", (tw.MeanSquaredError,), {"spoiled": spoiled})()
    return Misuse("spoiled", call(criterion.spoiled, ONES.clone(), EYE), ValueError, "weight", "Give")


SPOILS: dict[str, Callable[[Any, torch.Tensor], object]] = {
    "a number of an input": lambda criterion, given: given.add_(1),
    "the same number written again": lambda criterion, given: given.copy_(given.clone()),
    "an input that requires grad": lambda criterion, given: given.requires_grad_(),
    "an attribute": lambda criterion, given: setattr(criterion, "reduction", "sum"),
    "an attribute more": lambda criterion, given: setattr(criterion, "seen", 1),
    "a buffer": lambda criterion, given: criterion.register_buffer("kept", torch.ones(1), persistent=False),
    "training": lambda criterion, given: criterion.eval(),
    "random numbers": lambda criterion, given: torch.rand(1),
    "gradients": lambda criterion, given: torch.set_grad_enabled(False),
    "default dtype": lambda criterion, given: torch.set_default_dtype(torch.float64),
    "matmul": lambda criterion, given: torch.set_float32_matmul_precision("medium"),
}


@pytest.fixture
def _torch_as_it_was() -> Any:
    generator, precision = torch.get_rng_state(), torch.get_float32_matmul_precision()
    yield
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)
    torch.set_float32_matmul_precision(precision)
    torch.set_rng_state(generator)


@pytest.mark.usefixtures("_torch_as_it_was")
@pytest.mark.parametrize("name", SPOILS)
def test_a_call_that_changes_state_is_found(name: str) -> None:
    misuse = spoiling(SPOILS[name])
    before = Before.the(misuse)
    assert not faults(misuse, raised(misuse))
    assert before.changes(misuse)
    assert not measured([spoiling(lambda criterion, given: None)]).changed_state


def test_what_is_seen_of_a_thing_is_all_of_it() -> None:
    assert of([ONES, {"a": ZEROS}]) == of([ONES, {"a": ZEROS}])
    assert of([ONES, {"a": ZEROS}]) != of([ONES, {"a": -ZEROS}])
    assert of(ONES.to_sparse()) != of(ZEROS.to_sparse())
    assert of(tw.MeanSquaredError(axis=())) != of(tw.MeanSquaredError())
    assert of(call(tw.get, "mse")) != of(call(tw.get, "mae"))


def test_two_causes_of_one_kind_are_told_to_be_one() -> None:
    one = call(tw.Huber, delta=-1), call(tw.Huber, delta=-2.5)
    assert len({told(Misuse("", each, ValueError, "delta", "")) for each in one}) == 1
    other = call(tw.Huber, delta=-1), call(tw.Huber, delta="1")
    assert len({told(Misuse("", each, ValueError, "delta", "")) for each in other}) == 2
