"""What the radio remembers of one lock while it runs: nothing here needs to outlive a restart."""

import asyncio
from datetime import timedelta

from gatewayd.domain.credentials import PIN_TRIES
from gatewayd.domain.report import Alive, Battery, KeypadBattery, Report, Turned
from gatewayd.domain.retry import Tick
from gatewayd.locks.nuki.advertisement import Advertisement

QUIET_S = 10.0
"""Seconds without an advertisement after which the next one means that a lock is back: locks
advertise every second or so, and some get lost."""
STUCK_S = 300.0
"""Seconds after which a flag that never went out counts again: a lock whose flag hangs costs twelve
connections an hour, not one a second."""
OFFSET_EACH = 12 * 3600.0
"""Seconds after which a lock's offset to UTC is told again though it is the same: what matters is
whether it still is when the property's clocks have changed."""
RETRY_S = (5.0, 300.0)
"""Seconds between attempts to read a log: doubled from the first to the second."""


class Neighbour:
    """`turn`: one conversation at a time, whichever adapter it goes through."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.heard = asyncio.Event()
        self.missed = False
        self.skew_told: Tick | None = None
        self._offset: tuple[timedelta, Tick] | None = None
        self._told: dict[type[Report], Report] = {}
        self._heard_at: Tick | None = None
        self._changed = self._cleared = False
        self._read_at: Tick | None = None
        self._due, self._delay = Tick(0.0), RETRY_S[0]
        self._tries = PIN_TRIES

    def hears(self, told: Advertisement, now: Tick) -> Alive | None:
        """An advertisement came; tells whether the lock is back."""
        quiet = self._heard_at is None or now - self._heard_at >= QUIET_S
        self._heard_at = now
        self.heard.set()
        if not told.state_changed:
            self._cleared = True
        elif self._cleared or self._read_at is None or now - self._read_at >= STUCK_S:
            self._changed = True
        back, self.missed = self.missed and quiet, self.missed and not quiet
        return Alive() if back else None

    def forget(self) -> None:
        """No adapter hears anything now."""
        self._heard_at = None

    def news(self, *told: Battery | KeypadBattery | Turned) -> list[Report]:
        """Of these what was not told yet."""
        new: list[Report] = [report for report in told if self._told.get(type(report)) != report]
        self._told |= {type(report): report for report in told}
        return new

    def lives_at(self, offset: timedelta, now: Tick) -> bool:
        """Whether its offset to UTC is to be told."""
        told = self._offset
        news = told is None or told[0] != offset or now - told[1] >= OFFSET_EACH
        self._offset = (offset, now) if news else told
        return news

    def log_due(self) -> Tick | None:
        """When its log is to be read; None while it says that nothing has changed."""
        return self._due if self._changed else None

    def reading(self, now: Tick) -> None:
        """The log is about to be read: what changes from now on counts again."""
        self._changed = self._cleared = False
        self._read_at = now

    def spares(self, tries: int, now: Tick) -> bool:
        """Whether the log waits, so many PIN tries being left: since the last look the answer to
        one got lost, and those that are left are for codes."""
        lost, self._tries = tries < self._tries, tries
        if lost:
            self._changed, self._due = True, Tick(now + RETRY_S[1])
        return lost

    def log_unasked(self, now: Tick) -> None:
        """Nobody could even be asked for it: soon again, however long the radio is away."""
        self._changed, self._due = True, Tick(now + RETRY_S[0])

    def log_read(self, now: Tick, *, done: bool) -> None:
        """It was read, or could not be: then it is tried again, each time later."""
        if done:
            self._due, self._delay = now, RETRY_S[0]
            return
        self._changed = True
        self._due = Tick(now + self._delay)
        self._delay = min(self._delay * 2, RETRY_S[1])
