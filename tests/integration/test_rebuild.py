"""After the loss of the database: what the hub said last and what the locks show, put together
with what the cloud knows. The broker's part is in `e2e/test_lost_database.py`."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gatewayd.domain.code import Code
from gatewayd.domain.rebuild import fingerprint
from gatewayd.intake import rebuild
from gatewayd.intake.reported import Reported
from gatewayd.store.form import plain
from gatewayd.store.status import reported
from tests.fakes import FakeRadio
from tests.house import Document, command
from tests.integration.test_reconciler import MINUTE, VirtualClock, take
from tests.rounds import RECHECK, Site, document, of, site, stay

STAY = ("2026-07-01", "2026-07-09")
RESPECTED = "818181"


async def summary(hub: Site) -> bytes:
    """The retained `reported` as it is now."""
    secret = hub.database.identity.secret
    said = await reported(hub.database.read, hub.clock.now(), hub.clock, secret)
    return json.dumps(said, default=plain).encode()


async def snapshot(hub: Site, *items: Document) -> list[Document]:
    """A complete one; returns what was told."""
    whole = {
        "snapshot_id": f"S{hub.numbers}",
        "part": 1,
        "parts": 1,
        "as_of": hub.clock.wall.isoformat(),
        "complete": True,
        "items": list(items),
    }
    return await hub.send("reservation.snapshot", whole)


async def remember(hub: Site, said: bytes | None) -> None:
    """The broker hands out what it retains."""
    await hub.intake.attend(partial(rebuild.remember, payload=said))
    await hub.clock.settle(len(hub.doors) + 1)


def lose(folder: Path) -> None:
    """The card died; `hub.json` is left."""
    for file in folder.glob("hub.db*"):
        file.unlink()


def replaced(folder: Path) -> None:
    """Another card: nothing is left."""
    lose(folder)
    (folder / "hub.json").unlink()


class Before:
    """Two guests and a person's code on one lock, with or without backups."""

    def __init__(self, folder: Path, pool: int = 0) -> None:
        self.folder, self.pool = folder, pool
        self.clock = VirtualClock(recheck=RECHECK)
        self.radio = FakeRadio(self.clock)
        self.lock = self.radio.lock("a")
        self.said, self.lives = b"", 0
        self.codes: dict[str, str] = {}

    async def live(self) -> None:
        """Up to the loss."""
        self.lock.codes[9] = RESPECTED
        async with self.again() as hub:
            for id_ in ("R1", "R2"):
                await hub.book(id_, *STAY)
            await hub.pass_(HOUR)
            self.codes = {id_: await hub.code(f"res:{id_}") for id_ in ("R1", "R2")}
            self.said = await summary(hub)
        assert set(self.codes.values()) < set(self.lock.codes.values())
        self.lock.touched.clear()
        lose(self.folder)

    def again(self) -> Any:
        """The hub, on what is there; what it draws is never what it drew before."""
        self.lives += 1
        folder, chance = self.folder, self.lives
        return site(folder, "a", radio=self.radio, clock=self.clock, pool=self.pool, chance=chance)

    def item(self, id_: str, **more: object) -> Document:
        """A reservation with its code echoed."""
        return stay(id_, *STAY) | {"code": self.codes[id_]} | more

    @property
    def written(self) -> list[str]:
        """What was done to the lock besides looking."""
        return [x for x in self.lock.touched if x.startswith(("write", "clear"))]


HOUR = 60 * MINUTE


@pytest.fixture
async def before(tmp_path: Path) -> Before:
    """Guests are there, and the database is gone."""
    found = Before(tmp_path)
    await found.live()
    return found


async def test_guests_keep_their_pins_and_the_lock_is_not_touched(before: Before) -> None:
    # suffering 29, fault 27
    there = dict(before.lock.codes)
    async with before.again() as hub:
        await remember(hub, before.said)
        await hub.pass_(HOUR)
        assert before.written == []
        told = await snapshot(hub, before.item("R1"), before.item("R2"))
        confirmed = {each["key_id"] for each in of(told, "code.confirmed")}
        assert confirmed == {"res:R1", "res:R2"}
        await hub.pass_(HOUR)
        assert before.written == []
        assert before.lock.codes == there
        leases = await hub.database.read.rows("SELECT slot, key_id, code FROM leases")
        assert {(key, code) for _, key, code in leases} == {
            (f"res:{id_}", code) for id_, code in before.codes.items()
        }
        assert await hub.database.read.rows("SELECT * FROM lost_leases") == []
        await hub.send("reservation.cancel", {"id": "R1", "version": 2})
        await hub.pass_(MINUTE)
        assert set(before.lock.codes.values()) == {before.codes["R2"], RESPECTED}


