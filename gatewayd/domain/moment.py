"""Time as an interval: what the hub knows of the true time, and windows held against it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


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

    def surely_past(self, at: datetime) -> bool:
        """Whether `at` is over in every reading."""
        return at <= self.earliest

    def maybe_reached(self, at: datetime) -> bool:
        """Whether `at` may have come."""
        return at <= self.latest


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
