"""What it costs to have everything on disk: fsyncs, and the time until the hub is back."""

import asyncio
import contextlib
import statistics
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.figure import Figure
from bench.rig import Rig, stay
from bench.shared import Shared
from gatewayd.reconciler.housekeeping import MARK_EVERY

LIMIT_EACH = 1.0
LIMIT_A_DAY = 1_000.0
"""Each wears the card by some 8 KiB: 3 GB a year."""
LIMIT_BACK_S = 10.0
"""A guest at the door waits for a light switch's worth of patience; half of it is Python's start on
a small hub."""
BATCH, QUICK_BATCH = 500, 100
IDLE_S, QUICK_IDLE_S = 60.0, 20.0
CUTS, QUICK_CUTS = 5, 2
REST_S, REST_WITHIN_S = 5.0, 120.0
SYNCS = "fsync,fdatasync,sync_file_range,msync"
DAY = timedelta(days=1)


@dataclass(slots=True)
class Syncs:
    """Those of a process while it was watched."""

    count: int = 0


async def measure(shared: Shared) -> list[Figure]:
    """Counted by strace at the running hub: from a snapshot to the last receipt of what it led to,
    and while nothing happens. Then the hub is killed, and a guest is at the door.

    A day without anything to do is a quiet minute taken 1,440 times, and the notes of the clock,
    which come every half hour.
    """
    site = await shared.site()
    batch = QUICK_BATCH if shared.quick else BATCH
    await site.quiet()
    async with _watched(site.hub.pid) as busy:
        await site.cloud.done(await site.cloud.send("reservation.snapshot", _future(site, batch)))
        told = await _all_receipted(site)
    await _at_rest(site)
    idle_s = QUICK_IDLE_S if shared.quick else IDLE_S
    async with _watched(site.hub.pid) as idle:
        await asyncio.sleep(idle_s)
    cuts = [await _back(site) for _ in range(QUICK_CUTS if shared.quick else CUTS)]
    return [
        Figure(
            "fsyncs, each event",
            f"a snapshot of {batch}, receipts included ÷ events told",
            busy.count / told,
            "times",
            LIMIT_EACH,
            details={"fsyncs": busy.count, "events": told},
        ),
        Figure(
            "fsyncs, idle day",
            "nothing due, connected",
            idle.count * DAY.total_seconds() / idle_s + DAY / MARK_EVERY,
            "times",
            LIMIT_A_DAY,
            details={"fsyncs": idle.count, "watched_s": idle_s, "clock_notes": DAY / MARK_EVERY},
        ),
        Figure(
            "power cut",
            "start to the first verified code, booked meanwhile",
            statistics.median(cuts),
            "s",
            LIMIT_BACK_S,
            details={"longest_s": max(cuts), "rounds": len(cuts)},
        ),
    ]


async def _back(site: Rig) -> float:
    """Seconds from the start after a kill -9 until the cloud hears that a code is proven."""
    await site.hub.kill()
    guest = await site.put("lock2")
    start = perf_counter()
    await site.hub.start()
    await site.confirmed(guest, ["lock2"])
    took = perf_counter() - start
    await site.remove(guest, ["lock2"])
    await site.quiet()
    return took


def _future(site: Rig, count: int) -> dict[str, Any]:
    """A snapshot that leads to codes, and to nothing at a lock; it takes nobody away."""
    return {
        "snapshot_id": "bench",
        "part": 1,
        "parts": 1,
        "as_of": "2020-01-01T00:00:00Z",
        "complete": False,
        "items": [stay(f"future{n}", "lock2", 30 + 3 * n) for n in range(count)],
    }


async def _all_receipted(site: Rig) -> int:
    """Until nothing waits; how many events were told."""
    before = -1
    while before != len(site.cloud.events):
        before = len(site.cloud.events)
        await asyncio.sleep(1.0)
    return before


async def _at_rest(site: Rig) -> None:
    """Until nothing that was begun is written down any more, such as the end of an inventory."""
    async with asyncio.timeout(REST_WITHIN_S):
        while True:
            async with _watched(site.hub.pid) as rest:
                await asyncio.sleep(REST_S)
            if not rest.count:
                return


@contextlib.asynccontextmanager
async def _watched(pid: int) -> AsyncIterator[Syncs]:
    """Count while the block lasts."""
    found = Syncs()
    with tempfile.TemporaryDirectory(prefix="gatewayd-bench-") as folder:
        calls = Path(folder) / "calls"
        strace = await asyncio.create_subprocess_exec(
            *("strace", "-f", "-p", str(pid), "-e", f"trace={SYNCS}", "-y", "-o", str(calls)),
            stderr=asyncio.subprocess.PIPE,
        )
        if strace.stderr is None or b"attached" not in await strace.stderr.readline():
            raise RuntimeError("strace cannot watch the hub")
        try:
            yield found
        finally:
            strace.terminate()
            await strace.wait()
        found.count = sum(_begins(line) for line in calls.read_text().splitlines())


def _begins(line: str) -> bool:
    """Whether a line of strace is a call, and not the end of one."""
    return "sync" in line and "resumed" not in line
