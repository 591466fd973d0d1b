"""One daemon for one database: a file that is locked as long as its process lives."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from gatewayd.errors import StoreError, StoreInUse


@contextlib.contextmanager
def exclusively(database: Path) -> Iterator[None]:
    """Keep every other gatewayd off a database, be it there or not.

    Raises:
        StoreInUse: another process has it. StoreError: its folder cannot be used.
    """
    path = database.with_name(database.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock_file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"cannot use {path.parent}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreInUse(f"another gatewayd has {path.parent} in use; stop it first") from error
        yield
    finally:
        os.close(lock_file)
