"""What each command changes. A handler returns whether nothing is left to be proven at a lock."""

import json
from dataclasses import replace
from typing import assert_never

from pydantic import ValidationError

from gatewayd.domain.events import CommandRejected
from gatewayd.domain.ids import LockId, ReservationId
from gatewayd.domain.reservation import Reservation
from gatewayd.domain.site import changed_properties
from gatewayd.errors import Reason, Rejected
from gatewayd.intake import documents, schemas
from gatewayd.intake.change import Change
from gatewayd.intake.derive import derive, hold
from gatewayd.store import keys, reservations, site, snapshots

CHUNK = 200


async def handle(change: Change, command: schemas.Command) -> bool:
    """Carry out one command.

    Raises:
        Rejected: it changes nothing; what was done so far is rolled back by the caller.
    """
    match command:
        case schemas.SitePutCommand(data=data):
            return await _put_site(change, data)
        case schemas.ReservationPutCommand(data=data):
            return await _put(change, data)
        case schemas.ReservationCancelCommand(data=data):
            return await _cancel(change, data)
        case schemas.ReservationSnapshotCommand(data=data):
            return await _snapshot(change, data)
        case schemas.LockResyncCommand(data=data):
            if not await site.resync(change.tx, LockId(data.lock_id), change.cause):
                raise Rejected(Reason.UNKNOWN_LOCK, "no such lock", path="data.lock_id")
            return False
        case schemas.ReportCommand():
            change.tx.report_wanted = True
            return True
        case schemas.BrakeConfirmCommand():
            raise AssertionError("a confirmation stands for the command that it releases")
        case _:
            assert_never(command)


async def _put_site(change: Change, document: schemas.SitePut) -> bool:
    before = change.site
    if before is not None and document.version < before.version:
        raise Rejected(
            Reason.STALE_VERSION, f"version {before.version} is in force", path="data.version"
        )
    if before is not None and document.version == before.version:
        return True
    change.site = documents.site(document)
    await site.put(change.tx, change.site, document.model_dump_json(exclude_unset=True))
    for property_id in sorted(changed_properties(before, change.site)):
        after = ""
        while chunk := await reservations.of_property(change.tx, property_id, after, CHUNK):
            for id_, stored in chunk:
                await _derive_again(change, stored)
                after = id_
    return True


async def _derive_again(change: Change, stored: str) -> None:
    """A stored reservation under another site document: what does not fit is held, not lost."""
    reservation = _parse(json.loads(stored))
    await reservations.hold(change.tx, reservation.id, None)
    try:
        await derive(change, reservation, awaited=None)
    except Rejected as why:
        await hold(change, reservation, why.reason)


async def _put(change: Change, document: schemas.ReservationPut) -> bool:
    reservation = await _store(change, document)
    if reservation is None:
        return False
    await derive(change, reservation, awaited=change.cause)
    return await _settled(change, reservation)


async def _cancel(change: Change, document: schemas.ReservationCancel) -> bool:
    known = await reservations.get(change.tx, ReservationId(document.id))
    if known is None:
        raise Rejected(Reason.INVALID_FIELD, "no such reservation", path="data.id")
    stored = json.loads(known.document)
    stored |= {"version": document.version, "status": "cancelled"}
    return await _put(change, _document(stored))


async def _snapshot(change: Change, snapshot: schemas.ReservationSnapshot) -> bool:
    """Each part is taken as it comes; the last one may remove what no part lists."""
    if snapshot.part > snapshot.parts:
        raise Rejected(Reason.INVALID_FIELD, "part is beyond parts", path="data.part")
    for i, item in enumerate(snapshot.items):
        try:
            reservation = await _store(change, item)
            if reservation is not None:
                await _derived_or_held(change, reservation, f"data.items.{i}")
        except Rejected as why:
            if why.reason is not Reason.STALE_VERSION:
                raise
    ids = [item.id for item in snapshot.items]
    await snapshots.put_part(change.tx, change.now, snapshot.snapshot_id, snapshot.part, ids)
    parts, listed = await snapshots.so_far(change.tx, snapshot.snapshot_id)
    if not snapshot.complete or parts < snapshot.parts:
        return True
    for id_ in await snapshots.absent(change.tx, change.now, listed, snapshot.as_of):
        known = await reservations.get(change.tx, id_)
        if known is not None:
            # The same version counts as news later: a feed that lists it again brings it back.
            there = _parse(json.loads(known.document))
            gone = replace(there, confirmed=False, version=known.version - 1)
            await reservations.put(change.tx, change.now, gone, known.document)
            await derive(change, gone, awaited=None)
    return True


async def _derived_or_held(change: Change, reservation: Reservation, path: str) -> None:
    """One bad reservation of many is told of and held; the others go on."""
    try:
        await derive(change, reservation, awaited=None)
    except Rejected as why:
        await hold(change, reservation, why.reason)
        where = path + why.path.removeprefix("data")
        await change.tell(CommandRejected(why.reason, where, why.message, why.retryable))


async def _store(change: Change, document: schemas.ReservationPut) -> Reservation | None:
    """The reservation as it is now, or None for a version that is already here."""
    known = await reservations.get(change.tx, ReservationId(document.id))
    if known is not None:
        if document.version < known.version:
            raise Rejected(
                Reason.STALE_VERSION, f"version {known.version} is here", path="data.version"
            )
        if document.version == known.version:
            return None
        new = document.model_dump(mode="json", exclude_unset=True)
        document = _document(schemas.merged(json.loads(known.document), new))
    reservation = documents.reservation(document)
    stored = document.model_dump_json(exclude_unset=True)
    await reservations.put(change.tx, change.now, reservation, stored)
    return reservation


async def _settled(change: Change, reservation: Reservation) -> bool:
    if await keys.known(change.tx, reservation.key_id) is None:
        known = await reservations.get(change.tx, reservation.id)
        return known is not None and known.held is None
    return await keys.settled(change.tx, reservation.key_id) is not None


def _parse(stored: schemas.Document) -> Reservation:
    return documents.reservation(_document(stored))


def _document(stored: schemas.Document) -> schemas.ReservationPut:
    """A stored document; it was checked when it came, and a merge of two is checked here."""
    try:
        return schemas.ReservationPut.model_validate_json(json.dumps(stored))
    except ValidationError as error:
        raise Rejected(Reason.INVALID_FIELD, error.errors()[0]["msg"], path="data") from None
