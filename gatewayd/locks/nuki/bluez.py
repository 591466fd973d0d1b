"""Watches BlueZ on the system bus: whether it is there, and which adapters are on.

bleak does not tell: when bluetoothd is killed its clients stay connected and nothing fires.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Never

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError

from gatewayd.locks.nuki.adapter import BUS_S

BLUEZ, ADAPTER = "org.bluez", "org.bluez.Adapter1"
BUS = "org.freedesktop.DBus"
OBJECTS, PROPERTIES = f"{BUS}.ObjectManager", f"{BUS}.Properties"
ACCESS_DENIED = f"{BUS}.Error.AccessDenied"
RULES = (
    f"type='signal',sender='{BUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
    f"type='signal',interface='{PROPERTIES}',member='PropertiesChanged',arg0='{ADAPTER}'",
    f"type='signal',interface='{OBJECTS}',member='InterfacesAdded',path='/'",
    f"type='signal',interface='{OBJECTS}',member='InterfacesRemoved',path='/'",
)


class AccessDenied(Exception):
    """The bus does not let this user speak to BlueZ."""


class Bluez:
    """`changed` is set by whatever may concern an adapter; `fall` is called at once with an adapter
    that went off or away, None for all of them."""

    def __init__(self, bus: MessageBus, fall: Callable[[str | None], None]) -> None:
        self._bus, self._fall = bus, fall
        self.changed = asyncio.Event()

    async def powered(self) -> frozenset[str]:
        """The adapters that are on; none where BlueZ is not there.

        Raises:
            AccessDenied. OSError, among them TimeoutError, DBusError, EOFError: the bus is gone.
        """
        reply = await self._call(BLUEZ, "/", OBJECTS, "GetManagedObjects")
        if reply.message_type is MessageType.ERROR:
            if reply.error_name == ACCESS_DENIED:
                raise AccessDenied
            return frozenset()
        return frozenset(
            path.removeprefix("/org/bluez/")
            for path, interfaces in reply.body[0].items()
            if ADAPTER in interfaces and interfaces[ADAPTER]["Powered"].value
        )

    async def follow(self) -> None:
        """Ask for the signals."""
        self._bus.add_message_handler(self._hear)
        for rule in RULES:
            await self._call(BUS, "/org/freedesktop/DBus", BUS, "AddMatch", rule)

    async def until_lost(self) -> Never:
        """A bus that dies without a goodbye is heard of in no other way.

        Raises:
            EOFError, OSError: always.
        """
        await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast's is not typed
        raise EOFError

    async def _call(self, name: str, path: str, interface: str, member: str, *body: str) -> Message:
        message = Message(
            destination=name,
            path=path,
            interface=interface,
            member=member,
            signature="s" * len(body),
            body=list(body),
        )
        async with asyncio.timeout(BUS_S):
            reply = await self._bus.call(message)
        if reply is None:
            raise EOFError
        return reply

    def _hear(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        match message.member, message.body:
            case "NameOwnerChanged", [name, _, owner] if name == BLUEZ:
                if not owner:
                    self._fall(None)
            case "PropertiesChanged", [interface, changed, _] if interface == ADAPTER:
                if "Powered" not in changed:
                    return
                if not changed["Powered"].value:
                    self._fall((message.path or "").removeprefix("/org/bluez/"))
            case "InterfacesAdded", [_, interfaces] if ADAPTER in interfaces:
                pass
            case "InterfacesRemoved", [path, interfaces] if ADAPTER in interfaces:
                self._fall(path.removeprefix("/org/bluez/"))
            case _:
                return
        self.changed.set()


@contextlib.asynccontextmanager
async def watching(fall: Callable[[str | None], None]) -> AsyncIterator[Bluez]:
    """A watch, until the block ends; then, and when the bus is lost, all adapters have fallen.

    Raises:
        OSError, EOFError, DBusError: there is no bus.
    """
    bus = MessageBus(bus_type=BusType.SYSTEM)
    try:
        async with asyncio.timeout(BUS_S):
            await bus.connect()
        bluez = Bluez(bus, fall)
        await bluez.follow()
        yield bluez
    finally:
        fall(None)
        bus.disconnect()


__all__ = ["AccessDenied", "Bluez", "DBusError", "watching"]
