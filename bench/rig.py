"""A whole site for measurements: broker, Z-Wave simulator, hub and cloud, each real."""

import asyncio
import contextlib
import itertools
import tempfile
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simulators.broker import Broker
from simulators.cloud import Cloud, Event
from simulators.hub import Hub
from simulators.zwave import ZwaveSimulator

KINDS = {
    "lock2": "V1",
    "lock3": "V2 S2 with windows",
    "lock4": "User Credential S2",
    "lock5": "V2",
    "lock7": "V1 S2",
}
"""One lock of each kind, and what it speaks."""
WITH_WINDOWS = frozenset({"lock3"})
"""Those that keep a code's window themselves, and so are told it."""
WITH_USERS = frozenset({"lock4"})
"""Those on which an empty slot takes two reads: there may be a user who opens in another way."""
# lock5 tells no checksum: with one a lock.resync would have all its slots read again.
NODES = {"lock0": 9, "lock2": 2, "lock3": 3, "lock4": 4, "lock5": 8, "lock7": 7}
FRONT, DEAD = ("lock2", "lock3", "lock5"), "lock0"
"""Three doors of one property, and the fourth that dies: it comes first in every order that goes
by the lock's id, which is the worst case."""
PROPERTIES = {**{lock: (lock,) for lock in KINDS}, "three": FRONT, "four": (DEAD, *FRONT)}
SLOTS = 60
"""The hub reads each once when a lock is new to it, 10 each 5 s; measurements start after that."""
INVENTORY_S = 120.0
NEVER = "24h"
"""A `verify_after` beyond every run: that second look is a read which belongs to no write."""
QUIET_S = 0.25
"""After the last answer the hub still takes receipts (they linger 0.1 s, and are one transaction);
a measurement starts when that is over."""
LAST_WORDS = 20
"""Lines of the hub's log that are shown when it does not do what it should."""


def site_document(
    properties: Mapping[str, Sequence[str]], addresses: Mapping[str, str], driver: str = "zwave"
) -> dict[str, Any]:
    """The data of a `site.put`: locks by property, addresses by lock."""
    return {
        "version": 1,
        "zone": "UTC",
        "policy": {"verify_after": NEVER},
        "properties": [
            {"id": id_, "name": id_, "check_in": "15:00", "check_out": "10:00", "locks": [*locks]}
            for id_, locks in properties.items()
        ],
        "locks": [
            {"id": id_, "name": id_, "driver": driver, "address": address}
            for id_, address in addresses.items()
        ],
    }


def stay(id_: str, property_id: str, from_day: int = -1, nights: int = 3) -> dict[str, Any]:
    """The data of a `reservation.put`; day 0 is today, so by default the guest is there."""
    arrival = datetime.now(UTC).date() + timedelta(days=from_day)
    return {
        "id": id_,
        "version": 1,
        "property_id": property_id,
        "arrival": arrival.isoformat(),
        "departure": (arrival + timedelta(days=nights)).isoformat(),
        "confirmation_code": f"HM{id_.upper()}",
        "guest": {"name": f"Guest of {id_}", "phone": "+41 44 000 00 00"},
    }


@dataclass(slots=True, kw_only=True)
class Site:
    """A hub and its cloud, and a reservation's way through them."""

    hub: Hub
    cloud: Cloud
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def put(self, property_id: str) -> str:
        """Publish a reservation whose guest is there now; returns its id."""
        id_ = f"r{next(self._numbers)}"
        await self.cloud.send("reservation.put", stay(id_, property_id))
        return id_

    async def confirmed(self, reservation: str, locks: Collection[str]) -> None:
        """Until the cloud has heard that all these locks show its code."""
        await self._told("code.confirmed", reservation, locks)

    async def remove(self, reservation: str, locks: Collection[str]) -> None:
        """Cancel, and wait until the code is gone from these locks."""
        await self.cloud.send("reservation.cancel", {"id": reservation, "version": 2})
        await self._told("code.removed", reservation, locks)

    async def quiet(self) -> None:
        """Let everything settle, and forget what was said so far."""
        await asyncio.sleep(QUIET_S)
        self.cloud.events.clear()

    async def _told(self, type_: str, reservation: str, locks: Collection[str]) -> None:
        missing = set(locks)

        def last(event: Event) -> bool:
            if event["type"] == type_ and event["data"]["key_id"] == f"res:{reservation}":
                missing.discard(event["data"]["lock_id"])
            return not missing

        try:
            await self.cloud.until(last)
        except TimeoutError:
            words = "\n".join(self.hub.log.read_text().splitlines()[-LAST_WORDS:])
            raise RuntimeError(
                f"no {type_} from {sorted(missing)}; the hub said:\n{words}"
            ) from None


@dataclass(slots=True, kw_only=True)
class Rig(Site):
    """A site with Z-Wave locks."""

    sim: ZwaveSimulator

    async def forget_slots(self, *locks: str) -> None:
        """Let the hub forget what it saw in free slots, so that it reads before it writes."""
        for lock in locks:
            await self.cloud.done(await self.cloud.send("lock.resync", {"lock_id": lock}))


@contextlib.asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """A running site: each lock of `KINDS` is a property by itself, see `PROPERTIES`."""
    site = site_document(PROPERTIES, {lock: str(node) for lock, node in NODES.items()})
    with tempfile.TemporaryDirectory(prefix="gatewayd-bench-") as name:
        folder = Path(name)
        async with (
            Broker(folder / "broker") as broker,
            ZwaveSimulator(nodes=tuple(NODES.values()), slots=SLOTS) as sim,
            Hub(folder / "hub", broker.port, sim.url) as hub,
            Cloud(broker.port, hub.prefix) as cloud,
        ):
            await cloud.done(await cloud.send("site.put", site))
            await _inventoried(sim)
            yield Rig(sim=sim, hub=hub, cloud=cloud)


async def _inventoried(sim: ZwaveSimulator) -> None:
    """Until each slot of each lock was read once."""
    async with asyncio.timeout(INVENTORY_S):
        while True:
            exchanges = (await sim.frames())["exchanges"]
            reads = {lock: exchanges.get(node, {}).get("get", 0) for lock, node in NODES.items()}
            if all(n >= SLOTS * (2 if lock in WITH_USERS else 1) for lock, n in reads.items()):
                return
            await asyncio.sleep(QUIET_S)
