"""A snapshot in parts: each is taken as it comes; the last one may remove what no part lists."""

import asyncio
import json
from dataclasses import replace
from typing import Any

from gatewayd.domain.events.command import CommandRejected
from gatewayd.domain.key import Basis
from gatewayd.domain.reservation import key_of
from gatewayd.errors import Reason, Rejected
from gatewayd.intake import documents, rebuild, schemas
from gatewayd.intake.change import Change
from gatewayd.intake.derive import derive, hold, settle
from gatewayd.intake.parse import checked
from gatewayd.intake.reservation import keep
from gatewayd.store import reservations, snapshots, waits
from gatewayd.store.ahead import look_ahead, read_holders

BREATH = 20
"""Items between two turns of the event loop, some 200 µs each."""


async def take(change: Change, snapshot: schemas.ReservationSnapshot) -> bool:
    """`reservation.snapshot`: one part."""
    if snapshot.part > snapshot.parts:
        raise Rejected(Reason.INVALID_FIELD, "part is beyond parts", path="data.part")
    ids = await book(change, snapshot)
    if not snapshot.complete or len(ids) < len(snapshot.items):  # who is not listed cannot be said
        return True
    # Parts of another moment are not parts of this one, whatever they are called.
    name = f"{snapshot.snapshot_id} {snapshot.as_of.isoformat()} {snapshot.parts}"
    await snapshots.put_part(change.tx, change.now, name, snapshot.part, ids)
    parts, listed = await snapshots.so_far(change.tx, name)
    if parts == snapshot.parts:
        await _remove_absent(change, snapshot, listed)
        await rebuild.all_reservations_came(change)
    return True


async def book(change: Change, snapshot: schemas.ReservationSnapshot) -> list[str]:
    """Take what a part lists; the ids, as far as they can be read."""
    items: list[Any] = list(snapshot.items)
    ids = [x["id"] for x in items if isinstance(x, dict) and isinstance(x.get("id"), str)]
    await look_ahead(change.tx, ids)
    await read_holders(change.tx)
    change.existing = True
    for i, item in enumerate(items):
        await _take_item(change, item, f"data.items.{i}")
        if i % BREATH == 0:
            await asyncio.sleep(0)  # with all read ahead nothing else lets the loop go on
    for key in await waits.awaited(change.tx, map(key_of, ids)):
        await settle(change, key)
    return ids


async def _take_item(change: Change, item: Any, path: str) -> None:
    """One bad reservation of many is told of, and held where it can be kept; the others go on."""
    try:
        basis = await keep(change, checked(schemas.ReservationPut, item, path))
    except Rejected as why:
        if why.reason is not Reason.STALE_VERSION:
            await change.tell(CommandRejected(why.reason, why.path, why.message, why.retryable))
        return
    if basis is None or basis.reservation is None:
        return
    try:
        await derive(change, basis)
    except Rejected as why:
        await hold(change, basis, why.reason)
        where = path + why.path.removeprefix("data")
        await change.tell(CommandRejected(why.reason, where, why.message, why.retryable))


async def _remove_absent(
    change: Change, snapshot: schemas.ReservationSnapshot, listed: list[str]
) -> None:
    for id_ in await snapshots.absent(change.tx, change.now, listed, snapshot.as_of):
        known = await reservations.get(change.tx, id_)
        if known is None:
            continue
        # The same version counts as news later: a feed that lists it again brings it back.
        document = checked(schemas.ReservationPut, json.loads(known.document))
        there = documents.reservation(document)
        gone = replace(there, confirmed=False, version=known.version - 1)
        await reservations.put(change.tx, change.now, gone, known.document)
        await derive(change, Basis(gone.key_id, gone))
        await settle(change, gone.key_id)
