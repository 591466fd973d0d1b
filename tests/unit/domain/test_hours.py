"""Days of the week and hours of the day: when a key opens, and who keeps a code to them. S3-6"""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from gatewayd.domain.capabilities import NUKI, Capabilities
from gatewayd.domain.door import door_state
from gatewayd.domain.events.code import CodeLost, DoorState
from gatewayd.domain.hours import Hours, Keeper, LocalTime, Timetable, keeper
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.moment import Now, Window
from gatewayd.domain.observed import observed
from gatewayd.domain.plan import Clear, Free, Observe, Plan, Take, Write, plan
from gatewayd.domain.situation import Claim, Situation
from gatewayd.domain.slot import Empty, Entry, Holds, Observation
from gatewayd.domain.steps import begun, failed_step
from gatewayd.errors import Reason, Refused
from tests.unit.domain.builders import CODE, KEY, LOCK, MINUTE, TICK, claim, only, proven, situation

ZURICH = ZoneInfo("Europe/Zurich")
EIGHT, TWELVE = time(8), time(12)
WEEKEND = frozenset({5, 6})
MORNINGS = Timetable(Hours(frozenset({0, 2}), EIGHT, TWELVE), ZURICH)
"""Monday and Wednesday, eight to twelve."""


def utc(text: str) -> datetime:
    """A moment of 2026."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


def at(text: str) -> Now:
    """A trusted reading."""
    return Now.exactly(utc(text))


# --- when it is open ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "start", "end"),
    [
        ("07-06 05:59", "07-06 06:00", "07-06 10:00"),  # a Monday in summer: two hours east
        ("07-06 06:00", "07-06 06:00", "07-06 10:00"),
        ("07-06 09:59", "07-06 06:00", "07-06 10:00"),
        ("07-06 10:00", "07-08 06:00", "07-08 10:00"),
        ("07-09 00:00", "07-13 06:00", "07-13 10:00"),
        ("03-26 00:00", "03-30 06:00", "03-30 10:00"),  # summer time began on the 29th
        ("03-25 00:00", "03-25 07:00", "03-25 11:00"),
        ("10-24 00:00", "10-26 07:00", "10-26 11:00"),  # it ended on the 25th
    ],
)
def test_the_opening_that_goes_on_or_comes_next(after: str, start: str, end: str) -> None:
    # S3-6
    assert MORNINGS.opening(utc(after)) == Window(utc(start), utc(end))


@pytest.mark.parametrize(
    ("start", "end", "opens", "closes"),
    [
        # 29 March: 02:00 to 03:00 is not there, 01:00 UTC is both
        (time(1), time(2, 30), "03-29 00:00", "03-29 01:30"),
        (time(2, 15), time(2, 45), "03-29 00:15", "03-29 01:45"),
        (time(2, 30), time(9), "03-29 00:30", "03-29 07:00"),
        (time(0), time(23, 59), "03-28 23:00", "03-29 22:00"),
        # 25 October: 02:00 to 03:00 is there twice, from midnight UTC on
        (time(2, 15), time(2, 45), "10-25 00:15", "10-25 01:45"),
        (time(1), time(2, 30), "10-24 23:00", "10-25 01:30"),
        (time(0), time(23, 59), "10-24 22:00", "10-25 23:00"),
    ],
)
def test_where_clocks_change_a_start_reads_early_and_an_end_late(
    start: time, end: time, opens: str, closes: str
) -> None:
    """Suffering 20: nobody is locked out by an hour that is there twice, or not at all."""
    # S3-6
    table = Timetable(Hours(WEEKEND, start, end), ZURICH)
    assert table.opening(utc(closes) - MINUTE) == Window(utc(opens), utc(closes))


def test_an_opening_of_yesterday_goes_on_where_midnight_comes_twice() -> None:
    """S3-6: in Havana the clock goes from one o'clock back to midnight."""
    table = Timetable(Hours(frozenset({5}), EIGHT), ZoneInfo("America/Havana"))
    saturday = Window(utc("10-31 12:00"), utc("11-01 05:00"))
    assert table.opening(utc("11-01 04:30")) == saturday
    assert table.opening(utc("11-01 05:00")).start == utc("11-07 13:00")


