"""org.bluez on a bus: answers any client's method calls, and can vanish and fail as the real one.

What it does was traced on bluetoothd 5.66; errors and their texts are BlueZ's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from bumble import core
from bumble.att import ATT_Error
from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from simulators.bluetooth.adapter import Adapter
from simulators.bluetooth.background import Background
from simulators.bluetooth.objects import (
    ACCESS_DENIED,
    ADAPTER,
    CHARACTERISTIC,
    DESCRIPTOR,
    DEVICE,
    MONITOR_MANAGER,
    OBJECT_MANAGER,
    PROPERTIES,
    UNKNOWN_METHOD,
    UNKNOWN_OBJECT,
    Failure,
    Objects,
)
from simulators.bluetooth.remote import Remote

log = logging.getLogger(__name__)

NAME: Final = "org.bluez"
BUS: Final = "org.freedesktop.DBus"

ATT_FAILURES: Final = {
    0x02: ("NotPermitted", "Read not permitted"),
    0x03: ("NotPermitted", "Write not permitted"),
    0x08: ("NotAuthorized", "Operation Not Authorized"),
    0x0D: ("InvalidArguments", "Invalid Length"),
}
"""How BlueZ names the ATT errors that it has a name for."""

ANSWERED: Final = frozenset(
    {OBJECT_MANAGER, PROPERTIES, ADAPTER, MONITOR_MANAGER, DEVICE, CHARACTERISTIC, DESCRIPTOR}
)

type Answer = tuple[str, list[Any]]
NOTHING: Final[Answer] = ("", [])


@dataclass(slots=True)
class BusFaults:
    """What is wrong with BlueZ, beyond adapters that are off and its own absence."""

    in_progress: int = 0
    """So many calls of Connect are answered with InProgress."""
    connection_abort: int = 0
    """So many calls of Connect make a link that breaks at once, for no fault of the lock."""
    connection_canceled: int = 0
    """So many calls of Connect end as when another program ends the attempt."""
    connect_ms: int = 0
    """Each connection takes so much longer, as on a slow machine."""
    service_rights: bool = True
    """Without them the bus refuses every call, as it does to users it does not know."""


class Bluez:
    """The service, while `appear`ed. Objects outlive its absence."""

    def __init__(self, address: str, background: Background) -> None:
        self._address = address
        self._background = background
        self._bus: MessageBus | None = None
        self.objects = Objects(self._send)
        self.objects.all["/org/bluez"] = {"org.bluez.AgentManager1": {}}
        self.adapters: dict[str, Adapter] = {}
        self.faults = BusFaults()
        self.calls = 0

    def add(self, adapter: Adapter) -> None:
        """One more adapter, to be started by who made it."""
        self.adapters[adapter.path] = adapter

    # Presence

    @property
    def is_present(self) -> bool:
        """The name has an owner."""
        return self._bus is not None

    async def appear(self) -> None:
        """Takes its name, and shows what there is."""
        if self._bus is not None:
            return
        bus = MessageBus(bus_address=self._address, bus_type=BusType.SYSTEM)
        await bus.connect()
        bus.add_message_handler(self._receive)
        for rule in (
            f"type='signal',sender='{BUS}',member='NameOwnerChanged'",
            f"type='signal',interface='{OBJECT_MANAGER}',member='InterfacesAdded'",
        ):
            await bus.call(
                Message(
                    destination=BUS,
                    path="/org/freedesktop/DBus",
                    interface=BUS,
                    member="AddMatch",
                    signature="s",
                    body=[rule],
                )
            )
        self._set_bus(bus)
        await bus.request_name(NAME)
        for path in sorted(self.objects.all):
            self.objects.announce(path)

    async def vanish(self) -> None:
        """As when bluetoothd is killed: the kernel ends the links, and nobody tells of it."""
        bus = self._bus
        if bus is None:
            return
        self._set_bus(None)
        bus.disconnect()
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast's is not typed
        for adapter in self.adapters.values():
            await adapter.drop_all()
            await adapter.forget_clients()

    def _set_bus(self, bus: MessageBus | None) -> None:
        self._bus = bus
        for adapter in self.adapters.values():
            adapter.bus = bus

    def _send(self, message: Message) -> None:
        if self._bus is not None and self._bus.connected:
            self._bus.send(message)

    # Messages

    def _receive(self, message: Message) -> bool | None:
        if message.message_type is MessageType.SIGNAL:
            self._hear(message)
            return None
        if message.message_type is not MessageType.METHOD_CALL or message.interface not in ANSWERED:
            return None
        self._background.spawn(self._call(message))
        return True

    def _hear(self, signal: Message) -> None:
        if signal.member == "NameOwnerChanged" and signal.sender == BUS:
            name, _before, owner = signal.body
            if not owner and name.startswith(":"):
                for adapter in self.adapters.values():
                    self._background.spawn(adapter.forget_client(name))
        elif signal.member == "InterfacesAdded" and signal.sender is not None:
            path, interfaces = signal.body
            for adapter in self.adapters.values():
                monitor = adapter.monitors.get((signal.sender, path))
                if monitor is not None and monitor.take(interfaces):
                    self._background.spawn(adapter.activate(monitor))

    async def _call(self, message: Message) -> None:
        self.calls += 1
        try:
            if not self.faults.service_rights:
                raise Failure(ACCESS_DENIED, "Rejected send message, no matching rule")
            signature, body = await self._answer(message)
            reply = Message.new_method_return(message, signature, body)
        except Failure as failure:
            reply = Message.new_error(message, failure.name, failure.text)
        except ATT_Error as error:
            text = f"Operation failed with ATT error: 0x{error.error_code:02x}"
            name, text = ATT_FAILURES.get(error.error_code, ("Failed", text))
            reply = Message.new_error(message, f"org.bluez.Error.{name}", text)
        except (asyncio.CancelledError, core.BaseBumbleError):
            # bumble cancels what waits for an answer when the link breaks.
            reply = Message.new_error(message, "org.bluez.Error.Failed", "Not connected")
        except Exception as error:
            log.exception("%s %s", message.path, message.member)
            reply = Message.new_error(message, "org.bluez.Error.Failed", repr(error))
        self._send(reply)

    async def _answer(self, message: Message) -> Answer:
        if message.interface == OBJECT_MANAGER and message.member == "GetManagedObjects":
            return "a{oa{sa{sv}}}", [self.objects.all]
        path = message.path or ""
        if path not in self.objects:
            raise Failure(UNKNOWN_OBJECT, f"no object {path}")
        if message.interface == PROPERTIES:
            return await self._properties(message, path)
        if message.interface in (ADAPTER, MONITOR_MANAGER):
            return await self._adapter(message, self.adapters[path])
        adapter = self.adapters["/".join(path.split("/")[:4])]
        adapter.check_ready()
        remote = adapter.remotes["/".join(path.split("/")[:5])]
        if message.interface == DEVICE:
            return await self._device(message, adapter, remote)
        return await self._attribute(message, remote, path)

    async def _properties(self, message: Message, path: str) -> Answer:
        interface = message.body[0]
        match message.member:
            case "GetAll":
                return "a{sv}", [self.objects.all[path].get(interface, {})]
            case "Get":
                value = self.objects.get(path, interface, message.body[1])
                if value is None:
                    raise Failure("org.freedesktop.DBus.Error.InvalidArgs", "No such property")
                return "v", [value]
            case "Set":
                name, value = message.body[1:]
                if interface == ADAPTER and name == "Powered":
                    await self.adapters[path].set_powered(bool(value.value))
                else:
                    self.objects.set(path, interface, {name: value})
                return NOTHING
        raise _unknown(message)

    async def _adapter(self, message: Message, adapter: Adapter) -> Answer:
        adapter.check_ready()
        sender = message.sender or ""
        methods: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "StartDiscovery": lambda: adapter.start_discovery(sender),
            "StopDiscovery": lambda: adapter.stop_discovery(sender),
            "RemoveDevice": lambda: adapter.remove_device(message.body[0]),
            "RegisterMonitor": lambda: adapter.register_monitor(sender, message.body[0]),
            "UnregisterMonitor": lambda: adapter.unregister_monitor(sender, message.body[0]),
        }
        if message.member == "SetDiscoveryFilter":
            adapter.set_filter(sender, message.body[0])
        elif message.member in methods:
            await methods[message.member]()
        else:
            raise _unknown(message)
        return NOTHING

    async def _device(self, message: Message, adapter: Adapter, remote: Remote) -> Answer:
        match message.member:
            case "Connect":
                self._fail_connect(remote)
                adapter.check_slot()
                await remote.connect(self.faults.connect_ms / 1000)
            case "Disconnect":
                await remote.disconnect()
            case "Pair":  # a Nuki has no pairing of Bluetooth's own
                raise Failure("AuthenticationFailed", "Authentication Failed")
            case _:
                raise _unknown(message)
        return NOTHING

    def _fail_connect(self, remote: Remote) -> None:
        if self.faults.in_progress:
            self.faults.in_progress -= 1
            raise Failure("InProgress", "Operation already in progress")
        if self.faults.connection_abort:
            self.faults.connection_abort -= 1
            for connected in (True, False):  # the link stood for a moment
                shown = {"Connected": Variant("b", connected)}
                self.objects.set(remote.path, DEVICE, shown)
            raise Failure("Failed", "le-connection-abort-by-local")
        if self.faults.connection_canceled:
            self.faults.connection_canceled -= 1
            raise Failure("Failed", "br-connection-canceled")

    async def _attribute(self, message: Message, remote: Remote, path: str) -> Answer:
        interface = message.interface or ""
        match message.member:
            case "ReadValue":
                return "ay", [await remote.read(path, interface)]
            case "WriteValue":
                value, options = message.body
                kind = options.get("type")
                command = kind is not None and kind.value == "command"
                await remote.write(path, bytes(value), response=not command)
            case "StartNotify":
                await remote.start_notify(path, message.sender or "")
            case "StopNotify":
                await remote.stop_notify(path, message.sender or "")
            case _:
                raise _unknown(message)
        return NOTHING


def _unknown(message: Message) -> Failure:
    what = f'Method "{message.member}" on interface "{message.interface}" doesn\'t exist'
    return Failure(UNKNOWN_METHOD, what)