async def test_until_the_snapshot_nothing_is_removed_and_a_new_guest_gets_in(
    before: Before,
) -> None:
    there = dict(before.lock.codes)
    async with before.again() as hub:
        await remember(hub, before.said)
        await hub.send("reservation.put", stay("R3", *STAY))
        await hub.send("reservation.put", before.item("R1"))  # as yet it cannot be told whose it is
        await hub.send("reservation.put", before.item("R2", status="cancelled"))
        await hub.pass_(3 * HOUR)
        new = await hub.code("res:R3")
        assert set(before.lock.codes.values()) == {*there.values(), new}
        assert len(before.written) == 1


async def test_who_left_meanwhile_is_removed_once_the_snapshot_says_so(before: Before) -> None:
    async with before.again() as hub:
        await remember(hub, before.said)
        told = await snapshot(hub, before.item("R1"))
        await hub.pass_(MINUTE)
        assert of([*told, *await hub.told()], "code.removed") == [
            {"key_id": "res:R2", "lock_id": "a"}
        ]
        assert set(before.lock.codes.values()) == {before.codes["R1"], RESPECTED}


async def test_a_lock_of_which_the_snapshot_says_nothing_is_seen_to_at_once(
    before: Before,
) -> None:
    async with before.again() as hub:
        await remember(hub, before.said)
        await snapshot(hub)
        assert set(before.lock.codes.values()) == {RESPECTED}


async def test_a_snapshot_without_the_codes_changes_them_and_leaves_no_old_one(
    before: Before,
) -> None:
    async with before.again() as hub:
        await remember(hub, before.said)
        await snapshot(hub, stay("R1", *STAY), stay("R2", *STAY))
        await hub.pass_(HOUR)
        now = {await hub.code("res:R1"), await hub.code("res:R2")}
        assert set(before.lock.codes.values()) == {*now, RESPECTED}
        assert not now & set(before.codes.values())


async def test_an_empty_feed_waits_for_a_person(tmp_path: Path) -> None:
    # suffering 9
    before = Before(tmp_path)
    async with before.again() as hub:
        for n in range(4):
            await hub.book(f"R{n}", *STAY)
        await hub.pass_(HOUR)
        before.said = await summary(hub)
    lose(tmp_path)
    there = dict(before.lock.codes)
    assert len(there) == 4
    async with before.again() as hub:
        await remember(hub, before.said)
        told = await snapshot(hub)
        (held,) = [each["held_by"] for each in of(told, "command.accepted")]
        assert {(each["code"], each["subject"]) for each in of(told, "alert.raised")} == {
            ("brake_held", held)
        }
        await hub.pass_(HOUR)
        assert before.lock.codes == there
        await hub.send("brake.confirm", {"brake_id": held})
        await hub.pass_(MINUTE)
        assert before.lock.codes == {}


async def test_those_who_are_over_by_now_are_none_for_the_brake(tmp_path: Path) -> None:
    before = Before(tmp_path)
    async with before.again() as hub:
        for n in range(4):
            await hub.book(f"R{n}", *STAY)
        await hub.pass_(HOUR)
        before.said = await summary(hub)
    lose(tmp_path)
    before.clock.wall = before.clock.wall.replace(day=20)
    async with before.again() as hub:
        await remember(hub, before.said)
        told = await snapshot(hub)
        assert of(told, "alert.raised") == []
        await hub.pass_(MINUTE)
        assert before.lock.codes == {}


async def test_a_backup_that_somebody_may_have_keeps_its_code(tmp_path: Path) -> None:
    before = Before(tmp_path, pool=2)
    await before.live()
    there = dict(before.lock.codes)
    async with before.again() as hub:
        await remember(hub, before.said)
        await snapshot(hub, before.item("R1"), before.item("R2"))
        await hub.pass_(HOUR)
        assert before.lock.codes == there
        ready = {each["label"] for each in of(await hub.all_told(), "backup.ready")}
        assert ready == {"Backup-1", "Backup-2"}
        backups = {await hub.code("backup:a:1"), await hub.code("backup:a:2")}
        assert backups == set(there.values()) - {*before.codes.values(), RESPECTED}


async def test_lost_once_more_before_all_is_found_again_it_is_known_all_the_same(
    before: Before,
) -> None:
    async with before.again() as hub:
        await remember(hub, before.said)
        before.said = await summary(hub)
    lose(before.folder)
    there = dict(before.lock.codes)
    async with before.again() as hub:
        await remember(hub, before.said)
        await snapshot(hub, before.item("R1"), before.item("R2"))
        await hub.pass_(HOUR)
        assert before.lock.codes == there
        assert before.written == []


