"""Reservations by the thousand through the intake, and how long the loop stands still."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import perf_counter, thread_time
from typing import Any

from bench.store import Store, snapshot
from gatewayd.app import settle_memory

TICK_S = 0.001


@dataclass(frozen=True, slots=True)
class Filling:
    """A snapshot on its way into a store; `took`, `slowest_part` and `longest_pause` in seconds."""

    parts: int
    largest_part_bytes: int
    took: float
    slowest_part: float
    longest_pause: float


@dataclass(slots=True)
class Pauses:
    """The longest time in seconds by which a tick was late; `busiest`: the most processor time of
    the loop between two ticks, which other programs do not lengthen."""

    longest: float = 0.0
    busiest: float = 0.0

    async def run(self) -> None:
        """Tick for ever."""
        while True:
            before, spent = perf_counter(), thread_time()
            await asyncio.sleep(TICK_S)
            self.longest = max(self.longest, perf_counter() - before - TICK_S)
            self.busiest = max(self.busiest, thread_time() - spent)


@contextlib.asynccontextmanager
async def pauses() -> AsyncIterator[Pauses]:
    """Watch the loop for as long as the block lasts."""
    found = Pauses()
    ticker = asyncio.create_task(found.run())
    try:
        yield found
    finally:
        ticker.cancel()
        await asyncio.wait([ticker])


async def fill(here: Store, items: list[dict[str, Any]]) -> Filling:
    """Have these reservations accepted, as one complete snapshot.

    Raises:
        RuntimeError: some were not.
    """
    parts = snapshot(items)
    slowest = 0.0
    settle_memory()  # as the daemon does when it has started
    async with pauses() as found:
        start = perf_counter()
        for part in parts:
            begun = perf_counter()
            await here.intake.accept(part)
            slowest = max(slowest, perf_counter() - begun)
        took = perf_counter() - start
    if (keys := await here.count("keys")) != len(items):
        raise RuntimeError(f"{len(items)} reservations made {keys} keys")
    return Filling(len(parts), max(map(len, parts)), took, slowest, found.longest)
