"""Keys limited to days of the week and hours of the day, from the command to the locks: each kind
of lock, over days in virtual time. S3-6"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gatewayd.domain.hours import Hours, LocalTime
from gatewayd.domain.moment import Now
from gatewayd.domain.report import CodeDeleted
from gatewayd.store.status import reported
from tests import house as houses
from tests.fakes import FakeLock, FakeRadio
from tests.house import Document, House, command, data, opened, reservation, types
from tests.integration.test_reconciler import HOUR, MINUTE, Site, VirtualClock, site, take

ZONE = "Europe/Zurich"
FRIDAY = datetime(2026, 10, 23, 12, tzinfo=UTC)
"""Clocks are set back on the night to the Sunday that follows."""
MORNINGS = {"days": ["sat", "sun", "mon"], "from": "08:00", "to": "12:00"}


def at(text: str) -> datetime:
    """A moment of that October."""
    return datetime.fromisoformat(f"2026-10-{text}").replace(tzinfo=UTC)


async def until(hub: Site, text: str) -> None:
    """Time passes."""
    await hub.pass_((at(text) - hub.clock.wall).total_seconds())


async def cleaner(hub: Site, version: int = 1, **changed: object) -> None:
    """A key by hand for ten days."""
    key = {
        "id": "cleaner",
        "version": version,
        "doors": {"add": list(hub.doors)},
        "starts": "2026-10-22T00:00",
        "ends": "2026-11-01T00:00",
        "hours": MORNINGS,
    }
    await take(hub.intake, command("key.put", key | changed, id=f"cleaner-{version}"))
    await hub.clock.settle(len(hub.doors))


async def told(hub: Site, type_: str) -> list[Document]:
    rows = await hub.database.read.rows(
        "SELECT envelope FROM outbox WHERE type = ? ORDER BY seq", (type_,)
    )
    return [json.loads(envelope) for (envelope,) in rows]


async def done(hub: Site) -> list[str]:
    """The commands about the key that are told to be done."""
    causes = [event["cause"] for event in await told(hub, "command.done")]
    return [cause for cause in causes if cause.startswith("cleaner")]


async def door(hub: Site) -> dict[str, Any]:
    """How the cleaner's key stands at the first door."""
    summary = await reported(hub.database.read, hub.clock.now(), hub.clock, b"secret")
    (key,) = summary["keys"]
    return dict(key["doors"][0])


# --- what the cloud may say --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "path"),
    [
        ({"from": "12:00", "to": "08:00"}, "data.hours"),  # suffering 20
        ({"from": "08:00", "to": "08:00"}, "data.hours"),
        ({"to": "00:00"}, "data.hours"),
        ({"days": []}, "data.hours.days"),
        ({"days": ["monday"]}, "data.hours.days.0"),
        ({"from": "8:00"}, "data.hours.from"),
        ({"from": "25:00"}, "data.hours.from"),
        ({"to": "all_day"}, "data.hours.to"),
        ("mornings", "data.hours"),
    ],
)
async def test_hours_that_cannot_be_are_refused(tmp_path: Path, hours: object, path: str) -> None:
    # S3-6
    async with opened(tmp_path) as house:
        await house.send("site.put", houses.site())
        await house.send("reservation.put", reservation())
        told = await house.send("key.put", {"id": "res:R1", "version": 1, "hours": hours})
        answer = data(told, "command.rejected")
        assert (answer["reason"], answer["path"]) == ("invalid_field", path)
        assert await timetable(house) is None


async def timetable(house: House) -> str | None:
    ((text,),) = await house.rows("SELECT timetable FROM keys")
    return None if text is None else str(text)


async def test_staff_limits_a_reservations_key_and_takes_that_back(tmp_path: Path) -> None:
    # S3-1, S3-6: its word stays until it is cleared
    async with opened(tmp_path) as house:
        await house.send("site.put", houses.site())
        await house.send("reservation.put", reservation())
        code = await house.code_of("R1")
        await house.send("key.put", {"id": "res:R1", "version": 1, "hours": MORNINGS})
        assert await timetable(house) == "mon,sat,sun 08:00-12:00 Europe/Zurich"
        await house.send("reservation.put", reservation(version=2, departure="2026-07-16"))
        assert await timetable(house) == "mon,sat,sun 08:00-12:00 Europe/Zurich"
        await house.send("key.put", {"id": "res:R1", "version": 2, "hours": {"to": "20:00"}})
        assert await timetable(house) == "mon,tue,wed,thu,fri,sat,sun 00:00-20:00 Europe/Zurich"
        told = await house.send("key.put", {"id": "res:R1", "version": 3, "hours": None})
        assert types(told) == ["command.accepted"]
        assert await timetable(house) is None
        await house.send("key.put", {"id": "res:R1", "version": 4, "hours": {"days": None}})
        assert await timetable(house) is None  # nothing is limited
        assert await house.code_of("R1") == code


