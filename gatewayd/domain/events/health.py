"""The daily check."""

from dataclasses import dataclass
from typing import ClassVar

from gatewayd.domain.ids import KeyId, LockId, ReservationId
from gatewayd.errors import Reason


@dataclass(frozen=True, slots=True)
class LockChecked:
    """One lock: whether it answered, and if not why."""

    lock_id: LockId
    answered: bool
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class KeyFailing:
    """A guest cannot count on the code at this door; `backup`: the label of the code that the guest
    has instead, null where none is needed or there is none."""

    key_id: KeyId
    reservation_id: ReservationId | None
    lock_id: LockId
    reason: Reason
    backup: str | None = None


@dataclass(frozen=True, slots=True)
class HealthChecked:
    """What the locks themselves showed of the codes that are needed in the next 24 h. `keys_ok`:
    so many codes at doors are there; `keys_later`: so many are not due yet, at locks that
    answered."""

    type: ClassVar[str] = "health.checked"
    locks: tuple[LockChecked, ...]
    keys_ok: int
    keys_later: int
    keys_failing: tuple[KeyFailing, ...]
