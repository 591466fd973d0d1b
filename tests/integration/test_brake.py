"""Whatever would remove many keys waits for a person: an empty feed locks nobody out."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.house import (
    ANSWERS,
    DAY,
    Document,
    House,
    command,
    data,
    lock,
    opened,
    property_,
    reservation,
    site,
    types,
)

HELD = {*ANSWERS, "brakes"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as house:
        await house.send("site.put", site())
        yield house


async def book(house: House, count: int) -> list[Document]:
    """That many bookings with a key each, told a day before anything else happens."""
    items = [reservation(f"R{n:03}") for n in range(count)]
    for item in items:
        await house.send("reservation.put", item)
    house.clock.at += DAY
    return items


def snapshot(house: House, items: list[Document], id_: str = "S") -> Document:
    """All of what there is, as of now."""
    return {
        "snapshot_id": id_,
        "part": 1,
        "parts": 1,
        "as_of": house.clock.at.isoformat(),
        "complete": True,
        "items": items,
    }


@pytest.mark.parametrize(
    ("live", "removed", "held"),
    [
        (3, 3, False),  # max(3, 30 %)
        (4, 4, True),
        (9, 3, False),
        (10, 3, False),
        (10, 4, True),
        (13, 4, True),
        (14, 4, False),  # 4.2
        (20, 6, False),  # exactly 30 %
        (20, 7, True),
        (20, 20, True),  # suffering 9
    ],
)
async def test_a_snapshot_that_removes_more_than_the_brake_lets_through_is_held(
    house: House, live: int, removed: int, held: bool
) -> None:
    items = await book(house, live)
    before = await house.dump(without=HELD)
    told = await house.send("reservation.snapshot", snapshot(house, items[removed:]), id="SNAP")
    if not held:
        gone = ["command.done"] * removed  # what put them
        assert types(told) == [*gone, "command.accepted", "command.done"]
        assert len(await house.live()) == live - removed
        return
    assert types(told) == ["command.accepted", "alert.raised"]
    assert data(told, "command.accepted") == {"held_by": "SNAP"}
    assert data(told, "alert.raised")["subject"] == "SNAP"
    assert await house.dump(without=HELD) == before


async def test_a_share_is_of_the_keys_that_were_there_before_the_command(house: House) -> None:
    items = await book(house, 10)
    new = [reservation(f"N{n}") for n in range(10)]
    told = await house.send("reservation.snapshot", snapshot(house, items[6:] + new), id="SNAP")
    assert data(told, "command.accepted")["held_by"] == "SNAP"
    assert len(await house.live()) == 20
    house.clock.at += DAY
    told = await house.send("reservation.snapshot", snapshot(house, items[6:] + new, "T"))
    assert data(told, "command.accepted")["held_by"] is not None, "nobody has looked yet"
    assert len(await house.live()) == 20


async def test_new_guests_do_not_wait_for_who_looks_at_the_brake(house: House) -> None:
    # suffering 9
    await book(house, 4)
    new = reservation("N1")
    told = await house.send("reservation.snapshot", snapshot(house, [new]), id="SNAP")
    assert types(told) == ["code.assigned", "command.accepted", "alert.raised"]
    assert len(await house.live()) == 5
    told = await house.send("brake.confirm", {"brake_id": "SNAP"})
    assert data(told, "alert.cleared")["code"] == "brake_held"
    assert await house.live() == {"N1"}


async def test_what_was_booked_and_is_cancelled_by_now_counts_no_more(house: House) -> None:
    items = await book(house, 20)
    new = [reservation(f"N{n}") for n in range(20)]
    told = await house.send("reservation.snapshot", snapshot(house, items[10:] + new))
    assert data(told, "command.accepted")["held_by"] is not None
    for n in range(20):
        await house.send("reservation.cancel", {"id": f"N{n}", "version": 2})
    house.clock.at += DAY
    told = await house.send("reservation.snapshot", snapshot(house, items[6:], "T"))
    assert data(told, "command.accepted")["held_by"] is None  # 6 of 20
    assert len(await house.live()) == 14


async def test_what_a_snapshot_cancels_by_itself_is_held_with_all_of_it(house: House) -> None:
    items = await book(house, 4)
    gone = [item | {"version": 2, "status": "cancelled"} for item in items]
    told = await house.send("reservation.snapshot", snapshot(house, [*gone, reservation("N1")]))
    assert types(told) == ["command.accepted", "alert.raised"]
    assert len(await house.live()) == 4


async def test_keys_that_are_over_count_neither_way(house: House) -> None:
    items = await book(house, 10)
    house.clock.at += 30 * DAY  # all of these are over
    more = [reservation(f"N{n}", arrival="2026-09-01", departure="2026-09-02") for n in range(4)]
    for item in more:
        await house.send("reservation.put", item)
    house.clock.at += DAY
    told = await house.send("reservation.snapshot", snapshot(house, []))
    assert data(told, "command.accepted")["held_by"] is not None  # 4 of 4
    told = await house.send("reservation.snapshot", snapshot(house, more[3:], "T"))
    assert data(told, "command.accepted")["held_by"] is None  # 3, and ten that are over
    assert items


async def test_moving_stays_into_the_past_is_a_removal(house: House) -> None:
    items = await book(house, 4)
    moved = [
        item | {"version": 2, "arrival": "2026-05-01", "departure": "2026-05-02"} for item in items
    ]
    told = await house.send("reservation.snapshot", snapshot(house, moved))
    assert data(told, "command.accepted")["held_by"] is not None
    assert len(await house.live()) == 4


@pytest.mark.parametrize(
    "properties",
    [
        [],
        site()["properties"][1:],
        [property_("flat-1"), *site()["properties"][1:]],  # it is there, but has no lock
    ],
    ids=["all dropped", "one dropped", "its locks dropped"],
)
async def test_a_site_document_that_would_remove_many_keys_is_held(
    house: House, properties: list[Document]
) -> None:
    await book(house, 4)
    before = await house.dump(without=HELD)
    told = await house.send("site.put", site(2, properties=properties))
    assert data(told, "command.accepted")["held_by"] is not None
    assert await house.dump(without=HELD) == before
    told = await house.send("reservation.put", reservation("R900"))
    assert "code.assigned" in types(told)  # the old site is in force


async def test_a_site_document_that_only_exchanges_locks_is_not_held(house: House) -> None:
    await book(house, 10)
    exchanged = site(2, locks=[lock(x["id"], int(x["address"]) + 50) for x in site()["locks"]])
    told = await house.send("site.put", exchanged)
    assert types(told) == ["command.accepted", "command.done"]


async def test_a_confirmation_carries_the_held_command_out_and_tells_both(house: House) -> None:
    await book(house, 5)
    await house.send("reservation.snapshot", snapshot(house, []), id="SNAP")
    assert await house.alerts() == {("brake_held", "SNAP")}
    told = await house.send("brake.confirm", {"brake_id": "SNAP"}, id="YES")
    assert await house.live() == set()
    assert await house.alerts() == set()
    assert await house.rows("SELECT * FROM brakes") == []
    by_cause = {
        cause: sorted(e["type"] for e in told if e["cause"] == cause) for cause in ("SNAP", "YES")
    }
    assert by_cause["SNAP"] == ["command.done"]
    assert by_cause["YES"] == ["alert.cleared", "command.accepted", "command.done"]


async def test_a_confirmed_site_document_is_in_force(house: House) -> None:
    await book(house, 5)
    await house.send("site.put", site(2, properties=[property_("cabin")]), id="SITE")
    await house.send("brake.confirm", {"brake_id": "SITE"})
    assert await house.live() == set()
    told = await house.send("reservation.put", reservation("R900", property_id="flat-2"))
    assert data(told, "alert.raised")["code"] == "mapping_unknown"


async def test_a_held_command_sent_again_gets_the_same_answer(house: House) -> None:
    await book(house, 5)
    payload = command("reservation.snapshot", snapshot(house, []), id="SNAP")
    first = (await house.take(payload))[0]
    for confirmed in (False, True):
        if confirmed:
            await house.send("brake.confirm", {"brake_id": "SNAP"})
        async with house.database.transaction() as tx:
            await tx.rows("DELETE FROM outbox")
        before = await house.dump(without=ANSWERS)
        (again,) = await house.take(payload)
        assert again | {"seq": 0} == first | {"seq": 0}
        assert await house.dump(without=ANSWERS) == before


async def test_a_held_command_that_cannot_be_any_more_is_told_so(house: House) -> None:
    await book(house, 5)
    await house.send("site.put", site(2, properties=[property_("cabin")]), id="SITE")
    await house.send("site.put", site(3), id="newer")
    told = await house.send("brake.confirm", {"brake_id": "SITE"}, id="YES")
    answers = {e["cause"]: e["data"]["reason"] for e in told if e["type"] == "command.rejected"}
    assert answers == {"SITE": "stale_version", "YES": "stale_version"}
    assert await house.alerts() == set()


async def test_a_brake_is_confirmed_only_once(house: House) -> None:
    await book(house, 5)
    await house.send("reservation.snapshot", snapshot(house, []), id="SNAP")
    await house.send("brake.confirm", {"brake_id": "SNAP"})
    told = await house.send("brake.confirm", {"brake_id": "SNAP"})
    rejected = data(told, "command.rejected")
    assert (rejected["reason"], rejected["path"]) == ("invalid_field", "data.brake_id")


async def test_a_held_command_leaves_alone_what_it_left_out(house: House) -> None:
    """Absent is not null, also after the wait."""
    items = await book(house, 5)
    guest = {"name": "Ada", "phone": "+41 79 555 01 23"}
    await house.send(
        "reservation.put", reservation("R900", guest=guest, check_in="12:00", code="739164")
    )
    house.clock.at += DAY
    kept = reservation("R900", 2, arrival="2026-07-12")
    await house.send("reservation.snapshot", snapshot(house, [kept]), id="SNAP")
    assert len(await house.live()) == 6
    await house.send("brake.confirm", {"brake_id": "SNAP"})
    assert await house.live() == {"R900"}
    ((document,),) = await house.rows("SELECT document FROM reservations WHERE id = 'R900'")
    stored = json.loads(document)
    assert (stored["guest"], stored["check_in"], stored["code"]) == (guest, "12:00", "739164")
    assert items


async def test_what_was_booked_while_a_snapshot_was_held_survives_its_confirmation(
    house: House,
) -> None:
    await book(house, 5)
    await house.send("reservation.snapshot", snapshot(house, []), id="SNAP")
    house.clock.at += DAY
    await house.send("reservation.put", reservation("LATE"))
    await house.send("brake.confirm", {"brake_id": "SNAP"})
    assert await house.live() == {"LATE"}


async def test_the_largest_command_that_is_taken_can_be_confirmed(house: House) -> None:
    await book(house, 5)
    properties = [{"id": f"p{n}", "name": "x" * 200} for n in range(1000)]
    told = await house.send("site.put", site(2, properties=properties), id="SITE")
    assert data(told, "command.accepted")["held_by"] == "SITE"
    told = await house.send("brake.confirm", {"brake_id": "SITE"})
    assert "command.accepted" in types(told)
    assert await house.live() == set()


async def test_a_brake_outlives_a_restart(house: House) -> None:
    await book(house, 5)
    await house.send("reservation.snapshot", snapshot(house, []), id="SNAP")
    await house.restart()
    await house.send("brake.confirm", {"brake_id": "SNAP"})
    assert await house.live() == set()


async def test_single_cancellations_are_never_held(house: House) -> None:
    await book(house, 8)
    for n in range(8):
        told = await house.send("reservation.cancel", {"id": f"R{n:03}", "version": 2})
        assert data(told, "command.accepted")["held_by"] is None
    assert await house.live() == set()
