"""Time as an interval: what the hub knows of the true time, and windows held against it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from gatewayd.domain.retry import Tick


@dataclass(frozen=True, slots=True)
class Now:
    """The true time lies within [earliest, latest]; both are equal when the clock is trusted."""

    earliest: datetime
    latest: datetime

    @classmethod
    def exactly(cls, at: datetime) -> "Now":
        """A trusted reading."""
        return cls(at, at)

    @property
    def trusted(self) -> bool:
        """Whether the clock is synchronised."""
        return self.earliest == self.latest

    @property
    def doubtful(self) -> bool:
        """Whether that can shut out a guest, or leave one's code on a door."""
        return self.latest - self.earliest > DOUBT

    def surely_past(self, at: datetime) -> bool:
        """Whether `at` is over in every reading."""
        return at <= self.earliest

    def maybe_reached(self, at: datetime) -> bool:
        """Whether `at` may have come."""
        return at <= self.latest

    def passed(self, seconds: float) -> "Now":
        """So many seconds later, by a clock that nobody disciplines."""
        drift = seconds * DRIFT
        return Now(
            self.earliest + timedelta(seconds=seconds - drift),
            self.latest + timedelta(seconds=seconds + drift),
        )


DRIFT = 500e-6
"""Seconds in a second by which a clock that nobody disciplines may run off: the most that Linux
itself would correct (500 ppm, MAXFREQ in timex.h)."""
DOUBT = timedelta(minutes=1)
"""Up to here a doubtful reading is as good as a certain one: within it a code that is over goes."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A time that was certain, and the tick of a boot at which it was."""

    at: datetime
    tick: Tick
    boot: str

    def after(self, tick: Tick, boot: str, uncertainty: timedelta) -> Now:
        """The time at a later tick.

        In the same boot ticks have counted all that passed. In a later one only what passed since
        that began: before it the hub was off, for `uncertainty` at the most.
        """
        if boot != self.boot:
            earliest = self.at + timedelta(seconds=tick)
            return Now(earliest, earliest + uncertainty)
        return Now.exactly(self.at).passed(tick - self.tick)


def agreed(witnesses: Collection[Now]) -> Now:
    """What all witnesses leave possible; where they contradict each other, what any does."""
    earliest = max(said.earliest for said in witnesses)
    latest = min(said.latest for said in witnesses)
    if earliest <= latest:
        return Now(earliest, latest)
    return Now(min(said.earliest for said in witnesses), max(said.latest for said in witnesses))


FOREVER = datetime(9000, 1, 1, tzinfo=UTC)
"""The end of what has none: far enough, and not so far that nothing can be added to it."""


class Phase(StrEnum):
    """Where a window lies, as seen from now."""

    UPCOMING = "upcoming"
    CURRENT = "current"
    PAST = "past"


@dataclass(frozen=True, slots=True)
class Window:
    """UTC half-open interval [start, end) within which a key opens."""

    start: datetime
    end: datetime

    @property
    def endless(self) -> bool:
        """Whether it never ends."""
        return self.end >= FOREVER

    def phase(self, now: Now) -> Phase:
        """A doubtful clock ends no stay early and locks out no rightful guest."""
        if now.surely_past(self.end):
            return Phase.PAST
        return Phase.CURRENT if now.maybe_reached(self.start) else Phase.UPCOMING


def from_epoch(seconds: float) -> datetime:
    """Seconds since 1970 as an aware datetime."""
    return datetime.fromtimestamp(seconds, UTC)
