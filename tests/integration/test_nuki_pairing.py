"""Pairing with simulated locks over the air, and each way in which it can fail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from gatewayd.clock import SystemClock
from gatewayd.locks.nuki import pair as pairs
from gatewayd.locks.nuki.pair import (
    AdapterOff,
    ButtonNotPressed,
    Found,
    KeypadMissing,
    NoLockFound,
    NoRights,
    PinWrong,
    locks_in_pairing_mode,
    pair,
)
from gatewayd.locks.nuki.pairing import PairingFailed
from gatewayd.store.keyring import NukiKeyring
from simulators.bluetooth import BluetoothSimulator
from tests.integration.conftest import eventually, listening

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCK = 3
ADDRESS = "54:D2:72:00:00:03"
PIN = 1234


@dataclass
class Site:
    """A lock that the hub is not paired with."""

    sim: BluetoothSimulator
    keyring: NukiKeyring

    async def found(self) -> Found:
        await self.sim.button(LOCK)
        locks = await locks_in_pairing_mode("hci0")
        return next(lock for lock in locks if lock.address == ADDRESS)

    async def pair(self, lock: Found, pin: int = PIN) -> None:
        async with asyncio.timeout(20):
            await pair("hci0", SystemClock(), lock, pin, self.keyring)


@pytest_asyncio.fixture(loop_scope="session")
async def site(
    bluetooth: BluetoothSimulator, keyring: NukiKeyring, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    """The daemon is stopped."""
    monkeypatch.setattr(pairs, "GATHER_S", 0.1)
    yield Site(bluetooth, keyring)
    await bluetooth.bus_faults(bluez=True, service_rights=True)
    await bluetooth.bus_faults(adapter="hci0", plugged=True, powered=True)
    await bluetooth.reset(LOCK)


async def test_a_lock_whose_button_was_held_is_paired_and_works(site: Site) -> None:
    lock = await site.found()
    assert (lock.name, lock.ultra) == ("Nuki_1A2B0003", False)
    await site.pair(lock)
    kept = await site.keyring.get(ADDRESS)
    assert kept is not None
    assert (kept.name, kept.security_pin, kept.log_index) == ("Nuki_1A2B0003", PIN, None)
    authorisations = (await site.sim.lock(LOCK))["authorisations"]
    assert [(a["type"], a["name"]) for a in authorisations if a["id"] == kept.auth_id] == [
        (0, "gatewayd")
    ]
    async with (
        listening(site.keyring) as (radio, _),
        radio.lock(ADDRESS.lower()).session() as session,
    ):
        assert await session.observe([]) == {}


async def test_without_a_button_held_no_lock_is_found(site: Site) -> None:
    with pytest.raises(NoLockFound) as found:  # on an adapter that knows of none before
        await locks_in_pairing_mode("hci1", seconds=0.3)
    assert "button" in found.value.what_to_do


async def test_a_lock_that_left_pairing_mode_says_so(site: Site) -> None:
    lock = await site.found()
    await site.sim.reset(LOCK)
    with pytest.raises(ButtonNotPressed, match="button"):
        await site.pair(lock)
    assert await site.keyring.get(ADDRESS) is None


async def test_a_wrong_pin_is_tried_once_and_nothing_is_kept(site: Site) -> None:
    lock = await site.found()
    with pytest.raises(PinWrong):
        await site.pair(lock, pin=4321)
    assert (await site.sim.lock(LOCK))["wrong_pins"] == 1
    assert await site.keyring.get(ADDRESS) is None


async def test_a_lock_without_keypad_is_paired_and_told(site: Site) -> None:
    await site.sim.keypad_present(LOCK, present=False)
    lock = await site.found()
    with pytest.raises(KeypadMissing):
        await site.pair(lock)
    assert await site.keyring.get(ADDRESS) is not None


async def test_an_adapter_that_is_off_or_absent_is_told(site: Site) -> None:
    lock = await site.found()
    with pytest.raises(AdapterOff, match="hci7"):
        await locks_in_pairing_mode("hci7")
    await site.sim.bus_faults(adapter="hci0", powered=False)
    with pytest.raises(AdapterOff, match="hci0"):
        await locks_in_pairing_mode("hci0")
    with pytest.raises(AdapterOff, match="hci0"):
        await site.pair(lock)


GONE = [
    {"adapter": "hci0", "powered": False},
    {"adapter": "hci0", "plugged": False},
    {"bluez": False},
]


@pytest.mark.parametrize("gone", GONE)
async def test_an_adapter_that_goes_while_a_lock_is_looked_for_is_told(
    site: Site, gone: dict[str, Any]
) -> None:
    """At once: nobody waits for a lock that cannot be heard."""
    async with asyncio.TaskGroup() as group:
        look = group.create_task(told(locks_in_pairing_mode("hci0", seconds=60)))
        await eventually(lambda: scanning(site))
        await site.sim.bus_faults(**gone)
        assert "hci0 is off" in str(await look)


@pytest.mark.parametrize("command", ["request_data", "verify_security_pin"])
@pytest.mark.parametrize("gone", GONE)
async def test_an_adapter_that_goes_amid_a_pairing_is_told_and_not_the_lock_blamed(
    site: Site, gone: dict[str, Any], command: str
) -> None:
    lock = await site.found()
    await site.sim.faults(LOCK, slow_ms=300)

    async def asked() -> bool:
        return command in (await site.sim.lock(LOCK))["commands"]

    async with asyncio.TaskGroup() as group:
        pairing = group.create_task(told(site.pair(lock)))
        await eventually(asked)
        await site.sim.bus_faults(**gone)
        failed = await pairing
    assert "hci0 is off" in str(failed)
    assert lock.name not in str(failed)
    assert "bluetoothctl power on; and pair again" in failed.what_to_do
    assert await site.keyring.get(ADDRESS) is None


async def told(work: Awaitable[object]) -> AdapterOff:
    with pytest.raises(AdapterOff) as failed:
        await work
    return failed.value


async def scanning(site: Site) -> bool:
    return bool((await site.sim.bus())["adapters"]["hci0"]["scanning"])


async def test_a_bluez_that_hangs_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.found()
    monkeypatch.setattr(pairs, "BUS_S", 0.3)
    site.sim.pause()
    try:
        with pytest.raises(AdapterOff, match="hci0"):
            await locks_in_pairing_mode("hci0")
    finally:
        site.sim.resume()


async def test_missing_rights_are_told(site: Site) -> None:
    await site.sim.bus_faults(service_rights=False)
    with pytest.raises(NoRights):
        await locks_in_pairing_mode("hci0")


@pytest.mark.parametrize("fault", [{"garbage": True}, {"wrong_crc": True}, {"silent": True}])
async def test_a_pairing_that_fails_says_so(
    site: Site, fault: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatewayd.locks.nuki.connection.ANSWER_S", 0.5)
    lock = await site.found()
    await site.sim.faults(LOCK, **fault)
    with pytest.raises(PairingFailed):
        await site.pair(lock)
    assert await site.keyring.get(ADDRESS) is None
