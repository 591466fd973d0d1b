"""The real stacks, started once a session for the tests that leave them as they found them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from gatewayd.clock import Clock, SystemClock
from gatewayd.domain.credentials import Credentials
from gatewayd.domain.report import Report
from gatewayd.domain.retry import Tick
from gatewayd.locks.nuki.radio import NukiRadio
from gatewayd.locks.zwave.radio import ZwaveRadio
from gatewayd.store.database import open_database
from gatewayd.store.keyring import NukiKeyring
from simulators.bluetooth import BluetoothSimulator
from simulators.zwave import ZwaveSimulator

type Reports = list[tuple[str, Report]]


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
    simulator: BluetoothSimulator, keyring: NukiKeyring, lock: int, pin: int | None = None
) -> str:
    """The address of a lock that the hub is paired with."""
    made = await simulator.authorise(lock)
    credentials = Credentials(
        auth_id=made["auth_id"],
        shared_key=bytes.fromhex(made["shared_key"]),
        security_pin=made["pin"] if pin is None else pin,
        lock_uuid="",
        name=f"lock {lock}",
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
    """A Bluetooth radio on its task, up, and what its locks report."""
    radio = NukiRadio(adapters, keyring, clock or SystemClock(), bindings)
    async with _up(radio) as heard:
        yield radio, heard


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
async def _up(radio: ZwaveRadio | NukiRadio) -> AsyncIterator[Reports]:
    heard: Reports = []
    radio.on_report = lambda address, report: heard.append((address, report))
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
