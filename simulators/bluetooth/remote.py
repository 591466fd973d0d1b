"""org.bluez.Device1 and what hangs below it: one lock as one adapter knows it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from bumble import core, hci
from bumble.device import Connection, Peer
from bumble.gatt_client import AttributeProxy, CharacteristicProxy
from dbus_fast import Variant

from simulators.bluetooth.air import public
from simulators.bluetooth.objects import (
    CHARACTERISTIC,
    DESCRIPTOR,
    DEVICE,
    SERVICE,
    Failure,
)

if TYPE_CHECKING:
    from simulators.bluetooth.adapter import Adapter

CONNECT_WITHIN_S: Final = 20.0
"""The kernel's HCI_LE_CONN_TIMEOUT."""

MTU: Final = 517
"""What BlueZ asks for."""

CANCEL_AGAIN_S: Final = 0.01

HIDDEN: Final = "00001800"
"""The Generic Access service is not shown on D-Bus."""

FLAGS: Final = (
    "broadcast",
    "read",
    "write-without-response",
    "write",
    "notify",
    "indicate",
    "authenticated-signed-writes",
    "extended-properties",
)
"""Characteristic properties from bit 0 on, as BlueZ names them."""


def uuid_text(uuid: core.UUID) -> str:
    """The long form in lower case."""
    return str(UUID(bytes=uuid.uuid_128_bytes[::-1]))


async def _end(link: Connection) -> None:
    with contextlib.suppress(core.BaseBumbleError):  # it has ended by itself
        await link.disconnect()


