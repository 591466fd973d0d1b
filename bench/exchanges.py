"""How often the radio is used: for a verified write, and at rest."""

import asyncio

from bench.figure import Figure
from bench.rig import KINDS, NODES, WITH_WINDOWS, Rig
from bench.shared import Shared

UNREAD, SEEN_EMPTY = 3, 2
"""Get, set, get; and without the first where the slot was seen empty less than 30 s ago."""
FORGOTTEN_S = 31.0
LIMITED_UNREAD, LIMITED_SEEN_EMPTY = 7, 6
"""Where the lock keeps the window: get; set disabled, set and get schedule, set enabled; get code
and schedule."""
REST_S, QUICK_REST_S = 60.0, 10.0


async def measure(shared: Shared) -> list[Figure]:
    """The most exchanges that any kind of lock needs, and the frames of all locks while nothing
    is due."""
    site = await shared.site()
    for lock in KINDS:  # the first write in a connection asks for the lock's time zone
        await _write(site, lock)
    await asyncio.sleep(FORGOTTEN_S)
    unread = {lock: await _write(site, lock) for lock in KINDS}
    again = {lock: await _write(site, lock) for lock in KINDS}
    guests = {lock: await site.put(lock) for lock in KINDS}
    for lock, guest in guests.items():
        await site.confirmed(guest, [lock])
    await site.quiet()
    await site.sim.reset_frames()
    rest = QUICK_REST_S if shared.quick else REST_S
    await asyncio.sleep(rest)
    idle = await site.sim.frames()
    for lock, guest in guests.items():
        await site.remove(guest, [lock])
    return [
        _figure("exchanges, slot not yet read", _plain(unread), UNREAD),
        _figure("exchanges, slot seen empty", _plain(again), SEEN_EMPTY),
        _figure("with a window, slot not yet read", _limited(unread), LIMITED_UNREAD),
        _figure("with a window, slot seen empty", _limited(again), LIMITED_SEEN_EMPTY),
        Figure(
            "frames at rest",
            "sent and received, with a proven code on each lock",
            idle["tx"] + idle["rx"],
            "frames",
            0,
            exact=True,
            details={"seconds": rest, "locks": len(NODES)},
        ),
    ]


async def _write(site: Rig, lock: str) -> int:
    """Exchanges from the put to the verified code; the code is then removed again."""
    await site.quiet()
    await site.sim.reset_frames()
    reservation = await site.put(lock)
    await site.confirmed(reservation, [lock])
    await site.quiet()
    used: dict[str, int] = (await site.sim.frames())["exchanges"][NODES[lock]]
    await site.remove(reservation, [lock])
    return sum(used.values())


def _plain(counts: dict[str, int]) -> dict[str, int]:
    return {lock: count for lock, count in counts.items() if lock not in WITH_WINDOWS}


def _limited(counts: dict[str, int]) -> dict[str, int]:
    return {lock: counts[lock] for lock in WITH_WINDOWS}


def _figure(name: str, counts: dict[str, int], wanted: int) -> Figure:
    worst = max(counts.values(), key=lambda count: abs(count - wanted))
    return Figure(
        name,
        "gets and sets from the put to the verified code",
        worst,
        "exchanges",
        wanted,
        exact=True,
        details={f"{lock}_exchanges": count for lock, count in counts.items()},
    )
