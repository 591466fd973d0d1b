"""Backup codes: kept on the locks, handed out, changed; on locks in memory, in virtual time."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gatewayd.domain.capabilities import NUKI, Capabilities
from gatewayd.domain.code import DEFAULT_FORM, Code
from gatewayd.domain.ids import KeyId
from gatewayd.domain.report import Used
from gatewayd.domain.slot import Entry
from gatewayd.errors import Reason, Refused
from tests.fakes import FakeLock, FakeRadio
from tests.house import Document, types
from tests.integration.test_reconciler import HOUR, MINUTE, VirtualClock
from tests.rounds import NOTE, RECHECK, Site, document, of, site, stay

GUEST = ("2026-06-30", "2026-07-02")  # his stay is current; it ends in 22 h


async def issue(hub: Site, guest: str, **more: object) -> list[Document]:
    return await hub.send("backup.issue", {"reservation_id": guest, "reason": "he rang"} | more)


def rejected(events: list[Document]) -> tuple[str, str]:
    (why,) = of(events, "command.rejected")
    return why["reason"], why["path"]


# --- the pool ----------------------------------------------------------------------------------


async def test_a_pool_lies_on_each_lock_and_is_told_when_it_is_proven(tmp_path: Path) -> None:
    # S0-2, S0-3: three codes, none twice on the site
    async with site(tmp_path, "a", "b") as hub:
        ready = of(await hub.told(), "backup.ready")
        labels = {(x["lock_id"], x["label"]) for x in ready}
        assert labels == {(door, f"Backup-{n}") for door in "ab" for n in (1, 2, 3)}
        codes = {(x["lock_id"], x["code"]) for x in ready}
        assert codes == {(d, c) for d in "ab" for c in hub.lock(d).codes.values()}
        assert len({code for _, code in codes}) == len(ready) == 6
        await hub.pass_(10 * MINUTE)
        assert of(await hub.told(), "backup.ready") == []


async def test_on_a_lock_that_keeps_windows_a_backup_has_none(tmp_path: Path) -> None:
    # S0-2: valid without end
    clock = VirtualClock(recheck=MINUTE)
    radio = FakeRadio(clock)
    radio.lock("a").numbers_itself = True
    async with site(tmp_path, "a", radio=radio, clock=clock) as hub:
        lock = hub.lock("a")
        assert len(lock.codes) == 3
        assert {*lock.windows.values()} == {None}
        assert len(of(await hub.told(), "backup.ready")) == 3


async def test_a_pool_follows_its_policy(tmp_path: Path) -> None:
    # S0-2: settable for site and lock; 0 switches it off
    async with site(tmp_path, "a", "b") as hub:
        await hub.told()
        fewer = document("a", "b", version=2, pool=1)
        fewer["locks"][1]["policy"] = {"backup": {"pool": 0}}
        told = await hub.send("site.put", fewer)
        gone = [(x["lock_id"], x["label"], x["replacing"]) for x in of(told, "backup.rotated")]
        assert len(gone) == 5
        assert not any(replacing for _, _, replacing in gone)
        assert (len(hub.lock("a").codes), len(hub.lock("b").codes)) == (1, 0)
        await hub.send("site.put", document("a", "b", version=3, pool=2))
        assert (len(hub.lock("a").codes), len(hub.lock("b").codes)) == (2, 2)


async def test_at_a_lock_of_no_property_no_backup_stays(tmp_path: Path) -> None:
    # S1-14
    async with site(tmp_path, "a", "b") as hub:
        without = document("a", "b", version=2)
        without["properties"][0]["locks"] = ["b"]
        await hub.send("site.put", without)
        assert (len(hub.lock("a").codes), len(hub.lock("b").codes)) == (0, 3)


async def test_a_lock_that_is_not_active_or_not_allowed_gets_no_new_backup(tmp_path: Path) -> None:
    # S2-20, S3-20
    shut = document("a", "b")
    shut["locks"][0]["active"] = False
    shut["locks"][1]["allow_provisioning"] = False
    async with site(tmp_path, "a", "b", first=shut) as hub:
        await hub.pass_(5 * MINUTE)
        assert hub.lock("a").touched == []
        assert hub.lock("b").codes == {}
        await hub.send("site.put", document("a", "b", version=2))
        assert (len(hub.lock("a").codes), len(hub.lock("b").codes)) == (3, 3)


async def test_a_pool_pushes_no_guest_out(tmp_path: Path) -> None:
    # S1-19, S0-2: backups are the last that are placed, and the first that go
    clock = VirtualClock(recheck=MINUTE)
    radio = FakeRadio(clock)
    radio.lock("a").slots = 3
    async with site(tmp_path, "a", radio=radio, clock=clock) as hub:
        lock = hub.lock("a")
        for count, guest in enumerate(("r1", "r2", "r3"), 1):
            await hub.book(guest, *GUEST)
            await hub.pass_(MINUTE)
            there = {*lock.codes.values()}
            assert len(there) == 3
            assert {await hub.code(f"res:r{n}") for n in range(1, count + 1)} <= there
        assert await hub.alerts() == set()
        assert of(await hub.told(), "lock.full") == []
        await hub.send("reservation.cancel", {"id": "r2", "version": 2})
        assert {await hub.code("res:r2")}.isdisjoint(lock.codes.values())
        assert await hub.code("backup:a:1") in lock.codes.values()  # the first comes back first


async def test_a_guests_backup_is_a_guests_code_on_a_full_lock(tmp_path: Path) -> None:
    # S1-19
    clock = VirtualClock(recheck=MINUTE)
    radio = FakeRadio(clock)
    radio.lock("a").slots = 2
    async with site(tmp_path, "a", radio=radio, clock=clock, pool=1) as hub:
        await hub.book("r1", *GUEST)
        await issue(hub, "r1", doors=["a"])
        await hub.book("r2", *GUEST)
        await hub.pass_(MINUTE)
        assert await hub.code("backup:a:1") in hub.lock("a").codes.values()
        assert ("lock_full", "a") in await hub.alerts()


class Small(FakeLock):
    """It has less room than it says."""

    async def capabilities(self) -> Capabilities:
        return NUKI


async def test_a_keypad_that_is_full_before_it_says_so_takes_the_guest(tmp_path: Path) -> None:
    # S1-19: it refuses what is too many; a backup is not tried again every five minutes
    clock = VirtualClock(datetime(2026, 7, 1, 10, tzinfo=UTC), recheck=MINUTE)
    radio = FakeRadio(clock)
    lock = radio.locks["a"] = Small(clock, numbers_itself=True, slots=3)
    async with site(tmp_path, "a", radio=radio, clock=clock) as hub:
        assert len(lock.codes) == 3
        await hub.book("r1", *GUEST)
        await hub.pass_(10 * MINUTE)
        assert await hub.code("res:r1") in lock.codes.values()
        assert len(lock.codes) == 3
        lock.touched.clear()
        await hub.pass_(HOUR)
        assert lock.touched == []
        lock.slots = 4
        await hub.pass_(HOUR)  # the daily check
        assert len(lock.codes) == 4


async def test_a_backup_that_the_lock_has_already_is_another_one(tmp_path: Path) -> None:
    # S1-20
    async with site(tmp_path, "a", pool=1) as hub:
        await hub.told()
        old = await hub.code("backup:a:1")
        async with hub.database.transaction() as tx:
            key = KeyId("backup:a:1")
            await hub.intake.another_code(tx, hub.clock.now(), key, Code("000000"))
            await hub.intake.another_code(tx, hub.clock.now(), key, Code(old))
        await hub.pass_(1)
        (ready,) = of(await hub.told(), "backup.ready")
        assert [*hub.lock("a").codes.values()] == [ready["code"]] != [old]


class Duplicates(FakeLock):
    """It calls every code a duplicate, until it does not."""

    takes = False

    async def write(self, entry: Entry, slot: int | None) -> int:
        if not self.takes:
            self._reach(f"write {slot}")
            raise Refused("it has that code", Reason.DUPLICATE_CODE)
        return await FakeLock.write(self, entry, slot)


@pytest.mark.parametrize("by_hand", [False, True])
async def test_a_lock_that_takes_no_backup_at_all_is_left_alone(
    tmp_path: Path, by_hand: bool
) -> None:
    # S1-20, suffering 4: six codes and one more a day, not one after the other for ever
    clock = VirtualClock(datetime(2026, 7, 1, 13, tzinfo=UTC), recheck=20 * MINUTE)
    radio = FakeRadio(clock)
    lock = radio.locks["a"] = Duplicates(clock)
    async with site(tmp_path, "a", radio=radio, clock=clock, pool=2) as hub:
        await hub.pass_(22 * HOUR)
        writes = [what for what in lock.touched if what.startswith("write")]
        assert len(writes) == 2 * 6
        assert await hub.alerts() == {("code_impossible", f"a/Backup-{n}") for n in (1, 2)}
        rotated = of(await hub.told(), "backup.rotated")
        assert len(rotated) == 2 * 5
        lock.touched.clear()
        await hub.pass_(24 * HOUR)  # with the daily check
        assert len([what for what in lock.touched if what.startswith("write")]) == 2
        assert of(await hub.told(), "backup.rotated") == []
        lock.takes = True
        if by_hand:
            await hub.send("backup.rotate", {"lock_id": "a"})
        await hub.pass_(MINUTE if by_hand else 24 * HOUR)
        assert len(lock.codes) == 2
        assert await hub.alerts() == set()
        assert await hub.database.read.rows("SELECT max(refusals) FROM keys") == [(0,)]


async def test_an_alert_of_a_backup_that_is_not_wanted_any_more_ends(tmp_path: Path) -> None:
    # S0-2
    clock = VirtualClock(recheck=MINUTE)
    radio = FakeRadio(clock)
    radio.locks["a"] = Duplicates(clock)
    async with site(tmp_path, "a", radio=radio, clock=clock, pool=2) as hub:
        await hub.send("site.put", document("a", version=2, pool=1))
        await hub.pass_(MINUTE)
        assert await hub.alerts() == {("code_impossible", "a/Backup-1")}


class Named(FakeLock):
    """It tells only later that it has names, and refuses them where `nameless`."""

    late = True
    nameless = False

    async def capabilities(self) -> Capabilities:
        return Capabilities(self.slots, label_length=0 if self.late else 16)

    async def write(self, entry: Entry, slot: int | None) -> int:
        if entry.label and self.nameless:
            self._reach(f"write {slot}")
            raise Refused("no such name")
        return await FakeLock.write(self, entry, slot)


async def test_backups_are_labelled_at_the_first_write(tmp_path: Path) -> None:
    # S0-3: the lock tells how long labels may be when it is first reached
    clock = VirtualClock(recheck=MINUTE)
    radio = FakeRadio(clock)
    radio.lock("a").label_length = 16
    async with site(tmp_path, "a", radio=radio, clock=clock) as hub:
        lock = hub.lock("a")
        assert sorted(lock.labels.values()) == ["Backup-1", "Backup-2", "Backup-3"]
        assert len([what for what in lock.touched if what.startswith("write")]) == 3


@pytest.mark.parametrize("nameless", [False, True])
@pytest.mark.parametrize("masked", [False, True])
async def test_a_label_is_put_on_the_lock_once(
    tmp_path: Path, nameless: bool, masked: bool
) -> None:
    # S0-3: no lock shows it
    clock = VirtualClock(recheck=MINUTE)
    radio = FakeRadio(clock)
    lock = radio.locks["a"] = Named(clock, masked=masked)
    async with site(tmp_path, "a", radio=radio, clock=clock, pool=2) as hub:
        await hub.book("r1", *GUEST)
        await hub.pass_(5 * MINUTE)
        codes = dict(lock.codes)
        assert {*lock.labels.values()} == {""}
        lock.late, lock.nameless = False, nameless
        lock.touched.clear()
        await hub.told()
        await hub.send("lock.sync_now", {"lock_id": "a"})
        await hub.pass_(HOUR)
        assert lock.codes == codes
        backups = {n for n, code in codes.items() if code != await hub.code("res:r1")}
        labels = ["", ""] if nameless else ["Backup-1", "Backup-2"]
        assert sorted(lock.labels[n] for n in backups) == labels
        writes = sorted(what for what in lock.touched if what.startswith("write"))
        assert writes == sorted(f"write {n}" for n in backups)
        assert await hub.alerts() == set()
        (issued,) = of(await issue(hub, "r1", doors=["a"]), "backup.issued")
        assert issued["code"] in lock.codes.values()


async def test_a_pools_doors_follow_the_policy(tmp_path: Path) -> None:
    # S1-8, S1-17
    async with site(tmp_path, "a", pool=1) as hub:
        changed = document("a", version=2, pool=1)
        changed["locks"][0]["policy"] = {"external_delete": "restore", "retry": "daily"}
        lock = hub.lock("a")
        lock.touched.clear()
        await hub.send("site.put", changed)
        await hub.pass_(MINUTE)
        sql = "SELECT external_delete, retry FROM doors WHERE key_id = 'backup:a:1'"
        assert await hub.database.read.rows(sql) == [("restore", "daily")]
        assert [what for what in lock.touched if what.startswith("write")] == []


async def test_a_backups_key_is_not_staffs(tmp_path: Path) -> None:
    async with site(tmp_path, "a", pool=1) as hub:
        word = {"id": "backup:a:1", "version": 1, "ends": "2026-07-03T18:00"}
        assert rejected(await hub.send("key.put", word)) == ("invalid_field", "data.id")


# --- one for a guest ---------------------------------------------------------------------------


async def test_one_code_for_each_door_that_needs_it(tmp_path: Path) -> None:
    # S0-4, S0-7
    async with site(tmp_path, "a", "b") as hub:
        hub.lock("b").refuses = True
        await hub.book("r1", *GUEST)
        told = await issue(hub, "r1")
        assert types(told) == ["backup.issued", "command.accepted", "command.done"]
        (issued,) = of(told, "backup.issued")
        assert issued == {
            "key_id": "res:r1",
            "reservation_id": "r1",
            "lock_id": "b",
            "label": "Backup-1",
            "code": await hub.code("backup:b:1"),
            "fallback_note": NOTE,
            "reason": "he rang",
            "at": None,
        }
        assert of(await issue(hub, "r1"), "backup.issued") == [issued]  # he asks again
        both = of(await issue(hub, "r1", doors=["a", "b"]), "backup.issued")
        assert [x["lock_id"] for x in both] == ["a", "b"]


async def test_one_guest_per_backup_until_none_is_left(tmp_path: Path) -> None:
    # S0-4, S0-6
    async with site(tmp_path, "a", pool=2) as hub:
        hub.lock("a").refuses = True
        labels = []
        for guest in ("r1", "r2", "r3"):
            await hub.book(guest, *GUEST)
            told = await issue(hub, guest)
            labels += [x["label"] for x in of(told, "backup.issued")]
        assert labels == ["Backup-1", "Backup-2"]
        (exhausted,) = of(told, "backup.exhausted")
        assert (exhausted["reservation_id"], exhausted["fallback_note"]) == ("r3", NOTE)
        assert ("backup_exhausted", "a") in await hub.alerts()
        hub.lock("a").refuses = False
        await hub.send("reservation.cancel", {"id": "r1", "version": 2})
        await hub.pass_(6 * MINUTE)
        assert ("backup_exhausted", "a") not in await hub.alerts()
        (issued,) = of(await issue(hub, "r3", doors=["a"]), "backup.issued")
        assert issued["label"] == "Backup-1"


async def test_only_what_the_lock_has_shown_is_handed_out(tmp_path: Path) -> None:
    # S0-1, S0-2
    clock = VirtualClock(recheck=MINUTE)
    radio = FakeRadio(clock)
    radio.lock("a").dead = True
    async with site(tmp_path, "a", radio=radio, clock=clock) as hub:
        await hub.book("r1", *GUEST)
        told = await issue(hub, "r1")
        assert (of(told, "backup.issued"), len(of(told, "backup.exhausted"))) == ([], 1)


async def test_a_dead_locks_backups_are_those_that_it_showed_before(tmp_path: Path) -> None:
    # S0-2
    async with site(tmp_path, "a") as hub:
        hub.lock("a").dead = True
        await hub.book("r1", *GUEST)
        (issued,) = of(await issue(hub, "r1"), "backup.issued")
        assert issued["code"] in hub.lock("a").codes.values()


async def test_what_was_handed_out_already_is_reported(tmp_path: Path) -> None:
    # S0-4: while the hub or the internet was away
    async with site(tmp_path, "a") as hub:
        await hub.book("r1", *GUEST)
        await hub.book("r2", *GUEST)
        at = "2026-07-01T11:00:00.000Z"
        told = await issue(hub, "r1", doors=["a"], label="Backup-2", at=at)
        (issued,) = of(told, "backup.issued")
        assert (issued["label"], issued["at"]) == ("Backup-2", at)
        other = await issue(hub, "r2", doors=["a"], label="Backup-2")
        assert rejected(other) == ("code_taken", "data.label")
        await hub.send("reservation.cancel", {"id": "r2", "version": 2})
        late = await issue(hub, "r2", doors=["a"], label="Backup-3")  # he is gone already
        await hub.pass_(RECHECK)
        (gone,) = of([*late, *await hub.told()], "backup.rotated")
        assert (gone["label"], gone["reservation_id"]) == ("Backup-3", "r2")


@pytest.mark.parametrize(
    ("asked", "reason", "path"),
    [
        ({"reservation_id": "r9"}, "invalid_field", "data.reservation_id"),
        ({"reservation_id": "gone"}, "invalid_field", "data.reservation_id"),
        ({"doors": ["attic"]}, "unknown_lock", "data.doors.0"),
        ({"doors": ["a", "c"]}, "invalid_field", "data.doors.1"),
        ({"doors": ["a"], "label": "Backup-9"}, "invalid_field", "data.label"),
        ({"doors": ["a", "b"], "label": "Backup-1"}, "invalid_field", "data.doors"),
        ({"label": "Backup-1"}, "invalid_field", "data.doors"),
        ({"label": "Spare-1"}, "invalid_field", "data.label"),
    ],
    ids=str,
)
async def test_an_issue_that_cannot_be(
    tmp_path: Path, asked: Document, reason: str, path: str
) -> None:
    whole = document("a", "b", "c", pool=1)
    whole["properties"][0]["locks"] = ["a", "b"]
    whole["properties"].append({"id": "q", "name": "Q", "locks": ["c"]})
    async with site(tmp_path, "a", "b", "c", first=whole) as hub:
        await hub.book("r1", *GUEST)
        await hub.book("gone", *GUEST)
        await hub.send("reservation.cancel", {"id": "gone", "version": 2})
        assert rejected(await issue(hub, "r1", **asked)) == (reason, path)


@pytest.mark.parametrize("told", [True, False])
async def test_digits_that_a_person_has_at_one_door(tmp_path: Path, told: bool) -> None:
    # S1-20: a guest who was told keeps them at the other doors, and gets a backup for that one
    async with site(tmp_path, "a", "b", pool=1) as hub:
        hub.lock("b").codes[20] = "583746"
        announced = "2026-07-01T11:00:00Z" if told else None
        await hub.book("r1", *GUEST, code="583746", announced_at=announced)
        await hub.pass_(5 * MINUTE)
        events = await hub.all_told()
        issued, changed = of(events, "backup.issued"), of(events, "code.changed")
        paged = ("code_refused", "r1") in await hub.alerts()
        assert (len(issued), len(changed), paged) == ((1, 0, True) if told else (0, 1, False))
        assert "583746" in hub.lock("a").codes.values()  # else until the cloud has code.changed
        if told:
            assert (issued[0]["lock_id"], issued[0]["reason"]) == ("b", "duplicate_code")
        else:
            assert await hub.code("res:r1") in hub.lock("b").codes.values()


# --- another code ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["over", "cancelled", "checked out", "door revoked"])
async def test_when_the_guest_is_gone_the_code_is_changed(tmp_path: Path, how: str) -> None:
    # S0-6
    clock = VirtualClock(datetime(2026, 7, 2, 9, tzinfo=UTC), recheck=MINUTE)
    async with site(tmp_path, "a", clock=clock, pool=1) as hub:
        await hub.book("r1", *GUEST)
        (issued,) = of(await issue(hub, "r1", doors=["a"]), "backup.issued")
        await hub.pass_(0.9 * HOUR)
        assert issued["code"] in hub.lock("a").codes.values()
        await hub.told()
        hub.lock("a").touched.clear()
        match how:
            case "over":
                await hub.pass_(6 * MINUTE)
            case "cancelled":
                await hub.send("reservation.cancel", {"id": "r1", "version": 2})
            case "checked out":
                at = hub.clock.wall.isoformat()
                await hub.send("reservation.check_out", {"id": "r1", "at": at})
            case _:
                await hub.send("key.revoke", {"id": "res:r1", "version": 1, "doors": ["a"]})
        await hub.pass_(3 * MINUTE)
        rows = await hub.database.read.rows("SELECT envelope FROM outbox WHERE type LIKE 'backup%'")
        assert len(rows) == 4  # ready, issued, rotated, ready
        new = await hub.code("backup:a:1")
        assert [*hub.lock("a").codes.values()] == [new] != [issued["code"]]
        done = [x for x in hub.lock("a").touched if x.startswith(("clear", "write"))]
        assert done.index("clear 1") < done.index("write 1")  # the old one goes first


async def test_a_pool_that_became_smaller_waits_for_its_guest(tmp_path: Path) -> None:
    # S0-6
    async with site(tmp_path, "a", pool=1) as hub:
        await hub.book("r1", *GUEST)
        await issue(hub, "r1", doors=["a"])
        code = await hub.code("backup:a:1")
        await hub.send("site.put", document("a", version=2, pool=0))
        assert code in hub.lock("a").codes.values()
        await hub.send("reservation.cancel", {"id": "r1", "version": 2})
        await hub.pass_(2 * MINUTE)
        assert hub.lock("a").codes == {}


async def test_a_person_has_codes_changed(tmp_path: Path) -> None:
    # S0-6
    async with site(tmp_path, "a", pool=2) as hub:
        before = dict(hub.lock("a").codes)
        one = await hub.send("backup.rotate", {"lock_id": "a", "label": "Backup-2"})
        await hub.pass_(1)
        one += await hub.told()
        assert [x["label"] for x in of(one, "backup.rotated")] == ["Backup-2"]
        assert [x["label"] for x in of(one, "backup.ready")] == ["Backup-2"]
        assert types(one).index("backup.ready") < types(one).index("command.done")
        both = await hub.send("backup.rotate", {"lock_id": "a"})
        await hub.pass_(1)
        both += await hub.told()
        assert types(both).count("backup.ready") == 2
        assert types(both)[-1] == "command.done"
        assert types(both).count("command.done") == 1
        assert {*before.values()}.isdisjoint(hub.lock("a").codes.values())
        unknown = await hub.send("backup.rotate", {"lock_id": "z"})
        assert rejected(unknown) == ("unknown_lock", "data.lock_id")
        none = await hub.send("backup.rotate", {"lock_id": "a", "label": "Backup-7"})
        assert rejected(none) == ("invalid_field", "data.label")


class SixDigits(FakeLock):
    """It takes no other length."""

    async def capabilities(self) -> Capabilities:
        return Capabilities(self.slots, DEFAULT_FORM)


async def test_where_no_other_code_can_be_the_old_one_goes_all_the_same(tmp_path: Path) -> None:
    # S0-6: a guest who is gone opens nothing
    clock = VirtualClock(recheck=MINUTE)
    radio = FakeRadio(clock)
    radio.locks["a"] = SixDigits(clock)
    async with site(tmp_path, "a", radio=radio, clock=clock, pool=1) as hub:
        await hub.book("r1", *GUEST)
        await issue(hub, "r1", doors=["a"])
        await hub.send("site.put", document("a", version=2, pool=1, pin={"length": 8}))
        await hub.send("reservation.cancel", {"id": "r1", "version": 2})
        await hub.pass_(2 * MINUTE)
        assert hub.lock("a").codes == {}
        assert ("code_impossible", "a/Backup-1") in await hub.alerts()
        await hub.send("site.put", document("a", version=3, pool=1))
        assert len(hub.lock("a").codes) == 1
        assert ("code_impossible", "a/Backup-1") not in await hub.alerts()


# --- use ---------------------------------------------------------------------------------------


async def test_whoever_comes_with_a_backup_is_told(tmp_path: Path) -> None:
    # S0-3
    async with site(tmp_path, "a", pool=2) as hub:
        await hub.book("r1", *GUEST)
        await issue(hub, "r1", doors=["a"])
        await hub.told()
        hub.radio.report("a", Used(1, opened=True))
        await hub.pass_(1)
        (used,) = of(await hub.told(), "backup.used")
        assert used == {
            "lock_id": "a",
            "label": "Backup-1",
            "key_id": "res:r1",
            "reservation_id": "r1",
            "at": None,
        }
        assert await hub.alerts() == set()


@pytest.mark.parametrize("explained", [True, False])
async def test_a_backup_that_nobody_was_given_is_an_alert(tmp_path: Path, explained: bool) -> None:
    # S0-3, S0-5
    async with site(tmp_path, "a", pool=2) as hub:
        await hub.book("r1", *GUEST)
        hub.radio.report("a", Used(2, opened=True))
        await hub.pass_(1)
        assert await hub.alerts() == {("backup_unexplained", "a/Backup-2")}
        if explained:
            await issue(hub, "r1", doors=["a"], label="Backup-2")
        else:
            await hub.send("backup.rotate", {"lock_id": "a"})
        assert await hub.alerts() == set()


async def test_backups_count_for_no_brake_and_come_last_in_the_report(tmp_path: Path) -> None:
    async with site(tmp_path, "a") as hub:
        for n in range(12):
            await hub.book(f"r{n}", "2026-07-20", "2026-07-22")
        keys = [key["key_id"] for key in await hub.reported()]
        assert keys[12:] == [f"backup:a:{n}" for n in (1, 2, 3)]
        await hub.pass_(1)
        part = {
            "snapshot_id": "s",
            "part": 1,
            "parts": 1,
            "as_of": "2026-07-01T13:00:00Z",
            "complete": True,
            "items": [stay(f"r{n}", "2026-07-20", "2026-07-22") for n in range(8)],
        }
        told = await hub.send("reservation.snapshot", part)  # 4 of 12 would go
        assert [x["held_by"] is None for x in of(told, "command.accepted")] == [False]
