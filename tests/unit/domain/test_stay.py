"""From local dates, zone and grace to a window."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from gatewayd.domain.ids import PropertyId, ReservationId
from gatewayd.domain.moment import Window
from gatewayd.domain.policy import Policy
from gatewayd.domain.reservation import Reservation
from gatewayd.domain.site import Property
from gatewayd.domain.stay import window
from gatewayd.errors import Reason, Rejected

ZURICH = ZoneInfo("Europe/Zurich")
FLAT = Property(PropertyId("flat"), "Flat", check_in=time(15), check_out=time(11))
BOOKING = Reservation(
    ReservationId("R1"), 1, PropertyId("flat"), date(2026, 7, 1), date(2026, 7, 4), "HMA4XT"
)
NO_GRACE = Policy(grace_before=timedelta(), grace_after=timedelta())


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """A time of 2026."""
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_a_stay_has_an_hour_of_grace_on_each_side() -> None:
    """S1-2, S2-3: by default."""
    assert window(BOOKING, FLAT, ZURICH, Policy()) == Window(utc(7, 1, 12), utc(7, 4, 10))


def test_grace_may_be_off() -> None:
    """S2-3."""
    assert window(BOOKING, FLAT, ZURICH, NO_GRACE) == Window(utc(7, 1, 13), utc(7, 4, 9))


def test_grace_may_be_the_whole_day() -> None:
    """S2-3: from the first midnight to the last."""
    got = window(BOOKING, FLAT, ZURICH, Policy(grace_all_day=True))
    assert got == Window(utc(6, 30, 22), utc(7, 4, 22))


def test_all_day_is_midnight_to_midnight_without_grace() -> None:
    """S2-5: the explicit choice."""
    booking = replace(BOOKING, check_in="all_day", check_out="all_day")
    assert window(booking, FLAT, ZURICH, Policy()) == Window(utc(6, 30, 22), utc(7, 4, 22))


def test_all_day_may_be_on_one_side_only() -> None:
    """S2-5: grace stays on the other."""
    booking = replace(BOOKING, check_out="all_day")
    assert window(booking, FLAT, ZURICH, Policy()) == Window(utc(7, 1, 12), utc(7, 4, 22))


def test_the_reservations_times_go_before_the_propertys() -> None:
    """S2-5: midnight is a time as well."""
    booking = replace(BOOKING, check_in=time(0), check_out=time(0))
    assert window(booking, FLAT, ZURICH, NO_GRACE) == Window(utc(6, 30, 22), utc(7, 3, 22))


@pytest.mark.parametrize("missing", ["check_in", "check_out"])
def test_a_stay_without_a_time_is_refused(missing: str) -> None:
    """S2-5: neither side says it, so nobody guesses it; also with a grace of whole days."""
    flat = Property(
        FLAT.id,
        FLAT.name,
        check_in=None if missing == "check_in" else FLAT.check_in,
        check_out=None if missing == "check_out" else FLAT.check_out,
    )
    for policy in (Policy(), Policy(grace_all_day=True)):
        with pytest.raises(Rejected) as refused:
            window(BOOKING, flat, ZURICH, policy)
        assert refused.value.reason is Reason.TIMES_MISSING
        assert refused.value.path == f"data.{missing}"


def test_a_departure_before_the_arrival_is_refused() -> None:
    """Suffering 20."""
    with pytest.raises(Rejected) as refused:
        window(replace(BOOKING, departure=date(2026, 6, 30)), FLAT, ZURICH, Policy())
    assert (refused.value.reason, refused.value.path) == (Reason.DATES_REVERSED, "data.departure")


@pytest.mark.parametrize("check_out", [time(15), time(14, 59)])
def test_a_check_out_that_is_not_after_the_check_in_is_refused(check_out: time) -> None:
    """Suffering 20: on one day; grace makes no stay of nothing."""
    day = replace(BOOKING, departure=BOOKING.arrival, check_out=check_out)
    with pytest.raises(Rejected) as refused:
        window(day, FLAT, ZURICH, Policy())
    assert (refused.value.reason, refused.value.path) == (Reason.DATES_REVERSED, "data")


def test_a_stay_within_one_day_is_a_stay() -> None:
    """An office, a sauna, a late flight."""
    day = replace(BOOKING, departure=BOOKING.arrival, check_in=time(9), check_out=time(17))
    assert window(day, FLAT, ZURICH, NO_GRACE) == Window(utc(7, 1, 7), utc(7, 1, 15))


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        (date(2026, 3, 29), utc(3, 29, 0, 30), utc(3, 29, 1, 30)),  # 02:30 does not exist
        (date(2026, 10, 25), utc(10, 25, 0, 30), utc(10, 25, 1, 30)),  # 02:30 comes twice
    ],
)
def test_a_change_of_clocks_gives_the_guest_the_longer_reading(
    day: date, start: datetime, end: datetime
) -> None:
    """Suffering 14: the earlier one for starts, the later one for ends."""
    night = time(2, 30)
    comes = replace(BOOKING, arrival=day, departure=date(2026, 12, 1), check_in=night)
    goes = replace(BOOKING, arrival=date(2026, 1, 1), departure=day, check_out=night)
    assert window(comes, FLAT, ZURICH, NO_GRACE).start == start
    assert window(goes, FLAT, ZURICH, NO_GRACE).end == end


def test_a_stay_across_a_change_of_clocks_ends_at_the_local_time() -> None:
    """Suffering 14: a week is not always 168 hours."""
    booking = replace(BOOKING, arrival=date(2026, 3, 28), departure=date(2026, 3, 30))
    assert window(booking, FLAT, ZURICH, NO_GRACE) == Window(utc(3, 28, 14), utc(3, 30, 9))
