"""From publishing a reservation to its verified code, beside the raw driver calls."""

from time import perf_counter

from bench.figure import Figure, median_ms, percentile_ms
from bench.raw import RawCredentials, RawLock, connected
from bench.rig import KINDS, NODES, SLOTS, WITH_USERS, WITH_WINDOWS, Rig
from bench.shared import Shared

LIMIT_MS = 15.0
ROUNDS, QUICK_ROUNDS = 50, 7


async def measure(shared: Shared) -> list[Figure]:
    """For each kind of lock: the median of what the hub's way takes longer than the same calls by
    hand, one after the other: whatever slows the machine for a while slows both.

    The hub's way ends where the cloud hears `code.confirmed`. Each write finds its slot unread, so
    both sides make the same exchanges; both begin after the same silence.
    """
    site = await shared.site()
    hub: dict[str, list[float]] = {lock: [] for lock in KINDS}
    raw: dict[str, list[float]] = {lock: [] for lock in KINDS}
    async with connected(site.sim.url) as client:
        bare = {
            lock: (RawCredentials if lock in WITH_USERS else RawLock)(
                client, NODES[lock], windows=lock in WITH_WINDOWS
            )
            for lock in KINDS
        }
        for turn in range(1 + (QUICK_ROUNDS if shared.quick else ROUNDS)):
            for lock in KINDS:
                by_hand = await _raw(site, bare[lock], turn)
                through_hub = await _through_hub(site, lock)
                if turn > 0:  # the first pays for S2 nonces and caches, on either side
                    raw[lock].append(by_hand)
                    hub[lock].append(through_hub)
    return [_figure(lock, hub[lock], raw[lock]) for lock in KINDS]


async def _through_hub(site: Rig, lock: str) -> float:
    """Seconds from publishing a reservation until the cloud hears that the code is there."""
    await site.quiet()
    start = perf_counter()
    reservation = await site.put(lock)
    await site.confirmed(reservation, [lock])
    took = perf_counter() - start
    await site.remove(reservation, [lock])
    await site.forget_slots(lock)
    return took


async def _raw(site: Rig, lock: RawLock, turn: int) -> float:
    """The hub takes slots from the first on, and gives them back; this takes them from the last."""
    await site.quiet()
    start = perf_counter()
    await lock.proven_write(SLOTS - turn, f"{34_567_000 + turn}")
    return perf_counter() - start


def _figure(lock: str, hub: list[float], raw: list[float]) -> Figure:
    through_hub, bare = median_ms(hub), median_ms(raw)
    longer = [ours - theirs for ours, theirs in zip(hub, raw, strict=True)]
    return Figure(
        f"overhead, {KINDS[lock]}",
        "publish to verified code, less the same driver calls",
        median_ms(longer),
        "ms",
        LIMIT_MS,
        details={
            "hub_ms": through_hub,
            "raw_ms": bare,
            "ratio": through_hub / bare,
            "hub_p90_ms": percentile_ms(hub, 90),
            "raw_p90_ms": percentile_ms(raw, 90),
            "rounds": len(hub),
        },
    )
