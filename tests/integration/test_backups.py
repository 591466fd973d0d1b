"""Backup codes, the watch and the daily check: the real intake, rounds and workers on locks in
memory, in virtual time."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from gatewayd.intake.accept import Intake
from gatewayd.reconciler.reconciler import Reconciler
from gatewayd.reconciler.watch import Watch
from gatewayd.reconciler.worker import Tools
from gatewayd.store.database import Database, Transaction, open_database
from gatewayd.store.outbox import Outbox
from tests.fakes import FakeLock, FakeRadio
from tests.house import HUB, Document, command
from tests.integration.test_reconciler import HOUR, MINUTE, Stop, VirtualClock, take

NOTE = "a spare key is in the box"


@dataclass
class Site:
    """A hub that makes its rounds; its locks are in memory."""

    clock: VirtualClock
    database: Database
    intake: Intake
    radio: FakeRadio
    doors: tuple[str, ...]
    numbers: int = 0
    read: int = 0

    async def pass_(self, seconds: float) -> None:
        """Time passes."""
        await self.clock.advance(seconds, len(self.doors) + 1)
        await self.clock.settle(len(self.doors) + 1)

    async def send(self, type_: str, data: object) -> list[Document]:
        """A command; returns what was told until all is quiet."""
        self.numbers += 1
        await self.told()
        await take(self.intake, command(type_, data, id=f"C{self.numbers}"))
        await self.clock.settle(len(self.doors) + 1)
        return await self.told()

    async def book(self, id_: str, arrival: str, departure: str, **more: object) -> list[Document]:
        """A reservation of all doors: 13:00 to 10:00 UTC, without grace."""
        stay = {
            "id": id_,
            "version": 1,
            "property_id": "p",
            "arrival": arrival,
            "departure": departure,
            "confirmation_code": id_,
        }
        return await self.send("reservation.put", stay | more)

    async def told(self, *kinds: str) -> list[Document]:
        """What is new in the outbox, of these kinds where any are named."""
        rows = await self.database.read.rows(
            "SELECT seq, envelope FROM outbox WHERE seq > ? ORDER BY seq", (self.read,)
        )
        self.read = rows[-1][0] if rows else self.read
        events = [json.loads(envelope) for _, envelope in rows]
        return [e for e in events if not kinds or e["type"].startswith(kinds)]

    async def alerts(self) -> set[tuple[str, str]]:
        """Those that stand."""
        return set(await self.database.read.rows("SELECT code, subject FROM alerts"))

    def lock(self, door: str) -> FakeLock:
        """Its memory."""
        return self.radio.lock(door)

    async def code(self, key: str) -> str:
        """Of a key."""
        ((code,),) = await self.database.read.rows("SELECT code FROM keys WHERE id = ?", (key,))
        return str(code)


@asynccontextmanager
async def site(
    folder: Path,
    *doors: str,
    radio: FakeRadio | None = None,
    clock: VirtualClock | None = None,
    pool: int = 3,
    **policy: object,
) -> AsyncIterator[Site]:
    """All that is between the intake and the locks, and the hub's own rounds."""
    clock = clock or VirtualClock(recheck=MINUTE)
    database = await open_database(folder / "hub.db", clock)
    outbox = Outbox(database, HUB, "epoch")
    intake = Intake(database, outbox, clock, Random(1), HUB)
    radio = radio or FakeRadio(clock)
    tools = Tools(database, outbox, intake, clock)
    reconciler, watch = Reconciler({"fake": radio}, tools), Watch(tools)

    def committed(tx: Transaction) -> None:
        reconciler.committed(tx)
        watch.committed(tx)

    database.committed = committed
    await take(intake, command("site.put", document(*doors, pool=pool, **policy), id="site"))
    async with database.transaction() as tx:  # the inventory has tests of its own
        await tx.rows("UPDATE locks SET inventoried = 1")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(reconciler.run(group))
            group.create_task(watch.run())
            await clock.settle(len(doors) + 1)
            yield Site(clock, database, intake, radio, doors)
            raise Stop
    except* Stop:
        pass
    finally:
        await database.close()


def document(*doors: str, version: int = 1, pool: int = 3, **policy: object) -> Document:
    """One property with these locks."""
    return {
        "version": version,
        "zone": "UTC",
        "policy": {"grace": "0", "backup": {"pool": pool}} | policy,
        "properties": [
            {
                "id": "p",
                "name": "P",
                "check_in": "13:00",
                "check_out": "10:00",
                "locks": list(doors),
            }
        ],
        "locks": [
            {"id": d, "name": d, "driver": "fake", "address": d, "fallback_note": NOTE}
            for d in doors
        ],
    }


def of(events: list[Document], type_: str) -> list[Document]:
    """The data of the events of a type."""
    return [event["data"] for event in events if event["type"] == type_]


# --- the pool ----------------------------------------------------------------------------------


async def test_a_pool_lies_on_each_lock_and_is_told_when_it_is_proven(tmp_path: Path) -> None:
    # S0-2, S0-3: three codes, none twice on the site
    async with site(tmp_path, "a", "b") as hub:
        ready = of(await hub.told(), "backup.ready")
        assert [(x["lock_id"], x["label"]) for x in ready] == [
            (door, f"Backup-{n}") for door in "ab" for n in (1, 2, 3)
        ] or len(ready) == 6
        codes = {(x["lock_id"], x["code"]) for x in ready}
        assert codes == {(d, c) for d in "ab" for c in hub.lock(d).codes.values()}
        assert len({code for _, code in codes}) == 6
        await hub.pass_(10 * MINUTE)
        assert of(await hub.told(), "backup.ready") == []
