"""What the local door takes and answers. Descriptions here are the words of docs/openapi.json."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from gatewayd.domain.diagnosis import Diagnosis
from gatewayd.domain.events.command import CommandAccepted, CommandExpired, CommandRejected
from gatewayd.domain.health import AlertCode, Severity
from gatewayd.errors import Reason
from gatewayd.intake.reported import ReportedDoor, ReportedLock

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Status = Literal["upcoming", "current", "past", "revoked"]
Limit = Annotated[int, Field(ge=1, le=500)]

Listed = BeforeValidator(lambda value: value.split(",") if isinstance(value, str) else value)


class Shape(BaseModel):
    """Values never appear in an error's text."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class Asked(Shape):
    """Of a path or a query: unknown words are errors."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Asked):
    """Nothing is asked."""


class ById(Asked):
    """One thing."""

    id: Name


class KeysAsked(Asked):
    """Which keys, the nearest first."""

    status: Annotated[tuple[Status, ...], Listed] = ()
    lock: Name | None = None
    reservation: Name | None = None
    after: Name | None = Field(default=None, description="`next` of the page before")
    limit: Limit = 100


class CodesAsked(Asked):
    """Whose codes: a reservation's (with the backup codes that it was given), a key's, or those
    at a lock."""

    reservation: Name | None = None
    key: Name | None = None
    lock: Name | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("name one of reservation, key, lock")
        return self


class EventsAsked(Asked):
    """Which events; `type`: one or more of the contract's, with commas between them."""

    lock: Name | None = None
    key: Name | None = None
    type: Annotated[tuple[Name, ...], Listed] = ()
    before: Annotated[int, Field(ge=1, lt=2**63)] | None = Field(
        default=None, description="`next` of the page before"
    )
    limit: Limit = 100


class Problem(Shape):
    """Why there is no other answer; `path`: the field at fault, dotted, empty for the whole."""

    reason: Reason | Literal["not_found", "timeout", "internal"]
    message: str
    path: str = ""


class Receipt(Shape):
    """What a command was answered; the same for the same id. `id`: the event's; `cause`: the
    command's, null where what came was none."""

    id: str
    type: Literal["command.accepted", "command.rejected", "command.expired"]
    ts: AwareDatetime
    cause: str | None
    data: CommandRejected | CommandAccepted | CommandExpired


class Command(Shape):
    """How it stands with a command. `waiting`: its effect is not proven at these keys and locks
    yet; a key that cannot be made is not among them, and an alert tells why. `held`: by the brake,
    until it is confirmed."""

    id: str
    type: str
    received_at: AwareDatetime
    receipt: Receipt
    state: Literal["waiting", "done", "rejected", "expired", "held"]
    keys: "tuple[Key, ...]"
    locks: tuple[str, ...]
    alerts: "tuple[Alert, ...]"


class Trust(Shape):
    """What the hub knows of the time: it lies between both; trusted, where they are equal."""

    trusted: bool
    earliest: AwareDatetime
    latest: AwareDatetime


class Reached(Shape):
    """Up or down, since when, and why, where that is known."""

    up: bool
    since: AwareDatetime
    why: str | None


class Cloud(Reached):
    """The broker; `waiting`: events that the cloud has not receipted yet."""

    waiting: int


class Radio(Reached):
    """A radio, or a part of one (an adapter)."""

    name: str


class LockCounts(Shape):
    """`online`: what was tried last at the lock went well, or nothing was tried yet."""

    online: int
    offline: int
    inactive: int


class KeyCounts(Shape):
    """Backup codes are not counted."""

    upcoming: int
    current: int
    past: int
    revoked: int


class Alert(Shape):
    """Something needs a person."""

    code: AlertCode
    severity: Severity
    subject: str
    text: str
    what_to_do: str
    since: AwareDatetime


class Hub(Shape):
    """One screen: how it stands. `since`: the daemon's start; `zone`: of the site, null before
    there is one; alerts: the worst first."""

    hub: str
    version: str
    since: AwareDatetime
    zone: str | None
    clock: Trust
    cloud: Cloud
    radios: tuple[Radio, ...]
    locks: LockCounts
    keys: KeyCounts
    alerts: tuple[Alert, ...]


class Use(Shape):
    """Somebody used a code; `key_id`: null where the lock does not say whose."""

    at: AwareDatetime
    key_id: str | None


class Lock(ReportedLock):
    """A lock of the site. `online`: what was tried last went well, else the `reason`;
    `last_contact`: null before it was heard for the first time; `foreign_slots`: with codes that
    are not the hub's; `codes_shown`: codes of the hub that it has shown; `codes_unshown`: those
    that it has not, or not yet; `next_arrival`: when a key begins; `last_use`: within 30 days."""

    name: str
    driver: str
    address: str
    active: bool
    allow_provisioning: bool
    fallback_note: str | None
    properties: tuple[str, ...]
    codes_shown: int
    codes_unshown: int
    next_arrival: AwareDatetime | None
    last_use: Use | None


class Locks(Shape):
    """All of the site."""

    locks: tuple[Lock, ...]


class Key(Shape):
    """A key and its doors. `issued_to`: of a backup code, the key of the guest who has it; `ends`:
    null where it does not; `hours`: when it opens within its window, null: always."""

    key_id: str
    reservation_id: str | None
    issued_to: str | None
    status: Status
    starts: AwareDatetime
    ends: AwareDatetime | None
    hours: str | None
    doors: tuple[ReportedDoor, ...]


class Keys(Shape):
    """A page of them; `next`: what `after` is to name for the next page, null at the end."""

    keys: tuple[Key, ...]
    next: str | None


class Event(Shape):
    """What was told, without codes; `data` as in the contract with the cloud, `cause`: the
    command's id."""

    seq: int
    id: str
    at: AwareDatetime
    type: str
    lock_id: str | None
    key_id: str | None
    cause: str | None
    data: dict[str, Any]


class Events(Shape):
    """A page of the journal, the newest first; `next`: what `before` is to name for the next."""

    events: tuple[Event, ...]
    next: int | None


class LockInFull(Lock):
    """And what belongs to it: the keys that are current, coming or still on it, the alerts."""

    keys: tuple[Key, ...]
    alerts: tuple[Alert, ...]


class KeyInFull(Key):
    """And the alerts about it. `staff_version`, `reservation_version`: of what staff and the
    booking side last said on it, null: nothing; what is said next has a higher one."""

    staff_version: int | None
    reservation_version: int | None
    alerts: tuple[Alert, ...]


class Why(Shape):
    """Why a code is, or is not, on its doors; `text`: all of it in plain lines."""

    diagnosis: Diagnosis
    text: str


class RevealedCode(Key):
    """A key with its code."""

    code: str = Field(repr=False)


class RevealedCodes(Shape):
    """Told by `codes.revealed`, with the name of who asked."""

    codes: tuple[RevealedCode, ...]
