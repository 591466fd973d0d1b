"""Holding a connection to the broker, for ever: full-jitter back-off, commands in, events out.

A command is acknowledged (PUBACK) after its transaction is committed. If that fails the connection
is dropped, and the broker sends the command again.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

import structlog
from paho.mqtt.client import MQTTMessage

from gatewayd.clock import Clock
from gatewayd.cloud.connection import Broker, Connection, Lost, connect
from gatewayd.cloud.home_assistant import HomeAssistant
from gatewayd.cloud.publisher import Publisher
from gatewayd.domain.reach import Reach
from gatewayd.store.form import plain

log = structlog.get_logger(__name__)

BACKOFF = (0.5, 60.0)
"""Seconds: a wait is drawn between 0 and the first, doubled at each failure up to the second."""
STABLE = 30.0
"""Seconds after which a connection counts as good and the back-off starts anew."""
LINGER = 0.1
"""Seconds that a receipt waits for others: one transaction for all, off the way of a command."""
GATHERED = 50
"""Receipts that do not wait for more, but take with them what has come; well below the connection's
RECEIVE_MAXIMUM."""
GOODBYE = 3.0
"""Seconds for the last words at shutdown."""
RETAINED = 30.0
"""Seconds that a broker may take to hand out what a hub said that lost its database."""
AT_FIRST = 0.5
"""The same for a hub that begins: mostly there is nothing; else its card died."""

type Accept = Callable[[bytes, str, bool], Awaitable[None]]
"""payload, kind, retained: returns once the command is on disk."""
type Remember = Callable[[bytes | None], Awaitable[None]]
"""What the hub itself said last, see `Connection.retained`: returns once that is on disk."""


def status(state: str, reason: str | None, since: object, version: str) -> bytes:
    """The retained `status` message."""
    return json.dumps(
        {"state": state, "reason": reason, "since": since, "version": version}, default=plain
    ).encode()


@dataclass(slots=True)
class CloudLink:
    """`accept` takes commands; `session_lost` is told when the broker has forgotten us. An address
    that fails gives way to the next. `reach`: how it stands with the broker. `remember`: of a hub
    that lost its database, or began with a new one, once, before anything is taken or told;
    `patience`: seconds for that."""

    broker: Broker
    prefix: str
    version: str
    accept: Accept
    session_lost: Callable[[], Awaitable[None]]
    publisher: Publisher
    clock: Clock
    rng: Random
    remember: Remember | None = None
    patience: float = RETAINED
    home: HomeAssistant | None = None
    ever_connected: bool = False
    reach: Reach = field(init=False)
    _tried: int = 0

    def __post_init__(self) -> None:
        self.reach = Reach(up=False, since=self.clock.now().latest)

    async def run(self) -> None:
        """Connect, serve, connect again; returns only by cancellation, after a goodbye."""
        failures = 0
        while True:
            started = self.clock.tick()
            try:
                await self._serve()
            except* (Lost, OSError) as lost:
                why = str(lost.exceptions[0])
                log.warning("cloud.connection_ended", why=why)
                since = self.clock.now().latest if self.reach.up else self.reach.since
                self.reach = Reach(up=False, since=since, why=why)
            failures = 0 if self.clock.tick() - started > STABLE else failures + 1
            self._tried += failures > 0
            ceiling = min(BACKOFF[0] * 2 ** min(failures, 10), BACKOFF[1])
            await asyncio.sleep(self.rng.uniform(0, ceiling))

    async def _serve(self) -> None:
        """One connection from its start to its end."""
        addresses = self.broker.addresses
        async with connect(self.broker, addresses[self._tried % len(addresses)]) as connection:
            if connection.session_present:  # a connection that ended while it asked has left these
                connection.unsubscribe(f"{self.prefix}reported", f"{self.prefix}status")
            else:
                await self.session_lost()
            await connection.subscribe(f"{self.prefix}cmd/+", f"{self.prefix}ack")
            now = self.clock.now().latest
            online = status("online", None, now, self.version)
            connection.publish(f"{self.prefix}status", online, retain=True)
            log.info("cloud.connected", session_present=connection.session_present)
            self.ever_connected, self.reach = True, Reach(up=True, since=now)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(connection.keep_alive(), name="mqtt keep-alive")
                    group.create_task(self._begin(connection, group), name="mqtt begin")
                    raise Lost(await connection.closed())
            except asyncio.CancelledError:
                await self._goodbye(connection)
                raise

    async def _begin(self, connection: Connection, group: asyncio.TaskGroup) -> None:
        """Take and tell, once the hub knows what it can know of itself."""
        if self.remember is not None:
            own = f"{self.prefix}reported", f"{self.prefix}status"
            await self.remember(await connection.retained(*own, self.patience))
            self.remember = None
        group.create_task(self._consume(connection), name="mqtt commands")
        group.create_task(self.publisher.run(connection), name="mqtt events")
        if self.home is not None:
            group.create_task(self.home.run(connection), name="mqtt home assistant")

    async def _consume(self, connection: Connection) -> None:
        """Commands at once; receipts gather for a moment and are one transaction. PUBACKs go out
        in the order in which the messages came, as MQTT wants it."""
        receipts: list[MQTTMessage] = []
        while True:
            message = await self._next(connection, LINGER if receipts else None)
            command = None
            if message is not None and message.topic == f"{self.prefix}ack":
                receipts.append(message)
                if len(receipts) < GATHERED or not connection.messages.empty():
                    continue
            elif message is not None:
                command = message
                if command.topic.startswith(word := f"{self.prefix}cmd/"):  # else not asked for
                    kind = command.topic.removeprefix(word)
                    await self.accept(bytes(command.payload), kind, command.retain)
            await self.publisher.receipted([bytes(receipt.payload) for receipt in receipts])
            for done in receipts:
                connection.acknowledge(done)
            receipts.clear()
            if command is not None:
                connection.acknowledge(command)

    async def _next(self, connection: Connection, within: float | None) -> MQTTMessage | None:
        if not connection.messages.empty():
            return connection.messages.get_nowait()
        try:
            async with asyncio.timeout(within):
                return await connection.messages.get()
        except TimeoutError:
            return None

    async def _goodbye(self, connection: Connection) -> None:
        """Retained `offline`, so that nobody waits for the will."""
        with contextlib.suppress(Lost, TimeoutError):
            async with asyncio.timeout(GOODBYE):
                last = status("offline", "shutdown", self.clock.now().latest, self.version)
                await connection.publish(f"{self.prefix}status", last, retain=True, last=True)
                connection.disconnect()
