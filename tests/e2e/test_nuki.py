"""The access policy on Nuki locks, through the whole daemon: they keep windows, days and hours
themselves, and number their codes."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from simulators.bluetooth import BluetoothSimulator
from simulators.broker import Broker
from simulators.cloud import Cloud
from simulators.hub import Hub
from tests import invariants
from tests.e2e import scenes
from tests.e2e.conftest import PRIVATE, Door, Site, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

RED, BLUE = "n1", "n2"
NUMBERS = {RED: 1, BLUE: 2}


@dataclass
class Inn(Site):
    """Two rooms, each behind a Nuki."""

    sim: BluetoothSimulator
    addresses: dict[str, str]

    async def site(self, **policy: object) -> None:
        """The red room is property `p`."""
        locks = [
            {"id": id_, "name": id_, "driver": "nuki", "address": address}
            for id_, address in self.addresses.items()
        ]
        await self.put({"p": [RED], "q": [BLUE]}, locks, 1, **policy)

    async def codes(self, lock: str) -> list[str]:
        """What the lock itself holds."""
        return sorted(each["code"] for each in (await self.sim.lock(NUMBERS[lock]))["codes"])

    async def listens(self, lock: str) -> None:
        """Until the hub knows where the lock's log ends: what comes later is told."""
        await self.sim.turn(NUMBERS[lock], "unlock")

        async def listens() -> bool:
            sql = "SELECT 1 FROM nuki_locks WHERE address = ? AND log_index IS NOT NULL"
            with closing(sqlite3.connect(f"file:{self.hub.database}?mode=ro", uri=True)) as store:
                return bool(store.execute(sql, (self.addresses[lock],)).fetchall())

        await eventually(listens)

    def door(self, lock: str) -> Door:
        """One of them, as any lock."""

        async def opens(code: str) -> bool:
            return bool((await self.sim.keypad(NUMBERS[lock], code))["opened"])

        return Door(lock, partial(self.codes, lock), opens)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def air(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Broker, BluetoothSimulator]]:
    """Broker and BlueZ."""
    folder = tmp_path_factory.mktemp("broker")
    async with Broker(folder) as broker, BluetoothSimulator(locks=2, advertise_ms=20) as sim:
        yield broker, sim


@pytest_asyncio.fixture(loop_scope="session")
async def inn(
    air: tuple[Broker, BluetoothSimulator], tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Inn]:
    """A hub that is paired with both, which are empty and healthy."""
    broker, sim = air
    for number in NUMBERS.values():
        await sim.reset(number)
        await sim.clock(number, timezone="Europe/Zurich")
    made = {id_: await sim.authorise(number) for id_, number in NUMBERS.items()}
    name = f"inn-{request.node.name.replace('_', '-')}"[:60]
    hub = Hub(tmp_path / "hub", broker.port, None, bluetooth=sim.environment, site=name)
    await hub.pair(*made.values())
    async with Cloud(broker.port, hub.prefix) as cloud, hub:
        await cloud.until(lambda e: e["type"] == "hub.started")
        yield Inn(hub, cloud, sim, {id_: each["address"] for id_, each in made.items()})
        await invariants.hold(hub, cloud, None, PRIVATE)
        assert await hub.stop() == 0


async def test_a_stay_with_days_another_room_and_an_early_check_out(inn: Inn) -> None:
    # S2-1, S3-6, S3-18, S1-13
    await inn.site()
    await inn.cloud.done(await inn.book())
    code = await inn.code()
    assert (await inn.sim.keypad(NUMBERS[RED], code))["opened"]
    today = datetime.now(ZoneInfo("Europe/Zurich")).date()
    farther = [f"{today + timedelta(days=n):%a}".lower() for n in range(2, 6)]
    await inn.say("key.put", id="res:r1", version=1, hours={"days": farther})
    assert await inn.codes(RED) == [code]
    assert not (await inn.sim.keypad(NUMBERS[RED], code))["opened"]
    await inn.say("key.put", id="res:r1", version=2, hours=None)
    assert (await inn.sim.keypad(NUMBERS[RED], code))["opened"]

    await inn.sim.faults(NUMBERS[BLUE], silent=True)
    moved = await inn.book(version=2, property_id="q")
    await inn.told("code.failed", lock_id=BLUE)
    assert (await inn.sim.keypad(NUMBERS[RED], code))["opened"]
    await inn.sim.faults(NUMBERS[BLUE])
    await inn.say("lock.sync_now", lock_id=BLUE)
    await inn.cloud.done(moved)
    opens = await inn.told("code.confirmed", lock_id=BLUE)
    shut = await inn.told("code.removed", lock_id=RED)
    assert opens["seq"] < shut["seq"]
    assert (await inn.codes(RED), await inn.codes(BLUE)) == ([], [code])

    await inn.say("reservation.check_out", id="r1", at=datetime.now(UTC).isoformat())
    assert await inn.codes(BLUE) == []


async def test_codes_that_people_put_there_and_took_away(inn: Inn) -> None:
    # S1-11, S1-19, S1-20, suffering 26
    for each in ("735162", "919191"):
        await inn.sim.code(NUMBERS[RED], each)
    await inn.sim.capacity(NUMBERS[RED], codes=3)
    await inn.site()
    await inn.told_times(2, "lock.foreign_code", lock_id=RED)
    await inn.cloud.done(await inn.book(code="735162"))
    changed = await inn.told("code.changed", reservation_id="r1", reason="duplicate_code")
    first = changed["data"]["display"]
    assert await inn.codes(RED) == sorted(["735162", "919191", first])

    waits = await inn.book("r2")
    await inn.told("lock.full", lock_id=RED, key_ids=["res:r2"])
    there = (await inn.sim.lock(NUMBERS[RED]))["codes"]
    (slot,) = (each["id"] for each in there if each["code"] == "919191")
    owner = {"slot": slot, "key_id": "owner", "name": "The owner"}
    await inn.say("lock.adopt", lock_id=RED, slots=[owner])
    await inn.say("key.delete", id="owner", version=1)
    await inn.cloud.done(waits)
    second = await inn.code("r2")
    assert await inn.codes(RED) == sorted(["735162", first, second])

    await inn.settled(RED)
    await inn.sim.remove_code(NUMBERS[RED], first)
    await inn.say("health.run")
    await inn.told("code.lost", lock_id=RED, key_id="res:r1")
    assert await inn.codes(RED) == sorted(["735162", first, second])


async def test_who_gets_a_code_and_when(inn: Inn) -> None:
    # S2-9, S2-7, S3-17, S3-2, S1-3, S1-23
    await inn.site()
    await scenes.who_gets_a_code_and_when(inn, inn.door(RED))


async def test_a_backup_code_is_used_lent_and_changed(inn: Inn) -> None:
    # S0-2, S0-4, S0-6, S1-9
    await inn.site(backup={"pool": 1})
    await inn.listens(RED)
    await scenes.a_backup_code_is_used_lent_and_changed(inn, inn.door(RED))


async def test_staff_changes_keys_and_codes_and_somebody_tries_some(inn: Inn) -> None:
    # S3-3, S3-12, S2-14, suffering 23, suffering 28
    await inn.site()
    await inn.listens(RED)
    await scenes.staff_changes_keys(inn, inn.door(RED))
    await scenes.somebody_tries_codes(inn, inn.door(RED))
