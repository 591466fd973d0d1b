"""A reservation's way through the whole house, on each kind of lock."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.conftest import NODES, USERS, V1, V1_S2, V2, V2_S2, House, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADDED = 0x0E
"""The notification that a code was added, or changed."""


async def test_a_reservation_becomes_a_proven_code_and_its_cancellation_removes_it(
    house: House,
) -> None:
    # S1-1, S1-6, S1-10, S2-18, S3-15, S3-16
    await house.site(*NODES)
    await house.cloud.done(await house.book())
    code = await house.code()
    for node in NODES:
        assert await house.codes(node) == [code]
        proof = await house.told("code.confirmed", lock_id=f"l{node}")
        assert proof["data"]["proof"] == "matched"
    gone = await house.cloud.send("reservation.cancel", {"id": "r1", "version": 2})
    await house.cloud.done(gone)
    for node in NODES:
        assert await house.codes(node) == []
        await house.told("code.removed", lock_id=f"l{node}")


async def test_a_foreign_code_keeps_its_slot(house: House) -> None:
    # S1-11, suffering 26; fault 49
    await house.zwave.set_code(V2, 1, "909090")
    await house.site(V2)
    await house.cloud.done(await house.book())
    await house.told("lock.foreign_code", lock_id=f"l{V2}", slot=1)
    codes = (await house.zwave.node(V2))["codes"]
    assert codes == {1: "909090", 2: await house.code()}
    gone = await house.cloud.send("reservation.cancel", {"id": "r1", "version": 2})
    await house.cloud.done(gone)
    assert await house.codes(V2) == ["909090"]


async def test_a_code_lies_ahead_on_the_locks_that_can_keep_it_shut(house: House) -> None:
    # S1-7: where the battery is low and the lock keeps the window, earlier
    await house.site(*NODES)
    await house.cloud.done(await house.book())  # by now the hub knows what each lock can do
    today = datetime.now(UTC).date()
    first, last = today + timedelta(days=2), today + timedelta(days=4)
    await house.book("r2", arrival=str(first), departure=str(last))
    code = await house.code("r2")
    for node in (V2_S2, USERS, V2):
        await house.told("code.confirmed", lock_id=f"l{node}", key_id="res:r2")
        assert code in await house.codes(node)
        assert not (await house.zwave.keypad(node, code=code))["opened"]
    for node in (V1, V1_S2):
        assert code not in await house.codes(node)
    lock = await house.zwave.node(V2_S2)
    (slot,) = (n for n, stored in lock["codes"].items() if stored == code)
    assert lock["schedules"][slot] == [_in_utc(first, 14), _in_utc(last, 11)]  # an hour's grace
    assert (await house.zwave.keypad(V2_S2, code=await house.code()))["opened"]  # r1 is there

    first, last = today + timedelta(days=5), today + timedelta(days=7)
    await house.cloud.answer(await house.book("r3", arrival=str(first), departure=str(last)))
    later = await house.code("r3")
    try:
        for node in (V1, V2_S2):
            assert later not in await house.codes(node)
            await house.zwave.battery(node, 15)
            await house.told("lock.battery", lock_id=f"l{node}", level=15, low=True)
        await house.told("code.confirmed", lock_id=f"l{V2_S2}", key_id="res:r3")
        assert later in await house.codes(V2_S2)
        assert later not in await house.codes(V1)
    finally:
        for node in (V1, V2_S2):
            await house.zwave.battery(node, 95)


def _in_utc(day: date, hour: int) -> str:
    local = datetime.combine(day, time(hour), ZoneInfo("Europe/Zurich"))
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize("node", [V1, V2_S2, USERS, V2, V1_S2])
async def test_a_code_that_the_lock_has_already_is_replaced_by_another_on_all_doors(
    house: House, node: int
) -> None:
    # S1-20, sufferings 4 and 24; fault 51
    other = V2 if node != V2 else V1
    await house.zwave.set_code(node, 9, "735162")
    await house.site(node, other)
    await house.book(code="735162")
    changed = await house.told("code.changed", reservation_id="r1")
    assert changed["data"]["reason"] == "duplicate_code"
    code = changed["data"]["display"]
    assert code != "735162"
    for lock in (f"l{node}", f"l{other}"):
        await house.cloud.until(
            lambda e, lock=lock: (  # type: ignore[misc]  # bound now
                e["type"] == "key.status"
                and any(d["lock_id"] == lock and d["state"] == "proven" for d in e["data"]["doors"])
            )
        )
    assert (await house.zwave.node(node))["codes"][9] == "735162"
    await house.holds(other, code)  # the handover ends


async def test_a_masked_lock_is_proven_by_presence_and_not_written_again(house: House) -> None:
    # suffering 1; fault 46
    await house.zwave.faults(V2, obfuscate=True)
    await house.site(V2)
    await house.zwave.reset_frames()
    await house.cloud.done(await house.book())
    assert (await house.told("code.confirmed"))["data"]["proof"] == "present"

    async def looked_again() -> bool:
        return await house.exchanges(V2, "get") >= 3

    await eventually(looked_again)
    assert await house.exchanges(V2, "set") == 1


async def test_a_code_that_vanishes_after_a_good_write_is_noticed_and_put_back(
    house: House,
) -> None:
    # suffering 6; fault 45
    await house.zwave.faults(V1, vanishAfterMs=300)
    await house.site(V1)
    await house.cloud.done(await house.book())
    await house.told("code.lost", lock_id=f"l{V1}")
    await house.told_times(2, "code.confirmed", lock_id=f"l{V1}")
    assert await house.codes(V1) == [await house.code()]


async def test_one_false_empty_read_does_not_lose_a_code(house: House) -> None:
    # suffering 13
    await house.site(V2_S2)
    await house.cloud.done(await house.book())
    await house.zwave.faults(V2_S2, lieEmptyOnce=True)
    await house.cloud.done(await house.cloud.send("lock.resync", {"lock_id": f"l{V2_S2}"}))
    assert house.count("code.lost") == 0
    assert await house.codes(V2_S2) == [await house.code()]


async def test_a_code_deleted_at_the_keypad_stays_deleted_until_a_resync(house: House) -> None:
    # S1-17, S1-26; fault 47
    await house.site(V2)
    await house.cloud.done(await house.book())
    await house.zwave.delete(V2, 1)
    lost = await house.told("code.lost", lock_id=f"l{V2}")
    assert lost["data"]["reason"] == "deleted_at_lock"
    assert await house.codes(V2) == []
    await house.cloud.done(await house.cloud.send("lock.resync", {"lock_id": f"l{V2}"}))
    assert await house.codes(V2) == [await house.code()]


async def test_a_factory_reset_is_told_and_the_codes_are_put_back(house: House) -> None:
    # S1-26; fault 48
    await house.site(V2)
    await house.cloud.done(await house.book())
    await house.zwave.delete(V2)
    await house.told("lock.reset", lock_id=f"l{V2}")
    await house.told("alert.raised", code="lock_reset", subject=f"l{V2}")
    await house.told("code.lost", lock_id=f"l{V2}")
    await house.holds(V2, await house.code())


async def test_codes_changed_and_added_at_the_keypad_are_told_and_left_there(
    house: House,
) -> None:
    # S1-11, suffering 24
    await house.site(V2)
    await house.cloud.done(await house.book())
    code = await house.code()
    await house.settled(f"l{V2}")
    await house.zwave.set_code(V2, 7, "808080")
    await house.zwave.notify(V2, 6, ADDED, (7,))
    await house.told("lock.foreign_code", lock_id=f"l{V2}", slot=7)
    await house.zwave.set_code(V2, 1, "909090")  # the guest's
    await house.zwave.notify(V2, 6, ADDED, (1,))
    lost = await house.told("code.lost", lock_id=f"l{V2}")
    assert lost["data"]["reason"] == "foreign_slot"
    await house.holds(V2, code, "808080", "909090")
    codes = (await house.zwave.node(V2))["codes"]
    assert (codes[1], codes[7]) == ("909090", "808080")


async def test_what_people_do_at_the_door_is_told(house: House) -> None:
    # S0-3, suffering 28
    await house.site(V2)
    await house.cloud.done(await house.book())
    assert (await house.zwave.keypad(V2, code=await house.code()))["opened"]
    used = await house.told("lock.used", lock_id=f"l{V2}")
    assert (used["data"]["key_id"], used["data"]["how"]) == ("res:r1", "unlock")
    await house.zwave.keypad(V2, code="111999")
    await house.told("lock.wrong_code", lock_id=f"l{V2}")
    await house.zwave.notify(V2, 6, 0x10)
    await house.told("lock.keypad_disabled", lock_id=f"l{V2}")
    await house.told("alert.raised", code="keypad_disabled")
    await house.zwave.notify(V2, 6, 0x0B)
    await house.told("lock.jammed", lock_id=f"l{V2}")
    await house.zwave.battery(V2, 9)
    await house.told("lock.battery", lock_id=f"l{V2}", level=9, low=True)
    await house.told("alert.raised", code="battery_low")
    await house.zwave.battery(V2, 95)
    await house.told("alert.cleared", code="battery_low")


async def test_a_full_lock_is_told_and_filled_when_a_slot_is_free(house: House) -> None:
    # S1-19; fault 50
    for slot in range(1, 11):
        await house.zwave.set_code(V2, slot, f"80000{slot - 1}")
    await house.site(V2)
    command = await house.book()
    await house.told("lock.full", lock_id=f"l{V2}", key_ids=["res:r1"])
    await house.zwave.delete(V2, 4)
    await house.cloud.done(command)
    assert (await house.zwave.node(V2))["codes"][4] == await house.code()
    await house.told("alert.cleared", code="lock_full")


async def test_a_change_of_dates_acts_at_once_and_keeps_the_code(house: House) -> None:
    # S1-10, suffering 22
    await house.site(V2)
    await house.cloud.done(await house.book())
    code = await house.code()
    later = await house.book(version=2, departure="2099-01-01")
    await house.cloud.done(later)
    past = await house.book(version=3, arrival="2020-01-01", departure="2020-01-02")
    await house.cloud.done(past)
    assert await house.codes(V2) == []
    await house.cloud.done(await house.book(version=4))
    assert await house.codes(V2) == [code]
    assert house.count("code.changed") == 0
