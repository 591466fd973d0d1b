"""The guest's name beside a code where that can be, else the reservation code."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.ids import LockId
from gatewayd.domain.report import Alive
from gatewayd.errors import Reason, Refused
from gatewayd.store import site as sites
from tests import house as houses
from tests.fakes import FakeLock, FakeRadio
from tests.house import House, command, opened, reservation
from tests.integration.test_reconciler import HOUR, MINUTE, Site, VirtualClock, site, take

ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+41 79 555 01 23"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """All locks show labels of 20 characters, and guests' names are wished there."""
    async with opened(tmp_path) as house:
        await house.send("site.put", houses.site(policy={"label": "name"}))
        for door in ("front", "flat-1-door", "flat-2-door", "shed-door"):
            await room(house, door, 20)
        yield house


async def room(house: House, door: str, length: int) -> None:
    """The lock has told how long its labels may be."""
    async with house.database.transaction() as tx:
        await sites.learned(tx, LockId(door), Capabilities(label_length=length))
        await house.intake.lock_learned(tx, house.clock.now(), LockId(door))


async def book(house: House, id_: str = "R1", name: str | None = None, **changed: Any) -> str:
    """The label that a guest's key gets."""
    guest = ADA | ({"name": name} if name else {})
    await house.send("reservation.put", reservation(id_, guest=guest, **changed))
    return await label(house, f"res:{id_}")


async def label(house: House, key: str) -> str:
    ((shown,),) = await house.rows("SELECT label FROM keys WHERE id = ?", key)
    return str(shown)


async def test_a_lock_shows_the_reservation_code_unless_names_are_wished(tmp_path: Path) -> None:
    # S1-21, S2-11
    async with opened(tmp_path) as house:
        await house.send("site.put", houses.site())
        await room(house, "front", 20)
        assert await book(house) == "HMR1"
        assert await book(house, "R2", "Bob", policy={"label": "name"}) == "Bob"
        for word in ("Ada", "example", "555 01"):
            stored = await house.dump(without=["reservations"])
            shown = [row for rows in stored.values() for row in rows if word in str(row)]
            assert shown == []


async def test_a_name_is_shown_where_it_is_wished(house: House) -> None:
    # S1-21
    assert await book(house) == "Ada Lovelace"
    assert await book(house, version=2, departure="2026-07-16") == "Ada Lovelace"


async def test_a_name_that_another_key_at_the_lock_is_called_by(house: House) -> None:
    # S1-24: duplicate, as both are cut to the same words
    first = await book(house, "R1", "Maximilian von Habsburg")
    assert first == "Maximilian von"
    assert await book(house, "R2", "Maximilian von Battenberg", property_id="flat-2") == "HMR2"
    shed = await book(house, "R3", "Maximilian von Wittgenstein", property_id="shed")
    assert shed == "Maximilian von"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Wolfeschlegelsteinhausen", id="too long"),  # S1-24
        pytest.param("Zo\u00eb", id="beyond GSM"),  # S1-24
    ],
)
async def test_a_name_that_cannot_be(house: House, name: str) -> None:
    # S1-24
    assert await book(house, name=name) == "HMR1"


async def test_a_name_must_fit_each_lock_that_shows_labels(house: House) -> None:
    # S1-24
    assert await book(house) == "Ada Lovelace"
    await room(house, "front", 8)
    assert await label(house, "res:R1") == "Ada"
    await room(house, "front", 0)
    assert await label(house, "res:R1") == "Ada Lovelace"


async def test_a_guest_with_another_booking_is_called_by_the_reservation_code(
    house: House,
) -> None:
    # S1-24
    assert await book(house, "R1", "Ada Lovelace") == "Ada Lovelace"
    there = {"arrival": "2026-09-01", "departure": "2026-09-03", "property_id": "shed"}
    assert await book(house, "R2", "ada  lovelace", **there) == "HMR2"
    await house.send("reservation.cancel", {"id": "R1", "version": 2})
    assert await book(house, "R2", "ada lovelace", version=2, **there) == "ada lovelace"


async def test_a_guest_with_a_code_by_hand_is_called_by_the_reservation_code(house: House) -> None:
    # S1-24
    by_hand = {
        "id": "ada",
        "version": 1,
        "name": "Ada Lovelace",
        "doors": {"add": ["shed-door"]},
        "starts": "2026-07-02T08:00",
        "ends": "2026-07-22T18:00",
    }
    await house.send("key.put", by_hand)
    assert await label(house, "ada") == "Ada Lovelace"
    assert await book(house) == "HMR1"


