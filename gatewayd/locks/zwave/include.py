"""Taking a lock into the Z-Wave network, by S2 Access Control or not at all.

The server serves several clients: the daemon goes on meanwhile. It asks the one that began.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from zwave_js_server.client import Client
from zwave_js_server.const import InclusionStrategy, QRCodeVersion, SecurityClass
from zwave_js_server.exceptions import BaseZwaveJSServerError
from zwave_js_server.model.controller import Controller
from zwave_js_server.model.controller.inclusion_and_provisioning import (
    InclusionGrant,
    QRProvisioningInformation,
)
from zwave_js_server.model.node import Node
from zwave_js_server.model.utils import async_parse_qr_code_string

from gatewayd.errors import GatewaydError

CONNECT_S = 10.0
SECURED_S = 260.0
"""Seconds from the moment that a lock is found: S2 gives a person 240 for the digits."""
WANTED = SecurityClass.S2_ACCESS_CONTROL
FAILED = {
    0: "it was not answered in time, or refused here",
    1: "the server has no network keys",
    3: "the lock did not go on in time",
    5: "the lock gave up",
    6: "the digits are not those of this lock",
    7: "the lock wanted another security class in the end",
    8: "it came without S2 although it has it",
}
"""Why a lock is less secure than it was asked to be, by zwave-js' SecurityBootstrapFailure."""
LEFT = "it is left in the network, since only its own button takes it out, and gets no codes"
AGAIN = "gatewayd pair zwave --exclude, then pair it again; is it a lock with S2?"
HEARD = (
    "grant security classes",
    "validate dsk and enter pin",
    "node found",
    "node added",
    "inclusion failed",
)

type Say = Callable[[str], None]
type AskDigits = Callable[[str], Awaitable[str]]
"""The five digits that stand before the rest of a DSK."""


class NotIncluded(GatewaydError):
    """`what_to_do`, for the person at the lock."""

    def __init__(self, why: str, what_to_do: str) -> None:
        super().__init__(why)
        self.what_to_do = what_to_do


@dataclass(frozen=True, slots=True)
class Order:
    """How long to wait for a lock, and how to ask for the digits of its DSK."""

    seconds: float
    digits: AskDigits
    say: Say


async def at_server[T](url: str, work: Callable[[Client], Awaitable[T]]) -> T:
    """Work with a connection of its own.

    Raises:
        NotIncluded: there is no server, or it went away; and what the work raises.
    """
    try:
        return await _connected(url, work)
    except ExceptionGroup as failed:
        error = _first(failed)
    except (OSError, aiohttp.ClientError, BaseZwaveJSServerError) as failed:
        error = failed
    if isinstance(error, OSError | aiohttp.ClientError | BaseZwaveJSServerError):
        todo = "systemctl status zwave-js-server; gatewayd doctor"
        raise NotIncluded(f"no answer from the zwave-js server at {url} ({error})", todo) from error
    raise error


async def include(client: Client, order: Order, known: QRProvisioningInformation | None) -> int:
    """Take in the lock whose button is pressed; its node id. `known`: by the code on it, which
    spares the digits.

    Raises:
        NotIncluded: it is not in the network, or in it without S2 Access Control.
    """
    controller = _controller(client)
    heard = _heard(controller)
    if known is not None:
        known = with_access_control(known)
    begun = await controller.async_begin_inclusion(InclusionStrategy.SECURITY_S2, None, known)
    if not begun:
        todo = "wait until it has ended, or restart the zwave-js server"
        raise NotIncluded("somebody else includes or excludes a device just now", todo)
    try:
        return await _followed(controller, heard, order)
    except TimeoutError:
        todo = "press it as its manual says, close to the stick, and do it again"
        raise NotIncluded("no lock came in time", todo) from None
    finally:
        await controller.async_stop_inclusion()


async def exclude(client: Client, order: Order) -> int:
    """Take out the device whose button is pressed; its node id.

    Raises:
        NotIncluded: none came in time.
    """
    controller = _controller(client)
    gone: asyncio.Queue[int] = asyncio.Queue()
    controller.on("node removed", lambda event: gone.put_nowait(event["node"].node_id))
    await controller.async_begin_exclusion()
    try:
        async with asyncio.timeout(order.seconds):
            return await gone.get()
    except TimeoutError:
        todo = "press it as its manual says, close to the stick, and do it again"
        raise NotIncluded("no device came in time", todo) from None
    finally:
        await controller.async_stop_exclusion()


