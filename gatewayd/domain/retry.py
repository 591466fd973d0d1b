"""The ladder of attempts: at once, then 1, 1, 1, 2, 3 minutes later, then every 5, for ever.

Or, as a preset, four more times in a day and then once a day (S1-8).

Ticks are seconds of a clock that runs since boot, so steps of the wall clock do not move a try.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

Tick = NewType("Tick", float)
"""Seconds since boot (CLOCK_BOOTTIME)."""

MINUTE = 60.0


class Retry(StrEnum):
    """How often a code that a lock refused is tried again."""

    LADDER = "ladder"
    DAILY = "daily"


DELAYS = {Retry.LADDER: (1, 1, 1, 2, 3, 5), Retry.DAILY: (240, 240, 240, 240, 480, 1440)}
"""Minutes after each failure; the last repeats. S3-13: tries at 0, 1, 2, 3, 5, 8, 13, 18 …; S1-8:
every four hours, and from the second day on once a day."""

RETURNS = 3
"""How often in a `RETURN_SPAN` a lock that comes back is served at once; more is flapping."""
RETURN_SPAN = 5 * MINUTE


@dataclass(frozen=True, slots=True)
class Ladder:
    """How many attempts failed, and when the next one is due."""

    failures: int
    due: Tick

    def failed(self, at: Tick, preset: Retry = Retry.LADDER) -> "Ladder":
        """The next rung, counted from when this try was due, so that delays do not add up."""
        delays = DELAYS[preset]
        delay = delays[min(self.failures, len(delays) - 1)] * MINUTE
        due = self.due + delay
        return Ladder(self.failures + 1, Tick(due if due > at else at + delay))

    def at_once(self, at: Tick) -> "Ladder":
        """The same rung, tried now: after a reboot, or when the lock reports by itself."""
        return Ladder(self.failures, min(self.due, at))


def failed(ladder: Ladder | None, at: Tick, preset: Retry = Retry.LADDER) -> Ladder:
    """One more failure; the first one counts from now."""
    return (ladder or Ladder(0, at)).failed(at, preset)


def may_return(recent: Iterable[Tick], at: Tick) -> bool:
    """Whether a lock that came back is served at once, given its recent returns."""
    return sum(at - t < RETURN_SPAN for t in recent) < RETURNS
