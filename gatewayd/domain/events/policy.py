"""The settings in force."""

from dataclasses import dataclass
from typing import ClassVar

from gatewayd.domain.ids import KeyId, LockId
from gatewayd.domain.policy import Level


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
