"""A whole house: real broker, real zwave-js server, the daemon as a process, the booking side.

Broker and server are started once; every test gets a hub of its own and finds the locks empty.
Afterwards the invariants must hold, and the hub must stop cleanly.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from simulators.broker import Broker
from simulators.cloud import Cloud, Event
from simulators.hub import Hub
from simulators.zwave import ZwaveSimulator
from tests import invariants

V1, V2_S2, USERS, V2, V1_S2 = 2, 3, 4, 5, 7
NODES = (V1, V2_S2, USERS, V2, V1_S2)

PRIVATE = ("Zyxwvut", "36 47")
"""Of the guest of `stay`."""

_numbers = count(1)


@dataclass(frozen=True)
class Door:
    """A lock of property `p`: its id, what it holds itself, and whether a code that is typed there
    opens it."""

    id: str
    codes: Callable[[], Awaitable[list[str]]]
    opens: Callable[[str], Awaitable[bool]]

    async def holds(self, *codes: str) -> bool:
        """Whether it holds exactly these."""
        return await self.codes() == sorted(codes)


@dataclass
class Site:
    """A hub, and the booking side."""

    hub: Hub
    cloud: Cloud

    async def put(
        self,
        rooms: Mapping[str, Collection[str]],
        locks: Sequence[Mapping[str, object]],
        version: int = 1,
        **policy: object,
    ) -> None:
        """Properties by the locks that they have, all at one site."""
        properties = [
            {
                "id": id_,
                "name": "Seaside",
                "check_in": "15:00",
                "check_out": "10:00",
                "locks": [*doors],
            }
            for id_, doors in rooms.items()
        ]
        document = {
            "version": version,
            "zone": "Europe/Zurich",
            "policy": {"verify_after": "1s", "backup": {"pool": 0}} | policy,
            "properties": properties,
            "locks": [*locks],
        }
        await self.cloud.done(await self.cloud.send("site.put", document))

    async def book(self, id_: str = "r1", version: int = 1, **more: object) -> str:
        """A stay that began yesterday; returns the command's id."""
        return await self.cloud.send("reservation.put", stay(id_, version) | more)

    async def say(self, type_: str, **data: object) -> None:
        """A command, until its effect is proven."""
        await self.cloud.done(await self.cloud.send(type_, data))

    async def code(self, id_: str = "r1") -> str:
        """The code that a reservation was assigned."""
        assigned = await self.cloud.until(
            lambda e: e["type"] == "code.assigned" and e["data"]["reservation_id"] == id_
        )
        return str(assigned["data"]["display"])

    async def settled(self, lock: str) -> None:
        """Wait until the hub knows all that is in a lock, and has looked at its codes twice."""

        async def settled() -> bool:
            sql = (
                "SELECT 1 FROM locks WHERE id = ?1 AND NOT inventoried UNION ALL "
                "SELECT 1 FROM leases WHERE lock_id = ?1 AND verify_due IS NOT NULL"
            )
            with closing(sqlite3.connect(f"file:{self.hub.database}?mode=ro", uri=True)) as store:
                return not store.execute(sql, (lock,)).fetchall()

        await eventually(settled)

    async def told_times(self, times: int, type_: str, **data: object) -> None:
        """Wait until so many such events came."""

        async def enough() -> bool:
            return self.count(type_, **data) >= times

        await eventually(enough)

    async def told(self, type_: str, within: float = 20.0, **data: object) -> Event:
        """The first event of a type whose data has these fields."""
        return await self.cloud.until(lambda e: matches(e, type_, data), within)

    def count(self, type_: str, **data: object) -> int:
        """How many such events came."""
        return sum(matches(e, type_, data) for e in self.cloud.events)


@dataclass
class House(Site):
    """All there is; locks are named l2, l3 … after their nodes."""

    broker: Broker
    zwave: ZwaveSimulator

    async def site(self, *nodes: int, version: int = 1, **policy: object) -> None:
        """One property `p` with these locks."""
        await self.rooms({"p": nodes}, version, **policy)

    async def rooms(
        self, rooms: Mapping[str, Collection[int]], version: int = 1, **policy: object
    ) -> None:
        """Properties, each with its locks."""
        doors = {id_: [f"l{node}" for node in nodes] for id_, nodes in rooms.items()}
        locks = [_lock(node) for node in {n for nodes in rooms.values() for n in nodes}]
        await self.put(doors, locks, version, **policy)

    async def codes(self, node: int) -> list[str]:
        """What the lock itself holds."""
        return sorted((await self.zwave.node(node))["codes"].values())

    def door(self, node: int) -> Door:
        """One of them, as any lock."""

        async def opens(code: str) -> bool:
            return bool((await self.zwave.keypad(node, code=code))["opened"])

        return Door(f"l{node}", partial(self.codes, node), opens)

    async def holds(self, node: int, *codes: str, within: float = 20.0) -> None:
        """Wait until the lock itself holds exactly these codes."""
        await eventually(lambda: self._holds(node, sorted(codes)), within)

    async def _holds(self, node: int, codes: list[str]) -> bool:
        return await self.codes(node) == codes

    async def exchanges(self, node: int, kind: str) -> int:
        """How many frames of a kind (get, set) the lock was sent since the last reset."""
        return int((await self.zwave.frames())["exchanges"].get(node, {}).get(kind, 0))


async def eventually(condition: Callable[[], Awaitable[bool]], within: float = 20.0) -> None:
    """Wait for a state that somebody else reaches, with a deadline."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110  # the state is in other processes
            await asyncio.sleep(0.02)


def matches(event: Event, type_: str, data: dict[str, object]) -> bool:
    """Whether an event has this type and these fields."""
    return bool(event["type"] == type_ and data.items() <= event["data"].items())


def stay(id_: str, version: int) -> dict[str, Any]:
    """A reservation of property `p` that is current whatever the time of day."""
    today = datetime.now(UTC).date()
    return {
        "id": id_,
        "version": version,
        "property_id": "p",
        "arrival": str(today - timedelta(days=2)),
        "departure": str(today + timedelta(days=2)),
        "confirmation_code": f"HM{id_.upper()}",
        "guest": {"name": "Quentin Zyxwvut", "phone": "+41 79 000 36 47"},
    }


def _lock(node: int) -> dict[str, Any]:
    return {"id": f"l{node}", "name": f"Door {node}", "driver": "zwave", "address": str(node)}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def street(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Broker, ZwaveSimulator]]:
    """Broker and Z-Wave network."""
    folder = tmp_path_factory.mktemp("broker")
    async with Broker(folder) as broker, ZwaveSimulator(nodes=NODES, slots=10) as zwave:
        yield broker, zwave


@pytest_asyncio.fixture(loop_scope="session")
async def house(street: tuple[Broker, ZwaveSimulator], tmp_path: Path) -> AsyncIterator[House]:
    """A hub with empty, healthy locks."""
    broker, zwave = street
    for node in NODES:
        await zwave.faults(node)
        for slot in (await zwave.node(node))["codes"]:
            await zwave.set_code(node, slot, None)
    zwave.by_hand.clear()
    hub = Hub(tmp_path / "hub", broker.port, zwave.url, site=f"site{next(_numbers)}")
    async with Cloud(broker.port, hub.prefix) as cloud, hub:
        await cloud.until(lambda e: e["type"] == "hub.started")
        yield House(hub, cloud, broker, zwave)
        await invariants.hold(hub, cloud, zwave, PRIVATE)
        assert await hub.stop() == 0
