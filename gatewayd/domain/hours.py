"""Days of the week and hours of the day within which a key opens, and who keeps a code to them."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Self
from zoneinfo import ZoneInfo

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.moment import Window
from gatewayd.domain.stay import DAY, local

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))
"""Numbers as `datetime.weekday` gives them: Monday is 0."""
MIDNIGHT = time(0, 0)
LAST_MINUTE = time(23, 59)
"""As an end it is the end of the day: not every lock knows a time that comes after it."""


@dataclass(frozen=True, slots=True)
class Hours:
    """From `start` until `end`, both on the same local day, on some days of the week."""

    days: frozenset[int] = EVERY_DAY
    start: time = MIDNIGHT
    end: time = LAST_MINUTE

    def __post_init__(self) -> None:
        if not self.days or not self.days <= EVERY_DAY or self.start >= self.end:
            raise ValueError("some days of the week, and a start before the end")

    @classmethod
    def parse(cls, text: str) -> Self:
        """What `str` gives."""
        days, times = text.split(" ")
        start, end = map(time.fromisoformat, times.split("-"))
        return cls(frozenset(WEEKDAYS.index(day) for day in days.split(",")), start, end)

    def __str__(self) -> str:
        days = ",".join(WEEKDAYS[day] for day in sorted(self.days))
        return f"{days} {self.start:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True, slots=True)
class LocalTime:
    """What a lock takes for local time: `offset` to UTC, as it was at that moment."""

    offset: timedelta
    at: datetime


@dataclass(frozen=True, slots=True)
class Timetable:
    """Hours in the zone in which they are meant."""

    hours: Hours
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str) -> Self:
        """What `str` gives."""
        hours, zone = text.rsplit(" ", 1)
        return cls(Hours.parse(hours), ZoneInfo(zone))

    def __str__(self) -> str:
        return f"{self.hours} {self.zone}"

    def opening(self, after: datetime) -> Window:
        """The first one that ends later: it goes on then, or comes next. Where clocks change a
        start takes its earlier reading, an end its later one."""
        today = after.astimezone(self.zone).date()
        coming = (today + n * DAY for n in range(-1, 8))
        found = (self._on(day) for day in coming if day.weekday() in self.hours.days)
        return next(window for window in found if window.end > after)

    def is_of(self, clock: LocalTime | None) -> bool:
        """Whether a lock means the same hours, as far as it has told."""
        return clock is not None and clock.at.astimezone(self.zone).utcoffset() == clock.offset

    def _on(self, day: date) -> Window:
        start = datetime.combine(day, self.hours.start)
        end = datetime.combine(day, self.hours.end)
        if self.hours.end == LAST_MINUTE:
            end = datetime.combine(day + DAY, MIDNIGHT)
        return Window(local(start, self.zone, earlier=True), local(end, self.zone, earlier=False))


class Keeper(StrEnum):
    """Who sees to it that a code opens within its hours only."""

    LOCK = "lock"  # by itself
    SWITCH = "switch"  # the hub: it enables and disables the code
    HUB = "hub"  # the hub: it puts the code on the lock and takes it off


def keeper(timetable: Timetable, able: Capabilities, clock: LocalTime | None) -> Keeper:
    """The best that a lock can do; one that lives in another zone would keep other hours."""
    if able.enforces_hours and timetable.is_of(clock):
        return Keeper.LOCK
    return Keeper.SWITCH if able.can_disable else Keeper.HUB