class Remote:
    """A device that an adapter has heard of."""

    def __init__(self, adapter: Adapter, address: str) -> None:
        self._adapter = adapter
        self._objects = adapter.objects
        self.address = address
        self.path = f"{adapter.path}/dev_{address.replace(':', '_')}"
        self.heard_at = 0.0
        self.told_at = 0.0
        self.link: Connection | None = None
        self._peer: Peer | None = None
        self._attributes: dict[str, AttributeProxy[bytes]] = {}
        self._busy: set[tuple[str, str]] = set()
        self._notified: dict[str, set[str]] = {}
        self._is_leaving = False
        self._cancelled = asyncio.Event()
        self._settled = asyncio.Event()
        """No attempt to connect is under way."""
        self._settled.set()

    def properties(self) -> dict[str, Variant]:
        """Of a device never heard of before."""
        return {
            "Address": Variant("s", self.address),
            "AddressType": Variant("s", "public"),
            "Alias": Variant("s", self.address.replace(":", "-")),
            "Paired": Variant("b", False),
            "Bonded": Variant("b", False),
            "Trusted": Variant("b", False),
            "Blocked": Variant("b", False),
            "LegacyPairing": Variant("b", False),
            "Connected": Variant("b", False),
            "UUIDs": Variant("as", []),
            "Adapter": Variant("o", self._adapter.path),
            "ServicesResolved": Variant("b", False),
        }

    # Links

    async def connect(self, slow_s: float = 0.0) -> None:
        """Raises Failure."""
        if self.link is not None:
            raise Failure("AlreadyConnected", "Already Connected")
        if self._adapter.connecting is not None:
            self._adapter.collisions += 1
            raise Failure("InProgress", "Operation already in progress")
        self._adapter.connecting = self
        self._cancelled.clear()
        self._settled.clear()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(slow_s):
                    await self._cancelled.wait()
            link = await self._attempt()
        finally:
            self._adapter.connecting = None
            self._settled.set()
        self.link = link
        link.on(link.EVENT_DISCONNECTION, lambda _reason: self._ended(link))
        self._objects.set(self.path, DEVICE, {"Connected": Variant("b", True)})
        self._adapter.background.spawn(self._resolve(link))

    async def _attempt(self) -> Connection:
        host = self._adapter.host
        try:
            link = await host.connect(
                public(self.address),
                own_address_type=hci.OwnAddressType.PUBLIC,
                timeout=CONNECT_WITHIN_S,
            )
        except core.TimeoutError:
            raise Failure("Failed", "le-connection-abort-by-local") from None
        except core.ConnectionError:
            raise Failure("Failed", "br-connection-canceled") from None
        if self._cancelled.is_set():
            await _end(link)
            raise Failure("Failed", "br-connection-canceled")
        if host.connections.get(link.handle) is not link:  # it has broken already
            raise Failure("Failed", "le-connection-abort-by-remote")
        return link

    async def disconnect(self) -> None:
        """Ends a link, or an attempt at one. Raises Failure."""
        if self.link is None and self._settled.is_set():
            raise Failure("NotConnected", "Not Connected")
        self._is_leaving = self.link is not None
        await self.hang_up()

    async def hang_up(self) -> None:
        """Returns when there is neither a link nor an attempt at one."""
        self._cancelled.set()
        while not self._settled.is_set():
            # Again and again: the controller may not have begun to connect, or just have done it.
            with contextlib.suppress(core.BaseBumbleError):
                await self._adapter.host.cancel_connection()  # type: ignore[no-untyped-call]  # bumble's is not typed
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CANCEL_AGAIN_S):
                    await self._settled.wait()
        if self.link is not None:
            await _end(self.link)

    def _ended(self, link: Connection) -> None:
        if self.link is not link:
            return
        self.link = None
        self._peer = None
        self._busy.clear()
        for path in self._notified:
            properties = self._objects.all.get(path, {}).get(CHARACTERISTIC, {})
            properties["Notifying"] = Variant("b", False)
        self._notified.clear()
        connected, resolved = {"Connected": Variant("b", False)}, Variant("b", False)
        if self._is_leaving:  # as traced on bluetoothd: two signals when we end it, one otherwise
            self._is_leaving = False
            self._objects.set(self.path, DEVICE, {"ServicesResolved": resolved})
            self._objects.set(self.path, DEVICE, connected)
        else:
            self._objects.set(self.path, DEVICE, {"ServicesResolved": resolved, **connected})

    # Services

    async def _resolve(self, link: Connection) -> None:
        peer = Peer(link)
        self._peer = peer
        with contextlib.suppress(core.BaseBumbleError, asyncio.CancelledError):
            await peer.request_mtu(MTU)
            uuids = []
            for service in await peer.discover_services():
                uuid = uuid_text(service.uuid)
                uuids.append(uuid)
                if not uuid.startswith(HIDDEN):
                    await self._show_service(peer, service, uuid)
            if self.link is link:
                changed = {"UUIDs": Variant("as", uuids), "ServicesResolved": Variant("b", True)}
                self._objects.set(self.path, DEVICE, changed)

    async def _show_service(self, peer: Peer, service: Any, uuid: str) -> None:
        path = f"{self.path}/service{service.handle:04x}"
        shown = {
            "UUID": Variant("s", uuid),
            "Primary": Variant("b", True),
            "Device": Variant("o", self.path),
            "Includes": Variant("ao", []),
        }
        self._show(path, SERVICE, shown)
        for characteristic in await peer.discover_characteristics(service=service):
            await self._show_characteristic(peer, characteristic, path)

    async def _show_characteristic(
        self, peer: Peer, characteristic: CharacteristicProxy[bytes], service: str
    ) -> None:
        path = f"{service}/char{characteristic.handle - 1:04x}"
        properties = int(characteristic.properties)
        flags = [flag for bit, flag in enumerate(FLAGS) if properties >> bit & 1]
        shown = {
            "UUID": Variant("s", uuid_text(characteristic.uuid)),
            "Service": Variant("o", service),
            "Value": Variant("ay", b""),
            "Flags": Variant("as", flags),
            "MTU": Variant("q", peer.connection.att_mtu),
        }
        if {"notify", "indicate"} & set(flags):
            shown["Notifying"] = Variant("b", False)
        self._attributes[path] = characteristic
        self._show(path, CHARACTERISTIC, shown)
        for descriptor in await peer.discover_descriptors(characteristic=characteristic):
            below = f"{path}/desc{descriptor.handle:04x}"
            self._attributes[below] = descriptor
            content = {
                "UUID": Variant("s", uuid_text(descriptor.type)),
                "Characteristic": Variant("o", path),
                "Value": Variant("ay", b""),
            }
            self._show(below, DESCRIPTOR, content)

    def _show(self, path: str, interface: str, properties: dict[str, Variant]) -> None:
        if path not in self._objects:
            self._objects.add(path, {interface: properties})

    # Characteristics and descriptors

    def _client(self) -> Any:
        if self.link is None or self._peer is None:
            raise Failure("Failed", "Not connected")
        return self._peer.gatt_client

    @contextlib.contextmanager
    def _alone(self, path: str, method: str) -> Iterator[None]:
        if (path, method) in self._busy:
            raise Failure("InProgress", "In Progress")
        self._busy.add((path, method))
        try:
            yield
        finally:
            self._busy.discard((path, method))

    async def read(self, path: str, interface: str) -> bytes:
        """Raises Failure and bumble's ATT errors."""
        client = self._client()
        with self._alone(path, "ReadValue"):
            value = bytes(await client.read_value(self._attributes[path]))
        self._objects.set(path, interface, {"Value": Variant("ay", value)})
        return value

    async def write(self, path: str, value: bytes, *, response: bool) -> None:
        """Raises Failure and bumble's ATT errors."""
        client = self._client()
        with self._alone(path, "WriteValue"):
            await client.write_value(self._attributes[path], value, with_response=response)

    async def start_notify(self, path: str, sender: str) -> None:
        """Raises Failure."""
        client = self._client()
        subscribers = self._notified.setdefault(path, set())
        if sender in subscribers:
            raise Failure("InProgress", "Operation already in progress")
        subscribers.add(sender)
        if len(subscribers) == 1:

            def show(value: bytes) -> None:
                self._objects.set(path, CHARACTERISTIC, {"Value": Variant("ay", bytes(value))})

            await client.subscribe(self._attributes[path], show)
            self._objects.set(path, CHARACTERISTIC, {"Notifying": Variant("b", True)})

    async def stop_notify(self, path: str, sender: str) -> None:
        """Raises Failure."""
        subscribers = self._notified.get(path, set())
        if sender not in subscribers:
            raise Failure("Failed", "No notify session started")
        subscribers.discard(sender)
        if not subscribers:
            del self._notified[path]
            await self._client().unsubscribe(self._attributes[path], force=True)
            self._objects.set(path, CHARACTERISTIC, {"Notifying": Variant("b", False)})

    async def forget_client(self, sender: str) -> None:
        """A program has left the bus: its subscriptions end, the link does not."""
        for path in [path for path, who in self._notified.items() if sender in who]:
            with contextlib.suppress(Failure, core.BaseBumbleError, asyncio.CancelledError):
                await self.stop_notify(path, sender)
