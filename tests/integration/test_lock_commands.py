"""A lock that is looked at now, another one in its place, and foreign codes that become ours."""

import json
from collections.abc import AsyncIterator
from datetime import time
from pathlib import Path

import pytest

from gatewayd.domain.hours import Hours
from gatewayd.domain.ids import LockId
from gatewayd.domain.moment import Window
from gatewayd.store import situations
from tests import house as houses
from tests.fakes import FakeRadio
from tests.house import DAY, NOON, Document, House, command, data, opened, reservation, types
from tests.integration.test_reconciler import (
    HOUR,
    MINUTE,
    Site,
    VirtualClock,
    alerts,
    reads,
    site,
    take,
)

SEEN = """
INSERT INTO slots (lock_id, slot, seen, code, at, enabled) VALUES ('front', ?, ?, ?, 0, ?)
"""


# --- looked at now -----------------------------------------------------------------------------


async def done(hub: Site, cause: str) -> bool:
    """Whether a command is done."""
    rows = await hub.database.read.rows("SELECT envelope FROM outbox WHERE type = 'command.done'")
    return cause in {json.loads(envelope)["cause"] for (envelope,) in rows}


async def test_a_lock_is_tried_now_and_its_ladder_keeps_its_rung(tmp_path: Path) -> None:
    # S3-19
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        lock = hub.lock("a")
        lock.dead = True
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await hub.pass_(50 * MINUTE + 8.5 * MINUTE)
        lock.touched.clear()
        failures = "SELECT failures FROM locks"
        assert await hub.database.read.rows(failures) == [(6,)]
        await take(hub.intake, command("lock.sync_now", {"lock_id": "a"}, id="now-1"))
        await hub.pass_(1)
        assert lock.touched == ["session"]
        assert await hub.database.read.rows(failures) == [(7,)]
        lock.dead = False
        assert not await done(hub, "now-1")
        await take(hub.intake, command("lock.sync_now", {"lock_id": "a"}, id="now-2"))
        await hub.pass_(1)
        assert len(lock.codes) == 1
        assert await done(hub, "now-1")
        assert await done(hub, "now-2")


async def test_a_code_that_waits_for_its_own_ladder_is_tried_now_too(tmp_path: Path) -> None:
    # S3-19
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        lock = hub.lock("a")
        lock.refuses = True
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await hub.pass_(HOUR)
        lock.refuses = False
        await take(hub.intake, command("lock.sync_now", {"lock_id": "a"}, id="now"))
        await hub.pass_(1)
        assert len(lock.codes) == 1


async def test_what_lies_on_the_lock_is_looked_at_now_and_no_more_than_that(
    tmp_path: Path,
) -> None:
    # S3-19
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        lock = hub.lock("a")
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await hub.pass_(2 * HOUR)
        lock.touched.clear()
        await take(hub.intake, command("lock.sync_now", {"lock_id": "a"}, id="now"))
        await hub.pass_(1)
        assert reads(lock) == [1]
        assert await done(hub, "now")


# --- another lock ------------------------------------------------------------------------------


