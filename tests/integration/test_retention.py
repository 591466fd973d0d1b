"""What is long over is forgotten, and nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gatewayd.store import overrides, retention
from tests.house import DAY, NOON, House, opened, property_, reservation, site, types

ARRIVAL, END = "2026-07-11", 14  # the 15th, days from the clock's beginning


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as house:
        await house.send("site.put", site(), id="SITE")
        yield house


async def forget(house: House) -> list[dict[str, Any]]:
    """The daily round; returns what was told."""
    before = len(await house.told())
    async with house.database.transaction() as tx:
        await retention.forget(tx, house.outbox, house.clock.now())
    return (await house.told())[before:]


async def pruned(house: House) -> None:
    """As the workers do at locks whose slots are free."""
    async with house.database.transaction() as tx:
        await tx.rows("DELETE FROM doors WHERE key_id NOT IN (SELECT key_id FROM leases)")


async def kept(house: House) -> tuple[list[str], list[str]]:
    """The reservations and keys that are there."""
    reservations = await house.rows("SELECT id FROM reservations ORDER BY id")
    keys = await house.rows("SELECT reservation_id FROM keys ORDER BY id")
    return [id_ for (id_,) in reservations], [id_ for (id_,) in keys]


@pytest.mark.parametrize(("days", "there"), [(END, True), (END + 59, True), (END + 61, False)])
async def test_a_stay_is_forgotten_sixty_days_after_its_end(
    house: House, days: int, there: bool
) -> None:
    await house.send("reservation.put", reservation(guest={"name": "Ada", "phone": "079"}))
    house.clock.at += days * DAY
    await pruned(house)
    await forget(house)
    assert await kept(house) == ((["R1"], ["R1"]) if there else ([], []))


async def test_what_is_still_at_a_lock_is_kept(house: House) -> None:
    """A dead lock may hold the code for a year: it must be known whose it is."""
    await house.send("reservation.put", reservation())
    await house.prove("front", "R1")
    house.clock.at += 400 * DAY
    await forget(house)
    await pruned(house)
    await forget(house)
    assert await kept(house) == (["R1"], ["R1"])
    async with house.database.transaction() as tx:
        await tx.rows("DELETE FROM leases")
    await pruned(house)
    await forget(house)
    assert await kept(house) == ([], [])


BY_HAND = {
    "id": "cleaner",
    "version": 1,
    "name": "Ada",
    "doors": {"add": ["front"]},
    "starts": "2026-07-11T08:00",
    "ends": "2026-07-15T11:00",
}


async def said(house: House) -> list[str]:
    """The keys on which staff's word is kept."""
    return [key for (key,) in await house.rows("SELECT key_id FROM overrides ORDER BY 1")]


@pytest.mark.parametrize("last", [None, "key.revoke", "key.delete"])
async def test_what_staff_said_is_forgotten_with_the_key(house: House, last: str | None) -> None:
    await house.send("reservation.put", reservation())
    await house.send("key.put", {"id": "res:R1", "version": 1, "name": "Ada"})
    await house.send("key.put", BY_HAND)
    if last is not None:
        for key in ("cleaner", "res:R1"):
            await house.send(last, {"id": key, "version": 2})
    for days, left in ((END + 59, ["cleaner", "res:R1"]), (END + 61, [])):
        house.clock.at = NOON + days * DAY
        await pruned(house)
        await forget(house)
        assert await said(house) == left
    assert await kept(house) == ([], [])


async def test_what_staff_said_of_a_key_that_is_still_at_a_lock_is_kept(house: House) -> None:
    await house.send("reservation.put", reservation())
    await house.send("key.put", {"id": "res:R1", "version": 1, "name": "Ada"})
    await house.prove("front", "R1")
    house.clock.at += 400 * DAY
    await forget(house)
    assert await said(house) == ["res:R1"]


async def test_staffs_word_goes_with_a_key_by_hand_that_never_was(house: House) -> None:
    """And its alert; one that is to come is kept."""
    late = {"starts": "2027-07-11T08:00", "ends": "2027-07-15T11:00"}
    for key, times in (("old", {}), ("new", late)):
        await house.send("key.put", BY_HAND | {"id": key, "version": 2} | times)
    await house.send("key.put", BY_HAND | {"id": "gone", "doors": {"add": ["shed-door"]}})
    whole = site(2)
    locks, properties = whole["locks"][:-1], whole["properties"][:-1]
    await house.send("site.put", whole | {"locks": locks, "properties": properties})
    assert await house.alerts() == {("key_impossible", "gone")}
    async with house.database.transaction() as tx:  # as where they were revoked at once
        await tx.rows("DELETE FROM doors")
        await tx.rows("DELETE FROM keys")
    house.clock.at += (END + 61) * DAY
    assert types(await forget(house)) == ["alert.cleared"]
    assert await said(house) == ["new"]


