"""The link against a broker with limits that mosquitto does not have, or not in each release."""

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gatewayd.cloud import connection as connections
from gatewayd.cloud.publisher import WINDOW
from gatewayd.domain.events.hub import HubStarted
from gatewayd.domain.events.lock import LockOnline
from gatewayd.domain.ids import LockId
from gatewayd.store.outbox import park, receipted
from simulators.broker import free_port
from tests.house import command, reservation, site
from tests.linked import PREFIX, hub, true

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, PINGREQ = 1, 3, 4, 8, 12
QUOTA_EXCEEDED = 0x97


@dataclass
class NarrowBroker:
    """As much of MQTT 5 as one hub needs; unless it is `prompt` it sends PUBACK only when told to,
    and where it is it also plays the cloud's application, which gives `receipts`. It refuses what
    comes on some topics, at one it closes the connection, so many times, and where it `keeps`
    sessions it says that it has the hub's."""

    window: int = 65_535
    largest: int = 268_435_455
    prompt: bool = False
    receipts: bool = True
    keeps: bool = False
    refuses: set[str] = field(default_factory=set)
    closes_at: str | None = None
    closes: int = 1_000_000
    connections: int = 0
    got: list[tuple[str, bytes, int]] = field(default_factory=list)  # in this connection
    _unacknowledged: list[int] = field(default_factory=list)
    _answered: asyncio.Event = field(default_factory=asyncio.Event)
    _writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._writer = writer
        with contextlib.suppress(asyncio.IncompleteReadError):
            while not writer.is_closing():
                head = (await reader.readexactly(1))[0]
                length, shift = 0, 0
                while True:
                    digit = (await reader.readexactly(1))[0]
                    length |= (digit & 127) << shift
                    shift += 7
                    if digit < 128:
                        break
                self._take(head >> 4, await reader.readexactly(length), 1 + shift // 7 + length)
        writer.close()

    def acknowledge(self) -> None:
        """The PUBACK of the oldest message that waits for one."""
        topic, payload, _ = self.got[-len(self._unacknowledged)]
        refused = topic in self.refuses
        reason = QUOTA_EXCEEDED if refused else 0
        self._send(0x40, struct.pack("!HB", self._unacknowledged.pop(0), reason))
        if self.prompt and self.receipts and topic.startswith("evt/") and not refused:
            self._publish("ack", b'{"ids":["%s"]}' % json.loads(payload)["id"].encode())

    def hang_up(self) -> None:
        """The connection ends."""
        assert self._writer is not None
        self._writer.close()

    async def all_is_here(self) -> None:
        """Whatever the hub has sent so far has come: its PUBACK of a command stands behind it."""
        self._answered.clear()
        self._publish("cmd/report", b"{}")
        await asyncio.wait_for(self._answered.wait(), 10)

    def _take(self, kind: int, body: bytes, size: int) -> None:
        if kind == CONNECT:
            self.connections += 1
            self.got.clear()
            self._unacknowledged.clear()
            known = self.keeps and self.connections > 1
            limits = struct.pack("!BHBI", 0x21, self.window, 0x27, self.largest)
            self._send(0x20, bytes([known, 0, len(limits)]) + limits)
        elif kind == SUBSCRIBE:
            self._send(0x90, body[:2] + bytes([0, 1, 1]))
        elif kind == PUBACK:
            self._answered.set()
        elif kind == PINGREQ:
            self._send(0xD0, b"")
        elif kind == PUBLISH:
            (length,) = struct.unpack("!H", body[:2])
            topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
            if topic == self.closes_at and self.closes:
                self.closes -= 1
                self.hang_up()
                return
            self._unacknowledged.append(struct.unpack("!H", rest[:2])[0])
            self.got.append((topic.removeprefix(PREFIX), rest[3:], size))
            if self.prompt:
                self.acknowledge()

    def _publish(self, word: str, payload: bytes) -> None:
        topic = (PREFIX + word).encode()
        self._send(0x32, struct.pack("!H", len(topic)) + topic + struct.pack("!HB", 7, 0) + payload)

    def _send(self, head: int, body: bytes) -> None:
        assert self._writer is not None
        assert len(body) < 128
        self._writer.write(bytes([head, len(body)]) + body)

    @property
    def topics(self) -> list[str]:
        """What came, without the prefix."""
        return [topic for topic, _, _ in self.got]

    def told(self, kind: str) -> list[str]:
        """The subjects of the alerts raised or cleared in this connection."""
        of_kind = (payload for topic, payload, _ in self.got if topic == f"evt/alert.{kind}")
        return [json.loads(payload)["data"]["subject"] for payload in of_kind]


@asynccontextmanager
async def serving(broker: NarrowBroker) -> AsyncIterator[int]:
    """The broker on a port."""
    port = free_port()
    async with await asyncio.start_server(broker.serve, "127.0.0.1", port):
        yield port


async def ignore(payload: bytes, kind: str, retained: bool) -> None:
    """A command that changes nothing."""


async def test_a_broker_that_hands_out_nothing_says_nothing_of_what_the_hub_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "SURELY", 0.1)
    heard: list[bytes | None] = []

    async def remember(payload: bytes | None) -> None:
        heard.append(payload)

    broker = NarrowBroker(prompt=True)
    async with serving(broker) as port, hub(tmp_path, port, ignore, remember=remember) as h:
        await h.tell(LockOnline(LockId("a")))
        await h.eventually(lambda: true("evt/lock.online" in broker.topics))
    assert heard == [None]


