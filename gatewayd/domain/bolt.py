"""The bolt of a lock: where it is, and where a person wants it."""

from enum import StrEnum


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
