"""What fails around a Nuki lock: adapters, BlueZ, the bus and the air; whom the driver blames for
it, and what the lock holds afterwards."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner
from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus

from gatewayd.clock import SystemClock
from gatewayd.domain.report import WrongCode
from gatewayd.domain.retry import Tick
from gatewayd.errors import OutcomeUnknown, RadioDown, Unreachable
from gatewayd.locks.nuki import connection, neighbour
from gatewayd.locks.nuki.adapter import Adapter
from gatewayd.locks.nuki.neighbour import Neighbour
from gatewayd.locks.nuki.radio import NukiRadio
from gatewayd.store.keyring import NukiKeyring
from simulators.bluetooth import BluetoothSimulator
from tests.integration.conftest import NUKI, Site, eventually, listening, paired, until

# dbus-fast leaves the socket of a bus that dies while it connects to the garbage collector
pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

OTHER = 3
"""Another lock."""
AT_ONCE = 3.0
"""Seconds: well below each of the driver's own limits."""
BACK_S = 20.0
"""Seconds until what came back is in use: the driver looks again every 10 s."""


@pytest.fixture(autouse=True)
def left_open() -> Iterator[None]:
    """It is found here, and not amid another test."""
    yield
    gc.collect()


@asynccontextmanager
async def once_asked(site: Site, command: str, **fault: Any) -> AsyncIterator[None]:
    """As soon as the lock is asked this, something happens to BlueZ; it has happened afterwards."""
    before = await site.sent(command)

    async def asked() -> bool:
        return await site.sent(command) > before

    async def happen() -> None:
        await eventually(asked)
        await site.sim.bus_faults(**fault)

    async with asyncio.TaskGroup() as group:
        group.create_task(happen())
        yield


async def works_again(site: Site, *codes: str) -> None:
    """The radio is back by itself, and the lock holds what is said."""
    async with asyncio.timeout(BACK_S):
        await site.radio.link.up.wait()
    assert await site.codes() == list(codes)
    assert len(await site.seen()) == len(codes)


# An adapter that goes


@pytest.mark.parametrize("way", ["powered", "plugged"])
async def test_an_adapter_that_goes_amid_a_session_is_an_offline_radio(
    site: Site, way: str
) -> None:
    # Fault 53
    async with asyncio.timeout(AT_ONCE), site.driver.session() as session:
        await site.sim.bus_faults(adapter="hci0", **{way: False})
        with pytest.raises(RadioDown):
            await session.observe([])
    assert site.radio.link.down.is_set()
    with pytest.raises(RadioDown):
        await site.seen()
    await site.sim.bus_faults(adapter="hci0", **{way: True})
    await works_again(site)


@pytest.mark.parametrize("way", ["powered", "plugged"])
async def test_an_adapter_that_goes_while_an_answer_is_awaited_is_an_offline_radio(
    site: Site, way: str
) -> None:
    async with asyncio.timeout(AT_ONCE), site.driver.session() as session:
        await site.sim.faults(NUKI, slow_ms=700)
        async with once_asked(site, "request_data", adapter="hci0", **{way: False}):
            with pytest.raises(RadioDown):
                await session.observe([])
    await site.sim.faults(NUKI)
    await site.sim.bus_faults(adapter="hci0", **{way: True})
    await works_again(site)


@pytest.mark.parametrize("way", ["powered", "plugged"])
async def test_an_adapter_that_goes_after_a_command_leaves_its_outcome_to_the_list(
    site: Site, way: str
) -> None:
    await site.sim.faults(NUKI, slow_ms=700)
    async with once_asked(site, "add_keypad_code", adapter="hci0", **{way: False}):
        with pytest.raises(OutcomeUnknown):
            await site.write()
    assert site.radio.link.down.is_set()
    await site.sim.faults(NUKI)
    await site.sim.bus_faults(adapter="hci0", **{way: True})
    await works_again(site, "345678")


# Connecting


