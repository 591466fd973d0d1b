"""What a pairing left, and what goes with it: kept for each lock that has to be paired."""

from dataclasses import dataclass, field
from datetime import datetime

NEW_PIN_TRIES, TAKEN_PIN_TRIES = 3, 8
"""Answers to a PIN that may get lost in a row: to one that the lock never took, and to one that it
did, where a bad link is likelier than a PIN changed since. After ten wrong ones it takes none."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens a conversation with one lock.

    `log_index`: the last log entry that was told, None before the first look; `pin_refused`: the
    lock said that the security PIN is wrong, and is left alone until it is paired again;
    `pin_tries`: how many more answers to the PIN may get lost until the same follows;
    `clock_due`: when the hub may set its clock again.
    """

    auth_id: int
    shared_key: bytes = field(repr=False)
    security_pin: int = field(repr=False)
    lock_uuid: str
    name: str
    log_index: int | None = None
    pin_refused: bool = False
    pin_tries: int = NEW_PIN_TRIES
    clock_due: datetime | None = None