async def test_hours_are_those_of_the_propertys_zone(tmp_path: Path) -> None:
    # S3-6
    async with opened(tmp_path) as house:
        lima = houses.property_("flat-1", "front", "flat-1-door", zone="America/Lima")
        await house.send("site.put", houses.site(properties=[lima]))
        await house.send("reservation.put", reservation())
        await house.send("key.put", {"id": "res:R1", "version": 1, "hours": {"from": "09:00"}})
        assert str(await timetable(house)).endswith(" 09:00-23:59 America/Lima")
        await house.send("site.put", houses.site(2))
        assert str(await timetable(house)).endswith(" 09:00-23:59 Europe/Zurich")


# --- a lock that knows neither hours nor disabled codes ----------------------------------------


async def test_a_hub_timed_code_comes_and_goes_over_a_change_of_clocks(tmp_path: Path) -> None:
    # S3-6
    clock = VirtualClock(wall=FRIDAY)
    async with site(tmp_path, clock, "a", zone=ZONE) as hub:
        codes = hub.lock("a").codes
        await cleaner(hub)
        assert not codes
        assert await done(hub) == []
        for then, there in [
            ("24 05:49", False),  # Saturday, two hours east of UTC
            ("24 05:51", True),
            ("24 09:59", True),
            ("24 10:01", False),
            ("25 06:49", False),  # Sunday, one hour
            ("25 06:51", True),
            ("25 10:59", True),
            ("25 11:01", False),
            ("26 06:51", True),
            ("26 11:01", False),
            ("31 06:49", False),  # the Saturday after: nothing on the other days
            ("31 06:51", True),
        ]:
            await until(hub, then)
            assert bool(codes) is there, then
        assert await done(hub) == ["cleaner-1"]
        assert len(await told(hub, "code.confirmed")) == 4
        assert len(await told(hub, "code.removed")) == 3
        assert not await told(hub, "code.lost")


async def test_what_a_door_says_outside_its_hours(tmp_path: Path) -> None:
    # S3-6
    clock = VirtualClock(wall=FRIDAY)
    async with site(tmp_path, clock, "a", zone=ZONE) as hub:
        await cleaner(hub)
        opens = {"state": "waiting", "proof": None, "reason": "not_due"}
        assert await door(hub) == {"lock_id": "a", "next_try_at": at("24 05:50"), **opens}
        await until(hub, "24 08:00")
        assert (await door(hub))["state"] == "proven"
        await until(hub, "24 12:00")
        assert await door(hub) == {"lock_id": "a", "next_try_at": at("25 06:50"), **opens}
        last = (await told(hub, "key.status"))[-1]["data"]
        assert last["status"] == "current"
        assert last["doors"][0]["state"] == "waiting"
        assert last["doors"][0]["next_try_at"] == "2026-10-25T06:50:00.000Z"


async def test_hours_said_while_it_is_shut_take_the_code_away_and_that_is_done(
    tmp_path: Path,
) -> None:
    # S3-6
    clock = VirtualClock(wall=FRIDAY)
    async with site(tmp_path, clock, "a", zone=ZONE) as hub:
        await cleaner(hub, hours=None)
        await hub.pass_(5 * MINUTE)
        assert hub.lock("a").codes
        assert await done(hub) == ["cleaner-1"]
        hub.lock("a").dead = True
        await cleaner(hub, version=2)
        await hub.pass_(5 * MINUTE)
        assert await done(hub) == ["cleaner-1"]  # it opens still
        hub.lock("a").dead = False
        await hub.pass_(5 * MINUTE)
        assert not hub.lock("a").codes
        assert await done(hub) == ["cleaner-1", "cleaner-2"]
        await cleaner(hub, version=3, ends="2026-11-02T00:00")
        assert await done(hub) == ["cleaner-1", "cleaner-2", "cleaner-3"]  # as it should be now
        await cleaner(hub, version=4, hours=None)
        await hub.pass_(5 * MINUTE)
        assert hub.lock("a").codes
        assert (await done(hub))[3:] == ["cleaner-4"]


