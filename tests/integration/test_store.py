"""The database file: whole transactions whatever is cancelled, migrations, one daemon, reboots."""

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator
from importlib import resources
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gatewayd.domain.code import Code
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.retry import Ladder, Tick
from gatewayd.errors import Reason, StoreError
from gatewayd.store import schema, situations
from gatewayd.store.database import Database, open_database
from tests.house import NOON, FakeClock, opened, site

MOVE = "UPDATE meta SET value = value + ? WHERE name = ?"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A new database with two purses whose sum is always 0."""
    database = await open_database(tmp_path / "gatewayd.db", FakeClock())
    async with database.transaction() as tx:
        tx.later("INSERT INTO meta VALUES (?, 0)", ("one",), ("other",))
    yield database
    await database.close()


async def move(database: Database) -> None:
    """From one purse to the other; half of it is a lie."""
    async with database.transaction() as tx:
        await tx.rows("SELECT value FROM meta")
        await tx.rows(MOVE, (-1, "one"))
        tx.later(MOVE, (1, "other"))
        await tx.rows("SELECT value FROM meta")


async def purses(database: Database) -> tuple[int, int]:
    """What is committed."""
    ((one,), (other,)) = await database.read.rows(
        "SELECT value FROM meta WHERE name IN ('one', 'other') ORDER BY name"
    )
    return int(one), int(other)


class CancelledAt:
    """Cancels the task that awaits it at the nth time that it would wait."""

    def __init__(self, nth: int, work: Coroutine[Any, Any, None]) -> None:
        self.left, self._work = nth, work

    def __await__(self) -> Generator[Any, None, None]:
        """Pass on what the work waits for."""
        steps = self._work.__await__()
        task = asyncio.current_task()
        assert task is not None
        with contextlib.suppress(StopIteration):
            waits_for = next(steps)
            while True:
                self.left -= 1
                if self.left == 0:
                    task.cancel()
                try:
                    sent = yield waits_for
                except BaseException as error:
                    waits_for = steps.throw(error)
                else:
                    waits_for = steps.send(sent)


async def cancelled_at(nth: int, work: Coroutine[Any, Any, None]) -> bool:
    """Whether the work went on until its nth wait, where it was cancelled."""
    steps = CancelledAt(nth, work)

    async def run() -> None:
        await steps

    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.create_task(run())
    return steps.left <= 0


async def test_a_transaction_cancelled_at_any_of_its_waits_happens_whole_or_not_at_all(
    database: Database,
) -> None:
    nth = 1
    while await cancelled_at(nth, move(database)):
        one, other = await purses(database)
        assert one + other == 0
        await move(database)  # the next one works
        assert sum(await purses(database)) == 0
        nth += 1
    assert nth >= 5


async def test_hundreds_of_cancels_at_random_moments_leave_no_half_transaction(
    database: Database,
) -> None:
    rng = Random(7)

    async def cancelled_after(turns: int) -> None:
        task = asyncio.create_task(move(database))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})

    async with asyncio.timeout(60):
        for _ in range(100):  # three at a time: they meet at the lock
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(cancelled_after(rng.randrange(120)))
            one, other = await purses(database)
            assert one + other == 0
        async with database.transaction():
            pass  # a commit whose caller was cancelled is over now
        before = await purses(database)
        await move(database)
    assert await purses(database) == (before[0] - 1, before[1] + 1)


async def test_what_was_committed_is_announced_even_if_its_caller_was_cancelled_meanwhile(
    database: Database,
) -> None:
    announced = 0

    def committed(_: object) -> None:
        nonlocal announced
        announced += 1

    database.committed = committed
    nth = 1
    while await cancelled_at(nth, move(database)):
        await move(database)
        assert announced == (await purses(database))[1], f"cancelled at wait {nth}"
        nth += 1


async def test_a_body_that_raises_changes_nothing_and_is_not_announced(database: Database) -> None:
    announced: list[object] = []
    database.committed = announced.append

    async def failing() -> None:
        async with database.transaction() as tx:
            await tx.rows(MOVE, (-1, "one"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    assert await purses(database) == (0, 0)
    assert announced == []


async def test_what_was_put_off_is_there_for_the_next_statement_and_gone_with_a_rollback(
    database: Database,
) -> None:
    async def failing() -> None:
        async with database.transaction() as tx:
            tx.later(MOVE, (7, "one"))
            raise ZeroDivisionError

    async with database.transaction() as tx:
        tx.later(MOVE, (5, "one"))
        ((seen,),) = await tx.rows("SELECT value FROM meta WHERE name = 'one'")
        assert int(seen) == 5
        tx.later(MOVE, (1, "other"))
    assert await purses(database) == (5, 1)
    with pytest.raises(ZeroDivisionError):
        await failing()
    assert await purses(database) == (5, 1)


async def test_the_reader_sees_the_last_commit_while_a_transaction_is_open(
    database: Database,
) -> None:
    async with database.transaction() as tx:
        await tx.rows(MOVE, (5, "one"))
        assert await purses(database) == (0, 0)
    assert await purses(database) == (5, 0)


async def test_the_reader_cannot_write(database: Database) -> None:
    with pytest.raises(StoreError, match="readonly"):
        await database.read.rows(MOVE, (5, "one"))


async def test_a_commit_is_on_the_disk_before_it_is_acknowledged(database: Database) -> None:
    # Fault 21
    async with database.transaction() as tx:
        assert await tx.row("PRAGMA journal_mode") == ("wal",)
        assert await tx.row("PRAGMA synchronous") == (2,)  # FULL: NORMAL loses commits
        assert await tx.row("PRAGMA foreign_keys") == (1,)


# --- one daemon at a time ----------------------------------------------------------------------

PROGRAM = """
import asyncio, sys
from pathlib import Path
from gatewayd import logs
from gatewayd.errors import StoreError
from gatewayd.store.database import open_database
from tests.house import FakeClock

