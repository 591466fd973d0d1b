"""Wrong codes: a guest who mistypes, or somebody who tries them all."""

from datetime import timedelta

import pytest

from gatewayd.domain.ids import LockId
from gatewayd.domain.keypad import SITE, attacked
from gatewayd.domain.moment import Now
from tests.unit.domain.builders import MINUTE, NOON, NOW

A, B, C = LockId("a"), LockId("b"), LockId("c")


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ({A: 9}, set()),  # three guests who mistype three times
        ({A: 10}, {A}),
        ({A: 9, B: 5}, set()),
        ({A: 9, B: 6}, {SITE}),
        ({A: 5, B: 5, C: 5}, {SITE}),
        ({A: 40, B: 3}, {A}),  # the other lock has to do with it no more than that
        ({A: 10, B: 9, C: 6}, {A, SITE}),
        ({}, set()),
    ],
)
def test_many_wrong_codes_at_a_lock_or_over_locks(
    counts: dict[LockId, int], found: set[str]
) -> None:
    """Suffering 28"""
    wrong = [
        (lock, NOON - n * timedelta(seconds=30)) for lock, c in counts.items() for n in range(c)
    ]
    assert attacked(wrong, (), NOW) == found


def test_wrong_codes_of_a_while_ago_do_not_count() -> None:
    wrong = [(A, NOON - 10 * MINUTE)] + [(A, NOON)] * 9
    assert attacked(wrong, (), NOW) == set()
    assert attacked(wrong, (), Now(NOON - MINUTE, NOON)) == {A}, "a clock in doubt forgets nothing"


@pytest.mark.parametrize(
    ("minutes", "standing", "found"),
    [
        (29, {A, B, SITE}, {A, SITE}),
        (30, {A, B, SITE}, set()),  # quiet
        (29, set(), set()),
    ],
)
def test_it_is_over_when_it_was_quiet_for_half_an_hour(
    minutes: int, standing: set[str], found: set[str]
) -> None:
    """Suffering 28: it does not come and go with each pause of the keypad."""
    assert attacked([(A, NOON - minutes * MINUTE)], standing, NOW) == found
