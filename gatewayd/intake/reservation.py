"""One reservation: kept by version, then derived into its key."""

import json

from pydantic import ValidationError

from gatewayd.domain.ids import ReservationId
from gatewayd.domain.reservation import Reservation, key_of
from gatewayd.errors import Reason, Rejected
from gatewayd.intake import documents, schemas
from gatewayd.intake.change import Change
from gatewayd.intake.derive import derive, settle
from gatewayd.intake.parse import rejected
from gatewayd.store import keys, reservations
from gatewayd.store.ahead import look_ahead


async def put(change: Change, document: schemas.ReservationPut) -> bool:
    """`reservation.put`: whether nothing is left to be proven."""
    await look_ahead(change.tx, [ReservationId(document.id)])
    reservation = await keep(change, document)
    if reservation is None:
        return await _join(change, ReservationId(document.id))
    if not await derive(change, reservation, awaited=change.cause):
        return True
    return await settle(change, reservation.key_id)


async def _join(change: Change, id_: ReservationId) -> bool:
    """Another command for what is here already is done when that is proven."""
    known = await reservations.get(change.tx, id_)
    assert known is not None  # noqa: S101  # its version was read a moment ago
    if known.held is not None:
        await reservations.hold(change.tx, id_, known.held, change.cause)
        return False
    if change.cause and not await keys.await_proof(change.tx, key_of(id_), change.cause):
        return True
    return await settle(change, key_of(id_))


async def cancel(change: Change, document: schemas.ReservationCancel) -> bool:
    """`reservation.cancel`: the same reservation, cancelled."""
    known = await reservations.get(change.tx, ReservationId(document.id))
    if known is None:
        raise Rejected(Reason.INVALID_FIELD, "no such reservation", path="data.id")
    cancelled = {"version": document.version, "status": "cancelled"}
    return await put(change, checked(json.loads(known.document) | cancelled))


async def keep(change: Change, document: schemas.ReservationPut) -> Reservation | None:
    """Store a reservation; None for a version that is here already.

    Raises:
        Rejected: `stale_version`.
    """
    known = await reservations.get(change.tx, ReservationId(document.id))
    if known is not None:
        if document.version < known.version:
            raise Rejected(
                Reason.STALE_VERSION, f"version {known.version} is here", path="data.version"
            )
        if document.version == known.version:
            return None
        new = document.model_dump(mode="json", exclude_unset=True)
        document = checked(schemas.merged(json.loads(known.document), new))
    reservation = documents.reservation(document)
    stored = document.model_dump_json(exclude_unset=True)
    await reservations.put(change.tx, change.now, reservation, stored)
    return reservation


def checked(document: schemas.Document, path: str = "data") -> schemas.ReservationPut:
    """A document held against its schema.

    Raises:
        Rejected: what is wrong with it, with paths below `path`.
    """
    try:
        return schemas.ReservationPut.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        raise rejected(error, path) from None
