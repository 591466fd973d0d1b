"""One reservation: kept by version, then derived into its key."""

import json

from gatewayd.domain.ids import ReservationId
from gatewayd.domain.key import Basis
from gatewayd.domain.reservation import key_of
from gatewayd.errors import Reason, Rejected
from gatewayd.intake import documents, schemas
from gatewayd.intake.basis import of_key, said_on, with_visits
from gatewayd.intake.change import Change
from gatewayd.intake.derive import carry_out, join
from gatewayd.intake.parse import checked
from gatewayd.store import reservations
from gatewayd.store.ahead import look_ahead


async def put(change: Change, document: schemas.ReservationPut) -> bool:
    """`reservation.put`: whether nothing is left to be proven."""
    await look_ahead(change.tx, [ReservationId(document.id)])
    basis = await keep(change, document)
    if basis is None:
        return await join(change, key_of(ReservationId(document.id)))
    return await carry_out(change, basis)


async def cancel(change: Change, document: schemas.ReservationCancel) -> bool:
    """`reservation.cancel`: the same reservation, cancelled."""
    known = await reservations.get(change.tx, ReservationId(document.id))
    if known is None:
        raise Rejected(Reason.INVALID_FIELD, "no such reservation", path="data.id", retryable=True)
    cancelled = {"version": document.version, "status": "cancelled"}
    merged = json.loads(known.document) | cancelled
    return await put(change, checked(schemas.ReservationPut, merged))


async def check_in(change: Change, document: schemas.ReservationVisit) -> bool:
    """`reservation.check_in`: for policies that wait for it."""
    reservations.came(change.tx, ReservationId(document.id), document.at)
    return await _again(change, ReservationId(document.id))


async def check_out(change: Change, document: schemas.ReservationVisit) -> bool:
    """`reservation.check_out`: an early one ends the access."""
    reservations.went(change.tx, ReservationId(document.id), document.at)
    return await _again(change, ReservationId(document.id))


async def _again(change: Change, id_: ReservationId) -> bool:
    """A reservation whose guest came or went."""
    if (basis := await of_key(change, key_of(id_))) is None:
        raise Rejected(Reason.INVALID_FIELD, "no such reservation", path="data.id", retryable=True)
    return await carry_out(change, basis)


async def keep(change: Change, document: schemas.ReservationPut) -> Basis | None:
    """Store a reservation; what its key is made from, or None for a version that is here already.

    Raises:
        Rejected: `stale_version`.
    """
    known = await reservations.get(change.tx, ReservationId(document.id))
    change.moved, change.wished = False, document.code is not None
    change.found(known)
    if known is not None:
        if document.version < known.version:
            raise Rejected(
                Reason.STALE_VERSION, f"version {known.version} is here", path="data.version"
            )
        if document.version == known.version:
            return None
        new = document.model_dump(mode="json", exclude_unset=True)
        old = json.loads(known.document)
        merged = schemas.merged(old, new)
        change.moved = merged["property_id"] != old["property_id"]
        change.wished = merged.get("code") not in (None, old.get("code"))
        document = checked(schemas.ReservationPut, merged)
    reservation = with_visits(documents.reservation(document), known)
    stored = document.model_dump_json(exclude_unset=True)
    await reservations.put(change.tx, change.now, reservation, stored)
    return Basis(reservation.key_id, reservation, await said_on(change, reservation.key_id))
