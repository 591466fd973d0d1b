"""The bolt of a lock: where it is, and where a person wants it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gatewayd.domain.ids import CommandId, LockId

OPERATE_WITHIN = timedelta(seconds=60)
"""A door that opens minutes after it was asked for opens to whoever stands there then."""
OPERATE_AHEAD = timedelta(seconds=5)
"""So far two clocks that are set may be apart; what is later still would be in force too long."""


class Bolt(StrEnum):
    """Where the bolt is."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    JAMMED = "jammed"
    MOVING = "moving"
    UNKNOWN = "unknown"  # the lock does not say


class Action(StrEnum):
    """What `lock.operate` asks for."""

    LOCK = "lock"
    UNLOCK = "unlock"

    @property
    def wanted(self) -> Bolt:
        """Where the bolt is when it is done."""
        return Bolt.LOCKED if self is Action.LOCK else Bolt.UNLOCKED


@dataclass(frozen=True, slots=True)
class Operation:
    """One `lock.operate`: carried out at most once, before its deadline or never."""

    lock: LockId
    action: Action
    cause: CommandId
    deadline: datetime
