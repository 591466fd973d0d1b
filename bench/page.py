"""The page of a large site in a real browser, and how long the loop stands still meanwhile.

On a hub there is no browser: what the loop waits while this one has its cores does not count.
"""

import asyncio
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from playwright.async_api import Page
from ulid import ULID

from bench.figure import Figure
from bench.filling import pauses
from bench.shared import MANY, Shared
from bench.store import HUB, LOCKS, MEASURED, Store
from gatewayd.domain.events.lock import LockUsed
from gatewayd.domain.ids import KeyId
from gatewayd.domain.reach import Reach
from gatewayd.store.outbox import Outbox
from gatewayd.web.followers import Followers
from gatewayd.web.page import Terms, served
from gatewayd.web.parts import Parts
from simulators.broker import free_port
from simulators.browser import chromium, drawn

ROUNDS, QUICK = 7, 3
PAINT_MS, WHOLE_MS, UPDATE_MS, PAUSE_MS = 1000.0, 1500.0, 1000.0, 50.0
QUIET_S = 1.5
"""Longer than the page leaves between two drawings."""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
REDRAWN = """async (before) => {
    const drawn = () => performance.getEntriesByName("drawn");
    while (drawn().length <= before) await new Promise(requestAnimationFrame);
    return performance.timeOrigin + drawn()[before].startTime;
}"""
DRAWN = "performance.getEntriesByName('drawn')"


async def measure(shared: Shared) -> list[Figure]:
    """Opened anew, and told something while it is open."""
    rounds = QUICK if shared.quick else ROUNDS
    here, _ = await shared.full_store()
    outbox = Outbox(here.database, HUB, str(ULID()))
    async with _page(here, outbox) as url, chromium() as browser:
        page = await browser.new_page()
        async with pauses() as bare:
            await asyncio.sleep(QUIET_S)
        painted, whole, updated = [], [], []
        async with pauses() as found:
            for _ in range(rounds):
                await drawn(page, url)
                painted.append(float(await page.evaluate(PAINTED)))
                whole.append(float(await page.evaluate(f"{DRAWN}[0].startTime")))
                await asyncio.sleep(QUIET_S)
                updated.append(await _updated(page, here, outbox))
        rows = await page.locator("tbody").first.locator("tr").count()
    if rows != LOCKS:
        raise RuntimeError(f"the page shows {rows} locks")
    what = f"{LOCKS} locks, {MANY} reservations"
    return [
        _figure("page, first paint", what, painted, PAINT_MS),
        _figure("page, all of it", what, whole, WHOLE_MS),
        _figure("page, update", "from the event's commit to what is shown", updated, UPDATE_MS),
        Figure(
            "page, longest pause",
            "of the event loop meanwhile, by its own work",
            found.busiest * 1000,
            "ms",
            PAUSE_MS,
            details={
                "with_the_browser_on_the_same_cores_ms": found.longest * 1000,
                "loop_with_nothing_to_do_ms": bare.longest * 1000,
            },
        ),
    ]


async def _updated(page: Page, here: Store, outbox: Outbox) -> float:
    """Milliseconds from the commit to the next drawing."""
    before = int(await page.evaluate(f"{DRAWN}.length"))
    async with here.database.transaction() as tx:
        used = LockUsed(MEASURED, 1, KeyId("res:r000-0"), "unlock")
        await outbox.tell(tx, here.clock.now(), (used,))
    told = datetime.now(UTC).timestamp() * 1000
    return float(await page.evaluate(REDRAWN, before)) - told


@asynccontextmanager
async def _page(here: Store, outbox: Outbox) -> AsyncIterator[str]:
    """Served as the daemon does; its address."""
    followers, began = Followers(), here.clock.now().latest
    here.database.committed = followers.committed
    parts = Parts(
        hub=HUB,
        version="",
        since=began,
        database=here.database,
        outbox=outbox,
        intake=here.intake,
        clock=here.clock,
        cloud=lambda: Reach(up=True, since=began),
        radios=dict,
        followers=followers,
    )
    port = free_port()
    async with served(Terms(port), parts):
        yield f"http://127.0.0.1:{port}"
    here.database.committed = lambda _: None


def _figure(name: str, what: str, times: list[float], limit: float) -> Figure:
    middle = statistics.median(times)
    return Figure(name, what, middle, "ms", limit, details={"slowest_ms": max(times)})
