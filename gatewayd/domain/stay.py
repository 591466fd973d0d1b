"""Local dates, zone and grace to a UTC window: computed here and nowhere else."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gatewayd.domain.moment import Window
from gatewayd.domain.policy import Policy
from gatewayd.domain.reservation import Reservation
from gatewayd.domain.site import Property, TimeOfDay
from gatewayd.errors import Reason, Rejected

DAY = timedelta(days=1)
SURELY_OVER = timedelta(days=2)
"""After a last day: more than any zone and any common grace."""


def window(reservation: Reservation, property_: Property, zone: ZoneInfo, policy: Policy) -> Window:
    """The window of a reservation's key, grace included.

    Raises:
        Rejected: `times_missing` where neither side names a time, `dates_reversed`.
    """
    if reservation.departure < reservation.arrival:
        raise Rejected(Reason.DATES_REVERSED, "departure is before arrival", path="data.departure")
    check_in = _explicit(reservation.check_in or property_.check_in, "check_in")
    check_out = _explicit(reservation.check_out or property_.check_out, "check_out")
    if policy.grace_all_day:
        check_in = check_out = "all_day"
    start = _start(reservation.arrival, check_in, zone)
    end = _end(reservation.departure, check_out, zone)
    if end <= start:
        raise Rejected(Reason.DATES_REVERSED, "check-out is not after check-in", path="data")
    if check_in != "all_day":
        start -= policy.grace_before
    if check_out != "all_day":
        end += policy.grace_after
    return Window(start, end)


def local(at: datetime, zone: ZoneInfo, *, earlier: bool) -> datetime:
    """A local date and time without grace; a fold takes the earlier reading, or the later."""
    return (min if earlier else max)(_readings(at.date(), at.time(), zone))


def over_by(last: date) -> datetime:
    """When a stay is over whose last day alone is known."""
    return datetime.combine(last + DAY, time.min, UTC) + SURELY_OVER


def _start(day: date, at: TimeOfDay, zone: ZoneInfo) -> datetime:
    return min(_readings(day, time.min if at == "all_day" else at, zone))


def _end(day: date, at: TimeOfDay, zone: ZoneInfo) -> datetime:
    return max(
        _readings(day + DAY, time.min, zone) if at == "all_day" else _readings(day, at, zone)
    )


def _readings(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Both UTC readings of a local time; they differ only where a clock change makes two."""
    local = datetime.combine(day, at, zone)
    return local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def _explicit(at: TimeOfDay | None, name: str) -> TimeOfDay:
    if at is None:
        raise Rejected(
            Reason.TIMES_MISSING,
            f"neither the reservation nor its property says {name}",
            path=f"data.{name}",
        )
    return at
