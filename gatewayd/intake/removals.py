"""Codes that should go, and where nothing goes on for it: never a pretence that they went."""

from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import LockId
from gatewayd.domain.lease import Stage
from gatewayd.domain.outcome import removal_subject
from gatewayd.errors import Reason
from gatewayd.intake.change import Change
from gatewayd.store import site, situations
from gatewayd.store.outbox import subjects


async def watch(change: Change) -> None:
    """Tell of codes that should go from locks that are not active, which nobody touches (S2-20);
    and, of all locks, when nothing should go any more."""
    stand = await subjects(change.tx, AlertCode.REMOVAL_FAILED)
    locks = {LockId(subject.partition("/")[0]) for subject in stand}  # no id has a slash
    left: set[str] = set()
    for lock in sorted(locks | await site.inactive(change.tx)):
        s = await situations.load(change.tx, lock, change.now)
        there = (x for x in s.leases if x.stage not in (Stage.TAKEN, Stage.GONE))
        over = {removal_subject(s, x) for x in there if not s.rightful(x, change.now)}
        for subject in sorted(over - stand) if not s.active else ():
            await change.tell(raised(AlertCode.REMOVAL_FAILED, subject, Reason.LOCK_INACTIVE))
        left |= over
    for subject in sorted(stand - left):
        await change.tell(cleared(AlertCode.REMOVAL_FAILED, subject))