async def test_a_lock_that_is_dead_at_the_opening_is_tried_until_it_answers(
    tmp_path: Path,
) -> None:
    clock = VirtualClock(wall=FRIDAY)
    async with site(tmp_path, clock, "a", zone=ZONE) as hub:
        await cleaner(hub)
        hub.lock("a").dead = True
        await until(hub, "24 06:30")
        assert (await door(hub))["reason"] == "lock_unreachable"
        hub.lock("a").dead = False
        await until(hub, "24 06:40")
        assert hub.lock("a").codes
        hub.lock("a").dead = True
        await until(hub, "24 10:30")
        assert (await door(hub))["state"] == "removing"
        assert {e["data"]["code"] for e in await told(hub, "alert.raised")} >= {"removal_failed"}
        hub.lock("a").dead = False
        await until(hub, "24 10:40")
        assert not hub.lock("a").codes


async def test_a_code_that_its_owner_deleted_stays_away(tmp_path: Path) -> None:
    # S1-17
    clock = VirtualClock(wall=FRIDAY)
    async with site(tmp_path, clock, "a", zone=ZONE) as hub:
        await cleaner(hub)
        await until(hub, "24 08:00")
        hub.lock("a").codes.clear()
        hub.radio.report("a", CodeDeleted(1))
        await until(hub, "25 08:00")
        assert not hub.lock("a").codes
        assert (await door(hub))["reason"] == "deleted_at_lock"


class DoubtfulClock(VirtualClock):
    """The true time is up to a day later."""

    def now(self) -> Now:
        """An interval."""
        return Now(self.wall, self.wall + timedelta(days=1))


async def test_a_clock_in_doubt_opens_early_and_closes_late(tmp_path: Path) -> None:
    clock = DoubtfulClock(wall=at("22 12:00"))
    async with site(tmp_path, clock, "a", zone=ZONE) as hub:
        await cleaner(hub, hours=MORNINGS | {"days": ["sat"]})
        for then, there in [
            ("23 05:49", False),
            ("23 05:51", True),
            ("24 09:59", True),
            ("24 10:01", False),
        ]:
            await until(hub, then)
            assert bool(hub.lock("a").codes) is there, then


@asynccontextmanager
async def site_of(folder: Path, **kind: bool) -> AsyncIterator[Site]:
    """A hub that has seen its lock, of a kind that can do more."""
    clock = VirtualClock(wall=FRIDAY)
    radio = FakeRadio(clock)
    radio.locks["a"] = FakeLock(clock, slots=5, **kind)  # type: ignore[arg-type]  # its flags
    async with site(folder, clock, "a", zone=ZONE, radio=radio, inventoried=False) as hub:
        await hub.pass_(MINUTE)
        yield hub


# --- a lock that can hold a code disabled ------------------------------------------------------


async def test_the_hub_switches_the_code_where_the_lock_can_hold_it_disabled(
    tmp_path: Path,
) -> None:
    # S3-6
    async with site_of(tmp_path, switches=True) as hub:
        lock = hub.lock("a")
        await cleaner(hub)
        await hub.pass_(5 * MINUTE)
        assert len(lock.codes) == 1
        assert lock.disabled
        assert await done(hub) == ["cleaner-1"]
        assert await door(hub) == {
            "lock_id": "a",
            "state": "proven",
            "proof": "matched",
            "reason": "not_due",
            "next_try_at": at("24 06:00"),
        }
        for then, opens in [
            ("24 05:59", False),
            ("24 06:01", True),
            ("24 09:59", True),
            ("24 10:01", False),
            ("25 06:59", False),
            ("25 07:01", True),
            ("25 11:01", False),
        ]:
            await until(hub, then)
            assert len(lock.codes) == 1
            assert (not lock.disabled) is opens, then
        assert not await told(hub, "code.removed")


async def test_hours_said_while_it_is_shut_are_done_when_the_code_is_disabled(
    tmp_path: Path,
) -> None:
    async with site_of(tmp_path, switches=True) as hub:
        await cleaner(hub, hours=None)
        await hub.pass_(5 * MINUTE)
        hub.lock("a").dead = True
        await cleaner(hub, version=2)
        await hub.pass_(5 * MINUTE)
        assert await done(hub) == ["cleaner-1"]
        hub.lock("a").dead = False
        await hub.pass_(5 * MINUTE)
        assert hub.lock("a").disabled
        assert await done(hub) == ["cleaner-1", "cleaner-2"]
        hub.lock("a").dead = True
        await cleaner(hub, version=3, hours=None)
        await hub.pass_(5 * MINUTE)
        assert (await done(hub))[2:] == []
        hub.lock("a").dead = False
        await hub.pass_(5 * MINUTE)
        assert not hub.lock("a").disabled
        assert (await done(hub))[2:] == ["cleaner-3"]


