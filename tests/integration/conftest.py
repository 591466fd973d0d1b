"""The real stacks, started once a session for the tests that leave them as they found them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gatewayd.clock import Clock, SystemClock
from gatewayd.domain.code import Code
from gatewayd.domain.credentials import PIN_TRIES, Credentials
from gatewayd.domain.moment import Window
from gatewayd.domain.report import Heard, Logged, Report
from gatewayd.domain.retry import Tick
from gatewayd.domain.slot import Entry, Observation
from gatewayd.locks.nuki.lock import NukiLock
from gatewayd.locks.nuki.radio import NukiRadio
from gatewayd.locks.zwave.radio import ZwaveRadio
from gatewayd.store.database import open_database
from gatewayd.store.keyring import NukiKeyring, log_told
from simulators.bluetooth import BluetoothSimulator
from simulators.zwave import ZwaveSimulator

type Reports = list[tuple[str, Report]]

NUKI = 2
"""The number of the lock of a `Site`."""
NUKI_CODE = Code("345678")
NUKI_WINDOW = Window(datetime(2026, 7, 1, 13, tzinfo=UTC), datetime(2026, 7, 5, 13, tzinfo=UTC))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def zwave() -> AsyncIterator[ZwaveSimulator]:
    """Locks of all kinds: User Code V1 (2), V2 S2 with schedules (3), V2 (5), V1 asleep (6), V1 S2
    (7), and User Credential (4)."""
    async with ZwaveSimulator(nodes=(2, 3, 4, 5, 6, 7), slots=10) as simulator:
        yield simulator


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bluetooth() -> AsyncIterator[BluetoothSimulator]:
    """Three Nuki locks with room for 10 codes, two adapters; bleak finds its bus."""
    async with BluetoothSimulator(locks=3, adapters=2, codes=10, advertise_ms=20) as simulator:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in simulator.environment.items():
                patch.setenv(name, value)
            yield simulator


@pytest_asyncio.fixture(loop_scope="session")
async def keyring(tmp_path: Path) -> AsyncIterator[NukiKeyring]:
    """The real one."""
    database = await open_database(tmp_path / "gatewayd.db", SystemClock())
    yield NukiKeyring(database)
    await database.close()


async def paired(
    simulator: BluetoothSimulator,
    keyring: NukiKeyring,
    lock: int,
    pin: int | None = None,
    tries: int = PIN_TRIES,
) -> str:
    """The address of a lock that the hub is paired with."""
    made = await simulator.authorise(lock)
    credentials = Credentials(
        auth_id=made["auth_id"],
        shared_key=bytes.fromhex(made["shared_key"]),
        security_pin=made["pin"] if pin is None else pin,
        lock_uuid="",
        name=f"lock {lock}",
        pin_tries=tries,
    )
    await keyring.put(made["address"], credentials)
    return str(made["address"])


@asynccontextmanager
async def listening(
    keyring: NukiKeyring,
    clock: Clock | None = None,
    adapters: Sequence[str] = ("hci0",),
    bindings: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[NukiRadio, Reports]]:
    """A Bluetooth radio on its task, up, and what its locks report, once it is written down."""
    radio = NukiRadio(adapters, keyring, clock or SystemClock(), bindings)
    entries: asyncio.Queue[Logged] = asyncio.Queue()

    async def write() -> None:
        """What a worker does with a log."""
        while True:
            entry = await entries.get()
            async with keyring._database.transaction() as tx:
                new = await log_told(tx, entry.address, entry.index)
            if new and entry.told:
                heard.append((entry.address, entry.told))

    async with _up(radio, entries) as heard:
        writing = asyncio.create_task(write())
        yield radio, heard
        writing.cancel()


class SkippingClock(SystemClock):
    """The machine's, with ticks that can be moved on."""

    skipped = 0.0

    def tick(self) -> Tick:
        """Later by what was skipped."""
        return Tick(super().tick() + self.skipped)


