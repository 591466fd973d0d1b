"""The link against a broker with narrow limits, which mosquitto does not hold its clients to."""

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gatewayd.domain.events import LockOnline
from gatewayd.domain.ids import LockId
from simulators.broker import free_port
from tests.house import command, reservation, site
from tests.linked import PREFIX, hub, true

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, PINGREQ = 1, 3, 4, 8, 12


@dataclass
class NarrowBroker:
    """As much of MQTT 5 as one hub needs; it sends PUBACK only when told to."""

    window: int = 65_535
    largest: int = 268_435_455
    got: list[tuple[str, bytes, int]] = field(default_factory=list)
    _unacknowledged: list[int] = field(default_factory=list)
    _answered: asyncio.Event = field(default_factory=asyncio.Event)
    _writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._writer = writer
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
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
        self._send(0x40, struct.pack("!H", self._unacknowledged.pop(0)))

    async def all_is_here(self) -> None:
        """Whatever the hub has sent so far has come: its PUBACK of a command stands behind it."""
        self._answered.clear()
        topic = f"{PREFIX}cmd/report".encode()
        self._send(0x32, struct.pack("!H", len(topic)) + topic + struct.pack("!HB", 7, 0) + b"{}")
        await asyncio.wait_for(self._answered.wait(), 10)

    def _take(self, kind: int, body: bytes, size: int) -> None:
        if kind == CONNECT:
            limits = struct.pack("!BHBI", 0x21, self.window, 0x27, self.largest)
            self._send(0x20, bytes([0, 0, len(limits)]) + limits)
        elif kind == SUBSCRIBE:
            self._send(0x90, body[:2] + bytes([0, 1, 1]))
        elif kind == PUBACK:
            self._answered.set()
        elif kind == PINGREQ:
            self._send(0xD0, b"")
        elif kind == PUBLISH:
            (length,) = struct.unpack("!H", body[:2])
            topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
            self._unacknowledged.append(struct.unpack("!H", rest[:2])[0])
            self.got.append((topic.removeprefix(PREFIX), rest[3:], size))

    def _send(self, head: int, body: bytes) -> None:
        assert self._writer is not None
        assert len(body) < 128
        self._writer.write(bytes([head, len(body)]) + body)

    @property
    def topics(self) -> list[str]:
        """What came, without the prefix."""
        return [topic for topic, _, _ in self.got]


@asynccontextmanager
async def serving(broker: NarrowBroker) -> AsyncIterator[int]:
    """The broker on a port."""
    port = free_port()
    async with await asyncio.start_server(broker.serve, "127.0.0.1", port):
        yield port


async def ignore(payload: bytes, kind: str, retained: bool) -> None:
    """A command that changes nothing."""


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
