"""What can be wrong with a lock."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from simulators.bluetooth.wire import Command, ErrorCode

SMALLEST_FRAGMENT: Final = 20
"""Bytes in one indication when nobody negotiates more: an MTU of 23 less the header."""

COMMANDS: Final = {command.name.lower(): command for command in Command}
ERRORS: Final = {error.name.lower(): error for error in ErrorCode}


class Unclear(ValueError):
    """What was asked for makes no sense; the text says what would."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The link is lost once, when this command has come; before that, so many replies go out."""

    command: Command
    replies: int = 0


@dataclass(frozen=True, slots=True)
class Reject:
    """An error report to this command, or to every one that writes or lists."""

    error: int
    command: Command | None = None

    def meets(self, command: int) -> bool:
        """Whether the command is refused."""
        return self.command in (None, command) and command != Command.REQUEST_DATA


@dataclass(frozen=True, slots=True)
class Faults:
    """None of these: a healthy lock. The docstring of each module that reads one says how."""

    silent: bool = False
    """Takes connections and commands, never answers and does nothing."""
    out_of_range: bool = False
    """Is not heard; a link it has breaks without goodbye."""
    drop_before: Drop | None = None
    """Loses the link before it acts; once."""
    drop_after: Drop | None = None
    """Acts, then loses the link; once."""
    mute: Command | None = None
    """Acts on this command, and says nothing of it."""
    busy: int = 0
    """Answers so many commands with BUSY."""
    full: bool = False
    """Has no room for another code."""
    duplicate: bool = False
    """Says of every new code that it exists."""
    reject: Reject | None = None
    wrong_crc: bool = False
    """Sends frames with a wrong CRC in their box."""
    garbage: bool = False
    """Sends bytes of chance instead of frames."""
    slow_ms: int = 0
    """Waits before each frame it sends."""
    fragments: int = 0
    """Sends at most so many bytes at once, and negotiates no larger MTU at the next connection."""
    list_shrinks: bool = False
    """Loses its last code while it lists them, after it has said how many there are."""
    no_status: bool = False
    """Sends no STATUS after a code's id and after a list: readers of the document differ."""

    def as_json(self) -> dict[str, object]:
        """Only what is wrong."""
        return {
            field.name: _shown(value)
            for field in fields(self)
            if (value := getattr(self, field.name))
        }


def parse_faults(body: dict[str, Any]) -> Faults:
    """What the control port was sent. Raises Unclear."""
    names = [field.name for field in fields(Faults)]
    if unknown := sorted(set(body) - set(names)):
        raise Unclear(f"no fault {', '.join(unknown)}; there are {', '.join(names)}")
    return Faults(**{name: _parse(name, value) for name, value in body.items()})


def _parse(name: str, value: Any) -> Any:
    match name:
        case "drop_before" | "drop_after":
            return _drop(name, value)
        case "reject":
            return _reject(value)
        case "mute":
            return None if value is None else _command(value)
        case "busy" | "slow_ms":
            return number(name, value)
        case "fragments":
            size = SMALLEST_FRAGMENT if value is True else number(name, value)
            if 0 < size < SMALLEST_FRAGMENT:
                raise Unclear(f"fragments have at least {SMALLEST_FRAGMENT} bytes")
            return size
        case _ if isinstance(value, bool):
            return value
        case _:
            raise Unclear(f"{name} wants true or false")


def number(name: str, value: Any) -> int:
    """A whole number from 0. Raises Unclear."""
    if type(value) is not int or value < 0:
        raise Unclear(f"{name} wants a whole number from 0")
    return value


def _drop(name: str, value: Any) -> Drop | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not {"command"} <= set(value) <= {"command", "replies"}:
        raise Unclear(f'{name} wants {{"command": name}}, and perhaps "replies": how many go out')
    return Drop(_command(value["command"]), number("replies", value.get("replies", 0)))


def _reject(value: Any) -> Reject | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        value = {"error": value}
    if not {"error"} <= set(value) <= {"error", "command"}:
        raise Unclear('reject wants an error, or {"error": error, "command": name}')
    error = value["error"]
    if isinstance(error, str) and error in ERRORS:
        error = ERRORS[error].value
    if type(error) is not int or not 0 < error < 256:
        raise Unclear(f"an error is a number from 1 to 255 or one of {', '.join(ERRORS)}")
    command = value.get("command")
    return Reject(error, None if command is None else _command(command))


def _command(name: Any) -> Command:
    if not isinstance(name, str) or name not in COMMANDS:
        raise Unclear(f"no command {name}; there are {', '.join(COMMANDS)}")
    return COMMANDS[name]


def _shown(value: object) -> object:
    match value:
        case Drop(command, replies):
            return {"command": command.name.lower(), "replies": replies}
        case Reject(error, command):
            return {"error": error, "command": command.name.lower() if command else None}
        case Command():
            return value.name.lower()
        case _:
            return value
