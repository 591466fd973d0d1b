"""What one command does for many reservations."""

from enum import StrEnum

from gatewayd.errors import Reason

WAITING = frozenset({Reason.NOT_DUE, Reason.AWAITING_CHECK_IN, Reason.PHONE_MISSING})
"""Why a reservation may have no code yet although it could have one."""


class Mode(StrEnum):
    """S2-14."""

    MISSING = "missing"
    ALL = "all"
    RESYNC = "resync"

    def concerns(self, *, live: bool, held: Reason | None) -> bool:
        """Whether it does something for a reservation, whose key is live, or held for a reason."""
        waits = not live and held in WAITING
        return {Mode.MISSING: waits, Mode.ALL: live or waits, Mode.RESYNC: live}[self]
