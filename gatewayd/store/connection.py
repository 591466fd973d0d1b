"""A connection to SQLite: several statements in one trip to its thread; what its errors mean."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiosqlite

from gatewayd.errors import StoreError

type Row = tuple[Any, ...]
type Statement = tuple[str, list[Sequence[object]]]
"""SQL, and the values of each of its runs."""

PRIMARY = 0xFF
"""The part of SQLite's error codes that names the kind."""
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
"""What the file holds is wrong."""
BROKEN = DAMAGED | {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
"""Nothing that was not committed before is known to be so: after a failed fsync the kernel may have
dropped what it could not write, and the next one succeeds."""


class Full(Exception):
    """The disk has no room for a transaction; it is rolled back."""


class Connection(aiosqlite.Connection):
    """Runs several statements in one trip to its thread: the trip costs more than most of them."""

    async def together(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """One after the other up to the first that fails; the rows of each.

        Raises:
            Full: all of the transaction is to be done again. StoreError: it may have happened.
        """
        try:
            return await self._execute(self._together, statements)  # type: ignore[no-any-return, no-untyped-call]  # it is not typed
        except sqlite3.DatabaseError as error:
            kind = getattr(error, "sqlite_errorcode", 0) & PRIMARY
            if kind == sqlite3.SQLITE_FULL:
                raise Full from error
            if kind in BROKEN:
                raise StoreError(f"the database cannot be used any more: {error}") from error
            raise

    def _together(self, statements: Sequence[Statement]) -> list[list[Row]]:
        return [self._run(sql, rows).fetchall() for sql, rows in statements]

    def _run(self, sql: str, rows: Sequence[Sequence[object]]) -> sqlite3.Cursor:
        if len(rows) == 1:
            return self._conn.execute(sql, rows[0])
        return self._conn.executemany(sql, rows)  # only for what gives no rows


async def connect(path: Path) -> Connection:
    """Opened, in a thread of its own."""
    connection = Connection(lambda: sqlite3.connect(path, isolation_level=None), iter_chunk_size=64)
    await connection
    return connection
