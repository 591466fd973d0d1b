"""Commissioning: a code at one lock alone, and what comes of it."""

import contextlib
from datetime import datetime, timedelta

from gatewayd.domain import commission as rules
from gatewayd.domain.capabilities import of_kind
from gatewayd.domain.code import Code
from gatewayd.domain.commission import Commissioning, Result, Verdict
from gatewayd.domain.events.alert import cleared, raised
from gatewayd.domain.events.lock import LockCommissioned, LockCommissioning
from gatewayd.domain.health import AlertCode
from gatewayd.domain.ids import LockId
from gatewayd.domain.policy import narrow
from gatewayd.domain.retry import Tick
from gatewayd.domain.site import Lock, Site, moved
from gatewayd.errors import Reason, Rejected
from gatewayd.intake import service
from gatewayd.intake.allocate import drawn
from gatewayd.intake.change import Change
from gatewayd.intake.derive import join, settle
from gatewayd.intake.lock import must_be_active
from gatewayd.intake.recode import REFUSALS
from gatewayd.store import commissionings, keys, signals
from gatewayd.store.outbox import subjects


async def commission(change: Change, document: service.LockCommission) -> bool:
    """`lock.commission`: done when the lock shows the code; what comes of it is told later."""
    lock = must_be_active(change, LockId(document.lock_id), "data.lock_id")
    going = await commissionings.under_way(change.tx)
    if document.minutes == 0:
        if going is None or going.lock_id != lock.id:
            raise Rejected(Reason.INVALID_FIELD, "none is under way there", path="data.minutes")
        await _end(change, going, Verdict(Result.UNUSED))
        return True
    if going is not None:
        raise Rejected(
            Reason.COMMISSIONING,
            f"the commissioning of {going.lock_id} is not over yet",
            path="data.lock_id",
            retryable=True,
        )
    begun = Commissioning(lock.id, document.minutes * 60.0, change.cause)
    await commissionings.begin(change.tx, begun)
    change.tx.rounds_wanted = True
    await _put(change, lock)
    return await join(change, begun.key_id)


async def watch(change: Change, tick: Tick) -> float | None:
    """Tell when the code is there, and how it went; returns the seconds until its time is over,
    None: none is under way."""
    there = await commissionings.under_way(change.tx)
    if there is None:
        return None
    proven, used = await commissionings.shown(change.tx, there)
    going = there.going_on(change.now, tick, proven=proven)
    if going != there:
        await commissionings.go_on(change.tx, going)
    if going.opened != there.opened:
        until = change.now.latest + timedelta(seconds=going.seconds)
        told = LockCommissioning(going.lock_id, until)
        await change.outbox.tell(change.tx, change.now, (told,), going.cause)
    listed = change.site.locks.keys() if change.site else ()
    wrong = await _wrong(change, going.opened) if going.opened else []
    here = [(lock, at) for lock, at in wrong if lock in listed]
    if (verdict := going.verdict(used, here, tick)) is not None:
        await _end(change, going, verdict)
        return None
    assert going.due is not None  # noqa: S101  # it goes on
    return going.due - tick


async def another(change: Change, lock: LockId, refused: Code) -> None:
    """The lock has this code already: another one, as often as a guest would get one; then it is
    told when its time is over."""
    key_id = rules.key_id(lock)
    known = await keys.known(change.tx, key_id)
    there = change.site.locks.get(lock) if change.site else None
    if there is None or known is None or known.code != refused or not known.opens(change.now):
        return
    if await keys.refused(change.tx, key_id) <= REFUSALS:
        with contextlib.suppress(Rejected):  # none is free
            await _put(change, there)


async def readdressed(change: Change, before: Site | None) -> None:
    """Another site document is in force: what was found is not so any more of locks that are at
    other addresses, and what is under way there, or where the lock is not active, ends."""
    assert change.site is not None  # noqa: S101  # it was put just now
    gone = moved(before, change.site)
    going = await commissionings.under_way(change.tx)
    if going is not None:
        there = change.site.locks.get(going.lock_id)
        if going.lock_id in gone or there is None or not there.active:
            await _end(change, going, Verdict(Result.UNUSED))
    await commissionings.forget(change.tx, gone)
    await _end_alerts(change, gone)


async def _wrong(change: Change, since: datetime) -> list[rules.Typed]:
    """Where codes were typed that a lock does not know; some only tell that they were too many."""
    typed = await signals.wrong_codes(change.tx, since)
    return typed + await commissionings.locked_out(change.tx, since)


async def _put(change: Change, lock: Lock) -> None:
    """Another code than the last one, at that lock alone."""
    assert change.site is not None  # noqa: S101  # the lock is on it
    able = change.capabilities.get(lock.id) or of_kind(lock.driver)
    key = rules.key(lock, narrow(change.site.policy, lock.policy), able)
    known = await keys.known(change.tx, key.id)
    code = await drawn(change, key, known.code if known else None)
    await keys.put(change.tx, key, code, new=known is None, handover=None, now=change.now)


async def _end(change: Change, going: Commissioning, verdict: Verdict) -> None:
    """Tell how it went; the code goes at once."""
    lock, other, now = going.lock_id, verdict.other, change.now
    why = None if going.opened else await commissionings.hindrance(change.tx, going)
    told = LockCommissioned(lock, verdict.result, now.latest, other, why)
    await commissionings.end(change.tx, verdict, now)
    await keys.withdraw(change.tx, going.key_id, now.earliest)
    keys.start_afresh(change.tx, going.key_id)
    await change.outbox.tell(change.tx, now, (told,), going.cause)
    if other is not None:
        await change.tell(raised(AlertCode.DOORS_SWAPPED, rules.doors(lock, other)))
    if verdict.result is Result.RIGHT:
        await _end_alerts(change, {lock})
    await settle(change, going.key_id)


async def _end_alerts(change: Change, locks: set[LockId]) -> None:
    """Doors that were swapped with these are not any more."""
    for subject in sorted(await subjects(change.tx, AlertCode.DOORS_SWAPPED)):
        if rules.names(subject, locks):
            await change.tell(cleared(AlertCode.DOORS_SWAPPED, subject))