async def test_a_key_by_hand_has_its_name_once_the_lock_has_told_its_room(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        await house.send("site.put", houses.site())
        by_hand = {"starts": "2026-07-02T08:00", "ends": "2026-07-22T18:00", "name": "Cleaner"}
        doors = {"doors": {"add": ["shed-door"]}}
        await house.send("key.put", by_hand | doors | {"id": "cleaner", "version": 1})
        assert await label(house, "cleaner") == ""
        await room(house, "shed-door", 20)
        assert await label(house, "cleaner") == "Cleaner"


async def test_staffs_word_on_a_name_wins(house: House) -> None:
    # S3-1
    await book(house)
    await house.send("key.put", {"id": "res:R1", "version": 1, "name": "The countess"})
    assert await label(house, "res:R1") == "The countess"


# --- what the lock says ------------------------------------------------------------------------


class Picky(FakeLock):
    """Refuses what is called like that, without a reason."""

    dislikes = "Ada"

    async def write(self, entry: Any, slot: int | None) -> int:
        """Unless it is called otherwise."""
        if self.dislikes in entry.label:
            self.touched.append("refused")
            raise Refused("the lock refused the code")
        return await super().write(entry, slot)


async def stay(hub: Site, id_: str, name: str, version: int = 1) -> None:
    """A guest who is to be shown by name, from 13:00 on."""
    booked = {
        "id": id_,
        "version": version,
        "property_id": "p",
        "arrival": "2026-07-01",
        "departure": "2026-07-09",
        "confirmation_code": f"HM{id_}",
        "guest": {"name": name},
        "policy": {"label": "name"},
    }
    await take(hub.intake, command("reservation.put", booked, id=f"{id_}-{version}"))


async def test_a_name_that_the_lock_refuses_without_a_reason(tmp_path: Path) -> None:
    # S1-24
    clock = VirtualClock()
    radio = FakeRadio(clock)
    lock = radio.locks["a"] = Picky(clock, label_length=20)
    async with site(tmp_path, clock, "a", radio=radio) as hub:
        await stay(hub, "R1", "Ada Lovelace")
        await hub.pass_(50 * MINUTE)
        assert lock.codes == {}
        await hub.pass_(MINUTE)
        assert list(lock.labels.values()) == ["HMR1"]
        assert lock.touched.count("refused") == 1
        await stay(hub, "R1", "Ada Lovelace", version=2)
        rows = await hub.database.read.rows("SELECT label FROM keys")
        assert rows == [("HMR1",)], "and it stays so"


async def test_a_label_that_the_lock_knows_already(tmp_path: Path) -> None:
    # S1-21, S1-18: also one that we never saw
    clock = VirtualClock()
    radio = FakeRadio(clock)
    lock = radio.locks["a"] = FakeLock(clock, label_length=20, unique_labels=True)
    lock.codes, lock.labels = {7: "909090", 8: "808080"}, {7: "Ada Lovelace", 8: "HMR1"}
    async with site(tmp_path, clock, "a", radio=radio) as hub:
        await stay(hub, "R1", "Ada Lovelace")
        await hub.pass_(50 * MINUTE + 3 * MINUTE)
        assert lock.labels[1] == "2-HMR1"
        failed = "SELECT envelope ->> '$.data.reason' FROM outbox WHERE type = 'code.failed'"
        reasons = await hub.database.read.rows(failed)
        assert reasons == [(Reason.DUPLICATE_NAME,)] * 2
        assert lock.codes[7] == "909090"


async def test_a_lock_that_comes_back_again_and_again_while_it_is_set_up(tmp_path: Path) -> None:
    # S1-24
    clock = VirtualClock()
    radio = FakeRadio(clock)
    lock = radio.locks["a"] = FakeLock(clock, label_length=20)
    async with site(tmp_path, clock, "a", radio=radio) as hub:
        async with hub.database.transaction() as tx:
            await sites.learned(tx, LockId("a"), await lock.capabilities())
            await hub.intake.lock_learned(tx, clock.now(), LockId("a"))
        lock.dead = True
        await stay(hub, "R1", "Ada Lovelace")
        await hub.pass_(50 * MINUTE)
        for back in range(5):
            hub.radio.report("a", Alive())
            await hub.pass_(1)
            ((shown,),) = await hub.database.read.rows("SELECT label FROM keys")
            assert shown == ("Ada Lovelace" if back < 3 else "HMR1")
        lock.dead = False
        await hub.pass_(HOUR)
        assert list(lock.labels.values()) == ["HMR1"]


async def test_a_lock_that_comes_back_again_and_again_keeps_the_names_it_shows(
    tmp_path: Path,
) -> None:
    clock = VirtualClock()
    radio = FakeRadio(clock)
    radio.locks["a"] = FakeLock(clock, label_length=20)
    async with site(tmp_path, clock, "a", radio=radio) as hub:
        await stay(hub, "R1", "Ada Lovelace")
        await hub.pass_(HOUR)
        for _ in range(5):
            hub.radio.report("a", Alive())
            await hub.pass_(1)
        assert await hub.database.read.rows("SELECT label FROM keys") == [("Ada Lovelace",)]
