"""Nuki locks: how often one is connected to, what the driver adds to its codec, and what forty of
them cost.

The simulated locks are faster than real ones, whose connections take tenths of a second and more:
so what the hub adds is seen.
"""

import asyncio
from random import Random
from time import perf_counter

from bench.figure import Figure, median_ms, percentile_ms
from bench.memory import resident
from bench.nuki import CODE, NukiSite, nuki_site, one_lock
from bench.shared import Shared
from simulators.bluetooth import BluetoothSimulator

MANY = 40
BATCH = 10
ADVERTISE_S, ADVERTISE_OFTEN_S = 0.05, 0.02
"""Between two advertisements: a connection begins with one. Often, where that wait would hide what
is measured."""
DRIVER_LIMIT = 1.2
MANY_LIMIT = 1.1
MEMORY_LIMIT = 1.1
"""Measured: 1.04 to 1.06, which is 3 to 4.3 MiB; as much again would be a leak or a cache."""
BATCHES, QUICK_BATCHES = 5, 2
ROUNDS, QUICK_ROUNDS = 30, 15
TURNS, QUICK_TURNS = 5, 2
ONES = 8
"""Rounds of one lock for each of all: they are the shorter ones."""


async def measure(shared: Shared) -> list[Figure]:
    """One lock first, in this process and behind a hub; then forty behind another hub."""
    quick = shared.quick
    async with BluetoothSimulator(1, advertise_ms=ADVERTISE_OFTEN_S * 1000) as sim:
        driver = await _driver(sim, QUICK_ROUNDS if quick else ROUNDS)
    async with _locks(1) as sim, nuki_site(sim, 1) as site:
        batch = await _batches(site, QUICK_BATCHES if quick else BATCHES)
        few = resident(site.hub.pid)
    async with _locks(MANY) as sim, nuki_site(sim, MANY) as site:
        many = await _many(site, QUICK_TURNS if quick else TURNS)
        memory = _memory(few, resident(site.hub.pid))
    return [batch, driver, many, memory]


def _locks(count: int) -> BluetoothSimulator:
    return BluetoothSimulator(count, advertise_ms=ADVERTISE_S * 1000)


async def _batches(site: NukiSite, rounds: int) -> Figure:
    """Reservations put one behind the other, without waiting in between."""
    (lock,) = site.locks
    made = []
    for _ in range(rounds):
        before = (await site.sim.lock(1))["connections"]
        guests = [await site.put(lock) for _ in range(BATCH)]
        for guest in guests:
            await site.confirmed(guest, [lock])
        made.append((await site.sim.lock(1))["connections"] - before)
        for guest in guests:
            await site.remove(guest, [lock])
        await site.quiet()
    return Figure(
        "Nuki, connections",
        f"for {BATCH} reservations due at one lock",
        max(made),
        "connections",
        1,
        exact=True,
        details={"batches": rounds, "codes_each": BATCH},
    )


async def _driver(sim: BluetoothSimulator, rounds: int) -> Figure:
    """The driver also asks for batteries and clock: one exchange more."""
    driver: list[float] = []
    bare: list[float] = []
    async with one_lock(sim) as lock:
        for turn in range(1 + rounds):
            for way, took in ((lock.by_hand, bare), (lock.by_driver, driver)):
                start = perf_counter()
                await way()
                if turn > 0:  # the first finds caches empty, on either side
                    took.append(perf_counter() - start)
                await sim.remove_code(1, CODE)
    return Figure(
        "Nuki, driver",
        "connect, add a code, list: driver ÷ bare client",
        median_ms(driver) / median_ms(bare),
        "times",
        DRIVER_LIMIT,
        details={
            "driver_ms": median_ms(driver),
            "bare_ms": median_ms(bare),
            "driver_p90_ms": percentile_ms(driver, 90),
            "bare_p90_ms": percentile_ms(bare, 90),
            "rounds": rounds,
        },
    )


async def _many(site: NukiSite, turns: int) -> Figure:
    """Each round begins at chance between two advertisements: else a lock that has just been left
    would always be waited for equally long."""
    one: list[float] = []
    every: list[float] = []
    chance = Random(1)
    for _ in range(turns):
        for locks, took in [(site.locks[:1], one)] * ONES + [(site.locks, every)]:
            await asyncio.sleep(chance.uniform(0, ADVERTISE_S))
            took.append(await site.prove(locks))
    return Figure(
        f"Nuki, {MANY} locks",
        f"put to all verified codes ÷ {MANY} times that of one",
        median_ms(every) / (MANY * median_ms(one)),
        "times",
        MANY_LIMIT,
        details={
            "all_ms": median_ms(every),
            "one_ms": median_ms(one),
            "one_p90_ms": percentile_ms(one, 90),
            "rounds_all": len(every),
            "rounds_one": len(one),
        },
    )


def _memory(few: int, many: int) -> Figure:
    return Figure(
        "Nuki, memory",
        f"hub with {MANY} locks ÷ hub with one",
        many / few,
        "times",
        MEMORY_LIMIT,
        details={
            "many_mib": many / 1024,
            "one_mib": few / 1024,
            "growth_mib": (many - few) / 1024,
            "locks": MANY,
        },
    )
