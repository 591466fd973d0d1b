"""A database that cannot be used is put aside, never deleted: it may be all that tells why."""

import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import structlog

from gatewayd.errors import StoreError
from gatewayd.store.connection import DAMAGED, PRIMARY
from gatewayd.store.identity import settle

log = structlog.get_logger(__name__)

KEPT = 3
"""Databases in the folder: there are codes in them, and the disk is small."""
FILES = ("", "-wal", "-shm")


def fault(path: Path) -> str | None:
    """What is wrong with a database that was there; None: nothing.

    A count may succeed on a corrupt page where `quick_check` fails.

    Raises:
        sqlite3.Error: it cannot be opened, whatever it holds.
    """
    if not path.exists():
        return "missing"
    if path.is_file() and path.stat().st_size == 0:
        return "empty"
    try:
        with closing(sqlite3.connect(path)) as connection:
            ((verdict, *_), *_) = connection.execute("PRAGMA quick_check(1)").fetchall()
            tables = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'meta'")
            if not tables.fetchall():
                return "empty"
            return None if verdict == "ok" else "corrupt"
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & PRIMARY in DAMAGED:
            return "corrupt"
        raise


def put_aside(path: Path, why: str, at: datetime) -> None:
    """Move the file, with its log and the log's index, to a folder named by the time.

    Raises:
        StoreError: it cannot be moved.
    """
    quarantine = path.with_name("quarantine")
    name = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (quarantine / f"{name}-{n}" for n in count(1))  # a clock in doubt may say it again
    folder = next(path for path in names if not path.exists())
    try:
        folder.mkdir(parents=True, mode=0o700)
        for file in (path.with_name(path.name + end) for end in FILES):
            if file.exists():
                file.rename(folder / file.name)
        settle(folder)
        settle(path.parent)
    except OSError as error:
        with suppress(OSError):  # what is not empty stays
            folder.rmdir()
        raise StoreError(f"cannot put {path} aside: {error}") from error
    for old in sorted(old for old in quarantine.iterdir() if old.is_dir())[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    log.error("database.lost", why=why, kept=str(folder))
