"""The daily check and the watch, on locks in memory and in virtual time. In July 08:00 in New York
is 12:00 UTC."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatewayd.domain.report import CodeDeleted
from gatewayd.domain.slot import Entry
from gatewayd.errors import Reason, Refused
from tests.fakes import FakeLock, FakeRadio
from tests.house import Document, types
from tests.integration.test_reconciler import HOUR, MINUTE, VirtualClock
from tests.rounds import NOTE, Site, document, of, site

CURRENT = ("2026-06-30", "2026-07-04")


def at(hour: int, minute: int = 0, day: int = 1, recheck: float = MINUTE) -> VirtualClock:
    """A clock in July, UTC."""
    return VirtualClock(datetime(2026, 7, day, hour, minute, tzinfo=UTC), recheck=recheck)


def lock_of(clock: VirtualClock, *, keeps_windows: bool = False) -> tuple[FakeRadio, FakeLock]:
    """A radio with lock a."""
    radio = FakeRadio(clock)
    radio.lock("a").numbers_itself = keeps_windows
    return radio, radio.lock("a")


def checked(events: list[Document]) -> Document:
    """The data of the one check."""
    (one,) = of(events, "health.checked")
    return one


# --- the daily check ---------------------------------------------------------------------------


@pytest.mark.parametrize("keeps_windows", [False, True])
async def test_at_8_an_arrival_at_16_is_no_failure_on_any_kind_of_lock(
    tmp_path: Path, keeps_windows: bool
) -> None:
    # S1-9: a code that the hub times is not due yet
    clock = at(11, 50)
    radio, lock = lock_of(clock, keeps_windows=keeps_windows)
    async with site(tmp_path, "a", radio=radio, clock=clock) as hub:
        await hub.book("r1", "2026-07-01", "2026-07-03", check_in="20:00")  # 16:00 in New York
        await hub.pass_(5 * MINUTE)
        await hub.told()
        lock.touched.clear()
        await hub.pass_(4 * MINUTE)
        assert lock.touched == []
        await hub.pass_(2 * MINUTE)
        told = await hub.told()
        assert checked(told) == {
            "locks": [{"lock_id": "a", "answered": True, "reason": None}],
            "keys_ok": int(keeps_windows),
            "keys_later": int(not keeps_windows),
            "keys_failing": [],
        }
        assert lock.touched.count("session") == 1
        assert await hub.alerts() == set()
        assert of(told, "backup.issued") == []


async def test_a_check_reads_the_lock_and_what_is_gone_is_put_back(tmp_path: Path) -> None:
    # S1-9: it does not trust memory
    clock = at(11, 50)
    async with site(tmp_path, "a", clock=clock) as hub:
        await hub.book("r1", *CURRENT)
        await hub.pass_(5 * MINUTE)
        await hub.told()
        lock, code = hub.lock("a"), await hub.code("res:r1")
        (slot,) = (n for n, there in lock.codes.items() if there == code)
        del lock.codes[slot]
        await hub.pass_(6 * MINUTE)
        told = await hub.told()
        assert types(told)[0] == "code.lost"
        assert code in lock.codes.values()
        assert (checked(told)["keys_ok"], checked(told)["keys_failing"]) == (1, [])
        assert of(told, "backup.issued") == []


async def test_twenty_codes_are_one_session_and_twenty_reads(tmp_path: Path) -> None:
    # S1-9
    async with site(tmp_path, "a", clock=at(11, 40), pool=0) as hub:
        for n in range(20):
            await hub.book(f"r{n}", *CURRENT)
        await hub.pass_(5 * MINUTE)
        hub.lock("a").touched.clear()
        await hub.told()
        await hub.pass_(20 * MINUTE)
        touched = hub.lock("a").touched
        assert touched.count("session") == 1
        assert len(touched) == 1 + 20
        assert checked(await hub.told())["keys_ok"] == 20


@pytest.mark.parametrize("keeps_windows", [False, True])
@pytest.mark.parametrize("dead", [False, True])
async def test_a_lock_with_nothing_due_must_answer(
    tmp_path: Path, keeps_windows: bool, dead: bool
) -> None:
    # S1-9
    clock = at(11, 50)
    radio, lock = lock_of(clock, keeps_windows=keeps_windows)
    async with site(tmp_path, "a", radio=radio, clock=clock, pool=0) as hub:
        await hub.pass_(5 * MINUTE)
        lock.touched.clear()
        lock.dead = dead
        await hub.pass_(6 * MINUTE)
        told = await hub.told()
        if not dead:
            assert len(lock.touched) == 2  # a session, and one look
            assert checked(told)["locks"] == [{"lock_id": "a", "answered": True, "reason": None}]
            assert types(told)[-1] == "health.checked"
            return
        await hub.pass_(6 * MINUTE)
        told += await hub.told()
        silent = {"lock_id": "a", "answered": False, "reason": "lock_unreachable"}
        assert checked(told)["locks"] == [silent]
        assert ("lock_unchecked", "a") in await hub.alerts()
        (alert,) = [x for x in of(told, "alert.raised") if x["code"] == "lock_unchecked"]
        assert (alert["reason"], alert["fallback_note"]) == ("lock_unreachable", NOTE)
        lock.dead = False
        await hub.pass_(10 * MINUTE)
        assert await hub.alerts() == set()


async def test_unreachable_but_proven_before_is_an_alert_without_a_backup(tmp_path: Path) -> None:
    # S1-9
    async with site(tmp_path, "a", clock=at(11, 50)) as hub:
        await hub.book("r1", *CURRENT)
        await hub.pass_(5 * MINUTE)
        hub.lock("a").dead = True
        await hub.pass_(12 * MINUTE)
        told = await hub.told()
        (failing,) = checked(told)["keys_failing"]
        assert failing == {
            "key_id": "res:r1",
            "reservation_id": "r1",
            "lock_id": "a",
            "reason": "lock_unreachable",
            "backup": None,
        }
        assert await hub.alerts() == {("lock_offline", "a"), ("lock_unchecked", "a")}
        assert of(told, "backup.issued") == []


async def test_a_code_that_is_not_set_is_an_alert_and_a_backup(tmp_path: Path) -> None:
    # S1-9, S2-15: due 72 h ahead, at a lock that died after its backups were proven
    clock = at(11, 50)
    radio, lock = lock_of(clock, keeps_windows=True)
    async with site(tmp_path, "a", radio=radio, clock=clock) as hub:
        lock.dead = True
        await hub.book("r1", "2026-07-02", "2026-07-04", check_in="08:00")
        await hub.book("r2", "2026-07-03", "2026-07-04")  # due, and not needed in the next 24 h
        await hub.pass_(9 * MINUTE)
        assert await hub.alerts() == {("lock_offline", "a")}
        await hub.pass_(10 * MINUTE)
        told = await hub.told()
        (failing,) = checked(told)["keys_failing"]
        assert (failing["key_id"], failing["backup"]) == ("res:r1", "Backup-1")
        (issued,) = [event for event in told if event["type"] == "backup.issued"]
        assert issued["cause"] is None
        assert issued["data"]["reservation_id"] == "r1"
        assert issued["data"]["reason"] == "lock_unreachable"
        assert ("code_unset", "a/res:r1") in await hub.alerts()
        (alert,) = [x for x in of(told, "alert.raised") if x["code"] == "code_unset"]
        assert (alert["reason"], alert["fallback_note"]) == ("lock_unreachable", NOTE)
        assert "batteries" in alert["what_to_do"]
        assert "has not answered since 11:50" in alert["why"]  # as `why` says it
        lock.dead = False
        await hub.pass_(10 * MINUTE)
        assert await hub.alerts() == set()
        assert of(await hub.told(), "backup.issued") == []


@pytest.mark.parametrize("policy", [{"health_check": {"share_backup": False}}, {"pool": 0}])
async def test_a_backup_is_shared_only_where_the_policy_says_so(
    tmp_path: Path, policy: Document
) -> None:
    # S1-9: on by default
    async with site(tmp_path, "a", clock=at(11, 50), **policy) as hub:
        hub.lock("a").refuses = True
        await hub.book("r1", *CURRENT)
        await hub.pass_(20 * MINUTE)
        told = await hub.told()
        assert ("code_unset", "a/res:r1") in await hub.alerts()
        assert of(told, "backup.issued") == of(told, "backup.exhausted") == []


async def test_a_code_that_the_owner_deleted_gets_no_backup(tmp_path: Path) -> None:
    # S1-17
    async with site(tmp_path, "a", clock=at(11, 50)) as hub:
        await hub.book("r1", *CURRENT)
        await hub.pass_(5 * MINUTE)
        lock, code = hub.lock("a"), await hub.code("res:r1")
        (slot,) = (n for n, there in lock.codes.items() if there == code)
        del lock.codes[slot]
        hub.radio.report("a", CodeDeleted(slot))
        await hub.pass_(15 * MINUTE)
        told = await hub.told()
        (failing,) = checked(told)["keys_failing"]
        assert (failing["reason"], failing["backup"]) == ("deleted_at_lock", None)
        assert ("code_unset", "a/res:r1") in await hub.alerts()
        assert of(told, "backup.issued") == []


async def test_what_somebody_withholds_is_not_missing(tmp_path: Path) -> None:
    # S3-20
    async with site(tmp_path, "a", clock=at(11, 50)) as hub:
        await hub.book("r1", *CURRENT, allow_provisioning=False)
        await hub.pass_(15 * MINUTE)
        assert checked(await hub.told())["keys_failing"] == []
        assert await hub.alerts() == set()


async def test_a_check_is_made_late_and_once(tmp_path: Path) -> None:
    # S1-9: the hub was off at that time
    clock = at(11, 50)
    radio = FakeRadio(clock)
    async with site(tmp_path, "a", radio=radio, clock=clock) as hub:
        await hub.pass_(MINUTE)
        assert of(await hub.told(), "health.checked") == []
    clock.wall += timedelta(hours=3)
    for _ in range(2):
        async with site(tmp_path, "a", radio=radio, clock=clock) as hub:
            await hub.pass_(10 * MINUTE)
            assert len(of(await hub.told(), "health.checked")) == 1  # of both runs


async def test_a_check_by_command(tmp_path: Path) -> None:
    # S1-9
    async with site(tmp_path, "a", clock=at(15), pool=1) as hub:
        told = await hub.send("health.run", {})
        await hub.pass_(5)
        told += await hub.told()
        assert types(told) == ["command.accepted", "health.checked", "command.done"]
        assert {event["cause"] for event in told} == {"C1"}
        await hub.pass_(HOUR)
        assert of(await hub.told(), "health.checked") == []


async def test_the_site_says_how_long_a_silent_lock_is_waited_for(tmp_path: Path) -> None:
    # S1-9
    async with site(tmp_path, "a", clock=at(15), health_check={"within": "20s"}) as hub:
        hub.lock("a").dead = True
        await hub.book("r1", *CURRENT)
        await hub.send("health.run", {})
        await hub.pass_(15)
        assert of(await hub.told(), "health.checked") == []
        await hub.pass_(10)
        told = await hub.told()
        (failing,) = checked(told)["keys_failing"]
        assert (failing["key_id"], failing["reason"]) == ("res:r1", "lock_unreachable")
        assert [x["label"] for x in of(told, "backup.issued")] == [failing["backup"]]


async def test_the_site_says_when(tmp_path: Path) -> None:
    # S1-9
    policy = {"at": "18:00", "timezone": "Asia/Tokyo"}
    async with site(tmp_path, "a", clock=at(8, 50), health_check=policy) as hub:
        await hub.pass_(9 * MINUTE)
        assert of(await hub.told(), "health.checked") == []
        await hub.pass_(2 * MINUTE)
        assert len(of(await hub.told(), "health.checked")) == 1


# --- the watch ---------------------------------------------------------------------------------


async def lacks(hub: Site) -> tuple[bool, int]:
    """Whether the alert stands, and how many backups were issued since."""
    issued = of(await hub.told(), "backup.issued")
    return ("code_unset", "a/res:r1") in await hub.alerts(), len(issued)


async def test_a_code_that_is_due_gets_a_few_minutes(tmp_path: Path) -> None:
    # S1-9, S3-16: the hub times it, so it is due ten minutes before
    async with site(tmp_path, "a", clock=at(12, 30)) as hub:
        hub.lock("a").refuses = True
        await hub.book("r1", "2026-07-01", "2026-07-03")  # from 13:00
        await hub.pass_(24 * MINUTE)
        assert await lacks(hub) == (False, 0)
        await hub.pass_(3 * MINUTE)
        assert await lacks(hub) == (True, 1)
        await hub.pass_(30 * MINUTE)
        assert await lacks(hub) == (True, 0)
        hub.lock("a").refuses = False
        await hub.pass_(6 * MINUTE)
        assert await lacks(hub) == (False, 0)


async def test_from_two_hours_before_arrival_what_is_missing_is_told_at_once(
    tmp_path: Path,
) -> None:
    # S1-9: the lock keeps the window, so it was due long ago
    clock = at(13)
    radio, lock = lock_of(clock, keeps_windows=True)
    async with site(tmp_path, "a", radio=radio, clock=clock) as hub:
        lock.dead = True
        await hub.book("r1", "2026-07-01", "2026-07-03", check_in="17:00")
        await hub.pass_(119 * MINUTE)
        assert await lacks(hub) == (False, 0)
        await hub.pass_(2 * MINUTE)
        assert await lacks(hub) == (True, 1)
        await hub.send("reservation.cancel", {"id": "r1", "version": 2})
        await hub.pass_(MINUTE)
        assert await lacks(hub) == (False, 0)


async def test_a_radio_that_is_down_is_the_reason(tmp_path: Path) -> None:
    # S1-18
    async with site(tmp_path, "a", clock=at(13)) as hub:
        hub.radio.link.change(up=False)
        await hub.book("r1", *CURRENT)
        await hub.pass_(7 * MINUTE)
        (issued,) = of(await hub.told(), "backup.issued")
        assert issued["reason"] == "radio_down"


async def test_when_no_backup_is_left_it_is_told_once(tmp_path: Path) -> None:
    # S1-9, S0-2
    clock = at(13)
    radio, lock = lock_of(clock)
    lock.dead = True
    async with site(tmp_path, "a", radio=radio, clock=clock) as hub:
        await hub.book("r1", *CURRENT)
        await hub.pass_(20 * MINUTE)
        told = await hub.told()
        assert len(of(told, "backup.exhausted")) == 1
        assert ("backup_exhausted", "a") in await hub.alerts()
        lock.dead = False
        await hub.pass_(6 * MINUTE)
        assert await hub.alerts() == set()


async def test_a_manual_key_is_watched_too(tmp_path: Path) -> None:
    # S1-9
    async with site(tmp_path, "a", clock=at(13)) as hub:
        hub.lock("a").refuses = True
        cleaner = {
            "id": "cleaner",
            "version": 1,
            "doors": {"add": ["a"]},
            "starts": "2026-07-01T12:00",
            "ends": "2026-07-01T15:00",
        }
        await hub.send("key.put", cleaner)
        await hub.pass_(7 * MINUTE)
        (issued,) = of(await hub.told(), "backup.issued")
        assert (issued["key_id"], issued["reservation_id"]) == ("cleaner", None)
        await hub.pass_(2 * HOUR)
        (gone,) = of(await hub.told(), "backup.rotated")
        assert gone["label"] == issued["label"]


async def test_outside_of_its_hours_a_code_is_not_missing(tmp_path: Path) -> None:
    # S1-9, S3-6: the hub keeps the hours
    async with site(tmp_path, "a", clock=at(13)) as hub:
        cleaner = {
            "id": "cleaner",
            "version": 1,
            "doors": {"add": ["a"]},
            "starts": "2026-07-01T12:00",
            "ends": "2026-07-03T18:00",
            "hours": {"from": "14:00", "to": "16:00"},
        }
        await hub.send("key.put", cleaner)
        hub.lock("a").refuses = True
        await hub.pass_(54 * MINUTE)
        assert await hub.alerts() == set()
        await hub.pass_(5 * MINUTE)
        assert await hub.alerts() == {("code_unset", "a/cleaner")}
        await hub.pass_(2.1 * HOUR)
        assert await hub.alerts() == set()


@pytest.mark.parametrize("level", ["site", "property", "lock", "reservation", "key"])
async def test_whether_a_backup_is_shared_unasked_is_set_for_each_level(
    tmp_path: Path, level: str
) -> None:
    # S1-9: the narrower wins
    no: Document = {"health_check": {"share_backup": False}}
    first = document("a", **(no if level == "site" else {}))
    first["properties"][0]["policy"] = no if level == "property" else {}
    first["locks"][0]["policy"] = no if level == "lock" else {}
    async with site(tmp_path, "a", first=first) as hub:
        lock = hub.lock("a")
        lock.refuses = True
        await hub.book("other", *CURRENT, policy={"health_check": {"share_backup": True}})
        await hub.book("r1", *CURRENT, policy=no if level == "reservation" else {})
        if level == "key":
            await hub.send("key.put", {"id": "res:r1", "version": 1, "policy": no})
        await hub.pass_(10 * MINUTE)
        assert ("code_unset", "a/res:r1") in await hub.alerts()
        issued = of(await hub.all_told(), "backup.issued")
        assert [x["reservation_id"] for x in issued] == ["other"]


# --- codes that a lock refuses -----------------------------------------------------------------


class Picky(FakeLock):
    """It calls these codes duplicates; all of them where it is `full_of_them`."""

    bad: frozenset[str] = frozenset()
    full_of_them = False

    async def write(self, entry: Entry, slot: int | None) -> int:
        if self.full_of_them or entry.code.digits in self.bad:
            self._reach(f"write {slot}")
            raise Refused("it has that code", Reason.DUPLICATE_CODE)
        return await FakeLock.write(self, entry, slot)


def picky(clock: VirtualClock) -> tuple[FakeRadio, Picky]:
    radio, lock = FakeRadio(clock), Picky(clock)
    radio.locks["a"] = lock
    return radio, lock


@pytest.mark.parametrize("how", ["taken", "cancelled"])
@pytest.mark.parametrize("told", [True, False])
async def test_an_alert_on_a_code_that_a_lock_refuses_ends(
    tmp_path: Path, told: bool, how: str
) -> None:
    # S1-20
    clock = at(11, recheck=HOUR)
    radio, lock = picky(clock)
    async with site(tmp_path, "a", "b", radio=radio, clock=clock, pool=0) as hub:
        lock.bad, lock.full_of_them = frozenset({"482913"}), not told
        said = {"code": "482913", "announced_at": "2026-06-30T08:00:00Z"} if told else {}
        await hub.book("r1", *CURRENT, **said)
        await hub.pass_(2 * HOUR)
        alert = ("code_refused" if told else "code_impossible", "r1")
        assert alert in await hub.alerts()
        if how == "taken":
            lock.bad, lock.full_of_them = frozenset(), False
            await hub.pass_(24 * HOUR)
            assert await hub.code("res:r1") in lock.codes.values()
        else:
            await hub.send("reservation.cancel", {"id": "r1", "version": 2})
        await hub.pass_(HOUR)
        assert await hub.alerts() == set()


@pytest.mark.parametrize("known", [False, True])
async def test_an_alert_on_what_was_rejected_stays(tmp_path: Path, known: bool) -> None:
    # S2-15: whatever the locks show of what was said before
    async with site(tmp_path, "a", pool=0) as hub:
        if known:
            await hub.book("r1", *CURRENT)
            await hub.pass_(5 * MINUTE)
        await hub.book("r1", *CURRENT, version=2, code="123456785")
        await hub.pass_(5 * MINUTE)
        assert ("code_impossible", "r1") in await hub.alerts()
        await hub.book("r1", *CURRENT, version=3)
        assert await hub.alerts() == set()
