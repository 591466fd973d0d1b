"""Locks whose addresses change places: each code is cleared where it lies."""

from copy import deepcopy
from pathlib import Path

import pytest

from tests.fakes import FakeRadio
from tests.house import Document, types
from tests.integration.test_reconciler import HOUR, MINUTE, VirtualClock
from tests.rounds import RECHECK, Site, document, site, stay

SWAPPED = {"a": "b", "b": "a"}


def rooms(*doors: str) -> Document:
    """Each door is a property of its own, with one backup code."""
    whole = document(*doors, pool=1, grace="1m")
    (room,) = whole["properties"]
    whole["properties"] = [room | {"id": door, "locks": [door]} for door in doors]
    return whole


def readdressed(before: Document, addresses: dict[str, str]) -> Document:
    """The next document, with locks at other addresses."""
    after = deepcopy(before) | {"version": 2}
    for lock in after["locks"]:
        lock["address"] = addresses.get(lock["id"], lock["address"])
    return after


async def settle_in(hub: Site, *doors: str) -> None:
    """A guest behind each door."""
    for door in doors:
        guest = stay(f"r-{door}", "2026-07-01", "2026-07-04") | {"property_id": door}
        await hub.send("reservation.put", guest)
    await hub.pass_(2 * HOUR)
    for door in doors:
        assert {*hub.lock(door).codes.values()} == await codes(hub, door)


async def codes(hub: Site, door: str) -> set[str]:
    """The guest's and the backup's."""
    return {await hub.code(f"res:r-{door}"), await hub.code(f"backup:{door}:1")}


@pytest.mark.parametrize("doors", ["ab", "abc"], ids=["two", "a ring of three"])
@pytest.mark.parametrize("masked", [False, True], ids=["readable", "masked"])
async def test_locks_whose_addresses_were_mixed_up_change_codes(
    tmp_path: Path, doors: str, masked: bool
) -> None:
    # S1-14, S1-11: two doors were swapped at installation
    put_right = dict(zip(doors, doors[1:] + doors[0], strict=True))
    async with site(tmp_path, *doors, first=rooms(*doors)) as hub:
        for door in doors:
            hub.lock(door).masked = masked
        await settle_in(hub, *doors)
        told = await hub.send("site.put", readdressed(rooms(*doors), put_right))
        assert "code.lost" not in types(told)
        await hub.pass_(10 * MINUTE)
        for door, address in put_right.items():
            assert {*hub.lock(address).codes.values()} == await codes(hub, door)
        assert await hub.alerts() == set()


@pytest.mark.parametrize(
    "chain",
    [{"a": "b", "b": "c", "c": "d"}, {"c": "b", "b": "a", "a": "d"}, {"a": "b", "b": "d"}],
    ids=["three up", "three down", "two"],
)
@pytest.mark.parametrize("masked", [False, True], ids=["readable", "masked"])
async def test_the_address_that_a_chain_lets_go_is_cleared(
    tmp_path: Path, chain: dict[str, str], masked: bool
) -> None:
    # S1-14, S1-11: each took the next one's place, and nobody has that of the first
    doors = "abc"
    async with site(tmp_path, *doors, first=rooms(*doors)) as hub:
        for door in "abcd":
            hub.lock(door).masked = masked
            hub.lock(door).codes[9] = "482913"  # a person's
        (let_go,) = {*"abcd"} - {chain.get(door, door) for door in doors}
        for door in doors:
            guest = stay(f"r-{door}", "2026-07-01", "2026-07-04") | {"property_id": door}
            await hub.send("reservation.put", guest)
        await hub.pass_(2 * HOUR)
        hub.doors = (*doors, "the address let go")
        await hub.send("site.put", readdressed(rooms(*doors), chain))
        await hub.pass_(10 * MINUTE)
        for door in doors:
            there = {*hub.lock(chain.get(door, door)).codes.values()}
            assert there == await codes(hub, door) | {"482913"}
        assert {*hub.lock(let_go).codes.values()} == {"482913"}
        assert await hub.alerts() == set()
        back = readdressed(rooms(*doors), {}) | {"version": 3}
        await hub.send("site.put", back)
        await hub.pass_(10 * MINUTE)
        for door in doors:
            assert {*hub.lock(door).codes.values()} == await codes(hub, door) | {"482913"}
        assert {*hub.lock("d").codes.values()} == {"482913"}


