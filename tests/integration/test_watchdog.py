"""Systemd hears of a hub whose workers get on; one with a driver that hangs is started anew."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from gatewayd.domain.ids import LockId
from gatewayd.reconciler.progress import STUCK, Progress
from gatewayd.store.database import open_database
from gatewayd.systemd import watchdog
from tests.house import FakeClock, command
from tests.integration.conftest import eventually
from tests.integration.test_reconciler import MINUTE, take
from tests.rounds import site, stay

HOUR = 60 * MINUTE
STAY = ("2026-06-30", "2026-07-09")
LOCK = LockId("a")
INTERVAL_S = 0.1
SILENT_AFTER_S = 10 * INTERVAL_S


async def test_a_driver_that_hangs_beyond_all_timeouts_is_noticed(tmp_path: Path) -> None:
    async with site(tmp_path, LOCK, pool=0) as hub:
        hub.lock(LOCK).hangs = True
        await take(hub.intake, command("reservation.put", stay("R1", *STAY), id="C1"))

        async def hangs() -> bool:
            return "session" in hub.lock(LOCK).touched

        await eventually(hangs)
        assert hub.tools.progress.stuck(hub.clock.tick()) == []
        hub.clock.ticks += STUCK
        assert hub.tools.progress.stuck(hub.clock.tick()) == []
        hub.clock.ticks += 1
        assert hub.tools.progress.stuck(hub.clock.tick()) == [LOCK]


async def test_a_lock_that_does_not_answer_is_no_hang(tmp_path: Path) -> None:
    async with site(tmp_path, LOCK, pool=0) as hub:
        hub.lock(LOCK).dead = True
        await hub.book("R1", *STAY)
        await hub.pass_(3 * HOUR)
        assert hub.tools.progress.stuck(hub.clock.tick()) == []
        hub.lock(LOCK).dead = False
        await hub.pass_(10 * MINUTE)  # it is there, and nothing is to be done any more
        hub.clock.ticks += STUCK + 1
        assert hub.tools.progress.stuck(hub.clock.tick()) == []


def test_a_lock_at_which_one_step_follows_another_is_only_slow() -> None:
    clock, progress = FakeClock(), Progress()
    with progress.touching(LOCK, clock) as got_on:
        for _ in range(3):
            clock.ticks += STUCK
            got_on()
        assert progress.stuck(clock.tick()) == []


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What it is told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        told.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", f"{2_000_000 * INTERVAL_S:.0f}")
        yield told


async def heard(systemd: socket.socket) -> bytes | None:
    """The next word; None: it was silent for long."""
    try:
        async with asyncio.timeout(SILENT_AFTER_S):
            return await asyncio.get_running_loop().sock_recv(systemd, 100)
    except TimeoutError:
        return None


async def test_no_pings_while_a_driver_hangs_unless_it_is_the_disk(
    tmp_path: Path, systemd: socket.socket
) -> None:
    # fault 38
    clock, progress = FakeClock(), Progress()
    database = await open_database(tmp_path / "hub.db", clock)
    with structlog.testing.capture_logs() as logged, progress.touching(LOCK, clock) as got_on:
        task = asyncio.create_task(watchdog(database, progress, clock))
        try:
            assert await heard(systemd) == b"WATCHDOG=1"
            clock.ticks += STUCK + 1
            async with asyncio.timeout(20):
                while await heard(systemd):
                    pass
            assert {"event": "worker.stuck", "log_level": "error", "locks": [LOCK]} in logged
            database.room.waits = True
            assert await heard(systemd) == b"WATCHDOG=1"
            database.room.waits = False
            got_on()
            assert await heard(systemd) == b"WATCHDOG=1"
        finally:
            task.cancel()
            await asyncio.wait([task])
            await database.close()
