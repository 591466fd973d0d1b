"""What locks tell by themselves is told once, wherever the end of their worker comes."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gatewayd.domain.report import Logged, Used
from gatewayd.reconciler import worker as workers
from gatewayd.store import checks
from gatewayd.store.connection import Connection, Full, Row, Statement
from gatewayd.store.database import Transaction
from gatewayd.store.keyring import NukiKeyring
from tests.house import Document, command
from tests.integration.conftest import eventually, until
from tests.integration.test_archive import KEPT, NUKI
from tests.integration.test_reconciler import Site, VirtualClock, site, take
from tests.integration.test_signals import told

SLOTS = [1, 2, 3]


def tell(hub: Site) -> None:
    """Somebody comes with each of these codes."""
    for slot in SLOTS:
        hub.radio.report("a", Used(slot, opened=True))


async def slots(hub: Site) -> list[int]:
    """Of the codes that the cloud was told of."""
    return [used["slot"] for used in await told(hub, "lock.used")]


def ending(hub: Site) -> asyncio.Task[None]:
    """The lock's worker, which is told to end."""
    ((_, task),) = hub.reconciler._workers.values()
    task.cancel()
    return task


async def test_what_is_told_when_the_hub_ends_is_written_down(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with site(tmp_path, clock, "a") as hub:
        tell(hub)
    async with site(tmp_path, clock, "a") as hub:
        assert await slots(hub) == SLOTS


@pytest.mark.parametrize("at", ["BEGIN IMMEDIATE", "COMMIT"])
async def test_an_end_amid_a_report_tells_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """Its transaction is rolled back, or goes on without it."""
    reached, goes_on, together = asyncio.Event(), asyncio.Event(), Connection.together

    async def slow(self: Connection, statements: Sequence[Statement]) -> list[list[Row]]:
        if any(sql == at for sql, _ in statements):
            reached.set()
            await goes_on.wait()
        return await together(self, statements)

    async with site(tmp_path, VirtualClock(), "a") as hub:
        monkeypatch.setattr(Connection, "together", slow)
        tell(hub)
        await reached.wait()
        task = ending(hub)
        goes_on.set()
        await asyncio.wait({task})
        assert task.cancelled()
        assert await slots(hub) == SLOTS


@pytest.mark.parametrize(
    "locks", [[], [{"id": "a", "name": "a", "driver": "fake", "address": "b"}]]
)
async def test_what_a_lock_told_before_the_site_changed_is_told(
    tmp_path: Path, locks: list[Document]
) -> None:
    """It is off the site, or another one is in its place; its worker was busy at it."""
    async with site(tmp_path, VirtualClock(), "a") as hub:
        hub.lock("a").hangs = True
        async with hub.database.transaction() as tx:
            await checks.ask(tx, hub.clock.now(), hub.clock.tick())
        await until(lambda: hub.lock("a").touched)
        tell(hub)
        document = {"version": 2, "zone": "UTC", "properties": [], "locks": locks}
        await take(hub.intake, command("site.put", document, id="site-2"))
        await eventually(lambda: all_told(hub))


@pytest.mark.parametrize(("closed", "within"), [(True, 3600.0), (False, 0.01)])
async def test_a_disk_without_room_holds_up_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, closed: bool, within: float
) -> None:
    """The hub stops, when nothing waits for room any more, or the lock has left the site."""
    together = Connection.together

    async def full(self: Connection, statements: Sequence[Statement]) -> list[list[Row]]:
        if statements[-1][0] == "COMMIT":
            raise Full
        return await together(self, statements)

    monkeypatch.setattr(workers, "LAST_WORDS", within)
    async with site(tmp_path, VirtualClock(), "a") as hub:
        room = hub.database.room
        room.patient = True
        monkeypatch.setattr(Connection, "together", full)
        tell(hub)
        await until(lambda: room.waits)
        if closed:
            room.close()
        task = ending(hub)
        with capture_logs() as logs:
            async with asyncio.timeout(10):
                await asyncio.wait({task})
        assert task.cancelled()
        said = [(entry["event"], entry["reports"]) for entry in logs if "reports" in entry]
        assert said == [("reports.unwritten", len(SLOTS))]


