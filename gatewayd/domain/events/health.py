"""The daily check, and the settings in force."""

from dataclasses import dataclass
from typing import ClassVar

from gatewayd.domain.ids import KeyId, LockId, ReservationId
from gatewayd.domain.policy import Level
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


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as the site document names and writes it, such as `pin.source`, and which level
    decides."""

    name: str
    value: str | int | bool | None
    level: Level


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """What a lock's own policy decides for a key."""

    lock_id: LockId
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """All settings of a key, and, of its doors, those that their locks decide."""

    type: ClassVar[str] = "policy.in_force"
    key_id: KeyId
    settings: tuple[Setting, ...]
    doors: tuple[DoorSettings, ...]
