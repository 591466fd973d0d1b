"""The commands as the cloud sends them. Descriptions here are the contract's words.

Unknown fields are ignored. A null clears a field, an absent one leaves it as it was.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    SkipValidation,
    StringConstraints,
    model_validator,
)

from gatewayd.domain.bolt import Action
from gatewayd.domain.hours import LAST_MINUTE, MIDNIGHT
from gatewayd.domain.reservation import Kind
from gatewayd.intake.fields import (
    At,
    BackupLabel,
    Day,
    Digits,
    HourMinute,
    Id,
    LocalDateTime,
    LocalTime,
    Model,
    Text,
    Version,
    Zone,
)
from gatewayd.intake.policies import PolicyDocument

MAX_ITEMS = 1_000


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class PropertyDocument(Model):
    """A unit for rent. A property without locks is fine: it has no codes."""

    id: Id
    name: Text
    zone: Zone | None = None
    check_in: LocalTime | None = None
    check_out: LocalTime | None = None
    locks: tuple[Id, ...] = ()
    policy: PolicyDocument | None = None


class LockDocument(Model):
    """A lock keeps its id when its address changes. Where it takes another lock's address the two
    doors were mixed up: what lies there is the other's until it is cleared. What it leaves at an
    address that is nobody's then is cleared as well, and told of `{id}@{address}`."""

    id: Id
    name: Text
    driver: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")] = Field(
        description="which radio speaks to it, such as zwave"
    )
    address: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="the driver's own: a Z-Wave node id, a Bluetooth address"
    )
    allow_provisioning: bool = True
    active: bool = True
    fallback_note: Text | None = None
    policy: PolicyDocument | None = None


class SitePut(Model):
    """The whole site; a higher version takes the place of the last."""

    version: Version
    zone: Zone
    properties: Annotated[list[PropertyDocument], Field(max_length=MAX_ITEMS)]
    locks: Annotated[list[LockDocument], Field(max_length=MAX_ITEMS)]
    policy: PolicyDocument | None = None


class GuestDocument(Model):
    """Personal data: kept for the code, never logged."""

    name: Text | None = None
    phone: Text | None = None
    email: Text | None = None


class ReservationPut(Model):
    """Dates and times are local to the property."""

    id: Id
    version: Version
    property_id: Id
    kind: Kind = Kind.BOOKING
    status: Literal["confirmed", "cancelled"] = "confirmed"
    arrival: Day
    departure: Day
    check_in: LocalTime | None = None
    check_out: LocalTime | None = None
    guest: GuestDocument | None = None
    confirmation_code: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    allow_provisioning: bool = True
    code: Digits | None = Field(default=None, description="dictated, or echoed after a lost disk")
    announced_at: At | None = Field(default=None, description="the guest was told")
    policy: PolicyDocument | None = None


class ReservationCancel(Model):
    """Access ends at once."""

    id: Id
    version: Version


class ReservationVisit(Model):
    """The guest came, or went: early, it ends the access."""

    id: Id
    at: At


class Doors(Model):
    """Over those of the reservation's property."""

    add: tuple[Id, ...] = ()
    remove: tuple[Id, ...] = ()


class HoursDocument(Model):
    """Some days of the week, from an hour until a later one of the same day. What is absent limits
    nothing; `to` 23:59 is the end of the day."""

    model_config = ConfigDict(serialize_by_alias=True)

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] | None = None
    start: HourMinute | None = Field(default=None, alias="from")
    end: HourMinute | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if (self.start or MIDNIGHT) >= (self.end or LAST_MINUTE):
            raise ValueError("from must be before to, on the same day")
        return self


class KeyFields(Model):
    """Staff's word on a reservation's key (`res:` and its id), or a manual key, which names
    `starts`, `ends` and `doors.add`. Times are local to the property, for a manual key to the site,
    and without grace. It wins until it is cleared; a cancellation beats it."""

    name: Text | None = None
    doors: Doors | None = None
    starts: LocalDateTime | None = None
    ends: LocalDateTime | None = None
    hours: HoursDocument | None = None
    code: Digits | None = None
    policy: PolicyDocument | None = None


class KeyDocument(KeyFields):
    """As it is kept."""

    revoked: bool = False
    revoked_doors: tuple[Id, ...] = ()
    restored_doors: tuple[Id, ...] = ()


class KeyPut(KeyFields):
    """Fields that are absent stay as staff last said, a null leaves them to the reservation."""

    id: Id
    version: Version


class KeyRevoke(Model):
    """The code goes at once: from the named doors, or from all."""

    id: Id
    version: Version
    doors: tuple[Id, ...] | None = None


class KeyRestore(KeyRevoke):
    """What was revoked opens again: the named doors, or all."""


class KeyDelete(Model):
    """A manual key ends; a reservation's is again as the reservation says."""

    id: Id
    version: Version


class CodeRegenerate(Model):
    """Another code at once: the old one goes first. Also for a key that has none yet."""

    key_id: Id
    reason: Text | None = None


class ReservationSnapshot(Model):
    """All reservations in parts; only a complete one with all its parts may remove, and only what
    did not change since `as_of`."""

    snapshot_id: Id
    part: Annotated[int, Field(ge=1, le=1000)]
    parts: Annotated[int, Field(ge=1, le=1000)]
    as_of: At
    complete: bool
    # Each is checked by itself when it is taken: one bad item does not hold up the others.
    items: Annotated[list[SkipValidation[ReservationPut]], Field(max_length=MAX_ITEMS)]


class BrakeConfirm(Model):
    """Carry out the command that the brake holds."""

    brake_id: Id


class BackupIssue(Model):
    """A guest needs a backup code: one for each door named, else for each door of the reservation
    that does not show the guest's own code. With `label` a report after the fact: that code was
    handed out already, `at` that time."""

    reservation_id: Id
    doors: tuple[Id, ...] | None = Field(default=None, description="with a label: the one door")
    reason: Text
    label: BackupLabel | None = None
    at: At | None = None


class BackupRotate(Model):
    """Another code for a backup of this lock, or for all: the old one goes first."""

    lock_id: Id
    label: BackupLabel | None = None


class HealthRun(Model):
    """Make the daily check now."""


class LockResync(Model):
    """Read again what the hub has on this lock, and put back what is missing."""

    lock_id: Id


class LockOperate(Model):
    """Turn the bolt, once and now: at most 60 s after `ts`, and only with a trusted clock."""

    lock_id: Id
    action: Action


class Report(Model):
    """Publish the retained `reported` summary now. With `key_id`, `policy.in_force` tells which
    settings that key has, and which level decides each."""

    key_id: Id | None = None


type Document = dict[str, Any]


def merged(old: Document, new: Document) -> Document:
    """An update laid over what is known: what is absent in the new one stays."""
    guest = (old.get("guest") or {}) | (new.get("guest") or {})
    both = old | new
    if "guest" in new and new["guest"] is not None:
        both["guest"] = guest
    return both
