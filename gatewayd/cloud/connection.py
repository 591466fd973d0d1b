"""One MQTT connection: paho on the event loop, and nothing that outlives the socket.

paho connects in a thread (DNS, TCP and TLS block); its socket callbacks are installed afterwards,
on the loop. It runs with `manual_ack`, so PUBACK goes out when the caller says so, and without a
window of its own: state that SQLite lacks must not live in paho. QoS is 1, never 2: paho would
answer PUBREC before anybody saw the message.
"""

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

CONNECT_TIMEOUT, HANDSHAKE_TIMEOUT = 10.0, 15.0
SURELY = 30.0
"""Seconds for the broker to hand out what it was given to retain a moment ago, on a slow line."""
SESSION_EXPIRY = 7 * 86_400
"""Seconds that the broker keeps commands for a hub that is away."""
RECEIVE_MAXIMUM = 100
"""Commands that may be under way to us without our PUBACK."""
WILL_DELAY = 5
"""Seconds before the broker tells that we are gone: a short drop is not told."""
READS = 100
"""Packets taken from the socket in one go, so that a flood does not starve the loop."""


class Address(NamedTuple):
    """One of the broker's."""

    host: str
    port: int


class Lost(Exception):
    """The connection ended, or could not be made."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where and as whom to connect. `will` is (topic, payload), retained; `addresses` are tried in
    turn. With `legacy` it speaks MQTT 3.1.1: the broker then keeps the session as long as it likes,
    tells the will at once, and refuses what it refuses without a word."""

    addresses: tuple[Address, ...]
    client_id: str
    will: tuple[str, bytes]
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    keepalive: int = 30
    legacy: bool = False


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """A message that waits for room in the broker's window."""

    topic: str
    payload: bytes
    retain: bool
    taken: asyncio.Future[ReasonCode]


