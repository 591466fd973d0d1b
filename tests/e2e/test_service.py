"""What people ask for beside reservations, through the whole house."""

import pytest

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
    for n in range(10):
        await house.zwave.keypad(V2, code=f"1119{n:02}")
    await house.told_times(10, "lock.wrong_code", lock_id=f"l{V2}")
    alert = await house.told("alert.raised", 30.0, code="keypad_attack")
    assert alert["data"]["subject"] == f"l{V2}"
