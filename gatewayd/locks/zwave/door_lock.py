"""The bolt, by the Door Lock command class (0x62): asked once, then read from the lock itself."""

from typing import assert_never

from zwave_js_server.const import CommandClass
from zwave_js_server.const.command_class.lock import DoorLockMode

from gatewayd.domain.bolt import Action, Bolt
from gatewayd.locks.zwave.commands import Commands

DOOR_LOCK = CommandClass.DOOR_LOCK
INSIDE_ONLY = (0x10, 0x11)
"""Inside Unsecured, with and without timeout: only the handle inside opens."""
UNKNOWN = 0xFE
"""Door Lock Mode of a bolt that is neither here nor there."""
ACCESS_CONTROL, LOCK_STATE, LOCK_JAMMED = "Access Control", "Lock state", 0x0B
"""The Notification that says why; zwave-js keeps it until the lock tells that it moved again."""


class DoorLock:
    """The bolt of one node."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def operate(self, action: Action) -> None:
        """Set the mode, once.

        Raises:
            Refused: the lock said no. Unsupported: it has no bolt that can be turned by radio.
        """
        match action:
            case Action.LOCK:
                mode = DoorLockMode.SECURED
            case Action.UNLOCK:
                mode = DoorLockMode.UNSECURED
            case _:
                assert_never(action)
        await self._commands.change(DOOR_LOCK, "set", mode.value)

    async def bolt(self) -> Bolt:
        """Where it is: one exchange. Jammed only where the lock has told so.

        Raises:
            Unreachable: the lock gave no answer. Unsupported: it has no bolt to ask for.
        """
        said = await self._commands.must_answer(DOOR_LOCK, "get")
        mode, target = said["currentMode"], said.get("targetMode")
        if mode == DoorLockMode.SECURED or mode in INSIDE_ONLY:
            where = Bolt.LOCKED
        else:
            where = Bolt.UNKNOWN if mode == UNKNOWN else Bolt.UNLOCKED
        if target not in (None, mode, UNKNOWN):
            return Bolt.MOVING
        return Bolt.JAMMED if where is not Bolt.LOCKED and self._jammed() else where

    def _jammed(self) -> bool:
        """From the lock's own notification: the Door Lock class cannot say it."""
        node = self._commands.node
        name = f"{node.node_id}-{CommandClass.NOTIFICATION.value}-0-{ACCESS_CONTROL}-{LOCK_STATE}"
        value = node.values.get(name)
        return value is not None and value.value == LOCK_JAMMED