async def test_a_site_document_leaves_alone_what_staff_said_long_ago(house: House) -> None:
    await house.send("key.put", BY_HAND)
    for days, looked_at in ((END + 6, ["cleaner"]), (END + 8, [])):
        house.clock.at = NOON + days * DAY
        async with house.database.transaction() as tx:
            assert await overrides.all_(tx, house.clock.now()) == looked_at


async def test_a_cancelled_stay_and_one_without_a_key_go_after_their_dates(house: House) -> None:
    await house.send("reservation.put", reservation("R1"))
    await house.send("reservation.cancel", {"id": "R1", "version": 2})
    await house.send("reservation.put", reservation("R2", kind="block"))
    await house.send("reservation.put", reservation("R3", kind="block", departure="2027-07-15"))
    house.clock.at += (END + 61) * DAY
    await forget(house)
    assert await kept(house) == (["R3"], [])


async def test_the_alert_of_a_stay_that_never_got_a_key_goes_with_it(house: House) -> None:
    await house.send("reservation.put", reservation(property_id="attic"), id="PUT")
    assert len(await house.alerts()) == 1
    house.clock.at += (END + 61) * DAY
    told = await forget(house)
    assert types(told) == ["command.done", "alert.cleared"]
    assert told[0]["cause"] == "PUT"
    assert await house.alerts() == set()
    assert await forget(house) == []


async def test_a_command_whose_key_is_over_is_done_when_nothing_of_it_is_left(
    house: House,
) -> None:
    """Its lock was dead for the whole stay."""
    await house.send("reservation.put", reservation(property_id="shed"), id="PUT")
    await house.prove("front", "R1")
    house.clock.at += (END + 1) * DAY
    assert await forget(house) == []
    await house.free("front", "R1")
    await pruned(house)
    (told,) = await forget(house)
    assert (told["type"], told["cause"]) == ("command.done", "PUT")
    assert await forget(house) == []
    assert await kept(house) == (["R1"], ["R1"])


async def test_a_command_for_dates_to_come_waits_though_the_key_of_others_is_over(
    house: House,
) -> None:
    await house.send("reservation.put", reservation(property_id="shed"), id="PUT")
    later = {"property_id": "attic", "arrival": "2026-08-11", "departure": "2026-08-15"}
    await house.send("reservation.put", reservation(version=2, **later), id="MOVE")
    house.clock.at += (END + 1) * DAY
    await pruned(house)
    assert await forget(house) == []
    attic = [*site()["properties"], property_("attic", "shed-door")]
    await house.send("site.put", site(2, properties=attic))
    assert await house.prove("shed-door", "R1") == ["MOVE", "PUT"]


async def test_receipts_and_snapshot_parts_go_too_and_the_site_stays(house: House) -> None:
    part = {"snapshot_id": "S", "part": 1, "parts": 2, "complete": True, "items": []}
    await house.send("reservation.snapshot", part | {"as_of": "2026-07-01T00:00:00Z"})
    house.clock.at += 59 * DAY
    await house.send("site.put", site(2, properties=[property_("shed")]), id="LATER")
    house.clock.at += 2 * DAY
    await forget(house)
    assert await house.rows("SELECT id FROM commands") == [("LATER",)]
    assert await house.rows("SELECT * FROM snapshot_parts") == []
    assert await house.rows("SELECT version FROM site") == [(2,)]


async def test_a_stay_that_comes_again_after_it_was_forgotten_gets_no_key(house: House) -> None:
    await house.send("reservation.put", reservation(), id="PUT")
    house.clock.at += (END + 61) * DAY
    await pruned(house)
    await forget(house)
    told = await house.send("reservation.put", reservation(), id="PUT")
    assert types(told) == ["command.accepted", "command.done"]
    await forget(house)
    assert await kept(house) == ([], [])


async def test_a_doubtful_clock_forgets_nothing_too_early(house: House) -> None:
    await house.send("reservation.put", reservation())
    house.clock.at += (END + 59) * DAY
    house.clock.doubt = 3 * DAY
    await pruned(house)
    await forget(house)
    assert await kept(house) == (["R1"], ["R1"])
