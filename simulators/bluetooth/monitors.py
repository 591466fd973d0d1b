"""Advertisement monitors, by which a client scans passively.

org.bluez.AdvertisementMonitorManager1: the client exports an object that says which patterns it
waits for; BlueZ reads it and tells the object when a device matches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from dbus_fast import Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus

from simulators.bluetooth.objects import MONITOR, OBJECT_MANAGER

SUPPORTED: Final = "or_patterns"
"""The one type of monitor there is."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """These bytes, there, in that kind of advertising data."""

    start: int
    type: int
    content: bytes

    def matches(self, data: Iterable[tuple[int, bytes]]) -> bool:
        """Whether the advertisement has them."""
        end = self.start + len(self.content)
        return any(
            type_ == self.type and value[self.start : end] == self.content for type_, value in data
        )


@dataclass(slots=True)
class Monitor:
    """A registered object; without patterns until it has been read."""

    sender: str
    path: str
    patterns: list[Pattern] = field(default_factory=list)
    found: set[str] = field(default_factory=set)

    def matches(self, data: Iterable[tuple[int, bytes]]) -> bool:
        """Whether any pattern does."""
        return any(pattern.matches(data) for pattern in self.patterns)

    def take(self, properties: dict[str, Any]) -> bool:
        """Reads the client's object: whether it now waits for something."""
        if MONITOR not in properties or properties[MONITOR]["Type"].value != SUPPORTED:
            return False
        self.patterns = [
            Pattern(start, type_, bytes(content))
            for start, type_, content in properties[MONITOR]["Patterns"].value
        ]
        return bool(self.patterns)

    async def read(self, bus: MessageBus) -> bool:
        """Asks for the object; a client that has none yet will announce it."""
        reply = await bus.call(
            Message(
                destination=self.sender,
                path=self.path,
                interface=OBJECT_MANAGER,
                member="GetManagedObjects",
            )
        )
        if reply.message_type is not MessageType.METHOD_RETURN:
            return False
        return self.take(reply.body[0].get(self.path, {}))

    def tell(self, bus: MessageBus, member: str, *devices: str) -> None:
        """Calls a method of the client's object and waits for nothing."""
        message = Message(
            destination=self.sender,
            path=self.path,
            interface=MONITOR,
            member=member,
            signature="o" * len(devices),
            body=list(devices),
            flags=MessageFlag.NO_REPLY_EXPECTED,
        )
        bus.send(message)
