"""The bolt, by the Door Lock command class (0x62): asked once, then read from the lock itself."""

from typing import assert_never

from zwave_js_server.const import CommandClass
from zwave_js_server.const.command_class.lock import DoorLockMode

from gatewayd.domain.bolt import Action, Bolt
from gatewayd.errors import OutcomeUnknown, Unreachable
from gatewayd.locks.zwave.commands import Commands
from gatewayd.locks.zwave.reports import of_mode

DOOR_LOCK = CommandClass.DOOR_LOCK
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
            OutcomeUnknown: it may have heard it.
        """
        match action:
            case Action.LOCK:
                mode = DoorLockMode.SECURED
            case Action.UNLOCK:
                mode = DoorLockMode.UNSECURED
            case _:
                assert_never(action)
        try:
            await self._commands.change(DOOR_LOCK, "set", mode.value)
        except Unreachable as error:  # an acknowledgement may be lost on its way back
            raise OutcomeUnknown(str(error)) from None

    async def bolt(self) -> Bolt:
        """Where it is: one exchange. Jammed where it is in between and the lock has told why.

        Raises:
            Unreachable: the lock gave no answer. Unsupported: it has no bolt to ask for.
        """
        said = await self._commands.must_answer(DOOR_LOCK, "get")
        mode, target = said["currentMode"], said.get("targetMode")
        if target not in (None, mode) and _goes_on(said.get("duration")):
            return Bolt.MOVING
        bolt = of_mode(mode)
        return Bolt.JAMMED if bolt is Bolt.UNKNOWN and self._jammed() else bolt

    def _jammed(self) -> bool:
        """From the lock's own notification: the Door Lock class cannot say it."""
        node = self._commands.node
        name = f"{node.node_id}-{CommandClass.NOTIFICATION.value}-0-{ACCESS_CONTROL}-{LOCK_STATE}"
        value = node.values.get(name)
        return value is not None and value.value == LOCK_JAMMED


def _goes_on(duration: object) -> bool:
    """Whether a movement is not over: after a turn by hand some locks keep their last target."""
    return duration is not None and not (isinstance(duration, dict) and not duration.get("value"))
