"""S3-18: the new door opens before the old one is shut."""

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from gatewayd.domain.ids import LockId
from gatewayd.intake import backups
from tests.house import Document, command
from tests.integration.test_reconciler import HOUR, MINUTE, Site, VirtualClock, site, take

ROOMS = {"p": ["a", "gate"], "q": ["b", "gate"], "bare": []}


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Site]:
    """Two rooms behind a gate, and one without a lock; the guest is in the first."""
    async with site(tmp_path, VirtualClock(), "a", "b", "gate") as hub:
        times = {"check_in": "13:00", "check_out": "10:00"}
        rooms = [{"id": id_, "name": id_, "locks": locks} | times for id_, locks in ROOMS.items()]
        locks = [{"id": x, "name": x, "driver": "fake", "address": x} for x in ("a", "b", "gate")]
        policy = {"grace": "0"}
        document = {"version": 2, "zone": "UTC", "policy": policy, "properties": rooms}
        await take(hub.intake, command("site.put", document | {"locks": locks}, id="rooms"))
        await put(hub, "r1", 1, "p")
        await hub.pass_(2 * HOUR)
        assert holds(hub, "a", "gate")
        yield hub


async def put(hub: Site, id_: str, version: int, room: str, arrival: str = "2026-07-01") -> None:
    stay: Document = {
        "id": id_,
        "version": version,
        "property_id": room,
        "arrival": arrival,
        "departure": "2026-07-09",
        "confirmation_code": id_,
    }
    await take(hub.intake, command("reservation.put", stay, id=f"{id_}-{version}"))


def holds(hub: Site, *doors: str) -> bool:
    """Whether these doors hold a code, and no other does."""
    return [d for d in ("a", "b", "gate") if hub.lock(d).codes] == sorted(doors)


async def done(hub: Site, command_id: str) -> bool:
    sql = "SELECT 1 FROM outbox WHERE type = 'command.done' AND envelope LIKE ?"
    return bool(await hub.database.read.rows(sql, (f'%"cause":"{command_id}"%',)))


async def last_status(hub: Site) -> dict[str, str]:
    """What was told last of each door of the key."""
    sql = "SELECT envelope FROM outbox WHERE type = 'key.status' ORDER BY seq DESC LIMIT 1"
    ((envelope,),) = await hub.database.read.rows(sql)
    return {door["lock_id"]: door["state"] for door in json.loads(envelope)["data"]["doors"]}


async def test_the_old_door_opens_until_the_new_one_does(hub: Site) -> None:
    hub.lock("b").dead = True
    await put(hub, "r1", 2, "q")
    await hub.pass_(6 * HOUR)
    assert holds(hub, "a", "gate")
    await put(hub, "r1", 3, "q")  # another change meanwhile takes nothing away
    await hub.pass_(MINUTE)
    assert holds(hub, "a", "gate")
    assert not await done(hub, "r1-3")
    hub.lock("b").dead = False
    await hub.pass_(5 * MINUTE)
    assert holds(hub, "b", "gate")
    assert await done(hub, "r1-3")
    assert await last_status(hub) == {"a": "removed", "b": "proven", "gate": "proven"}
    await hub.pass_(HOUR)
    assert await hub.database.read.rows("SELECT 1 FROM doors WHERE lock_id = 'a'") == []


async def test_the_old_door_is_the_next_guests_at_the_latest_when_his_stay_begins(
    hub: Site,
) -> None:
    hub.lock("b").dead = True
    await put(hub, "r1", 2, "q")
    await put(hub, "r2", 1, "p", arrival="2026-07-03")
    await hub.pass_(46 * HOUR)  # to one hour before
    assert len(hub.lock("a").codes) == 1
    await hub.pass_(HOUR + 1)
    (code,) = hub.lock("a").codes.values()
    rows = await hub.database.read.rows("SELECT code FROM keys WHERE id = 'res:r2'")
    assert rows == [(code,)]


async def test_who_moves_back_keeps_the_door(hub: Site) -> None:
    hub.lock("b").dead = True
    await put(hub, "r1", 2, "q")
    await hub.pass_(MINUTE)
    await put(hub, "r1", 3, "p")
    hub.lock("b").dead = False
    await hub.pass_(HOUR)
    assert holds(hub, "a", "gate")
    assert await done(hub, "r1-3")


async def test_who_moves_to_a_room_that_is_not_known_yet_keeps_the_old_door(hub: Site) -> None:
    await put(hub, "r1", 2, "annexe")
    await put(hub, "r1", 3, "annexe")
    await hub.pass_(HOUR)
    assert holds(hub, "a", "gate")
    ((stored,),) = await hub.database.read.rows("SELECT document FROM site")
    document = json.loads(stored)
    annexe = {"id": "annexe", "name": "Annexe", "locks": ["b", "gate"]}
    document["properties"] += [document["properties"][0] | annexe]
    await take(hub.intake, command("site.put", document | {"version": 3}, id="annexe"))
    await hub.pass_(HOUR)
    assert holds(hub, "b", "gate")
    assert await done(hub, "r1-3")


async def known(hub: Site) -> Document:
    """The site document in force."""
    ((stored,),) = await hub.database.read.rows("SELECT document FROM site")
    return dict(json.loads(stored))


