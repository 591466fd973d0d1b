"""Several commands about one key: each is told done once, together with the last one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.house import DAY, Document, House, opened, property_, reservation, site, types

KEY = "res:R1"
PUT = ("reservation.put", reservation())
CANCEL = ("reservation.cancel", {"id": "R1", "version": 9})
SHORTER = ("reservation.put", reservation(version=2, departure="2026-07-14"))
ATTIC = ("reservation.put", reservation(property_id="attic"))
ATTIC_LATER = ("reservation.put", reservation(version=2, property_id="attic", arrival="2026-07-12"))
ANOTHER_CODE = ("code.regenerate", {"key_id": KEY, "reason": "seen"})
NOT_THE_FRONT = ("key.revoke", {"id": KEY, "version": 1, "doors": ["front"]})
NO_DOOR = ("key.revoke", {"id": KEY, "version": 2})
ALL_DOORS = ("key.restore", {"id": KEY, "version": 3})
AT_CHECK_IN = ("reservation.put", reservation(policy={"generate": "at_check_in"}))
CHECK_IN = ("reservation.check_in", {"id": "R1", "at": "2026-07-01T12:00:00Z"})


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as house:
        await house.send("site.put", site(), id="SITE")
        yield house


async def done(house: House) -> list[str]:
    """Which commands were told done, each as often as it was."""
    told = [e["cause"] for e in await house.told() if e["type"] == "command.done"]
    return sorted(set(told) - {"SITE", "SITE-2"}) if len(set(told)) == len(told) else told


async def send(house: House, *commands: tuple[str, Document]) -> list[str]:
    """One after the other; their ids."""
    ids = [f"{i}-{type_}" for i, (type_, _) in enumerate(commands)]
    for id_, (type_, data) in zip(ids, commands, strict=True):
        assert "command.accepted" in types(await house.send(type_, data, id=id_))
    return ids


@pytest.mark.parametrize(
    "commands",
    [
        (PUT, SHORTER),
        (PUT, PUT, PUT),
        (PUT, ANOTHER_CODE, NOT_THE_FRONT),
        (AT_CHECK_IN, CHECK_IN, SHORTER),
        (AT_CHECK_IN, ANOTHER_CODE),
    ],
    ids=["changed", "repeated", "another code", "checked in", "asked for"],
)
async def test_all_are_done_when_the_last_one_is_proven(
    house: House, commands: tuple[tuple[str, Document], ...]
) -> None:
    ids = await send(house, *commands)
    assert await done(house) == []
    doors = await house.doors_of("R1")
    for door in doors[:-1]:
        assert await house.prove(door, "R1") == []
    assert await house.prove(doors[-1], "R1") == ids
    assert await house.prove(doors[0], "R1") == []


@pytest.mark.parametrize(
    "commands",
    [(PUT, SHORTER, CANCEL), (PUT, NO_DOOR), (ATTIC, ATTIC_LATER, CANCEL), (AT_CHECK_IN, NO_DOOR)],
    ids=["cancelled", "shut", "held and cancelled", "waiting and shut"],
)
async def test_all_are_done_when_nothing_is_left_to_be_proven(
    house: House, commands: tuple[tuple[str, Document], ...]
) -> None:
    assert await done(house) == []
    ids = await send(house, *commands)
    assert await done(house) == ids


async def test_all_about_a_held_reservation_are_done_with_its_key(house: House) -> None:
    ids = await send(house, ATTIC, ATTIC_LATER, NOT_THE_FRONT)
    assert await done(house) == []
    here = [*site()["properties"], property_("attic", "shed-door")]
    await house.send("site.put", site(2, properties=here), id="SITE-2")
    assert await done(house) == []
    assert await house.prove("shed-door", "R1") == ids


@pytest.mark.parametrize("first", [PUT, ATTIC], ids=["with a key", "held"])
async def test_one_whose_reservation_a_snapshot_ends_is_done(
    house: House, first: tuple[str, Document]
) -> None:
    ids = await send(house, first)
    house.clock.at += DAY
    gone = {"snapshot_id": "S", "part": 1, "parts": 1, "complete": True, "items": []}
    cancelled = reservation(version=2, status="cancelled")
    later = {"as_of": "2026-07-02T00:00:00Z"}
    items = [[], [cancelled]][first is ATTIC]
    await house.send("reservation.snapshot", gone | later | {"items": items}, id="SITE-2")
    assert await done(house) == ids


async def test_one_whose_key_a_batch_makes_and_no_door_is_to_show_is_done(house: House) -> None:
    locks = [lock | {"allow_provisioning": False} for lock in site()["locks"]]
    await house.send("site.put", site(2, locks=locks), id="SITE-2")
    ids = await send(house, AT_CHECK_IN)
    assert await done(house) == []
    batch = {"select": {"reservation_ids": ["R1"]}, "mode": "missing"}
    ids += await send(house, ("batch", batch))
    assert len(await done(house)) == len(ids)
