"""Errors, drawn by what the caller must do.

GatewaydError
├── ConfigError            mend the configuration; nothing was started
├── Rejected               a command is bad: say so to its sender, change nothing
├── UnknownSubject         nothing here has that id: name another one
├── StoreError             the database cannot be used
│   └── StoreInUse         another gatewayd has it open: stop that one
└── LockError              one operation at one lock did not succeed
    ├── Unreachable        try the lock again later (its ladder)
    │   └── Unanswered     it is there, and has no answer to this question
    ├── RadioDown          wait for the radio; no attempt was made
    ├── Refused            the lock said no to this code (the code's ladder)
    ├── Unsupported        never try this here again
    └── OutcomeUnknown     it may have happened: read before anything else

Anything else is a bug and falls; where a command leads to it, it is the command's answer. No
message holds a code or a guest's name.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why something is not as it should be: one enum for events, command line and page."""

    # input
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    MISSING_FIELD = "missing_field"
    INVALID_FIELD = "invalid_field"
    UNKNOWN_LOCK = "unknown_lock"
    MAPPING_UNKNOWN = "mapping_unknown"
    TIMES_MISSING = "times_missing"
    DATES_REVERSED = "dates_reversed"
    STALE_VERSION = "stale_version"
    EXPIRED = "expired"
    WRONG_HUB = "wrong_hub"
    BAD_SIGNATURE = "bad_signature"
    REPLAYED = "replayed"
    UNSIGNED = "unsigned"
    RETAINED = "retained"
    BRAKE_HELD = "brake_held"
    COMMISSIONING = "commissioning"
    # allocation
    PHONE_MISSING = "phone_missing"
    CODE_TAKEN = "code_taken"
    CODE_IMPOSSIBLE = "code_impossible"
    RULES_CONFLICT = "rules_conflict"
    # provisioning
    PROVISIONING_DISABLED_DOOR = "provisioning_disabled_door"
    PROVISIONING_DISABLED_KEY = "provisioning_disabled_key"
    AWAITING_CHECK_IN = "awaiting_check_in"
    NOT_DUE = "not_due"
    LOCK_INACTIVE = "lock_inactive"
    MAPPING_MISSING = "mapping_missing"
    LOCK_UNREACHABLE = "lock_unreachable"
    RADIO_DOWN = "radio_down"
    LOCK_ASLEEP = "lock_asleep"
    BATTERY_DEAD = "battery_dead"
    LOCK_FULL = "lock_full"
    DUPLICATE_CODE = "duplicate_code"
    DUPLICATE_NAME = "duplicate_name"
    REFUSED = "refused"
    PIN_REFUSED = "pin_refused"
    PIN_UNANSWERED = "pin_unanswered"
    UNKNOWN_OUTCOME = "unknown_outcome"
    MISMATCH = "mismatch"
    UNREADABLE = "unreadable"
    FOREIGN_SLOT = "foreign_slot"
    CLOCK_IN_DOUBT = "clock_in_doubt"
    DELETED_AT_LOCK = "deleted_at_lock"
    WRITE_BUDGET = "write_budget"


class GatewaydError(Exception):
    """The root of everything gatewayd raises on purpose."""


class ConfigError(GatewaydError):
    """The configuration cannot be used; the text names each wrong key."""


class Rejected(GatewaydError):
    """A command cannot be taken: why, and the path of the field at fault."""

    def __init__(
        self, reason: Reason, message: str, *, path: str = "", retryable: bool = False
    ) -> None:
        super().__init__(message)
        self.reason, self.message, self.path, self.retryable = reason, message, path, retryable


class UnknownSubject(GatewaydError):
    """No reservation, key or lock has the id that was asked for; `nearest`: those like it."""

    def __init__(self, nearest: tuple[str, ...] = ()) -> None:
        meant = f"; like it are {', '.join(nearest)}" if nearest else ""
        super().__init__(f"no reservation, key or lock has that id{meant}")
        self.nearest = nearest


class StoreError(GatewaydError):
    """The database cannot be used; the text says what to do."""


class StoreInUse(StoreError):
    """Another gatewayd has the database open."""


class LockError(GatewaydError):
    """One operation at one lock did not succeed."""

    reason = Reason.REFUSED

    def __init__(self, message: str, reason: Reason | None = None) -> None:
        super().__init__(message)
        self.reason = reason or self.reason


class Unreachable(LockError):
    """The lock did not answer; nothing was changed by this attempt."""

    reason = Reason.LOCK_UNREACHABLE


class Unanswered(Unreachable):
    """The lock took a question and gave no answer to it."""


class RadioDown(LockError):
    """The radio is not there; no attempt was made at the lock."""

    reason = Reason.RADIO_DOWN


class Refused(LockError):
    """The lock answered and said no."""


class Unsupported(LockError):
    """The lock cannot do this, today or ever."""

    reason = Reason.INVALID_FIELD


class OutcomeUnknown(LockError):
    """The lock may have done it, or may still do it."""

    reason = Reason.UNKNOWN_OUTCOME
