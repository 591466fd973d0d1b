"""Ten thousand reservations at once, and how long the loop stands still meanwhile."""

import asyncio

from bench.figure import Figure
from bench.filling import Filling, pauses
from bench.shared import MANY, Shared

LIMIT_S, LIMIT_PAUSE_MS = 10.0, 50.0
BARE_S = 2.0


async def measure(shared: Shared) -> list[Figure]:
    """A complete snapshot in parts, each through the intake and into the database.

    While the loop stands still a radio's answer and the watchdog wait.
    """
    async with pauses() as bare:
        await asyncio.sleep(BARE_S)
    _, filling = await shared.full_store()
    accepted, pause = figures(filling)
    pause.details["loop_with_nothing_to_do_ms"] = bare.longest * 1000
    return [accepted, pause]


def figures(filling: Filling, under: str = "") -> list[Figure]:
    """How a store took a snapshot."""
    suffix = f", {under}" if under else ""
    return [
        Figure(
            f"snapshot, accepted{suffix}",
            f"{MANY} reservations in parts, on disk",
            filling.took,
            "s",
            LIMIT_S,
            details={
                "parts": filling.parts,
                "largest_part_bytes": filling.largest_part_bytes,
                "slowest_part_s": filling.slowest_part,
            },
        ),
        Figure(
            f"snapshot, longest pause{suffix}",
            "of the event loop meanwhile",
            filling.longest_pause * 1000,
            "ms",
            LIMIT_PAUSE_MS,
        ),
    ]
