"""A hub's clocks that are moved by hand."""

import asyncio
from datetime import UTC, datetime, timedelta

from gatewayd.clock import HubClock, SystemClock
from gatewayd.domain.moment import Now
from gatewayd.domain.retry import Tick

NOON = datetime(2027, 7, 1, 12, tzinfo=UTC)
UNCERTAINTY = timedelta(hours=72)


class SteppedClock(HubClock):
    """A hub whose wall, ticks and time server are moved by hand."""

    def __init__(self) -> None:
        super().__init__(UNCERTAINTY, lambda: self.synchronised, lambda: self.wall)
        self.wall, self.ticks, self.boot, self.synchronised = NOON, 100.0, "first", True

    def tick(self) -> Tick:
        """As set."""
        return Tick(self.ticks)

    def pass_(self, time: timedelta) -> None:
        """Both clocks run."""
        self.wall += time
        self.ticks += time.total_seconds()

    def reboot(self, off: timedelta, wall: datetime) -> None:
        """Power comes back after so long, and the machine believes in another time."""
        self.boot, self.ticks, self.synchronised, self.wall = "second", 30.0, False, wall
        self.true = NOON + off


class LaterClock(SystemClock):
    """The machine's, some time ahead; whoever waits looks again when it is moved on."""

    def __init__(self, ahead: timedelta) -> None:
        super().__init__()
        self._ahead, self._since = ahead, timedelta()
        self._moved = asyncio.Event()
        self._known: dict[asyncio.Task[object] | None, timedelta] = {}

    def now(self) -> Now:
        """Later."""
        return Now.exactly(super().now().latest + self._ahead + self._since)

    def tick(self) -> Tick:
        """Later by what it was moved on."""
        return Tick(super().tick() + self._since.total_seconds())

    def pass_(self, time: timedelta) -> None:
        """Wall and ticks run on."""
        self._since += time
        self._moved.set()
        self._moved = asyncio.Event()

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Until it is moved on, too; not at all, where it was since the task's last wait, which may
        have read it before."""
        task = asyncio.current_task()
        if self._known.get(task, timedelta()) == self._since:
            moved = asyncio.ensure_future(self._moved.wait())
            waits = asyncio.ensure_future(super().wait(event, seconds))
            try:
                await asyncio.wait({moved, waits}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                moved.cancel()
                waits.cancel()
        self._known[task] = self._since
