"""What is long over is forgotten, and nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gatewayd.store import retention
from tests.house import DAY, House, opened, property_, reservation, site, types

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