async def test_status_and_summary_count_in_the_brokers_window(tmp_path: Path) -> None:
    broker = NarrowBroker(window=1)
    async with serving(broker) as port, hub(tmp_path, port, ignore) as h:
        await h.eventually(lambda: true(broker.got))
        await h.tell(LockOnline(LockId("a")), LockOnline(LockId("b")))
        await h.eventually(lambda: true(h.publisher._on_way))
        for expected in ("status", "reported", "evt/lock.online", "evt/lock.online"):
            await h.eventually(lambda e=expected: true(broker.topics[-1] == e))
            before = len(broker.got)
            await broker.all_is_here()
            assert len(broker.got) == before
            broker.acknowledge()
            if before < 4:
                await h.eventually(lambda n=before: true(len(broker.got) > n))


async def test_the_summary_keeps_to_the_largest_packet_of_the_broker(tmp_path: Path) -> None:
    broker = NarrowBroker(largest=4_000)
    async with hub(tmp_path, free_port()) as away:
        sent = [command("site.put", site(), id="S")]
        for n in range(40):
            stay = reservation(f"R{n}", arrival=f"20{n + 50}-01-01", departure=f"20{n + 50}-01-02")
            sent.append(command("reservation.put", stay, id=f"C{n}"))
        for message in sent:
            await away.link.accept(json.dumps(message).encode(), message["type"], False)
    async with serving(broker) as port, hub(tmp_path, port, ignore) as h:
        while "reported" not in broker.topics:
            await h.eventually(lambda: true(broker._unacknowledged))
            broker.acknowledge()
    ((payload, size),) = [(p, size) for topic, p, size in broker.got if topic == "reported"]
    assert 3_500 < size <= 4_000
    told = [key["key_id"] for key in json.loads(payload)["keys"]]
    assert told == [f"res:R{n}" for n in range(len(told))]  # the nearest


async def test_what_the_broker_refused_is_tried_once_in_each_connection(tmp_path: Path) -> None:
    # Fault 57
    refused = "evt/lock.online"
    broker = NarrowBroker(prompt=True, refuses={refused, "evt/hub.started"})
    async with serving(broker) as port, hub(tmp_path, port, ignore) as h:

        async def parked(count: int) -> bool:
            rows = await h.database.read.rows("SELECT parked FROM outbox")
            return len(rows) == count and all(why for (why,) in rows)

        await h.tell(LockOnline(LockId("a")), LockOnline(LockId("b")), HubStarted("1"))
        await h.eventually(lambda: parked(3))
        assert sorted(broker.told("raised")) == ["hub.started", "lock.online"]

        changes = h.database._writer.total_changes
        for connection in (2, 3):
            broker.hang_up()
            await h.eventually(
                lambda c=connection: true(broker.connections == c and len(broker.topics) >= 5)
            )
            await broker.all_is_here()
            tried = sorted(broker.topics[2:])  # after all else
            assert broker.topics[:2] == ["status", "reported"]
            assert tried == ["evt/hub.started", refused, refused]
        assert h.database._writer.total_changes == changes  # nothing wears the flash

        broker.refuses.remove(refused)
        broker.hang_up()
        await h.eventually(lambda: true(broker.told("cleared")))
        await h.eventually(lambda: parked(1))
        assert broker.told("cleared") == ["lock.online"]
        assert broker.topics.count(refused) == 2
        assert broker.topics.count("evt/hub.started") == 1


async def test_what_waits_beside_a_parked_event_is_sent_after_a_restart(tmp_path: Path) -> None:
    broker, many = NarrowBroker(prompt=True, refuses={"evt/hub.started"}), 2 * WINDOW
    async with hub(tmp_path, free_port()) as away:
        await away.tell(*(LockOnline(LockId(f"l{n}")) for n in range(many)), HubStarted("1"))
        async with away.database.transaction() as tx:
            await park(tx, (await away.outbox.fetch(many, 1))[0].id, "not authorized")
    async with serving(broker) as port, hub(tmp_path, port, ignore) as h:
        await h.eventually(lambda: true(broker.topics.count("evt/lock.online") == many))


async def test_an_alert_of_parked_events_ends_with_their_receipts_too(tmp_path: Path) -> None:
    """An earlier try may have gone through, or the hub ended between PUBACK and its note."""
    broker = NarrowBroker(prompt=True, refuses={"evt/hub.started"})
    async with serving(broker) as port, hub(tmp_path, port, ignore) as h:
        await h.tell(HubStarted("1"))
        await h.eventually(lambda: true(broker.told("raised")))
        async with h.database.transaction() as tx:
            await receipted(tx, await h.outbox.parked())
        broker.hang_up()
        await h.eventually(lambda: true(broker.told("cleared") == ["hub.started"]))
