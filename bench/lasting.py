"""Stays that come and go through one living hub: its memory does not grow with them."""

import os
import tempfile
from datetime import timedelta
from pathlib import Path

from bench.figure import Figure
from bench.memory import resident
from bench.shared import Shared
from gatewayd.reconciler.housekeeping import Housekeeping
from tests.integration.test_reconciler import VirtualClock
from tests.rounds import Site, site

LIMIT = 1.3
STAYS, QUICK_STAYS = (2_000, 10_000), (400, 2_000)
A_DAY = 25
"""Guests who come on each day, and leave on the next: so many codes at most lie on the lock twice,
which has room for 60."""
SLOTS = 60
DAY_S = 86_400.0


async def measure(shared: Shared) -> list[Figure]:
    """Resident memory after many stays ÷ after a fifth of them, in one process, in virtual time, on
    a lock in memory; what the hub keeps on disk is kept as long as ever, and forgotten as ever.

    Most of it are the libraries, which the first stays have loaded: so what each later stay leaves
    is told beside it.
    """
    early, late = QUICK_STAYS if shared.quick else STAYS
    clock = VirtualClock(recheck=DAY_S / 4)
    with tempfile.TemporaryDirectory(prefix="gatewayd-bench-") as folder:
        async with site(Path(folder), "a", clock=clock, pool=0) as hub:
            hub.lock("a").slots = SLOTS
            await _stays(hub, 0, early)
            before = resident(os.getpid())
            await _stays(hub, early, late)
            after = resident(os.getpid())
    return [
        Figure(
            "lasting",
            f"memory after {late} stays ÷ after {early}",
            after / before,
            "times",
            LIMIT,
            details={
                "before_mib": before / 1024,
                "after_mib": after / 1024,
                "each_stay_bytes": (after - before) * 1024 / (late - early),
            },
        )
    ]


async def _stays(hub: Site, first: int, end: int) -> None:
    """Day after day; in the end the last guests are gone, too.

    Raises:
        RuntimeError: a code was not written, or not removed.
    """
    housekeeping = Housekeeping(hub.database, hub.tools.outbox, hub.clock)
    for number in range(first, end, A_DAY):
        today = hub.clock.wall.date()
        for n in range(number, number + A_DAY):
            await hub.book(f"R{n}", str(today), str(today + timedelta(1)))
        await hub.pass_(DAY_S / 2)
        if len(hub.lock("a").codes) < A_DAY:
            raise RuntimeError("a guest's code is not on the lock")
        await hub.pass_(DAY_S / 2)
        await housekeeping.forget()
        await _receipted(hub)
    await hub.pass_(DAY_S)
    if hub.lock("a").codes:
        raise RuntimeError("a code is on the lock that should be gone")


async def _receipted(hub: Site) -> None:
    """The cloud has all events, and what the fake lock noted is of no use."""
    hub.lock("a").touched.clear()
    async with hub.database.transaction() as tx:
        await tx.rows("DELETE FROM outbox")