@asynccontextmanager
async def running(
    url: str, clock: Clock | None = None
) -> AsyncIterator[tuple[ZwaveRadio, Reports]]:
    """A radio on its task, up, and what its locks report."""
    radio = ZwaveRadio(url, clock or SystemClock())
    async with _up(radio) as heard:
        yield radio, heard


@asynccontextmanager
async def _up(
    radio: ZwaveRadio | NukiRadio, entries: asyncio.Queue[Logged] | None = None
) -> AsyncIterator[Reports]:
    heard: Reports = []

    def hear(address: str, report: Heard) -> None:
        if not isinstance(report, Logged):
            heard.append((address, report))
        elif entries is not None:
            entries.put_nowait(report)

    radio.on_report = hear
    task = asyncio.create_task(radio.run())
    try:
        async with asyncio.timeout(20):
            await radio.link.up.wait()
        yield heard
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(condition: Callable[[], object], within: float = 10.0) -> None:
    """Wait for a state, with a deadline."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  # many kinds of state, one way to wait
            await asyncio.sleep(0.01)


async def eventually(condition: Callable[[], Awaitable[object]], within: float = 20.0) -> None:
    """Ask again until it is so."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110  # another process knows, no event tells
            await asyncio.sleep(0.01)


# A Nuki lock that tests may do everything to


@dataclass
class Site:
    """A Nuki lock that the hub is paired with, and a radio that hears it."""

    sim: BluetoothSimulator
    keyring: NukiKeyring
    address: str
    radio: NukiRadio
    heard: Reports

    @property
    def driver(self) -> NukiLock:
        return self.radio.lock(self.address)

    async def state(self) -> dict[str, Any]:
        return await self.sim.lock(NUKI)

    async def codes(self) -> list[str]:
        """What is in the lock's own memory."""
        return [code["code"] for code in (await self.state())["codes"]]

    async def sent(self, command: str) -> int:
        """How often the lock was asked."""
        return int((await self.state())["commands"].get(command, 0))

    async def came(self, command: str) -> None:
        """Until the lock was asked."""

        async def came() -> bool:
            return await self.sent(command) > 0

        await eventually(came)

    async def write(self, code: Code = NUKI_CODE, slot: int | None = None) -> int:
        async with self.driver.session() as session:
            return await session.write(Entry(code, "guest", window=NUKI_WINDOW), slot)

    async def seen(self) -> dict[int, Observation]:
        async with self.driver.session() as session:
            return dict(await session.observe([]))

    async def is_free(self) -> bool:
        """Whether nobody holds a link."""
        adapters = (await self.sim.bus())["adapters"].values()
        return not any(adapter["links"] for adapter in adapters)

    def told[R: Report](self, kind: type[R]) -> list[R]:
        return [report for _, report in self.heard if isinstance(report, kind)]


@pytest_asyncio.fixture(loop_scope="session")
async def healthy(bluetooth: BluetoothSimulator) -> AsyncIterator[BluetoothSimulator]:
    """Left as it was found."""
    yield bluetooth
    counts = {"in_progress": 0, "connection_abort": 0, "connection_canceled": 0, "connect_ms": 0}
    await bluetooth.bus_faults(bluez=True, service_rights=True, slots=7, **counts)
    for adapter in ("hci0", "hci1"):
        await bluetooth.bus_faults(adapter=adapter, plugged=True, powered=True)
    await bluetooth.reset(NUKI)


@pytest_asyncio.fixture(loop_scope="session")
async def site(healthy: BluetoothSimulator, keyring: NukiKeyring) -> AsyncIterator[Site]:
    """An empty lock; whatever happens to it, no link is left."""
    address = await paired(healthy, keyring, NUKI)
    async with listening(keyring) as (there, heard):
        site = Site(healthy, keyring, address, there, heard)
        yield site
        await eventually(site.is_free)