def test_the_next_opening_may_be_a_week_away() -> None:
    """S3-6: also where it is Monday already, and not yet in UTC."""
    mondays = Timetable(Hours(frozenset({0}), EIGHT, time(9)), ZoneInfo("Pacific/Auckland"))
    assert mondays.opening(utc("07-05 20:59")).start == utc("07-05 20:00")
    assert mondays.opening(utc("07-05 21:00")).start == utc("07-12 20:00")


@pytest.mark.parametrize(
    ("days", "start", "end"),
    [
        (frozenset[int](), EIGHT, TWELVE),
        (frozenset({7}), EIGHT, TWELVE),
        (WEEKEND, TWELVE, EIGHT),
        (WEEKEND, EIGHT, EIGHT),
    ],
)
def test_hours_that_are_none_cannot_be(days: frozenset[int], start: time, end: time) -> None:
    with pytest.raises(ValueError, match="start before the end"):
        Hours(days, start, end)


def test_the_text_of_a_timetable_says_it_all() -> None:
    assert str(MORNINGS) == "mon,wed 08:00-12:00 Europe/Zurich"
    assert Timetable.parse(str(MORNINGS)) == MORNINGS
    assert str(Hours()) == "mon,tue,wed,thu,fri,sat,sun 00:00-23:59"


# --- who keeps it ------------------------------------------------------------------------------

SUMMER = LocalTime(timedelta(hours=2), utc("07-01 12:00"))
PLAIN, SWITCHED = Capabilities(slots=3), Capabilities(slots=3, can_disable=True)
ITSELF = Capabilities(slots=3, enforces_windows=True, enforces_hours=True)


@pytest.mark.parametrize(
    ("able", "clock", "who"),
    [
        (PLAIN, None, Keeper.HUB),
        (PLAIN, SUMMER, Keeper.HUB),
        (SWITCHED, None, Keeper.SWITCH),
        (replace(SWITCHED, enforces_windows=True), SUMMER, Keeper.SWITCH),
        (NUKI, SUMMER, Keeper.LOCK),
        (NUKI, None, Keeper.HUB),  # its zone is not known yet
        (NUKI, LocalTime(timedelta(hours=1), SUMMER.at), Keeper.HUB),  # it lives elsewhere
        (NUKI, LocalTime(timedelta(hours=1), utc("12-01 12:00")), Keeper.LOCK),
        (replace(NUKI, can_disable=True), None, Keeper.SWITCH),
    ],
)
def test_the_lock_keeps_the_hours_where_it_can_else_the_hub(
    able: Capabilities, clock: LocalTime | None, who: Keeper
) -> None:
    # S3-6
    assert keeper(MORNINGS, able, clock) is who


# --- at a lock ---------------------------------------------------------------------------------

JULY = claim(start=utc("07-06 00:00"), end=utc("07-10 00:00"), due=utc("07-05 00:00"))
"""Monday to Friday; an hour before the first opening the window has begun."""
SUNDAY, BEFORE, LEAD, OPEN, SHUT = (
    at("07-05 12:00"),
    at("07-06 05:49"),
    at("07-06 05:50"),
    at("07-06 06:00"),
    at("07-06 10:00"),
)
LAST = at("07-08 10:00")
"""The last closing within the window."""


def kept(by: Keeper) -> Claim:
    """Within the mornings only."""
    return replace(JULY, timetable=MORNINGS, keeper=by)


@pytest.mark.parametrize(
    ("now", "there"),
    [(SUNDAY, False), (BEFORE, False), (LEAD, True), (OPEN, True), (SHUT, False), (LAST, False)],
)
def test_a_hub_timed_code_is_on_the_lock_from_ten_minutes_before_until_the_close(
    now: Now, there: bool
) -> None:
    # S3-6
    assert kept(Keeper.HUB).wanted(now) is there
    assert kept(Keeper.SWITCH).wanted(now)
    assert kept(Keeper.LOCK).wanted(now)


@pytest.mark.parametrize(
    ("now", "enabled"),
    [(SUNDAY, False), (LEAD, False), (OPEN, True), (SHUT, False), (LAST, False)],
)
def test_a_code_that_the_hub_switches_is_enabled_while_it_is_open(now: Now, enabled: bool) -> None:
    # S3-6
    entry = kept(Keeper.SWITCH).entry(SWITCHED, now)
    assert entry == Entry(CODE, "HMA4XT", enabled)
    timed = kept(Keeper.SWITCH).entry(replace(SWITCHED, enforces_windows=True), now)
    assert timed == Entry(CODE, "HMA4XT", enabled, JULY.window)


