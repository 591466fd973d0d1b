"""The end of a lost database, one thing after the other: what `reported` still says, the site, and
all reservations. Then the locks are looked at with that (see `domain.rebuild`)."""

import structlog
from pydantic import ValidationError

from gatewayd.domain.events.alert import cleared
from gatewayd.domain.health import AlertCode
from gatewayd.domain.reservation import key_of, reservation_of
from gatewayd.intake.change import Change
from gatewayd.intake.reported import Reported
from gatewayd.store import rebuild, reservations
from gatewayd.store.rebuild import Awaited

log = structlog.get_logger(__name__)


async def remember(change: Change, payload: bytes | None) -> None:
    """What the hub itself said last, if the broker still has it and it makes sense."""
    if payload is not None:
        try:
            said = Reported.model_validate_json(payload)
        except ValidationError as error:
            log.warning("reported.malformed", size=len(payload), faults=error.error_count())
        else:
            for lease in said.leases:
                rebuild.remember(change.tx, **lease.model_dump())
            log.info("reported.remembered", leases=len(said.leases))
    await came(change, Awaited.REPORTED)


async def came(change: Change, what: Awaited) -> None:
    """Something that was waited for; with the last of it the hub knows what it can know."""
    if await rebuild.came(change.tx, what):
        await change.tell(cleared(AlertCode.DATABASE_LOST, "hub"))
        log.info("database.rebuilt")


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