@pytest.mark.parametrize("fault", ["in_progress", "connection_abort", "connection_canceled"])
async def test_a_connection_that_bluez_refuses_once_is_made_all_the_same(
    site: Site, fault: str
) -> None:
    await site.sim.bus_faults(**{fault: 1})
    await site.write()
    await works_again(site, "345678")


@pytest.mark.parametrize(
    "fault", [{"bluez": False}, {"adapter": "hci0", "powered": False}, {"bus": False}]
)
async def test_what_goes_while_connecting_ends_the_attempt(
    site: Site, fault: dict[str, Any]
) -> None:
    await site.sim.bus_faults(connect_ms=60_000)
    await until(lambda: site.radio.adapters["hci0"].hearing(site.address))

    async def vanish() -> None:
        await eventually(lambda: _connecting(site))
        await site.sim.bus_faults(connect_ms=0, **fault)

    async with asyncio.timeout(2 * AT_ONCE), asyncio.TaskGroup() as group:
        group.create_task(vanish())
        with pytest.raises(RadioDown):
            await site.write()
    if "bus" in fault:
        await site.sim.restart()
    else:
        await site.sim.bus_faults(**{name: value or True for name, value in fault.items()})
    await works_again(site)


async def _connecting(site: Site) -> bool:
    return bool((await site.sim.bus())["adapters"]["hci0"]["connecting"])


async def test_two_locks_are_connected_one_after_the_other(site: Site) -> None:
    other = await paired(site.sim, site.keyring, OTHER)
    hearing = site.radio.adapters["hci0"].hearing
    await until(lambda: hearing(site.address) and hearing(other))
    await site.sim.bus_faults(connect_ms=300)

    async def look(address: str) -> None:
        async with site.radio.lock(address).session() as session:
            assert await session.observe([]) == {}
            assert (await site.sim.bus())["adapters"]["hci0"]["links"] == 1

    before = (await site.sim.bus())["adapters"]["hci0"]["collisions"]
    async with asyncio.TaskGroup() as group:
        group.create_task(look(site.address))
        group.create_task(look(other))
    assert (await site.sim.bus())["adapters"]["hci0"]["collisions"] == before


async def test_a_slow_connection_is_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER_S", 0.5)
    await site.sim.bus_faults(connect_ms=1000)  # longer than any answer may take
    await site.write()
    await works_again(site, "345678")


async def test_an_adapter_without_a_free_slot_makes_the_lock_unreachable_for_a_while(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 1.0)
    await site.sim.bus_faults(slots=0)
    with pytest.raises(Unreachable):
        await site.write()
    await site.sim.bus_faults(slots=7)
    await works_again(site)
    await site.write()
    assert await site.codes() == ["345678"]


async def test_a_device_that_bluez_forgets_is_found_again(site: Site) -> None:
    await site.write()
    hearing = site.radio.adapters["hci0"].hearing
    await until(lambda: hearing(site.address))
    path = hearing(site.address).device.details["path"]  # type: ignore[union-attr]  # it is heard
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    await bus.call(
        Message(
            destination="org.bluez",
            path="/org/bluez/hci0",
            interface="org.bluez.Adapter1",
            member="RemoveDevice",
            signature="o",
            body=[path],
        )
    )
    bus.disconnect()
    await works_again(site, "345678")


