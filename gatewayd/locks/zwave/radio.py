"""The connection to the zwave-js server: one `Client` per connection, reports of all its nodes.

A `Client` cannot be used again after its socket dropped. On a drop the library cancels whatever is
pending: where our own task was not cancelled, that means "link down" (`call` translates). A server
that hangs is noticed by a call's timeout, which drops the connection.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

import aiohttp
import structlog
from zwave_js_server.client import Client
from zwave_js_server.const import NodeStatus
from zwave_js_server.exceptions import (
    BaseZwaveJSServerError,
    FailedCommand,
    FailedZWaveCommand,
    InvalidServerVersion,
    NotFoundError,
)
from zwave_js_server.model.node import Node

from gatewayd.clock import Clock
from gatewayd.domain.report import Alive, CodeAdded, CodeDeleted, Dead, Report
from gatewayd.errors import (
    LockError,
    OutcomeUnknown,
    RadioDown,
    Reason,
    Unreachable,
    Unsupported,
)
from gatewayd.locks.driver import IsServed, Link, OnReport
from gatewayd.locks.zwave import reports
from gatewayd.locks.zwave.commands import NoAnswer
from gatewayd.locks.zwave.lock import ZwaveLock

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT = 10.0
"""Seconds; without it a hung server is noticed after 84 s."""
CALL_TIMEOUT = 15.0
"""Seconds; the slowest honest answer is a dead node's, 3.2 s, behind another one's."""
SESSIONS = 2
"""Open at a time: while one lock's answer is written down, another one is asked."""
BACKOFF = (0.5, 10.0)
"""Seconds between attempts to connect: doubled from the first to the second."""
GOODBYE = 1.0
"""Seconds for the server's part in the end of a connection; aiohttp would give it 10."""
UNREAD = (ValueError, LookupError, TypeError, AttributeError, AssertionError)
"""What the library raises at what it does not know: a new value of an enum, another shape."""
NO_ACKNOWLEDGEMENT = frozenset({200, 201, 202, 203, 204, 205})
"""zwave-js errors: the controller or the node did not take the frame."""
UNABLE = frozenset(
    {105, 109, 110, 209, 212, 217, 218, 300, 301, 302, 303, 304, 305, 322, 1100, 1402, 1403}
)
"""zwave-js errors: the server or the node cannot do that, or says no; any other may pass."""


def failure(error: int) -> LockError:
    """What an error of zwave-js means; what may have been sent before it is not known."""
    if error in NO_ACKNOWLEDGEMENT:
        return Unreachable(f"no acknowledgement (ZW{error:04})")
    if error in UNABLE:
        return Unsupported(f"the lock cannot do that (ZW{error:04})")
    return NoAnswer(f"zwave-js gave up (ZW{error:04})")


class _Ready(asyncio.Event):
    """Calls back at the moment when the library has loaded all nodes."""

    def __init__(self, loaded: Any) -> None:
        super().__init__()
        self._loaded = loaded

    def set(self) -> None:
        super().set()
        self._loaded()


class _Client(Client):
    """The library's, which ends with an exception at an event that it cannot read."""

    def _handle_incoming_message(self, msg: Any) -> None:  # there is no public way
        try:
            super()._handle_incoming_message(msg)
        except Exception:  # no bad report of one lock may take the others down
            event = msg.get("event") if isinstance(msg, dict) else None
            told = event if isinstance(event, dict) else {}
            # neither the arguments nor the error, whose text repeats them: there may be a code
            log.warning("zwave.report_unread", node=told.get("nodeId"), report=told.get("event"))


class _Socket(aiohttp.ClientWebSocketResponse):
    """aiohttp's, which does not wait for a server that hangs."""

    async def close(self, *, code: int = aiohttp.WSCloseCode.OK, message: bytes = b"") -> bool:
        try:
            async with asyncio.timeout(GOODBYE):
                return await super().close(code=code, message=message)
        except TimeoutError:
            return True


