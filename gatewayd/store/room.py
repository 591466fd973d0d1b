"""Room on the disk. Where there is none left not even a DELETE can be written: a ballast file that
is there for nothing else gives way, so that what was done at the locks is still written down."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from gatewayd.clock import Clock
from gatewayd.errors import StoreError

log = structlog.get_logger(__name__)

BALLAST = 4 * 1024 * 1024
"""Bytes: as much as the log of the database grows to before it is used from its start again, and
some thousand outcomes."""
RETRY = 5.0
"""Seconds until a disk that is full to the last is tried again."""


class Room:
    """The ballast beside a database. `waits`: it is gone, and something waits to be written;
    `patient`: it may wait, as a hub that runs does."""

    def __init__(self, database: Path, clock: Clock) -> None:
        self._path = database.with_name("ballast")
        self._clock = clock
        self._closed = asyncio.Event()
        self.patient = False
        self.waits = False

    def take(self) -> bool:
        """Have the ballast, where that leaves as much to others; whether it is there."""
        if self._path.exists():
            return True
        disk = os.statvfs(self._path.parent)
        if disk.f_bavail * disk.f_frsize < 2 * BALLAST:
            return False
        new = self._path.with_suffix(".new")
        try:
            with new.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, BALLAST)
            new.rename(self._path)
        except OSError:  # somebody was faster
            new.unlink(missing_ok=True)
            return False
        return True

    async def make(self) -> None:
        """Returns when it is worth another try: at once for the ballast, then after a while.

        Raises:
            StoreError: it must not wait, or not any more.
        """
        if self._path.exists():
            self._path.unlink()
            log.error("disk.full", freed=BALLAST)
            return
        if not self.patient or self._closed.is_set():
            raise StoreError(f"the disk of {self._path.parent} is full: make room on it")
        if not self.waits:
            log.critical("disk.full", freed=0)
        self.waits = True
        await self._clock.wait(self._closed, RETRY)
        if self._closed.is_set():
            raise StoreError(f"the disk of {self._path.parent} is full")

    def made(self) -> None:
        """Something was written."""
        if self.waits:
            log.warning("disk.has_room")
        self.waits = False

    @contextmanager
    def patience(self) -> Iterator[None]:
        """While the hub runs, what is to be written waits; it does not hold up the end."""
        self.patient = True
        try:
            yield
        finally:
            self.close()

    def close(self) -> None:
        """Nothing waits any more."""
        self._closed.set()
