"""Many questions about one state, without holding up anybody: a reader of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from gatewayd.store.connection import Connection, connect
from gatewayd.store.database import Transaction


class Glance:
    """Use through `opened`."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._one = connection, asyncio.Lock()

    @contextlib.asynccontextmanager
    async def state(self) -> AsyncIterator[Transaction]:
        """What is on disk now, however long it is looked at; one at a time."""
        async with self._one:
            tx = Transaction(self._connection)
            try:
                await tx.rows("BEGIN")
                yield tx
            finally:
                await asyncio.shield(tx.rows("ROLLBACK"))


@contextlib.asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Glance]:
    """A reader of a database that is open already, closed at the end of the block."""
    connection = await connect(path)
    try:
        await connection.execute_fetchall("PRAGMA query_only=ON")
        yield Glance(connection)
    finally:
        await connection.close()
