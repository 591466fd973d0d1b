"""What a lock tells by itself."""

from dataclasses import dataclass
from datetime import datetime

from gatewayd.domain.bolt import Bolt
from gatewayd.domain.hours import LocalTime


@dataclass(frozen=True, slots=True)
class Alive:
    """The lock answers again, or woke up."""


@dataclass(frozen=True, slots=True)
class Flapping:
    """The lock came back so often within minutes that no more is made of it."""


@dataclass(frozen=True, slots=True)
class Dead:
    """The radio gave the lock up."""


@dataclass(frozen=True, slots=True)
class Used:
    """The lock was opened or closed; `slot` None where the lock does not say whose code.

    `at`: when, by the lock's own clock, where it keeps a log that is read later; else it is now.
    """

    slot: int | None
    opened: bool
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CodeDeleted:
    """A person deleted a code at the lock; `slot` None = all codes (a factory reset)."""

    slot: int | None


@dataclass(frozen=True, slots=True)
class CodeAdded:
    """A code was stored; `slot` None where the lock does not say where."""

    slot: int | None


@dataclass(frozen=True, slots=True)
class DuplicateRefused:
    """The lock refused a code because it holds it already."""


@dataclass(frozen=True, slots=True)
class WrongCode:
    """Somebody typed a code that the lock does not know; `at` as in `Used`."""

    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeypadDisabled:
    """Too many wrong codes: the keypad is locked out for a while."""


@dataclass(frozen=True, slots=True)
class Jammed:
    """The bolt could not move."""


@dataclass(frozen=True, slots=True)
class Turned:
    """The bolt is there now, whoever turned it."""

    bolt: Bolt


@dataclass(frozen=True, slots=True)
class Tampered:
    """The cover was opened."""


@dataclass(frozen=True, slots=True)
class Battery:
    """Level in percent where known; `low` is the lock's own warning; `days_left`: the forecast that
    the hub makes from earlier levels."""

    level: int | None
    low: bool = False
    days_left: int | None = None


@dataclass(frozen=True, slots=True)
class KeypadBattery:
    """The keypad's own battery, where it has one."""

    low: bool


@dataclass(frozen=True, slots=True)
class ClockSkew:
    """The lock's clock is ahead by so many seconds (behind: negative); `mended`: it was set."""

    seconds: float
    mended: bool


@dataclass(frozen=True, slots=True)
class PinRefused:
    """The lock refused the hub's security PIN; nothing more is tried with it."""


@dataclass(frozen=True, slots=True)
class PinUnanswered:
    """The lock fell silent too often after the PIN was sent: nothing is known of the PIN, and
    nothing more is tried with it."""


type Report = (
    Alive
    | Flapping
    | Dead
    | Used
    | CodeDeleted
    | CodeAdded
    | DuplicateRefused
    | WrongCode
    | KeypadDisabled
    | Jammed
    | Turned
    | Tampered
    | Battery
    | KeypadBattery
    | ClockSkew
    | LocalTime
    | PinRefused
    | PinUnanswered
)


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry of the log that the lock at `address` keeps: told once, however often it is read.

    `index`: its place, higher than that of all before it; `told`: None where it only says how far
    the log is read.
    """

    address: str
    index: int
    told: Report | None


type Heard = Report | Logged
"""What a radio hands on."""