async def test_on_another_card_guests_keep_their_pins(before: Before) -> None:
    # suffering 29, fault 27
    replaced(before.folder)
    there = dict(before.lock.codes)
    async with before.again() as hub:
        await unread(hub)
        await remember(hub, before.said)
        assert await hub.alerts() == {("database_lost", "hub")}
        await hub.pass_(HOUR)
        assert before.written == []
        await snapshot(hub, before.item("R1"), before.item("R2"))
        await hub.pass_(HOUR)
        assert await hub.alerts() == set()
        assert before.lock.codes == there
        assert before.written == []
        await hub.send("reservation.cancel", {"id": "R1", "version": 2})
        await hub.pass_(MINUTE)
        assert set(before.lock.codes.values()) == {before.codes["R2"], RESPECTED}


async def test_on_another_card_a_code_that_is_over_is_left_to_a_person_and_told(
    before: Before,
) -> None:
    """Nobody can tell whether it is the hub's: the secret for that was on the old card."""
    replaced(before.folder)
    async with before.again() as hub:
        await remember(hub, before.said)
        await snapshot(hub, before.item("R1"))
        await hub.pass_(HOUR)
        assert before.codes["R2"] in before.lock.codes.values()
        (told,) = of(await hub.all_told(), "code.removal_failed")
        assert (told["key_id"], told["lock_id"]) == ("res:R2", "a")
        assert (told["reason"], told["next_try_at"]) == ("foreign_slot", None)


@pytest.mark.parametrize("said", [b"{", b'{"leases": [{"slot": "x"}]}'])
async def test_on_another_card_what_cannot_be_read_is_no_new_hub(
    before: Before, said: bytes
) -> None:
    replaced(before.folder)
    there = dict(before.lock.codes)
    async with before.again() as hub:
        await remember(hub, said)
        assert await hub.alerts() == {("database_lost", "hub")}
        await hub.book("R3", *STAY)
        await hub.pass_(HOUR)
        assert set(there.values()) <= set(before.lock.codes.values())


async def test_a_hub_never_takes_its_own_word_for_that_of_one_before_it(before: Before) -> None:
    replaced(before.folder)
    for said in (None, before.said):  # the second time it is this hub's, as far as it knows
        async with before.again() as hub:
            await remember(hub, said)
            assert await hub.alerts() == set()


async def test_on_another_card_the_old_code_of_a_guest_who_has_a_new_one_is_told(
    before: Before,
) -> None:
    replaced(before.folder)
    async with before.again() as hub:
        await remember(hub, before.said)
        await snapshot(hub, stay("R1", *STAY), before.item("R2"))
        await hub.pass_(HOUR)
        told = of(await hub.all_told(), "code.removal_failed")
        assert [(each["key_id"], each["reason"]) for each in told] == [("res:R1", "foreign_slot")]


async def test_what_is_provably_gone_or_another_s_is_not_told_as_left(before: Before) -> None:
    """With the secret that made the fingerprints: a person's code in the place of one of ours."""
    (slot,) = (n for n, code in before.lock.codes.items() if code == before.codes["R1"])
    before.lock.codes[slot] = "919191"
    async with before.again() as hub:
        await remember(hub, before.said)
        await snapshot(hub, before.item("R2"))
        await hub.pass_(HOUR)
        assert of(await hub.all_told(), "code.removal_failed") == []


@pytest.mark.parametrize("said", [b"", b'{"leases": []}'])
async def test_a_hub_that_begins_waits_for_nothing(before: Before, said: bytes) -> None:
    replaced(before.folder)
    async with before.again() as hub:
        await remember(hub, said)
        assert await hub.alerts() == set()
        await hub.book("R3", *STAY)
        await hub.pass_(HOUR)
        await remember(hub, before.said)  # asked once
        await hub.send("reservation.cancel", {"id": "R3", "version": 2})
        await hub.pass_(MINUTE)
        assert set(before.lock.codes.values()) == {*before.codes.values(), RESPECTED}


async def unread(hub: Site) -> None:
    """The lock is to be read as a whole, as any that is new to a database."""
    async with hub.database.transaction() as tx:
        await tx.rows("UPDATE locks SET inventoried = 0")


async def written_since(before: Before) -> str:
    """The broker's last word is of before R3; returns R3's code."""
    before.lock.codes[9] = RESPECTED
    async with before.again() as hub:
        await unread(hub)
        for id_ in ("R1", "R2"):
            await hub.book(id_, *STAY)
        await hub.pass_(HOUR)
        before.said = await summary(hub)
        await hub.book("R3", *STAY)
        await hub.pass_(HOUR)
        before.codes = {id_: await hub.code(f"res:{id_}") for id_ in ("R1", "R2", "R3")}
    lose(before.folder)
    before.lock.touched.clear()
    return before.codes["R3"]


