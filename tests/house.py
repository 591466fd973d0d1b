"""A hub's store and intake for real, in a folder of the test, on a clock that the test moves."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from gatewayd.clock import Certain
from gatewayd.domain.code import Code
from gatewayd.domain.ids import CommandId, KeyId, LockId
from gatewayd.domain.lease import Lease, Proof, Stage
from gatewayd.domain.moment import Now
from gatewayd.domain.retry import Tick
from gatewayd.intake.accept import Intake
from gatewayd.store import keys, situations, waits
from gatewayd.store.connection import Row
from gatewayd.store.database import Database, open_database
from gatewayd.store.outbox import Outbox

type Document = dict[str, Any]

HUB = "hub-1"
EPOCH = "01J0000000000000000000EPOC"
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ANSWERS = {"outbox", "journal", "alerts", "commands"}
"""The tables that hold what was said, as against what is so."""


@dataclass(slots=True)
class FakeClock(Certain):
    """Moved by hand; `doubt` widens the reading."""

    at: datetime = NOON
    ticks: float = 1000.0
    boot: str = "boot-1"
    doubt: timedelta = field(default_factory=timedelta)

    def now(self) -> Now:
        """Trusted, unless there is doubt."""
        return Now(self.at, self.at + self.doubt)

    def tick(self) -> Tick:
        """As set."""
        return Tick(self.ticks)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Nothing here waits."""
        raise AssertionError("the store and the intake never wait")


@dataclass(slots=True)
class House:
    """One hub without radios and without a broker."""

    clock: FakeClock
    database: Database
    outbox: Outbox
    intake: Intake
    _ids: Iterable[int] = field(default_factory=lambda: count(1))

    async def send(self, type_: str, data: object, **envelope: object) -> list[Document]:
        """Send a command as a cloud would; returns the events that it led to."""
        number = next(iter(self._ids))
        return await self.take(command(type_, data, **{"id": f"C{number:04}"} | envelope))

    async def take(
        self, payload: bytes | Document, kind: str | None = None, *, retained: bool = False
    ) -> list[Document]:
        """Hand a message to the intake; returns the events that it led to."""
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        before = await self._last_seq()
        await self.intake.accept(raw, kind=kind, retained=retained)
        return await self.told(before)

    async def told(self, after: int = 0) -> list[Document]:
        """The events in the outbox, oldest first."""
        return [json.loads(out.envelope) for out in await self.outbox.fetch(after, 100_000)]

    async def rows(self, sql: str, *values: object) -> list[Row]:
        """What the reader sees."""
        return await self.database.read.rows(sql, values)

    async def dump(self, without: Iterable[str] = ()) -> dict[str, list[Row]]:
        """All tables but some."""
        tables = await self.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")
        wanted = sorted({name for (name,) in tables} - {"sqlite_sequence", *without})
        return {name: sorted(await self.rows(f"SELECT * FROM {name}")) for name in wanted}  # noqa: S608  # names of tables

    async def code_of(self, reservation: str) -> str:
        """The digits of a reservation's key."""
        ((code,),) = await self.rows("SELECT code FROM keys WHERE reservation_id = ?", reservation)
        return str(code)

    async def doors_of(self, reservation: str) -> list[str]:
        """The locks at which a reservation's key is wanted."""
        found = await self.rows("SELECT lock_id FROM doors WHERE key_id = ?", f"res:{reservation}")
        return sorted(lock for (lock,) in found)

    async def live(self) -> set[str]:
        """The reservations whose keys are not withdrawn."""
        found = await self.rows("SELECT reservation_id FROM keys WHERE NOT revoked")
        return {id_ for (id_,) in found}

    async def alerts(self) -> set[tuple[str, str]]:
        """Code and subject of each alert that stands."""
        return set(await self.rows("SELECT code, subject FROM alerts"))

    async def prove(self, lock: str, reservation: str) -> list[CommandId]:
        """As if the lock had shown the reservation's code; returns the commands now done."""
        key = KeyId(f"res:{reservation}")
        async with self.database.transaction() as tx:
            before = await situations.load(tx, LockId(lock), self.clock.now())
            held = await keys.known(tx, key)
            slot = before.free_slot()
            assert held is not None
            assert slot is not None
            lease = Lease(key, held.code, slot, Stage.WRITTEN, Proof.MATCHED, self.clock.at)
            situations.save(tx, before, before.with_lease(lease))
            return await waits.settled(tx, key, self.clock.now())

    async def free(self, lock: str, reservation: str) -> list[CommandId]:
        """As if the lock had shown that the code is gone; returns the commands now done."""
        key = KeyId(f"res:{reservation}")
        async with self.database.transaction() as tx:
            before = await situations.load(tx, LockId(lock), self.clock.now())
            code = Code(await self.code_of(reservation))
            lease = before.lease_of(key, code)
            assert lease is not None
            situations.save(tx, before, before.without_lease(lease))
            return await waits.settled(tx, key, self.clock.now())

    async def restart(self) -> None:
        """Another process of the daemon on the same database."""
        self.intake = Intake(self.database, self.outbox, self.clock, Random(2), HUB)

    async def _last_seq(self) -> int:
        ((seq,),) = await self.rows("SELECT coalesce(max(seq), 0) FROM outbox")
        return int(seq)


