"""The daily check and the watch: when, and what is missing."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.check import AHEAD, WATCHED, Finding, finding, is_due, last_due, needed, unread
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.moment import Now, Window
from gatewayd.domain.outcome import answered
from gatewayd.domain.plan import Observe, plan
from gatewayd.domain.retry import Ladder
from gatewayd.domain.situation import Claim, Situation
from gatewayd.domain.slot import Empty
from gatewayd.errors import Reason
from tests.unit.domain.builders import (
    HOUR,
    KEY,
    LOCK,
    NOON,
    NOW,
    TICK,
    claim,
    lease,
    proven,
    situation,
)

YORK = ZoneInfo("America/New_York")
EIGHT = time(8)


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (utc(7, 1, 12), utc(7, 1, 12)),
        (utc(7, 1, 11, 59), utc(6, 30, 12)),
        (utc(7, 2, 3, 59), utc(7, 1, 12)),  # still the day before in New York
        (utc(1, 10, 13), utc(1, 10, 13)),
        (utc(1, 10, 12, 59), utc(1, 9, 13)),
        (utc(3, 8, 12), utc(3, 8, 12)),  # the clock went forward at 2
        (utc(3, 8, 11, 59), utc(3, 7, 13)),
        (utc(11, 1, 13), utc(11, 1, 13)),  # and back
        (utc(11, 1, 12, 59), utc(10, 31, 12)),
    ],
)
def test_eight_in_new_york(now: datetime, due: datetime) -> None:
    """S1-9"""
    assert last_due(now, EIGHT, YORK) == due


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (utc(7, 1, 20), utc(7, 1, 20)),  # eight in the morning of the 2nd
        (utc(7, 1, 21), utc(7, 1, 20)),
        (utc(7, 1, 19, 59), utc(6, 30, 20)),
        (utc(7, 1, 13), utc(6, 30, 20)),
    ],
)
def test_the_day_is_that_of_the_zone(now: datetime, due: datetime) -> None:
    """S1-9: in Auckland it begins half a day earlier."""
    assert last_due(now, EIGHT, ZoneInfo("Pacific/Auckland")) == due


@pytest.mark.parametrize("at", [time(1, 30), time(2, 30), time(0), time(23, 59)])
@pytest.mark.parametrize("day", [utc(3, 6, 12), utc(10, 30, 12)])
def test_once_a_day_also_when_the_clock_changes(at: time, day: datetime) -> None:
    """S1-9: a time that comes twice, or not at all"""
    last, checks = day, 0
    for minutes in range(0, 4 * 24 * 60, 5):
        now = day + timedelta(minutes=minutes)
        if is_due(last, Now.exactly(now), at, YORK):
            last, checks = now, checks + 1
    assert checks == 4


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (utc(7, 1, 12), False),
        (utc(7, 1, 11, 59), True),
        (utc(6, 1, 12), True),  # the hub was off
        (utc(7, 1, 16), False),  # the clock was set back a little since
        (utc(7, 2, 15), False),
        (utc(7, 2, 15, 1), True),  # it was more than a day ahead
        (utc(7, 3, 16), True),
    ],
)
def test_a_check_is_due_once(last: datetime, due: bool) -> None:
    """S1-9"""
    assert is_due(last, Now.exactly(utc(7, 1, 15)), EIGHT, YORK) is due


def test_a_clock_in_doubt_checks_when_the_time_has_surely_come() -> None:
    """S1-9"""
    doubtful = Now(utc(7, 1, 11), utc(7, 1, 18))
    assert not is_due(utc(6, 30, 12), doubtful, EIGHT, YORK)


@pytest.mark.parametrize(
    ("start", "end", "day", "soon"),
    [
        (NOON - HOUR, NOON + HOUR, True, True),
        (NOON - HOUR, NOON, False, False),
        (NOON + 2 * HOUR, NOON + 9 * HOUR, True, True),
        (NOON + 2.1 * HOUR, NOON + 9 * HOUR, True, False),
        (NOON + 24 * HOUR, NOON + 99 * HOUR, True, False),
        (NOON + 24.1 * HOUR, NOON + 99 * HOUR, False, False),
    ],
)
def test_what_is_needed_when(start: datetime, end: datetime, day: bool, soon: bool) -> None:
    """S1-9: within a day for the check, within two hours for the watch"""
    window = Window(start, end)
    assert (needed(window, NOW, AHEAD), needed(window, NOW, WATCHED)) == (day, soon)


DEAD = Ladder(2, TICK)
UNSET = Finding(LOCK, KEY, Reason.LOCK_UNREACHABLE, unset=True, backup=True)


@pytest.mark.parametrize(
    ("wish", "leases", "ladder", "silent", "found"),
    [
        (claim(), [proven()], None, None, None),
        (
            claim(),
            [proven()],
            DEAD,
            Reason.LOCK_UNREACHABLE,  # most likely there still
            Finding(LOCK, KEY, Reason.LOCK_UNREACHABLE, unset=False, backup=False),
        ),
        (claim(), [], DEAD, Reason.LOCK_UNREACHABLE, UNSET),
        (
            claim(),
            [lease(ladder=Ladder(1, TICK), reason=Reason.REFUSED)],
            None,
            None,
            Finding(LOCK, KEY, Reason.REFUSED, unset=True, backup=True),
        ),
        (
            claim(),
            [lease(Stage.WRITTEN, Proof.ACCEPTED)],  # an acknowledgement is no proof
            None,
            None,
            Finding(LOCK, KEY, Reason.RADIO_DOWN, unset=True, backup=True),
        ),
        (
            claim(),
            [lease(Stage.GONE, reason=Reason.DELETED_AT_LOCK)],  # S1-17
            None,
            None,
            Finding(LOCK, KEY, Reason.DELETED_AT_LOCK, unset=True, backup=False),
        ),
        (claim(withheld=Reason.PROVISIONING_DISABLED_DOOR), [], None, None, None),
        (claim(withheld=Reason.AWAITING_CHECK_IN), [], None, None, None),
    ],
    ids=[
        "there",
        "unreachable, proven before",
        "unreachable, never proven",
        "refused",
        "only acknowledged",
        "deleted by a person",
        "door not allowed",
        "waits for the guest",
    ],
)
def test_what_is_wrong_with_a_code_that_is_due(
    wish: Claim,
    leases: list[Lease],
    ladder: Ladder | None,
    silent: Reason | None,
    found: Finding | None,
) -> None:
    """S1-9"""
    s = situation([wish], leases, ladder=ladder)
    assert finding(s, wish, NOW, TICK, silent=silent) == found


def test_a_code_within_another_window_is_not_as_it_should_be() -> None:
    """S1-9: the stay was extended, and the lock does not know it"""
    able = Capabilities(enforces_windows=True)
    s = Situation(LOCK, able, {KEY: claim()}, (proven(),))
    found = finding(s, claim(), NOW, TICK, silent=None)
    assert found is not None
    assert found.backup


def test_a_key_at_a_lock_that_does_not_answer() -> None:
    """S1-9: for what is not due yet the lock must answer"""
    silent = unread(LOCK, KEY, Reason.RADIO_DOWN)
    assert (silent.unset, silent.backup) == (False, False)
    assert silent.subject == "front-door/res:R1"


# --- the lock is asked -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("able", "look"),
    [(Capabilities(slots=3), Observe((1,))), (Capabilities(assigns_slots=True), Observe())],
)
def test_a_lock_with_nothing_due_is_looked_at_where_it_is_asked(
    able: Capabilities, look: Observe
) -> None:
    """S1-9"""
    s = Situation(LOCK, able, inventoried=True, asked=True)
    assert plan(s, NOW, TICK).step == look
    after = answered(s.with_slot(1, Empty(NOON)))
    assert after.events == ()
    assert not after.situation.asked
    assert plan(after.situation, NOW, TICK).step is None
