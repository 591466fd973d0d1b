"""What locks tell beside their codes: wrong codes, batteries, silence."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gatewayd.domain.bolt import Bolt
from gatewayd.domain.ids import LockId
from gatewayd.domain.report import Alive, Battery, Dead, Jammed, Report, Turned, Used, WrongCode
from gatewayd.reconciler.signals import Watch
from gatewayd.store import signals
from gatewayd.store import site as sites
from tests.fakes import FakeRadio
from tests.house import Document, command
from tests.integration.test_reconciler import HOUR, MINUTE, Site, VirtualClock, alerts, site, take
from tests.rounds import document

DAY = 24 * HOUR


@asynccontextmanager
async def watched(
    folder: Path, *doors: str, radio: FakeRadio | None = None, clock: VirtualClock | None = None
) -> AsyncIterator[tuple[Site, Watch]]:
    """A hub and its watch, which looks when the test says so."""
    clock = clock or VirtualClock()
    async with site(folder, clock, *doors, radio=radio) as hub:
        yield hub, Watch(hub.database, hub.intake._outbox, clock)


async def hear(hub: Site, door: str, *reports: Report) -> None:
    """The lock tells something."""
    for report in reports:
        hub.radio.report(door, report)
    await hub.pass_(1)


async def told(hub: Site, type_: str) -> list[dict[str, Any]]:
    rows = await hub.database.read.rows(
        "SELECT envelope FROM outbox WHERE type = ? ORDER BY seq", (type_,)
    )
    return [json.loads(envelope)["data"] for (envelope,) in rows]


# --- keypads -----------------------------------------------------------------------------------


async def test_many_wrong_codes_are_an_alert_that_ends_with_quiet(tmp_path: Path) -> None:
    # suffering 28
    async with watched(tmp_path, "a", "b") as (hub, watch):
        await hear(hub, "a", *[WrongCode()] * 9)
        await watch.look()
        assert await alerts(hub) == set()
        await hear(hub, "a", WrongCode())
        await watch.look()
        assert await alerts(hub) == {("keypad_attack", "a")}
        assert (await told(hub, "alert.raised"))[-1]["severity"] == "critical"
        assert len(await told(hub, "lock.wrong_code")) == 10
        await hub.pass_(29 * MINUTE)
        await watch.look()
        assert await alerts(hub) == {("keypad_attack", "a")}
        await hub.pass_(MINUTE)
        await watch.look()
        assert await alerts(hub) == set()


async def test_wrong_codes_over_many_locks_are_an_alert_of_the_site_and_outlast_a_restart(
    tmp_path: Path,
) -> None:
    # suffering 28
    clock = VirtualClock()
    async with watched(tmp_path, "a", "b", clock=clock) as (hub, watch):
        await hear(hub, "a", *[WrongCode()] * 8)
        await hear(hub, "b", *[WrongCode()] * 4)
    async with watched(tmp_path, "a", "b", clock=clock) as (hub, watch):
        await hear(hub, "b", WrongCode(), WrongCode(), WrongCode(at=clock.wall))
        await watch.look()
        assert await alerts(hub) == {("keypad_attack", "site")}


async def test_wrong_codes_are_forgotten_after_a_day(tmp_path: Path) -> None:
    async with watched(tmp_path, "a") as (hub, _):
        await hear(hub, "a", WrongCode())
        await hub.pass_(DAY)
        await hear(hub, "a", WrongCode())
        assert len(await hub.database.read.rows("SELECT * FROM wrong_codes")) == 1


# --- batteries ---------------------------------------------------------------------------------


async def test_a_battery_is_told_with_a_forecast_once_there_is_history(tmp_path: Path) -> None:
    async with watched(tmp_path, "a") as (hub, _):
        for level in (90, 89, 88, 87, 86, 85, 84, 83, 83, 82):
            await hear(hub, "a", Battery(level))
            hub.clock.wall += timedelta(days=1)
        news = await told(hub, "lock.battery")
        assert [event["level"] for event in news] == [90, 89, 88, 87, 86, 85, 84, 83, 82]
        assert [event["days_left"] for event in news[:7]] == [None] * 7
        assert news[7]["days_left"] == 83
        assert len(await signals.battery_levels(hub.database.read, LockId("a"))) == 10
        hub.clock.wall += timedelta(days=200)
        await hear(hub, "a", Battery(50))
        assert len(await signals.battery_levels(hub.database.read, LockId("a"))) == 1


async def test_a_low_battery_brings_the_codes_in_earlier_where_the_lock_keeps_the_window(
    tmp_path: Path,
) -> None:
    # S1-7, S1-25
    clock = VirtualClock()
    radio = FakeRadio(clock)
    radio.lock("a").numbers_itself = True
    async with watched(tmp_path, "a", "b", radio=radio, clock=clock) as (hub, _):
        async with hub.database.transaction() as tx:
            await sites.learned(tx, LockId("a"), await hub.lock("a").capabilities())
            await hub.intake.lock_learned(tx, clock.now(), LockId("a"))
        await hub.book("r1", "2026-07-06", "2026-07-09")
        await hub.pass_(MINUTE)
        assert (hub.lock("a").codes, hub.lock("b").codes) == ({}, {})
        for door in "ab":
            await hear(hub, door, Battery(15))
        await hub.pass_(MINUTE)
        assert len(hub.lock("a").codes) == 1
        assert hub.lock("b").codes == {}, "the hub itself must take that one away in time"
        leads = "SELECT lock_id, (starts - due) / 3600 FROM doors JOIN keys ON id = key_id"
        assert dict(await hub.database.read.rows(f"{leads} WHERE lock_id = 'a'")) == {"a": 144.0}
        await hub.book("r2", "2026-08-06", "2026-08-09")
        await hear(hub, "a", Battery(100))
        rows = await hub.database.read.rows(f"{leads} WHERE lock_id = 'a' ORDER BY starts")
        assert rows == [("a", 144.0), ("a", 72.0)], "what is there already stays"
        await hub.pass_(MINUTE)
        assert len(hub.lock("a").codes) == 1
        await hub.book("r1", "2026-07-08", "2026-07-10", version=2)  # another window
        rows = await hub.database.read.rows(f"{leads} WHERE lock_id = 'a'")
        assert rows == [("a", 72.0)] * 2


async def test_a_lock_with_a_battery_that_is_silent_for_a_week_is_told(tmp_path: Path) -> None:
    # Fault 41
    async with watched(tmp_path, "a", "b") as (hub, watch):
        await hear(hub, "a", Battery(80))
        await hear(hub, "b", Used(None, opened=True))  # mains: it never told of a battery
        await hub.pass_(7 * DAY - 60)
        await watch.look()
        assert await alerts(hub) == set()
        await hub.pass_(60)
        await hear(hub, "a", Dead())  # the radio's word, not the lock's
        await watch.look()
        assert await alerts(hub) == {("battery_silent", "a")}
        await hear(hub, "a", Alive())
        await watch.look()
        assert await alerts(hub) == set()


# --- connectivity ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dead", "several"), [("a", False), ("ab", True), ("abcd", True)], ids=["one", "half", "all"]
)
async def test_one_silent_lock_points_at_itself_and_several_at_the_hub(
    tmp_path: Path, dead: str, several: bool
) -> None:
    # S1-25
    async with watched(tmp_path, "a", "b", "c", "d") as (hub, watch):
        for door in dead:
            hub.lock(door).dead = True
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await hub.pass_(HOUR)
        await watch.look()
        of_hub = {("locks_offline", "fake")} if several else set()
        assert await alerts(hub) == {("lock_offline", door) for door in dead} | of_hub
        advice = {x["code"]: x["what_to_do"] for x in await told(hub, "alert.raised")}
        assert "closer" in advice["lock_offline"]
        for door in dead:
            hub.lock(door).dead = False
        await take(hub.intake, command("lock.sync_now", {"lock_id": "a"}, id="now"))
        await hub.pass_(6 * MINUTE)
        await watch.look()
        assert await alerts(hub) == set()


# --- locks that are gone -----------------------------------------------------------------------


def only(door: str, version: int, **changed: str) -> Document:
    """The site document with one lock."""
    whole = document(door, version=version, pool=0)
    whole["locks"][0] |= changed
    return whole


async def test_alerts_of_a_lock_that_leaves_the_site_end_once_it_is_empty(tmp_path: Path) -> None:
    # S1-14, suffering 16
    async with watched(tmp_path, "a", "b") as (hub, watch):
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await hub.pass_(2 * HOUR)
        hub.lock("b").dead = True
        await hear(hub, "b", Battery(5, low=True))
        await take(hub.intake, command("site.put", only("a", 2), id="2"))
        await hub.pass_(10 * MINUTE)
        await watch.look()
        there = {("lock_offline", "b"), ("removal_failed", "b/res:r1")}
        batteries = {("battery_low", "b"), ("battery_critical", "b")}
        assert await alerts(hub) - batteries == there
        assert await alerts(hub) & batteries
        hub.lock("b").dead = False
        await hub.pass_(10 * MINUTE)
        await watch.look()
        assert hub.lock("b").codes == {}
        assert await alerts(hub) == set()


async def test_alerts_of_a_lock_of_another_make_or_at_another_address_end(tmp_path: Path) -> None:
    # S2-21: nothing of them is known of the one that hangs there now
    async with watched(tmp_path, "a") as (hub, watch):
        await hub.book("r1", "2026-07-01", "2026-07-09")
        await hub.pass_(2 * HOUR)
        hub.lock("a").dead = True
        await hear(hub, "a", Battery(5, low=True), Jammed())
        cancelled = {"id": "r1", "version": 2}
        await take(hub.intake, command("reservation.cancel", cancelled, id="gone"))
        await hub.pass_(10 * MINUTE)
        assert {("lock_offline", "a"), ("removal_failed", "a/res:r1")} <= await alerts(hub)
        elsewhere = only("a", 2, address="elsewhere")
        await take(hub.intake, command("site.put", elsewhere, id="2"))
        await hub.pass_(MINUTE)
        await watch.look()
        there = {code for code, _ in await alerts(hub)}
        assert there & {"lock_offline", "removal_failed"} == set()
        assert "lock_jammed" in there, "it may be the same lock"
        other = only("a", 3, driver="zwave", address="5")
        await take(hub.intake, command("site.put", other, id="3"))
        assert "a" not in {subject for _, subject in await alerts(hub)}


class Enough(Exception):
    """Three looks are enough."""


class Impatient(VirtualClock):
    """Waits for nothing, three times."""

    waits = 0

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """At once."""
        assert seconds is None, "until the next recheck"
        self.waits += 1
        if self.waits == 3:
            raise Enough


async def test_the_watch_looks_again_and_again(tmp_path: Path) -> None:
    # suffering 28
    async with watched(tmp_path, "a") as (hub, watch):
        await hear(hub, "a", *[WrongCode()] * 12)
        with pytest.raises(Enough):
            await replace(watch, clock=Impatient(hub.clock.wall)).run()
        assert ("keypad_attack", "a") in await alerts(hub)


# --- the bolt ----------------------------------------------------------------------------------


async def test_where_a_bolt_is_is_kept_until_nobody_knows_any_more(tmp_path: Path) -> None:
    async with watched(tmp_path, "a", "b") as (hub, _):
        await hear(hub, "a", Turned(Bolt.UNLOCKED), Turned(Bolt.LOCKED))
        await hear(hub, "b", Turned(Bolt.UNLOCKED))
        read, before = hub.database.read, await told(hub, "lock.used")
        assert await sites.bolts(read) == {"a": Bolt.LOCKED, "b": Bolt.UNLOCKED}
        assert before == []
        moved = document("a", "b", version=2)
        moved["locks"][0]["address"] = "elsewhere"
        await take(hub.intake, command("site.put", moved, id="moved"))
        assert await sites.bolts(read) == {"b": Bolt.UNLOCKED}  # another one may hang at a
        async with hub.database.transaction() as tx:
            await sites.distrust(tx)
        assert await sites.bolts(read) == {}
