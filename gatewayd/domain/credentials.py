"""What a pairing left, and what goes with it: kept for each lock that has to be paired."""

from dataclasses import dataclass, field
from datetime import datetime

from gatewayd.errors import Reason

PIN_TRIES = 8
"""Answers to the PIN that may get lost in a row. The lock took it when it was paired, so a bad link
is likelier than a PIN changed since; but after ten wrong ones a lock takes none."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens a conversation with one lock.

    `log_index`: the last log entry that was told, None before the first look; `pin_refused`: the
    lock said that the security PIN is wrong; `pin_tries`: how many more answers to it may get lost;
    `clock_due`: when the hub may set its clock again; `clock_right`: when that was seen right last,
    by a hub that was certain, None where it was not.
    """

    auth_id: int
    shared_key: bytes = field(repr=False)
    security_pin: int = field(repr=False)
    lock_uuid: str
    name: str
    log_index: int | None = None
    pin_refused: bool = False
    pin_tries: int = PIN_TRIES
    clock_due: datetime | None = None
    clock_right: datetime | None = None

    @property
    def stopped(self) -> Reason | None:
        """Why the lock is left alone until it is paired again."""
        if self.pin_refused:
            return Reason.PIN_REFUSED
        return Reason.PIN_UNANSWERED if self.pin_tries == 0 else None
