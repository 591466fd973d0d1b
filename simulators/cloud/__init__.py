"""The booking side: publishes commands, keeps events, sends receipts.

async with Cloud(port, prefix) as cloud:
    id_ = await cloud.send("reservation.put", {...})
    await cloud.until(lambda e: e["type"] == "command.done" and e["cause"] == id_)
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from ulid import ULID

type Event = dict[str, Any]

RESEND_S = (2.0, 60.0)
"""A command without its receipt is sent again after this long, doubling up to that: who is slow to
answer is not helped by more of the same."""


@dataclass(slots=True)
class _Sent:
    """A command that waits for its receipt."""

    topic: str
    payload: bytes
    due: float
    wait: float = RESEND_S[0]


class Cloud:
    """One cloud application for one hub; its memory is this object.

    `events` holds each event once, in the order of arrival; `retained` the last `status` and
    `reported`. `receipts = False` makes it an application that is down behind a living broker.
    """

    def __init__(self, port: int, prefix: str, host: str = "127.0.0.1") -> None:
        self._address, self._prefix = (host, port), prefix
        self.events: list[Event] = []
        self.retained: dict[str, Any] = {}
        self.receipts = True
        self._seen: set[str] = set()
        self._unanswered: dict[str, _Sent] = {}
        self._news = asyncio.Condition()
        self._loop = asyncio.get_running_loop()
        self._resender: asyncio.Task[None] | None = None
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"cloud-{ULID()}", protocol=mqtt.MQTTv5
        )
        # Back before the hub is: an embedded broker has forgotten who listens.
        self._client.reconnect_delay_set(0.1, 0.1)  # type: ignore[arg-type]  # seconds
        self._client.on_connect = lambda *_: self._connected()
        self._client.on_message = self._received
        # Nagle would hold a command until the broker's delayed ACK of the last receipt, 40 ms.
        self._client.on_socket_open = lambda _c, _u, sock: _send_at_once(sock)

    async def __aenter__(self) -> Self:
        expiry = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's are not typed
        expiry.SessionExpiryInterval = 3600
        self._client.connect_async(*self._address, clean_start=False, properties=expiry)
        self._client.loop_start()
        self._resender = asyncio.create_task(self._resend())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._resender is not None:
            self._resender.cancel()
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def send(self, type_: str, data: dict[str, Any], **envelope: object) -> str:
        """Publish a command, again until it is answered; returns its id."""
        id_ = str(envelope.pop("id", ULID()))
        body = {
            "id": id_,
            "type": type_,
            "hub": self._prefix.split("/")[3],
            "ts": datetime.now(UTC).isoformat(),
            "data": data,
            **envelope,
        }
        payload = json.dumps(body).encode()
        due = self._loop.time() + RESEND_S[0]
        self._unanswered[id_] = _Sent(f"cmd/{type_}", payload, due)
        self.publish(f"cmd/{type_}", payload)
        return id_

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Anything at all below the hub's prefix."""
        self._client.publish(self._prefix + topic, payload, qos=1, retain=retain)

    @property
    def unanswered(self) -> list[str]:
        """The ids of commands that have no receipt yet."""
        return list(self._unanswered)

    async def until(self, wanted: Callable[[Event], bool], within: float = 20.0) -> Event:
        """The first event, of those that came and those that come, that is wanted."""
        async with self._news, asyncio.timeout(within):
            while (found := next(filter(wanted, self.events), None)) is None:
                await self._news.wait()
            return found

    async def answer(self, command: str, within: float = 20.0) -> Event:
        """The receipt of a command: accepted, rejected or expired."""
        kinds = {"command.accepted", "command.rejected", "command.expired"}
        return await self.until(lambda e: e["cause"] == command and e["type"] in kinds, within)

    async def done(self, command: str, within: float = 30.0) -> Event:
        """Its `command.done`."""
        return await self.until(
            lambda e: e["cause"] == command and e["type"] == "command.done", within
        )

    async def follow(self) -> AsyncIterator[Event]:
        """Every event from the first on, as they come."""
        at = 0
        while True:
            async with self._news:
                while at >= len(self.events):
                    await self._news.wait()
            yield self.events[at]
            at += 1

    # On paho's own thread

    def _connected(self) -> None:
        topics = ("evt/+", "status", "reported")
        self._client.subscribe([(self._prefix + topic, 1) for topic in topics])

    def _received(self, _client: object, _user: object, message: mqtt.MQTTMessage) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._take, message.topic, bytes(message.payload))

    # On the loop

    def _take(self, topic: str, payload: bytes) -> None:
        kind = topic.removeprefix(self._prefix)
        body = json.loads(payload)
        if not kind.startswith("evt/"):
            self.retained[kind] = body
        elif body["id"] not in self._seen:
            self._seen.add(body["id"])
            self.events.append(body)
        if self.receipts and kind.startswith("evt/"):
            self.publish("ack", json.dumps({"ids": [body["id"]]}).encode())
            if body["type"].startswith("command."):
                self._unanswered.pop(body["cause"] or "", None)
        self._wake()

    def _wake(self) -> None:
        async def notify() -> None:
            async with self._news:
                self._news.notify_all()

        task = self._loop.create_task(notify())
        task.add_done_callback(lambda _: None)

    async def _resend(self) -> None:
        while True:
            await asyncio.sleep(RESEND_S[0])
            now = self._loop.time()
            for sent in [sent for sent in self._unanswered.values() if sent.due <= now]:
                self.publish(sent.topic, sent.payload)
                sent.wait = min(sent.wait * 2, RESEND_S[1])
                sent.due = now + sent.wait


def _send_at_once(sock: object) -> None:
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
