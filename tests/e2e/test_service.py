"""What people ask for beside reservations, through the whole house."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.e2e import scenes
from tests.e2e.conftest import USERS, V1, V2, House

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_guests_name_is_shown_at_a_lock_and_nowhere_in_the_log(house: House) -> None:
    # S1-21, S1-24, S2-11
    await house.site(USERS, label="name")
    await house.cloud.done(await house.book())
    assert await names(house) == ["Quentin Zyxwvut"]
    await house.cloud.done(await house.book("r2"))
    assert await names(house) == ["HMR2", "Quentin Zyxwvut"]


async def names(house: House) -> list[str]:
    """What the lock shows."""
    return sorted(user["name"] for user in (await house.zwave.node(USERS))["users"].values())


async def test_codes_of_many_reservations_at_once(house: House) -> None:
    # S2-14
    await house.site(V1)
    await house.cloud.done(await house.book())
    await house.book("r2", policy={"generate": "manual"})  # it waits
    first = await house.code()
    everything = {"select": {}, "mode": "all", "dry_run": True}
    await house.cloud.done(await house.cloud.send("batch", everything))
    planned = (await house.told("batch.planned", dry_run=True))["data"]
    assert (planned["reservations"], planned["locks"]) == (["r1", "r2"], [f"l{V1}"])
    assert await house.codes(V1) == [first]
    await house.cloud.done(await house.cloud.send("batch", everything | {"dry_run": False}))
    changed = await house.told("code.changed", reservation_id="r1")
    await house.holds(V1, changed["data"]["display"], await house.code("r2"))


async def test_a_guest_is_told_once_more(house: House) -> None:
    # S3-11, S2-11
    await house.site(V1)
    await house.cloud.done(await house.book())
    wish = {"key_id": "res:r1", "channel": "email"}
    await house.cloud.done(await house.cloud.send("credentials.resend", wish))
    assert (await house.told("credentials.wanted"))["data"] == wish | {"reservation_id": "r1"}


async def test_a_code_that_people_put_there_is_taken_over(house: House) -> None:
    # S1-11, suffering 26
    await house.zwave.set_code(V2, 3, "909090")
    await house.site(V2)
    await house.told("lock.foreign_code", lock_id=f"l{V2}", slot=3)
    slots = [{"slot": 3, "key_id": "owner", "name": "The owner"}]
    wish = {"lock_id": f"l{V2}", "slots": slots}
    await house.cloud.done(await house.cloud.send("lock.adopt", wish))
    adopted = await house.told("lock.adopted")
    assert adopted["data"] == {"lock_id": f"l{V2}", "slot": 3, "key_id": "owner"}
    gone = await house.cloud.send("key.delete", {"id": "owner", "version": 1})
    await house.cloud.done(gone)
    assert await house.codes(V2) == []


async def test_another_lock_takes_the_place_of_one(house: House) -> None:
    # S2-21
    await house.site(V1, V2)
    only = {"id": "p", "name": "Seaside", "check_in": "15:00", "check_out": "10:00"}
    locks = [
        {"id": f"l{n}", "name": f"Door {n}", "driver": "zwave", "address": str(n)} for n in (V1, V2)
    ]
    document = {
        "version": 2,
        "zone": "Europe/Zurich",
        "policy": {"verify_after": "1s", "backup": {"pool": 0}},
        "properties": [only | {"locks": [f"l{V1}"]}],
        "locks": locks,
    }
    await house.cloud.done(await house.cloud.send("site.put", document))
    await house.cloud.done(await house.book())
    for node in (V1, V2):  # S3-19; a lock that has not answered yet takes no other's place
        await house.cloud.done(await house.cloud.send("lock.sync_now", {"lock_id": f"l{node}"}))
    swap = await house.cloud.send("lock.replace", {"old": f"l{V1}", "new": f"l{V2}"})
    await house.cloud.done(swap)
    assert await house.codes(V2) == [await house.code()]


async def test_somebody_who_tries_codes_is_an_alert(house: House) -> None:
    # suffering 28
    await house.site(V2)
    await scenes.somebody_tries_codes(house, house.door(V2))


async def test_who_changes_rooms_has_the_new_door_before_the_old_one_is_shut(
    house: House,
) -> None:
    # S3-18
    await house.rooms({"p": [V1], "q": [V2]})
    await house.cloud.done(await house.book())
    code = await house.code()
    await house.zwave.faults(V2, dead=True)
    moved = await house.book(version=2, property_id="q")
    await house.told("code.failed", lock_id=f"l{V2}", reason="lock_unreachable")
    assert await house.codes(V1) == [code]
    assert house.count("code.removed") == 0
    await house.zwave.faults(V2)
    await house.cloud.done(moved)
    opens = await house.told("code.confirmed", lock_id=f"l{V2}")
    shut = await house.told("code.removed", lock_id=f"l{V1}")
    assert opens["seq"] < shut["seq"]
    assert (await house.codes(V1), await house.codes(V2)) == ([], [code])


async def test_staff_takes_a_door_from_a_key_and_limits_it_to_days_and_hours(
    house: House,
) -> None:
    # S3-12, S3-6: of a lock that knows no hours the hub takes the code, and puts it back
    await house.site(V1, V2)
    await house.cloud.done(await house.book())
    code = await house.code()
    await house.say("key.revoke", id="res:r1", version=1, doors=[f"l{V1}"])
    assert (await house.codes(V1), await house.codes(V2)) == ([], [code])
    await house.say("key.restore", id="res:r1", version=2, doors=[f"l{V1}"])
    assert (await house.codes(V1), await house.codes(V2)) == ([code], [code])

    today = datetime.now(ZoneInfo("Europe/Zurich")).date()
    days = [f"{today + timedelta(days=n):%a}".lower() for n in range(7)]
    farther = days[2:-1]  # whatever midnight passes meanwhile
    await house.say("key.put", id="res:r1", version=3, hours={"days": farther})
    assert await house.codes(V1) == []
    assert not (await house.zwave.keypad(V2, code=code))["opened"]
    whole = {"days": days, "from": "00:00", "to": "23:59"}
    await house.say("key.put", id="res:r1", version=4, hours=whole)
    for node in (V1, V2):
        assert (await house.zwave.keypad(node, code=code))["opened"]


async def test_who_gets_a_code_and_when(house: House) -> None:
    # S2-9, S2-7, S3-17, S3-2, S1-3, suffering 11
    await house.site(V1)
    await scenes.who_gets_a_code_and_when(house, house.door(V1))


async def test_staff_changes_keys_and_codes(house: House) -> None:
    # S3-3, S3-12, S2-14, suffering 23
    await house.site(V1)
    await scenes.staff_changes_keys(house, house.door(V1))