async def test_an_end_that_leaves_no_time_for_reports_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is cancelled once more amid its last words; what is at its commit goes on."""
    reached, goes_on, together = asyncio.Event(), asyncio.Event(), Connection.together

    async def slow(self: Connection, statements: Sequence[Statement]) -> list[list[Row]]:
        if statements[-1][0] == "COMMIT":
            reached.set()
            await goes_on.wait()
        return await together(self, statements)

    async with site(tmp_path, VirtualClock(), "a") as hub:
        hub.lock("a").hangs = True
        async with hub.database.transaction() as tx:
            await checks.ask(tx, hub.clock.now(), hub.clock.tick())
        await until(lambda: hub.lock("a").touched)
        monkeypatch.setattr(Connection, "together", slow)
        tell(hub)
        task = ending(hub)
        await reached.wait()
        task.cancel()
        with capture_logs() as logs:
            await asyncio.wait({task})
        goes_on.set()
        assert task.cancelled()
        said = [(entry["event"], entry["reports"]) for entry in logs if "reports" in entry]
        assert said == [("reports.unwritten", len(SLOTS))]
        async with hub.database.transaction():
            assert await slots(hub) == SLOTS[:1]


# Logs that locks keep


def log(hub: Site, *entries: int) -> None:
    """Entries of the lock's log are read: the code in the slot of that number was typed; 0 is an
    entry at place 9 that tells nothing."""
    for entry in entries:
        told = Used(entry, opened=True) if entry else None
        hub.radio.report("a", Logged(NUKI, entry or 9, told))


async def pair(hub: Site, index: int | None = 0) -> None:
    """With the lock, its log told up to there."""
    await NukiKeyring(hub.database).put(NUKI, replace(KEPT, log_index=index))


async def test_a_log_is_told_just_as_far_as_the_disk_says_whenever_the_power_fails(
    tmp_path: Path,
) -> None:
    def committed(tx: Transaction) -> None:
        with closing(sqlite3.connect(tmp_path / "hub.db")) as disk:
            ((index,),) = disk.execute("SELECT log_index FROM nuki_locks")
            told = disk.execute("SELECT count(*) FROM outbox WHERE type = 'lock.used'")
            states.append((index, *told.fetchone()))

    states: list[tuple[int, int]] = []
    async with site(tmp_path, VirtualClock(), "a") as hub:
        await pair(hub)
        hub.database.committed = committed
        log(hub, *SLOTS, 0)
        await until(lambda: states and states[-1][0] == 9)
    assert states == [(1, 1), (2, 2), (3, 3), (9, 3)]


async def test_what_is_read_again_is_told_once(tmp_path: Path) -> None:
    async with site(tmp_path, VirtualClock(), "a") as hub:
        await pair(hub)
        log(hub, 1, 2, 1, 2, 3)
        await eventually(lambda: all_told(hub))
        log(hub, 2, 3, 4)
        await eventually(lambda: _index(hub, 4))
        assert await slots(hub) == [*SLOTS, 4]
        await pair(hub, None)  # anew: what was read before the first look is not told
        log(hub, 5)
        await until(lambda: hub.radio.is_served("a"))
        assert await slots(hub) == [*SLOTS, 4]
        assert await _index(hub, None)


async def test_a_log_waits_until_what_was_read_before_is_written_down(tmp_path: Path) -> None:
    async with site(tmp_path, VirtualClock(), "a") as hub:
        await pair(hub)
        async with hub.database.transaction():  # nobody else writes
            assert hub.radio.is_served("a")
            log(hub, 1)
            assert not hub.radio.is_served("a")
        await until(lambda: hub.radio.is_served("a"))
        assert await _index(hub, 1)


async def _index(hub: Site, index: int | None) -> bool:
    """Whether the log is told up to there."""
    known = await NukiKeyring(hub.database).get(NUKI)
    return known is not None and known.log_index == index


async def all_told(hub: Site) -> bool:
    """Each of them once."""
    return await slots(hub) == SLOTS
