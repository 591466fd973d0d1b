"""A hub with one lock, `a`, of a simulator: the real intake, store, watch, workers and driver, in
real time or by a clock of the test's."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from gatewayd.clock import Clock, SystemClock
from gatewayd.intake.accept import Intake
from gatewayd.locks.driver import Radio
from gatewayd.locks.nuki.radio import NukiRadio
from gatewayd.locks.zwave.radio import ZwaveRadio
from gatewayd.reconciler.reconciler import Reconciler
from gatewayd.reconciler.rounds import Rounds
from gatewayd.reconciler.worker import Tools
from gatewayd.store.database import Database, Transaction, open_database
from gatewayd.store.keyring import NukiKeyring
from gatewayd.store.outbox import Outbox
from simulators.bluetooth import BluetoothSimulator
from simulators.zwave import ZwaveSimulator
from tests.house import HUB, Document, command
from tests.integration.conftest import eventually, paired
from tests.integration.test_reconciler import Stop, take
from tests.rounds import document, stay

type Exchanges = dict[str, int]


@dataclass(kw_only=True)
class Hub:
    """All that is between the intake and the lock."""

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

    async def code(self) -> str:
        """Of the one key of a reservation."""
        ((code,),) = await self.database.read.rows(
            "SELECT code FROM keys WHERE reservation_id IS NOT NULL"
        )
        return str(code)

    async def alerts(self) -> set[tuple[str, str]]:
        """Those that stand, besides the one that the site's policy leads to."""
        found = set(await self.database.read.rows("SELECT code, subject FROM alerts"))
        return found - {("no_grace", "p")}

    async def settled(self) -> bool:
        """Whether all new codes were looked at a second time."""
        return not await self.database.read.rows(
            "SELECT 1 FROM leases WHERE verify_due IS NOT NULL"
        )

    async def known(self) -> int:
        """Of how many slots it is known what they hold."""
        ((found,),) = await self.database.read.rows("SELECT count(*) FROM slots")
        return int(found)


@dataclass(kw_only=True)
class ZwaveHub(Hub):
    """One whose lock is a Z-Wave node."""

    zwave: ZwaveSimulator
    node: int

    async def lock(self) -> Document:
        """As it is, whatever the hub believes."""
        return await self.zwave.node(self.node)

    async def exchanges(self) -> Exchanges:
        """Since the counters were reset."""
        return dict((await self.zwave.frames())["exchanges"][self.node])


@asynccontextmanager
async def opened(
    folder: Path,
    zwave: ZwaveSimulator,
    node: int,
    clock: Clock | None = None,
    site: Document | None = None,
) -> AsyncIterator[ZwaveHub]:
    """A new hub and its Z-Wave lock; `site`: by default one without backup codes."""
    clock = clock or SystemClock()
    database = await open_database(folder / "hub.db", clock)
    radio, address = ZwaveRadio(zwave.url, clock), str(node)
    async with _running(database, clock, radio, address, site) as intake:
        yield ZwaveHub(database=database, intake=intake, zwave=zwave, node=node)


@asynccontextmanager
async def opened_nuki(
    folder: Path,
    bluetooth: BluetoothSimulator,
    lock: int,
    clock: Clock | None = None,
    site: Document | None = None,
) -> AsyncIterator[Hub]:
    """A new hub that is paired with its Nuki lock."""
    clock = clock or SystemClock()
    database = await open_database(folder / "hub.db", clock)
    keyring = NukiKeyring(database)
    address = await paired(bluetooth, keyring, lock)
    radio = NukiRadio(["hci0"], keyring, clock)
    async with _running(database, clock, radio, address, site) as intake:
        yield Hub(database=database, intake=intake)


@asynccontextmanager
async def _running(
    database: Database, clock: Clock, radio: Radio, address: str, site: Document | None
) -> AsyncIterator[Intake]:
    """All parts, on a database that is closed with them."""
    outbox = Outbox(database, HUB, "epoch")
    intake = Intake(database, outbox, clock, Random(1), HUB)
    tools = Tools(database, outbox, intake, clock)
    reconciler, rounds = Reconciler({radio.name: radio}, tools), Rounds(tools)

    def committed(tx: Transaction) -> None:
        reconciler.committed(tx)
        rounds.committed(tx)

    database.committed = committed
    lock = {"id": "a", "name": "a", "driver": radio.name, "address": address}
    site = (site or document("a", pool=0)) | {"locks": [lock]}
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(radio.run())
            group.create_task(reconciler.run(group))
            group.create_task(rounds.run())
            await take(intake, command("site.put", site, id="site"))
            yield intake
            raise Stop
    except* Stop:
        pass
    finally:
        await database.close()
