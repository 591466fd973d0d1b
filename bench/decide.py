"""What it costs to decide for one lock, by how full the rest of the site is."""

from time import perf_counter

from bench.figure import Figure, median_ms
from bench.shared import AT_THE_LOCK, MANY, Shared
from bench.store import MEASURED, Store
from gatewayd.domain.plan import Free, LockStep, Observe, Plan, Take, Write, plan
from gatewayd.domain.slot import Empty, Entry, Holds, Observation
from gatewayd.domain.steps import Touched, after, begun, taken
from gatewayd.store import situations

FEW = 100
LIMIT = 2.0
ROUNDS, QUICK_ROUNDS = 500, 200


async def measure(shared: Shared) -> list[Figure]:
    """Loading the lock's situation and planning: with 10,000 reservations on the site ÷ 100.

    At the lock, on either site, one guest's code is proven and the others are to come, so the
    plan looks at all.
    """
    large, _ = await shared.full_store()
    little, _ = await shared.another_store(FEW)
    return [await compared("decide", large, little, quick=shared.quick)]


async def compared(name: str, large: Store, little: Store, *, quick: bool) -> Figure:
    """What a decision costs on two sites."""
    full: list[float] = []
    small: list[float] = []
    for here in (large, little):
        await _prove(here)
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        small.append(await _decide(little))
        full.append(await _decide(large))
    return Figure(
        name,
        f"for one lock, {MANY} reservations ÷ {FEW}",
        median_ms(full) / median_ms(small),
        "times",
        LIMIT,
        details={
            "many_ms": median_ms(full),
            "few_ms": median_ms(small),
            "at_the_lock": AT_THE_LOCK,
            "rounds": len(full),
        },
    )


async def _decide(here: Store) -> float:
    start = perf_counter()
    todo = await _plan(here)
    took = perf_counter() - start
    if todo.step is not None:
        raise RuntimeError(f"the lock was at rest, and now wants {type(todo.step).__name__}")
    return took


async def _plan(here: Store) -> Plan:
    now = here.clock.now()
    situation = await situations.load(here.database.read, MEASURED, now)
    return plan(situation, now, here.clock.tick())


async def _prove(here: Store) -> None:
    """Do what a worker does, with a lock that obeys."""
    memory: dict[int, Entry] = {}
    while True:
        async with here.database.transaction() as tx:
            now, tick = here.clock.now(), here.clock.tick()
            before = await situations.load(tx, MEASURED, now)
            step = plan(before, now, tick).step
            if step is None:
                return
            if isinstance(step, Take | Free):
                done = taken(before, step)
            else:
                seen = _touch(memory, step, Empty(now.earliest))
                done = after(begun(before, step), step, Touched(seen), now, tick)
            situations.save(tx, before, done.situation)


def _touch(memory: dict[int, Entry], step: LockStep, empty: Empty) -> dict[int, Observation]:
    match step:
        case Observe(slots=(slot,)):
            pass
        case Write(lease=lease, entry=entry):
            assert lease.slot is not None
            slot = lease.slot
            memory[slot] = entry
        case _:
            raise RuntimeError("nobody leaves during a measurement")
    return {slot: Holds(empty.at, memory[slot].code) if slot in memory else empty}
