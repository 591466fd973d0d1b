"""A hub that was off for 30 days, and all that changed meanwhile at once."""

import asyncio
import contextlib
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from time import perf_counter

from bench.figure import Figure
from bench.rig import site_document, stay
from bench.shared import Shared
from bench.store import HUB, command
from gatewayd.clock import SystemClock
from gatewayd.domain.moment import Now
from gatewayd.intake.accept import Intake
from gatewayd.locks.zwave.radio import SESSIONS
from gatewayd.reconciler.reconciler import Reconciler
from gatewayd.reconciler.worker import Tools
from gatewayd.store.database import Database, Transaction, open_database
from gatewayd.store.outbox import Outbox
from tests.fakes import Air, FakeLock, FakeRadio
from tests.integration.test_reconciler import Stop

LIMIT = 1.15
CHANGES, QUICK_CHANGES = 500, 96
DOORS = tuple(f"lock{number}" for number in range(8))
SLOTS = 100
AWAY = timedelta(days=30)
EXCHANGE_S = 0.02
"""A frame there and one back at 100 kbit/s, with their acknowledgements."""
BY_HAND = 50
WITHIN_S = 120.0
UNREAD, SEEN = 3, 2
"""Get, set, get; and without the first at a slot that was read a moment ago."""


@dataclass
class AwayClock(SystemClock):
    """The machine's, and for a while an earlier one."""

    back: timedelta = AWAY

    def __post_init__(self) -> None:
        SystemClock.__init__(self)

    def now(self) -> Now:
        """A trusted reading."""
        return Now.exactly(super().now().latest - self.back)


@dataclass
class Hub:
    """Store, intake and workers; `told` counts the events by their type."""

    intake: Intake
    told: Counter[str] = field(default_factory=Counter)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def committed(self, tx: Transaction) -> None:
        """A transaction became true."""
        self.told.update(event.type for event in tx.told)
        self._news.set()

    async def proven(self, count: int) -> None:
        """So many codes were seen at their locks, or gone from them."""
        async with asyncio.timeout(WITHIN_S):
            while self.told["code.confirmed"] + self.told["code.removed"] < count:
                self._news.clear()
                await self._news.wait()


async def measure(shared: Shared) -> list[Figure]:
    """From the first change until the last is proven at its lock ÷ the exchanges that they need,
    made by hand; on locks in memory, behind a radio that does one exchange at a time.

    A quarter of the changes each: a new guest who is there, one whose stay is cancelled, one who
    comes later instead, one who is there instead of later. Each needs three exchanges, or two where
    its slot was read before in the same run, and no others count as needed.
    """
    count = QUICK_CHANGES if shared.quick else CHANGES
    clock, air, chance = AwayClock(), Air(EXCHANGE_S), Random(1)
    radio = FakeRadio(clock, sessions=SESSIONS)
    locks = [FakeLock(clock, slots=SLOTS) for _ in DOORS]
    radio.locks = dict(zip(DOORS, locks, strict=True))
    with tempfile.TemporaryDirectory(prefix="gatewayd-bench-") as name:
        async with _hub(Path(name), clock, radio, chance) as hub:
            await _prepare(hub, count)
        clock.back = timedelta()
        for lock in locks:
            lock.touched.clear()
            lock.air = air
        async with _hub(Path(name), clock, radio, chance) as hub:
            before = await _by_hand(clock)
            start = perf_counter()
            for change in _changes(count):
                await hub.intake.accept(change)
            accepted = perf_counter() - start
            await hub.proven(count)
            took = perf_counter() - start
    changed, needed = map(sum, zip(*(_needed(lock.touched) for lock in locks), strict=True))
    if changed != count:
        raise RuntimeError(f"{count} changes were {changed} at the locks")
    by_hand = (before + await _by_hand(clock)) / 2
    return [
        Figure(
            "catch-up",
            f"{count} changes on {len(DOORS)} locks after {AWAY.days} days ÷ their exchanges",
            took / (needed * by_hand),
            "times",
            LIMIT,
            details={
                "took_s": took,
                "accepted_s": accepted,
                "exchanges": air.exchanges,
                "needed": needed,
                "each_ms": by_hand * 1000,
            },
        )
    ]


@contextlib.asynccontextmanager
async def _hub(
    folder: Path, clock: AwayClock, radio: FakeRadio, chance: Random
) -> AsyncIterator[Hub]:
    """All that is between the intake and the locks, on the database in a folder."""
    database = await open_database(folder / "gatewayd.db", clock)
    outbox = Outbox(database, HUB, database.identity.epoch)
    intake = Intake(database, outbox, clock, chance, HUB)
    reconciler, hub = (
        Reconciler({"fake": radio}, Tools(database, outbox, intake, clock)),
        Hub(intake),
    )

    def committed(tx: Transaction) -> None:
        reconciler.committed(tx)
        hub.committed(tx)

    database.committed = committed
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(reconciler.run(group))
            await _known(database, hub)
            yield hub
            raise Stop
    except* Stop:
        pass
    finally:
        await database.close()


async def _known(database: Database, hub: Hub) -> None:
    """The site, with locks that were read before: an inventory is no part of a change."""
    site = site_document({door: [door] for door in DOORS}, {door: door for door in DOORS}, "fake")
    await hub.intake.accept(command("site.put", site))
    async with database.transaction() as tx:
        await tx.rows("UPDATE locks SET inventoried = 1")


async def _prepare(hub: Hub, count: int) -> None:
    """As it was when the hub went."""
    there = 0
    for number, door, kind in _numbered(count):
        if kind in {"cancelled", "later"}:
            await hub.intake.accept(_put(number, door, -35, 45))
            there += 1
        elif kind == "sooner":
            await hub.intake.accept(_put(number, door, 30))
    await hub.proven(there)


def _changes(count: int) -> Iterator[bytes]:
    """What happened since, at once."""
    for number, door, kind in _numbered(count):
        match kind:
            case "cancelled":
                yield command("reservation.cancel", {"id": f"r{number}", "version": 2})
            case "later":
                yield _put(number, door, 30, version=2)
            case _:
                yield _put(number, door, -1, version=2)


def _numbered(count: int) -> Iterator[tuple[int, str, str]]:
    kinds = ("new", "cancelled", "later", "sooner")
    for number in range(count):
        yield number, DOORS[number % len(DOORS)], kinds[number // len(DOORS) % len(kinds)]


def _put(number: int, door: str, from_day: int, nights: int = 3, version: int = 1) -> bytes:
    return command(
        "reservation.put", stay(f"r{number}", door, from_day, nights) | {"version": version}
    )


def _needed(touched: list[str]) -> tuple[int, int]:
    """How many codes were put in or taken out at a lock, and the exchanges that this needs."""
    changes, exchanges, seen = 0, 0, set[str]()
    for what in touched:
        verb, _, slot = what.partition(" ")
        if verb in {"write", "clear"}:
            changes += 1
            exchanges += SEEN if slot in seen else UNREAD
            seen.add(slot)
    return changes, exchanges


async def _by_hand(clock: AwayClock) -> float:
    """Seconds that an exchange takes without a hub."""
    lock = FakeLock(clock, air=Air(EXCHANGE_S))
    start = perf_counter()
    async with lock.session() as session:
        for _ in range(BY_HAND):
            await session.observe([1])
    return (perf_counter() - start) / BY_HAND
