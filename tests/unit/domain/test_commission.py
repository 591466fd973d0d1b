"""Whether a lock hangs on the door that the site document gives it: where its code was typed."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.commission import (
    SINCE,
    Commissioning,
    Result,
    Verdict,
    doors,
    key,
    key_id,
    lock_of,
    names,
)
from gatewayd.domain.ids import CommandId, KeyId, LockId
from gatewayd.domain.moment import FOREVER, Now, Window
from gatewayd.domain.policy import Policy
from gatewayd.domain.site import Lock
from tests.unit.domain.builders import HOUR, MINUTE, NOON, NOW, TICK, later, tick

A, B, C = LockId("a"), LockId("b"), LockId("c")
QUARTER = 15 * 60.0
BEGUN = Commissioning(A, QUARTER, CommandId("C1"))
OPEN = replace(BEGUN, due=tick(QUARTER), opened=NOON)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("used", "wrong", "verdict"),
    [
        ({A}, (), Verdict(Result.RIGHT)),
        ({A}, [(B, NOON)], Verdict(Result.RIGHT)),  # somebody else's slip
        ({B}, (), Verdict(Result.SWAPPED, B)),
        ({A, B}, (), Verdict(Result.RIGHT)),
        ((), [(B, NOON)], Verdict(Result.SWAPPED, B)),
        ((), [(B, NOON + MINUTE), (C, NOON)], Verdict(Result.SWAPPED, C)),  # the first one
        ((), [(A, NOON + MINUTE), (B, NOON + 2 * MINUTE)], Verdict(Result.SWAPPED, B)),
        ((), [(A, NOON)] * 3, None),  # typed again
        ((), [(B, NOON - SECOND)], None),  # before the code was there
        ((), (), None),
    ],
)
def test_the_lock_at_which_the_code_is_typed_is_the_one_on_that_door(
    used: Collection[LockId], wrong: list[tuple[LockId, datetime]], verdict: Verdict | None
) -> None:
    """Suffering 27"""
    assert OPEN.verdict(used, wrong, TICK) == verdict


def test_nobody_has_the_code_before_the_lock_shows_it() -> None:
    """Suffering 27"""
    begun = replace(BEGUN, due=tick(QUARTER))
    assert begun.verdict((), [(B, NOON + MINUTE)], TICK) is None


@pytest.mark.parametrize(
    ("passed", "verdict"), [(QUARTER - 1, None), (QUARTER, Verdict(Result.UNUSED))]
)
@pytest.mark.parametrize("going", [OPEN, replace(OPEN, opened=None)], ids=["there", "not there"])
def test_it_ends_when_its_time_is_over(
    going: Commissioning, passed: float, verdict: Verdict | None
) -> None:
    """Suffering 27: also where the lock never had the code"""
    assert going.verdict((), (), tick(passed)) == verdict
    assert going.verdict((), [(A, NOON)], tick(passed)) == verdict


def test_what_is_not_counted_yet_does_not_end() -> None:
    assert BEGUN.verdict((), (), tick(10 * QUARTER)) is None


def test_its_time_begins_with_the_command_and_anew_when_the_code_is_there() -> None:
    begun = BEGUN.going_on(NOW, TICK, proven=False)
    assert begun == replace(BEGUN, due=tick(QUARTER))
    assert begun.going_on(later(60), tick(60), proven=False) == begun
    there = begun.going_on(later(60), tick(60), proven=True)
    assert there == replace(begun, due=tick(QUARTER + 60), opened=NOON + MINUTE)
    assert there.going_on(later(120), tick(120), proven=True) == there
    assert there.going_on(later(120), tick(120), proven=False) == there, "a look may lie"


def test_it_goes_on_after_a_boot() -> None:
    """And is no more told than before."""
    rebooted = replace(OPEN, due=None)
    assert rebooted.going_on(later(9000), tick(5), proven=True) == replace(
        OPEN, due=tick(QUARTER + 5)
    )


def test_with_a_clock_in_doubt_a_guests_earlier_slip_is_no_swap() -> None:
    """Wrong codes are noted with the later reading of the clock."""
    doubtful = Now(NOON, NOON + HOUR)
    going = BEGUN.going_on(doubtful, TICK, proven=True)
    assert going.verdict((), [(B, NOON + HOUR - MINUTE)], TICK) is None


def test_its_key_is_for_that_lock_alone_whatever_the_clock_says() -> None:
    """Suffering 27: also where the door does not allow guests' codes"""
    lock = Lock(A, "A", "zwave", "2", allow_provisioning=False)
    able = Capabilities(label_length=6)
    made = key(lock, Policy(), able)
    assert (made.id, made.reservation_id, made.guest) == ("commission:a", None, None)
    assert (made.label, made.name, made.timetable) == ("Commis", None, None)
    assert made.window == Window(SINCE, FOREVER)
    assert [*made.doors] == [A]
    assert (made.doors[A].due, made.doors[A].withheld) == (SINCE, None)
    assert (made.rules, made.policy) == (able.code, Policy())


def test_a_key_tells_whose_commissioning_it_is() -> None:
    assert BEGUN.key_id == key_id(A)
    assert lock_of(key_id(A)) == A
    assert lock_of(KeyId("res:commission:a")) is None


def test_an_alert_names_both_doors_whichever_was_found_first() -> None:
    assert doors(A, B) == doors(B, A) == "a+b"
    assert names("a+b", {A})
    assert names("a+b", {B, C})
    assert not names("a+b", {C})
    assert not names("a+b", ())