async def provision(client: Client, entry: QRProvisioningInformation, order: Order) -> int | None:
    """Let a lock join by itself; its node id, None: it did not yet, and will when it is powered.

    Raises:
        NotIncluded: it joined without S2 Access Control.
    """
    controller = _controller(client)
    if (joined := await _joined(controller, entry.dsk)) is not None:
        return _with_access_control(controller.nodes[joined])
    heard = _heard(controller)
    await controller.async_provision_smart_start_node(with_access_control(entry))
    order.say("the server knows it now; power the lock (out and in again with its batteries)")
    try:
        async with asyncio.timeout(order.seconds):
            while True:
                event = await heard.get()
                if event["event"] == "node added":
                    _secured(event)
                    if (joined := await _joined(controller, entry.dsk)) is not None:
                        return joined
    except TimeoutError:
        return None


async def parsed(client: Client, code: str) -> QRProvisioningInformation:
    """What a QR code says.

    Raises:
        NotIncluded: it is none, or of a device that has no S2 Access Control.
    """
    try:
        return await async_parse_qr_code_string(client, code)
    except (ValueError, BaseZwaveJSServerError) as error:
        todo = "scan it whole: digits only, beginning with 90"
        raise NotIncluded("that is no code of a Z-Wave device", todo) from error


def smart_start(known: QRProvisioningInformation) -> bool:
    """Whether a device joins by itself."""
    return known.version is QRCodeVersion.SMART_START


def with_access_control(entry: QRProvisioningInformation) -> QRProvisioningInformation:
    """The entry, with S2 Access Control alone.

    Raises:
        NotIncluded: the device has none.
    """
    if WANTED not in entry.security_classes:
        raise _lacking(entry.security_classes, "it was not included")
    return replace(entry, security_classes=[WANTED])


async def _connected[T](url: str, work: Callable[[Client], Awaitable[T]]) -> T:
    async with aiohttp.ClientSession() as http:
        client, ready = Client(url, http), asyncio.Event()
        async with asyncio.timeout(CONNECT_S):
            await client.connect()
        async with asyncio.TaskGroup() as group:
            group.create_task(client.listen(ready), name="zwave-js server")
            try:
                async with asyncio.timeout(CONNECT_S):
                    await ready.wait()
                return await work(client)
            finally:
                await client.disconnect()


def _controller(client: Client) -> Controller:
    assert client.driver is not None  # noqa: S101  # it is ready
    return client.driver.controller


def _heard(controller: Controller) -> asyncio.Queue[dict[str, Any]]:
    """What the server asks and tells, in its order."""
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    for event in HEARD:
        controller.on(event, heard.put_nowait)
    return heard


async def _followed(
    controller: Controller, heard: asyncio.Queue[dict[str, Any]], order: Order
) -> int:
    """Answer the server until the lock is in the network."""
    order.say("press the lock's button as its manual says for inclusion")
    refusal: NotIncluded | None = None
    async with asyncio.timeout(order.seconds) as limit:
        while True:
            event = await heard.get()
            match event["event"]:
                case "node found":
                    limit.reschedule(asyncio.get_running_loop().time() + SECURED_S)
                    order.say("a lock is there")
                case "grant security classes":
                    asked = event["requested_grant"].security_classes
                    granted = [WANTED] if WANTED in asked else []
                    if not granted:
                        refusal = _lacking(asked, LEFT)
                    await controller.async_grant_security_classes(InclusionGrant(granted, False))
                case "validate dsk and enter pin":
                    digits = await order.digits(event["dsk"])
                    await controller.async_validate_dsk_and_enter_pin(digits)
                case "inclusion failed":
                    todo = "exclude the lock if it was in a network before, and do it again"
                    raise NotIncluded("the stick could not take the lock in", todo)
                case _:
                    if refusal is not None:
                        raise refusal
                    return _secured(event)


def _secured(event: Mapping[str, Any]) -> int:
    """The node id of what has joined.

    Raises:
        NotIncluded: without S2 Access Control.
    """
    node, result = event["node"], event["result"]
    if result["lowSecurity"]:
        why = FAILED.get(result.get("lowSecurityReason"), "the key exchange failed")
        raise NotIncluded(f"node {node.node_id} came without security: {why}; {LEFT}", AGAIN)
    return _with_access_control(node)


def _with_access_control(node: Node) -> int:
    if (given := node.highest_security_class) is not WANTED:
        raise _lacking([] if given in (None, SecurityClass.NONE) else [given], LEFT)
    return int(node.node_id)


def _lacking(asked: Collection[SecurityClass], then: str) -> NotIncluded:
    """What a device wants instead."""
    names = ", ".join(each.name for each in asked) or "no security at all"
    return NotIncluded(f"the device has no S2 Access Control but {names}; {then}", AGAIN)


async def _joined(controller: Controller, dsk: str) -> int | None:
    """The node id of a device that has joined by its entry."""
    entry = await controller.async_get_provisioning_entry(dsk)
    node = (entry.additional_properties or {}).get("nodeId") if entry is not None else None
    return None if node is None else int(node)


def _first(failed: Exception) -> Exception:
    """What several tasks met."""
    return _first(failed.exceptions[0]) if isinstance(failed, ExceptionGroup) else failed