async def test_a_session_ends_at_its_deadline(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SESSION_S", 1.0)
    async with asyncio.timeout(AT_ONCE), site.driver.session() as session:
        await site.sim.faults(NUKI, silent=True)
        with pytest.raises(Unreachable):  # before the limit of a single answer
            await session.observe([])
    await site.sim.faults(NUKI)
    monkeypatch.undo()
    await works_again(site)


# BlueZ and the bus


async def test_a_bus_that_dies_without_a_goodbye_is_an_offline_radio_at_once(site: Site) -> None:
    # Fault 54
    await site.write()
    async with asyncio.timeout(AT_ONCE), site.driver.session() as session:
        await site.sim.bus_faults(bus=False)
        with pytest.raises(RadioDown):
            await session.observe([])
        await site.radio.link.down.wait()
    with pytest.raises(RadioDown):
        await site.seen()
    await site.sim.restart()
    await works_again(site, "345678")


async def test_a_bus_that_dies_while_nobody_uses_it_is_noticed(site: Site) -> None:
    await site.sim.bus_faults(bus=False)
    async with asyncio.timeout(AT_ONCE):
        await site.radio.link.down.wait()
    await site.sim.restart()
    await works_again(site)


async def test_a_bluez_that_goes_as_a_scan_begins_has_no_scan(
    healthy: BluetoothSimulator, keyring: NukiKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, fall, fell = BleakScanner.start, NukiRadio._fall, asyncio.Event()

    async def begin_and_lose(scanner: BleakScanner) -> None:
        await begin(scanner)
        if not fell.is_set():
            await healthy.bus_faults(bluez=False)
            await fell.wait()

    def fall_and_tell(radio: NukiRadio, name: str | None) -> None:
        fall(radio, name)
        fell.set()

    monkeypatch.setattr(BleakScanner, "start", begin_and_lose)
    monkeypatch.setattr(NukiRadio, "_fall", fall_and_tell)
    address = await paired(healthy, keyring, NUKI)
    there = NukiRadio(["hci0"], keyring, SystemClock())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(there.run())
        await fell.wait()
        await healthy.bus_faults(bluez=True)
        await works_again(Site(healthy, keyring, address, there, []))
        task.cancel()


# Several adapters


async def test_an_adapter_that_hangs_holds_up_no_other(
    healthy: BluetoothSimulator, keyring: NukiKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen = Adapter.listen

    async def hang(adapter: Adapter) -> None:
        if adapter.name == "hci0":
            await asyncio.Event().wait()
        await listen(adapter)

    monkeypatch.setattr(Adapter, "listen", hang)
    address = await paired(healthy, keyring, NUKI)
    async with listening(keyring, adapters=("hci0", "hci1")) as (there, heard):
        await works_again(Site(healthy, keyring, address, there, heard))
        assert not there.adapters["hci0"].up


async def test_a_stale_link_through_another_adapter_is_ended(
    healthy: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    address = await paired(healthy, keyring, NUKI)
    async with listening(keyring, None, ("hci0", "hci1"), {address: "hci1"}) as (there, heard):
        site = Site(healthy, keyring, address, there, heard)
        hearing = there.adapters["hci0"].hearing
        await until(lambda: hearing(address))
        stale = BleakClient(hearing(address).device)  # type: ignore[union-attr]  # it is heard
        await stale.connect()
        async with site.driver.session():
            adapters = (await healthy.bus())["adapters"]
            assert [adapters[name]["links"] for name in ("hci0", "hci1")] == [0, 1]
        await works_again(site)


async def test_a_log_waits_no_longer_the_longer_the_adapter_is_off(
    healthy: BluetoothSimulator, keyring: NukiKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbour, "RETRY_S", (0.02, 600.0))
    unasked, times = Neighbour.log_unasked, Counter[str]()

    def counted(there: Neighbour, now: Tick) -> None:
        times["unasked"] += 1
        unasked(there, now)

    monkeypatch.setattr(Neighbour, "log_unasked", counted)
    address = await paired(healthy, keyring, NUKI)
    await keyring.log_read(address, 0)
    async with listening(keyring) as (there, heard):
        site = Site(healthy, keyring, address, there, heard)
        await until(lambda: there.adapters["hci0"].hearing(address))
        async with there._neighbour(address).turn:  # its log cannot be read before the adapter goes
            await healthy.keypad(NUKI, "999999")
            await until(lambda: there._neighbour(address)._read_at)
            await healthy.bus_faults(adapter="hci0", powered=False)
            await there.link.down.wait()
        await until(lambda: times["unasked"] >= 12)
        await healthy.bus_faults(adapter="hci0", powered=True)
        await until(lambda: site.told(WrongCode))