def test_a_lock_that_keeps_the_hours_gets_them() -> None:
    # S3-6
    entry = kept(Keeper.LOCK).entry(ITSELF, SUNDAY)
    assert entry == Entry(CODE, "HMA4XT", window=JULY.window, hours=MORNINGS.hours)
    assert kept(Keeper.HUB).entry(ITSELF, SUNDAY).hours is None  # it lives in another zone


def test_an_opening_ends_with_the_window_and_begins_with_it() -> None:
    short = Window(utc("07-06 07:00"), utc("07-06 08:00"))
    within = replace(kept(Keeper.HUB), window=short)
    assert within.opening(SUNDAY) == short
    never = replace(within, window=Window(utc("07-07 07:00"), utc("07-08 06:00")))
    assert never.opening(SUNDAY) is None
    assert not never.wanted(at("07-07 08:00"))


@pytest.mark.parametrize("hours", [1, 24, 72])
def test_a_clock_in_doubt_locks_nobody_out(hours: int) -> None:
    """It may be open, so it opens."""
    noon = utc("07-06 12:00")
    doubt = Now(noon, noon + timedelta(hours=hours))
    may_be_open = hours > 24
    assert kept(Keeper.HUB).wanted(doubt) is may_be_open
    assert kept(Keeper.SWITCH).entry(SWITCHED, doubt).enabled is may_be_open
    since = Now(utc("07-06 09:59"), noon)
    assert kept(Keeper.HUB).wanted(since)


def lock(able: Capabilities, by: Keeper, *held: Lease, shown: Observation | None) -> Situation:
    """One key, and what its slot shows."""
    s = situation([kept(by)], held, {1: shown} if shown else {})
    return replace(s, capabilities=able)


def test_the_plan_of_a_hub_timed_code() -> None:
    free = lock(PLAIN, Keeper.HUB, shown=None)
    assert plan(free, BEFORE, TICK) == Plan(None, 60.0)
    sooner = replace(free, next_due=BEFORE.earliest + timedelta(seconds=30))
    assert plan(sooner, BEFORE, TICK) == Plan(None, 30.0), "another key's"
    assert isinstance(plan(free, LEAD, TICK).step, Take)
    there = lock(PLAIN, Keeper.HUB, proven(), shown=Holds(OPEN.earliest, CODE))
    assert plan(there, OPEN, TICK) == Plan(None, 4 * 3600.0)
    seen = lock(PLAIN, Keeper.HUB, proven(), shown=Holds(SHUT.earliest, CODE))
    assert plan(seen, SHUT, TICK) == Plan(Clear(proven()))
    assert plan(free, SHUT, TICK) == Plan(None, 2 * 24 * 3600.0 - 4 * 3600 - 600)
    assert plan(free, LAST, TICK) == Plan(None, (JULY.window.end - LAST.earliest).total_seconds())


def test_the_plan_of_a_code_that_is_switched() -> None:
    off = replace(proven(), enabled=False)
    closed = lock(SWITCHED, Keeper.SWITCH, off, shown=Holds(LEAD.earliest, CODE, enabled=False))
    assert plan(closed, LEAD, TICK) == Plan(None, 600.0)
    assert plan(closed, OPEN, TICK).step == Observe((1,))
    fresh = lock(SWITCHED, Keeper.SWITCH, off, shown=Holds(OPEN.earliest, CODE, enabled=False))
    assert plan(fresh, OPEN, TICK).step == Write(off, Entry(CODE, "HMA4XT"))
    on = lock(SWITCHED, Keeper.SWITCH, proven(), shown=Holds(SHUT.earliest, CODE))
    assert plan(on, SHUT, TICK).step == Write(proven(), Entry(CODE, "HMA4XT", enabled=False))


def test_a_code_whose_hours_changed_at_the_lock_is_written_again() -> None:
    """As suffering 15 has it of the window: with the full record."""
    held = replace(proven(), window=JULY.window, hours=MORNINGS.hours)
    good = Holds(OPEN.earliest, CODE, window=JULY.window, hours=MORNINGS.hours)
    s = lock(ITSELF, Keeper.LOCK, held, shown=good)
    assert plan(s, OPEN, TICK).step is None
    for other in (None, Hours(WEEKEND, EIGHT, TWELVE), Hours(frozenset({0, 2}))):
        seen = observed(s, 1, replace(good, hours=other), OPEN, TICK)
        assert seen.events == (CodeLost(KEY, LOCK, Reason.MISMATCH),)
        step = plan(seen.situation, OPEN, TICK).step
        assert isinstance(step, Write)
        assert step.entry == Entry(CODE, "HMA4XT", True, JULY.window, MORNINGS.hours)


