"""Facts for the cloud. `type` names the topic and the schema; codes appear only where the
contract says so, and never in a repr."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from gatewayd.domain.health import ALERTS, AlertCode, Severity
from gatewayd.domain.ids import KeyId, LockId, ReservationId
from gatewayd.domain.lease import Proof
from gatewayd.errors import Reason


@dataclass(frozen=True, slots=True)
class CommandAccepted:
    """The command is stored, not yet carried out; `held_by` names a brake to confirm first."""

    type: ClassVar[str] = "command.accepted"
    held_by: str | None = None


@dataclass(frozen=True, slots=True)
class CommandRejected:
    """The command changed nothing; `path` is the field at fault, dotted, empty for the whole."""

    type: ClassVar[str] = "command.rejected"
    reason: Reason
    path: str
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class CommandDone:
    """The command's effect on all doors is proven; of several about one reservation the last."""

    type: ClassVar[str] = "command.done"


@dataclass(frozen=True, slots=True)
class CommandExpired:
    """The command came too late and changed nothing."""

    type: ClassVar[str] = "command.expired"


@dataclass(frozen=True, slots=True)
class DoorCode:
    """The code of a key at one door."""

    lock_id: LockId
    name: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CodeAssigned:
    """The code that the guest will get; not yet on any door."""

    type: ClassVar[str] = "code.assigned"
    key_id: KeyId
    reservation_id: ReservationId
    doors: tuple[DoorCode, ...]
    display: str = field(repr=False)
    late: bool = False


@dataclass(frozen=True, slots=True)
class CodeChanged:
    """Another code takes the place of the last; the old one stays until the new one is proven."""

    type: ClassVar[str] = "code.changed"
    key_id: KeyId
    reservation_id: ReservationId
    doors: tuple[DoorCode, ...]
    display: str = field(repr=False)
    announced: bool = False
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class CodeConfirmed:
    """The lock itself shows the code."""

    type: ClassVar[str] = "code.confirmed"
    key_id: KeyId
    lock_id: LockId
    proof: Proof
    at: datetime


@dataclass(frozen=True, slots=True)
class CodeLost:
    """A proven code is gone: retracts a confirmation."""

    type: ClassVar[str] = "code.lost"
    key_id: KeyId
    lock_id: LockId
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class CodeFailed:
    """A code is not on the lock, and when the hub tries again."""

    type: ClassVar[str] = "code.failed"
    key_id: KeyId
    lock_id: LockId
    reason: Reason
    attempt: int
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class CodeRemoved:
    """The lock shows that the code is gone."""

    type: ClassVar[str] = "code.removed"
    key_id: KeyId
    lock_id: LockId


@dataclass(frozen=True, slots=True)
class CodeRemovalFailed:
    """A code that is over still opens, or may; tried for ever."""

    type: ClassVar[str] = "code.removal_failed"
    key_id: KeyId
    lock_id: LockId
    reason: Reason
    attempt: int
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class DoorState:
    """One door of a key."""

    lock_id: LockId
    state: Literal["waiting", "writing", "proven", "failing", "withheld", "removing", "removed"]
    proof: Proof | None = None
    reason: Reason | None = None
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """Where a key stands, over all its doors."""

    type: ClassVar[str] = "key.status"
    key_id: KeyId
    status: Literal["upcoming", "current", "past", "revoked"]
    doors: tuple[DoorState, ...]


@dataclass(frozen=True, slots=True)
class LockOnline:
    """The lock answers again."""

    type: ClassVar[str] = "lock.online"
    lock_id: LockId


@dataclass(frozen=True, slots=True)
class LockOffline:
    """The lock does not answer."""

    type: ClassVar[str] = "lock.offline"
    lock_id: LockId
    reason: Reason


@dataclass(frozen=True, slots=True)
class LockBattery:
    """Percent where the lock tells; `low` is the lock's own warning."""

    type: ClassVar[str] = "lock.battery"
    lock_id: LockId
    level: int | None
    low: bool


