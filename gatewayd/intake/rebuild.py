"""The end of a lost database, one thing after the other: what `reported` still says, the site, and
all reservations. Then the locks are looked at with that (see `domain.rebuild`)."""

import contextlib
import json
from typing import Any

import structlog
from pydantic import ValidationError

from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.code import CodeRemovalFailed
from gatewayd.domain.health import AlertCode
from gatewayd.domain.reservation import key_of, reservation_of
from gatewayd.errors import Reason
from gatewayd.intake.change import Change
from gatewayd.intake.fields import Model
from gatewayd.intake.reported import ReportedLease, ReportedLock
from gatewayd.store import rebuild, reservations
from gatewayd.store.rebuild import Awaited

log = structlog.get_logger(__name__)


async def remember(change: Change, payload: bytes | None) -> None:
    """What the hub itself said last, if the broker still has it; what cannot be read is left. A new
    database whose hub had codes on locks is that of a card that died, and its secret is another."""
    said = _said(payload)
    leases, bad = _those(ReportedLease, said.get("leases", []))
    locks, more = _those(ReportedLock, said.get("locks", []))
    bad += more
    unasked, lost = await rebuild.unasked(change.tx), await rebuild.awaited(change.tx)
    if payload is None:
        log.error("reported.unknown", todo="let the hub read its own topics")
    rebuild.asked(change.tx)  # from now on it says its own
    if card := not lost:
        if not (unasked and (leases or bad)):
            return
        await rebuild.begin(change.tx)
        await change.tell(raised(AlertCode.DATABASE_LOST, "hub"))
    for lease in leases:
        known = lease.model_copy(update={"fingerprint": None}) if card else lease
        rebuild.remember(change.tx, **known.model_dump())
    for lock in locks:
        rebuild.remember_lock(change.tx, lock.lock_id, lock.foreign_slots)
    log.warning("reported.remembered", found=bool(payload), leases=len(leases), bad=bad)
    await came(change, Awaited.REPORTED)


def _said(payload: bytes | None) -> dict[str, Any]:
    """The summary; empty where there is none, without leases where it cannot be read."""
    with contextlib.suppress(ValueError):
        said = json.loads(payload or b"{}")
        if isinstance(said, dict):
            return said
    return {"leases": None}


def _those[M: Model](model: type[M], told: object) -> tuple[list[M], int]:
    """Those that can be read, and how many cannot."""
    found: list[M] = []
    for each in told if isinstance(told, list) else []:
        with contextlib.suppress(ValidationError):
            found.append(model.model_validate_json(json.dumps(each)))
    return found, len(told) - len(found) if isinstance(told, list) else 1


async def came(change: Change, what: Awaited) -> None:
    """Something that was waited for; with the last of it the hub knows what it can know. What lay
    on a lock that is not on the site any more nobody finds: it is told, and forgotten."""
    if await rebuild.came(change.tx, what, change.now):
        await change.tell(cleared(AlertCode.DATABASE_LOST, "hub"))
        log.info("database.rebuilt")
        for key, lock in await rebuild.of_no_lock(change.tx):
            await change.tell(CodeRemovalFailed(key, lock, Reason.UNKNOWN_LOCK, 0, None))


async def all_reservations_came(change: Change) -> None:
    """A complete snapshot. A reservation that had a code, and is not over nor listed, counts for
    the brake as withdrawn: an empty feed must not take the codes off that nobody knows of."""
    if Awaited.SNAPSHOT not in await rebuild.awaited(change.tx):
        return
    had = filter(None, map(reservation_of, await rebuild.lost_keys(change.tx, change.now)))
    lost = {key_of(id_): id_ for id_ in had}
    listed = await reservations.confirmed(change.tx, [*lost.values()])
    change.granted -= lost.keys()
    change.withdrawn |= {key for key, id_ in lost.items() if id_ not in listed}
    await came(change, Awaited.SNAPSHOT)
