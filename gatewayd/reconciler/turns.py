"""One radio for all its locks: whose turn it is."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

TURN = 10.0
"""Seconds after which a lock with more to do goes back into the queue."""


@dataclass(frozen=True, order=True, slots=True)
class Urgency:
    """Smaller goes first: locks that answer before those in doubt, then the nearest arrival."""

    in_doubt: bool
    at: datetime


AT_ONCE = Urgency(in_doubt=False, at=datetime.min.replace(tzinfo=UTC))
"""Before every arrival."""
LAST = datetime.max.replace(tzinfo=UTC)
"""After every arrival."""


@dataclass(order=True, slots=True)
class _Waiter:
    urgency: Urgency
    order: int
    granted: asyncio.Future[None] = field(compare=False)


class Turns:
    """A lock (in asyncio's sense) whose waiters go by urgency, not by arrival."""

    def __init__(self) -> None:
        self._busy = False
        self._waiting: list[_Waiter] = []
        self._order = count()

    @asynccontextmanager
    async def take(self, urgency: Urgency) -> AsyncIterator[None]:
        """Hold the radio; give it back within `TURN`."""
        if self._busy:
            waiter = _Waiter(urgency, next(self._order), asyncio.get_running_loop().create_future())
            heapq.heappush(self._waiting, waiter)
            try:
                await waiter.granted
            except BaseException:
                if waiter.granted.done() and not waiter.granted.cancelled():
                    self._pass_on()  # granted and cancelled in the same moment
                raise
        self._busy = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        """To the most urgent waiter; the radio stays busy in between, so nobody slips in."""
        while self._waiting:
            waiter = heapq.heappop(self._waiting)
            if not waiter.granted.done():
                waiter.granted.set_result(None)
                return
        self._busy = False
