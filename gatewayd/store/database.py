"""The database file: opening, migrations, and the one `transaction()`.

One connection writes, one reads; WAL lets the reader see the last commit while a transaction is
open. aiosqlite runs each connection's statements in its own thread in the order in which they were
asked for, also when the asking task was cancelled meanwhile: so a ROLLBACK asked for on the way
out always comes after whatever was still running, and no half transaction is ever left behind.
"""

import asyncio
import contextlib
import dataclasses
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from ulid import ULID

from gatewayd.clock import Clock
from gatewayd.domain.bolt import Operation
from gatewayd.domain.ids import LockId
from gatewayd.errors import StoreError
from gatewayd.store import identity as identities
from gatewayd.store import quarantine
from gatewayd.store.connection import Connection, Full, Row, Statement, connect
from gatewayd.store.holders import Holders
from gatewayd.store.identity import Identity
from gatewayd.store.lockfile import exclusively
from gatewayd.store.replacement import take_place
from gatewayd.store.room import Room
from gatewayd.store.schema import migrate

log = structlog.get_logger(__name__)

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # with NORMAL a power cut loses acknowledged commits
    "foreign_keys=ON",
    "busy_timeout=5000",
    "cache_spill=OFF",  # so a disk that is full is met by COMMIT alone
)
BEGIN = "BEGIN IMMEDIATE"
AWAIT = """
INSERT OR IGNORE INTO awaited VALUES ('reported'), ('snapshot')
UNION SELECT 'site' WHERE NOT EXISTS (SELECT 1 FROM site)
"""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event as it is published below `evt/`; `seq` is its place in the outbox."""

    seq: int
    id: str
    type: str
    envelope: str


class Transaction:
    """Statements that become true together; `woken`, `held`, `operations` and `told` tell
    what to wake and to do afterwards. `then` is called once they are true, before anybody else
    writes, also where the caller was cancelled meanwhile.

    One statement at a time: the order in which they are asked for is the order in which they run.
    Each is a trip to the connection's thread and back. Two things spare trips: writes put
    off with `later` go together with the next statement, and `ahead` holds answers that were
    read for many at once, each good for one question.
    """

    def __init__(self, connection: Connection, room: Room | None = None) -> None:
        """With `room` it begins at its first statement, and what it did can be done again."""
        self._connection, self._room, self._begins = connection, room, room is not None
        self._done: list[Statement] = []
        self._later: dict[str, list[Sequence[object]]] = {}
        self.ahead: dict[tuple[str, str], Any] = {}
        self.holders: Holders | None = None
        self.woken: set[LockId] = set()
        self.operations: list[Operation] = []
        self.told: list[Outgoing] = []
        self.then: Callable[[], object] = lambda: None
        self.site_changed = False
        self.bolt_turned = False
        self.held = False
        self.report_wanted = False
        self.rounds_wanted = False
        self.time_told: tuple[datetime, timedelta, str | None] | None = None

    async def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run one statement, after what was put off, and fetch all it gives."""
        (found,) = await self.each((sql, values))
        return found

    async def each(self, *questions: tuple[str, Sequence[object]]) -> list[list[Row]]:
        """Run several in one trip."""
        before: list[Statement] = [(BEGIN, [()])] if self._begins else []
        before += self._later.items()
        self._begins, self._later = False, {}
        statements = [*before, *((sql, [values]) for sql, values in questions)]
        try:
            found = await self._connection.together(statements)
        except Full as error:
            if self._room is None:
                raise StoreError("the disk is full, and a question needs room on it") from error
            found = await self._again(statements, self._room)
        if self._room is not None:
            self._done += statements
        return found[len(before) :]

    async def _again(self, statements: list[Statement], room: Room) -> list[list[Row]]:
        """SQLite has rolled all of it back: the same once more from BEGIN on, until there is room.
        Nobody else writes meanwhile, so it comes to the same."""
        while True:
            await room.make()
            with contextlib.suppress(sqlite3.OperationalError):  # there is mostly nothing left
                await self._connection.together([("ROLLBACK", [()])])
            with contextlib.suppress(Full):
                found = await self._connection.together([*self._done, *statements])
                room.made()
                return found[len(self._done) :]

    async def row(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        """The first row, or None."""
        rows = await self.rows(sql, values)
        return rows[0] if rows else None

    def later(self, sql: str, *rows: Sequence[object]) -> None:
        """Write before the next statement, together with others like it: among themselves they keep
        their order, between unlike ones the first of each kind decides."""
        if rows:
            self._later.setdefault(sql, []).extend(rows)

    def forget(self) -> None:
        """Drop what was put off or read ahead: it is rolled back."""
        self._later.clear()
        self._done.clear()
        self.ahead.clear()


class Database:
    """An open database file; `committed` is called after each commit."""

    def __init__(self, writer: Connection, reader: Connection, room: Room) -> None:
        self._writer, self.room = writer, room
        self.identity = Identity()
        self.opened = contextlib.AsyncExitStack()
        self._writing = asyncio.Lock()
        self._failed: StoreError | None = None
        self.read = Transaction(reader)
        self.committed: Callable[[Transaction], None] = lambda _: None

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """BEGIN IMMEDIATE … COMMIT; rolled back whole if the body raises or is cancelled.

        A commit during which the caller is cancelled may have happened: callers are repeatable, or
        know by `then`.
        On a full disk it takes until there is room.

        Raises:
            StoreError: the disk fails. Whether it was committed only another start can tell.
        """
        await self._writing.acquire()
        try:
            if self._failed is not None:
                raise self._failed
            tx = Transaction(self._writer, self.room)
            try:
                yield tx
            except BaseException:
                await asyncio.shield(self._rollback(tx))
                raise
        except BaseException:
            self._writing.release()
            raise
        await asyncio.shield(self._commit(tx))  # once begun it goes on, whoever waits for it

    async def _commit(self, tx: Transaction) -> None:
        """Nobody else writes before it has ended, and nobody after it has failed."""
        try:
            await tx.rows("COMMIT")
        except BaseException as error:
            if isinstance(error, StoreError):
                self._failed = error
            await self._rollback(tx)
            raise
        finally:
            self._writing.release()
        tx.then()
        self.committed(tx)

    async def _rollback(self, tx: Transaction) -> None:
        tx.forget()
        with contextlib.suppress(sqlite3.OperationalError, StoreError):  # not begun, or over
            await tx.rows("ROLLBACK")

    async def close(self) -> None:
        """Wait for what is running and close; an unclosed connection hangs the exit."""
        self.room.close()
        async with self._writing:
            await self.opened.aclose()


async def open_database(path: Path, clock: Clock) -> Database:
    """Open or create the file, migrate it, and carry its ticks over to this boot. Where there was
    one that is gone or cannot be used, that is put aside and a new one begun.

    Raises:
        StoreInUse: another daemon has it open. StoreError: a newer gatewayd wrote it, or the
            file or its folder cannot be used.
    """
    async with contextlib.AsyncExitStack() as opened:
        opened.enter_context(exclusively(path))
        take_place(path)
        there = identities.read(path)
        try:
            if there.provisioned and (why := await asyncio.to_thread(quarantine.fault, path)):
                quarantine.put_aside(path, why, clock.now().latest)
            sqlite3.connect(path).close()  # where this fails aiosqlite would leave a thread behind
            writer = await connect(path)
            opened.push_async_callback(writer.close)
            for pragma in PRAGMAS:
                await writer.execute_fetchall(f"PRAGMA {pragma}")
            await migrate(writer, path)
            reader = await connect(path)
            opened.push_async_callback(reader.close)
            await reader.execute_fetchall("PRAGMA query_only=ON")
            database = Database(writer, reader, Room(path, clock))
            await _rebase_ticks(database, clock)
            await _identify(database, path, there)
            opened.push_async_callback(_note, database, path)
        except sqlite3.Error as error:
            raise StoreError(f"cannot use the database {path}: {error}") from error
        database.opened = opened.pop_all()  # from here on `close` does it
        return database


async def _rebase_ticks(database: Database, clock: Clock) -> None:
    """After a reboot every try is due at once, and each ladder keeps its rung."""
    async with database.transaction() as tx:
        known = await tx.row("SELECT value FROM meta WHERE name = 'boot'")
        if known == (clock.boot,):
            return
        now = (clock.tick(),)
        await tx.rows("UPDATE locks SET retry_due = ? WHERE failures IS NOT NULL", now)
        await tx.rows("UPDATE leases SET retry_due = ? WHERE failures IS NOT NULL", now)
        await tx.rows("UPDATE leases SET verify_due = ? WHERE verify_due IS NOT NULL", now)
        await tx.rows("UPDATE leases SET doubted_since = NULL")
        await tx.rows("UPDATE commissionings SET due = NULL")
        await tx.rows("INSERT OR REPLACE INTO meta VALUES ('boot', ?)", (clock.boot,))


async def _identify(database: Database, path: Path, there: Identity) -> None:
    """A database holds its epoch, and how far its outbox came. Without the first, with another than
    `hub.json` names, or not as far as that says, it is not what this hub knew: a new epoch begins,
    what was seen is not believed, and what was known is waited for."""
    from gatewayd.store import site  # noqa: PLC0415  # it knows this module

    row = await database.read.row("SELECT value FROM meta WHERE name = 'epoch'")
    seq = await _seq(database)
    if row is not None and there.epoch in {"", row[0]} and seq >= there.seq:
        database.identity = dataclasses.replace(there, epoch=row[0], provisioned=True)
    else:
        begun = dataclasses.replace(there, epoch=str(ULID()), seq=seq)
        identities.write(path, begun)  # before the database has it: so it has no other one
        async with database.transaction() as tx:
            tx.later("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", (begun.epoch,))
            if there.provisioned:
                await site.distrust(tx)
                await tx.rows(AWAIT)
            else:  # as far as this disk tells
                tx.later("INSERT INTO meta VALUES ('unasked', ?)", ("",))
        database.identity = dataclasses.replace(begun, provisioned=True)
    if database.identity != there:
        identities.write(path, database.identity)


async def _note(database: Database, path: Path) -> None:
    """So that an older copy in the place of this database is not believed."""
    with contextlib.suppress(StoreError, sqlite3.Error):  # of a disk that is full or fails
        identity = dataclasses.replace(database.identity, seq=await _seq(database))
        identities.write(path, identity)


async def _seq(database: Database) -> int:
    """Where the outbox is."""
    row = await database.read.row("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")
    return int(row[0]) if row else 0