async def test_a_code_written_after_the_last_word_gets_no_twin(tmp_path: Path) -> None:
    # suffering 29, fault 27
    before = Before(tmp_path)
    code = await written_since(before)
    there = dict(before.lock.codes)
    async with before.again() as hub:
        await unread(hub)
        await remember(hub, before.said)
        await snapshot(hub, *map(before.item, before.codes))
        await hub.pass_(HOUR)
        assert before.lock.codes == there
        assert before.written == []
        assert await hub.database.read.rows("SELECT * FROM echoed") == []
        assert await hub.database.read.rows("SELECT * FROM lost_locks") == []
        await hub.send("reservation.cancel", {"id": "R3", "version": 2})
        await hub.pass_(MINUTE)
        assert set(before.lock.codes.values()) == {*there.values()} - {code}


async def test_lost_once_more_it_gets_none_either(tmp_path: Path) -> None:
    before = Before(tmp_path)
    await written_since(before)
    there = dict(before.lock.codes)
    async with before.again() as hub:
        await unread(hub)
        await remember(hub, before.said)
        await hub.pass_(HOUR)
        before.said = await summary(hub)
    lose(before.folder)
    async with before.again() as hub:
        await unread(hub)
        await remember(hub, before.said)
        await hub.pass_(HOUR)
        await snapshot(hub, *map(before.item, before.codes))
        await hub.pass_(HOUR)
        assert before.lock.codes == there
        assert before.written == []


async def test_a_code_that_a_person_had_put_there_is_left_beside_the_dictated_one(
    tmp_path: Path,
) -> None:
    # S1-11
    before = Before(tmp_path)
    await written_since(before)
    dictated = stay("R4", *STAY) | {"code": RESPECTED}
    async with before.again() as hub:
        await unread(hub)
        await remember(hub, before.said)
        await snapshot(hub, *map(before.item, before.codes), dictated)
        await hub.pass_(HOUR)
        await hub.send("reservation.cancel", {"id": "R4", "version": 2})
        await hub.pass_(HOUR)
        assert before.lock.codes[9] == RESPECTED


async def test_what_lay_on_a_lock_that_is_not_on_the_site_any_more_is_told_and_forgotten(
    before: Before,
) -> None:
    async with before.again() as hub:
        await remember(hub, before.said.replace(b'"lock_id": "a"', b'"lock_id": "b"'))
        told = await snapshot(hub, before.item("R1"), before.item("R2"))
        assert [(x["key_id"], x["reason"]) for x in of(told, "code.removal_failed")] == [
            (f"res:{id_}", "unknown_lock") for id_ in before.codes
        ]
        assert {x["lock_id"] for x in json.loads(await summary(hub))["leases"]} == {"a"}


async def test_a_lock_that_leaves_the_site_before_it_was_read_is_cleaned_all_the_same(
    before: Before,
) -> None:
    before.lock.dead = True
    async with before.again() as hub:
        await remember(hub, before.said)
        await snapshot(hub, before.item("R1"), before.item("R2"))
        await take(hub.intake, command("site.put", document("b", version=2, pool=0), id="left"))
        await hub.clock.settle(3)
        before.lock.dead = False
        await hub.clock.advance(HOUR, 3)
        assert set(before.lock.codes.values()) == {RESPECTED}


@pytest.mark.parametrize("said", [None, b"", b"{", b'{"leases": [{"slot": "x"}]}'])
async def test_without_reported_all_on_the_lock_is_a_person_s(
    before: Before, said: bytes | None
) -> None:
    there = dict(before.lock.codes)
    async with before.again() as hub:
        await remember(hub, said)
        await snapshot(hub)
        await hub.pass_(HOUR)
        assert before.lock.codes == there
        assert await hub.database.read.rows("SELECT * FROM awaited") == []


async def test_a_lock_that_was_silent_meanwhile_is_looked_at_before_it_is_touched(
    before: Before,
) -> None:
    there = dict(before.lock.codes)
    before.lock.dead = True
    async with before.again() as hub:
        await remember(hub, before.said)
        await snapshot(hub, before.item("R1"), before.item("R2"))
        await hub.pass_(HOUR)
        before.lock.dead = False
        await hub.pass_(HOUR)
        assert before.lock.codes == there
        assert before.written == []


async def test_what_the_hub_says_is_what_it_reads(before: Before) -> None:
    said = Reported.model_validate_json(before.said)
    assert {lease.key_id for lease in said.leases} == {"res:R1", "res:R2"}
    assert {lease.fingerprint for lease in said.leases} != {
        fingerprint(Code(code), b"") for code in before.codes.values()
    }
    assert all(lease.ends is not None for lease in said.leases)
    for code in before.codes.values():
        assert code.encode() not in before.said
