"""A hub's store, intake and link for real, without locks: what a broker sees of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from gatewayd.clock import Clock, SystemClock
from gatewayd.cloud import link as linking
from gatewayd.cloud.connection import Address, Broker
from gatewayd.cloud.entities import Names
from gatewayd.cloud.home_assistant import HomeAssistant
from gatewayd.cloud.link import Accept, CloudLink, Remember, status
from gatewayd.cloud.publisher import Publisher
from gatewayd.domain.events import Event
from gatewayd.intake.accept import Intake
from gatewayd.store.database import Database, Transaction, open_database
from gatewayd.store.outbox import Outbox
from tests.house import HUB

PREFIX = f"v1/org/site/{HUB}/"


class Stop(Exception):
    """Ends the link."""


@dataclass
class Hub:
    """The cloud's end of a hub: store, intake and link; no locks."""

    database: Database
    outbox: Outbox
    link: CloudLink
    intake: Intake
    publisher: Publisher

    async def tell(self, *events: Event) -> None:
        """Put events into the outbox."""
        async with self.database.transaction() as tx:
            await self.outbox.tell(tx, SystemClock().now(), events)

    async def eventually(self, condition: object, within: float = 15.0) -> None:
        """Wait for a state of the hub."""
        assert callable(condition)
        async with asyncio.timeout(within):
            while not await condition():  # noqa: ASYNC110  # the state is the broker's and ours
                await asyncio.sleep(0.02)

    async def empty(self) -> bool:
        """Whether every event has its receipt."""
        return not await self.database.read.rows("SELECT 1 FROM outbox")


@asynccontextmanager
async def hub(  # noqa: PLR0917  # as in Broker
    folder: Path,
    port: int,
    accept: Accept | None = None,
    username: str | None = None,
    password: str | None = None,
    tls: ssl.SSLContext | None = None,
    clock: Clock | None = None,
    *,
    legacy: bool = False,
    before: tuple[int, ...] = (),
    remember: Remember | None = None,
    names: Names | None = None,
) -> AsyncIterator[Hub]:
    """A hub whose link runs; `before`: ports that it tries first."""
    clock = clock or SystemClock()
    database = await open_database(folder / "hub.db", clock)
    outbox = Outbox(database, HUB, "epoch")
    intake = Intake(database, outbox, clock, Random(1), HUB)
    publisher = Publisher(database, outbox, clock, PREFIX, b"secret")
    home = HomeAssistant(database, names)

    async def take(payload: bytes, kind: str, retained: bool) -> None:
        await intake.accept(payload, kind=kind, retained=retained)

    async def session_lost() -> None:
        pass

    def committed(tx: Transaction) -> None:
        publisher.committed(tx)
        home.committed(tx)

    database.committed = committed
    will = (f"{PREFIX}status", status("offline", "lost", clock.now().latest, "0"))
    addresses = tuple(Address("127.0.0.1", each) for each in (*before, port))
    broker = Broker(addresses, "hub", will, username, password, tls, keepalive=5, legacy=legacy)
    told = (
        accept or take,
        session_lost,
        publisher,
        clock,
        Random(1),
        remember,
        linking.RETAINED,
        home,
    )
    link = CloudLink(broker, PREFIX, "0", *told)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(link.run())
            yield Hub(database, outbox, link, intake, publisher)
            raise Stop
    except* Stop:
        pass
    finally:
        await database.close()


async def true(value: object) -> bool:
    """For a condition of `eventually` that waits for nothing."""
    return bool(value)
