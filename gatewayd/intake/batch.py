"""`batch`: the codes of many reservations, or their locks, at one command."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from gatewayd.domain.batch import Mode
from gatewayd.domain.events.alert import raised
from gatewayd.domain.events.command import BatchPlanned
from gatewayd.domain.ids import LockId, PropertyId, ReservationId
from gatewayd.domain.key import Basis, Key
from gatewayd.domain.moment import Phase
from gatewayd.domain.reservation import key_of
from gatewayd.errors import Rejected
from gatewayd.intake import derive, service
from gatewayd.intake.basis import of_key
from gatewayd.intake.change import Change
from gatewayd.intake.recode import regenerate
from gatewayd.store import reservations, site
from gatewayd.store.ahead import look_ahead, read_holders

CHUNK = 20
"""Reservations between two turns of the event loop, some 500 µs each."""
LISTED = 1_000
"""More would not fit into an event with the longest ids."""


async def run(change: Change, document: service.Batch) -> bool:
    """`batch`: nothing is left to be proven by it alone."""
    planned: list[ReservationId] = []
    locks: set[LockId] = set()
    async for id_, basis, key in _concerned(change, document):
        planned.append(id_)
        locks.update(key.doors)
        if not document.dry_run and document.mode is not Mode.RESYNC:
            await _another_code(change, basis)
    if not document.dry_run and document.mode is Mode.RESYNC:
        for lock in sorted(locks):
            await site.resync(change.tx, lock, None)
    listed = tuple(planned[:LISTED])
    told = BatchPlanned(
        document.mode, document.dry_run, listed, len(planned) - len(listed), tuple(sorted(locks))
    )
    await change.tell(told)
    return True


async def _concerned(
    change: Change, document: service.Batch
) -> AsyncIterator[tuple[ReservationId, Basis, Key]]:
    """The chosen reservations for which there is something to do."""
    chosen, mode = document.select, document.mode
    only = None if chosen.reservation_ids is None else [*chosen.reservation_ids]
    property_id = PropertyId(chosen.property_id) if chosen.property_id else None
    found = await reservations.chosen(change.tx, change.now, only, property_id)
    ids = [id_ for id_, live, held in found if mode.concerns(live=live, held=held)]
    if mode is not Mode.RESYNC and not document.dry_run:
        await read_holders(change.tx)
    for i in range(0, len(ids), CHUNK):
        chunk = ids[i : i + CHUNK]
        await look_ahead(change.tx, chunk)
        for id_ in chunk:
            basis = await of_key(change, key_of(id_))
            key = _key(change, basis) if basis else None
            if basis is not None and key is not None:
                yield id_, basis, key
        await asyncio.sleep(0)


def _key(change: Change, basis: Basis) -> Key | None:
    """What opens still, and can be made."""
    with contextlib.suppress(Rejected):  # said when the reservation or the site came
        key = change.key_of(basis)
        return key if key and key.window.phase(change.now) is not Phase.PAST else None
    return None


async def _another_code(change: Change, basis: Basis) -> None:
    """The old one goes first, which the brake counts as a removal. One that cannot be is told, and
    the others go on."""
    try:
        if await regenerate(change, basis):
            change.withdrawn.add(basis.key_id)
            change.granted.add(basis.key_id)
        else:
            await derive.derive(change, basis, asked=True)
    except Rejected as why:
        if (alert := derive.ALERT_OF.get(why.reason)) is not None:
            await change.tell(raised(alert, basis.subject))
    else:
        await derive.settle(change, basis.key_id)