@dataclass(frozen=True, slots=True)
class LockUsed:
    """A code was used; `slot` None where the lock does not say which."""

    type: ClassVar[str] = "lock.used"
    lock_id: LockId
    slot: int | None
    key_id: KeyId | None
    how: Literal["unlock", "lock"]


@dataclass(frozen=True, slots=True)
class LockWrongCode:
    """A code that the lock does not know was typed."""

    type: ClassVar[str] = "lock.wrong_code"
    lock_id: LockId


@dataclass(frozen=True, slots=True)
class LockKeypadDisabled:
    """The keypad is locked out for a while."""

    type: ClassVar[str] = "lock.keypad_disabled"
    lock_id: LockId


@dataclass(frozen=True, slots=True)
class LockJammed:
    """The bolt could not move."""

    type: ClassVar[str] = "lock.jammed"
    lock_id: LockId


@dataclass(frozen=True, slots=True)
class LockTampered:
    """The cover was opened."""

    type: ClassVar[str] = "lock.tampered"
    lock_id: LockId


@dataclass(frozen=True, slots=True)
class LockFull:
    """Keys that are due and find no slot."""

    type: ClassVar[str] = "lock.full"
    lock_id: LockId
    key_ids: tuple[KeyId, ...]


@dataclass(frozen=True, slots=True)
class LockForeignCode:
    """A code that is not ours sits in a slot; it is left alone."""

    type: ClassVar[str] = "lock.foreign_code"
    lock_id: LockId
    slot: int


@dataclass(frozen=True, slots=True)
class LockReset:
    """The lock reports that all its codes were deleted."""

    type: ClassVar[str] = "lock.reset"
    lock_id: LockId


@dataclass(frozen=True, slots=True)
class LockClockSkew:
    """The lock's own clock is off by so many seconds (behind: negative); `mended`: it was set."""

    type: ClassVar[str] = "lock.clock_skew"
    lock_id: LockId
    seconds: float
    mended: bool


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """Something needs a person."""

    type: ClassVar[str] = "alert.raised"
    code: AlertCode
    severity: Severity
    subject: str
    text: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class AlertCleared:
    """It no longer does."""

    type: ClassVar[str] = "alert.cleared"
    code: AlertCode
    severity: Severity
    subject: str
    text: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class HubStarted:
    """The daemon is up."""

    type: ClassVar[str] = "hub.started"
    version: str


@dataclass(frozen=True, slots=True)
class SnapshotWanted:
    """The hub asks for all reservations: its database is new, or the session was lost."""

    type: ClassVar[str] = "snapshot.wanted"
    why: Literal["new_database", "session_lost"]


type Event = (
    CommandAccepted
    | CommandRejected
    | CommandDone
    | CommandExpired
    | CodeAssigned
    | CodeChanged
    | CodeConfirmed
    | CodeLost
    | CodeFailed
    | CodeRemoved
    | CodeRemovalFailed
    | KeyStatus
    | LockOnline
    | LockOffline
    | LockBattery
    | LockUsed
    | LockWrongCode
    | LockKeypadDisabled
    | LockJammed
    | LockTampered
    | LockFull
    | LockForeignCode
    | LockReset
    | LockClockSkew
    | AlertRaised
    | AlertCleared
    | HubStarted
    | SnapshotWanted
)


def raised(code: AlertCode, subject: str) -> AlertRaised:
    """The alert in the words of the table."""
    kind = ALERTS[code]
    return AlertRaised(
        code, kind.severity, subject, kind.text.format(subject=subject), kind.what_to_do
    )


def cleared(code: AlertCode, subject: str) -> AlertCleared:
    """The end of the same alert."""
    kind = ALERTS[code]
    return AlertCleared(
        code, kind.severity, subject, kind.text.format(subject=subject), kind.what_to_do
    )
