"""Documents to domain types: a site, a reservation."""

import re
from zoneinfo import ZoneInfo

from gatewayd.domain.code import Code
from gatewayd.domain.ids import LockId, PropertyId, ReservationId
from gatewayd.domain.reservation import Guest, Reservation
from gatewayd.domain.site import Lock, Property, Site
from gatewayd.errors import Reason, Rejected
from gatewayd.intake.schemas import (
    LockDocument,
    PropertyDocument,
    ReservationPut,
    SitePut,
    patch_of,
)

MAC = re.compile(r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")


def site(document: SitePut) -> Site:
    """A checked site.

    Raises:
        Rejected: an id twice, a property with an unknown lock, an address twice, or one that is
            none for its driver.
    """
    locks = {LockId(lock.id): _lock(lock, i) for i, lock in enumerate(document.locks)}
    if len(locks) != len(document.locks):
        raise Rejected(Reason.INVALID_FIELD, "a lock id appears twice", path="data.locks")
    if len({(lock.driver, lock.address) for lock in locks.values()}) != len(locks):
        raise Rejected(Reason.INVALID_FIELD, "two locks share an address", path="data.locks")
    properties = {PropertyId(p.id): _property(p) for p in document.properties}
    if len(properties) != len(document.properties):
        raise Rejected(Reason.INVALID_FIELD, "a property id appears twice", path="data.properties")
    for i, property_ in enumerate(properties.values()):
        for j, lock in enumerate(property_.locks):
            if lock not in locks:
                raise Rejected(
                    Reason.UNKNOWN_LOCK,
                    f"property {property_.id} names a lock that is not in locks",
                    path=f"data.properties.{i}.locks.{j}",
                )
    return Site(
        version=document.version,
        zone=ZoneInfo(document.zone),
        properties=properties,
        locks=locks,
        policy=patch_of(document.policy),
    )


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


def _lock(document: LockDocument, number: int) -> Lock:
    return Lock(
        id=LockId(document.id),
        name=document.name,
        driver=document.driver,
        address=_address(document, number),
        allow_provisioning=document.allow_provisioning,
        active=document.active,
        fallback_note=document.fallback_note,
    )


def _address(document: LockDocument, number: int) -> str:
    """As its driver writes it."""
    if document.driver != "nuki":
        return document.address
    if not MAC.fullmatch(document.address):
        raise Rejected(
            Reason.INVALID_FIELD,
            f"lock {document.id}: the address of a Nuki is like 54:D2:72:00:00:01",
            path=f"data.locks.{number}.address",
        )
    return document.address.upper()


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