# --- a lock that keeps the hours itself --------------------------------------------------------

KEPT = Hours(frozenset({0, 5, 6}), *(datetime(2026, 1, 1, h, tzinfo=UTC).time() for h in (8, 12)))


async def tell_zone(hub: Site, hours: int) -> None:
    """The lock was asked what it takes for local time."""
    hub.radio.report("a", LocalTime(timedelta(hours=hours), hub.clock.wall))
    await hub.clock.settle(1)


async def test_a_lock_that_keeps_the_hours_is_left_alone_at_their_changes(tmp_path: Path) -> None:
    # S3-6
    async with site_of(tmp_path, numbers_itself=True) as hub:
        lock = hub.lock("a")
        await tell_zone(hub, 2)
        await cleaner(hub)
        await hub.pass_(5 * MINUTE)
        assert list(lock.hours.values()) == [KEPT]
        assert await done(hub) == ["cleaner-1"]
        assert (await door(hub))["state"] == "proven"
        assert (await door(hub))["next_try_at"] == at("24 06:00")
        lock.touched.clear()
        await until(hub, "26 12:00")
        assert lock.touched == []
        await cleaner(hub, version=2, hours=MORNINGS | {"days": ["tue"]})
        await hub.pass_(5 * MINUTE)
        assert [str(hours) for hours in lock.hours.values()] == ["tue 08:00-12:00"]
        assert await done(hub) == ["cleaner-1", "cleaner-2"]
        await cleaner(hub, version=3, hours=None)
        await hub.pass_(5 * MINUTE)
        assert list(lock.hours.values()) == [None]
        assert (await done(hub))[2:] == ["cleaner-3"]


async def test_hours_that_are_not_yet_on_the_lock_are_not_done(tmp_path: Path) -> None:
    """Though the code itself is proven, and they say that it may open now."""
    async with site_of(tmp_path, numbers_itself=True) as hub:
        await tell_zone(hub, 2)
        await cleaner(hub, hours=None)
        await hub.pass_(5 * MINUTE)
        hub.lock("a").dead = True
        await cleaner(hub, version=2, hours={"days": ["fri"]})
        await hub.pass_(5 * MINUTE)
        assert await done(hub) == ["cleaner-1"]
        assert (await door(hub))["state"] == "failing"
        hub.lock("a").dead = False
        await hub.pass_(5 * MINUTE)
        assert await done(hub) == ["cleaner-1", "cleaner-2"]


async def test_a_lock_that_lives_in_another_zone_gets_a_hub_timed_code(tmp_path: Path) -> None:
    """Found out where the property's clocks change and the lock's do not."""
    # S3-6
    async with site_of(tmp_path, numbers_itself=True) as hub:
        lock = hub.lock("a")
        await cleaner(hub)
        await hub.pass_(5 * MINUTE)
        assert not lock.codes  # it has not told yet
        await tell_zone(hub, 2)
        await hub.pass_(5 * MINUTE)
        assert list(lock.hours.values()) == [KEPT]
        await until(hub, "25 05:00")
        assert list(lock.hours.values()) == [KEPT]  # by what it told in summer
        await tell_zone(hub, 2)
        await hub.pass_(5 * MINUTE)
        assert not lock.codes
        await until(hub, "25 06:51")
        assert list(lock.hours.values()) == [None]
        await until(hub, "25 11:01")
        assert not lock.codes
        await tell_zone(hub, 1)
        await hub.pass_(5 * MINUTE)
        assert list(lock.hours.values()) == [KEPT]


async def test_hours_that_a_person_changed_at_the_lock_are_put_right(tmp_path: Path) -> None:
    async with site_of(tmp_path, numbers_itself=True) as hub:
        lock = hub.lock("a")
        await tell_zone(hub, 2)
        await cleaner(hub)
        await hub.pass_(HOUR)
        (slot,) = lock.codes
        lock.hours[slot] = None
        await take(hub.intake, command("lock.resync", {"lock_id": "a"}, id="sync"))
        await hub.pass_(5 * MINUTE)
        assert lock.hours == {slot: KEPT}
        assert [e["data"]["reason"] for e in await told(hub, "code.lost")] == ["mismatch"]