async def test_a_code_that_somebody_saw_is_changed_while_the_next_room_is_not_known(
    hub: Site,
) -> None:
    # S3-3, suffering 23
    seen = set(hub.lock("a").codes.values())
    await put(hub, "r1", 2, "annexe")
    await say(hub, "code.regenerate", key_id="res:r1", reason="seen")
    await hub.pass_(MINUTE)
    assert holds(hub, "a", "gate")
    ((code,),) = await hub.database.read.rows("SELECT code FROM keys")
    assert {*hub.lock("a").codes.values(), *hub.lock("gate").codes.values()} == {code}
    assert code not in seen
    assert await hub.database.read.rows("SELECT code FROM past_codes") == [(*seen,)]
    document = await known(hub)
    annexe = {"id": "annexe", "name": "Annexe", "locks": ["b", "gate"]}
    document["properties"] += [document["properties"][0] | annexe]
    hub.lock("b").dead = True
    await take(hub.intake, command("site.put", document | {"version": 3}, id="annexe"))
    await hub.pass_(HOUR)
    assert holds(hub, "a", "gate"), "the old door opens until the new one does"
    hub.lock("b").dead = False
    await hub.pass_(HOUR)
    assert holds(hub, "b", "gate")
    assert {*hub.lock("b").codes.values()} == {code}
    assert await done(hub, "code.regenerate")


async def test_another_code_is_not_written_where_the_site_forbids_it(hub: Site) -> None:
    # S3-20, suffering 23
    document = await known(hub) | {"version": 3}
    document["locks"][0]["allow_provisioning"] = False
    await take(hub.intake, command("site.put", document, id="forbidden"))
    await put(hub, "r1", 2, "annexe")
    await say(hub, "code.regenerate", key_id="res:r1", reason="seen")
    await hub.pass_(MINUTE)
    assert holds(hub, "gate")


async def test_a_room_without_a_lock_ends_the_access_at_once(hub: Site) -> None:
    await put(hub, "r1", 2, "bare")
    await hub.pass_(MINUTE)
    assert holds(hub)


async def test_before_the_stay_the_rooms_are_just_changed(hub: Site) -> None:
    await put(hub, "r3", 1, "p", arrival="2026-07-07")
    await put(hub, "r3", 2, "q", arrival="2026-07-07")
    rows = await hub.database.read.rows(
        "SELECT lock_id FROM doors WHERE key_id = 'res:r3' ORDER BY 1"
    )
    assert rows == [("b",), ("gate",)]


async def test_who_changes_rooms_just_before_the_stay_stands_before_no_shut_door(
    hub: Site,
) -> None:
    await put(hub, "r1", 2, "bare")  # the room is free
    await put(hub, "r4", 1, "p", arrival="2026-07-02")
    await hub.pass_(22 * HOUR + 55 * MINUTE)  # five minutes before
    assert len(hub.lock("a").codes) == 1
    hub.lock("b").dead = True
    await put(hub, "r4", 2, "q", arrival="2026-07-02")
    await hub.pass_(HOUR)
    assert len(hub.lock("a").codes) == 1


# --- what ends the access at a door that is being left ------------------------------------------


@pytest.fixture
async def between(hub: Site) -> Site:
    """The guest has moved to the second room, whose door does not answer."""
    hub.lock("b").dead = True
    await put(hub, "r1", 2, "q")
    await hub.pass_(MINUTE)
    return hub


async def say(hub: Site, type_: str, **data: object) -> None:
    await take(hub.intake, command(type_, data, id=type_))


async def test_staff_shuts_an_old_door_at_once(between: Site) -> None:
    # S3-12
    await say(between, "key.revoke", id="res:r1", version=1, doors=["a"])
    await between.pass_(MINUTE)
    assert holds(between, "gate")


async def test_an_old_door_that_is_no_rooms_any_more_is_shut(between: Site) -> None:
    # S1-14
    ((stored,),) = await between.database.read.rows("SELECT document FROM site")
    document = json.loads(stored)
    document["properties"][0]["locks"] = ["gate"]
    await take(between.intake, command("site.put", document | {"version": 3}, id="bare"))
    await between.pass_(MINUTE)
    assert holds(between, "gate")


async def test_a_backup_code_is_no_next_guest(between: Site) -> None:
    policy = {"grace": "0", "backup": {"pool": 1}}
    ((stored,),) = await between.database.read.rows("SELECT document FROM site")
    document = json.loads(stored) | {"version": 3, "policy": policy}
    await take(between.intake, command("site.put", document, id="pool"))
    await between.intake.attend(partial(backups.keep, lock=LockId("a")))
    await between.pass_(HOUR)
    assert len(between.lock("a").codes) == 2


async def test_a_neighbour_at_a_shared_door_is_no_next_guest(hub: Site) -> None:
    ((stored,),) = await hub.database.read.rows("SELECT document FROM site")
    document = json.loads(stored) | {"version": 3}
    room = document["properties"][0]
    document["properties"][1]["locks"] = ["b"]
    document["properties"] += [room | {"id": "n", "name": "N", "locks": ["gate"]}]
    await take(hub.intake, command("site.put", document, id="neighbour"))
    hub.lock("b").dead = True
    await put(hub, "r1", 2, "q")
    await put(hub, "r2", 1, "n", arrival="2026-07-02")
    await hub.pass_(25 * HOUR)
    assert len(hub.lock("gate").codes) == 2
    assert len(hub.lock("a").codes) == 1


async def test_who_waits_for_an_unknown_room_and_checks_out_has_no_door(hub: Site) -> None:
    await put(hub, "r1", 2, "annexe")
    at = hub.clock.now().latest.isoformat()
    await say(hub, "reservation.check_out", id="r1", at=at)
    await hub.pass_(HOUR)
    assert holds(hub)


async def test_staff_shuts_a_door_of_who_waits_for_an_unknown_room(hub: Site) -> None:
    await put(hub, "r1", 2, "annexe")
    await say(hub, "key.revoke", id="res:r1", version=1, doors=["a"])
    await hub.pass_(MINUTE)
    assert holds(hub, "gate")
