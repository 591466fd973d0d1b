"""What fails around a Nuki lock: adapters, BlueZ, the bus and the air; whom the driver blames for
it, and what the lock holds afterwards."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner

from gatewayd.clock import SystemClock
from gatewayd.domain.report import WrongCode
from gatewayd.domain.retry import Tick
from gatewayd.errors import OutcomeUnknown, RadioDown
from gatewayd.locks.nuki import neighbour
from gatewayd.locks.nuki.adapter import Adapter
from gatewayd.locks.nuki.neighbour import Neighbour
from gatewayd.locks.nuki.radio import NukiRadio
from gatewayd.store.keyring import NukiKeyring
from simulators.bluetooth import BluetoothSimulator
from tests.integration.conftest import NUKI, Site, eventually, listening, paired, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT_ONCE = 3.0
"""Seconds: well below each of the driver's own limits."""
BACK_S = 20.0
"""Seconds until what came back is in use: the driver looks again every 10 s."""


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
    """The radio is back by itself; the lock holds what is said, and nobody holds a link to it."""
    async with asyncio.timeout(BACK_S):
        await site.radio.link.up.wait()
    assert await site.codes() == list(codes)
    assert len(await site.seen()) == len(codes)
    await eventually(lambda: _no_links(site))


async def _no_links(site: Site) -> bool:
    adapters = (await site.sim.bus())["adapters"].values()
    return not any(adapter["links"] for adapter in adapters)


# An adapter that goes


@pytest.mark.parametrize("way", ["powered", "plugged"])
async def test_an_adapter_that_goes_amid_a_session_is_an_offline_radio(
    site: Site, way: str
) -> None:
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


# BlueZ and the bus


async def test_a_bus_that_dies_without_a_goodbye_is_an_offline_radio_at_once(site: Site) -> None:
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
