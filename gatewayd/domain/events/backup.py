"""Backup codes, for guests whose own code does not work. No repr shows a code."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from gatewayd.domain.ids import KeyId, LockId, ReservationId


@dataclass(frozen=True, slots=True)
class BackupReady:
    """The lock itself shows this backup code: it can be handed out, also while the hub is
    unreachable (report that with `backup.issue`). Again after every change of the code."""

    type: ClassVar[str] = "backup.ready"
    lock_id: LockId
    label: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BackupIssued:
    """One guest has this code now, until the end of the stay. `fallback_note`: what else helps at
    that door; `reason`: as the command says, or why the guest's own code is not on the door; `at`:
    when it was handed out, where that was reported after the fact."""

    type: ClassVar[str] = "backup.issued"
    key_id: KeyId
    reservation_id: ReservationId | None
    lock_id: LockId
    label: str
    code: str = field(repr=False)
    fallback_note: str | None
    reason: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BackupUsed:
    """A backup code was typed; `key_id` and `reservation_id` null: nobody was given it. `at` as of
    `lock.used`."""

    type: ClassVar[str] = "backup.used"
    lock_id: LockId
    label: str
    key_id: KeyId | None = None
    reservation_id: ReservationId | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BackupRotated:
    """This backup's code goes, and must not be handed out any more; `backup.ready` follows where
    another one is `replacing` it. `reservation_id`: who had it."""

    type: ClassVar[str] = "backup.rotated"
    lock_id: LockId
    label: str
    reservation_id: ReservationId | None = None
    replacing: bool = True


@dataclass(frozen=True, slots=True)
class BackupExhausted:
    """A guest needs a backup code at this door, and there is none that is proven and free."""

    type: ClassVar[str] = "backup.exhausted"
    key_id: KeyId
    reservation_id: ReservationId | None
    lock_id: LockId
    fallback_note: str | None
