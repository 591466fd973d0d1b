"""The daily check at a lock that tells a checksum: one exchange, on the real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest_asyncio

from gatewayd.clock import SystemClock
from gatewayd.intake.accept import Intake
from gatewayd.locks.zwave.radio import ZwaveRadio
from gatewayd.reconciler.reconciler import Reconciler
from gatewayd.reconciler.rounds import Rounds
from gatewayd.reconciler.worker import Tools
from gatewayd.store.database import Database, Transaction, open_database
from gatewayd.store.outbox import Outbox
from simulators.zwave import ZwaveSimulator
from tests.house import HUB, command
from tests.integration.conftest import eventually
from tests.integration.test_reconciler import Stop, take
from tests.rounds import document, stay

V2, SLOTS, GUESTS = 5, 22, 20


@dataclass
class Hub:
    """All that is between the intake and one lock."""

    zwave: ZwaveSimulator
    database: Database
    intake: Intake
    commands: int = 0

    async def send(self, type_: str, data: object) -> str:
        """A command; returns its id."""
        self.commands += 1
        id_ = f"C{self.commands}"
        await take(self.intake, command(type_, data, id=id_))
        return id_

    async def count(self, sql: str) -> int:
        """How many rows."""
        ((found,),) = await self.database.read.rows(f"SELECT count(*) FROM {sql}")  # noqa: S608  # constants
        return int(found)

    async def check(self) -> dict[str, int]:
        """The daily check, now; returns the exchanges that it took."""
        await self.zwave.reset_frames()
        id_ = await self.send("health.run", {})

        async def done() -> bool:
            answer = "outbox WHERE type = 'command.done' AND json_extract(envelope, '$.cause') = "
            return bool(await self.count(f"{answer}'{id_}'"))

        await eventually(done, within=60)
        return dict((await self.zwave.frames())["exchanges"][V2])


@asynccontextmanager
async def _running(
    radio: ZwaveRadio, reconciler: Reconciler, rounds: Rounds
) -> AsyncIterator[None]:
    """The tasks of the daemon, until the test is over."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(radio.run())
            group.create_task(reconciler.run(group))
            group.create_task(rounds.run())
            yield
            raise Stop
    except* Stop:
        pass


@pytest_asyncio.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    """Twenty guests are there, their codes are proven, and the lock is known as a whole."""
    clock = SystemClock()
    database = await open_database(tmp_path / "hub.db", clock)
    outbox = Outbox(database, HUB, "epoch")
    intake = Intake(database, outbox, clock, Random(1), HUB)
    tools = Tools(database, outbox, intake, clock)
    async with ZwaveSimulator(nodes=(V2,), slots=SLOTS) as zwave:
        await zwave.set_code(V2, 1, "909090")  # a person's
        radio = ZwaveRadio(zwave.url, clock)
        reconciler, rounds = Reconciler({"zwave": radio}, tools), Rounds(tools)

        def committed(tx: Transaction) -> None:
            reconciler.committed(tx)
            rounds.committed(tx)

        database.committed = committed
        hub = Hub(zwave, database, intake)
        async with _running(radio, reconciler, rounds):
            site = document("a", pool=0)
            site["locks"] = [{"id": "a", "name": "a", "driver": "zwave", "address": str(V2)}]
            await hub.send("site.put", site)
            today = date.today()  # noqa: DTZ011  # any zone's will do
            week = (str(today - timedelta(2)), str(today + timedelta(5)))
            for n in range(GUESTS):
                await hub.send("reservation.put", stay(f"r{n}", *week))

            async def known() -> bool:
                proven = await hub.count("leases WHERE proof = 'matched'")
                return (proven, await hub.count("slots")) == (GUESTS, SLOTS)

            await eventually(known, within=90)
            yield hub
    await database.close()


async def test_twenty_codes_are_one_exchange_and_what_was_altered_is_found(hub: Hub) -> None:
    # S1-9
    assert await hub.check() == {"get": 1, "set": 0}
    assert await hub.check() == {"get": 1, "set": 0}  # and what is known of the lock stays known

    codes = (await hub.zwave.node(V2))["codes"]
    await hub.zwave.set_code(V2, 7, "808080")  # past the radio
    exchanges = await hub.check()
    assert await hub.count("outbox WHERE type = 'code.lost'") == 1
    assert exchanges["get"] > GUESTS
    there = (await hub.zwave.node(V2))["codes"]
    assert set(codes.values()) <= set(there.values())  # in another slot: that one is a person's
    assert there[7] == "808080"
    assert await hub.check() == {"get": 1, "set": 0}


async def test_a_person_s_code_that_the_lock_reports_is_read_once_and_counts(hub: Hub) -> None:
    # S1-9
    await hub.zwave.set_code(V2, SLOTS, "808080")
    await hub.zwave.notify(V2, 6, 0x0E, (SLOTS,))

    async def told() -> bool:
        return await hub.count("outbox WHERE type = 'lock.foreign_code'") == 2  # and the first

    await eventually(told)
    assert await hub.check() == {"get": 1, "set": 0}


async def test_a_resync_reads_each_slot(hub: Hub) -> None:
    # S1-26
    await hub.zwave.reset_frames()
    await hub.send("lock.resync", {"lock_id": "a"})

    async def known() -> bool:
        return await hub.count("slots") == SLOTS

    await eventually(known, within=60)
    assert (await hub.zwave.frames())["exchanges"][V2] == {"get": SLOTS, "set": 0}
