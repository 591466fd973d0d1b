"""The numbered files in `migrations/`, and which of them a database has seen."""

import contextlib
import sqlite3
from importlib import resources
from pathlib import Path

import aiosqlite
import structlog

from gatewayd.errors import StoreError

log = structlog.get_logger(__name__)

SCHEMA_VERSION = 1


async def migrate(connection: aiosqlite.Connection, path: Path) -> None:
    """Bring `user_version` up one numbered file at a time, each in a transaction of its own."""
    ((version,),) = await connection.execute_fetchall("PRAGMA user_version")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} was written by a newer gatewayd (schema {version}, this one knows "
            f"{SCHEMA_VERSION}): install that version again"
        )
    folder = resources.files("gatewayd.store") / "migrations"
    for number in range(version + 1, SCHEMA_VERSION + 1):
        script = (folder / f"{number:04}.sql").read_text()
        try:
            await connection.executescript(
                f"BEGIN IMMEDIATE; {script}; PRAGMA user_version={number}; COMMIT"
            )
        except BaseException:
            with contextlib.suppress(sqlite3.OperationalError):
                await connection.execute_fetchall("ROLLBACK")
            raise
        log.info("database.migrated", schema=number)
