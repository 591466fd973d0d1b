"""Alerts on codes that a lock refuses, and on keys that cannot be: each ends when the locks show
the code, and with the stay."""

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
from gatewayd.intake.derive import HELD, derive_again
from gatewayd.store import checks, keys
from gatewayd.store.outbox import over, raised_at, subjects


async def end(change: Change) -> None:
    """End those whose cause is gone; what is over is held no more."""
    ended = await over(change.tx, change.now)
    for alert in (AlertCode.CODE_REFUSED, *HELD):
        for subject in await subjects(change.tx, alert):
            both = (key_of(ReservationId(subject)), KeyId(subject))
            found = [basis for id_ in both if (basis := await of_key(change, id_)) is not None]
            gone = all([await _gone(change, alert, basis) for basis in found])
            if gone if found else (alert, subject) in ended:
                await change.tell(cleared(alert, subject))


async def _gone(change: Change, alert: AlertCode, basis: Basis) -> bool:
    """Whether the cause of an alert is."""
    if basis.surely_over(change.now):
        await derive_again(change, basis.key_id)
        return True
    match alert:
        case AlertCode.CODE_REFUSED:
            return await _taken(change, basis)
        case AlertCode.CODE_IMPOSSIBLE:
            return await _possible(change, basis)
        case _:
            return False


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
        return False
    at = await raised_at(change.tx, AlertCode.CODE_IMPOSSIBLE, basis.subject)
    proven = await checks.proven_since(change.tx, basis.key_id)
    return proven is not None and at is not None and proven > at
