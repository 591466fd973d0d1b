"""The hub's card dies while guests are there: the real broker, daemon and locks."""

import pytest

from simulators.cloud import Event
from tests.e2e.conftest import V2, House, eventually, stay

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def lose(house: House, *, card: bool = False) -> None:
    """Pull the plug, and the database is gone, or all that was on the card; the broker keeps what
    was said."""
    await house.hub.kill()
    for file in house.hub.folder.glob("gatewayd.db*"):
        file.unlink()
    if card:
        (house.hub.folder / "hub.json").unlink()


async def reported(house: House, leases: int) -> None:
    """Wait until the broker retains so many."""
    await house.cloud.done(await house.cloud.send("report", {}))

    async def there() -> bool:
        return len(house.cloud.retained.get("reported", {}).get("leases", [])) == leases

    await eventually(there)


async def snapshot(house: House, *items: Event) -> None:
    """A complete one."""
    whole = {
        "snapshot_id": "after",
        "part": 1,
        "parts": 1,
        "as_of": house.cloud.events[-1]["ts"],
        "complete": True,
        "items": list(items),
    }
    await house.cloud.done(await house.cloud.send("reservation.snapshot", whole))


@pytest.mark.parametrize("card", [False, pytest.param(True, marks=pytest.mark.long)])
async def test_guests_keep_their_pins_when_the_database_is_lost(house: House, card: bool) -> None:
    # suffering 29, fault 27
    await house.site(V2)
    await house.zwave.set_code(V2, 7, "818181")
    await house.cloud.done(await house.book("r1"))
    await house.cloud.done(await house.book("r2"))
    codes = {id_: await house.code(id_) for id_ in ("r1", "r2")}
    await reported(house, leases=2)
    there = (await house.zwave.node(V2))["codes"]
    epoch = house.cloud.events[-1]["epoch"]
    await lose(house, card=card)
    await house.zwave.reset_frames()
    await house.hub.start()
    await house.told("alert.raised", code="database_lost", severity="critical")
    await house.told("snapshot.wanted", why="new_database")
    await house.site(V2, version=2)
    await snapshot(house, *(stay(id_, 2) | {"code": code} for id_, code in codes.items()))
    await house.told("alert.cleared", code="database_lost")
    await house.told_times(4, "code.confirmed", lock_id=f"l{V2}")
    assert (await house.zwave.node(V2))["codes"] == there
    assert await house.exchanges(V2, "set") == 0
    news = [event for event in house.cloud.events if event["epoch"] != epoch]
    assert len({event["epoch"] for event in news}) == 1
    assert news[0]["type"] == "hub.started"
    await house.cloud.send("reservation.cancel", {"id": "r1", "version": 3})
    await house.holds(V2, codes["r2"], "818181")


@pytest.mark.long
async def test_what_the_broker_retains_is_read_before_it_is_said_anew(house: House) -> None:
    await house.site(V2)
    await house.cloud.done(await house.book("r1"))
    await reported(house, leases=1)
    before = house.cloud.retained["reported"]["leases"]
    await lose(house)
    house.cloud.retained.clear()
    await house.hub.start()

    async def said_again() -> bool:
        return "reported" in house.cloud.retained

    await eventually(said_again)
    assert house.cloud.retained["reported"]["leases"] == before
    await house.site(V2, version=2)
    await snapshot(house)
    await house.holds(V2)  # who is not in it has left
