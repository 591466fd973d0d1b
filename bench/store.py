"""The hub's store and intake in this process, on a real database file, and reservations by the
thousand."""

import contextlib
import json
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from ulid import ULID

from bench.rig import site_document, stay
from gatewayd.clock import SystemClock
from gatewayd.domain.capabilities import Capabilities
from gatewayd.domain.ids import LockId
from gatewayd.intake.accept import Intake
from gatewayd.store import site as sites
from gatewayd.store.database import Database, open_database
from gatewayd.store.outbox import Outbox

HUB = "hub"
LOCKS = 100
NIGHTS = 3
MEASURED = LockId("lock000")
LARGEST_PART = 256 * 1024
"""Bytes that a message may have."""
MOST_ITEMS = 1000
"""Reservations that a part may have."""


@dataclass(frozen=True, slots=True)
class Store:
    """What the daemon builds too, without radios and cloud."""

    database: Database
    intake: Intake
    clock: SystemClock

    async def count(self, table: str) -> int:
        """How many rows a table has."""
        row = await self.database.read.row(f"SELECT count(*) FROM {table}")  # noqa: S608  # our own
        return int(row[0]) if row else 0


@dataclass(frozen=True, slots=True)
class Policies:
    """What each level says: the site, each property, each lock, and each reservation besides its
    stay; and what the locks can do."""

    site: Mapping[str, Any]
    property_: Mapping[str, Any]
    lock: Mapping[str, Any]
    reservation: Mapping[str, Any]
    able: Capabilities = field(default_factory=Capabilities)


PLAIN = Policies({}, {}, {}, {})


@contextlib.asynccontextmanager
async def store(policies: Policies = PLAIN) -> AsyncIterator[Store]:
    """A new database that knows a site of `LOCKS` properties with one lock each."""
    with tempfile.TemporaryDirectory(prefix="gatewayd-bench-") as folder:
        clock = SystemClock()
        database = await open_database(Path(folder) / "gatewayd.db", clock)
        try:
            outbox = Outbox(database, HUB, str(ULID()))
            intake = Intake(database, outbox, clock, Random(1), HUB)
            names = [f"{number:03}" for number in range(LOCKS)]
            site = site_document(
                {f"property{name}": [f"lock{name}"] for name in names},
                {f"lock{name}": str(number) for number, name in enumerate(names, 2)},
            )
            site["policy"] |= policies.site
            for property_ in site["properties"]:
                property_["policy"] = policies.property_
            for lock in site["locks"]:
                lock["policy"] = policies.lock
            await intake.accept(command("site.put", site))
            async with database.transaction() as tx:
                for lock in (LockId(f"lock{name}") for name in names):
                    await sites.learned(tx, lock, policies.able)
                    await intake.lock_learned(tx, clock.now(), lock)
            yield Store(database, intake, clock)
        finally:
            await database.close()


def command(type_: str, data: dict[str, Any]) -> bytes:
    """A whole message, as small as JSON can be."""
    envelope = {
        "id": str(ULID()),
        "type": type_,
        "hub": HUB,
        "ts": datetime.now(UTC).isoformat(),
        "data": data,
    }
    return json.dumps(envelope, separators=(",", ":")).encode()


def stays(count: int, at_measured: int, policies: Policies = PLAIN) -> list[dict[str, Any]]:
    """Guest after guest in each property, the first of them there now; so many of them at the
    measured lock, the others spread evenly."""
    others = count - at_measured
    found = [_stay("000", number) for number in range(at_measured)]
    found += [_stay(f"{1 + n % (LOCKS - 1):03}", n // (LOCKS - 1)) for n in range(others)]
    return [{**each, **policies.reservation} for each in found]


def _stay(name: str, number: int) -> dict[str, Any]:
    id_ = f"r{name}-{number}"
    phone = f"+41 {name} {number:03} {(int(name) * 31 + number * 7919) % 1000:03}"
    guest = {"name": f"Guest of {id_}", "phone": phone}
    return stay(id_, f"property{name}", number * NIGHTS - 1, NIGHTS) | {"guest": guest}


def snapshot(items: list[dict[str, Any]]) -> list[bytes]:
    """All reservations as the parts of one complete `reservation.snapshot`."""
    parts = list(_parts(items))
    frame = {
        "snapshot_id": str(ULID()),
        "parts": len(parts),
        "as_of": datetime.now(UTC).isoformat(),
        "complete": True,
    }
    messages = [
        command("reservation.snapshot", {**frame, "part": number, "items": part})
        for number, part in enumerate(parts, 1)
    ]
    if (largest := max(map(len, messages))) > LARGEST_PART:
        raise RuntimeError(f"a part has {largest} bytes")
    return messages


def _parts(items: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """As many as fit, with room for the envelope."""
    largest = max(len(json.dumps(item, separators=(",", ":"))) + 1 for item in items)
    size = min(MOST_ITEMS, (LARGEST_PART - 1024) // largest)
    remaining = iter(items)
    while part := list(islice(remaining, size)):
        yield part
