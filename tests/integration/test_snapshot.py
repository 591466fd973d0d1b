"""All reservations in parts: only a whole and complete snapshot removes, and only what is old."""

from collections.abc import AsyncIterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.store import labels
from gatewayd.store import site as sites
from tests.house import (
    DAY,
    NOON,
    Document,
    House,
    data,
    opened,
    property_,
    reservation,
    site,
    types,
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """R1 and R2 are known since yesterday."""
    async with opened(tmp_path) as house:
        house.clock.at = NOON - DAY
        await house.send("site.put", site())
        for id_ in ("R1", "R2"):
            await house.send("reservation.put", reservation(id_))
        house.clock.at = NOON
        yield house


async def send(
    house: House,
    *items: Document,
    part: int = 1,
    parts: int = 1,
    complete: bool = True,
    as_of: str = "2026-07-01T12:00:00Z",
    snapshot: str = "S",
) -> list[Document]:
    """One part of a snapshot; returns what was told."""
    document = {
        "snapshot_id": snapshot,
        "part": part,
        "parts": parts,
        "as_of": as_of,
        "complete": complete,
        "items": list(items),
    }
    return await house.send("reservation.snapshot", document)


async def test_a_snapshot_brings_new_bookings_and_takes_those_it_leaves_out(house: House) -> None:
    told = await send(house, reservation("R1"), reservation("R3"))  # S1-6
    assert data(told, "code.assigned")["reservation_id"] == "R3"
    gone = "command.done"  # what put R2
    assert sorted(types(told)) == ["code.assigned", "command.accepted", gone, "command.done"]
    assert await house.live() == {"R1", "R3"}


async def test_what_has_not_changed_keeps_its_code(house: House) -> None:
    code = await house.code_of("R1")
    before = await house.dump(without=["outbox", "journal", "commands", "snapshot_parts"])
    told = await send(house, reservation("R1"), reservation("R2"))
    assert types(told) == ["command.accepted", "command.done"]
    assert await house.code_of("R1") == code
    assert await house.dump(without=["outbox", "journal", "commands", "snapshot_parts"]) == before


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
async def test_parts_may_come_in_any_order_and_the_last_one_removes(
    house: House, order: tuple[int, ...]
) -> None:
    items = {1: [reservation("R1")], 2: [reservation("R3")], 3: [reservation("R4")]}
    for part in order:
        assert "R2" in await house.live()
        await send(house, *items[part], part=part, parts=3)
    assert await house.live() == {"R1", "R3", "R4"}


async def test_a_part_that_comes_twice_counts_once(house: House) -> None:
    for _ in range(3):
        await send(house, reservation("R1"), part=1, parts=2)
    assert await house.live() == {"R1", "R2"}
    await send(house, part=2, parts=2)
    assert await house.live() == {"R1"}


async def test_a_missing_part_removes_nothing(house: House) -> None:
    # Fault 15
    await send(house, part=1, parts=3)
    await send(house, part=3, parts=3)
    assert await house.live() == {"R1", "R2"}


async def test_parts_survive_a_restart(house: House) -> None:
    await send(house, reservation("R1"), part=1, parts=2)
    await house.restart()
    await send(house, part=2, parts=2)
    assert await house.live() == {"R1"}


async def test_an_incomplete_snapshot_removes_nothing_and_brings_what_it_has(house: House) -> None:
    await send(house, reservation("R3"), complete=False)
    assert await house.live() == {"R1", "R2", "R3"}


@pytest.mark.parametrize("item", [{"id": 2}, {"id": None}, {}, 7])
async def test_an_item_of_which_nobody_can_say_whose_it_is_removes_nobody(
    house: House, item: Any
) -> None:
    told = await send(house, reservation("R1"), item)
    assert "command.rejected" in types(told)
    assert await house.live() == {"R1", "R2"}


@pytest.mark.parametrize("incomplete", [1, 2])
async def test_one_incomplete_part_makes_the_whole_incomplete(
    house: House, incomplete: int
) -> None:
    for part in (1, 2):
        await send(house, part=part, parts=2, complete=part != incomplete)
    assert await house.live() == {"R1", "R2"}


@pytest.mark.parametrize(
    ("as_of", "survives"),
    [
        ("2026-07-01T11:59:59Z", True),
        ("2026-07-01T12:00:00Z", True),
        ("2026-07-01T12:00:01Z", False),
        ("2026-07-01T14:00:00+02:00", True),
    ],
)
async def test_what_changed_since_the_snapshot_was_taken_survives_it(
    house: House, as_of: str, survives: bool
) -> None:
    await house.send("reservation.put", reservation("R2", version=2, departure="2026-07-16"))
    await send(house, reservation("R1"), as_of=as_of)
    assert ("R2" in await house.live()) == survives


async def test_parts_of_two_snapshots_do_not_make_one(house: House) -> None:
    await send(house, reservation("R1"), part=1, parts=2, snapshot="S")
    await send(house, part=2, parts=2, snapshot="T")
    assert await house.live() == {"R1", "R2"}


async def test_parts_taken_at_another_time_do_not_count_under_the_same_name(house: House) -> None:
    """A feed that names every snapshot alike: yesterday's parts do not speak for today."""
    await send(house, reservation("R1"), reservation("R2"), part=1, parts=2)
    await send(house, part=2, parts=2)
    await house.send("reservation.put", reservation("R3"))
    house.clock.at += DAY
    today = "2026-07-02T12:00:00Z"
    await send(house, reservation("R1"), part=1, parts=2, as_of=today)
    assert await house.live() == {"R1", "R2", "R3"}
    await send(house, reservation("R2"), reservation("R3"), part=2, parts=2, as_of=today)
    assert await house.live() == {"R1", "R2", "R3"}


async def test_an_item_older_than_what_is_known_is_left_out_of_account(house: House) -> None:
    # Fault 5
    await house.send("reservation.put", reservation("R1", version=3, departure="2026-07-20"))
    before = await house.rows("SELECT * FROM keys WHERE id = 'res:R1'")
    told = await send(house, reservation("R1", version=2), reservation("R2"))
    assert types(told) == ["command.accepted", "command.done"]
    assert await house.rows("SELECT * FROM keys WHERE id = 'res:R1'") == before


@pytest.mark.parametrize(
    ("bad", "reason", "path"),
    [
        ({"departure": "2026-07-01"}, "dates_reversed", "data.items.1.departure"),
        ({"code": "973182645"}, "code_impossible", "data.items.1.code"),
        ({"code": "735281"}, "code_taken", "data.items.1.code"),
        ({"property_id": "timeless"}, "times_missing", "data.items.1.check_in"),
        ({"arrival": "soon"}, "invalid_field", "data.items.1.arrival"),
        ({"arrival": ...}, "missing_field", "data.items.1.arrival"),
        ({"version": "one"}, "invalid_field", "data.items.1.version"),
    ],
    ids=lambda x: x if isinstance(x, str) else None,
)
async def test_a_bad_item_is_told_and_the_others_go_on(
    house: House, bad: Document, reason: str, path: str
) -> None:
    timeless = property_("timeless", "front", check_in=...)
    await house.send("site.put", site(2, properties=[*site()["properties"], timeless]))
    items = [
        reservation("R3", code="735281"),
        reservation("R2", **{"version": 2} | bad),
        reservation("R4"),
    ]
    told = await send(house, *items)
    rejected = data(told, "command.rejected")
    assert (rejected["reason"], rejected["path"]) == (reason, path)
    assert "command.accepted" in types(told)
    assert {"R3", "R4"} <= await house.live()
    assert "R1" not in await house.live()
    assert "R2" in await house.live()  # it is listed, so it is not gone


async def test_items_for_unknown_properties_wait_for_them(house: House) -> None:
    told = await send(house, reservation("R3", property_id="flat-9"), complete=False)
    assert sorted(types(told)) == ["alert.raised", "command.accepted", "command.done"]
    more = [*site()["properties"], property_("flat-9", "front")]
    told = await house.send("site.put", site(2, properties=more))
    assert data(told, "code.assigned")["reservation_id"] == "R3"


async def test_a_cancelled_item_is_a_cancellation(house: House) -> None:
    await send(house, reservation("R1", 2, status="cancelled"), reservation("R2"))
    assert await house.live() == {"R2"}


async def test_a_booking_that_one_feed_forgot_comes_back_with_its_code_at_the_next(
    house: House,
) -> None:
    code = await house.code_of("R1")
    await send(house, reservation("R2"), snapshot="S")
    assert await house.live() == {"R2"}
    house.clock.at += DAY
    later = "2026-07-02T12:00:00Z"
    told = await send(house, reservation("R1"), reservation("R2"), as_of=later, snapshot="T")
    assert data(told, "code.assigned")["display"] == code
    assert await house.live() == {"R1", "R2"}


async def test_what_the_booking_side_cancelled_does_not_come_back_at_an_older_version(
    house: House,
) -> None:
    await house.send("reservation.cancel", {"id": "R1", "version": 2})
    await send(house, reservation("R1"), reservation("R2"))
    assert await house.live() == {"R2"}


async def test_what_is_over_stays_as_it_is(house: House) -> None:
    house.clock.at += 60 * DAY
    told = await send(house, as_of="2026-08-30T12:00:00Z")
    assert types(told) == ["command.accepted", "command.done"]
    assert await house.live() == {"R1", "R2"}  # past, not withdrawn: nothing to remove


async def test_a_held_reservation_that_is_left_out_is_no_longer_waited_for(house: House) -> None:
    await house.send("reservation.put", reservation("R3", property_id="flat-9"))
    house.clock.at += DAY
    later = "2026-07-02T12:00:00Z"
    await send(house, reservation("R1"), reservation("R2"), as_of=later)
    assert await house.alerts() == set()


async def test_a_snapshot_of_hundreds_is_taken_whole(house: House) -> None:
    items = [
        reservation(
            f"N{n}", arrival=f"2026-08-{n % 28 + 1:02}", departure=f"2026-09-{n % 28 + 1:02}"
        )
        for n in range(300)
    ]
    for part in range(3):
        await send(house, *items[part * 100 : part * 100 + 100], part=part + 1, parts=3)
    assert len(await house.live()) == 300


def guest(id_: str, name: str, phone: str, **changed: object) -> Document:
    """A booking under guests' names and phones."""
    policy = {"label": "name", "pin": {"source": "phone", "length": 4}}
    whole: Document = {"guest": {"name": name, "phone": f"+41 79 555 {phone}"}, "policy": policy}
    return reservation(id_, **(whole | changed))


FIRST = [guest("R1", "Ada", "73 91"), guest("R2", "Bob", "64 82"), guest("R3", "Cyd", "27 63")]
THEN = [
    guest("R1", "Ada", "73 91", version=2, departure="2026-07-16"),  # keeps both
    guest("R4", "ADA", "58 47"),  # another key of a guest
    guest("R5", "Dee", "64 82"),  # another guest's phone
    guest("R6", "Eve", "94 35"),
    guest("R7", "EVE", "94 35", property_id="flat-2"),  # both, within the same part
    guest("R8", "HMR7", "35 79", property_id="flat-2"),  # a name that is a label of the part
    guest("R9", "Fay", "86 42"),  # a person's code at the door
    guest("R3", "Gil", "27 63", version=2),  # a label that a lock refused
]


async def test_a_part_gives_what_its_reservations_give_one_by_one(tmp_path: Path) -> None:
    found = []
    for together in (False, True):
        async with opened(tmp_path / str(together)) as house:
            await house.send("site.put", site())
            async with house.database.transaction() as tx:
                for door in ("front", "flat-1-door", "flat-2-door"):
                    await sites.learned(tx, LockId(door), Capabilities(label_length=20))
                    await house.intake.lock_learned(tx, house.clock.now(), LockId(door))
                await tx.rows(
                    "INSERT INTO slots VALUES ('front', 9, 'holds', '8642', 0, 1, NULL, NULL, NULL)"
                )
            await send(house, *FIRST, complete=False)
            async with house.database.transaction() as tx:
                await labels.relabel(tx, KeyId("res:R3"), "HMR3", again=False)
            if together:
                await send(house, *THEN, complete=False, snapshot="T")
            else:
                for item in THEN:
                    await house.send("reservation.put", item)
            found.append(await house.rows("SELECT reservation_id, label, code FROM keys"))
    one_by_one, part = found
    assert part == one_by_one
    shown = {id_: label for id_, label, _ in part}
    assert [id_ for id_ in shown if shown[id_] != f"HM{id_}"] == ["R1", "R2", "R5", "R6", "R9"]
    codes = {id_: code for id_, _, code in part}
    assert [codes[id_] for id_ in ("R1", "R2", "R4", "R6", "R8")] == [
        "7391",
        "6482",
        "5847",
        "9435",
        "3579",
    ]
    assert not {codes["R5"], codes["R7"]} & {"6482", "9435"}
    assert codes["R9"] != "8642"
