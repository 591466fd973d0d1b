"""Alerts on codes that a lock refuses, or that cannot be: each ends when the locks show the code,
and with the stay."""

from datetime import timedelta

from gatewayd.domain.events.alert import cleared
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import KeyId, ReservationId
from gatewayd.domain.key import Basis
from gatewayd.domain.moment import Phase
from gatewayd.domain.reservation import key_of
from gatewayd.errors import Rejected
from gatewayd.intake.allocate import allocate
from gatewayd.intake.basis import of_key
from gatewayd.intake.change import Change
from gatewayd.store import checks, keys
from gatewayd.store.outbox import raised_at, subjects

SURELY_OVER = timedelta(days=2)
"""After a last day, in whatever zone and with whatever grace."""


async def end(change: Change) -> None:
    """End those whose cause is gone."""
    for alert in (AlertCode.CODE_REFUSED, AlertCode.CODE_IMPOSSIBLE):
        for subject in await subjects(change.tx, alert):
            both = (key_of(ReservationId(subject)), KeyId(subject))
            found = [basis for id_ in both if (basis := await of_key(change, id_)) is not None]
            judge = _possible if alert is AlertCode.CODE_IMPOSSIBLE else _taken
            if found and all([await judge(change, basis) for basis in found]):
                await change.tell(cleared(alert, subject))


async def _taken(change: Change, basis: Basis) -> bool:
    """Whether no lock stands in the way of a code any more."""
    known = await keys.known(change.tx, basis.key_id)
    if known is None or not known.opens(change.now):
        return True
    return await checks.proven_since(change.tx, basis.key_id) is not None


async def _possible(change: Change, basis: Basis) -> bool:
    """Whether a key is as it was said, and a lock has taken its code since the alert. One that was
    said anew and rejected is not."""
    known = await keys.known(change.tx, basis.key_id)
    try:
        key = change.key_of(basis)
        if key is None or key.window.phase(change.now) is Phase.PAST:
            return True
        if known is None or known.withdrawn:
            return False
        await allocate(change, basis, key, known.code)
    except Rejected:
        return _over(change, basis)
    at = await raised_at(change.tx, AlertCode.CODE_IMPOSSIBLE, basis.subject)
    proven = await checks.proven_since(change.tx, basis.key_id)
    return proven is not None and at is not None and proven > at


def _over(change: Change, basis: Basis) -> bool:
    """Whether the stay is over, though nobody can tell to the minute."""
    last = basis.override.ends or (basis.reservation and basis.reservation.departure)
    if not last:
        return False
    return (change.now.earliest - SURELY_OVER).date().isoformat() > last.isoformat()[:10]
