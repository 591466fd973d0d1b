"""Codes on a Nuki from the intake to the lock's own memory: what others keep there stays as it is,
and what is ours comes there once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gatewayd.domain import observed, plan
from gatewayd.domain.report import Heard, Logged, WrongCode
from gatewayd.store.keyring import NukiKeyring
from simulators.bluetooth import BluetoothSimulator
from tests.integration.conftest import eventually, listening, paired, until
from tests.integration.test_nuki_hub import LOCK, Door, hub

pytestmark = pytest.mark.asyncio(loop_scope="session")


def day(number: int) -> str:
    """So many days from today."""
    return str(datetime.now(UTC).date() + timedelta(days=number))


async def confirmed(door: Door, times: int) -> None:
    """Until the lock has shown our code so often as it should be."""

    async def shown() -> bool:
        told = [event for event in await door.house.told() if event["type"] == "code.confirmed"]
        return [event["data"]["lock_id"] for event in told].count("nuki") == times

    await eventually(shown)


HUNDRED = [n for n in range(999999, 99999, -1) if "0" not in str(n)][:100]


@pytest.mark.parametrize("hours", ["25:00", "24:01", "255:255"])
async def test_a_record_with_hours_that_there_are_not_hides_no_other(
    bluetooth: BluetoothSimulator, tmp_path: Path, hours: str
) -> None:
    await bluetooth.code(LOCK, "999998", from_time=hours, until_time="08:00", unchecked=True)
    await bluetooth.code(LOCK, "999999", from_time="08:00", until_time=hours, unchecked=True)
    foreign = (await bluetooth.lock(LOCK))["codes"]
    async with hub(bluetooth, tmp_path) as door:
        await door.book()
        await door.told("code.confirmed", lock_id="nuki")
        assert (await door.codes())[:2] == foreign
        assert (await door.codes())[2]["code"] == await door.house.code_of("R1")


# Room


async def fill(sim: BluetoothSimulator, room: int) -> list[dict[str, Any]]:
    """A hundred codes of others, in a keypad that has this room."""
    await sim.capacity(LOCK, codes=room)
    for number in HUNDRED:
        await sim.code(LOCK, str(number), name=f"app {number}")
    return list((await sim.lock(LOCK))["codes"])


async def test_a_keypad_that_is_full_says_so_and_keeps_what_it_holds(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    foreign = await fill(bluetooth, 100)
    async with hub(bluetooth, tmp_path) as door:
        await door.book()
        await door.told("code.failed", lock_id="nuki", reason="lock_full")
        await door.told("code.confirmed", lock_id="other")
        assert await door.codes() == foreign
        await door.book(status="cancelled")

        async def over() -> bool:
            return not await door.house.rows("SELECT 1 FROM leases")

        await eventually(over)
        assert await door.codes() == foreign


async def test_the_second_keypad_has_room_for_more_than_a_hundred(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    foreign = await fill(bluetooth, 200)
    async with hub(bluetooth, tmp_path) as door:
        await door.book()
        await door.told("code.confirmed", lock_id="nuki")
        *before, ours = await door.codes()
        assert before == foreign
        assert ours["code"] == await door.house.code_of("R1")


# What others keep in the lock


async def test_a_whole_stay_leaves_the_codes_of_others_as_they_are(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    """Also one that is labelled as ours is, and one that is disabled."""
    await bluetooth.code(LOCK, "999991", name="HMR1")
    await bluetooth.code(LOCK, "999992", name="cleaner", weekdays=["mo"], from_time="08:00")
    await bluetooth.code(LOCK, "999993", name="", enabled=False)
    foreign = (await bluetooth.lock(LOCK))["codes"]
    async with hub(bluetooth, tmp_path) as door:
        await door.book()
        await door.told("code.confirmed", lock_id="nuki")
        *before, ours = await door.codes()
        assert before == foreign
        assert (ours["code"], ours["name"]) == (await door.house.code_of("R1"), "HMR1")

        await door.book(departure=day(5))
        await confirmed(door, times=2)
        *before, longer = await door.codes()
        assert before == foreign
        assert (longer["id"], longer["until"][:10]) == (ours["id"], day(5))
        await door.book(status="cancelled")
        await door.told("code.removed", lock_id="nuki")
        assert await door.codes() == foreign


async def test_a_guests_name_beside_the_code(bluetooth: BluetoothSimulator, tmp_path: Path) -> None:
    """S1-21, S1-24: letters beyond ASCII count as what they take."""
    async with hub(bluetooth, tmp_path) as door:
        guest = {"name": "J\u00fcrgen Gro\u00df von M\u00fcnster"}
        await door.book(guest=guest, policy={"label": "name"})
        await door.told("code.confirmed", lock_id="nuki")
        (ours,) = await door.codes()
        assert ours["name"] == "J\u00fcrgen Gro\u00df von"


async def test_a_persons_code_is_taken_over_and_removed(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    """S1-11, suffering 26: only where that is said, and only the one that is named."""
    await bluetooth.code(LOCK, "999991", name="owner")
    await bluetooth.code(LOCK, "999992", name="cleaner")
    owner, cleaner = (await bluetooth.lock(LOCK))["codes"]
    async with hub(bluetooth, tmp_path) as door:
        await door.told("lock.foreign_code", slot=owner["id"])
        slots = [{"slot": owner["id"], "key_id": "owner"}]
        await door.house.send("lock.adopt", {"lock_id": "nuki", "slots": slots})
        await door.told("lock.adopted", key_id="owner")

        async def ours() -> bool:  # it has the times of its key now
            return any((code["until"] or "")[:4] == "2099" for code in await door.codes())

        await eventually(ours)
        await door.house.send("key.delete", {"id": "owner", "version": 1})
        await door.told("code.removed", key_id="owner")
        assert await door.codes() == [cleaner]


# Lost acknowledgements


async def test_an_update_whose_acknowledgement_is_lost_is_read_and_counts(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    async with hub(bluetooth, tmp_path) as door:
        await door.book()
        await door.told("code.confirmed", lock_id="nuki")
        (ours,) = await door.codes()
        await bluetooth.faults(LOCK, drop_after={"command": "update_keypad_code"})
        await door.book(departure=day(5))
        await confirmed(door, times=2)
        (longer,) = await door.codes()
        assert (longer["id"], longer["until"][:10]) == (ours["id"], day(5))
        assert (await bluetooth.lock(LOCK))["commands"]["update_keypad_code"] == 1


async def test_a_removal_whose_acknowledgement_is_lost_is_read_and_counts(
    bluetooth: BluetoothSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (plan, observed):  # between the two looks that end a doubt
        monkeypatch.setattr(module, "SETTLES", 0.5)
    async with hub(bluetooth, tmp_path) as door:
        await door.book()
        await door.told("code.confirmed", lock_id="nuki")
        await bluetooth.faults(LOCK, drop_after={"command": "remove_keypad_code"})
        await door.book(status="cancelled")
        await door.told("code.removed", lock_id="nuki")
        assert await door.codes() == []
        assert (await bluetooth.lock(LOCK))["commands"]["remove_keypad_code"] == 1
        assert await door.house.alerts() == set()


# What the lock refuses


async def test_a_code_that_the_lock_says_it_has_is_replaced_by_another(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    async with hub(bluetooth, tmp_path) as door:
        await door.told("lock.battery", lock_id="nuki")
        await bluetooth.faults(LOCK, duplicate=True)
        await door.book()
        first = await door.told("code.assigned")
        await door.told("code.failed", lock_id="nuki", reason="duplicate_code")
        await door.told("code.changed", reason="duplicate_code")
        await bluetooth.faults(LOCK)
        await door.told("code.confirmed", lock_id="nuki")
        (ours,) = await door.codes()
        assert ours["code"] == await door.house.code_of("R1") != first["display"]


@pytest.mark.parametrize("error", ["busy", "bad_parameter"])
async def test_a_lock_that_does_not_take_the_time_takes_the_code(
    bluetooth: BluetoothSimulator, tmp_path: Path, error: str
) -> None:
    await bluetooth.clock(LOCK, 3600)
    await bluetooth.faults(LOCK, reject={"error": error, "command": "update_time"})
    async with hub(bluetooth, tmp_path) as door:
        await door.book()
        await door.told("code.confirmed", lock_id="nuki")
        await door.told("lock.clock_skew", lock_id="nuki", mended=False)
        assert len(await door.codes()) == 1
        assert (await bluetooth.lock(LOCK))["commands"]["update_time"] == 1
        types = {event["type"] for event in await door.house.told()}
        assert not types & {"code.failed", "lock.offline"}


# The log


async def test_who_came_in_is_told_with_the_time_of_the_lock(
    bluetooth: BluetoothSimulator, tmp_path: Path
) -> None:
    await bluetooth.clock(LOCK, -20)  # not enough to be set
    async with hub(bluetooth, tmp_path) as door:
        async with door.house.database.transaction() as tx:
            await tx.rows("UPDATE nuki_locks SET log_index = 0")
        await door.book()
        await door.told("code.confirmed", lock_id="nuki")
        await bluetooth.keypad(LOCK, await door.house.code_of("R1"))
        await bluetooth.keypad(LOCK, "999999")
        used = await door.told("lock.used", lock_id="nuki")
        wrong = await door.told("lock.wrong_code", lock_id="nuki")
        entries = (await bluetooth.lock(LOCK))["log"]
        assert [f"{entry['at']}.000Z" for entry in entries] == [used["at"], wrong["at"]]


async def test_what_nobody_wrote_down_is_read_again(
    bluetooth: BluetoothSimulator, keyring: NukiKeyring
) -> None:
    """As after a power cut, or where the lock's worker is gone. An entry that tells nothing is
    handed on where it is the last one."""

    async def read() -> list[tuple[int, type]]:
        """By a hub that dies then."""
        entries: list[tuple[int, type]] = []

        def hear(_: str, report: Heard) -> None:
            if isinstance(report, Logged):
                entries.append((report.index, type(report.told)))

        await bluetooth.turn(LOCK, "lock")
        async with listening(keyring) as (radio, _):
            radio.on_report = hear
            await until(lambda: entries)
        return entries

    address = await paired(bluetooth, keyring, LOCK)
    await keyring.log_read(address, 0)
    await bluetooth.keypad(LOCK, "999999")
    first, second = await read(), await read()
    wrong, *turned = [entry["index"] for entry in (await bluetooth.lock(LOCK))["log"]]
    assert first == [(wrong, WrongCode), (turned[0], type(None))]
    assert second == [(wrong, WrongCode), (turned[1], type(None))]
    async with listening(keyring) as (_, heard):
        await bluetooth.keypad(LOCK, "999999")
        await until(lambda: sum(isinstance(report, WrongCode) for _, report in heard) == 2)
    await bluetooth.reset(LOCK)
