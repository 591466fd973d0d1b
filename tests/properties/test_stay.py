"""From local dates to a window, for every zone and every change of its clocks."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gatewayd.domain.ids import PropertyId, ReservationId
from gatewayd.domain.policy import Policy
from gatewayd.domain.reservation import Reservation
from gatewayd.domain.site import Property, TimeOfDay
from gatewayd.domain.stay import window
from gatewayd.errors import Reason, Rejected

DAY = timedelta(days=1)
DATES = st.dates(date(2000, 1, 1), date(2099, 12, 1))
TIMES = st.builds(time, st.integers(0, 23), st.integers(0, 59))
GRACES = st.integers(0, 12 * 60).map(lambda minutes: timedelta(minutes=minutes))
ZONES = st.timezones()
ZURICH = ZoneInfo("Europe/Zurich")
NO_GRACE = Policy(grace_before=timedelta(), grace_after=timedelta())

PROPERTY = Property(PropertyId("flat"), "Flat")


def booked(
    arrival: date, departure: date, check_in: TimeOfDay, check_out: TimeOfDay
) -> Reservation:
    """A reservation with its own times."""
    return Reservation(
        ReservationId("R1"),
        1,
        PropertyId("flat"),
        arrival,
        departure,
        "HMA4XT",
        check_in=check_in,
        check_out=check_out,
    )


def readings(day: date, at: time, zone: ZoneInfo) -> list[datetime]:
    """The UTC times at which a clock on the wall may be said to show this, found by search."""
    naive = datetime.combine(day, at)
    offsets = {(naive + n * DAY).replace(tzinfo=zone).utcoffset() or timedelta() for n in (-2, 2)}
    offsets |= {naive.replace(tzinfo=zone, fold=f).utcoffset() or timedelta() for f in (0, 1)}
    guesses = sorted({(naive - offset).replace(tzinfo=UTC) for offset in offsets})
    shown = [t for t in guesses if t.astimezone(zone).replace(tzinfo=None) == naive]
    return shown or guesses  # none shows it: a gap, read with the offset of either side


@given(zone=ZONES, arrival=DATES, nights=st.integers(1, 400), times=st.tuples(TIMES, TIMES))
@example(ZURICH, date(2026, 3, 29), 1, (time(2, 30), time(2, 30)))
@example(ZURICH, date(2026, 10, 25), 1, (time(2, 30), time(2, 30)))
@example(ZURICH, date(2026, 3, 28), 1, (time(15), time(2, 30)))
@example(ZURICH, date(2026, 10, 24), 1, (time(15), time(2, 30)))
@example(ZoneInfo("Australia/Lord_Howe"), date(2026, 4, 5), 1, (time(1, 45), time(1, 45)))
@example(ZoneInfo("Pacific/Apia"), date(2011, 12, 30), 1, (time(12), time(12)))
def test_a_start_takes_the_earlier_reading_and_an_end_the_later(
    zone: ZoneInfo, arrival: date, nights: int, times: tuple[time, time]
) -> None:
    """Where a change of clocks makes two readings of a time, the guest gets the longer stay."""
    # Fault 33
    departure = arrival + nights * DAY
    got = window(booked(arrival, departure, *times), PROPERTY, zone, NO_GRACE)
    assert got.start == min(readings(arrival, times[0], zone))  # suffering 14
    assert got.end == max(readings(departure, times[1], zone))
    assert got.start < got.end
    assert got.start.tzinfo is got.end.tzinfo is UTC


@given(
    zone=ZONES,
    arrival=DATES,
    nights=st.integers(1, 400),
    times=st.tuples(TIMES, TIMES),
    before=GRACES,
    after=GRACES,
)
def test_grace_widens_the_window_by_elapsed_time(  # noqa: PLR0917  # one draw each
    zone: ZoneInfo,
    arrival: date,
    nights: int,
    times: tuple[time, time],
    before: timedelta,
    after: timedelta,
) -> None:
    """An hour's grace is an hour, also across a change of clocks."""
    reservation = booked(arrival, arrival + nights * DAY, *times)
    bare = window(reservation, PROPERTY, zone, NO_GRACE)
    policy = Policy(grace_before=before, grace_after=after)
    got = window(reservation, PROPERTY, zone, policy)  # S1-2, S2-3
    assert (bare.start - got.start, got.end - bare.end) == (before, after)


@given(zone=ZONES, arrival=DATES, nights=st.integers(0, 400), times=st.tuples(TIMES, TIMES))
def test_all_day_is_midnight_to_midnight_without_grace(
    zone: ZoneInfo, arrival: date, nights: int, times: tuple[time, time]
) -> None:
    """By the reservation's explicit choice, or by the policy's grace of whole days."""
    departure = arrival + nights * DAY
    whole = window(booked(arrival, departure, "all_day", "all_day"), PROPERTY, zone, Policy())
    assert whole.start == min(readings(arrival, time.min, zone))  # S2-5
    assert whole.end == max(readings(departure + DAY, time.min, zone))
    policy = Policy(grace_all_day=True)
    assert window(booked(arrival, departure, *times), PROPERTY, zone, policy) == whole  # S2-3


@given(zone=ZONES, day=DATES, times=st.tuples(TIMES, TIMES), days=st.integers(0, 400))
def test_a_stay_that_ends_before_it_begins_is_refused(
    zone: ZoneInfo, day: date, times: tuple[time, time], days: int
) -> None:
    """Reversed dates, or reversed times on one day."""
    departure = day - days * DAY
    end = max(readings(departure, times[1], zone))
    assume(days > 0 or end <= min(readings(day, times[0], zone)))
    with pytest.raises(Rejected) as refused:
        window(booked(day, departure, *times), PROPERTY, zone, Policy())
    assert refused.value.reason is Reason.DATES_REVERSED  # suffering 20