async def main():
    logs.configure("error", "json")
    try:
        database = await open_database(Path(sys.argv[1]), FakeClock())
    except StoreError as error:
        print("StoreError:", error, flush=True)
        return
    async with database.transaction() as tx:
        tx.later("INSERT INTO meta VALUES (?, 0)", ("one",), ("other",))
    while True:
        async with database.transaction() as tx:
            await tx.rows("UPDATE meta SET value = value - 1 WHERE name = 'one'")
            await tx.rows("UPDATE meta SET value = value + 1 WHERE name = 'other'")
        print("moved", flush=True)

asyncio.run(main())
"""


@contextlib.contextmanager
def another_daemon(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that opens the database and then commits until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_a_second_daemon_is_refused_until_the_first_is_gone_however_it_went(
    tmp_path: Path,
) -> None:
    path = tmp_path / "gatewayd.db"
    with another_daemon(path) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "moved\n"
        with pytest.raises(StoreError, match=r"another gatewayd has .* in use"):
            await open_database(path, FakeClock())
    # killed amid its transactions
    database = await open_database(path, FakeClock())
    try:
        assert sum(await purses(database)) == 0
        assert (await purses(database))[1] > 0
    finally:
        await database.close()


async def test_a_second_opening_in_the_same_process_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gatewayd.db"
    database = await open_database(path, FakeClock())
    with pytest.raises(StoreError, match=r"another gatewayd .* stop it first"):
        await open_database(path, FakeClock())
    await database.close()
    await (await open_database(path, FakeClock())).close()


# --- files that cannot be used -----------------------------------------------------------------


def without_tables(path: Path) -> None:
    """A file that claims schema 1 and has nothing."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")


def in_a_file(path: Path) -> None:
    """Its folder is a file."""
    path.parent.rmdir()
    path.parent.write_text("not a folder")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"this is no database, and longer than its header" * 100),
        lambda path: path.mkdir(),
        without_tables,
        in_a_file,
    ],
    ids=["garbage", "a folder", "no tables", "in a file"],
)
def test_a_file_that_cannot_be_used_is_a_clear_store_error_and_the_process_ends(
    tmp_path: Path, spoil: Any
) -> None:
    path = tmp_path / "store" / "gatewayd.db"
    path.parent.mkdir()
    spoil(path)
    with another_daemon(path) as other:  # a process, since an open connection hangs its exit
        said, _ = other.communicate(timeout=10)
    assert said.startswith("StoreError: ")
    assert str(path.parent) in said
    assert other.returncode == 0


# --- migrations --------------------------------------------------------------------------------


