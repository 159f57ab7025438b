"""A misuse is a typed error of one line that names the argument and the way out, and changes no state."""

from __future__ import annotations

from collections import defaultdict
from statistics import median

import pytest

from tests.misuse.case import Misuse
from tests.misuse.catalogue import AGAIN, CASES
from tests.misuse.judgement import MEDIAN, cause_told, faults, raised
from tests.misuse.measure import measured
from tests.misuse.state import Before

EVERY = [pytest.param(misuse, id=misuse.cause) for misuse in (*CASES, *AGAIN)]


@pytest.mark.parametrize("misuse", EVERY)
def test_a_misuse_is_a_typed_error_that_names_the_argument_and_the_way_out(misuse: Misuse) -> None:
    assert not faults(misuse, raised(misuse))


@pytest.mark.parametrize("misuse", EVERY)
def test_a_misuse_changes_no_state(misuse: Misuse) -> None:
    before = Before.the(misuse)
    assert raised(misuse) is not None
    assert not before.changes(misuse)


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
    assert found.cases == found.causes == found.detected == found.helpful == len(CASES)
    assert found.changed_state == 0
    assert found.median_length == median(len(str(raised(misuse))) for misuse in CASES) <= MEDIAN
