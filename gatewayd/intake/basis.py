"""What a key is made from, as it is stored."""

import json
from dataclasses import replace

from gatewayd.domain.ids import KeyId
from gatewayd.domain.key import Basis
from gatewayd.domain.override import NOTHING, Override
from gatewayd.domain.reservation import Reservation, reservation_of
from gatewayd.intake import documents, schemas
from gatewayd.intake.change import Change
from gatewayd.intake.parse import checked
from gatewayd.store import overrides, reservations
from gatewayd.store.reservations import Stored


async def of_key(change: Change, key: KeyId) -> Basis | None:
    """A reservation with staff's word on it, or staff's word alone; None where there is neither."""
    reservation = None
    if (id_ := reservation_of(key)) is not None:
        stored = await reservations.get(change.tx, id_)
        if stored is None:
            return None
        change.found(stored)
        document = checked(schemas.ReservationPut, json.loads(stored.document))
        reservation = with_visits(documents.reservation(document), stored)
        if not stored.confirmed:  # a snapshot has left it out
            reservation = replace(reservation, confirmed=False)
    override = await said_on(change, key)
    if reservation is None and override is NOTHING:
        return None
    return Basis(key, reservation, override)


async def forget_wish(change: Change, basis: Basis) -> None:
    """The code that was asked for cannot be: neither side asks for it any more."""
    if (reservation := basis.reservation) is not None and reservation.code is not None:
        await reservations.forget_code(change.tx, reservation.id)
    if basis.override.code is not None:
        await overrides.forget_code(change.tx, basis.key_id)


async def said_on(change: Change, key: KeyId) -> Override:
    """Staff's word on a key."""
    row = await overrides.get(change.tx, key)
    if row is None or row[1] is None:
        return NOTHING
    return documents.override(checked(schemas.KeyDocument, json.loads(row[1])))


def with_visits(reservation: Reservation, stored: Stored | None) -> Reservation:
    """When the guest came and went is told by commands of its own."""
    if stored is None:
        return reservation
    return replace(reservation, checked_in=stored.checked_in, checked_out=stored.checked_out)
