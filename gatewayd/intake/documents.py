"""Documents to domain types: a site, a reservation."""

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from gatewayd.domain.code import Code
from gatewayd.domain.hours import EVERY_DAY, LAST_MINUTE, MIDNIGHT, WEEKDAYS, Hours
from gatewayd.domain.ids import LockId, PropertyId, ReservationId
from gatewayd.domain.override import Override
from gatewayd.domain.reservation import Guest, Reservation
from gatewayd.domain.site import BLUETOOTH_ADDRESS, Lock, Property, Site
from gatewayd.errors import Reason, Rejected
from gatewayd.intake.policies import patch_of
from gatewayd.intake.schemas import (
    Document,
    Doors,
    HoursDocument,
    KeyDocument,
    LockDocument,
    PropertyDocument,
    ReservationPut,
    SitePut,
)


def site(document: SitePut) -> Site:
    """A checked site.

    Raises:
        Rejected: the first of its `faults`.
    """
    if fault := next(faults(document), None):
        raise fault
    return Site(
        version=document.version,
        zone=ZoneInfo(document.zone),
        properties={PropertyId(p.id): _property(p) for p in document.properties},
        locks={LockId(lock.id): _lock(lock) for lock in document.locks},
        policy=patch_of(document.policy),
    )


def faults(document: SitePut) -> Iterator[Rejected]:
    """An id twice, an address twice or none for its driver, a property with an unknown lock."""
    locks = {lock.id for lock in document.locks}
    for i, nuki in enumerate(document.locks):
        if nuki.driver == "nuki" and not re.fullmatch(BLUETOOTH_ADDRESS, nuki.address):
            yield Rejected(
                Reason.INVALID_FIELD,
                f"lock {nuki.id}: the address of a Nuki is like 54:D2:72:00:00:01",
                path=f"data.locks.{i}.address",
            )
    if len(locks) != len(document.locks):
        yield Rejected(Reason.INVALID_FIELD, "a lock id appears twice", path="data.locks")
    if len({(x.driver, _address(x)) for x in document.locks}) != len(document.locks):
        yield Rejected(Reason.INVALID_FIELD, "two locks share an address", path="data.locks")
    if len({p.id for p in document.properties}) != len(document.properties):
        yield Rejected(Reason.INVALID_FIELD, "a property id appears twice", path="data.properties")
    for i, property_ in enumerate(document.properties):
        for j, lock in enumerate(property_.locks):
            if lock not in locks:
                yield Rejected(
                    Reason.UNKNOWN_LOCK,
                    f"property {property_.id} names a lock that is not in locks",
                    path=f"data.properties.{i}.locks.{j}",
                )


def replaced(document: SitePut, old: LockId, new: LockId) -> SitePut:
    """A site on which one lock hangs where another did, which is not active any more."""
    locks = [
        lock.model_copy(update={"active": False}) if lock.id == old else lock
        for lock in document.locks
    ]
    properties = [
        property_.model_copy(
            update={"locks": tuple(dict.fromkeys(new if x == old else x for x in property_.locks))}
        )
        for property_ in document.properties
    ]
    return document.model_copy(update={"locks": locks, "properties": properties})


def reservation(document: ReservationPut) -> Reservation:
    """A reservation in the domain's words."""
    guest = document.guest
    return Reservation(
        id=ReservationId(document.id),
        version=document.version,
        property_id=PropertyId(document.property_id),
        arrival=document.arrival,
        departure=document.departure,
        confirmation_code=document.confirmation_code,
        kind=document.kind,
        confirmed=document.status == "confirmed",
        check_in=document.check_in,
        check_out=document.check_out,
        guest=Guest(guest.name, guest.phone, guest.email) if guest else Guest(),
        allow_provisioning=document.allow_provisioning,
        code=Code(document.code) if document.code else None,
        announced_at=document.announced_at,
        policy=patch_of(document.policy),
    )


def override(document: KeyDocument) -> Override:
    """Staff's word in the domain's words."""
    doors = document.doors or Doors()
    return Override(
        name=document.name,
        add=tuple(LockId(lock) for lock in doors.add),
        remove=frozenset(LockId(lock) for lock in doors.remove),
        starts=document.starts,
        ends=document.ends,
        hours=_hours(document.hours),
        code=Code(document.code) if document.code else None,
        policy=patch_of(document.policy),
        revoked=document.revoked,
        revoked_doors=frozenset(LockId(lock) for lock in document.revoked_doors),
        restored_doors=frozenset(LockId(lock) for lock in document.restored_doors),
    )


def hours_document(hours: Hours) -> Document:
    """As staff would say them."""
    days = [WEEKDAYS[day] for day in sorted(hours.days)]
    return {"days": days, "from": f"{hours.start:%H:%M}", "to": f"{hours.end:%H:%M}"}


def _hours(document: HoursDocument | None) -> Hours | None:
    """None where nothing is limited."""
    if document is None:
        return None
    days = frozenset(map(WEEKDAYS.index, document.days)) if document.days else EVERY_DAY
    hours = Hours(days, document.start or MIDNIGHT, document.end or LAST_MINUTE)
    return None if hours == Hours() else hours


def _lock(document: LockDocument) -> Lock:
    return Lock(
        id=LockId(document.id),
        name=document.name,
        driver=document.driver,
        address=_address(document),
        allow_provisioning=document.allow_provisioning,
        active=document.active,
        fallback_note=document.fallback_note,
        policy=patch_of(document.policy),
    )


def _address(document: LockDocument) -> str:
    """As its driver writes it."""
    return document.address.upper() if document.driver == "nuki" else document.address


def _property(document: PropertyDocument) -> Property:
    return Property(
        id=PropertyId(document.id),
        name=document.name,
        locks=tuple(dict.fromkeys(LockId(lock) for lock in document.locks)),
        zone=ZoneInfo(document.zone) if document.zone else None,
        check_in=document.check_in,
        check_out=document.check_out,
        policy=patch_of(document.policy),
    )