async def test_another_lock_takes_the_place_of_one(tmp_path: Path) -> None:
    # S2-21
    clock = VirtualClock()
    async with site(tmp_path, clock, "a", "b", inventoried=False) as hub:
        only_a = {
            "version": 2,
            "zone": "UTC",
            "policy": {"grace": "0"},
            "properties": [
                {"id": "p", "name": "P", "check_in": "13:00", "check_out": "10:00", "locks": ["a"]}
            ],
            "locks": [{"id": x, "name": x, "driver": "fake", "address": x} for x in "ab"],
        }
        await take(hub.intake, command("site.put", only_a, id="2"))
        await hub.book("r1", "2026-07-01", "2026-07-09")
        by_hand = {
            "id": "cleaner",
            "version": 1,
            "doors": {"add": ["a"]},
            "starts": "2026-07-01T12:00",
            "ends": "2026-07-03T12:00",
        }
        await take(hub.intake, command("key.put", by_hand, id="cleaner"))
        await hub.pass_(2 * HOUR)
        old, new = hub.lock("a"), hub.lock("b")
        assert (len(old.codes), len(new.codes)) == (2, 0)
        old.dead = True
        await take(hub.intake, command("lock.resync", {"lock_id": "a"}, id="dead"))
        await hub.pass_(MINUTE)
        await take(hub.intake, command("lock.replace", {"old": "a", "new": "b"}, id="swap"))
        old.touched.clear()
        await hub.pass_(MINUTE)
        assert sorted(new.codes.values()) == sorted(old.codes.values())
        assert await done(hub, "swap")
        assert await alerts(hub) == set()
        await hub.pass_(24 * HOUR)
        assert old.touched == [], "the old one is left alone"
        states = await hub.database.read.rows("SELECT id, active FROM locks ORDER BY id")
        assert states == [("a", 0), ("b", 1)]
        edit = by_hand | {"version": 2, "ends": "2026-07-04T12:00"}
        await take(hub.intake, command("key.put", edit | {"doors": {"add": ["b"]}}, id="edit"))
        await hub.pass_(MINUTE)
        assert await done(hub, "edit")


@pytest.mark.parametrize(
    ("old", "new", "reason", "path"),
    [
        ("front", "attic", "unknown_lock", "data.new"),
        ("attic", "front", "unknown_lock", "data.old"),
        ("front", "front", "unknown_lock", "data.old"),
        ("front", "shed-door", "lock_unreachable", "data.new"),  # check the new one first
        ("front", "flat-2-door", "lock_inactive", "data.new"),
    ],
)
async def test_a_lock_is_replaced_only_by_one_that_answers(
    tmp_path: Path, old: str, new: str, reason: str, path: str
) -> None:
    # S2-21
    async with opened(tmp_path) as house:
        locks = houses.site()["locks"]
        locks[2]["active"] = False
        await house.send("site.put", houses.site(locks=locks))
        async with house.database.transaction() as tx:
            await tx.rows("UPDATE locks SET last_contact = 1 WHERE id IN ('front', 'flat-2-door')")
        before = await house.dump(without=houses.ANSWERS)
        told = await house.send("lock.replace", {"old": old, "new": new})
        answer = data(told, "command.rejected")
        assert (answer["reason"], answer["path"]) == (reason, path)
        assert answer["retryable"] is (reason == "lock_unreachable")
        assert await house.dump(without=houses.ANSWERS) == before


async def test_what_could_not_be_removed_from_a_lock_that_is_gone_is_no_alert_any_more(
    tmp_path: Path,
) -> None:
    # S2-21
    clock = VirtualClock()
    async with site(tmp_path, clock, "a", "b") as hub:
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await hub.pass_(2 * HOUR)
        hub.lock("a").dead = hub.lock("b").dead = True
        await take(hub.intake, command("reservation.cancel", {"id": "r1", "version": 9}, id="no"))
        await hub.pass_(MINUTE)
        stuck = {("removal_failed", f"{lock}/res:r1") for lock in "ab"}
        assert await alerts(hub) >= stuck
        hub.lock("b").dead = False
        await hub.pass_(10 * MINUTE)
        await take(hub.intake, command("lock.replace", {"old": "a", "new": "b"}, id="swap"))
        await hub.pass_(MINUTE)
        assert await alerts(hub) == set()


async def test_the_next_site_document_has_the_last_word_on_a_replaced_lock(tmp_path: Path) -> None:
    # S2-21
    async with opened(tmp_path) as house:
        await house.send("site.put", houses.site())
        await house.send("reservation.put", reservation())
        async with house.database.transaction() as tx:
            await tx.rows("UPDATE locks SET last_contact = 1 WHERE id = 'shed-door'")
        await house.send("lock.replace", {"old": "front", "new": "shed-door"})
        assert await house.doors_of("R1") == ["flat-1-door", "shed-door"]
        await house.restart()
        await house.send("reservation.put", reservation(version=2, departure="2026-07-16"))
        assert await house.doors_of("R1") == ["flat-1-door", "shed-door"]
        await house.send("site.put", houses.site(2))
        assert await house.doors_of("R1") == ["flat-1-door", "front"]


