"""The retained `reported`, as the hub says it, and as it reads it where its database is lost."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from gatewayd.domain.commission import Result
from gatewayd.domain.health import AlertCode
from gatewayd.domain.lease import Proof
from gatewayd.errors import Reason
from gatewayd.intake.fields import Id, Model

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""Of a key, or what an alert is about: made from ids, and longer."""


class ReportedCommissioning(Model):
    """How a lock's last one went, as in `lock.commissioned`."""

    result: Result
    other_lock_id: Id | None
    at: AwareDatetime


class ReportedLock(Model):
    """A lock of the site. `foreign_slots`: with codes that are not the hub's; `commissioned`: null
    where it was not since it has its address."""

    lock_id: Id
    online: bool
    reason: Reason | None
    battery: int | None
    battery_low: bool
    last_contact: AwareDatetime | None
    foreign_slots: tuple[int, ...]
    commissioned: ReportedCommissioning | None


class ReportedDoor(Model):
    """One door of a key, as in `key.status`."""

    lock_id: Id
    state: Literal["waiting", "writing", "proven", "failing", "withheld", "removing", "removed"]
    proof: Proof | None
    reason: Reason | None
    next_try_at: AwareDatetime | None


class ReportedKey(Model):
    """A key that is coming or current."""

    key_id: Name
    status: Literal["upcoming", "current", "past", "revoked"]
    doors: tuple[ReportedDoor, ...]


class ReportedLease(Model):
    """A code of the hub's on a lock. `slot`: null until a lock that numbers its codes itself has
    told; `fingerprint`: of the code, with a secret of the hub, null with one that it lost; `ends`:
    when the key is over, null where it is withdrawn; `lock_id`: `{id}@{address}` where a lock has
    left an address."""

    lock_id: Name
    slot: Annotated[int, Field(ge=0, lt=2**16)] | None
    key_id: Name
    fingerprint: Annotated[str, StringConstraints(pattern="^[0-9a-f]{16}$")] | None
    ends: AwareDatetime | None


class StandingAlert(Model):
    """An alert that was raised and not cleared."""

    code: AlertCode
    subject: Name
    since: AwareDatetime


class Reported(Model):
    """Retained summary: locks, as many of the next keys by door as fit into 256 KiB, leases,
    alerts. Sent on connecting, on `report`, 30 seconds after a code was proven and 5 minutes after
    another change at the latest; after the events that wait. No PIN. A hub that lost its database
    reads what it said here itself: let it subscribe to this topic."""

    at: AwareDatetime
    locks: tuple[ReportedLock, ...]
    keys: tuple[ReportedKey, ...]
    leases: tuple[ReportedLease, ...]
    alerts: tuple[StandingAlert, ...]
