"""What one dead lock costs the healthy ones behind the same radio."""

from time import perf_counter

from bench.figure import Figure, median_ms, percentile_ms
from bench.rig import DEAD, FRONT, NODES, Rig
from bench.shared import Shared

LIMIT = 1.5
ROUNDS, QUICK_ROUNDS = 20, 6


async def measure(shared: Shared) -> list[Figure]:
    """Until three locks show a new code: with a dead fourth door ÷ without that door.

    Told beside it: the first code after the lock died, when nobody knows that yet.
    """
    site = await shared.site()
    for property_id in ("four", "three"):  # both sides warm
        await _round(site, property_id)
    await site.sim.faults(NODES[DEAD], dead=True)
    first, abort = await _first(site)
    four: list[float] = []
    three: list[float] = []
    for _ in range(QUICK_ROUNDS if shared.quick else ROUNDS):
        three.append(await _round(site, "three"))
        four.append(await _round(site, "four"))
    await site.sim.faults(NODES[DEAD])
    await site.cloud.until(lambda event: event["type"] == "lock.online")
    return [
        Figure(
            "isolation",
            "three healthy locks, a dead fourth ÷ without it",
            median_ms(four) / median_ms(three),
            "times",
            LIMIT,
            details={
                "with_dead_ms": median_ms(four),
                "without_ms": median_ms(three),
                "with_dead_p90_ms": percentile_ms(four, 90),
                "without_p90_ms": percentile_ms(three, 90),
                "newly_dead_ms": first * 1000,
                "newly_dead_abort_ms": abort * 1000,
                "rounds": len(four),
            },
        )
    ]


async def _round(site: Rig, property_id: str) -> float:
    """Seconds from the put until the three healthy locks show the code."""
    await site.forget_slots(*FRONT)
    await site.quiet()
    start = perf_counter()
    reservation = await site.put(property_id)
    await site.confirmed(reservation, FRONT)
    took = perf_counter() - start
    await site.remove(reservation, FRONT)
    return took


async def _first(site: Rig) -> tuple[float, float]:
    """Seconds until the three show the code, and until the dead one is given up, when it has just
    died."""
    await site.forget_slots(*FRONT)
    await site.quiet()
    start = perf_counter()
    reservation = await site.put("four")
    await site.confirmed(reservation, FRONT)
    took = perf_counter() - start
    await site.cloud.until(lambda event: event["type"] == "lock.offline")
    abort = perf_counter() - start
    await site.remove(reservation, FRONT)
    return took, abort
