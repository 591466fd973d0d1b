"""Telling systemd how it goes: sd_notify(3) over its datagram socket."""

import asyncio
import contextlib
import os
import socket

import structlog

from gatewayd.clock import Clock
from gatewayd.reconciler.progress import Progress
from gatewayd.store.database import Database

log = structlog.get_logger(__name__)


def notify(state: str) -> None:
    """Send e.g. `READY=1`; without systemd nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.sendto(state.encode(), address)


def watchdog_interval() -> float | None:
    """Seconds between pings: half of what systemd waits for, or None where it does not."""
    microseconds = os.environ.get("WATCHDOG_USEC")
    return int(microseconds) / 2_000_000 if microseconds else None


async def watchdog(database: Database, progress: Progress, clock: Clock) -> None:
    """Ping systemd after a turn of the loop and a probe of the store, unless a driver hangs; where
    the store waits for room on the disk, a new start would change nothing."""
    interval = watchdog_interval()
    while interval is not None:
        probed = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(interval):
                async with database.transaction() as tx:
                    await tx.rows("SELECT 1")
                probed = True
        waits, stuck = database.room.waits, progress.stuck(clock.tick())
        if stuck and not waits:
            log.error("worker.stuck", locks=stuck)
        elif probed or waits:
            notify("WATCHDOG=1")
        await asyncio.sleep(interval / 2)
