"""The events that are to be sent next, in the outbox's order: just committed, or read ahead."""

from collections import deque
from collections.abc import Iterable

from gatewayd.store.database import Outgoing
from gatewayd.store.outbox import Outbox

AHEAD = 500
"""Events that are read in one question, and at hand at the most: some 300 KB."""


class Backlog:
    """What the outbox holds beyond the last event that was taken; `seq` without a gap shows that
    none was missed."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._next: deque[Outgoing] = deque()
        self._end = 0  # the last of these
        self._unread = True  # the outbox may hold more beyond it

    def resume(self, after: int) -> None:
        """Go on after this one, whatever was taken beyond it."""
        self._next.clear()
        self._end, self._unread = after, True

    def told(self, rows: Iterable[Outgoing]) -> None:
        """Just committed, so as not to be read."""
        for row in rows:
            if row.seq == self._end + 1 and len(self._next) < AHEAD:
                self._next.append(row)
                self._end = row.seq
            elif row.seq > self._end:
                self._unread = True

    def __bool__(self) -> bool:
        """Whether there may be some."""
        return self._unread or bool(self._next)

    async def take(self, count: int) -> list[Outgoing]:
        """The next ones, so many at the most."""
        if self._unread and not self._next:
            await self._read()
        return [self._next.popleft() for _ in range(min(count, len(self._next)))]

    async def _read(self) -> None:
        self._unread = False  # unless something is told meanwhile that does not follow
        rows = await self._outbox.fetch(self._end, AHEAD)
        for row in rows:
            if row.seq > self._end:
                self._next.append(row)
                self._end = row.seq
        self._unread |= len(rows) == AHEAD