async def version(path: Path) -> int:
    """The schema that a closed file has."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_there_is_one_numbered_file_for_each_schema() -> None:
    folder = resources.files("gatewayd.store") / "migrations"
    numbers = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    assert numbers == [f"{n:04}.sql" for n in range(1, schema.SCHEMA_VERSION + 1)]


@pytest.mark.parametrize("empty", [False, True], ids=["no file", "a file of no bytes"])
async def test_an_empty_database_gets_the_newest_schema(tmp_path: Path, empty: bool) -> None:
    path = tmp_path / "gatewayd.db"
    if empty:
        path.touch()
    await (await open_database(path, FakeClock())).close()
    assert await version(path) == schema.SCHEMA_VERSION
    await (await open_database(path, FakeClock())).close()  # and once more, without harm


async def test_a_file_of_a_newer_gatewayd_is_refused_and_not_touched(tmp_path: Path) -> None:
    # Fault 28
    path = tmp_path / "gatewayd.db"
    await (await open_database(path, FakeClock())).close()
    newer = schema.SCHEMA_VERSION + 1
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {newer}")
    with pytest.raises(StoreError, match=rf"newer gatewayd \(schema {newer}.*install"):
        await open_database(path, FakeClock())
    assert await version(path) == newer
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION}")
    await (await open_database(path, FakeClock())).close()  # the refusal left no lock behind


@pytest.fixture
def next_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a migration beyond those that exist; the others are as they are."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for file in (resources.files("gatewayd.store") / "migrations").iterdir():
        (folder / file.name).write_text(file.read_text())
    number = schema.SCHEMA_VERSION + 1
    monkeypatch.setattr(schema, "SCHEMA_VERSION", number)
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    return folder / f"{number:04}.sql"


async def test_a_migration_that_fails_leaves_the_old_schema_and_all_facts(
    tmp_path: Path, next_schema: Path
) -> None:
    # Fault 28
    path = tmp_path / "gatewayd.db"
    newest = schema.SCHEMA_VERSION
    next_schema.write_text("SELECT 1;")
    schema.SCHEMA_VERSION = newest - 1
    await (await open_database(path, FakeClock())).close()
    schema.SCHEMA_VERSION = newest
    next_schema.write_text("CREATE TABLE half (x); DROP TABLE meta; INSERT INTO nowhere VALUES (1)")
    with pytest.raises(StoreError, match="nowhere"):
        await open_database(path, FakeClock())
    assert await version(path) == newest - 1
    next_schema.write_text("CREATE TABLE half (x);")  # neither half nor meta's end is there
    database = await open_database(path, FakeClock())
    assert await database.read.rows("SELECT value FROM meta WHERE name = 'boot'") == [("boot-1",)]
    await database.close()
    assert await version(path) == newest


async def test_a_migration_keeps_what_is_there(tmp_path: Path, next_schema: Path) -> None:
    newest = schema.SCHEMA_VERSION
    schema.SCHEMA_VERSION = newest - 1
    async with opened(tmp_path) as house:
        await house.send("site.put", site())
        before = await house.dump()
    schema.SCHEMA_VERSION = newest
    next_schema.write_text("CREATE TABLE more (x) STRICT;".replace("(x)", "(x INTEGER)"))
    async with opened(tmp_path) as house:
        assert await house.dump(without=["more"]) == before


# --- reboots -----------------------------------------------------------------------------------

LEASE = Lease(
    KeyId("res:R1"),
    Code("739164"),
    3,
    Stage.WRITING,
    Proof.ACCEPTED,
    NOON,
    verify_due=Tick(1060.0),
    doubted_since=Tick(950.0),
    ladder=Ladder(4, Tick(1120.0)),
    reason=Reason.UNKNOWN_OUTCOME,
)
RESTED = Lease(KeyId("res:R2"), Code("846291"), 4, Stage.WRITTEN, Proof.MATCHED, NOON)


async def remembered(folder: Path, clock: FakeClock) -> tuple[Ladder | None, list[Lease]]:
    """What a daemon that starts now knows of the front door."""
    async with opened(folder, clock) as house:
        found = await situations.load(house.database.read, LockId("front"), clock.now())
        return found.ladder, list(found.leases)


@pytest.fixture
async def left(tmp_path: Path) -> Path:
    """A folder that a daemon left in the middle of trouble."""
    async with opened(tmp_path) as house:
        await house.send("site.put", site())
        async with house.database.transaction() as tx:
            before = await situations.load(tx, LockId("front"), house.clock.now())
            after = before.with_lease(LEASE).with_lease(RESTED)
            ladder = Ladder(7, Tick(1300.0))
            after = type(after)(
                after.lock,
                after.capabilities,
                leases=after.leases,
                ladder=ladder,
                reason=Reason.LOCK_UNREACHABLE,
            )
            situations.save(tx, before, after)
    return tmp_path


async def test_a_restart_of_the_daemon_keeps_every_tick(left: Path) -> None:
    ladder, leases = await remembered(left, FakeClock(ticks=1010.0))  # S3-13
    assert ladder == Ladder(7, Tick(1300.0))
    assert leases == [LEASE, RESTED]


async def test_after_a_reboot_every_try_is_due_at_once_and_keeps_its_rung(left: Path) -> None:
    # Fault 21
    ladder, leases = await remembered(left, FakeClock(boot="boot-2", ticks=12.5))  # S3-13
    assert ladder == Ladder(7, Tick(12.5))
    lease, rested = leases
    assert lease.ladder == Ladder(4, Tick(12.5))
    assert lease.verify_due == Tick(12.5)
    assert lease.doubted_since is None  # 60 s between two looks cannot be counted over a reboot
    assert (lease.stage, lease.proof, lease.reason) == (LEASE.stage, LEASE.proof, LEASE.reason)
    assert rested == RESTED


async def test_a_reboot_is_carried_over_only_once(left: Path) -> None:
    await remembered(left, FakeClock(boot="boot-2", ticks=12.5))
    ladder, _ = await remembered(left, FakeClock(boot="boot-2", ticks=99.0))
    assert ladder == Ladder(7, Tick(12.5))
