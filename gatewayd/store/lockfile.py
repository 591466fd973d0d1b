"""One daemon for one database: a file that is locked as long as its process lives."""

import fcntl
import os
from pathlib import Path

from gatewayd.errors import StoreError, StoreInUse


def lock(path: Path) -> int:
    """Returns what is to be closed in the end.

    Raises:
        StoreInUse: another process has it. StoreError: its folder cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock_file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"cannot use {path.parent}: {error.strerror}") from error
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock_file)
        raise StoreInUse(f"another gatewayd has {path.parent} in use; stop it first") from error
    return lock_file
