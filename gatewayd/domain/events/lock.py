"""What a lock told, or how it is reached."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from gatewayd.domain.commission import Result
from gatewayd.domain.ids import KeyId, LockId
from gatewayd.errors import Reason


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
    """Percent where the lock tells; `low`: the lock warns, or it is below 20 %; `days_left`: until
    it is empty, a straight line through the levels of some weeks, null where they are too few."""

    type: ClassVar[str] = "lock.battery"
    lock_id: LockId
    level: int | None
    low: bool
    days_left: int | None = None


@dataclass(frozen=True, slots=True)
class LockUsed:
    """A code was used; `slot` None where the lock does not say which. `at` is when, by the lock's
    own clock, where that was in its log and is told later; null: now."""

    type: ClassVar[str] = "lock.used"
    lock_id: LockId
    slot: int | None
    key_id: KeyId | None
    how: Literal["unlock", "lock"]
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LockWrongCode:
    """A code that the lock does not know was typed; `at` as of `lock.used`."""

    type: ClassVar[str] = "lock.wrong_code"
    lock_id: LockId
    at: datetime | None = None


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
class LockAdopted:
    """A code that people put there is the hub's now, and a key's."""

    type: ClassVar[str] = "lock.adopted"
    lock_id: LockId
    slot: int
    key_id: KeyId


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
class LockCommissioning:
    """The lock shows the code of its commissioning: until then somebody types it at that door. The
    code itself is in no event: whoever stands there looks it up at the hub."""

    type: ClassVar[str] = "lock.commissioning"
    lock_id: LockId
    until: datetime


@dataclass(frozen=True, slots=True)
class LockCommissioned:
    """How it went, see `lock.commission`: `other_lock_id` is where the code was typed instead;
    `reason`: why the lock never had the code, where that is why nobody used it."""

    type: ClassVar[str] = "lock.commissioned"
    lock_id: LockId
    result: Result
    at: datetime
    other_lock_id: LockId | None = None
    reason: Reason | None = None
