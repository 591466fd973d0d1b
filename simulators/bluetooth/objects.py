"""The D-Bus objects that a BlueZ shows, and the signals by which it tells of their changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from dbus_fast import Message, MessageType, Variant

OBJECT_MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
ADAPTER: Final = "org.bluez.Adapter1"
MONITOR_MANAGER: Final = "org.bluez.AdvertisementMonitorManager1"
MONITOR: Final = "org.bluez.AdvertisementMonitor1"
DEVICE: Final = "org.bluez.Device1"
SERVICE: Final = "org.bluez.GattService1"
CHARACTERISTIC: Final = "org.bluez.GattCharacteristic1"
DESCRIPTOR: Final = "org.bluez.GattDescriptor1"

UNKNOWN_OBJECT: Final = "org.freedesktop.DBus.Error.UnknownObject"
UNKNOWN_METHOD: Final = "org.freedesktop.DBus.Error.UnknownMethod"
ACCESS_DENIED: Final = "org.freedesktop.DBus.Error.AccessDenied"

type Interfaces = dict[str, dict[str, Variant]]
"""Of one object: properties by name, by interface."""


class Failure(Exception):
    """A method call is answered with this error; names without a dot are BlueZ's own."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(text)
        self.name = name if "." in name else f"org.bluez.Error.{name}"
        self.text = text


class Objects:
    """All objects by path. `send` puts a signal on the bus."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self.all: dict[str, Interfaces] = {}

    def __contains__(self, path: str) -> bool:
        return path in self.all

    def get(self, path: str, interface: str, name: str) -> Variant | None:
        """One property; None where there is none."""
        return self.all.get(path, {}).get(interface, {}).get(name)

    def add(self, path: str, interfaces: Interfaces) -> None:
        """A new object."""
        self.all[path] = interfaces
        self.announce(path)

    def announce(self, path: str) -> None:
        """Says that the object is there."""
        self._signal("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", path, self.all[path])

    def remove(self, path: str) -> None:
        """An object and all below it."""
        gone = [other for other in self.all if other == path or other.startswith(f"{path}/")]
        for other in sorted(gone, reverse=True):
            interfaces = list(self.all.pop(other))
            self._signal("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", other, interfaces)

    def set(
        self, path: str, interface: str, changed: dict[str, Variant], gone: Iterable[str] = ()
    ) -> None:
        """Changes properties and says so, also where a value stays the same."""
        if path not in self.all:
            return
        properties = self.all[path][interface]
        properties.update(changed)
        invalidated = [name for name in gone if properties.pop(name, None) is not None]
        if changed or invalidated:
            body = (interface, changed, invalidated)
            self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", *body)

    def _signal(
        self, path: str, interface: str, member: str, signature: str, *body: object
    ) -> None:
        message = Message(
            message_type=MessageType.SIGNAL,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        self._send(message)
