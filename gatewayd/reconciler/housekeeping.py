"""What keeps the hub's own house in order: the time that was certain, room on the disk and in the
outbox, and what is long over."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from gatewayd.clock import Clock
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.hub import HubWasOff
from gatewayd.domain.health import AlertCode
from gatewayd.domain.retry import Tick
from gatewayd.store import journal, marks, retention
from gatewayd.store.database import Database
from gatewayd.store.outbox import Outbox, subjects

MARK_EVERY = timedelta(minutes=30)
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Goes round at each recheck of the clock."""

    database: Database
    outbox: Outbox
    clock: Clock

    async def run(self) -> None:
        """For ever; ends only by cancellation."""
        nothing, forget_due = asyncio.Event(), self.clock.tick()
        while True:
            await self.keep_mark()
            await self.keep_room()
            await self.outbox.shed()
            if self.clock.tick() >= forget_due:
                await self.forget()
                forget_due = Tick(self.clock.tick() + DAY)
            await self.clock.wait(nothing, None)

    async def forget(self) -> None:
        """Drop what is long over."""
        async with self.database.transaction() as tx:
            await retention.forget(tx, self.outbox, self.clock.now())
            await journal.forget(tx, self.clock.now())

    async def keep_room(self) -> None:
        """Say that the disk is full as long as there is no ballast; telemetry gives way to what was
        done and seen."""
        ballast = await asyncio.to_thread(self.database.room.take)
        told = await subjects(self.database.read, AlertCode.DISK_FULL)
        if ballast == bool(told):
            alert = (cleared if ballast else raised)(AlertCode.DISK_FULL, "hub")
            async with self.database.transaction() as tx:
                await self.outbox.tell(tx, self.clock.now(), [alert])
        if not ballast:
            await self.outbox.shed(room=0)

    async def keep_mark(self) -> None:
        """Write down the last certain time: at once in a new boot, which tells whether the hub was
        off for too long, then every half hour, 48 times a day."""
        mark, kept = self.clock.mark, await marks.get(self.database.read)
        if mark is None or (
            kept and kept.boot == mark.boot and abs(mark.at - kept.at) < MARK_EVERY
        ):
            return
        async with self.database.transaction() as tx:
            if kept and kept.boot != mark.boot and self.clock.beyond(kept):
                await self.outbox.tell(tx, self.clock.now(), [HubWasOff(kept.at, mark.at)])
            marks.put(tx, mark)
