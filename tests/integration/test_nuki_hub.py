"""Intake, reconciler and Nuki driver together on a simulated lock: what the cloud is told and what
the lock holds."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gatewayd.clock import SystemClock
from gatewayd.domain.report import Alive
from gatewayd.intake import commission
from gatewayd.intake.accept import Intake
from gatewayd.locks.nuki import radio
from gatewayd.locks.nuki.radio import NukiRadio
from gatewayd.locks.nuki.session import NukiSession
from gatewayd.reconciler import reconciler as reconcilers
from gatewayd.reconciler import worker
from gatewayd.reconciler.reconciler import Reconciler
from gatewayd.reconciler.worker import Tools
from gatewayd.store.database import open_database
from gatewayd.store.keyring import NukiKeyring
from gatewayd.store.outbox import Outbox
from simulators.bluetooth import BluetoothSimulator
from tests.fakes import FakeRadio
from tests.house import HUB, House
from tests.integration.conftest import eventually, paired, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCK = 2


class Stop(Exception):
    """Ends all tasks of a hub."""


@dataclass
class Door:
    """A hub with one Nuki, and another lock on another radio."""

    sim: BluetoothSimulator
    house: House
    nuki: NukiRadio
    address: str
    other: FakeRadio
    document: dict[str, Any]
    version: int = 0

    async def book(self, **changed: object) -> None:
        """A stay that is current."""
        today = datetime.now(UTC).date()
        self.version += 1
        stay = {
            "id": "R1",
            "version": self.version,
            "property_id": "p",
            "arrival": str(today - timedelta(days=2)),
            "departure": str(today + timedelta(days=2)),
            "confirmation_code": "HMR1",
        }
        await self.house.send("reservation.put", stay | changed)

    async def codes(self) -> list[dict[str, Any]]:
        return list((await self.sim.lock(LOCK))["codes"])

    async def told(self, type_: str, **data: object) -> dict[str, Any]:
        """Wait for an event."""
        found: list[dict[str, Any]] = []

        async def came() -> bool:
            for event in await self.house.told():
                if event["type"] == type_ and data.items() <= event["data"].items():
                    found.append(event["data"])
            return bool(found)

        await eventually(came)
        return found[0]


@asynccontextmanager
async def hub(
    sim: BluetoothSimulator, folder: Path, pin: int | None = None, bound: str | None = None
) -> AsyncIterator[Door]:
    """All that is between the intake and the locks, the Nuki paired; with two adapters where it is
    bound."""
    clock = SystemClock()
    database = await open_database(folder / "hub.db", clock)
    outbox = Outbox(database, HUB, "epoch")
    intake = Intake(database, outbox, clock, Random(1), HUB)
    keyring = NukiKeyring(database)
    address = await paired(sim, keyring, LOCK, pin)
    adapters, bindings = (["hci0", "hci1"], {address: bound}) if bound else (["hci0"], {})
    nuki, other = NukiRadio(adapters, keyring, clock, bindings), FakeRadio(clock)
    reconciler = Reconciler({"nuki": nuki, "fake": other}, Tools(database, outbox, intake, clock))
    database.committed = reconciler.committed
    house = House(clock, database, outbox, intake)  # type: ignore[arg-type]  # of it only the intake is used
    document = {
        "version": 1,
        "zone": "UTC",
        "policy": {"verify_after": "1s"},
        "properties": [
            {
                "id": "p",
                "name": "P",
                "check_in": "13:00",
                "check_out": "10:00",
                "locks": ["nuki", "other"],
            }
        ],
        "locks": [
            {"id": "nuki", "name": "N", "driver": "nuki", "address": address.lower()},
            {"id": "other", "name": "O", "driver": "fake", "address": "o"},
        ],
    }
    await house.send("site.put", document)
    door = Door(sim, house, nuki, address, other, document)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(nuki.run())
            group.create_task(reconciler.run(group))
            yield door
            raise Stop
    except* Stop:
        pass
    finally:
        await sim.reset(LOCK)
        await database.close()


async def test_a_stay_is_on_the_lock_with_its_window_and_gone_when_it_is_cancelled(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    # S2-1: here even two systems at one property
    async with hub(bluetooth, tmp_path) as door:
        await door.book()
        confirmed = await door.told("code.confirmed", lock_id="nuki")
        assert confirmed["proof"] == "matched"
        (code,) = await door.codes()
        assert code["code"] == await door.house.code_of("R1")
        assert code["limited"]
        typed = await bluetooth.keypad(LOCK, code["code"])
        assert typed["opened"]
        await door.book(status="cancelled")
        await door.told("code.removed", lock_id="nuki")
        assert await door.codes() == []


async def test_who_came_in_is_told(bluetooth: BluetoothSimulator, tmp_path: Path) -> None:
    async with hub(bluetooth, tmp_path) as door:
        await door.book()
        await door.told("code.confirmed", lock_id="nuki")
        await bluetooth.keypad(LOCK, "999999")  # the first look only marks where to go on

        async def marked() -> bool:
            rows = await door.house.rows("SELECT log_index FROM nuki_locks")
            return rows[0][0] is not None

        await eventually(marked)
        await bluetooth.keypad(LOCK, await door.house.code_of("R1"))
        used = await door.told("lock.used", lock_id="nuki")
        assert used["key_id"] == "res:R1"


async def test_what_a_paired_lock_logs_while_it_is_not_on_the_site_is_told_once_it_is(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    async with hub(bluetooth, tmp_path) as door:
        await door.told("lock.battery", lock_id="nuki")
        keyring = NukiKeyring(door.house.database)
        await keyring.log_read(door.address, 0)  # it was read before
        (property_,), locks = door.document["properties"], door.document["locks"]
        less = {"properties": [property_ | {"locks": ["other"]}], "locks": locks[1:]}
        await door.house.send("site.put", door.document | less | {"version": 2})
        await until(lambda: not door.nuki.is_served(door.address))
        connections = (await bluetooth.lock(LOCK))["connections"]
        await bluetooth.keypad(LOCK, "999999")
        await until(lambda: door.nuki._neighbour(door.address).log_due() is not None)
        credentials = await keyring.get(door.address)
        assert credentials is not None
        assert credentials.log_index == 0
        assert (await bluetooth.lock(LOCK))["connections"] == connections
        await door.house.send("site.put", door.document | {"version": 3})
        await door.told("lock.wrong_code", lock_id="nuki")


async def test_a_lost_acknowledgement_leads_to_one_code_not_two(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    # Fault 44
    async with hub(bluetooth, tmp_path) as door:
        await door.told("lock.battery", lock_id="nuki")  # it was read as a whole
        await bluetooth.faults(LOCK, drop_after={"command": "add_keypad_code"})
        await door.book()
        await door.told("code.confirmed", lock_id="nuki")
        assert len(await door.codes()) == 1
        assert (await bluetooth.lock(LOCK))["commands"]["add_keypad_code"] == 1


async def test_a_refused_pin_is_an_alert_until_the_lock_is_paired_again(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    async with hub(bluetooth, tmp_path, pin=1111) as door:
        await door.book()
        await door.told("alert.raised", code="pin_refused", subject="nuki")
        await door.told("code.confirmed", lock_id="other")
        assert (await bluetooth.lock(LOCK))["wrong_pins"] == 1
        await paired(bluetooth, NukiKeyring(door.house.database), LOCK)
        door.nuki.on_report(door.address, Alive())  # it would be tried by itself, minutes later
        await door.told("alert.cleared", code="pin_refused", subject="nuki")
        await door.told("code.confirmed", lock_id="nuki")


async def test_a_bluez_that_goes_fails_no_code_and_the_other_lock_goes_on(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    # Fault 54
    async with hub(bluetooth, tmp_path) as door:
        await door.told("lock.battery", lock_id="nuki")
        await bluetooth.bus_faults(bluez=False)
        try:
            await door.book()
            await door.told("code.confirmed", lock_id="other")
            types = {event["type"] for event in await door.house.told()}
            assert not types & {"code.failed", "lock.offline"}
        finally:
            await bluetooth.bus_faults(bluez=True)
        await door.told("code.confirmed", lock_id="nuki")


async def test_an_adapter_that_goes_off_amid_a_write_fails_no_code(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    async def writing() -> bool:
        return "add_keypad_code" in (await bluetooth.lock(LOCK))["commands"]

    async with hub(bluetooth, tmp_path) as door:
        await door.told("lock.battery", lock_id="nuki")
        await bluetooth.faults(LOCK, slow_ms=700)
        await door.book()
        await eventually(writing)
        await bluetooth.bus_faults(adapter="hci0", powered=False)
        try:
            await bluetooth.faults(LOCK)
            await door.told("code.confirmed", lock_id="other")
            async with asyncio.timeout(10):
                await door.nuki.link.down.wait()
        finally:
            await bluetooth.bus_faults(adapter="hci0", powered=True)
        await door.told("code.confirmed", lock_id="nuki")
        types = {event["type"] for event in await door.house.told()}
        assert not types & {"code.failed", "lock.offline", "alert.raised"}
        assert len(await door.codes()) == 1


async def test_an_adapter_that_stays_away_is_an_alert_though_another_is_there(
    bluetooth: BluetoothSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcilers, "RADIO_GRACE", 1.0)
    monkeypatch.setattr(worker, "RADIO_RECHECK", 0.01)
    session, sessions = NukiRadio.session, Counter[str]()

    def counted(there: NukiRadio, address: str) -> AbstractAsyncContextManager[NukiSession]:
        sessions[address] += 1
        return session(there, address)

    async with hub(bluetooth, tmp_path, bound="hci0") as door:
        await door.told("lock.battery", lock_id="nuki")
        monkeypatch.setattr(NukiRadio, "session", counted)
        await bluetooth.bus_faults(adapter="hci0", plugged=False)
        try:
            async with asyncio.timeout(10):
                await door.nuki.adapters["hci0"].link.down.wait()
            await door.book()
            await door.told("alert.raised", code="radio_down", subject="hci0")
            assert door.nuki.link.up.is_set()
            assert sessions[door.address] <= 1  # it waits for its adapter
            lost = {"id": "lost", "name": "L", "driver": "faek", "address": "l"}
            locks = [*door.document["locks"], lost]
            await door.house.send("site.put", door.document | {"version": 2, "locks": locks})
            await door.told("alert.raised", code="radio_down", subject="faek")
            types = {event["type"] for event in await door.house.told()}
            assert not types & {"code.failed", "lock.offline", "alert.cleared"}
        finally:
            await bluetooth.bus_faults(adapter="hci0", plugged=True)
        await door.told("alert.cleared", code="radio_down", subject="hci0")
        await door.told("code.confirmed", lock_id="nuki")


async def test_who_may_not_speak_to_bluez_is_an_alert(
    bluetooth: BluetoothSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcilers, "RADIO_GRACE", 0.5)
    monkeypatch.setattr(radio, "BACKOFF", (0.5, 0.5))
    await bluetooth.bus_faults(service_rights=False)
    try:
        async with hub(bluetooth, tmp_path) as door:
            await door.told("alert.raised", code="radio_unsafe", subject="nuki")
            await bluetooth.bus_faults(service_rights=True)
            await door.told("alert.cleared", code="radio_unsafe", subject="nuki")
    finally:
        await bluetooth.bus_faults(service_rights=True)


async def test_a_lock_with_nothing_to_do_is_left_alone(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    async def connections() -> int:
        return int((await bluetooth.lock(LOCK))["connections"])

    async def is_left_alone() -> bool:
        """For longer than the shortest timers of the worker and the radio."""
        before = await connections()

        async def is_visited() -> bool:
            return await connections() > before

        try:
            await eventually(is_visited, within=6.0)
        except TimeoutError:
            return True
        return False

    async with hub(bluetooth, tmp_path) as door:
        await door.book()
        await door.told("code.confirmed", lock_id="nuki")
        await eventually(is_left_alone)  # after the second look, and the log


async def test_the_log_tells_at_which_lock_a_commissioning_was_typed(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    # suffering 27
    async with hub(bluetooth, tmp_path) as door:
        await door.told("lock.battery", lock_id="nuki")
        await NukiKeyring(door.house.database).log_read(door.address, 0)  # it was read before
        await bluetooth.clock(LOCK, 2.0)  # ahead, for its log counts whole seconds
        neighbour = door.nuki._neighbour(door.address)

        async def watched(kind: str, lock: str) -> dict[str, Any]:
            """What the rounds of the hub tell of it."""
            found: list[dict[str, Any]] = []

            async def came() -> bool:
                tick = door.house.clock.tick()
                await door.house.intake.attend(partial(commission.watch, tick=tick))
                told = [e["data"] for e in await door.house.told() if e["type"] == f"lock.{kind}"]
                found[:] = [event for event in told if event["lock_id"] == lock]
                return bool(found)

            await eventually(came)
            return found[0]

        async def left_alone() -> bool:
            """Whoever reads the lock's state just then takes the flag away that says so."""
            looks = "SELECT 1 FROM leases WHERE lock_id = 'nuki' AND verify_due NOT NULL"
            return neighbour._cleared and not await door.house.rows(looks)

        for lock, result in (("nuki", ("right", None)), ("other", ("swapped", "nuki"))):
            await door.house.send("lock.commission", {"lock_id": lock})
            await watched("commissioning", lock)
            sql = "SELECT code FROM keys WHERE id = ?"
            ((code,),) = await door.house.rows(sql, f"commission:{lock}")
            await eventually(left_alone)
            await bluetooth.keypad(LOCK, code)
            found = await watched("commissioned", lock)
            assert (found["result"], found["other_lock_id"]) == result
            await door.told("code.removed", lock_id=lock)
        used = await door.told("lock.used", lock_id="nuki")
        assert used["key_id"] == "commission:nuki"
        assert await door.codes() == []
