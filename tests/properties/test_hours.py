"""Days of the week and hours of the day: open whenever a clock on the wall says so."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gatewayd.domain.hours import LAST_MINUTE, Hours, Keeper, Timetable
from gatewayd.domain.moment import Now, Window
from gatewayd.domain.situation import Claim
from tests.properties.lock import VirtualLock
from tests.properties.world import GONE_WITHIN, World
from tests.unit.domain.builders import KEY, MINUTE, NOON

ZONES = st.sampled_from(
    ["UTC", "Europe/Zurich", "America/New_York", "America/Havana", "Australia/Lord_Howe"]
).map(ZoneInfo)
TIMES = st.times(time(0), LAST_MINUTE).map(lambda at: at.replace(second=0, microsecond=0))
TIMETABLES = st.builds(
    lambda days, times, zone: Timetable(Hours(days, *sorted(times)), zone),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.lists(TIMES, min_size=2, max_size=2, unique=True),
    ZONES,
)
MOMENTS = st.integers(0, 370 * 24 * 60).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + n * MINUTE)
DOUBTS = st.integers(0, 72 * 60).map(lambda n: n * MINUTE)
DAY = timedelta(days=1)


def clock_says_open(table: Timetable, at: datetime) -> bool:
    """As a person reads it off the wall."""
    local, hours = at.astimezone(table.zone), table.hours
    until = time.max if hours.end == LAST_MINUTE else hours.end
    return local.weekday() in hours.days and hours.start <= local.time() < until


def is_open(table: Timetable, at: datetime) -> bool:
    """As the hub has it."""
    return table.opening(at).start <= at


@given(table=TIMETABLES, at=MOMENTS)
def test_it_is_open_whenever_the_clock_on_the_wall_says_so(table: Timetable, at: datetime) -> None:
    """And only then, unless clocks change on that day. S3-6"""
    if clock_says_open(table, at):
        assert is_open(table, at)
    local = at.astimezone(table.zone)
    if (local - DAY).utcoffset() == (local + DAY).utcoffset():
        assert is_open(table, at) is clock_says_open(table, at)


@given(table=TIMETABLES, at=MOMENTS)
def test_openings_come_one_after_the_other(table: Timetable, at: datetime) -> None:
    """So the hub looks again when something changes, and not for nothing."""
    opening = table.opening(at)
    following = table.opening(opening.end)
    assert at < opening.end
    assert opening.start < opening.end <= following.start
    assert following.end - at <= 15 * DAY


@given(table=TIMETABLES, at=MOMENTS, before=DOUBTS, after=DOUBTS)
def test_a_clock_in_doubt_locks_out_nobody_whose_hour_it_is(
    table: Timetable, at: datetime, before: timedelta, after: timedelta
) -> None:
    """Whatever the true time is within the interval: suffering 20."""
    if not is_open(table, at):
        return
    window = Window(at - 30 * DAY, at + 30 * DAY)
    now = Now(at - before, at + after)
    key = Claim(KEY, World().new_code(), window, window.start, timetable=table, keeper=Keeper.HUB)
    assert key.wanted(now)
    assert key.opens_later(now) is None


@given(table=TIMETABLES, hours=st.integers(1, 5 * 24), masked=st.booleans())
def test_a_hub_timed_code_comes_and_goes_with_its_hours(
    table: Timetable, hours: int, masked: bool
) -> None:
    """On the lock from ten minutes before an opening, and gone within a minute of its end. S3-6"""
    world = World(lock=VirtualLock(masked))
    window = Window(NOON, NOON + timedelta(hours=hours))
    due = NOON - 10 * MINUTE
    world.wish(Claim(KEY, world.new_code(), window, due, timetable=table, keeper=Keeper.HUB))
    while world.now.earliest < window.end:
        at = world.now.earliest
        opening = table.opening(at)
        if opening.start - 10 * MINUTE <= at and opening.start < window.end:
            world.live(0)
            assert world.lock.stored, "a rightful guest is locked out"
            world.live(int((min(opening.end, window.end) - at).total_seconds()) - 1)
            assert world.lock.stored, "taken away early"
            world.live(1 + GONE_WITHIN)
        else:
            until = min(opening.start - 10 * MINUTE, window.end)
            world.live(max(0, int((until - at).total_seconds()) - 1))
            assert not world.lock.stored, "it lies there outside of its hours"
            world.live(1)
    world.live(GONE_WITHIN)
    assert not world.s.leases
