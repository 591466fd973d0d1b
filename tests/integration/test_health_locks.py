"""The daily check on each kind of lock, on the real stacks, by a clock of the test's (S1-9)."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest

from simulators.bluetooth import BluetoothSimulator
from simulators.zwave import ZwaveSimulator
from tests.clocks import LaterClock
from tests.house import Document
from tests.hub import Hub, opened, opened_nuki
from tests.integration.conftest import eventually
from tests.rounds import document, of, stay

pytestmark = pytest.mark.asyncio(loop_scope="session")

V1, V2_WINDOWS, USERS, V2 = 2, 3, 4, 5
NUKI = 3
GUESTS = 20
NEW_YORK = ZoneInfo("America/New_York")
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def morning() -> datetime:
    """One minute before the next check."""
    now = datetime.now(UTC).astimezone(NEW_YORK)
    today = datetime.combine(now.date(), time(7, 59), NEW_YORK)
    return today if today > now else datetime.combine(now.date() + DAY, time(7, 59), NEW_YORK)


def with_backup() -> Document:
    """A site whose lock gets one backup code."""
    return document("a", pool=1) | {"zone": "America/New_York"}


class Door(Protocol):
    """A lock past the radio, and the hub that keeps it."""

    hub: Hub

    async def codes(self) -> list[str]:
        """What is in its memory."""
        ...

    async def takes_no_code(self, lost: str) -> None:
        """From now on; and this one is gone."""
        ...


@dataclass
class ZwaveDoor:
    hub: Hub
    zwave: ZwaveSimulator
    node: int

    async def codes(self) -> list[str]:
        return list((await self.zwave.node(self.node))["codes"].values())

    async def takes_no_code(self, lost: str) -> None:
        for slot, code in (await self.zwave.node(self.node))["codes"].items():
            if code == lost:
                await self.zwave.set_code(self.node, slot, None)
        await self.zwave.faults(self.node, dropWrites=True)


@dataclass
class NukiDoor:
    hub: Hub
    sim: BluetoothSimulator

    async def codes(self) -> list[str]:
        return [each["code"] for each in (await self.sim.lock(NUKI))["codes"]]

    async def takes_no_code(self, lost: str) -> None:
        await self.sim.remove_code(NUKI, lost)
        await self.sim.faults(NUKI, reject={"error": "bad_parameter", "command": "add_keypad_code"})


@asynccontextmanager
async def zwave_door(
    zwave: ZwaveSimulator, node: int, folder: Path, clock: LaterClock
) -> AsyncIterator[Door]:
    """Left as it was found."""
    try:
        async with opened(folder, zwave, node, clock, with_backup()) as hub:
            yield ZwaveDoor(hub, zwave, node)
    finally:
        await zwave.faults(node)
        for slot in (await zwave.node(node))["codes"]:
            await zwave.set_code(node, slot, None)


@asynccontextmanager
async def nuki_door(
    sim: BluetoothSimulator, folder: Path, clock: LaterClock, site: Document | None = None
) -> AsyncIterator[Door]:
    """Its clock is the hub's; left as it was found."""
    ahead = clock.now().latest - datetime.now(UTC)
    await sim.clock(NUKI, ahead.total_seconds())
    try:
        async with opened_nuki(folder, sim, NUKI, clock, site or with_backup()) as hub:
            yield NukiDoor(hub, sim)
    finally:
        await sim.reset(NUKI)


type Opened = Callable[[Path, LaterClock], AbstractAsyncContextManager[Door]]


@pytest.fixture
def opened_door(request: pytest.FixtureRequest) -> Opened:
    """Of a lock of a kind, by its node; only its simulator is started."""
    if request.param is None:
        return partial(nuki_door, request.getfixturevalue("bluetooth"))
    return partial(zwave_door, request.getfixturevalue("zwave"), request.param)


@pytest.mark.parametrize(
    ("opened_door", "ahead"),
    [(V1, False), (V2_WINDOWS, True), (USERS, True), (V2, True), (None, True)],
    ids=["v1", "v2-windows", "user-credential", "v2-disabled", "nuki"],
    indirect=["opened_door"],
)
async def test_at_8_an_arrival_at_16_is_no_failure_and_a_code_that_is_due_and_gone_is(
    tmp_path: Path, opened_door: Opened, ahead: bool
) -> None:
    # S1-9: `ahead`: the code lies in the lock before its time, on another it is not yet due
    starts = morning()
    clock = LaterClock(starts - datetime.now(UTC))
    async with opened_door(tmp_path, clock) as door:
        hub = door.hub
        first = str(starts.date()), str(starts.date() + 3 * DAY)
        await eventually(lambda: hub.told("backup.ready"))
        await hub.send("reservation.put", stay("r1", *first) | {"check_in": "16:00"})
        if ahead:
            await eventually(lambda: hub.told("code.confirmed"))
        clock.pass_(MINUTE)
        await eventually(lambda: hub.told("health.checked"))
        (checked,), code = of(await hub.told("health.checked"), "health.checked"), await hub.code()
        assert checked["keys_failing"] == []
        assert (checked["keys_ok"], checked["keys_later"]) == (int(ahead), int(not ahead))
        assert (code in await door.codes()) is ahead
        assert await hub.alerts() == set()
        assert await hub.told("backup.issued") == []

        await door.takes_no_code(code)
        tomorrow = datetime.combine(starts.date() + DAY, time(8), NEW_YORK)
        clock.pass_(tomorrow - clock.now().latest)  # he is there now

        await eventually(lambda: hub.told("code.failed"))
        clock.pass_(10 * MINUTE)  # a check waits for what the hub may mend

        async def again() -> bool:
            return len(await hub.told("health.checked")) == 2

        await eventually(again)
        (failing,) = (await hub.told("health.checked"))[-1]["data"]["keys_failing"]
        assert (failing["key_id"], failing["backup"]) == ("res:r1", "Backup-1")
        assert ("code_unset", "a/res:r1") in await hub.alerts()
        assert len(await hub.told("backup.issued")) == 1


async def test_twenty_codes_are_one_connection_and_one_list_at_a_nuki(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    # S1-9
    clock = LaterClock(timedelta())
    await bluetooth.capacity(NUKI, codes=GUESTS)
    async with nuki_door(bluetooth, tmp_path, clock, document("a", pool=0)) as door:
        hub = door.hub
        for command in [await hub.book(f"r{n}") for n in range(GUESTS)]:
            await hub.done(command)
        clock.pass_(5 * MINUTE)  # for the second look
        await eventually(hub.settled)
        before = await bluetooth.lock(NUKI)
        await hub.done(await hub.send("health.run", {}))
        after = await bluetooth.lock(NUKI)
        (checked,) = of(await hub.told("health.checked"), "health.checked")
        assert (checked["keys_ok"], checked["keys_failing"]) == (GUESTS, [])
        assert after["connections"] - before["connections"] == 1
        lists = [each["commands"]["request_keypad_codes"] for each in (before, after)]
        assert lists[1] - lists[0] == 1
