"""Nuki locks for measurements: a site with so many of them, and one lock by driver and by hand."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from bleak import BleakClient

from bench.rig import Site, site_document
from gatewayd.clock import SystemClock
from gatewayd.domain.code import Code
from gatewayd.domain.slot import Entry, Holds
from gatewayd.locks.nuki.radio import NukiRadio
from gatewayd.store.database import open_database
from gatewayd.store.keyring import NukiKeyring
from simulators.bluetooth import BluetoothSimulator
from simulators.bluetooth.client import BareClient, Credentials
from simulators.bluetooth.codes import Wanted
from simulators.broker import Broker
from simulators.cloud import Cloud
from simulators.hub import Hub, credentials

ADAPTER, CODE, NAME = "hci0", "345678", "bench"
HEARD_WITHIN_S, LOOK_S = 10.0, 0.01


@dataclass(slots=True, kw_only=True)
class NukiSite(Site):
    """A hub with nothing but Nuki locks, each a property by itself."""

    sim: BluetoothSimulator
    locks: tuple[str, ...]

    async def prove(self, locks: Sequence[str]) -> float:
        """Seconds from putting a reservation for each of these locks until the cloud has heard that
        all show their codes; the codes are removed again."""
        start = perf_counter()
        guests = [await self.put(lock) for lock in locks]
        for guest, lock in zip(guests, locks, strict=True):
            await self.confirmed(guest, [lock])
        took = perf_counter() - start
        for guest, lock in zip(guests, locks, strict=True):
            await self.remove(guest, [lock])
        await self.quiet()
        return took


@contextlib.asynccontextmanager
async def nuki_site(sim: BluetoothSimulator, count: int) -> AsyncIterator[NukiSite]:
    """A running site whose hub had a code in each lock once."""
    with tempfile.TemporaryDirectory(prefix="gatewayd-bench-") as name:
        folder = Path(name)
        async with Broker(folder / "broker") as broker:
            hub = Hub(folder / "hub", broker.port, None, bluetooth=sim.environment)
            made = {f"nuki{n:02}": await sim.authorise(n) for n in range(1, count + 1)}
            await hub.pair(*made.values())
            addresses = {lock: str(each["address"]) for lock, each in made.items()}
            locks = tuple(addresses)
            document = site_document({lock: [lock] for lock in locks}, addresses, "nuki")
            async with hub, Cloud(broker.port, hub.prefix) as cloud:
                await cloud.done(await cloud.send("site.put", document))
                site = NukiSite(hub=hub, cloud=cloud, sim=sim, locks=locks)
                await site.prove(locks)
                yield site


class OneLock:
    """The simulator's first lock from this process, through the driver and without it. Either side
    connects, adds a code, reads the list and leaves; both use what the driver's scan has heard."""

    def __init__(self, radio: NukiRadio, address: str, bare: Credentials) -> None:
        self._radio, self._address, self._bare = radio, address, bare

    async def by_driver(self) -> None:
        """As a worker does it."""
        async with self._radio.lock(self._address).session() as session:
            slot = await session.write(Entry(Code(CODE), NAME), None)
            match (await session.observe([slot]))[slot]:
                case Holds(code=Code(digits=digits)) if digits == CODE:
                    return
        raise RuntimeError("the lock does not show the code that was written")

    async def by_hand(self) -> None:
        """The same commands on the simulator's own codec; services are remembered, as the driver
        has it."""
        heard = self._radio.adapters[ADAPTER].hearing(self._address)
        if heard is None:
            raise RuntimeError("the lock is not heard")
        client = BleakClient(heard.device)
        await client.connect(dangerous_use_bleak_cache=True)
        try:
            bare = BareClient(client, self._bare)
            await bare.listen()
            id_ = await bare.add(Wanted(code=int(CODE), name=NAME))
            if not any((each.id, each.code) == (id_, int(CODE)) for each in await bare.codes()):
                raise RuntimeError("the lock does not show the code that was written")
        finally:
            await client.disconnect()


@contextlib.asynccontextmanager
async def one_lock(sim: BluetoothSimulator) -> AsyncIterator[OneLock]:
    """A radio that listens in this process, and a pairing for each side."""
    ours, theirs = await sim.authorise(1), await sim.authorise(1)
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="gatewayd-bench-") as name, _on(sim.environment):
        database = await open_database(Path(name) / "gatewayd.db", clock)
        keyring = NukiKeyring(database)
        await keyring.put(ours["address"], credentials(ours))
        radio = NukiRadio([ADAPTER], keyring, clock)
        running = asyncio.create_task(radio.run())
        try:
            async with asyncio.timeout(HEARD_WITHIN_S):
                while radio.adapters[ADAPTER].hearing(ours["address"]) is None:  # noqa: ASYNC110  # no event
                    await asyncio.sleep(LOOK_S)
            yield OneLock(radio, ours["address"], Credentials.from_control(theirs))
        finally:
            running.cancel()
            await asyncio.wait([running])
            await database.close()


@contextlib.contextmanager
def _on(environment: Mapping[str, str]) -> Iterator[None]:
    """This process speaks to that bus."""
    before: dict[str, Any] = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
