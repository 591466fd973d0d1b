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
    """A lock (in asyncio's sense) whose waiters go by urgency, not by arrival.

    So many `sessions` may have a turn at a time: whoever holds `air` makes an exchange, the other
    one meanwhile writes down what it saw. A lock in doubt has its turn alone: nobody waits in a
    session for one that may not answer.
    """

    def __init__(self, sessions: int = 1) -> None:
        self.air = asyncio.Lock()
        self._sessions, self._held, self._alone = sessions, 0, False
        self._waiting: list[_Waiter] = []
        self._order = count()

    @asynccontextmanager
    async def take(self, urgency: Urgency) -> AsyncIterator[None]:
        """Hold the radio, or a share of it; give it back within `TURN`."""
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, _Waiter(urgency, next(self._order), granted))
        self._grant()
        try:
            await granted
        except BaseException:
            if granted.done() and not granted.cancelled():
                self._give_back()  # granted and cancelled in the same moment
            raise
        try:
            yield
        finally:
            self._give_back()

    def _grant(self) -> None:
        """Let in the most urgent, as long as there is room; nobody slips in."""
        while self._waiting and self._fits(self._waiting[0].urgency):
            waiter = heapq.heappop(self._waiting)
            if not waiter.granted.done():
                waiter.granted.set_result(None)
                self._held += 1
                self._alone = waiter.urgency.in_doubt

    def _fits(self, urgency: Urgency) -> bool:
        alone = urgency.in_doubt or self._alone
        return self._held < (1 if alone else self._sessions)

    def _give_back(self) -> None:
        self._held -= 1
        self._alone = False  # who had it alone was alone
        self._grant()
