"""The parts of a demo, and what every scene needs: say, wait for a state, expect."""

import asyncio
import contextlib
import json
import os
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from simulators.bluetooth import BluetoothSimulator
from simulators.broker import Broker, Kind, free_port
from simulators.child import SimulatorError
from simulators.cloud import Cloud, Event
from simulators.cloud.bookings import Bookings
from simulators.demo.site import DOORS, NODES, NUKIS
from simulators.demo.view import View
from simulators.hub import Hub
from simulators.zwave import ZwaveSimulator

SLOTS = 12
"""In each Z-Wave lock: more than guests ever share the gate."""
POLL_S = 0.1
"""Between two looks into the locks' memory."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Something that must hold, and whether it did; `detail` says what was there instead."""

    name: str
    ok: bool
    detail: str = ""


class Stage:
    """Everything that runs, as a context manager; `expectations` is the verdict so far.

    The hub is not started by itself: a scene does that, when the locks are as it wants them.
    """

    def __init__(self, folder: Path, say: Callable[[str], None], kind: Kind | None = None) -> None:
        self.say = say
        self.expectations: list[Expectation] = []
        self.staying: set[str] = set()
        self.by_hand: list[tuple[str, int, str]] = []
        self.ends = self.begins = datetime.max.replace(tzinfo=UTC)
        self.view = View()
        self.broker = Broker(folder / "broker", kind=kind)
        self.locks = ZwaveSimulator(tuple(NODES.values()), slots=SLOTS)
        self.nukis = BluetoothSimulator(len(NUKIS))
        self.addresses: dict[str, str] = {}
        self.hub: Hub
        self.cloud: Cloud
        self.bookings: Bookings
        self._folder = folder
        self._parts = AsyncExitStack()
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the demo was started."""
        return time.monotonic() - self._started

    @property
    def ok(self) -> bool:
        """Whether every expectation so far has held, and there was one."""
        return bool(self.expectations) and all(each.ok for each in self.expectations)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as parts:
            self.say("starting a broker, eight simulated Z-Wave locks and two simulated Nuki locks")
            await parts.enter_async_context(self.broker)
            await self._simulate(parts)
            self.hub = Hub(
                self._folder / "hub",
                self.broker.port,
                self.locks.url,
                bluetooth=self.nukis.environment,
            )
            self.hub.page = free_port()
            self.cloud = Cloud(self.broker.port, self.hub.prefix)
            await parts.enter_async_context(self.cloud)
            self.bookings = Bookings(self.cloud)
            self._parts = parts.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._parts.aclose()

    async def _simulate(self, parts: AsyncExitStack) -> None:
        """Both kinds of locks at once; they take their time."""
        path = self._folder / "simulators.log"
        try:
            with _stderr_to(path):
                async with asyncio.TaskGroup() as group:
                    group.create_task(parts.enter_async_context(self.locks))
                    group.create_task(parts.enter_async_context(self.nukis))
        except* SimulatorError as errors:
            why = "; ".join(map(str, errors.exceptions))
            raise SimulatorError(f"{why}\n{path.read_text()}") from None

    async def start_hub(self) -> None:
        """The daemon's first start, paired with the Nuki locks; from now on it is stopped at the
        end."""
        made = {lock: await self.nukis.authorise(number) for lock, number in NUKIS.items()}
        self.addresses = {lock: each["address"] for lock, each in made.items()}
        await self.hub.pair(*made.values())
        await self._parts.enter_async_context(self.hub)
        self.say(f"the hub runs; look at {self.hub.url}, or ask in a terminal: {self.question}")

    @property
    def question(self) -> str:
        """What to type to see how the hub stands."""
        return f"GATEWAYD_SOCKET={self.hub.socket} .venv/bin/gatewayd status"

    # Expectations

    def expect(self, name: str, ok: bool, detail: str = "") -> None:
        """Note whether something holds."""
        self.expectations.append(Expectation(name, ok, "" if ok else detail))
        self.say(f"  {'ok' if ok else 'NOT SO'}: {name}" + (f" ({detail})" if not ok else ""))

    async def expect_soon(
        self, name: str, within: float, holds: Callable[[], Awaitable[bool]]
    ) -> None:
        """Note whether something comes true within seconds."""
        self.expect(name, await self.comes_true(within, holds), f"not within {within:.0f} s")

    async def comes_true(self, within: float, holds: Callable[[], Awaitable[bool]]) -> bool:
        """Wait until something holds; whether it did in time."""
        try:
            async with asyncio.timeout(within):
                while not await holds():  # noqa: ASYNC110  # a lock's memory tells nobody
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            return False
        return True

    # Reservations

    async def book(self, data: dict[str, Any]) -> str:
        """Put a reservation, and remember that its guest is to be in; the command's id."""
        self.view.guest(data["id"], (data.get("guest") or {}).get("name", data["id"]))
        self.staying.add(data["id"])
        command = await self.bookings.put(data)
        assert command is not None
        return command

    async def code(self, stay: str) -> str:
        """The code that the hub assigned to a stay, and what it was changed to."""
        await self.told("code.assigned", reservation_id=stay)
        kinds, events = ("code.assigned", "code.changed"), self.cloud.events
        his = (e for e in events if e["type"] in kinds and e["data"]["reservation_id"] == stay)
        return str(max(his, key=lambda e: int(e["seq"]))["data"]["display"])

    async def told(self, type_: str, within: float = 20.0, **data: object) -> Event:
        """The first event of a type whose data has these fields."""
        return await self.cloud.until(
            lambda e: e["type"] == type_ and data.items() <= e["data"].items(), within
        )

    # The locks' own memory

    async def set_by_hand(self, lock: str, slot: int, code: str) -> None:
        """Somebody puts a code into a Z-Wave lock, where it is to stay."""
        self.by_hand.append((lock, slot, code))
        await self.locks.set_code(NODES[lock], slot, code)

    async def memory(self) -> dict[str, list[str]]:
        """The codes in each lock, by the lock's id."""
        nodes = {node["id"]: node["codes"].values() for node in await self.locks.nodes()}
        nukis = {nuki["id"]: nuki["codes"] for nuki in await self.nukis.locks()}
        return {lock: list(nodes[node]) for lock, node in NODES.items()} | {
            lock: [each["code"] for each in nukis[number]] for lock, number in NUKIS.items()
        }

    async def holding(self, stay: str) -> set[str]:
        """The locks that hold a stay's code."""
        code = await self.code(stay)
        return {lock for lock, codes in (await self.memory()).items() if code in codes}

    async def in_everywhere(self, stay: str, *but: str) -> bool:
        """Whether a stay's code is in all locks of its property, and in no other."""
        doors = set(DOORS[self.bookings.reservations[stay]["property_id"]])
        return await self.holding(stay) == doors - {*but}

    def outbox(self) -> list[Event]:
        """What the hub has on its disk for the cloud: events without a receipt."""
        return [
            json.loads(envelope) for (envelope,) in self._on_disk("SELECT envelope FROM outbox")
        ]

    async def settled(self, lock: str) -> bool:
        """Whether the hub has taken its second look at all new codes of a lock."""
        sql = "SELECT 1 FROM leases WHERE lock_id = ? AND verify_due IS NOT NULL"
        return not self._on_disk(sql, lock)

    def _on_disk(self, sql: str, *values: str) -> list[Any]:
        store = sqlite3.connect(f"file:{self.hub.database}?mode=ro", uri=True)
        try:
            return store.execute(sql, values).fetchall()
        finally:
            store.close()

    async def gone(self, stay: str) -> bool:
        """Whether no lock holds a stay's code."""
        return not await self.holding(stay)


@contextlib.contextmanager
def _stderr_to(path: Path) -> Iterator[None]:
    """What a process started in the block has to complain about goes to a file."""
    sys.stderr.flush()
    before = os.dup(2)
    with path.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
