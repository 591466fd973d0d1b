"""Files that take the place of a hub's own, all or none: made ready in a folder, which one rename
declares to be the new ones, and moved from there; where that is cut off the next start goes on."""

import shutil
from pathlib import Path

from gatewayd.errors import StoreError
from gatewayd.store.identity import NAME as IDENTITY
from gatewayd.store.identity import settle

FOLDER = "replacement"
"""Beside the database, from the moment when what is in it counts."""
BESIDE = (IDENTITY,)
"""What else makes a hub that hub: files in the database's folder, each where there is one."""
LOG = ("-wal", "-shm")
"""What SQLite keeps beside a database that was not closed, by the end of its name."""


def declare(ready: Path, database: Path) -> None:
    """From here on the files in a folder, which are on disk, are the hub's.

    Raises:
        StoreError: they are not, and nothing was changed.
    """
    try:
        ready.rename(database.with_name(FOLDER))
    except OSError as error:
        raise StoreError(f"cannot write to {database.parent}: {error.strerror}") from error


def take_place(database: Path) -> None:
    """Move what was declared to where it belongs, if there is any; nobody uses the database.

    Raises:
        StoreError: it cannot be moved; what is missing is moved by the next try.
    """
    folder = database.with_name(FOLDER)
    if not folder.is_dir():
        return
    try:
        settle(database.parent)
        if (folder / database.name).exists():  # else it has its place, and the log is its own
            for end in LOG:
                database.with_name(database.name + end).unlink(missing_ok=True)
        for name in (*BESIDE, database.name):
            if (folder / name).exists():
                (folder / name).replace(database.with_name(name))
        settle(database.parent)
    except OSError as error:
        why = f"cannot put the files of {folder} in their place: {error.strerror}"
        raise StoreError(f"{why}; the next start tries again") from error
    shutil.rmtree(folder, ignore_errors=True)
