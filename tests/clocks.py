"""A hub's clock whose wall, ticks and time server are moved by hand."""

from datetime import UTC, datetime, timedelta

from gatewayd.clock import HubClock
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
