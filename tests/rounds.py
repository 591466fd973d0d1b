"""A hub that makes its rounds: the real intake, store, watch and workers on locks in memory, in
virtual time."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from gatewayd.intake.accept import Intake
from gatewayd.reconciler.reconciler import Reconciler
from gatewayd.reconciler.rounds import Rounds
from gatewayd.reconciler.worker import Tools
from gatewayd.store.database import Database, Transaction, open_database
from gatewayd.store.outbox import Outbox
from gatewayd.store.status import reported
from tests.fakes import FakeLock, FakeRadio
from tests.house import HUB, Document, command
from tests.integration.test_reconciler import MINUTE, Stop, VirtualClock, take

RECHECK = 5 * MINUTE
"""A day has many rechecks; the hub's own are more frequent."""
NOTE = "a spare key is in the box"


@dataclass
class Site:
    """A hub that makes its rounds; its locks are in memory."""

    clock: VirtualClock
    database: Database
    intake: Intake
    radio: FakeRadio
    doors: tuple[str, ...]
    tools: Tools
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
        return await self.send("reservation.put", stay(id_, arrival, departure) | more)

    async def told(self, *kinds: str) -> list[Document]:
        """What is new in the outbox, of these kinds where any are named."""
        rows = await self.database.read.rows(
            "SELECT seq, envelope FROM outbox WHERE seq > ? ORDER BY seq", (self.read,)
        )
        self.read = rows[-1][0] if rows else self.read
        events = [json.loads(envelope) for _, envelope in rows]
        return [e for e in events if not kinds or e["type"].startswith(kinds)]

    async def all_told(self) -> list[Document]:
        """All that is in the outbox."""
        self.read = 0
        return await self.told()

    async def alerts(self) -> set[tuple[str, str]]:
        """Those that stand, besides the one that the site's policy leads to."""
        found = set(await self.database.read.rows("SELECT code, subject FROM alerts"))
        return found - {("no_grace", "p")}

    async def reported(self) -> list[Document]:
        """The keys of the retained summary."""
        summary = await reported(self.database.read, self.clock.now(), self.clock, b"")
        return list(summary["keys"])

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
    first: Document | None = None,
    restored: bool = False,
    chance: int = 1,
    **policy: Any,
) -> AsyncIterator[Site]:
    """All that is between the intake and the locks, and the hub's own rounds; `first`: the site
    document, by default `document`; `restored`: the database that is there knows its site."""
    clock = clock or VirtualClock(recheck=RECHECK)
    database = await open_database(folder / "hub.db", clock)
    outbox = Outbox(database, HUB, "epoch")
    intake = Intake(database, outbox, clock, Random(chance), HUB)
    radio = radio or FakeRadio(clock)
    tools = Tools(database, outbox, intake, clock)
    reconciler, rounds = Reconciler({"fake": radio}, tools), Rounds(tools)

    def committed(tx: Transaction) -> None:
        reconciler.committed(tx)
        rounds.committed(tx)

    database.committed = committed
    if not restored:
        whole = first or document(*doors, pool=pool, **policy)
        await take(intake, command("site.put", whole, id="site"))
        async with database.transaction() as tx:  # the inventory has tests of its own
            await tx.rows("UPDATE locks SET inventoried = 1")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(reconciler.run(group))
            group.create_task(rounds.run())
            await clock.settle(len(doors) + 1)
            yield Site(clock, database, intake, radio, doors, tools)
            raise Stop
    except* Stop:
        pass
    finally:
        await database.close()


def document(*doors: str, version: int = 1, pool: int = 3, **policy: Any) -> Document:
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


def stay(id_: str, arrival: str, departure: str) -> Document:
    """A reservation of all doors."""
    return {
        "id": id_,
        "version": 1,
        "property_id": "p",
        "arrival": arrival,
        "departure": departure,
        "confirmation_code": id_,
    }


def of(events: list[Document], type_: str) -> list[Document]:
    """The data of the events of a type."""
    return [event["data"] for event in events if event["type"] == type_]
