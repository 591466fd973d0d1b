"""A hub with one lock of the Z-Wave simulator: the real intake, store, watch, workers and driver,
in real time."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from gatewayd.clock import SystemClock
from gatewayd.intake.accept import Intake
from gatewayd.locks.zwave.radio import ZwaveRadio
from gatewayd.reconciler.reconciler import Reconciler
from gatewayd.reconciler.rounds import Rounds
from gatewayd.reconciler.worker import Tools
from gatewayd.store.database import Database, Transaction, open_database
from gatewayd.store.outbox import Outbox
from simulators.zwave import ZwaveSimulator
from tests.house import HUB, Document, command
from tests.integration.conftest import eventually
from tests.integration.test_reconciler import Stop, take
from tests.rounds import document, stay

type Exchanges = dict[str, int]


@dataclass
class Hub:
    """All that is between the intake and the lock."""

    zwave: ZwaveSimulator
    node: int
    database: Database
    intake: Intake
    commands: int = 0

    async def send(self, type_: str, data: object) -> str:
        """A command; returns its id."""
        self.commands += 1
        id_ = f"C{self.commands}"
        await take(self.intake, command(type_, data, id=id_))
        return id_

    async def book(self, id_: str) -> str:
        """A guest who is there; returns the command's id."""
        today = date.today()  # noqa: DTZ011  # any zone's will do
        week = (str(today - timedelta(2)), str(today + timedelta(5)))
        return await self.send("reservation.put", stay(id_, *week))

    async def done(self, id_: str) -> None:
        """Until a command's effect is proven."""

        async def done() -> bool:
            return id_ in {e["cause"] for e in await self.told("command.done")}

        await eventually(done, within=60)

    async def told(self, type_: str) -> list[Document]:
        """The events of a type."""
        rows = await self.database.read.rows(
            "SELECT envelope FROM outbox WHERE type = ? ORDER BY seq", (type_,)
        )
        return [json.loads(envelope) for (envelope,) in rows]

    async def known(self) -> int:
        """Of how many slots it is known what they hold."""
        ((found,),) = await self.database.read.rows("SELECT count(*) FROM slots")
        return int(found)

    async def lock(self) -> Document:
        """As it is, whatever the hub believes."""
        return await self.zwave.node(self.node)

    async def exchanges(self) -> Exchanges:
        """Since the counters were reset."""
        return dict((await self.zwave.frames())["exchanges"][self.node])


@asynccontextmanager
async def opened(folder: Path, zwave: ZwaveSimulator, node: int) -> AsyncIterator[Hub]:
    """A new hub and its lock, without backup codes."""
    clock = SystemClock()
    database = await open_database(folder / "hub.db", clock)
    outbox = Outbox(database, HUB, "epoch")
    intake = Intake(database, outbox, clock, Random(1), HUB)
    tools = Tools(database, outbox, intake, clock)
    radio = ZwaveRadio(zwave.url, clock)
    reconciler, rounds = Reconciler({"zwave": radio}, tools), Rounds(tools)

    def committed(tx: Transaction) -> None:
        reconciler.committed(tx)
        rounds.committed(tx)

    database.committed = committed
    site = document("a", pool=0)
    site["locks"] = [{"id": "a", "name": "a", "driver": "zwave", "address": str(node)}]
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(radio.run())
            group.create_task(reconciler.run(group))
            group.create_task(rounds.run())
            hub = Hub(zwave, node, database, intake)
            await hub.send("site.put", site)
            yield hub
            raise Stop
    except* Stop:
        pass
    finally:
        await database.close()
