"""What a pairing left, and what goes with it: kept for each lock that has to be paired."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens a conversation with one lock.

    `log_index`: the last log entry that was told, None before the first look; `pin_refused`: the
    lock said that the security PIN is wrong, and is left alone until it is paired again;
    `clock_set`: when the hub last set its clock.
    """

    auth_id: int
    shared_key: bytes = field(repr=False)
    security_pin: int = field(repr=False)
    lock_uuid: str
    name: str
    log_index: int | None = None
    pin_refused: bool = False
    clock_set: datetime | None = None