# --- foreign codes -----------------------------------------------------------------------------


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """The front door shows a person's code in slot 3, and masks the one in slot 4."""
    async with opened(tmp_path) as house:
        await house.send("site.put", houses.site())
        async with house.database.transaction() as tx:
            await tx.rows(SEEN, (3, "holds", "4455", True))
            await tx.rows(SEEN, (4, "occupied", None, True))
            await tx.rows(SEEN, (5, "empty", None, True))
        yield house


async def adopt(house: House, *slots: Document) -> list[Document]:
    return await house.send("lock.adopt", {"lock_id": "front", "slots": list(slots)})


async def test_a_named_foreign_code_becomes_a_key_by_hand(house: House) -> None:
    # S1-11, suffering 26: explicit, and told
    told = await adopt(house, {"slot": 3, "name": "The owner"})
    assert types(told) == ["code.assigned", "lock.adopted", "command.accepted", "command.done"]
    adopted = data(told, "lock.adopted")
    key = adopted["key_id"]
    assert adopted == {"lock_id": "front", "slot": 3, "key_id": key}
    assert {event["cause"] for event in told} == {"C0002"}
    rows = await house.rows("SELECT id, code, ends > 4000000000 FROM keys")
    assert rows == [(key, "4455", 1)]
    assert await house.rows("SELECT slot, stage, proof FROM leases") == [(3, "written", "matched")]
    told = await house.send("reservation.put", reservation(code="4455"))
    assert data(told, "command.rejected")["reason"] == "code_taken"
    told = await adopt(house, {"slot": 3, "name": "The owner"})
    assert data(told, "command.rejected")["path"] == "data.slots.0.slot"


async def test_it_is_named_by_an_id_and_ends_when_that_is_said(house: House) -> None:
    await adopt(house, {"slot": 3, "key_id": "owner", "ends": "2026-07-02T12:00"})
    assert await house.rows("SELECT id, ends FROM keys") == [
        ("owner", (NOON + DAY).timestamp() - 7200)
    ]
    told = await house.send("key.put", {"id": "owner", "version": 1, "ends": "2026-07-03T12:00"})
    assert "command.accepted" in types(told)


async def test_a_reservations_code_that_lies_there_already_is_taken_over(house: House) -> None:
    # suffering 29: the hub lost its database, the cloud echoed the code
    await house.send("reservation.put", reservation(code="4455"))
    await adopt(house, {"slot": 3, "key_id": "res:R1"})
    assert await house.rows("SELECT key_id, slot FROM leases") == [("res:R1", 3)]
    assert len(await house.rows("SELECT * FROM keys")) == 1


@pytest.mark.parametrize(
    ("slot", "reason", "path"),
    [
        ({"slot": 4, "name": "x"}, "unreadable", "data.slots.1.slot"),
        ({"slot": 5, "name": "x"}, "invalid_field", "data.slots.1.slot"),
        ({"slot": 6, "name": "x"}, "invalid_field", "data.slots.1.slot"),
        ({"slot": 9, "name": "x"}, "invalid_field", "data.slots.1.slot"),  # it opens nothing now
        ({"slot": 3}, "invalid_field", "data.slots.1.slot"),  # just taken
        ({"slot": 7}, "missing_field", "data.slots.1"),
        ({"slot": 7, "key_id": "res:R9"}, "invalid_field", "data.slots.1.key_id"),
        ({"slot": 7, "key_id": "res:R1"}, "invalid_field", "data.slots.1.key_id"),  # another code
        ({"slot": 8, "key_id": "res:R2"}, "invalid_field", "data.slots.1.key_id"),  # no such door
        ({"slot": 8, "name": "x"}, "code_taken", "data.slots.1"),
        ({"slot": 7, "name": "x", "ends": "2026-06-01T12:00"}, "dates_reversed", "data.slots.1"),
    ],
)
async def test_what_cannot_be_taken_over_is_refused_and_all_with_it(
    house: House, slot: Document, reason: str, path: str
) -> None:
    # S1-11
    await house.send("reservation.put", reservation("R1", code="739164"))
    await house.send("reservation.put", reservation("R2", code="846291", property_id="shed"))
    async with house.database.transaction() as tx:
        await tx.rows(SEEN, (7, "holds", "5566", True))
        await tx.rows(SEEN, (8, "holds", "846291", True))
        await tx.rows(SEEN, (9, "holds", "7788", False))
    before = await house.dump(without=houses.ANSWERS)
    told = await adopt(house, {"slot": 3, "name": "The owner"}, slot)
    answer = data(told, "command.rejected")
    assert (answer["reason"], answer["path"]) == (reason, path)
    assert await house.dump(without=houses.ANSWERS) == before


