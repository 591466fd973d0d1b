"""A disk without room: what is to be written waits, and is written whole. SQLite's own limit on the
pages of a file stands for the disk here: beyond it a statement fails with everything rolled back,
as COMMIT does on a full disk. One that is really full is in `e2e/test_disk.py`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gatewayd.clock import SystemClock
from gatewayd.domain.events.alert import raised
from gatewayd.domain.events.hub import HubStarted
from gatewayd.domain.events.lock import LockOnline
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import LockId
from gatewayd.errors import StoreError
from gatewayd.reconciler.housekeeping import Housekeeping
from gatewayd.store import room
from gatewayd.store.connection import Connection, Full, Row, Statement
from gatewayd.store.database import Database, Transaction, open_database
from gatewayd.store.outbox import Outbox
from tests.house import HUB
from tests.integration.conftest import eventually

FACT = "x" * 10_000
PLENTY = 100_000


@dataclass
class Disk:
    """A database, and how much room there is for it."""

    database: Database
    ballast: Path
    commits: list[Transaction] = field(default_factory=list)

    async def limit(self, pages: int) -> None:
        """As many pages as that and no more, but all that there are."""
        writer = self.database._writer  # there is no other way to it
        await writer.execute_fetchall(f"PRAGMA max_page_count = {pages}")

    async def facts(self) -> list[str]:
        """What is committed, in its order."""
        rows = await self.database.read.rows("SELECT name FROM meta WHERE name LIKE 'fact%'")
        return [name for (name,) in rows]

    async def write(self) -> list[str]:
        """Several things in one transaction, some of them put off."""
        async with self.database.transaction() as tx:
            await tx.rows("INSERT INTO meta VALUES ('fact 0', '')")
            tx.later("INSERT INTO meta VALUES (?, ?)", *((f"fact {n}", FACT) for n in (1, 2)))
            told = await tx.rows("UPDATE meta SET value = 'a' WHERE name = 'fact 0' RETURNING name")
            tx.later("INSERT INTO meta VALUES ('fact 3', ?)", (FACT,))
        return [name for (name,) in told]

    async def write_another(self) -> None:
        """One more thing."""
        async with self.database.transaction() as tx:
            await tx.rows("INSERT INTO meta VALUES ('fact 9', '')")

    async def stuck(self) -> bool:
        """Whether something waits for room."""
        return self.database.room.waits


@pytest.fixture
async def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Disk]:
    monkeypatch.setattr(room, "RETRY", 0.02)
    monkeypatch.setattr(room, "BALLAST", 64 * 1024)
    database = await open_database(tmp_path / "gatewayd.db", SystemClock())
    disk = Disk(database, tmp_path / "ballast")
    database.committed = disk.commits.append
    database.room.patient = True
    yield disk
    await database.close()


async def test_what_finds_no_room_waits_and_is_written_whole_once(disk: Disk) -> None:
    # fault 22
    assert disk.database.room.take()
    assert disk.ballast.stat().st_size == room.BALLAST
    await disk.limit(1)
    with capture_logs() as logs:
        writing = asyncio.create_task(disk.write())
        await eventually(disk.stuck)
        assert not disk.ballast.exists()
        assert (await disk.facts(), disk.commits) == ([], [])
        assert not writing.done()
        await disk.limit(PLENTY)
        assert await writing == ["fact 0"]
    assert await disk.facts() == ["fact 0", "fact 1", "fact 2", "fact 3"]
    assert len(disk.commits) == 1
    assert not await disk.stuck()
    said = [(entry["event"], entry.get("freed")) for entry in logs]
    assert said == [("disk.full", room.BALLAST), ("disk.full", 0), ("disk.has_room", None)]


async def test_who_gives_up_meanwhile_leaves_nothing_behind(disk: Disk) -> None:
    await disk.limit(1)
    writing = asyncio.create_task(disk.write())
    await eventually(disk.stuck)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await disk.limit(PLENTY)
    assert await disk.write() == ["fact 0"]
    assert len(disk.commits) == 1


async def test_nobody_writes_while_a_commit_waits_for_room_that_nobody_waits_for(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, tried = True, []
    together = Connection.together

    async def at_commit(self: Connection, statements: Sequence[Statement]) -> list[list[Row]]:
        if full and statements[-1][0] == "COMMIT":
            tried.append(statements)
            raise Full
        return await together(self, statements)

    monkeypatch.setattr(Connection, "together", at_commit)
    first = asyncio.create_task(disk.write())
    await eventually(disk.stuck)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(disk.write_another())
    await eventually(lambda: _true(len(tried) > 3))  # the first is still the only one
    assert not second.done()
    full = False
    await second
    assert await disk.facts() == [f"fact {n}" for n in (0, 1, 2, 3, 9)]
    assert len(disk.commits) == 2


async def test_after_a_commit_that_failed_nothing_is_written_any_more(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nobody waited for it: the next fsync would succeed, whatever was lost."""
    together = Connection.together

    async def failing(self: Connection, statements: Sequence[Statement]) -> list[list[Row]]:
        if statements[-1][0] == "COMMIT":
            raise StoreError("fsync")
        return await together(self, statements)

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "together", failing)
        with pytest.raises(StoreError):
            await disk.write()
    with pytest.raises(StoreError, match="fsync"):
        await disk.write_another()
    assert disk.commits == []


async def test_an_end_is_not_held_up_by_a_full_disk(disk: Disk) -> None:
    await disk.limit(1)
    writing = asyncio.create_task(disk.write())
    await eventually(disk.stuck)
    async with asyncio.timeout(10):
        await disk.database.close()
    with pytest.raises(StoreError, match="full"):
        await writing
    assert disk.commits == []


async def _true(value: object) -> bool:
    return bool(value)


async def test_a_start_does_not_wait_for_room(disk: Disk) -> None:
    disk.database.room.patient = False
    await disk.limit(1)
    async with asyncio.timeout(10):
        with pytest.raises(StoreError, match="make room"):
            await disk.write()


async def test_as_long_as_there_is_no_ballast_it_is_told_and_telemetry_gives_way(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SystemClock()
    outbox = Outbox(disk.database, HUB, "epoch")
    keeper = Housekeeping(disk.database, outbox, clock)
    async with disk.database.transaction() as tx:
        front = LockId("front")
        await outbox.tell(tx, clock.now(), [HubStarted("1"), LockOnline(front)])
        await outbox.tell(tx, clock.now(), [raised(AlertCode.LOCK_OFFLINE, front)])
    monkeypatch.setattr(room, "BALLAST", 2**60)
    for _ in range(2):
        await keeper.keep_room()
        assert await told(outbox) == ["hub.started", "alert.raised", "alert.raised"]
    assert not disk.ballast.exists()
    monkeypatch.setattr(room, "BALLAST", 64 * 1024)
    for _ in range(2):
        await keeper.keep_room()
        assert (await told(outbox))[3:] == ["alert.cleared"]
    assert disk.ballast.exists()


async def told(outbox: Outbox) -> list[str]:
    """What is in the outbox, in its order."""
    return [row.type for row in await outbox.fetch(0, 100)]
