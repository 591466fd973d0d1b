"""What is seen to at the beginning of each connection, and the reading of the log."""

from collections.abc import Callable
from datetime import timedelta

import structlog

from gatewayd.clock import Clock
from gatewayd.domain.credentials import Credentials
from gatewayd.domain.report import ClockSkew, Report
from gatewayd.errors import OutcomeUnknown, Refused, Unreachable
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
        for report in neighbour.news(*reports.batteries(states)):
            self._tell(report)
        now, tick = self._clock.now(), self._clock.tick()
        off = reports.skew(states, now)
        if abs(off) <= SKEW_S:
            return
        last, told = credentials.clock_set, neighbour.skew_told
        due = last is None or abs(now.latest - last) >= SET_EACH
        mended = now.trusted and due and await self._set_clock(talk)
        if mended or told is None or tick - told >= SET_EACH.total_seconds():
            neighbour.skew_told = tick
            self._tell(ClockSkew(off, mended=mended))

    async def _set_clock(self, talk: Conversation) -> bool:
        at = self._clock.now().latest
        try:
            await talk.order(lambda nonce, pin: UpdateTime(at, nonce, pin), Status)
        except Refused as error:
            log.warning("nuki.clock_not_set", address=self._address, why=str(error))
            return False
        except OutcomeUnknown as error:  # whatever it did, no code was touched
            raise Unreachable(str(error)) from None
        await self._keyring.clock_set(self._address, at)
        return True


async def read_log(talk: Conversation, last: int | None) -> tuple[int | None, list[LogEntry]]:
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
