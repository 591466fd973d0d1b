"""What is seen to at the beginning of each connection, and the reading of the log."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from gatewayd.clock import Clock
from gatewayd.domain.credentials import Credentials
from gatewayd.domain.hours import LocalTime
from gatewayd.domain.moment import DRIFT, FOREVER, Now
from gatewayd.domain.report import ClockSkew, Report, Turned
from gatewayd.errors import LockError, RadioDown, Reason, Unreachable
from gatewayd.locks.nuki import reports
from gatewayd.locks.nuki.conversation import Conversation
from gatewayd.locks.nuki.exchange import Status, UpdateTime
from gatewayd.locks.nuki.keyring import Keyring
from gatewayd.locks.nuki.log_entries import (
    LogEntry,
    LogEntryCount,
    RequestLogEntries,
    SortOrder,
)
from gatewayd.locks.nuki.neighbour import Neighbour

log = structlog.get_logger(__name__)

SKEW_S = 30.0
"""Seconds by which a lock's clock may be off: a stay begins and ends within a minute."""
SET_EACH = timedelta(hours=12)
"""A clock that is off again sooner has something else wrong with it."""
TRY_EACH = timedelta(minutes=15)
"""Where a lock does not take the time: it may be busy, and its codes open by that clock."""
NOTED_EACH = timedelta(days=1)
"""A clock that goes on being right is written down so often."""
PAGE = 50
"""Log entries asked for at once."""


class Upkeep:
    """Of one lock: `tell` is called with its reports."""

    def __init__(
        self, address: str, keyring: Keyring, clock: Clock, tell: Callable[[Report], None]
    ) -> None:
        self._address, self._keyring, self._clock, self._tell = address, keyring, clock, tell

    async def do(self, talk: Conversation, neighbour: Neighbour, credentials: Credentials) -> None:
        """Batteries and clock: one exchange, one more where the clock is off.

        Raises:
            Unreachable, RadioDown.
        """
        states = await talk.states()
        here = (*reports.batteries(states), Turned(reports.bolt(states)))
        for report in neighbour.news(*here):
            self._tell(report)
        now, tick = self._clock.now(), self._clock.tick()
        offset = timedelta(minutes=states.timezone_offset)
        if now.trusted and neighbour.lives_at(offset, tick):
            self._tell(LocalTime(offset, now.latest))
        off, told = reports.skew(states, now), neighbour.skew_told
        right = abs(off) <= SKEW_S
        if not now.trusted:
            self._testify(states.current_time, credentials.clock_right, now)
        elif _news(credentials.clock_right, now, right=right):
            await self._keyring.clock_right(self._address, now.latest if right else None)
        if right:
            return
        mended = now.trusted and _due(credentials.clock_due, now) and await self._set_clock(talk)
        if mended or told is None or tick - told >= SET_EACH.total_seconds():
            neighbour.skew_told = tick
            self._tell(ClockSkew(off, mended=mended))

    def _testify(self, told: datetime | None, right: datetime | None, now: Now) -> None:
        """A clock that was right may have stood still since, without a battery, but is not ahead:
        it is not earlier than that. One that says what cannot be was set by somebody."""
        if told is None or right is None:
            return
        earliest = told - timedelta(seconds=SKEW_S) - abs(told - right) * DRIFT
        if earliest <= now.latest:
            self._clock.witness(f"nuki {self._address}", Now(earliest, FOREVER))

    async def _set_clock(self, talk: Conversation) -> bool:
        """Whether it was set. If not the codes go on: whatever the lock did, it touched none."""
        at = self._clock.now().latest
        await self._keyring.clock_due(self._address, at + TRY_EACH)
        try:
            await talk.order(lambda nonce, pin: UpdateTime(at, nonce, pin), Status)
        except RadioDown:
            raise
        except LockError as error:
            if isinstance(error, Unreachable) and error.reason is not Reason.LOCK_UNREACHABLE:
                raise  # our PIN, or the hub altogether
            log.warning("nuki.clock_not_set", address=self._address, why=str(error))
            return False
        await self._keyring.clock_due(self._address, at + SET_EACH)
        return True


def _due(at: datetime | None, now: Now) -> bool:
    """Later than any set clock is due it can only be by a clock of the hub that was wrong."""
    return at is None or not now.latest < at <= now.latest + SET_EACH


def _news(noted: datetime | None, now: Now, *, right: bool) -> bool:
    """Whether it is not known yet that the lock's clock is right, or that it is wrong."""
    return (noted is None or abs(now.latest - noted) >= NOTED_EACH) if right else noted is not None


async def read_log(talk: Conversation, last: int | None) -> tuple[int, list[LogEntry]]:
    """Entries after `last`, the oldest first, and the index up to which all are read. The first
    time, and after the lock began to count anew, only that index.

    Raises:
        Unreachable, RadioDown.
    """
    if last is None:
        newest = await _page(talk, 0, 1, SortOrder.DESCENDING)
        return (newest[0].index if newest else 0), []
    found: list[LogEntry] = []
    while True:
        page = await _page(talk, last + 1, PAGE, SortOrder.ASCENDING)
        page = [entry for entry in page if entry.index > last]
        found += page
        if page:
            last = page[-1].index
        if len(page) < PAGE:
            break
    if not found:
        newest = await _page(talk, 0, 1, SortOrder.DESCENDING)
        if newest and newest[0].index < last:
            last = newest[0].index
    return last, found


async def _page(talk: Conversation, start: int, count: int, order: SortOrder) -> list[LogEntry]:
    first = await talk.read(
        lambda nonce, pin: RequestLogEntries(start, count, order, True, nonce, pin),
        LogEntryCount,
    )
    entries: list[LogEntry] = []
    if first.count == 0:
        return entries
    while (entry := await talk.more(LogEntry)) is not None:
        entries.append(entry)
    return entries
