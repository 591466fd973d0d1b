"""Codes and keys: what is wanted, and what a lock has shown. No repr shows a code."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from gatewayd.domain.ids import KeyId, LockId, ReservationId
from gatewayd.domain.lease import Proof
from gatewayd.errors import Reason


@dataclass(frozen=True, slots=True)
class DoorCode:
    """The code of a key at one door."""

    lock_id: LockId
    name: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CodeAssigned:
    """The code that the guest will get; not yet on any door. Told again where another one is asked
    for that is only preferred: the key keeps the code that it has.

    `declined`: a code was asked for, and this is another one.
    """

    type: ClassVar[str] = "code.assigned"
    key_id: KeyId
    reservation_id: ReservationId | None
    doors: tuple[DoorCode, ...]
    display: str = field(repr=False)
    late: bool = False
    declined: bool = False


class OldCode(StrEnum):
    """What becomes of a key's last code at one door."""

    ABSENT = "absent"  # it was not there, or not yet
    KEPT_UNTIL_PROVEN = "kept_until_proven"  # the new one is proven at all doors, and receipted
    REMOVED_FIRST = "removed_first"  # somebody knows it


@dataclass(frozen=True, slots=True)
class ChangedDoor:
    """The new code of a key at one door, and what becomes of the old one there."""

    lock_id: LockId
    name: str
    code: str = field(repr=False)
    old: OldCode


@dataclass(frozen=True, slots=True)
class CodeChanged:
    """Another code takes the place of the last one; `declined` as in `code.assigned`."""

    type: ClassVar[str] = "code.changed"
    key_id: KeyId
    reservation_id: ReservationId | None
    doors: tuple[ChangedDoor, ...]
    display: str = field(repr=False)
    announced: bool = False
    reason: Reason | None = None
    declined: bool = False


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
    """A code that is over still opens, or may; tried for ever. A lost database leaves two to a
    person, which are not tried: `unknown_lock`, the lock is not on the site any more;
    `foreign_slot`, the hub cannot tell whether what lies there is its code."""

    type: ClassVar[str] = "code.removal_failed"
    key_id: KeyId
    lock_id: LockId
    reason: Reason
    attempt: int
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class CredentialsWanted:
    """The guest is to be told the code once more; who that is and where, the cloud knows."""

    type: ClassVar[str] = "credentials.wanted"
    key_id: KeyId
    reservation_id: ReservationId | None
    channel: Literal["email", "phone"]


@dataclass(frozen=True, slots=True)
class CodesRevealed:
    """The codes of these keys were shown to a person at the hub; `by`: the name of a user of its
    system; `lock_ids`: where what was asked for are the codes of a lock."""

    type: ClassVar[str] = "codes.revealed"
    by: str
    key_ids: tuple[KeyId, ...]
    lock_ids: tuple[LockId, ...] = ()


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