@asynccontextmanager
async def opened(folder: Path, clock: FakeClock | None = None) -> AsyncIterator[House]:
    """A hub that knows nothing yet."""
    clock = clock or FakeClock()
    database = await open_database(folder / "gatewayd.db", clock)
    try:
        outbox = Outbox(database, HUB, EPOCH)
        yield House(clock, database, outbox, Intake(database, outbox, clock, Random(1), HUB))
    finally:
        await database.close()


def command(type_: str, data: object, **envelope: object) -> Document:
    """An envelope around a command's data; a field given as `...` is left out."""
    whole = {
        "id": "C0000",
        "type": type_,
        "schema_version": 1,
        "hub": HUB,
        "ts": "2026-07-01T11:59:58Z",
        "data": data,
    }
    return {name: value for name, value in (whole | envelope).items() if value is not ...}


def site(version: int = 1, **changed: object) -> Document:
    """Two flats behind one front door, a cabin without a lock, and a shed on its own."""
    whole: Document = {
        "version": version,
        "zone": "Europe/Zurich",
        "properties": [
            property_("flat-1", "front", "flat-1-door"),
            property_("flat-2", "front", "flat-2-door"),
            property_("cabin"),
            property_("shed", "shed-door"),
        ],
        "locks": [
            lock("front", 2),
            lock("flat-1-door", 3),
            lock("flat-2-door", 4),
            lock("shed-door", 5),
        ],
    }
    return whole | changed


def property_(id_: str, *locks: str, **changed: object) -> Document:
    """A property with times; a field given as `...` is left out."""
    whole = {
        "id": id_,
        "name": f"The {id_}",
        "check_in": "15:00",
        "check_out": "11:00",
        "locks": list(locks),
    }
    return {name: value for name, value in (whole | changed).items() if value is not ...}


def lock(id_: str, node: int, **changed: object) -> Document:
    """A Z-Wave lock."""
    return {"id": id_, "name": f"The {id_}", "driver": "zwave", "address": str(node)} | changed


def reservation(id_: str = "R1", version: int = 1, **changed: object) -> Document:
    """A booking of flat 1 ten days from now; a field given as `...` is left out."""
    whole = {
        "id": id_,
        "version": version,
        "property_id": "flat-1",
        "arrival": "2026-07-11",
        "departure": "2026-07-15",
        "confirmation_code": f"HM{id_}",
    }
    return {name: value for name, value in (whole | changed).items() if value is not ...}


def types(events: Iterable[Document]) -> list[str]:
    """What was told, in order."""
    return [event["type"] for event in events]


def data(events: Iterable[Document], type_: str) -> Document:
    """The data of the only event of that type."""
    (found,) = (event["data"] for event in events if event["type"] == type_)
    return dict(found)
