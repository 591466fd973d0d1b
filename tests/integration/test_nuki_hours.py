"""Days of the week and hours of the day on a Nuki: written into its record, typed on its keypad
inside and outside of them by the lock's own clock. S3-6"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gatewayd.domain.hours import WEEKDAYS, LocalTime
from gatewayd.store.keyring import NukiKeyring
from gatewayd.store.status import reported
from simulators.bluetooth import BluetoothSimulator
from tests.integration.conftest import eventually, listening, paired
from tests.integration.test_nuki_hub import LOCK, Door, hub

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOUR = 3600


def around() -> dict[str, object]:
    """An hour before and after this moment, as far as the day goes."""
    now = datetime.now(UTC)
    start = max(now - timedelta(hours=1), now.replace(hour=0, minute=0))
    end = min(now + timedelta(hours=1), now.replace(hour=23, minute=59))
    return {"from": f"{start:%H:%M}", "to": f"{end:%H:%M}"}


def days(*numbers: int) -> dict[str, object]:
    """So many days from today, counted by the lock's clock and ours."""
    today = datetime.now(UTC).weekday()
    return {"days": [WEEKDAYS[(today + n) % 7] for n in numbers]}


async def cleaner(door: Door, hours: object) -> None:
    """A key by hand for the Nuki alone."""
    door.version += 1
    today = datetime.now(UTC).date()
    key = {
        "id": "cleaner",
        "version": door.version,
        "doors": {"add": ["nuki"]},
        "starts": f"{today - timedelta(days=9)}T00:00",
        "ends": f"{today + timedelta(days=9)}T00:00",
        "hours": hours,
    }
    await door.house.send("key.put", key, id=f"cleaner-{door.version}")


async def done(door: Door) -> None:
    """Until what was said last is so."""

    async def told() -> bool:
        causes = [e["cause"] for e in await door.house.told() if e["type"] == "command.done"]
        return f"cleaner-{door.version}" in causes

    await eventually(told)


async def state(door: Door) -> dict[str, Any]:
    """Of the cleaner's key at the Nuki."""
    clock = door.house.clock
    summary = await reported(door.house.database.read, clock.now(), clock, b"secret")
    return dict(summary["keys"][0]["doors"][0])


async def zone_told(door: Door) -> None:
    """Until the hub knows what the lock takes for local time."""

    async def known() -> bool:
        return bool(await door.house.rows("SELECT 1 FROM locks WHERE utc_offset IS NOT NULL"))

    await eventually(known)


async def test_the_keypad_opens_within_the_hours_and_not_outside_of_them(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    # S3-6
    async with hub(bluetooth, tmp_path) as door:
        await zone_told(door)
        hours = around() | days(-1, 0, 1)
        await cleaner(door, hours)
        await done(door)
        (code,) = await door.codes()
        assert set(code["weekdays"]) == {day[:2] for day in hours["days"]}  # type: ignore[attr-defined]  # a list
        assert (code["from_time"], code["until_time"]) == (hours["from"], hours["to"])
        assert (await bluetooth.keypad(LOCK, code["code"]))["opened"]
        await bluetooth.clock(LOCK, 6 * HOUR)
        assert (await bluetooth.keypad(LOCK, code["code"]))["reason"] == "not at this time of day"
        await bluetooth.clock(LOCK, 3 * 24 * HOUR)
        assert (await bluetooth.keypad(LOCK, code["code"]))["reason"] == "not on this weekday"
        await bluetooth.clock(LOCK)


async def test_hours_are_changed_and_lifted_in_place(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    async with hub(bluetooth, tmp_path) as door:
        await zone_told(door)
        await cleaner(door, days(3))
        await done(door)
        (first,) = await door.codes()
        assert (await bluetooth.keypad(LOCK, first["code"]))["reason"] == "not on this weekday"
        shut = await state(door)
        assert (shut["state"], shut["reason"]) == ("proven", "not_due")
        await cleaner(door, days(-1, 0, 1))
        await done(door)
        assert (await bluetooth.keypad(LOCK, first["code"]))["opened"]
        assert (await state(door))["reason"] is None
        await cleaner(door, None)
        await done(door)
        (free,) = await door.codes()
        assert (free["id"], free["from"], free["until"]) == (
            first["id"],
            first["from"],
            first["until"],
        )
        assert len(free["weekdays"]) == 7


async def test_hours_that_a_person_changed_are_put_right(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    """With the full record: the window stays as it was."""
    # S3-6
    async with hub(bluetooth, tmp_path) as door:
        await zone_told(door)
        await cleaner(door, days(3))
        await done(door)
        (ours,) = await door.codes()
        window = {"from": ours["from"], "until": ours["until"]}
        await bluetooth.code(LOCK, ours["code"], id=ours["id"], **window)
        assert (await bluetooth.keypad(LOCK, ours["code"]))["opened"]
        await door.house.send("lock.resync", {"lock_id": "nuki"}, id="resync")
        await door.told("code.lost", lock_id="nuki", reason="mismatch")

        async def again() -> bool:
            (code,) = await door.codes()
            return bool(code["weekdays"] == ours["weekdays"])

        await eventually(again)
        (mended,) = await door.codes()
        assert {k: mended[k] for k in window} == window
        assert not (await bluetooth.keypad(LOCK, ours["code"]))["opened"]


async def test_a_lock_whose_clock_runs_in_another_zone_keeps_no_hours(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    """Nine hours east of the property it would open at the wrong time: the hub times the code."""
    # S3-6
    await bluetooth.clock(LOCK, timezone="Asia/Tokyo")
    try:
        async with hub(bluetooth, tmp_path) as door:
            await zone_told(door)
            await cleaner(door, days(3))
            assert await door.codes() == []
            assert (await state(door))["state"] == "waiting"
            await cleaner(door, days(-1, 0, 1))
            await done(door)
            (code,) = await door.codes()
            assert len(code["weekdays"]) == 7
            assert (code["from_time"], code["until_time"]) == ("00:00", "00:00")
            assert (await bluetooth.keypad(LOCK, code["code"]))["opened"]
            await cleaner(door, days(3))
            await door.told("code.removed", lock_id="nuki")
            assert await door.codes() == []
            await done(door)
    finally:
        await bluetooth.clock(LOCK, timezone="UTC")


# --- what the lock takes for local time --------------------------------------------------------


async def test_a_locks_zone_is_told_when_it_changes(
    bluetooth: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    address = await paired(bluetooth, keyring, LOCK)
    async with listening(keyring) as (radio, heard):

        async def look() -> list[float]:
            async with radio.lock(address).session():
                pass
            told = [report for _, report in heard if isinstance(report, LocalTime)]
            return [report.offset / timedelta(hours=1) for report in told]

        try:
            assert await look() == [0.0]
            assert await look() == [0.0]
            await bluetooth.clock(LOCK, timezone="Asia/Tokyo")
            assert await look() == [0.0, 9.0]
        finally:
            await bluetooth.clock(LOCK, timezone="UTC")
            await bluetooth.reset(LOCK)