class ZwaveRadio:
    """All locks behind one zwave-js server."""

    def __init__(self, url: str, clock: Clock, name: str = "zwave") -> None:
        self.name, self.sessions = name, SESSIONS
        self.clock = clock
        self.link = Link()
        self.own = reports.OwnChanges(clock)
        self.unfit: str | None = None  # why the server cannot be used, for as long as that lasts
        self.on_report: OnReport = lambda _address, _report: None
        self.is_served: IsServed = lambda _address: True  # nothing here waits to be fetched
        self._url = url
        self._client: Client | None = None

    async def run(self) -> None:
        """Connect, listen, connect again."""
        delay = BACKOFF[0]
        async with aiohttp.ClientSession(ws_response_class=_Socket) as http:
            while True:
                client = _Client(self._url, http)
                try:
                    await self._connection(client)
                    delay = BACKOFF[0]
                except InvalidServerVersion as error:
                    self.unfit, delay = str(error), BACKOFF[1]
                    log.error("zwave.server_unfit", url=self._url, why=self.unfit)
                except (BaseZwaveJSServerError, aiohttp.ClientError, OSError) as error:
                    log.warning("zwave.connection_failed", url=self._url, why=str(error))
                except UNREAD as error:  # whose text may hold a code
                    named = f" {client.version.server_version}" if client.version else ""
                    self.unfit = f"what the server{named} says cannot be read"
                    delay, what = BACKOFF[1], type(error).__name__
                    log.error("zwave.state_unread", url=self._url, why=self.unfit, error=what)
                finally:
                    await client.disconnect()  # where it gave up, the library does not
                await asyncio.sleep(delay)
                delay = min(delay * 2, BACKOFF[1])

    def lock(self, address: str) -> ZwaveLock:
        """The lock with this node id."""
        return ZwaveLock(self, address)

    def node(self, address: str) -> Node:
        """The library's node.

        Raises:
            RadioDown: no connection, or the node is still being interviewed. Unreachable: no node.
        """
        if self._client is None or self._client.driver is None or not self.link.up.is_set():
            raise RadioDown(f"no connection to {self._url}")
        known = address.isascii() and address.isdecimal() and str(int(address)) == address
        node = self._client.driver.controller.nodes.get(int(address)) if known else None
        if node is None:
            raise Unreachable(f"the Z-Wave network has no node {address}")
        return node

    async def call[T](self, node: Node, operation: Awaitable[T]) -> T:
        """Await a call of the library about a node and translate what can go wrong.

        Raises:
            OutcomeUnknown: the link dropped or nobody answered, `NoAnswer`: only this lock did
            not. Unreachable: no acknowledgement.
            Unsupported: the server or the node cannot do that. RadioDown: there is no server.
        """
        try:
            async with asyncio.timeout(CALL_TIMEOUT):
                return await operation
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise OutcomeUnknown("the link to the zwave-js server dropped") from None
        except TimeoutError:
            if node.status is NodeStatus.ASLEEP:  # zwave-js keeps what was said until it wakes
                raise NoAnswer("the lock fell asleep", Reason.LOCK_ASLEEP) from None
            await self._drop()
            raise OutcomeUnknown("the zwave-js server does not answer") from None
        except FailedZWaveCommand as error:
            raise failure(error.zwave_error_code) from None  # its text may hold a code
        except FailedCommand as error:
            raise Unreachable(f"the zwave-js server refuses ({error.error_code})") from None
        except NotFoundError:
            raise Unsupported("the node has no such command class") from None
        except (BaseZwaveJSServerError, aiohttp.ClientError, OSError) as error:
            raise RadioDown(f"the zwave-js server is gone ({type(error).__name__})") from None
        except UNREAD:
            raise NoAnswer("the lock's answer cannot be read") from None

    async def _connection(self, client: Client) -> None:
        """One connection from its start to its end."""
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await client.connect()
        self._client = client
        try:
            await self._listen(client)
        finally:
            self.link.change(up=False)
            self._client = None
            log.warning("zwave.disconnected", url=self._url)

    async def _listen(self, client: Client) -> None:
        def loaded() -> None:
            assert client.driver is not None  # noqa: S101  # listen() sets it before the event
            nodes = client.driver.controller.nodes.values()
            known = [(str(x.node_id), report) for x in nodes for report in reports.of_values(x)]
            for node in nodes:
                self._watch(node)
            client.driver.controller.on("node added", lambda e: self._watch(e["node"]))
            self.unfit = None
            self.link.change(up=True)
            log.info("zwave.connected", url=self._url, version=client.version.server_version)  # type: ignore[union-attr]  # set by connect()
            for address, report in known:
                self.on_report(address, report)

        await client.listen(_Ready(loaded))

    async def _drop(self) -> None:
        if self._client is not None:
            log.warning("zwave.server_hung", url=self._url)
            client, self._client = self._client, None
            self.link.change(up=False)
            await client.disconnect()

    def _watch(self, node: Node) -> None:
        """Translate a node's events; a new connection makes new nodes, so none is watched twice."""

        def tell(report: Report | None) -> None:
            if report is not None:
                self.on_report(str(node.node_id), report)

        def on_status(_: object) -> None:
            tell(Dead() if node.status is NodeStatus.DEAD else Alive())

        def tell_unless_ours(report: CodeAdded | CodeDeleted | None) -> None:
            if report is not None and not self.own.caused(node, report):
                tell(report)

        for event in ("alive", "wake up", "ready"):
            node.on(event, lambda _: tell(Alive()))
        node.on("dead", on_status)
        node.on("notification", lambda event: tell(reports.of_notification(event)))
        node.on("value updated", lambda event: tell(reports.of_value_update(event)))
        for event in ("credential added", "credential modified", "credential deleted"):
            node.on(event, lambda event: tell_unless_ours(reports.of_credential(event)))
        node.on("user deleted", lambda event: tell_unless_ours(reports.of_user(event)))
