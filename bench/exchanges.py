"""How often the radio is used: for a verified write, and at rest."""

import asyncio
from collections.abc import Set

from bench.figure import Figure
from bench.rig import KINDS, NODES, WITH_USERS, WITH_WINDOWS, Rig
from bench.shared import Shared

UNREAD, SEEN_EMPTY = 3, 2
"""Get, set, get; and without the first where the slot was seen empty less than 30 s ago."""
FORGOTTEN_S = 31.0
LIMITED_UNREAD, LIMITED_SEEN_EMPTY = 8, 7
"""Where the lock keeps the window: get; get zone, set disabled, set and get schedule, set enabled;
get code and schedule."""
CREDENTIAL = 6
"""User Credential: get PIN and the user's credentials, in each session; set user and PIN; get PIN
and user."""
REST_S, QUICK_REST_S = 60.0, 10.0


async def measure(shared: Shared) -> list[Figure]:
    """The most exchanges that any kind of lock needs, and the frames of all locks while nothing
    is due."""
    site = await shared.site()
    for lock in KINDS:  # the first write pays for S2's nonces
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
        _figure("with a window, slot not yet read", _of(WITH_WINDOWS, unread), LIMITED_UNREAD),
        _figure("with a window, slot seen empty", _of(WITH_WINDOWS, again), LIMITED_SEEN_EMPTY),
        _figure("User Credential, slot not yet read", _of(WITH_USERS, unread), CREDENTIAL),
        _figure("User Credential, slot seen empty", _of(WITH_USERS, again), CREDENTIAL),
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
    return _of(counts.keys() - WITH_WINDOWS - WITH_USERS, counts)


def _of(locks: Set[str], counts: dict[str, int]) -> dict[str, int]:
    return {lock: counts[lock] for lock in sorted(locks)}


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