async def test_an_adopted_code_is_looked_at_and_removed_with_its_key(tmp_path: Path) -> None:
    # S1-11, suffering 26
    clock = VirtualClock()
    radio = FakeRadio(clock)
    lock = radio.lock("a")
    lock.codes = {3: "4455", 4: "6677"}
    async with site(tmp_path, clock, "a", radio=radio, inventoried=False) as hub:
        await hub.pass_(HOUR)
        lock.touched.clear()
        wish = {"lock_id": "a", "slots": [{"slot": 3, "key_id": "owner"}]}
        await take(hub.intake, command("lock.adopt", wish, id="adopt"))
        await hub.pass_(MINUTE)
        assert reads(lock) == [3]
        assert not [t for t in lock.touched if t.startswith("write")]
        await take(hub.intake, command("key.delete", {"id": "owner", "version": 9}, id="gone"))
        await hub.pass_(MINUTE)
        assert lock.codes == {4: "6677"}


async def test_an_adopted_code_keeps_the_hours_that_the_lock_shows(tmp_path: Path) -> None:
    # S3-6
    clock = VirtualClock()
    radio = FakeRadio(clock)
    lock = radio.lock("a")
    lock.numbers_itself, lock.numbered, lock.codes = True, 3, {3: "445566"}
    lock.hours = {3: Hours(frozenset({0, 2}), time(8), time(12))}
    async with site(tmp_path, clock, "a", radio=radio, inventoried=False) as hub:
        await hub.pass_(MINUTE)
        wish = {"lock_id": "a", "slots": [{"slot": 3, "name": "Cleaner"}]}
        await take(hub.intake, command("lock.adopt", wish, id="adopt"))
        await hub.pass_(HOUR)
        said = await hub.database.read.rows("SELECT document ->> '$.hours' FROM overrides")
        assert json.loads(said[0][0]) == {"days": ["mon", "wed"], "from": "08:00", "to": "12:00"}
        ((timetable,),) = await hub.database.read.rows("SELECT timetable FROM keys")
        assert timetable == "mon,wed 08:00-12:00 UTC"


async def test_an_adopted_code_keeps_the_times_that_the_lock_shows(tmp_path: Path) -> None:
    clock = VirtualClock()
    radio = FakeRadio(clock)
    lock = radio.lock("a")
    lock.numbers_itself, lock.numbered, lock.codes = True, 3, {3: "445566"}
    lock.windows = {3: Window(NOON - DAY, NOON + DAY)}
    async with site(tmp_path, clock, "a", radio=radio, inventoried=False) as hub:
        await hub.pass_(MINUTE)
        wish = {"lock_id": "a", "slots": [{"slot": 3, "key_id": "owner"}]}
        await take(hub.intake, command("lock.adopt", wish, id="adopt"))
        await hub.pass_(HOUR)
        assert not [t for t in lock.touched if t.startswith("write")]
        found = await situations.load(hub.database.read, LockId("a"), clock.now())
        assert next(iter(found.claims.values())).window == Window(NOON - DAY, NOON + DAY)
        await hub.pass_(49 * HOUR)
        assert lock.codes == {}