class Connection:
    """Use through `connect`; every method raises `Lost` once the connection is gone.

    `window`: how many messages the broker takes without its PUBACK; what is beyond waits here.
    `largest`: the bytes that a whole packet may have, None where the broker does not say.
    `unanswered`: the messages on their way without a PUBACK, at the end those that never had one.
    """

    def __init__(self, client: mqtt.Client, loop: asyncio.AbstractEventLoop) -> None:
        self._client, self._loop = client, loop
        self.messages: asyncio.Queue[mqtt.MQTTMessage] = asyncio.Queue()
        self.session_present = False
        self.window = 0
        self.largest: int | None = None
        self._connack: asyncio.Future[tuple[bool, ReasonCode, Any]] = loop.create_future()
        self._closed: asyncio.Future[str] = loop.create_future()
        self._suback: dict[int | None, asyncio.Future[list[ReasonCode]]] = {}
        self.unanswered: dict[int, asyncio.Future[ReasonCode]] = {}
        self._waiting: deque[_Outgoing] = deque()
        client.on_connect = lambda _c, _u, flags, code, props: _settle(
            self._connack, (flags.session_present, code, props)
        )
        client.on_disconnect = lambda _c, _u, _f, code, _p: _settle(self._closed, str(code))
        self._retained: dict[str, asyncio.Future[bytes | None]] = {}
        client.on_message = self._on_message
        client.on_subscribe = lambda _c, _u, mid, codes, _p: _settle(
            self._suback.setdefault(mid, loop.create_future()), codes
        )
        client.on_publish = self._on_publish

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, last: bool = False
    ) -> asyncio.Future[ReasonCode]:
        """Send at QoS 1, the `last` word before what still waits; the future gives the broker's
        PUBACK reason."""
        if last:
            self._waiting.clear()
        future: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._waiting.append(_Outgoing(topic, payload, retain, future))
        self._send()
        return future

    def _send(self) -> None:
        while self._waiting and len(self.unanswered) < self.window:
            out = self._waiting.popleft()
            info = self._client.publish(out.topic, out.payload, qos=1, retain=out.retain)
            if info.rc != mqtt.MQTT_ERR_SUCCESS:
                raise Lost(f"publish failed ({mqtt.error_string(info.rc)})")
            self.unanswered[info.mid] = out.taken

    def acknowledge(self, message: mqtt.MQTTMessage) -> None:
        """Send the PUBACK: the message's effect is on disk."""
        self._client.ack(message.mid, message.qos)

    async def subscribe(self, *topics: str) -> None:
        """At QoS 1; a retained message keeps its flag, so that it can be told from a live one."""
        options: Any = 1
        if self._client.protocol == mqtt.MQTTv5:
            options = SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=1)
        _, mid = self._client.subscribe([(topic, options) for topic in topics])
        codes = await self._answer(self._suback.setdefault(mid, self._loop.create_future()))
        if any(code.is_failure for code in codes):
            raise Lost("the broker refuses the subscription: look at its access rules")

    async def retained(self, topic: str, after: str, within: float) -> bytes | None:
        """What the broker retains on a topic; empty: nothing came in so many seconds after what it
        surely retains, `after`, so there is nothing; None: nobody can tell, above all where it may
        not be read. At QoS 0: not behind what waits for our PUBACK."""
        found = self._retained[topic] = self._loop.create_future()
        sure = self._retained[after] = self._loop.create_future()
        unsure = self._loop.call_later(SURELY, _settle, found, None)
        sure.add_done_callback(lambda _: unsure.cancel())
        sure.add_done_callback(lambda _: self._loop.call_later(within, _settle, found, b""))
        _, mid = self._client.subscribe([(topic, 0), (after, 0)])
        codes = await self._answer(self._suback.setdefault(mid, self._loop.create_future()))
        if any(code.is_failure for code in codes):
            _settle(found, None)
        try:
            return await self._answer(found, 2 * SURELY + within)
        finally:
            self._retained.clear()
            self.unsubscribe(topic, after)

    def unsubscribe(self, *topics: str) -> None:
        """Without waiting for the answer: where the connection ends before, do it again."""
        self._client.unsubscribe([*topics])

    async def closed(self) -> str:
        """Wait for the end; says why."""
        return await asyncio.shield(self._closed)

    async def _answer[T](self, future: asyncio.Future[T], within: float | None = None) -> T:
        waited: set[asyncio.Future[Any]] = {future, self._closed}
        limit = within or HANDSHAKE_TIMEOUT
        await asyncio.wait(waited, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if future.done():
            return future.result()
        raise Lost(self._closed.result() if self._closed.done() else "no answer from the broker")

    def _on_message(self, _c: object, _u: object, message: mqtt.MQTTMessage) -> None:
        if (asked := self._retained.get(message.topic)) is None:
            self.messages.put_nowait(message)
        elif message.retain:
            _settle(asked, bytes(message.payload))

    def _on_publish(self, _c: object, _u: object, mid: int, code: ReasonCode, _p: object) -> None:
        if (future := self.unanswered.pop(mid, None)) is not None:
            _settle(future, code)
        with contextlib.suppress(Lost):  # `closed` tells it
            self._send()

    async def open(self, broker: Broker, address: Address) -> None:
        """CONNECT and wait for the broker's answer."""
        session: dict[str, Any] = {}
        if not broker.legacy:
            expiry = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's are not typed
            expiry.SessionExpiryInterval = SESSION_EXPIRY
            expiry.ReceiveMaximum = RECEIVE_MAXIMUM
            session = {"clean_start": False, "properties": expiry}
        abandoned = False

        def dial() -> None:
            self._client.connect(*address, broker.keepalive, **session)
            if abandoned:
                self.drop()

        try:
            await asyncio.shield(self._loop.run_in_executor(None, dial))
        except asyncio.CancelledError:
            abandoned = True  # nobody waits for the thread: it closes what it opened
            raise
        except (OSError, ValueError) as error:
            raise Lost(f"cannot reach {address.host}:{address.port} ({error})") from error
        self._attach()
        self.session_present, code, props = await self._answer(self._connack)
        if code.is_failure:
            raise Lost(f"the broker refuses the connection: {code}")
        self.window = getattr(props, "ReceiveMaximum", 65_535)  # paho itself ignores both
        self.largest = getattr(props, "MaximumPacketSize", None)

    def _attach(self) -> None:
        """From here on the loop moves the bytes."""
        sock = self._client.socket()
        if not isinstance(sock, socket.socket):
            raise Lost("the connection ended at once")
        # Nagle would hold a small packet until the last one's ACK, which the peer delays by 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fd = sock.fileno()

        def readable() -> None:
            for _ in range(READS):
                if self._client.socket() is None or self._client.loop_read() != 0:
                    return
                if not (isinstance(sock, ssl.SSLSocket) and sock.pending()):
                    return
            self._loop.call_soon(readable)

        def idle(*_: object) -> None:
            self._loop.remove_writer(fd)

        def closed(*_: object) -> None:
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)
            _settle(self._closed, "the socket closed")

        self._client.on_socket_register_write = lambda *_: self._loop.add_writer(
            fd, self._client.loop_write
        )
        self._client.on_socket_unregister_write = idle
        self._client.on_socket_close = closed
        self._loop.add_reader(fd, readable)
        if self._client.want_write():
            self._loop.add_writer(fd, self._client.loop_write)
        self._loop.call_soon(readable)  # TLS may have decrypted more than the socket shows

    async def keep_alive(self) -> None:
        """paho's once-a-second work: PINGREQ, and noticing that no answer came."""
        while True:
            self._client.loop_misc()
            await asyncio.sleep(1)

    def disconnect(self) -> None:
        """Say goodbye: the will is not sent."""
        self._client.disconnect()
        self.drop()

    def drop(self) -> None:
        """Close without a word."""
        if self._client.want_write():
            self._client.loop_write()
        self._client._sock_close()  # there is no public way


@contextlib.asynccontextmanager
async def connect(broker: Broker, address: Address) -> AsyncIterator[Connection]:
    """A connection that is closed at the end of the block.

    Raises:
        Lost: the broker cannot be reached or refuses.
    """
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=broker.client_id,
        protocol=mqtt.MQTTv311 if broker.legacy else mqtt.MQTTv5,
        clean_session=False if broker.legacy else None,
        manual_ack=True,
        reconnect_on_failure=False,
    )
    client.max_inflight_messages_set(0)
    client.connect_timeout = CONNECT_TIMEOUT
    if broker.username:
        client.username_pw_set(broker.username, broker.password)
    if broker.tls:
        client.tls_set_context(broker.tls)
    delay = None
    if not broker.legacy:
        delay = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]  # paho's are not typed
        delay.WillDelayInterval = WILL_DELAY
    client.will_set(broker.will[0], broker.will[1], qos=1, retain=True, properties=delay)
    connection = Connection(client, asyncio.get_running_loop())
    try:
        await connection.open(broker, address)
        yield connection
    finally:
        connection.drop()


def _settle[T](future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)
