"""What nodes tell by themselves, in our words.

Numbers are the Notification command class's types and events (SDS13713): type 6 Access Control,
7 Home Security, 8 Power Management.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

from zwave_js_server.const import CommandClass
from zwave_js_server.const.command_class.access_control import UserCredentialType
from zwave_js_server.model.access_control import CredentialDeletedArgs
from zwave_js_server.model.node import Node
from zwave_js_server.model.notification import BatteryNotification, NotificationNotification

from gatewayd.clock import Clock
from gatewayd.domain.bolt import Bolt
from gatewayd.domain.report import (
    Battery,
    CodeAdded,
    CodeDeleted,
    DuplicateRefused,
    Jammed,
    KeypadDisabled,
    Report,
    Tampered,
    Turned,
    Used,
    WrongCode,
)

ACCESS_CONTROL, HOME_SECURITY, POWER = 6, 7, 8

TYPES = {
    "Access Control": ACCESS_CONTROL,
    "Home Security": HOME_SECURITY,
    "Power Management": POWER,
}

OPENED = frozenset({0x06, 0x22, 0x24})
"""Keypad unlock; unlock with a user's code; unlock with a user's credential (0x83)."""
CLOSED = frozenset({0x05, 0x21, 0x23})

SHUT, UNKNOWN = frozenset({0x10, 0x11, 0xFF}), 0xFE
"""Door Lock Modes: Inside Unsecured (only the handle inside opens), with and without timeout, and
Secured; and that of a bolt which is neither here nor there."""

ECHO = 2.0
"""Seconds: a lock tells of a change twice, to who asked and to its lifeline, which is us too."""

WITHOUT_SLOT: dict[tuple[int, int], Report] = {
    (ACCESS_CONTROL, 0x0B): Jammed(),
    (ACCESS_CONTROL, 0x0C): CodeDeleted(None),
    (ACCESS_CONTROL, 0x0F): DuplicateRefused(),
    (ACCESS_CONTROL, 0x10): KeypadDisabled(),
    (ACCESS_CONTROL, 0x14): WrongCode(),
    (ACCESS_CONTROL, 0x15): WrongCode(),
    (HOME_SECURITY, 0x03): Tampered(),
    (HOME_SECURITY, 0x04): WrongCode(),
    (POWER, 0x0A): Battery(None, low=True),
    (POWER, 0x0B): Battery(None, low=True),
}


def of_notification(event: dict[str, Any]) -> Report | None:
    """A node's `notification` event."""
    notification = event["notification"]
    if isinstance(notification, BatteryNotification):
        return Battery(_level(event["node"]), low=True)
    if not isinstance(notification, NotificationNotification):
        return None
    kind = (notification.type_, notification.event)
    slot = _slot(notification.parameters)
    match kind:
        case (6, act) if act in OPENED | CLOSED:
            return Used(slot, opened=act in OPENED)
        case (6, 0x0D):
            # Without its slot it must not read as "all deleted", which is a reset.
            return CodeDeleted(slot) if slot is not None else None
        case (6, 0x0E):
            return CodeAdded(slot)
        case _:
            return WITHOUT_SLOT.get(kind)


def of_value_update(event: dict[str, Any]) -> Report | None:
    """A node's `value updated` event: zwave-js shows as values what has a state (a jam, a keypad
    lock-out, an open cover, a low battery), and as notifications what has none."""
    args = event["args"]
    match args["commandClass"], args.get("propertyName"), args.get("newValue"):
        case CommandClass.BATTERY, "level", int(level):
            return Battery(level)
        case CommandClass.DOOR_LOCK, "currentMode", int(mode):
            return Turned(of_mode(mode))
        case CommandClass.NOTIFICATION, str(name), int(state) if name in TYPES:
            return WITHOUT_SLOT.get((TYPES[name], state))
        case _:
            return None


def of_credential(event: dict[str, Any]) -> CodeAdded | CodeDeleted | None:
    """A node's `credential added`, `credential modified` and `credential deleted` events."""
    about = event["args"]
    if about.credential_type is not UserCredentialType.PIN_CODE:
        return None
    gone = isinstance(about, CredentialDeletedArgs)
    return (CodeDeleted if gone else CodeAdded)(about.credential_slot)


def of_user(event: dict[str, Any]) -> CodeDeleted:
    """A node's `user deleted` event: with a user its codes go; user 0 means all users."""
    return CodeDeleted(event["args"].user_id or None)


def of_mode(mode: int) -> Bolt:
    """Where the bolt is in this Door Lock Mode."""
    if mode == UNKNOWN:
        return Bolt.UNKNOWN
    return Bolt.LOCKED if mode in SHUT else Bolt.UNLOCKED


class OwnChanges:
    """What we change ourselves: the lock reports it like a person's change."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[tuple[int, int | None], float] = {}

    @contextmanager
    def changing(self, node: Node, slot: int) -> Iterator[None]:
        """What the lock tells of this slot now, and shortly after, is an echo."""
        self._until[node.node_id, slot] = inf
        try:
            yield
        finally:
            self._until[node.node_id, slot] = self._clock.tick() + ECHO

    def caused(self, node: Node, report: CodeAdded | CodeDeleted) -> bool:
        """Whether a report is such an echo."""
        return self._clock.tick() < self._until.get((node.node_id, report.slot), 0.0)


def of_values(node: Node) -> Iterator[Report]:
    """What is known of a node when a connection is made, without asking it."""
    if (level := _level(node)) is not None:
        yield Battery(level)
    if (mode := _value(node, CommandClass.DOOR_LOCK, "currentMode")) is not None:
        yield Turned(of_mode(mode))


def _slot(parameters: object) -> int | None:
    """The user id, which User Code and we count alike; 0 and absent both mean that the lock does
    not say (a remote, a master code). The use of a credential begins with it, in two bytes, and
    zwave-js hands those on as they are."""
    match parameters:
        case {"userId": int(user)} | {"user ID": int(user)}:
            return user if user > 0 else None
        case {"type": "Buffer", "data": [int(high), int(low), *_]}:
            return (high << 8 | low) or None
        case _:
            return None


def _level(node: Node) -> int | None:
    return _value(node, CommandClass.BATTERY, "level")


def _value(node: Node, of: CommandClass, name: str) -> int | None:
    """What zwave-js knows without asking."""
    value = node.values.get(f"{node.node_id}-{of.value}-0-{name}")
    return value.value if value is not None and isinstance(value.value, int) else None