def test_hours_that_the_lock_refuses_leave_those_that_it_held() -> None:
    held = replace(proven(), window=JULY.window)
    s = lock(ITSELF, Keeper.LOCK, held, shown=Holds(OPEN.earliest, CODE, window=JULY.window))
    step = plan(s, OPEN, TICK).step
    assert isinstance(step, Write)
    writing = begun(s, step)
    assert only(writing.leases).hours == MORNINGS.hours
    refused = failed_step(writing, step, Refused("no"), OPEN, TICK).situation
    assert (only(refused.leases).hours, only(refused.leases).proven) == (None, True)


MONDAY = utc("07-06 06:00")
WEDNESDAY = utc("07-08 06:00")


@pytest.mark.parametrize(
    ("by", "held", "now", "told"),
    [
        (Keeper.HUB, [], SUNDAY, ("waiting", None, Reason.NOT_DUE, MONDAY - 10 * MINUTE)),
        (Keeper.HUB, [], OPEN, ("writing", None, None, None)),
        (Keeper.HUB, [proven()], OPEN, ("proven", Proof.MATCHED, None, None)),
        (Keeper.HUB, [proven()], SHUT, ("removing", Proof.MATCHED, None, None)),
        (Keeper.HUB, [], SHUT, ("waiting", None, Reason.NOT_DUE, WEDNESDAY - 10 * MINUTE)),
        (Keeper.HUB, [], LAST, ("waiting", None, Reason.NOT_DUE, None)),
        (Keeper.LOCK, [proven()], OPEN, ("proven", Proof.MATCHED, None, None)),
        (Keeper.LOCK, [proven()], SHUT, ("proven", Proof.MATCHED, Reason.NOT_DUE, WEDNESDAY)),
    ],
)
def test_a_door_outside_its_hours_says_when_it_opens(
    by: Keeper,
    held: list[Lease],
    now: Now,
    told: tuple[str, Proof | None, Reason | None, datetime | None],
) -> None:
    s = lock(PLAIN, by, *held, shown=None)
    if by is Keeper.LOCK:
        held = [replace(proven(), window=JULY.window, hours=MORNINGS.hours)]
        s = lock(ITSELF, by, *held, shown=None)
    assert door_state(s, s.claims[KEY], now, TICK) == DoorState(LOCK, *told)  # type: ignore[arg-type]  # a state


@pytest.mark.parametrize(
    ("by", "held", "now", "met"),
    [
        (Keeper.HUB, [], at("07-04 00:00"), False),  # not due: nothing is proven yet
        (Keeper.HUB, [], SHUT, True),
        (Keeper.HUB, [proven()], SHUT, False),
        (Keeper.HUB, [], OPEN, False),
        (Keeper.HUB, [proven()], OPEN, True),
        (Keeper.SWITCH, [proven()], OPEN, True),
        (Keeper.SWITCH, [proven()], SHUT, False),
        (Keeper.SWITCH, [replace(proven(), enabled=False)], SHUT, True),
    ],
)
def test_a_claim_is_met_by_what_should_be_there_now(
    by: Keeper, held: list[Lease], now: Now, met: bool
) -> None:
    s = lock(SWITCHED if by is Keeper.SWITCH else PLAIN, by, *held, shown=None)
    assert s.met(s.claims[KEY], now) is met


def test_a_code_that_a_person_deleted_is_not_put_back_at_the_next_opening() -> None:
    """S1-17: the lease that remembers it goes with the window."""
    gone = replace(proven(), stage=Stage.GONE, proof=None, reason=Reason.DELETED_AT_LOCK)
    for able, by in [(PLAIN, Keeper.HUB), (SWITCHED, Keeper.SWITCH)]:
        for now in (LEAD, OPEN, SHUT, LAST):
            assert plan(lock(able, by, gone, shown=Empty(now.earliest)), now, TICK).step is None
        over = Now.exactly(JULY.window.end)
        assert plan(lock(able, by, gone, shown=None), over, TICK).step == Free(gone)
