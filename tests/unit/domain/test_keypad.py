"""Wrong codes: a guest who mistypes, or somebody who tries them all."""

from datetime import timedelta

import pytest

from gatewayd.domain.ids import LockId
from gatewayd.domain.keypad import SITE, attacked, unexplained
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


@pytest.mark.parametrize(
    ("ended", "typed", "left"),
    [
        (None, 3, 0),  # it is under way
        (None, 5, 2),  # whoever comes after
        (3, 3, 0),  # typed on, for the door stays shut
        (0, 3, 0),
        (-10, 3, 3),  # a while after it ended
    ],
)
def test_who_commissions_a_lock_may_type_a_wrong_code_three_times(
    ended: int | None, typed: int, left: int
) -> None:
    """Suffering 27, 28"""
    begun = NOON - 15 * MINUTE
    wrong = [(A, NOON + n * timedelta(seconds=1)) for n in range(typed)]
    end = None if ended is None else NOON + ended * MINUTE
    assert unexplained(wrong, [(begun, end)]) == wrong[typed - left :]


def test_wrong_codes_before_a_commissioning_are_not_its_own() -> None:
    """Suffering 28"""
    wrong = [(A, NOON - timedelta(seconds=1)), (A, NOON)]
    assert unexplained(wrong, [(NOON, None)]) == wrong[:1]
    assert unexplained(wrong, []) == wrong


def test_each_commissioning_accounts_for_its_own_wrong_codes() -> None:
    """Suffering 27, 28: a person goes from door to door"""
    wrong = [(lock, NOON) for lock in (A, B, C) for _ in range(6)]
    spans = [(NOON - MINUTE, NOON - n * MINUTE) for n in range(3)]
    assert len(unexplained(wrong, spans)) == 9