async def test_an_address_that_is_let_go_with_nothing_there_is_nobodys(tmp_path: Path) -> None:
    # S1-14
    async with site(tmp_path, "a", "b", pool=0) as hub:
        chain = readdressed(document("a", "b", pool=0), {"a": "b", "b": "c"})
        await hub.send("site.put", chain)
        served = await hub.database.read.rows("SELECT id, address FROM locks ORDER BY id")
        assert served == [("a", "b"), ("b", "c")]


async def test_a_code_of_both_locks_is_only_looked_at_again(tmp_path: Path) -> None:
    # S1-1: a guest of both doors
    async with site(tmp_path, "a", "b", pool=0) as hub:
        await hub.book("r1", "2026-07-01", "2026-07-04")
        await hub.pass_(2 * HOUR)
        for door in "ab":
            hub.lock(door).touched.clear()
        both = document("a", "b", pool=0)
        await hub.send("site.put", readdressed(both, SWAPPED))
        await hub.pass_(10 * MINUTE)
        for door in "ab":
            assert "observe 1" in hub.lock(door).touched
            assert not [x for x in hub.lock(door).touched if x.startswith(("write", "clear"))]


async def test_a_code_on_a_silent_lock_is_cleared_when_it_answers_under_its_other_id(
    tmp_path: Path,
) -> None:
    # S1-14, S3-13: and the alert is of the lock that is silent
    async with site(tmp_path, "a", "b", first=rooms("a", "b")) as hub:
        await settle_in(hub, "a", "b")
        hub.lock("a").dead = True
        await hub.send("lock.resync", {"lock_id": "a"})
        assert await hub.alerts() == {("lock_offline", "a")}
        await hub.send("site.put", readdressed(rooms("a", "b"), SWAPPED))
        await hub.pass_(10 * MINUTE)
        assert {*hub.lock("b").codes.values()} == await codes(hub, "a")
        assert ("lock_offline", "a") not in await hub.alerts()
        assert ("lock_offline", "b") in await hub.alerts()
        hub.lock("a").dead = False
        await hub.pass_(10 * MINUTE)
        assert {*hub.lock("a").codes.values()} == await codes(hub, "b")
        assert await hub.alerts() == set()


async def test_a_lock_that_gets_another_id_keeps_what_lies_on_it(tmp_path: Path) -> None:
    # S1-14: not two workers at one lock
    async with site(tmp_path, "a", pool=1) as hub:
        await hub.book("r1", "2026-07-01", "2026-07-04")
        await hub.pass_(2 * HOUR)
        hub.lock("a").touched.clear()
        await hub.send("site.put", readdressed(document("c", pool=1), {"c": "a"}))
        await hub.pass_(10 * MINUTE)
        there = {await hub.code("res:r1"), await hub.code("backup:c:1")}
        assert {*hub.lock("a").codes.values()} == there
        assert sum(x.startswith("write") for x in hub.lock("a").touched) == 1  # the new backup
        assert await hub.database.read.rows("SELECT DISTINCT lock_id FROM leases") == [("c",)]


async def test_a_list_of_codes_is_read_again_after_a_change_of_places(tmp_path: Path) -> None:
    # S1-14: locks that number their codes themselves
    clock = VirtualClock(recheck=RECHECK)
    radio = FakeRadio(clock)
    for door in "ab":
        radio.lock(door).numbers_itself = True
    async with site(tmp_path, "a", "b", radio=radio, clock=clock, first=rooms("a", "b")) as hub:
        await settle_in(hub, "a", "b")
        await hub.send("site.put", readdressed(rooms("a", "b"), SWAPPED))
        await hub.pass_(10 * MINUTE)
        assert {*hub.lock("b").codes.values()} == await codes(hub, "a")
        assert {*hub.lock("a").codes.values()} == await codes(hub, "b")
